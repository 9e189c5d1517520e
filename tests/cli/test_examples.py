"""The examples that help texts end with: those that can run as they stand do, the others parse."""

import re
import shlex
from pathlib import Path

import click
import pytest
from conftest import Zoo
from PIL import Image

from zoo.cli import COMMANDS, main
from zoo.cli.examples import EXAMPLES

# These need a Hub, a checkpoint or weights of one's own, or minutes, or go on until they are stopped.
ONLY_PARSED = r"hf:|--update|^zoo (search|push|rm|evaluate|check|doctor|play|serve|import)|my-vae|s-\*|--resume|--outdated|--runs"
RUN = [one for some in EXAMPLES.values() for one in some if not re.search(ONLY_PARSED, one)]
ALL = [one for some in EXAMPLES.values() for one in some]


def test_every_command_has_two_or_three_examples_of_its_own_and_shows_them(zoo: Zoo) -> None:
    assert EXAMPLES.keys() == COMMANDS.keys()
    for name, examples in EXAMPLES.items():
        assert len(examples) in (2, 3)
        assert all(one.startswith(f"zoo {name}") for one in examples)
        shown = zoo(name, "--help").stdout.partition("\nExamples:\n")[2].splitlines()
        assert [line.strip() for line in shown if line] == list(examples)


@pytest.mark.parametrize("example", ALL)
def test_every_example_parses(example: str) -> None:
    name, *arguments = shlex.split(example)[1:]
    with click.Context(main) as root:
        command = main.get_command(root, name)
        assert command
        with command.make_context(name, arguments, parent=root):
            pass


@pytest.mark.long
def test_the_examples_that_can_run_as_they_stand_do(zoo: Zoo) -> None:
    Image.new("L", (28, 28), 99).save("photo.png")
    half = Image.new("L", (28, 28))
    half.paste(255, (0, 0, 28, 14))
    half.save("mask.png")
    done = []
    for example in sorted(RUN, key=lambda one: one == "zoo show samples.png"):
        result = zoo(*shlex.split(example)[1:])
        assert result.exit_code == 0, f"{example}: {result.stderr} {result.exception!r}"
        done.append(example.split()[1])
    assert {"list", "show", "pull", "sample", "train", "new", "interpolate"} <= set(done)
    assert all(Path(one).exists() for one in ("sevens.png", "digits.npz", "walk.gif", "copies.png"))
