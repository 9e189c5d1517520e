"""Verbs of other tools are answered with ours; near names are offered, far ones are not."""

import re

import click
import pytest
from conftest import Zoo

from zoo.cli import ALIASES, COMMANDS, main
from zoo.cli.verbs import ELSEWHERE, NOT_HERE, instead_of
from zoo.common.errors import did_you_mean

VERBS = ["run", "help", "version", "ps", "create", "gen", "download", "cache", "delete"]


@pytest.mark.parametrize("verb", [*VERBS, "Run"])
def test_a_verb_of_another_tool_is_answered_with_ours(verb: str, zoo: Zoo) -> None:
    result = zoo(verb, "vae-mnist")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"There is no command {verb!r}. Use: " in result.stderr


# every command of `ollama --help` and `hf --help`, those of older versions of hf, too
OLLAMA = """serve create show run stop pull push signin signout list ps cp rm help launch"""
HF = """auth cache download upload upload-large-folder repo repos repo-files models datasets spaces
jobs env version whoami login logout lfs-enable-largefiles lfs-multipart-upload endpoints
collections buckets papers discussions skills extensions webhooks sandbox sync update cp"""
# what may follow "hf" in an answer
HF_ITSELF = {"auth login", "auth logout", "auth whoami"}


@pytest.mark.parametrize("verb", [*OLLAMA.split(), *HF.split()])
def test_every_verb_of_ollama_and_hf_is_ours_or_is_answered(verb: str) -> None:
    if verb not in {*COMMANDS, *ALIASES}:
        answer = instead_of(verb, COMMANDS)
        assert answer.startswith((" Use: ", " zoo ")), answer


def test_no_verb_that_is_answered_is_a_command_of_ours_and_none_is_answered_twice() -> None:
    assert not {*ELSEWHERE, *NOT_HERE} & {*COMMANDS, *ALIASES}
    assert not ELSEWHERE.keys() & NOT_HERE.keys()


def options_of(command: str) -> set[str]:
    found = main.get_command(click.Context(main), command)
    assert found is not None, f"there is no command {command!r}"
    return {name for option in found.params for name in option.opts}


# in a sentence "zoo" is also the name of the program: what it does or lacks follows it
SAYS = {"has", "copies", "renames", "edits", "starts", "lists", "needs"}


@pytest.mark.parametrize("verb", [*ELSEWHERE, *NOT_HERE])
def test_every_command_that_an_answer_names_exists_with_its_options(verb: str) -> None:
    answer = ELSEWHERE.get(verb) or NOT_HERE[verb]
    named = re.findall(r"\bzoo ([\w-]+)((?: [A-Z/:a-z]*[A-Z]{3,}[A-Z/]*| --?[a-z-]+)*)", answer)
    named = [one for one in named if not (verb in NOT_HERE and one[0] in SAYS)]
    for command, words in named:
        if command == "COMMAND" or command.startswith("--"):
            assert command in ("COMMAND", "--help", "--version")
            continue
        asked = {word for word in words.split() if word.startswith("-")}
        assert asked <= options_of(command), answer
    theirs = re.findall(r"\bhf (\w+ \w+)", answer)
    assert set(theirs) <= HF_ITSELF
    other = re.search(r"Ctrl-C|pip (un)?install", answer)
    assert named or theirs or other, f"{verb}: {answer} names nothing to type"


def test_a_cache_is_answered_with_space_and_a_copy_with_where_the_folder_is() -> None:
    assert instead_of("cache", COMMANDS) == " Use: zoo space"
    assert "a checkpoint is a folder, which you can copy" in instead_of("cp", COMMANDS)


def test_a_misspelt_command_is_answered_with_the_near_one_and_a_far_one_with_none() -> None:
    assert instead_of("smaple", COMMANDS).startswith(" Did you mean 'sample'")
    assert instead_of("qqqq", COMMANDS) == " See: zoo --help"


@pytest.mark.parametrize("word", ["gan", "rename", "qed"])
def test_a_word_that_is_near_to_no_command_is_answered_with_none(word: str) -> None:
    assert did_you_mean(word, COMMANDS) == ""
    assert "Did you mean" not in instead_of(word, COMMANDS)


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
