"""What a command can do, Python can do: by the same names, with the same defaults."""

import inspect

import click
import pytest

import zoo
from zoo.cli import COMMANDS, main

# a command whose function has another name
NAMES = {"list": "list_checkpoints", "show": "info", "rm": "remove"}
# a command without a function of the light door, and why
COMMAND_LINE_ONLY = {
    "plugins": "says what an installation holds",
    "check": "runs the contract of zoo.testing, which authors use in their tests",
    "new": "writes the files of a new plugin",
    "doctor": "examines an installation",
    "space": "shows and frees disk space",
    "card": "prints or makes anew the card of a checkpoint",
}
# an option or argument whose parameter has another name, or another function
ELSEWHERE = {
    ("list", "models"): "list_models",
    ("list", "data"): "list_data",
    ("list", "features"): "list_features",
    ("list", "runs"): "list_runs",
    ("pull", "names"): "reference",
}
# options that a function does not need, and why
NOT_IN_PYTHON = {
    "json_": "a function returns the data itself",
    "yes": "a function does what it is told",
    "format_": "what goes to standard output",
}


def commands() -> dict[str, click.Command]:
    context = click.Context(main)
    found = {}
    for name in COMMANDS:
        command = main.get_command(context, name)
        assert command is not None
        found[name] = command
    return found


@pytest.mark.parametrize("name", [name for name in COMMANDS if name not in COMMAND_LINE_ONLY])
def test_a_command_is_a_function_with_parameters_of_the_same_names(name: str) -> None:
    function = getattr(zoo, NAMES.get(name, name))
    parameters = inspect.signature(function).parameters
    takes_any = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    for option in commands()[name].params:
        if not option.expose_value or option.name in NOT_IN_PYTHON:
            continue
        expected = ELSEWHERE.get((name, str(option.name)), option.name)
        found = expected in parameters or expected in zoo.__all__
        assert found or (takes_any and expected == "settings"), (
            f"zoo {name}: {option.name} is no parameter of zoo.{function.__name__}"
        )


def test_the_lists_above_name_commands_that_exist() -> None:
    assert {*NAMES, *COMMAND_LINE_ONLY} <= COMMANDS.keys()


def test_every_public_function_is_documented_and_says_what_it_returns_or_raises() -> None:
    for name in zoo.__all__:
        value = getattr(zoo, name)
        if inspect.isfunction(value):
            document = inspect.getdoc(value) or ""
            assert document.splitlines()[0].endswith((".", ":")), name
            assert len(inspect.signature(value).parameters) == 0 or "**Arguments:**" in document, (
                name
            )


def test_errors_and_the_version_are_at_hand() -> None:
    assert issubclass(zoo.errors.NotFoundError, zoo.ZooError)
    assert zoo.__version__.count(".") == 2
    assert not hasattr(zoo, "no_such_name")
