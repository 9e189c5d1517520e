"""zoo inpaint: what a mask hides, filled in."""

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
from zoo.errors import ZooError
from zoo.sampling import provenance
from zoo.sampling.images import to_image


@pytest.fixture(autouse=True)
def pictures() -> None:
    """A digit, and a mask that hides its lower half."""
    samples = load_dataset("mnist", split="test").samples
    to_image(samples[0]).save("digit.png")
    Image.new("L", (28, 28)).save("nothing.png")
    Image.new("L", (28, 28), 255).save("all.png")
    Image.new("L", (20, 28), 255).save("small.png")
    half = Image.new("L", (28, 28))
    half.paste(255, (0, 14, 28, 28))
    half.save("half.png")


@pytest.mark.parametrize("name", ["vae-mnist", "mlp-gan"])
def test_what_is_seen_stays_and_the_answers_differ(name: str, trained: Callable[..., Path]) -> None:
    model = name if name == "vae-mnist" else trained(name)
    few = {"draws": 50, "steps": 5, "seed": 1}
    written = door.inpaint(model, "digit.png", "half.png", "a.npz", n=3, **few)
    digit = load_dataset("mnist", split="test").samples[0].float() / 255
    assert written.samples.shape == (3, 1, 28, 28)
    assert torch.equal(written.samples[:, :, :14], digit[None, :, :14].expand(3, -1, -1, -1))
    assert not torch.equal(written.samples[0], written.samples[1])
    with np.load("a.npz") as file:
        assert file["samples"].dtype == np.uint8 and file["latents"].shape[0] == 3
    # answer k depends on the seed and on k alone
    one = door.inpaint(model, "digit.png", "half.png", "b.npz", n=1, **few)
    assert torch.allclose(one.samples[0], written.samples[0], atol=1e-3)


def test_what_is_filled_in_is_nearer_to_the_truth_than_nothing_and_than_a_sample() -> None:
    digit = load_dataset("mnist", split="test").samples[0].float() / 255
    written = door.inpaint("vae-mnist", "digit.png", mask="half.png", seed=0, draws=300, steps=50)
    wrong = (written.samples - digit).square().flatten(1).sum(1)
    blank = digit[:, 14:].square().sum()
    random = (door.draw("vae-mnist", 20, seed=0)[:, :, 14:] - digit[None, :, 14:]).square()
    assert wrong.min() < 0.6 * blank and wrong.mean() < random.flatten(1).sum(1).mean()


def test_a_picture_shows_the_image_what_is_seen_and_the_answers(zoo: Zoo) -> None:
    words = "inpaint vae-mnist digit.png --mask half.png -n 2 --draws 20 --steps 2 --seed 3"
    assert zoo(*words.split()).stdout == "inpainted.png\n"
    with Image.open("inpainted.png") as image, Image.open("digit.png") as digit:
        assert image.size == (4 * 30 + 2, 32)
        assert image.crop((2, 2, 30, 30)).tobytes() == digit.tobytes()
        assert set(image.crop((32, 16, 60, 30)).tobytes()) == {128}
        assert image.crop((62, 2, 90, 16)).tobytes() == digit.crop((0, 0, 28, 14)).tobytes()
    first = Path("inpainted.png").read_bytes()
    made = provenance.read(Path("inpainted.png"))
    assert zoo(*shlex.split(made["command"])[1:]).exit_code == 0
    assert Path("inpainted.png").read_bytes() == first


def test_a_conditional_model_fills_in_the_class_that_is_asked_for(zoo: Zoo) -> None:
    words = "inpaint cvae-mnist digit.png --mask half.png -n 2 --draws 40 --steps 2 --seed 3"
    assert json.loads(zoo(*words.split(), "--json").stdout)["n"] == 2
    written = door.inpaint(
        "cvae-mnist", "digit.png", "half.png", "x.npz", labels=7, n=2, draws=20, steps=2
    )
    assert written.labels.tolist() == [7, 7]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("vae-mnist digit.png --mask nothing.png", "nothing.png hides nothing"),
        ("vae-mnist digit.png --mask all.png", "all.png hides all of digit.png"),
        ("vae-mnist digit.png --mask small.png", "small.png is 20×28 and digit.png is 28×28"),
        ("vae-mnist digit.png --mask no.png", "There is no file no.png"),
        ("vae-mnist no.png --mask half.png", "There is no file no.png"),
        ("vae-mnist digit.png --mask half.png -o x.gif", "x.gif must end in .npz, .png"),
        ("vae-mnist digit.png --mask half.png --label 3", "takes no --label"),
        ("cvae-mnist digit.png --mask half.png --label 3 --label 4", "An image has one class"),
        ("vae-mnist digit.png --mask half.png -o digit.png", "the zoo did not write it"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_written(words: str, told: str, zoo: Zoo) -> None:
    before = {path: path.read_bytes() for path in Path().iterdir()}
    result = zoo("inpaint", *words.split())
    assert result.exit_code == 1 and told in result.stderr, result.stderr
    assert {path: path.read_bytes() for path in Path().iterdir()} == before


@pytest.mark.parametrize("wrong", [{"n": 0}, {"draws": 0}, {"steps": -1}, {"mask": 3}])
def test_wrong_arguments_are_refused(wrong: dict[str, object]) -> None:
    given: dict[str, object] = {"mask": "half.png", **wrong}
    with pytest.raises(ZooError):
        door.inpaint("vae-mnist", "digit.png", **given)  # type: ignore[arg-type]
