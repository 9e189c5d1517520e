"""Tables, JSON and sizes as they are printed."""

import json

import pytest

from zoo.cli import console

HEADERS = ("NAME", "PLUGIN", "SUMMARY")
ROWS = [
    ["vae-mnist", "genzoo", "Handwritten digits of ten classes, smooth and quick to draw"],
    ["a-much-longer-name", "zoo-guest", "Short"],
]


def table(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], **how: object
) -> list[str]:
    """The lines of the table in a terminal of a width."""
    monkeypatch.setenv("COLUMNS", str(width))
    console.print_table(HEADERS, ROWS, **how)  # type: ignore[arg-type]
    return capsys.readouterr().out.splitlines()


def test_without_a_terminal_a_table_is_as_wide_as_it_needs_to_be(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    console.print_table(HEADERS, ROWS, drop=("PLUGIN",), short=True)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and lines[0].split() == list(HEADERS)
    assert lines[1].endswith(ROWS[0][2])


@pytest.mark.parametrize("width", [40, 47, 60, 80, 81, 100, 120])
def test_no_line_is_wider_than_the_terminal_and_no_word_is_broken(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = table(width, monkeypatch, capsys, drop=("PLUGIN",))
    assert max(map(len, lines)) <= max(width, 44)
    words = set(" ".join(lines).split())
    assert set(ROWS[0][2].split()) <= words


def test_columns_go_in_the_order_that_was_stated_and_only_as_far_as_needed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert table(100, monkeypatch, capsys, drop=("PLUGIN",))[0].split() == list(HEADERS)
    assert table(45, monkeypatch, capsys, drop=("PLUGIN",))[0].split() == ["NAME", "SUMMARY"]
    assert table(45, monkeypatch, capsys)[0].split() == list(HEADERS)


def test_a_short_table_has_a_line_for_each_row(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = table(60, monkeypatch, capsys, drop=("PLUGIN",), short=True)
    assert len(lines) == 3 and lines[1].endswith(" …") and len(lines[1]) <= 60


def test_a_wrapped_cell_goes_on_below_its_own_column(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = table(60, monkeypatch, capsys)
    at = lines[0].index("SUMMARY")
    assert lines[2][:at].strip() == "" and lines[2][at] != " "


@pytest.mark.parametrize("text", ["\x1b[2J", "\u202eevil", "\ud800", "\x9b", "ü", "a\nb\x00"])
def test_json_is_ascii_and_says_the_same(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    console.print_json({"text": text})
    printed = capsys.readouterr().out
    assert printed.isascii() and "\x1b" not in printed and "\x00" not in printed
    assert json.loads(printed) == {"text": text}


@pytest.mark.parametrize("text", ["\x1b[2J", "\u202eevil", "\ud800", "\x9b", "a\x00", "\u2028"])
def test_what_is_printable_steers_no_terminal(text: str) -> None:
    assert console.printable(text).isprintable()


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (2_600_000, "2.6 MB"), (7e9, "7.0 GB")],
)
def test_sizes_are_in_powers_of_a_thousand(number: int, words: str) -> None:
    assert console.size(number) == words
