"""What a command can do, Python can do: by the same names, with the same defaults."""

import inspect
from collections.abc import Mapping
from pathlib import Path

import click
import pytest

import zoo
from zoo.cli import COMMANDS, main

# a command whose function has another name
NAMES = {"list": "list_checkpoints", "show": "info", "rm": "remove", "import": "import_weights"}
# a command without a function of the light door, and why
COMMAND_LINE_ONLY = {
    "plugins": "says what an installation holds",
    "check": "runs the contract of zoo.testing, which authors use in their tests",
    "new": "writes the files of a new plugin",
    "doctor": "examines an installation",
}
# an option or argument whose parameter has another name, or another function
ELSEWHERE = {
    **{
        ("show", option): "overview"
        for option in ("data", "output", "value_range", "skip_bad", "data_root", "force")
    },
    ("list", "models"): "list_models",
    ("list", "data"): "list_data",
    ("list", "features"): "list_features",
    ("list", "runs"): "list_runs",
    ("pull", "names"): "reference",
    ("train", "grid"): "sweep",
    ("train", "workers"): "sweep",
}
# a parameter whose default is not that of its option, and why
OTHER_DEFAULT = {
    ("show", "reference"): "a command shows data without a reference, which is zoo.overview",
    ("compare", "output"): "a function makes no picture unless it is asked for one",
    ("train", "fields"): "a dict in Python, FIELD=VALUE on the command line",
}
# commands that run a model at any length
COMPUTING = [
    "sample",
    "generate",
    "reconstruct",
    "interpolate",
    "encode",
    "decode",
    "invert",
    "directions",
    "edit",
    "inpaint",
]
COMPUTING += ["train", "evaluate", "compare"]
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


def pairs() -> list[tuple[str, click.Parameter]]:
    """Every option and argument that a function has, too, with the name of its command."""
    return [
        (name, option)
        for name, command in commands().items()
        if name not in COMMAND_LINE_ONLY
        for option in command.params
        if option.expose_value and option.name not in NOT_IN_PYTHON
    ]


def parameters_of(name: str) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(getattr(zoo, NAMES.get(name, name))).parameters


def not_given(option: click.Parameter) -> object:
    """What a command passes on where the option or argument is not given."""
    if option.multiple or option.nargs == -1:
        return ()
    if isinstance(option, click.Option) and option.is_flag:
        return False
    # click has a mark of its own for "no default", which is not the same in all versions
    return option.default if isinstance(option.default, str | int | float | Path) else None


@pytest.mark.parametrize(("name", "option"), pairs())
def test_an_option_is_a_parameter_of_the_same_name(name: str, option: click.Parameter) -> None:
    expected = ELSEWHERE.get((name, str(option.name)), option.name)
    found = expected in parameters_of(name)
    if (name, option.name) in ELSEWHERE:
        found = found or expected in zoo.__all__
    assert found, f"zoo {name}: {option.name} is no parameter of zoo.{NAMES.get(name, name)}"


@pytest.mark.parametrize(("name", "option"), pairs())
def test_an_option_and_its_parameter_have_the_same_default(
    name: str, option: click.Parameter
) -> None:
    parameter = parameters_of(name).get(str(option.name))
    if parameter is None or (name, option.name) in OTHER_DEFAULT:
        return
    if parameter.default is inspect.Parameter.empty:
        assert option.required or option.nargs == -1
        return
    # None and () both say that the function decides
    pair = [None if one == () else one for one in (parameter.default, not_given(option))]
    assert pair[0] == pair[1]


@pytest.mark.parametrize("name", COMPUTING)
def test_a_command_that_computes_takes_a_device_and_a_number_of_threads(name: str) -> None:
    assert {"device", "threads"} <= {option.name for option in commands()[name].params}
    assert {"device", "threads"} <= parameters_of(name).keys()


def test_the_lists_above_name_commands_that_exist() -> None:
    assert {*NAMES, *COMMAND_LINE_ONLY, *COMPUTING} <= COMMANDS.keys()
    known = {(name, option.name) for name, option in pairs()}
    assert {*ELSEWHERE, *OTHER_DEFAULT} <= known
    assert not {*COMMAND_LINE_ONLY} & {*zoo.__all__}


def test_every_public_function_is_documented_and_says_what_it_returns_and_raises() -> None:
    for name in zoo.__all__:
        value = getattr(zoo, name)
        if inspect.isfunction(value):
            document = inspect.getdoc(value) or ""
            signature = inspect.signature(value)
            assert document.splitlines()[0].endswith((".", ":")), name
            assert not signature.parameters or "**Arguments:**" in document, name
            assert not signature.parameters or "**Raises:**" in document, name
            assert signature.return_annotation in (None, "None") or "**Returns:**" in document, name


def test_errors_and_the_version_are_at_hand() -> None:
    assert issubclass(zoo.errors.NotFoundError, zoo.ZooError)
    assert zoo.__version__.count(".") == 2
    assert not hasattr(zoo, "no_such_name")
