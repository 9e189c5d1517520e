"""zoo directions: found, named, kept in the zoo's home, and never beside a bundled checkpoint."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from conftest import Zoo
from PIL import Image

import zoo as door
from zoo.checkpoints import find
from zoo.data import load_dataset
from zoo.editing import kept
from zoo.sampling import latents, provenance
from zoo.sampling.images import to_image


@pytest.mark.parametrize("by", ["mean", "classifier"])
def test_a_step_from_ones_to_zeros_makes_zeros_of_ones(by: str) -> None:
    (known,) = [
        one
        for one in door.directions("vae-mnist", by=by, start="1", end="0")
        if one.name == "1-to-0"
    ]
    data = load_dataset("mnist", split="test")
    assert data.labels is not None
    model = door.load("vae-mnist")
    ones = data.samples[data.labels == 1].float() / 255
    zeros = (data.samples[data.labels == 0].float() / 255).mean(0)
    mean_one = ones.mean(0)
    changed = model.decode(model.encode(ones).mean + known.vector)
    to_zero = (changed - zeros).square().flatten(1).sum(1)
    to_one = (changed - mean_one).square().flatten(1).sum(1)
    assert (to_zero < to_one).float().mean() > 0.9


def test_a_gan_learns_classes_from_the_network_that_measures_them(
    trained: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.editing.finding.LOOKED_AT", 300)
    names = [one.name for one in door.directions("dcgan-mnist", start=1, end=7, name="sharper")]
    assert names == ["sharper"]
    (one,) = kept.read(find("dcgan-mnist")).values()
    assert one.made == {"classes": ["1", "7"]} and one.vector.shape == (100,)


def test_images_with_and_without_something_give_a_direction(zoo: Zoo) -> None:
    data = load_dataset("mnist", split="test").samples
    for index in range(4):
        to_image(data[index]).save(f"{index}.png")
    zoo(
        "directions",
        "vae-mnist",
        *["--plus", "0.png", "--plus", "1.png", "--minus", "2.png", "--name", "mine"],
    )
    (one,) = kept.read(find("vae-mnist")).values()
    z = door.encode("vae-mnist", ["0.png", "1.png", "2.png"]).latents
    assert one.by == "images" and torch.allclose(one.vector, z[:2].mean(0) - z[2], atol=1e-5)


def test_a_picture_has_a_row_for_each_direction_with_the_sample_itself_in_the_middle(
    zoo: Zoo,
) -> None:
    result = zoo("directions", "vae-mnist", "-n", 2, "-o", "what.png")
    assert result.exit_code == 0
    with Image.open("what.png") as image:
        assert image.size == (7 * 30 + 2, 4 * 30 + 2)
        middles = [
            image.crop((2 + 3 * 30, 2 + row * 30, 30 + 3 * 30, 30 + row * 30)).tobytes()
            for row in range(4)
        ]
        assert len(set(middles)) == 1
        assert image.crop((2, 2, 30, 30)).tobytes() != middles[0]
    made = provenance.read(Path("what.png"))
    assert made["rows"] == ["strong-1", "strong-2", "weak-1", "weak-2"]


def test_a_seed_and_nothing_else_decides_what_is_found() -> None:
    torch.manual_seed(1)
    first = door.directions("vae-mnist", by="jacobian", n=1)
    torch.manual_seed(2)
    again = door.directions("vae-mnist", by="jacobian", n=1)
    assert torch.equal(first[0].vector, again[0].vector)
    assert torch.equal(
        latents(door.load("vae-mnist"), 1, seed=0),  # type: ignore[arg-type]
        latents(door.load("vae-mnist"), 4, seed=0)[:1],  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("vae-mnist --from 1", "Name two classes"),
        ("vae-mnist --from 1 --to 12", "There is no class '12'"),
        ("vae-mnist --from 1 --to one", "There is no class 'one'"),
        ("vae-mnist --from 1 --to 1", "both are '1'"),
        ("cvae-mnist --from 1 --to 2", "the class is not in its latent"),
        ("vae-mnist --by mean", "is none of sefa, jacobian, encodings"),
        ("vae-mnist --by sefa --from 1 --to 2", "is none of mean, classifier"),
        ("dcgan-mnist --by encodings", "can't encode images"),
        ("vae-mnist --plus a.png", "Name images of both kinds"),
        ("vae-mnist --plus a.png --minus a.png", "needs a name: --name NAME"),
        ("vae-mnist --name x", "--name is for a direction between classes or images"),
        ("vae-mnist --from 1 --to 2 --name a=b", "can't be the name of a direction"),
        ("vae-mnist --rename x", "is not OLD=NEW"),
        ("vae-mnist --rename x=y", "has no direction 'x'"),
        ("vae-mnist --remove x", "has no direction 'x'"),
        ("vae-mnist -o x.npz", "x.npz must end in .png"),
        ("./flow -n 2", "is not a checkpoint"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_kept(words: str, told: str, zoo: Zoo) -> None:
    Path("flow").mkdir()
    result = zoo("directions", *words.split())
    assert result.exit_code == 1 and told in result.stderr, result.stderr
    assert not list(Path(os.environ["ZOO_HOME"]).rglob("*.safetensors"))
