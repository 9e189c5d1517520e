"""zoo edit: images and samples, moved along directions."""

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
from zoo.editing.moving import steps_of
from zoo.errors import ZooError
from zoo.sampling import latents, provenance
from zoo.sampling.images import to_image


def digits(n: int) -> list[Path]:
    """Some real digits as PNGs in the working folder."""
    paths = [Path(f"digit-{index}.png") for index in range(n)]
    for path, pixels in zip(paths, load_dataset("mnist", split="test").samples, strict=False):
        to_image(pixels).save(path)
    return paths


def test_samples_of_a_seed_move_by_so_many_steps_of_each_direction() -> None:
    known = {one.name: one.vector for one in door.directions("vae-mnist", n=2)}
    written = door.edit(
        "vae-mnist", "z.npz", seed=3, n=4, directions={"strong-1": 1.5, "strong-2": -0.5}
    )
    z = latents(door.load("vae-mnist"), 4, seed=3)  # type: ignore[arg-type]
    moved = z + 1.5 * known["strong-1"] - 0.5 * known["strong-2"]
    assert torch.allclose(written.latents, moved, atol=1e-6)
    with np.load("z.npz") as file:
        assert np.array_equal(file["latents"], written.latents.numpy())
    assert provenance.read(Path("z.npz"))["directions"] == {"strong-1": 1.5, "strong-2": -0.5}


def test_a_picture_shows_what_was_given_above_what_it_becomes_and_records_how(zoo: Zoo) -> None:
    (path,) = digits(1)
    words = ["edit", "vae-mnist", "--image", path, "--direction", "strong-1=2"]
    assert zoo(*words).stdout == "edited.png\n"
    with Image.open("edited.png") as image, Image.open(path) as digit:
        assert image.size == (32, 62)
        assert image.crop((2, 2, 30, 30)).tobytes() == digit.tobytes()
    first = Path("edited.png").read_bytes()
    made = provenance.read(Path("edited.png"))
    assert made["command"].startswith(
        "zoo edit vae-mnist --image digit-0.png --direction strong-1=2"
    )
    assert zoo(*shlex.split(made["command"])[1:]).exit_code == 0
    assert Path("edited.png").read_bytes() == first


def test_images_are_added_and_taken_away_as_latents() -> None:
    a, b, c = digits(3)
    z = door.encode("vae-mnist", [a, b, c]).latents
    written = door.edit("vae-mnist", "sum.npz", images=a, minus=b, plus=c)
    assert torch.allclose(written.latents[0], z[0] - z[1] + z[2], atol=1e-5)


def test_latents_of_a_file_are_edited_and_can_be_edited_again(zoo: Zoo) -> None:
    door.encode("vae-mnist", digits(2), "z.npz")
    there = ["edit", "vae-mnist", "--latents", "z.npz", "--direction", "strong-1=2", "-o", "a.npz"]
    back = ["edit", "vae-mnist", "--latents", "a.npz", "--direction", "strong-1=-2", "-o", "b.npz"]
    assert zoo(*there).exit_code == 0 and zoo(*back).exit_code == 0
    with np.load("z.npz") as before, np.load("a.npz") as away, np.load("b.npz") as after:
        assert np.abs(before["latents"] - after["latents"]).max() < 1e-5
        assert np.abs(before["latents"] - away["latents"]).max() > 0.1
    in_python = door.edit("vae-mnist", "c.npz", latents=torch.zeros(1, 50), directions=["weak-1=1"])
    assert "command" not in in_python.made


def test_a_gan_is_edited_by_inversion_and_a_conditional_model_keeps_its_class(
    trained: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.editing.inversion.DRAWS", 20)
    monkeypatch.setattr("zoo.editing.inversion.STEPS", 2)
    gan, (path, _) = trained("mlp-gan"), digits(2)
    found = door.invert(gan, path, "z.npz", seed=0, draws=20, steps=2)
    edited = door.edit(gan, "e.npz", images=path, directions={"strong-1": 0})
    assert torch.allclose(found.latents, edited.latents, atol=1e-5)
    assert door.edit("cvae-mnist", seed=1, n=3, directions=["strong-1=1"]).labels.tolist() == [
        0,
        1,
        2,
    ]
    sevens = door.edit("cvae-mnist", seed=1, n=3, directions=["strong-1=1"], labels=["7"])
    assert sevens.labels.tolist() == [7, 7, 7]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--seed 1", "Nothing to change: pass --direction NAME=STEPS"),
        ("--seed 1 --direction strong-1", "is not NAME=STEPS"),
        ("--seed 1 --direction strong-1=much", "is not a number of steps"),
        ("--seed 1 --direction strong-1=nan", "is not a number of steps"),
        ("--seed 1 --direction strong-1=1e9", "is not a number of steps"),
        ("--seed 1 --direction =3", "can't be the name of a direction"),
        ("--seed 1 --direction no-such=1", "has no direction 'no-such'"),
        ("--seed 1 --image digit-0.png --direction strong-1=1", "one of them"),
        ("--image no.png --direction strong-1=1", "There is no file no.png"),
        ("--latents no.npz --direction strong-1=1", "There is no file no.npz"),
        ("--seed 1 --direction strong-1=1 -o x.gif", "x.gif must end in .npz, .png"),
        ("--seed 1 --direction strong-1=1 --label 7", "takes no --label"),
        ("--seed 1 --direction strong-1=1 -o digit-0.png", "the zoo did not write it"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_written(words: str, told: str, zoo: Zoo) -> None:
    digits(1)
    before = {path: path.read_bytes() for path in Path().iterdir()}
    result = zoo("edit", "vae-mnist", *words.split())
    assert result.exit_code == 1 and told in result.stderr, result.stderr
    assert {path: path.read_bytes() for path in Path().iterdir()} == before


def test_steps_along_one_direction_add_up() -> None:
    assert steps_of(["a=1", "b=-2.5", "a=0.5"]) == {"a": 1.5, "b": -2.5}
    with pytest.raises(ZooError):
        steps_of({"a": None})
    with pytest.raises(ZooError, match="takes no labels"):
        door.edit("vae-mnist", seed=1, directions=["strong-1=1"], labels=[1])
