"""Tables of text: for a terminal, for a notebook (HTML), for papers (Markdown and LaTeX)."""

import html
from collections.abc import Sequence

from zoo.common.text import printable

LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "±": r"$\pm$",
        "↑": r"$\uparrow$",
        "↓": r"$\downarrow$",
        "−": "$-$",
        "–": "--",
    }
)

Rows = Sequence[Sequence[str]]


def plain(headers: Sequence[str], rows: Rows) -> str:
    """Columns of text, two spaces apart, for a terminal. Control characters are replaced."""
    lines = [[printable(cell) for cell in row] for row in (headers, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def as_html(headers: Sequence[str], rows: Rows) -> str:
    """An HTML table, for `_repr_html_`. Every cell is escaped."""

    def line(cells: Sequence[str], tag: str) -> str:
        escaped = "".join(f"<{tag}>{html.escape(printable(cell))}</{tag}>" for cell in cells)
        return f"<tr>{escaped}</tr>"

    body = "".join(line(row, "td") for row in rows)
    return f"<table><thead>{line(headers, 'th')}</thead><tbody>{body}</tbody></table>"


def as_markdown(headers: Sequence[str], rows: Rows) -> str:
    """A Markdown table."""

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(printable(cell).replace("|", r"\|") for cell in cells) + " |"

    return "\n".join([line(headers), "|---" * len(headers) + "|", *map(line, rows)])


def as_latex(headers: Sequence[str], rows: Rows) -> str:
    """A LaTeX `tabular`, in the style of the package booktabs."""

    def line(cells: Sequence[str]) -> str:
        return " & ".join(printable(cell).translate(LATEX) for cell in cells) + r" \\"

    columns = "l" + "r" * (len(headers) - 1)
    return "\n".join(
        [
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            line(headers),
            r"\midrule",
            *map(line, rows),
            r"\bottomrule",
            r"\end{tabular}",
        ]
    )
