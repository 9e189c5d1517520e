"""Texts of strangers: what is left of them when they reach a terminal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo.common.text import clean, printable, unsteered


@given(st.text(st.characters(codec=None)))
def test_a_printable_text_is_printable_and_as_long_as_before(text: str) -> None:
    assert printable(text).isprintable() and len(printable(text)) == len(text)


@given(st.text(st.characters(codec=None)))
def test_a_clean_text_is_made_of_printable_lines(text: str) -> None:
    assert all(line.isprintable() for line in clean(text).split("\n"))


@pytest.mark.parametrize("text", ["a\tb\n", "\x1b[1mbold\x1b[0m", "\x1b[38;2;1;2;3m▀", "ü → �"])
def test_lines_tabs_and_colours_are_left(text: str) -> None:
    assert unsteered(text) == text


@pytest.mark.parametrize(
    "text", ["\x1b[2J", "\x1b", "\x1b]0;t\x07", "\x9b", "\u202e", "\r", "\x7f"]
)
def test_what_steers_a_terminal_is_not(text: str) -> None:
    assert unsteered(text) != text and "\x1b" not in unsteered(text)
