"""Values of the wrong type at the light door: refused in words, or taken where they make sense."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Zoo

import zoo as door
from zoo.common import arguments, words
from zoo.common.errors import ConfigError, LabelError
from zoo.training.given import whole_numbers

FUNCTIONS = {
    name: getattr(door, name) for name in door.__all__ if inspect.isfunction(getattr(door, name))
}
# what follows the first argument of a function that needs more of them; a path unless said here
FURTHER: dict[str, tuple[Any, ...]] = {"push": ("owner/repo",)}
NONE_IS_A_VALUE = {"list_checkpoints", "list_data", "list_features", "list_models", "list_runs"}
VALUES = (3, None, ["a", 3], Path("folder"))


def first_takes(function: Callable[..., Any]) -> bool:
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return any(one.kind in kinds for one in inspect.signature(function).parameters.values())


def further(name: str) -> tuple[Any, ...]:
    _, *others = inspect.signature(FUNCTIONS[name]).parameters.values()
    needed = [
        one for one in others if one.default is one.empty and one.kind is one.POSITIONAL_OR_KEYWORD
    ]
    return FURTHER.get(name, ("./mine",) * len(needed))


CASES = [
    (name, value)
    for name, function in FUNCTIONS.items()
    if first_takes(function)
    for value in VALUES
    if not (value is None and name in NONE_IS_A_VALUE)
    # a folder that holds no checkpoint is a good answer to this question
    if not (isinstance(value, Path) and name == "bundled")
]


@pytest.mark.parametrize(("name", "value"), CASES)
def test_a_value_of_the_wrong_type_is_refused_in_words(name: str, value: Any) -> None:
    with pytest.raises(door.ZooError) as refused:
        FUNCTIONS[name](value, *further(name))
    assert len(str(refused.value)) > 20 and "object at 0x" not in str(refused.value)


def test_the_walk_passes_every_function_that_takes_a_reference_or_a_pattern() -> None:
    assert {name for name, _ in CASES} == {
        *FUNCTIONS.keys() - {"hookimpl", "refresh", "space"},
    }


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: door.info(3), "reference = 3 is of the type int: pass a checkpoint's name"),
        (lambda: door.info(["a"]), "is of the type list: pass a checkpoint's name, a path"),
        (lambda: door.card(3), "reference = 3 is of the type int"),
        (lambda: door.evaluate(door.load("vae-mnist")), "first write a folder with zoo.save"),
        (lambda: door.pull(Path("x")), "is of the type PosixPath: pass a checkpoint's name, or"),
        (lambda: door.reconstruct("vae-mnist", 5), "images = 5 is of the type int: pass a path"),
        (lambda: door.reconstruct("vae-mnist", [5]), r"images\[0\] = 5 is of the type int"),
        (lambda: door.list_checkpoints(3), r"pattern = 3 .* pass a text such as \"\*mnist\*\""),
        (lambda: door.list_checkpoints(["*vae*"]), "pattern = .* is of the type list"),
        (lambda: door.list_models(3), "pattern = 3 is of the type int"),
        (lambda: door.remove(3), "names = 3 is of the type int: pass a name, a pattern"),
        (lambda: door.remove(["a", 3]), r"names\[1\] = 3 is of the type int: pass a name"),
        (lambda: door.verify(3), "names = 3 is of the type int"),
        (lambda: door.verify(0), "names = 0 is of the type int"),
        (lambda: door.push(3, "owner/repo"), "reference = 3 is of the type int"),
        (lambda: door.save(door.load("vae-mnist"), 3), "folder = 3 is of the type int: pass a"),
        (lambda: door.save(door.load("vae-mnist"), "./a", facts=3), "facts = 3 .* pass a dict"),
    ],
)
def test_a_refusal_says_what_to_pass(call: Callable[[], Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        call()


def test_a_path_a_folder_and_a_name_are_references_of_one_checkpoint() -> None:
    saved = door.save(door.load("vae-mnist"), "folder")
    for reference in (Path("folder"), saved, "./folder"):
        found = door.info(reference)
        assert found["name"] == "./folder" or found["path"] == str(saved.path)
        assert found["model"] == "mlp-vae"
    assert door.card(Path("folder")) == door.card("./folder")


def test_what_has_a_path_is_a_reference_as_a_trained_checkpoint_is() -> None:
    class Made:
        path = Path("mine")

    assert arguments.reference(Made()) == "./mine"
    with pytest.raises(ConfigError, match="is of the type bytes"):
        arguments.reference(b"mine")


def test_labels_for_an_unconditional_checkpoint_name_a_conditional_one() -> None:
    for call in (door.draw, lambda name, n, labels: door.sample(name, n=n, labels=labels)):
        with pytest.raises(LabelError, match=r"it takes no labels.* labels: cdcgan-mnist") as said:
            call("dcgan-mnist", 2, labels=7)
        assert "--" not in str(said.value)
    model = door.load("dcgan-mnist")
    with pytest.raises(LabelError, match=r"Train another with zoo.train\(..., num_classes=N\)"):
        door.draw(model, 2, labels=7)


def test_a_command_speaks_of_its_options(zoo: Zoo) -> None:
    said = zoo("sample", "dcgan-mnist", "--label", 7).stderr
    assert "it takes no --label." in said and "cdcgan-mnist" in said
    assert words.either("--label", "labels") == "labels"
    with words.of_commands():
        assert words.either("--label", "labels") == "--label"


@pytest.mark.parametrize("value", [8, np.int64(8), np.uint8(8), torch.tensor(8)])
def test_whole_numbers_of_other_libraries_do_as_well(value: Any) -> None:
    number = arguments.whole("n", value, 1)
    assert type(number) is int and number == 8


@pytest.mark.parametrize("value", [True, 8.0, "8", None, [8], np.float64(8), object()])
def test_what_is_no_whole_number_is_refused(value: Any) -> None:
    with pytest.raises(ConfigError, match="pass a whole number of 1 or more"):
        arguments.whole("n", value, 1)


@pytest.mark.parametrize(
    ("value", "most", "said"),
    [
        (0, None, "n = 0 is out of range: pass a whole number of 1 or more."),
        (5, 4, "n = 5 is out of range: pass a whole number from 1 to 4."),
        (-(10**100), None, "n is out of range: pass a whole number of 1 or more."),
        (
            10**100,
            2**63 - 1,
            "n is out of range: pass a whole number of 9,223,372,036,854,775,807 or less.",
        ),
    ],
)
def test_a_whole_number_out_of_range_says_the_range(
    value: int, most: int | None, said: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        arguments.whole("n", value, 1, most)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "t = 0 is out of range: pass a number above 0."),
        (float("nan"), "t = nan is out of range: pass a number above 0."),
        (10**400, "t = inf is out of range: pass a number above 0."),
        (11, "t = 11 is out of range: pass a number above 0."),
        (True, "t = True is of the type bool: pass a number above 0."),
        ("1", "t = '1' is of the type str: pass a number above 0."),
    ],
)
def test_what_is_no_number_above_0_is_refused(value: Any, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        arguments.positive("t", value, 10)
    assert str(caught.value) == said
    assert arguments.positive("t", np.float32(0.5), 10) == 0.5


def test_a_value_of_many_lines_is_not_repeated() -> None:
    model = door.load("vae-mnist")
    said = r"^reference is of the type MLPVAE: pass a checkpoint.* a folder with zoo\.save\.$"
    with pytest.raises(ConfigError, match=said):
        door.info(model)


def test_a_value_that_can_not_be_described_is_not_repeated() -> None:
    with pytest.raises(ConfigError, match=r"^reference is of the type int: pass a checkpoint"):
        door.info(10**5000)


@pytest.mark.parametrize("number", [np.int64(1), torch.tensor(1)])
def test_a_training_takes_whole_numbers_of_other_libraries(number: Any) -> None:
    given = {"epochs": number, "seed": number, "patience": number, "threads": number}
    assert whole_numbers(given) == {**given, **dict.fromkeys(given, 1)}
