"""What a person asks for: labels, options, numbers and devices in any form, or words that help."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import Tensor

import zoo
from zoo.common.config import StrictConfig
from zoo.common.errors import ConfigError, LabelError, NotFoundError, ZooError
from zoo.sampling import request

Trained = Callable[..., Path]


@dataclass(frozen=True, kw_only=True)
class Options(StrictConfig):
    """Sample-time options of a model."""

    steps: int = 4
    sizes: tuple[int, ...] = (1,)
    kind: Literal["fast", "good"] = "fast"
    exact: bool = False


class WithOptions:
    """A model's class, as far as options go."""

    Options = Options


class Without:
    """A model's class without options."""

    Options = None


@pytest.mark.parametrize(
    "given",
    [
        {"steps": 9, "sizes": (2, 3), "exact": True},
        ["steps=9", "sizes=2,3", "exact=true"],
        Options(steps=9, sizes=(2, 3), exact=True),
    ],
)
def test_options_come_by_name_as_texts_or_as_an_instance(given: Any) -> None:
    options, texts = request.options_of(WithOptions, given)
    assert options == Options(steps=9, sizes=(2, 3), exact=True)
    assert set(texts) >= {"steps=9", "sizes=2,3", "exact=true"}
    assert request.options_of(WithOptions, texts)[0] == options


@pytest.mark.parametrize("given", [None, (), [], {}])
def test_no_options_are_the_defaults(given: Any) -> None:
    assert request.options_of(WithOptions, given) == (Options(), [])
    assert request.options_of(Without, given) == (None, [])


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"stepps": 1}, "Unknown field 'stepps'. Did you mean 'steps'"),
        ({"steps": "many"}, "steps = 'many' is not of its type"),
        ("steps", "not of the form name=value"),
        (7, "are not options: pass a dict"),
        ([7], "are not options: pass a dict"),
    ],
)
def test_options_that_cannot_be_are_refused(given: Any, why: str) -> None:
    with pytest.raises(ConfigError) as caught:
        request.options_of(WithOptions, given)
    assert why in str(caught.value)
    with pytest.raises(ConfigError):
        request.options_of(Without, given)


@pytest.mark.parametrize(
    "labels",
    [
        7,
        "7",
        "seven",
        [7],
        ("seven",),
        np.int64(7),
        np.array([7]),
        np.array("seven"),
        range(7, 8),
        torch.tensor(7),
        torch.tensor([7], dtype=torch.uint8),
        np.array([7], dtype=np.int32),
    ],
    ids=repr,
)
def test_one_label_in_any_form_is_for_all_samples(labels: Any) -> None:
    names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    found = request.labels_of_all(labels, 3, names, 10)
    assert found.dtype == torch.int64 and found.tolist() == [7, 7, 7]


def test_labels_for_each_sample_may_mix_names_and_numbers() -> None:
    found = request.labels_of_all(["one", 0, "1", np.int8(1)], 4, ["zero", "one"], 2)
    assert found.tolist() == [1, 0, 1, 1]


def test_a_name_that_looks_like_a_number_is_a_name_first() -> None:
    assert request.labels_of_all(["5"], 1, ["9", "5"], 2).tolist() == [1]
    assert request.labels_of_all([0], 1, ["9", "5"], 2).tolist() == [0]


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        (10, "There is no class '10'"),
        (-1, "There is no class '-1'"),
        ("sevn", "There is no class 'sevn'"),
        ([1, 2], "2 labels were given for 3 samples: give one for all, or one for each"),
        ([], "0 labels were given"),
        (7.0, "holds no labels"),
        ([7.0], "'7.0' is not a label"),
        (torch.tensor([1.0]), "not torch.float32: convert them"),
        (np.array([True]), "not bool: convert them"),
        (True, "There is no class 'True'"),
        ({"a": 1}, "holds no labels"),
        (b"7", "holds no labels"),
        ([None], "'None' is not a label"),
        ([[7]], "is not a label"),
        (torch.tensor([[7]]), "is not a label"),
        ("9" * 5000, "There is no class '999"),
    ],
)
def test_labels_that_cannot_be_are_refused(labels: Any, why: str) -> None:
    with pytest.raises(LabelError) as caught:
        request.labels_of_all(labels, 3, (), 10)
    assert why in str(caught.value) and len(str(caught.value)) < 400


def test_a_label_for_an_unconditional_checkpoint_names_a_conditional_one_of_the_same_data() -> None:
    for unconditional, conditional in (
        ("dcgan-mnist", "cdcgan-mnist"),
        ("vae-mnist", "cvae-mnist"),
    ):
        with pytest.raises(LabelError) as caught:
            zoo.sample(unconditional, labels=7)
        text = str(caught.value)
        assert f"{unconditional} is unconditional: it takes no labels." in text
        assert text.endswith(f"A checkpoint of the same data that takes labels: {conditional}.")


