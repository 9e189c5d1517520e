"""zoo card: a card as the facts make it now, printed or put into its place."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Zoo
from hub_server import Hub

from zoo.checkpoints.card import BEGIN, END


@pytest.fixture
def mine(trained: Callable[[str], Path]) -> Path:
    """A trained checkpoint in ./mine, with words of its author around the card and facts that
    changed since.
    """
    shutil.copytree(trained("mlp-vae"), "mine")
    card, facts = Path("mine/README.md"), Path("mine/facts.json")
    card.write_text(card.read_text().replace(BEGIN, f"Above.\n\n{BEGIN}") + "\nBelow.\n")
    facts.write_text(json.dumps({**json.loads(facts.read_text()), "license": "mit"}))
    return card


def test_a_card_is_printed_as_the_facts_make_it_and_nothing_is_written(
    zoo: Zoo, mine: Path
) -> None:
    before = mine.read_text()
    result = zoo("card", "./mine")
    assert result.exit_code == 0 and result.stderr == "" and mine.read_text() == before
    ours, stated = result.stdout.splitlines(), ["license: mit", "- Weights: mit"]
    assert [line for line in ours if line not in stated] == before.splitlines() and len(
        set(stated) & set(ours)
    ) == 2


def test_a_written_card_is_the_printed_one_and_its_path_is_said(zoo: Zoo, mine: Path) -> None:
    printed = zoo("card", "./mine").stdout
    result = zoo("card", "./mine", "--write")
    assert (
        result.exit_code == 0
        and result.stdout == "mine/README.md\n"
        and "Kept in mine/README.md" in result.stderr
    )
    assert (
        mine.read_text() == printed
        and "Above.\n" in printed
        and printed.endswith(f"{END}\n\nBelow.\n")
    )
    assert zoo("card", "./mine").stdout == printed


def test_json_of_a_card_has_its_path(zoo: Zoo, mine: Path) -> None:
    told = json.loads(zoo("card", "./mine", "--json").stdout)
    assert told == {
        "name": "./mine",
        "path": "mine/README.md",
        "card": zoo("card", "./mine").stdout,
    }


def test_a_bundled_card_is_printed_and_refused_to_be_written(zoo: Zoo) -> None:
    card = Path(__file__).parents[2] / "cards" / "vae-mnist" / "README.md"
    before = card.read_bytes()
    assert zoo("card", "vae-mnist").stdout == before.decode()
    for command in (("card", "vae-mnist"), ("evaluate", "vae-mnist")):
        result = zoo(*command, "--write")
        assert (
            result.exit_code == 1
            and result.stdout == ""
            and "vae-mnist, which is bundled" in result.stderr
        )
        assert (
            "Name a folder of your own by its path" in result.stderr
            and "facts.json" not in result.stderr
        )
    assert card.read_bytes() == before


def test_a_pulled_card_says_how_it_was_pulled_and_is_refused_to_be_written(
    zoo: Zoo, hub: Hub
) -> None:
    assert zoo("pull", "hf:owner/repo@v1").exit_code == 0
    printed = zoo("card", "hf:owner/repo@v1").stdout
    assert "zoo pull hf:owner/repo@v1 && zoo sample" in printed and printed.endswith(
        "\n# A checkpoint\n"
    )
    result = zoo("card", "hf:owner/repo@v1", "--write")
    assert (
        result.exit_code == 1
        and "hf:owner/repo@v1, which is pulled: they belong to its publisher" in result.stderr
    )


def test_a_card_of_strange_facts_is_refused_and_can_not_steer_the_terminal(
    zoo: Zoo, mine: Path
) -> None:
    facts, before = mine.with_name("facts.json"), mine.read_text()
    facts.write_text(json.dumps({"name": "it\x1b[2J", "dataset": "x\x1b[2J"}))
    assert "it�[2J" in (printed := zoo("card", "./mine").stdout) and "\x1b" not in printed
    facts.write_text('{"parameters": "many"}')
    result = zoo("card", "./mine", "--write")
    assert result.exit_code == 1 and "facts.json is not of the zoo's form" in result.stderr
    assert mine.read_text() == before
