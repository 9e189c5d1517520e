"""zoo invert: the latents whose samples are nearest to images."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Zoo
from PIL import Image

import zoo as door
from zoo.data import load_dataset
from zoo.editing import search
from zoo.errors import ZooError
from zoo.sampling import provenance
from zoo.sampling.images import to_image


def digits(n: int) -> list[Path]:
    """Some real digits as PNGs in the working folder."""
    paths = [Path(f"digit-{index}.png") for index in range(n)]
    for path, pixels in zip(paths, load_dataset("mnist", split="test").samples, strict=False):
        to_image(pixels).save(path)
    return paths


def test_a_gan_comes_five_times_as_near_to_test_digits_as_the_best_of_a_thousand_draws() -> None:
    found = door.invert("dcgan-mnist", digits(4), "z.npz", seed=0)
    model = door.load("dcgan-mnist")
    samples = load_dataset("mnist", split="test").samples[:4].float() / 255
    z, _ = search.best_draws(model, samples, seed=0, draws=1000)  # type: ignore[arg-type]
    best = (model.decode(z) - samples).square().flatten(1).sum(1)
    copies = model.decode(found.latents)
    errors = (copies - samples).square().flatten(1).sum(1)
    assert torch.allclose(errors, found.errors, rtol=1e-3)
    assert best.mean() >= 5 * errors.mean(), (best, errors)
    with np.load("z.npz") as file:
        assert set(file.files) == {"latents", "errors", "provenance"}
    made = provenance.read(Path("z.npz"))
    assert (made["seed"], made["draws"], made["steps"]) == (0, 1000, 100)
    assert made["squared_error"] == pytest.approx(float(errors.mean()), rel=1e-3)


def test_of_a_conditional_model_the_class_is_found_with_the_latent(
    trained: Callable[..., Path],
) -> None:
    written = door.invert("cdcgan-mnist", digits(4), "z.npz", seed=0, draws=300, steps=2)
    truth = load_dataset("mnist", split="test").labels
    assert truth is not None
    assert (written.labels == truth[:4]).sum() >= 3  # two digits may look alike
    door.decode("cdcgan-mnist", "z.npz", "copies.png")  # the labels come with the latents
    model = trained("mlp-vae", "num_classes=10")
    told = door.invert(model, digits(2), "t.npz", seed=0, steps=2, labels=[7, "2"])
    assert told.labels.tolist() == [7, 2]
    found = door.invert(model, digits(2), "f.npz", seed=0, steps=2, draws=40)
    assert found.labels.shape == (2,)


def test_a_picture_shows_images_above_their_copies_and_records_the_command(zoo: Zoo) -> None:
    words = ["invert", "vae-mnist", *digits(3), "--steps", 3, "--seed", 4, "-o", "near.png"]
    result = zoo(*words)
    assert (result.stdout, result.exit_code) == ("near.png\n", 0)
    assert "squared error" in result.stderr and "seed 4" in result.stderr
    with Image.open("near.png") as image, Image.open("digit-0.png") as digit:
        assert image.size == (3 * 30 + 2, 2 * 30 + 2)
        assert image.crop((2, 2, 30, 30)).tobytes() == digit.tobytes()
        assert image.crop((2, 32, 30, 60)).tobytes() != digit.tobytes()
    first = Path("near.png").read_bytes()
    made = provenance.read(Path("near.png"))
    Path("near.png").unlink()
    assert zoo(*shlex.split(made["command"])[1:]).exit_code == 0
    assert Path("near.png").read_bytes() == first


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["vae-mnist", "no.png"], "There is no file no.png"),
        (["vae-mnist", "broken.png"], "broken.png is not a readable image"),
        (["vae-mnist", "digit-0.png", "-o", "z.gif"], "z.gif must end in .npz, .png"),
        (["vae-mnist", "digit-0.png", "--scale", "2"], "for pictures only"),
        (["vae-mnist", "digit-0.png", "--label", "7"], "takes no --label"),
        (["cvae-mnist", "digit-0.png", "--label", "1", "--label", "2"], "each of the 1 image"),
        (["vae-mnist", "digit-0.png", "-o", "digit-0.png"], "the zoo did not write it"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_written(words: list[str], told: str, zoo: Zoo) -> None:
    digits(1)
    Path("broken.png").write_text("not an image")
    before = {path: path.read_bytes() for path in Path().iterdir()}
    result = zoo("invert", *words)
    assert result.exit_code == 1 and told in result.stderr, result.stderr
    assert {path: path.read_bytes() for path in Path().iterdir()} == before


@pytest.mark.parametrize("wrong", [{"draws": 0}, {"steps": -1}, {"seed": -1}, {"draws": "many"}])
def test_wrong_numbers_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ZooError):
        door.invert("vae-mnist", digits(1), **wrong)  # type: ignore[arg-type]
    with pytest.raises(ZooError, match="No image was named"):
        door.invert("vae-mnist", [])


def test_json_says_the_error(zoo: Zoo) -> None:
    words = ["invert", "vae-mnist", *digits(1), "--steps", 1, "--json"]
    made = json.loads(zoo(*words).stdout)
    assert made["path"] == "inverted.npz" and made["squared_error"] > 0
