"""Samples of anything are judged as those of a checkpoint are."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Zoo
from PIL import Image

import zoo as package
from zoo.common.errors import ConfigError, DataError
from zoo.data import load_dataset

DIGITS = load_dataset("mnist", root=Path(__file__).parents[1] / "data").part(slice(60))
GREY: Any = DIGITS.samples[:].numpy()


def judged(zoo: Zoo, *words: Any) -> dict[str, Any]:
    done = zoo("evaluate", *words, "--json")
    assert done.exit_code == 0, done.output
    return {one["metric"]: one for one in json.loads(done.stdout)["evaluations"]}


def test_what_a_checkpoint_drew_is_judged_as_the_checkpoint_is(zoo: Zoo) -> None:
    assert zoo("sample", "gan-mnist", "-n", 40, "--seed", 0, "-o", "drawn.npz").exit_code == 0
    assert zoo("sample", "gan-mnist", "-n", 40, "--seed", 0, "-o", "drawn").exit_code == 0
    checkpoint = judged(zoo, "gan-mnist", "-n", 40)
    array = judged(zoo, "--samples", "./drawn.npz", "--data", "mnist")
    folder = judged(zoo, "--samples", "./drawn", "--data", "mnist")
    for metric in ("frechet_distance", "precision"):
        assert array[metric]["value"] == pytest.approx(folder[metric]["value"], abs=1e-3)
        # which draws floats, not 256 grey levels
        assert array[metric]["value"] == pytest.approx(checkpoint[metric]["value"], rel=0.02)
        assert array[metric]["floor"] is not None and array[metric]["n"] == 40
    assert "nll" not in array


def test_the_training_images_themselves_are_at_no_distance() -> None:
    results = package.evaluate(samples="mnist", data="mnist", features="digits")
    values = {one.metric: one.value for one in results}
    assert values["frechet_distance"] == pytest.approx(0, abs=0.01)
    assert package.evaluate(samples=GREY, data="mnist", n=30)[0].n == 30


def test_samples_of_another_size_are_scaled_and_it_is_said(zoo: Zoo) -> None:
    np.save("large.npy", GREY.repeat(2, 2).repeat(2, 3))
    done = zoo("evaluate", "--samples", "./large.npy", "--data", "mnist", "-n", 30)
    assert done.exit_code == 0, done.output
    assert "scaled from (1, 56, 56) to (1, 28, 28)" in done.stderr


def test_samples_of_several_sizes_are_scaled_to_that_of_the_data(zoo: Zoo) -> None:
    Path("some").mkdir()
    for index, digit in enumerate(GREY[:30]):
        size = (28 + index % 3, 28)
        Image.fromarray(digit[0]).resize(size).save(f"some/{index}.png")
    done = zoo("evaluate", "--samples", "./some", "--data", "mnist")
    assert done.exit_code == 0, done.output
    assert "scaled from 3 sizes to (1, 28, 28)" in done.stderr


def test_own_data_has_a_floor_by_test_and_none_without(zoo: Zoo) -> None:
    np.save("real.npy", GREY[:30])
    np.save("unseen.npy", GREY[30:])
    words = ["--samples", "./unseen.npy", "--data", "./real.npy", "--features", "digits"]
    assert judged(zoo, *words)["kernel_distance"]["floor"] is None
    assert judged(zoo, *words, "--test", "./unseen.npy")["kernel_distance"]["floor"] is not None


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ([], "Name the checkpoint to measure, or samples of anything"),
        (["vae-mnist", "--samples", "./x.npy"], "a checkpoint or samples, not both"),
        (["--samples", "./x.npy"], "Say which images to compare the samples with: --data NAME"),
        (["--samples", "./x.npy", "--data", "mnist", "--write"], "write = True is for checkpoints"),
        (["--samples", "./x.npy", "--data", "mnist", "-k", 5], "importance_samples = 5 is for"),
        (["--samples", "./x.npy", "--data", "mnist", "--set", "a=1"], "options = a=1 is for"),
        (["--samples", "./x.npy", "--data", "mnist", "--truncation", 0], "truncation = 0"),
        (["--samples", "./gone", "--data", "mnist"], r"gone is not a folder of images"),
        (["--samples", "./few.npy", "--data", "mnist"], "5 samples of ./few.npy are too few"),
        (["--samples", "./nan.npy", "--data", "mnist"], "holds NaN or infinite values"),
        (["--samples", "./x.npy", "--data", "mnits"], "Did you mean 'mnist'"),
    ],
)
def test_what_can_not_be_judged_is_refused_in_words(words: list[Any], why: str, zoo: Zoo) -> None:
    np.save("x.npy", GREY)
    np.save("few.npy", GREY[:5])
    np.save("nan.npy", np.full((30, 28, 28), np.nan))
    refused = zoo("evaluate", *words)
    assert refused.exit_code == 1 and why in refused.stderr, refused.output


def test_python_takes_arrays_and_refuses_what_is_none() -> None:
    with pytest.raises(ConfigError, match=r"samples=\./FOLDER"):
        package.evaluate()
    with pytest.raises((ConfigError, DataError)):
        package.evaluate(samples=7, data="mnist")
    assert package.evaluate(samples=torch.from_numpy(GREY), data="mnist")
