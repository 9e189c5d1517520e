"""Pictures of a model: what stands where, held against models whose every pixel is known, and
against real digits.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal

import zoo as door
from zoo.common.errors import CapabilityError
from zoo.data import load_dataset
from zoo.models.interface import LatentModel, ModelConfig, Objective, Step
from zoo.sampling import pictures, provenance
from zoo.sampling.sampler import draw, latents

Trained = Callable[..., Path]


class Painter(LatentModel[ModelConfig]):
    """Its pixels are the shares Φ(z) of its latents, in their order; of a conditional one, the
    label in tenths.
    """

    Config = ModelConfig
    latent_shape = (2,)

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        self.check_labels(labels, len(z))
        pixels = torch.special.ndtr(z) if labels is None else (labels / 10)[:, None].expand(-1, 2)
        return pixels.view(-1, 1, 1, 2)

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        yield Objective(samples.sum())


class Mixer(Painter):
    """Its one pixel is ½ + w · z: each latent has a weight of its own."""

    weights = torch.tensor([0.01, 0.08, 0.0, 0.04])
    latent_shape = (4,)

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return (0.5 + z @ self.weights).view(-1, 1, 1, 1).expand(-1, 1, 1, 2)


class Spread(Painter):
    """One whose prior is wider."""

    def prior(self) -> Distribution:
        return Independent(Normal(torch.zeros(2), 5 * torch.ones(2)), 1)


class Singer(Painter):
    """One whose samples are not images."""

    sample_kind: ClassVar[Any] = "array"


def painter(kind: type[Painter] = Painter, num_classes: int = 0) -> Any:
    return kind(ModelConfig(sample_shape=(1, 1, 2), num_classes=num_classes)).eval()


def array(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("L")).astype(int)


def first_pixels(picture: Image.Image) -> np.ndarray:
    """The first pixel of each image in a grid of images 1 high and 2 wide."""
    return array(picture)[2::3, 2::4]


def cells(picture: Image.Image, row: int) -> np.ndarray:
    """The images 28 × 28 in one row of pairs of rows, 4 pixels of bar after each pair: `(8, 28,
    28)`.
    """
    top = row // 2 * (62 + 4) + 2 + row % 2 * 30
    return np.stack(
        [array(picture)[top : top + 28, left : left + 28] for left in range(2, picture.width, 30)]
    )


def test_a_manifold_is_even_in_probability_to_the_right_and_upwards() -> None:
    pixels = array(pictures.manifold(painter()))
    assert pixels.shape == (20, 40)  # 20 × 20 images, 1 high and 2 wide
    shares = 255 * (np.arange(20) + 0.5) / 20
    assert np.abs(pixels[:, 0::2] - shares).max() <= 0.51  # Φ(z₁) grows with the column
    assert np.abs(pixels[:, 1::2] - shares[::-1, None]).max() <= 0.51  # Φ(z₂) falls with the row


def test_a_manifold_of_a_conditional_model_shows_its_first_class() -> None:
    assert (array(pictures.manifold(painter(num_classes=10))) == 0).all()


@pytest.mark.parametrize("model", [Mixer, Spread])
def test_a_manifold_of_other_latents_is_refused(model: type[Painter]) -> None:
    with pytest.raises(CapabilityError, match="two latents with a standard normal prior"):
        pictures.manifold(painter(model))


def test_a_traversal_has_the_strongest_dimension_first_and_varies_that_alone() -> None:
    pixels = first_pixels(pictures.traversal(painter(Mixer), seed=3))
    assert pixels.shape == (4, 11)
    (start,) = latents(painter(Mixer), 1, seed=3)
    for row, dimension in zip(pixels, (1, 3, 0, 2), strict=True):
        rest = 0.5 + (start @ Mixer.weights - start[dimension] * Mixer.weights[dimension]).item()
        wanted = 255 * (rest + np.linspace(-3, 3, 11) * Mixer.weights[dimension].item())
        assert np.abs(row - wanted).max() <= 0.51


def test_a_traversal_has_16_rows_at_most_and_classes_in_turn() -> None:
    many = painter(Mixer)
    many.latent_shape, many.weights = (300,), torch.arange(300) / 1e6
    assert first_pixels(pictures.traversal(many, seed=0)).shape == (16, 11)
    rows = first_pixels(pictures.traversal(painter(num_classes=10), seed=0))
    assert rows.tolist() == [[0] * 11, [26] * 11]  # 0/10 and 1/10, of 255


def test_a_traversal_of_another_prior_is_refused() -> None:
    with pytest.raises(CapabilityError, match="Spread has a prior that is not standard normal"):
        pictures.traversal(painter(Spread), seed=0)


def test_lines_of_an_interpolation_are_straight_between_the_samples_of_the_seed() -> None:
    model = painter(Mixer)
    pixels = first_pixels(pictures.interpolation(model, seed=5, n=3, steps=5))
    ends = 255 * draw(model, 6, seed=5)[:, 0, 0, 0].view(3, 2).numpy()
    assert pixels.shape == (3, 5)
    for row, (start, end) in zip(pixels, ends, strict=True):
        assert np.abs(row - np.linspace(start, end, 5)).max() <= 0.51


def test_classes_take_turns_in_an_interpolation_unless_labels_are_given() -> None:
    model = painter(num_classes=3)
    in_turn = first_pixels(pictures.interpolation(model, seed=0, n=5, steps=2))
    assert in_turn[:, 0].tolist() == [0, 26, 51, 0, 26]
    given = pictures.interpolation(model, seed=0, n=2, steps=2, labels=torch.tensor([2, 1]))
    assert first_pixels(given)[:, 0].tolist() == [51, 26]


def test_originals_stand_above_their_reconstructions_in_pairs_of_rows() -> None:
    model: Any = door.load("vae-mnist")
    samples = load_dataset("mnist", split="test").samples[:11]
    picture = pictures.reconstructions(model, samples)
    assert picture.size == (8 * 30 + 2, 2 * 62 + 4)
    with torch.no_grad():
        copies = 255 * model.reconstruct(samples / 255)[:, 0].numpy()
    originals = samples[:, 0].numpy()
    for pair, wanted in ((0, slice(0, 8)), (2, slice(8, 11))):
        count = len(originals[wanted])
        assert (cells(picture, pair)[:count] == originals[wanted]).all() and not cells(
            picture, pair
        )[count:].any()
        assert np.abs(cells(picture, pair + 1)[:count] - copies[wanted]).max() <= 0.51
    assert (array(picture)[62:66] == 128).all()  # the bar


BLUE, ORANGE, GREEN = (0x1F, 0x5F, 0x8B), (0xC2, 0x57, 0x1A), (0x3B, 0x7D, 0x4F)


def test_a_model_gets_the_pictures_that_fit_it(trained: Trained) -> None:
    digits = load_dataset("mnist", split="test")
    for model, further, written in (
        ("mlp-vae", [], ["reconstructions", "interpolation", "traversal"]),
        (
            "mlp-vae",
            ["latent_dim=2"],
            ["reconstructions", "interpolation", "traversal", "manifold"],
        ),
        (
            "mlp-vae",
            ["num_classes=10"],
            ["reconstructions", "interpolation", "traversal"],
        ),
        ("dcgan", [], ["interpolation", "traversal"]),
    ):
        loaded = door.load(str(trained(model, *further)))
        labels = (
            digits.labels[:8] if digits.labels is not None and loaded.config.num_classes else None
        )
        folder = Path("-".join([model, *further]))
        names = pictures.write_all(loaded, folder, {}, samples=digits.samples[:8], labels=labels)
        assert names == [f"{name}.png" for name in written]
        assert sorted(path.name for path in (folder / "images").iterdir()) == sorted(names)


def test_a_model_of_arrays_gets_none_and_one_with_a_prior_of_its_own_no_traversal() -> None:
    assert pictures.write_all(painter(Singer), Path(), {}) == [] and not Path("images").exists()
    assert pictures.write_all(painter(Spread), Path(), {}) == ["interpolation.png"]


def test_pictures_are_the_same_each_time_and_say_how_they_were_made(trained: Trained) -> None:
    model = door.load(str(trained("mlp-gan")))
    before = torch.random.get_rng_state()
    for folder in ("first", "again"):
        pictures.write_all(model, Path(folder), {"checkpoint": "mine"})
    for path in Path("first/images").iterdir():
        assert path.read_bytes() == (Path("again/images") / path.name).read_bytes()
    made = provenance.read(Path("first/images/traversal.png"))
    assert made == {"checkpoint": "mine", "picture": "traversal", "seed": 0}
    assert torch.equal(before, torch.random.get_rng_state()) and torch.is_grad_enabled()
