"""Tables of text: aligned, escaped, and free of control characters."""

from zoo.common import tables

HEADERS = ("NAME", "VALUE ↓")
ROWS = [("a_b|<c>", "1.5 ± 0.2"), ("long name here", "−3")]


def test_a_plain_table_has_aligned_columns() -> None:
    assert tables.plain(HEADERS, ROWS).splitlines() == [
        "NAME            VALUE ↓",
        "a_b|<c>         1.5 ± 0.2",
        "long name here  −3",
    ]


def test_no_control_character_of_a_stranger_comes_through() -> None:
    for made in (tables.plain, tables.as_html, tables.as_markdown, tables.as_latex):
        assert "\x1b" not in made(("A",), [("\x1b[2J",)])


def test_html_is_escaped() -> None:
    made = tables.as_html(HEADERS, ROWS)
    assert "<th>NAME</th>" in made and "<td>a_b|&lt;c&gt;</td>" in made and "<c>" not in made


def test_markdown_escapes_the_bar() -> None:
    assert tables.as_markdown(HEADERS, ROWS).splitlines() == [
        "| NAME | VALUE ↓ |",
        "|---|---|",
        r"| a_b\|<c> | 1.5 ± 0.2 |",
        "| long name here | −3 |",
    ]


def test_latex_escapes_what_latex_reads() -> None:
    made = tables.as_latex(HEADERS, ROWS).splitlines()
    assert made[0] == r"\begin{tabular}{lr}" and made[-1] == r"\end{tabular}"
    assert made[2] == r"NAME & VALUE $\downarrow$ \\"
    assert made[4] == r"a\_b|<c> & 1.5 $\pm$ 0.2 \\"
