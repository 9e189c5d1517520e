"""JSON and sizes as they are printed."""

import json

import pytest

from zoo.cli import console


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
