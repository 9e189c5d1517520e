"""Verbs of other tools are answered with ours; near names are offered, far ones are not."""

import shlex

import pytest
from conftest import Zoo

from zoo.cli import ALIASES, COMMANDS
from zoo.cli.verbs import ELSEWHERE, instead_of

VERBS = ["run", "help", "version", "ps", "create", "generate", "download", "cache", "delete"]


@pytest.mark.parametrize("verb", [*VERBS, "Run"])
def test_a_verb_of_another_tool_is_answered_with_ours(verb: str, zoo: Zoo) -> None:
    result = zoo(verb, "vae-mnist")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"There is no command {verb!r}. Here that is: " in result.stderr


def test_what_is_answered_with_is_a_command_of_ours_and_no_verb_is_one_itself() -> None:
    assert not ELSEWHERE.keys() & {*COMMANDS, *ALIASES}
    for answer in ELSEWHERE.values():
        words = shlex.split(answer.partition("zoo ")[2])
        assert not words or words[0].startswith("-") or words[0] in {*COMMANDS, "COMMAND"}, answer


def test_a_misspelt_command_is_answered_with_the_near_one_and_a_far_one_with_none() -> None:
    assert instead_of("smaple", COMMANDS).startswith(" Did you mean 'sample'")
    assert instead_of("qqqq", COMMANDS) == " See: zoo --help"


@pytest.mark.parametrize("word", ["gan", "edit", "rename"])
def test_a_word_that_is_near_to_no_command_is_answered_with_none(word: str) -> None:
    assert instead_of(word, COMMANDS) == " See: zoo --help"


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("rmi", "rm"),
        ("lsit", "list"),
        ("shwo", "show"),
        ("trian", "train"),
        ("evalute", "evaluate"),
    ],
)
def test_a_misspelt_command_is_answered_with_the_one_that_is_meant_alone(
    word: str, meant: str
) -> None:
    assert instead_of(word, COMMANDS) == f" Did you mean {meant!r}? See: zoo --help"


@pytest.mark.parametrize("line", [["--quiett", "list"], ["list", "--quiett"]])
def test_a_misspelt_option_is_answered_with_the_near_one(line: list[str], zoo: Zoo) -> None:
    assert "No such option '--quiett'. Did you mean '--quiet'?" in zoo(*line).stderr