def test_without_such_a_checkpoint_training_one_is_offered(trained: Trained) -> None:
    model = trained("mlp-vae")
    facts = model / "facts.json"
    folder = Path("other")
    folder.mkdir()
    for file in model.glob("*.*"):
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "facts.json").write_text(facts.read_text().replace('"mnist"', '"own"'))
    with pytest.raises(LabelError, match=r"Train another with zoo\.train"):
        zoo.sample("./other", labels=7)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("sample no-such", "No checkpoint is called 'no-such'"),
        ("sample vae-mnist -o x.bmp", "Can't write '.bmp' files"),
        ("sample vae-mnist --label 3", "takes no --label"),
        ("sample cvae-mnist --label 11", "There is no class '11'"),
        ("sample ./other", "No installed plugin offers a model 'other'"),
        ("sample vae-mnist -o x.npz --columns 3", "--columns is for pictures only"),
        ("sample vae-mnist --format png", "--format is for -o - only"),
        ("sample vae-mnist -o mine.png", "mine.png exists, and the zoo did not write it"),
        ("interpolate vae-mnist -o x.bmp", "x.bmp must end in .png"),
        ("interpolate cvae-mnist --label 11", "There is no class '11'"),
        ("reconstruct vae-mnist -o mine.png", "mine.png exists, and the zoo did not write it"),
        ("reconstruct cvae-mnist photo.png", "pass a --label for each of the 1 image"),
    ],
)
def test_what_can_be_refused_without_torch_is_refused_before_torch_is_imported(
    words: str, why: str
) -> None:
    Path("other").mkdir()
    Path("other/config.json").write_text('{"format": 1, "model": "other", "config": {}}')
    Path("mine.png").write_text("mine")
    code = (
        "import sys\nfrom zoo.cli import main\ntry:\n    main(sys.argv[1:])\n"
        "except SystemExit as stop:\n    assert stop.code\n"
        "print([name for name in ('torch', 'numpy') if name in sys.modules])"
    )
    command = [sys.executable, "-c", code, *words.split()]
    result = subprocess.run(command, capture_output=True, text=True)
    assert why in result.stderr and result.stdout.strip() == "[]", result.stderr
    assert Path("mine.png").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((42, 8), "int is not a model: pass what zoo.load returns"),
        ((None, 8), "NoneType is not a model"),
        (("no-such", 8), "No checkpoint is called 'no-such'"),
        (("vae-mnist", "8"), "n = '8' is of the type str: pass a whole"),
        (("vae-mnist", 0), "n = 0 is out of range: pass a whole number of 1 or more"),
        (("vae-mnist", 10**12), "samples take 3,136,000 GB of memory, more than there is"),
        (("vae-mnist", 10**30), "of memory, more than there is"),
        (("vae-mnist", 2.5), "n = 2.5 is of the type float: pass a whole"),
    ],
)
def test_drawing_says_what_to_pass(arguments: Any, why: str) -> None:
    with pytest.raises(ZooError) as caught:
        zoo.draw(*arguments)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("keywords", "why"),
    [
        ({"seed": -1}, "seed = -1 is out of range"),
        ({"seed": "1"}, "seed = '1' is of the type str: pass a whole"),
        ({"start": None}, "start = None is of the type NoneType: pass a whole"),
        ({"batch_size": 0}, "batch_size = 0 is out of range"),
        ({"precision": "fp8"}, "precision = 'fp8' is none of float32, bf16"),
        ({"labels": 7}, "unconditional: it takes no labels"),
        ({"options": {"steps": 3}}, "no sample-time options: it does not take 'steps=3'"),
        ({"device": "tpu"}, "device = 'tpu', but the model is on 'cpu'"),
    ],
)
def test_drawing_says_which_argument_is_wrong(keywords: dict[str, Any], why: str) -> None:
    model = zoo.load("vae-mnist")
    with pytest.raises(ZooError) as caught:
        zoo.draw(model, 2, **keywords)
    assert why in str(caught.value)


@pytest.mark.parametrize(
    ("reference", "keywords", "why"),
    [
        (7, {}, "reference = 7 is of the type int"),
        ("vae-mnist", {"output": 7}, "output = '7' is not a path"),
        ("vae-mnist", {"n": "many"}, "n = 'many' is of the type str: pass a whole"),
        ("vae-mnist", {"seed": 1.5}, "seed = 1.5 is of the type float: pass a whole"),
        ("vae-mnist", {"columns": 0}, "columns = 0 is out of range"),
        ("vae-mnist", {"scale": "2"}, "scale = '2' is of the type str: pass a whole"),
        ("vae-mnist", {"scale": 100_000}, "is too large: at most 268,435,456 pixels are possible"),
        ("vae-mnist", {"device": "tpu"}, "There is no device 'tpu'"),
        ("cvae-mnist", {"labels": [3, 12]}, "There is no class '12'"),
        ("vae-mnist", {"output": "-", "format": "gif"}, "Can't write 'gif' to standard output"),
    ],
)
def test_sampling_to_a_file_says_which_argument_is_wrong(
    reference: Any, keywords: dict[str, Any], why: str
) -> None:
    with pytest.raises(ZooError) as caught:
        zoo.sample(reference, **keywords)
    assert why in str(caught.value) and list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "keywords"),
    [((7,), {}), ((["vae-mnist"],), {}), ((), {"device": 3}), (("no-such",), {}), (("",), {})],
)
def test_loading_says_what_to_pass(arguments: Any, keywords: dict[str, Any]) -> None:
    with pytest.raises(ZooError):
        zoo.load(*(arguments or ("vae-mnist",)), **keywords)


def test_an_unknown_model_is_named_with_its_maker() -> None:
    Path("made").mkdir()
    Path("made/config.json").write_text(
        '{"format": 1, "model": "other", "config": {}, '
        '"made_by": {"distribution": "zoo-other", "version": "1.0"}}'
    )
    with pytest.raises(NotFoundError, match=r"made by zoo-other 1\.0"):
        zoo.sample("./made")


def test_labels_reach_the_samples(trained: Trained) -> None:
    model = zoo.load(str(trained("mlp-vae", "num_classes=10")))
    one = zoo.draw(model, 3, seed=1, labels=7)
    each = zoo.draw(model, 3, seed=1, labels=[7, "7", np.int64(7)])
    tensor: Tensor = zoo.draw(model, 3, seed=1, labels=torch.tensor([7, 7, 7]))
    assert torch.equal(one, each) and torch.equal(one, tensor)
    assert not torch.equal(one, zoo.draw(model, 3, seed=1, labels=2))
