"""Random changes to images: within their bounds, each image in its own way."""

import math

import pytest
import torch
from torch import Tensor

from zoo.common.errors import DataError
from zoo.training.augment import augmented


def blob(
    n: int = 300, *, width: float = 2.0, height: float = 2.0, size: tuple[int, int] = (28, 28)
) -> Tensor:
    """Gaussian blobs in the middle of images, with these standard deviations in pixels."""
    rows, columns = (torch.arange(edge) - (edge - 1) / 2 for edge in size)
    image = torch.exp(-(rows.view(-1, 1) ** 2) / (2 * height**2) - columns**2 / (2 * width**2))
    return image.expand(n, 1, *size).clone()


def moments(images: Tensor) -> tuple[Tensor, Tensor]:
    """Of each image, the centre `(n, 2)` from its middle, and the covariance `(n, 2, 2)`, in
    pixels, x first.
    """
    height, width = images.shape[2:]
    rows, columns = torch.arange(height) - (height - 1) / 2, torch.arange(width) - (width - 1) / 2
    places = torch.stack(
        [columns.expand(height, width), rows.view(-1, 1).expand(height, width)]
    ).flatten(1)  # (2, d)
    mass = images.flatten(1) / images.flatten(1).sum(1, keepdim=True)
    centre = mass @ places.T
    away = places.unsqueeze(0) - centre.unsqueeze(2)  # (n, 2, d)
    return centre, torch.einsum("nd,nid,njd->nij", mass, away, away)


def changed(images: Tensor, *changes: str) -> Tensor:
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        return augmented(images, changes)


def test_no_augmentation_leaves_images_as_they_are() -> None:
    images = blob(4)
    assert augmented(images, ()) is images


@pytest.mark.parametrize(
    "changes", [("shift",), ("rotate",), ("zoom",), ("flip",), ("shift", "rotate", "zoom", "flip")]
)
def test_a_constant_image_stays_the_same(changes: tuple[str, ...]) -> None:
    images = torch.full((5, 3, 28, 20), 0.7)
    assert torch.allclose(changed(images, *changes), images, atol=1e-6)


def test_a_shift_moves_by_up_to_2_pixels_of_28_each_way_and_does_nothing_else() -> None:
    centre, covariance = moments(changed(blob(), "shift"))
    for one in centre.T:
        assert -2.01 < one.min() < -1.9 and 1.9 < one.max() < 2.01 and abs(one.mean()) < 0.2
    assert abs(torch.corrcoef(centre.T)[0, 1]) < 0.2
    assert torch.allclose(covariance, covariance.mean(0).expand_as(covariance), atol=0.3)
    far = moments(changed(blob(size=(28, 56)), "shift"))[0].abs().amax(0)
    assert far.tolist() == pytest.approx([4, 2], abs=0.1)  # a share of each edge


@pytest.mark.parametrize("size", [(28, 28), (28, 56), (56, 28)])
def test_a_rotation_turns_by_up_to_10_degrees_and_keeps_centre_and_form(
    size: tuple[int, int],
) -> None:
    bars = blob(width=6.0, height=1.5, size=size)
    centre, covariance = moments(changed(bars, "rotate"))
    angle = (
        0.5
        * torch.atan2(2 * covariance[:, 0, 1], covariance[:, 0, 0] - covariance[:, 1, 1]).rad2deg()
    )
    assert -10.2 < angle.min() < -9.5 and 9.5 < angle.max() < 10.2 and abs(angle.mean()) < 1
    assert centre.abs().max() < 0.1
    before = torch.linalg.eigvalsh(moments(bars)[1]).sqrt()
    assert torch.allclose(torch.linalg.eigvalsh(covariance).sqrt(), before, rtol=0.06)


def test_a_zoom_scales_by_up_to_a_tenth_both_ways_alike() -> None:
    images = blob(width=5.0, height=4.0)
    centre, covariance = moments(changed(images, "zoom"))
    scale = (covariance / moments(images)[1]).diagonal(dim1=1, dim2=2).sqrt()  # (n, 2)
    assert 0.88 < scale.min() < 0.92 and 1.08 < scale.max() < 1.12
    assert torch.allclose(scale[:, 0], scale[:, 1], atol=0.02) and centre.abs().max() < 0.02


def test_a_flip_mirrors_left_and_right_one_time_in_two() -> None:
    images = torch.rand(200, 1, 4, 6, generator=torch.Generator().manual_seed(0))
    out = changed(images, "flip")
    kept = torch.isclose(out, images, atol=1e-5).flatten(1).all(1)
    mirrored = torch.isclose(out, images.flip(3), atol=1e-5).flatten(1).all(1)
    assert (kept ^ mirrored).all() and 70 < mirrored.sum() < 130


def test_changes_together_stay_together_within_their_bounds() -> None:
    out = changed(blob(width=6.0, height=1.5), "shift", "rotate", "zoom", "flip")
    centre, covariance = moments(out)
    angle = (
        0.5
        * torch.atan2(2 * covariance[:, 0, 1], covariance[:, 0, 0] - covariance[:, 1, 1]).rad2deg()
    )
    # a zoom also moves what was shifted, by a tenth of it
    assert centre.abs().max() < 2.01 / 0.9 * math.sqrt(2) and 8 < angle.abs().max() < 11
    assert out.min() >= 0 and out.max() <= 1


def test_every_image_is_changed_in_its_own_way_and_the_same_for_the_same_seed() -> None:
    images = blob(4)
    out = changed(images, "shift")
    assert torch.equal(out, changed(images, "shift"))
    assert len({tuple(image.flatten().tolist()) for image in out}) == 4


def test_samples_that_are_no_images_can_t_be_augmented() -> None:
    with pytest.raises(DataError, match=r"Samples of shape \(2,\) are not images"):
        augmented(torch.zeros(3, 2), ("shift",))
