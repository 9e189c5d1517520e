"""zoo directions: found, named, kept in the zoo's home, and never beside a bundled checkpoint."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Zoo, make_model
from PIL import Image
from torch import Tensor

import zoo as door
from zoo.checkpoints import find
from zoo.data import load_dataset
from zoo.editing import factors, kept
from zoo.errors import CheckpointError, ZooError
from zoo.sampling import latents, provenance
from zoo.sampling.images import to_image


def home_of(name: str) -> Path:
    return Path(os.environ["ZOO_HOME"], "directions", f"{find(name).sha256}.safetensors")


def test_directions_are_found_once_and_kept_under_the_digest_of_the_weights(zoo: Zoo) -> None:
    bundled = find("vae-mnist").path
    before = {path: path.stat().st_mtime_ns for path in bundled.rglob("*")}
    first = zoo("directions", "vae-mnist", "-n", 3)
    assert first.exit_code == 0 and home_of("vae-mnist").is_file()
    assert "Kept for vae-mnist: strong-1, strong-2, strong-3, weak-1" in first.stderr
    lines = first.stdout.splitlines()
    assert lines[0].split() == ["name", "found", "by", "strength"] and len(lines) == 7
    again = zoo("directions", "vae-mnist")
    assert again.stdout == first.stdout and again.stderr == ""
    assert {path: path.stat().st_mtime_ns for path in bundled.rglob("*")} == before


def test_listing_what_is_kept_imports_no_torch_but_for_the_vectors() -> None:
    folder = find("vae-mnist")
    assert kept.names(folder) == []
    door.directions("vae-mnist", n=1)
    code = (
        "import sys; from zoo.checkpoints import find; from zoo.editing import kept; "
        "print(kept.names(find('vae-mnist')), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "['strong-1', 'weak-1'] False\n", done.stderr


@pytest.mark.parametrize("name", ["vae-mnist", "dcgan-mnist", "cvae-mnist", "vae-mnist-2d"])
def test_a_first_layer_that_is_linear_gives_the_eigenvectors_of_its_weights(name: str) -> None:
    model = door.load(name)
    vectors = factors.by_first_layer(model)  # type: ignore[arg-type]
    assert vectors is not None
    first = next(
        layer
        for layer in (model.decoder if hasattr(model, "decoder") else model.generator)
        if isinstance(layer, torch.nn.Linear)
    )
    (dimensions,) = model.latent_shape
    effects = (first.weight[:, :dimensions] @ vectors.T).norm(dim=0)
    assert (effects[:-1] >= effects[1:] - 1e-4).all()
    assert torch.allclose(vectors @ vectors.T, torch.eye(dimensions), atol=1e-4)


def test_of_strong_directions_each_changes_samples_more_than_any_weak_one() -> None:
    for name in ("vae-mnist", "dcgan-mnist"):
        known = {one.name: one for one in door.directions(name, n=3)}
        strong = [one.strength for name, one in known.items() if name.startswith("strong")]
        weak = [one.strength for name, one in known.items() if name.startswith("weak")]
        assert min(strong) > 5 * max(weak), name


class Bent(torch.nn.Module):
    """x = (3 z₀, sin z₁, 0.1 z₂): its Jacobian is known."""

    def forward(self, z: Tensor) -> Tensor:
        return torch.stack([3 * z[:, 0], z[:, 1].sin(), 0.1 * z[:, 2]], 1)


def test_the_jacobian_ranks_directions_by_how_much_a_sample_changes() -> None:
    model = make_model("mlp-gan", latent_dim=3, generator_dims=(4,), sample_shape=(1, 1, 3))
    model.generator = Bent()
    vectors = factors.by_jacobian(model, seed=0)
    assert torch.allclose(vectors, torch.eye(3), atol=0.05)
    assert factors.by_first_layer(model) is None


def test_principal_components_of_encodings_are_those_of_their_covariance() -> None:
    torch.manual_seed(0)
    points = torch.randn(5000, 3) * torch.tensor([0.5, 3.0, 1.0])
    assert torch.allclose(factors.by_encodings(points)[0].abs(), torch.eye(3)[1], atol=0.05)


def test_one_step_from_class_to_class_takes_the_mean_of_one_to_the_other() -> None:
    torch.manual_seed(0)
    start, end = torch.randn(400, 5), torch.randn(400, 5) + torch.tensor([4.0, 0, 0, 0, 0])
    mean = factors.between_means(start, end)
    normal = factors.normal(start, end)
    assert torch.allclose(start.mean(0) + mean, end.mean(0), atol=1e-6)
    assert normal[0] == pytest.approx(4, rel=0.1) and normal[1:].abs().max() < 0.5
    middle = (start.mean(0) + end.mean(0)) / 2
    told = torch.cat([(start - middle) @ normal < 0, (end - middle) @ normal > 0])
    assert told.float().mean() > 0.95


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


def test_directions_get_other_names_and_are_forgotten(zoo: Zoo) -> None:
    door.directions("vae-mnist", n=2)
    result = zoo("directions", "vae-mnist", "--rename", "strong-1=slant", "--remove", "weak-2")
    assert [line.split()[0] for line in result.stdout.splitlines()[1:]] == [
        "slant",
        "strong-2",
        "weak-1",
    ]
    left = door.directions("vae-mnist", rename={"slant": "lean"}, remove=["strong-2", "weak-1"])
    assert [one.name for one in left] == ["lean"]
    assert door.directions("vae-mnist", remove="lean") == []
    assert not home_of("vae-mnist").exists()


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


def test_a_name_that_is_taken_is_not_taken_again() -> None:
    door.directions("vae-mnist", n=1)
    with pytest.raises(ZooError, match="already"):
        door.directions("vae-mnist", rename={"strong-1": "weak-1"})


@pytest.mark.parametrize(
    "content", [b"", b"\x08", b"\xff" * 64, b"\x02\0\0\0\0\0\0\0{}", b"text" * 1000]
)
def test_a_damaged_file_is_told_with_its_path(content: bytes) -> None:
    path = home_of("vae-mnist")
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="is damaged"):
        door.directions("vae-mnist")


def test_a_file_that_breaks_off_is_told_with_its_path() -> None:
    door.directions("vae-mnist", n=1)
    path = home_of("vae-mnist")
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(CheckpointError, match="is damaged"):
        door.directions("vae-mnist")


def test_json_holds_the_vectors(zoo: Zoo) -> None:
    found = json.loads(zoo("directions", "vae-mnist-2d", "-n", 1, "--json").stdout)
    assert [one["name"] for one in found] == ["strong-1", "weak-1"]
    assert np.hypot(*found[0]["vector"]) == pytest.approx(1)
