"""Batches: every sample once, the same order for the same seed, shares that join, and changes
within their bounds.
"""

import math
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from zoo.common.errors import ConfigError, DataError
from zoo.data import Dataset, ImageFiles, load_dataset, to_float
from zoo.models.build import build
from zoo.models.interface import TrainConfig
from zoo.registry.registry import installed
from zoo.sampling.images import to_image
from zoo.training.augment import augmented
from zoo.training.batches import Batches
from zoo.training.checks import class_weights
from zoo.training.loop import fit
from zoo.training.state import TrainingState

CPU = torch.device("cpu")


def numbered(n: int = 40, classes: int = 4) -> Dataset:
    """Samples of one pixel, which says which sample it is; the label is that number modulo the
    classes.
    """
    return Dataset(
        "numbered", torch.arange(n, dtype=torch.uint8).view(n, 1, 1, 1), torch.arange(n) % classes
    )


def batches(
    data: Dataset | None = None,
    seed: int = 0,
    rank: int = 0,
    world_size: int = 1,
    **settings: Any,
) -> Batches:
    return Batches(
        data or numbered(),
        TrainConfig(**{"batch_size": 8, **settings}),
        seed,
        CPU,
        rank,
        world_size,
    )


def drawn(some: Batches, epoch: int = 0, first: int = 0) -> list[list[int]]:
    """The numbers of the samples of each batch, held to their labels."""
    found = []
    for samples, labels in some.epoch(epoch, first):
        numbers = samples.flatten()
        assert labels is not None and some.data.labels is not None
        assert labels.dtype == torch.int64 and torch.equal(labels, some.data.labels[numbers.long()])
        found.append(numbers.tolist())
    return found


def test_an_epoch_shows_every_sample_once_with_its_label() -> None:
    seen = drawn(batches())
    assert [len(batch) for batch in seen] == [8] * 5
    assert sorted(chain(*seen)) == list(range(40))


def test_an_incomplete_batch_is_left_out_and_another_each_epoch() -> None:
    some = batches(batch_size=12)
    assert len(some) == 3
    left = [set(range(40)) - set(chain(*drawn(some, epoch))) for epoch in range(2)]
    assert [len(one) for one in left] == [4, 4] and left[0] != left[1]


def test_the_order_is_new_in_each_epoch_and_for_each_seed_and_else_the_same() -> None:
    assert drawn(batches()) == drawn(batches())
    assert drawn(batches(), 0) != drawn(batches(), 1)
    assert drawn(batches(seed=0)) != drawn(batches(seed=1))


def test_an_epoch_goes_on_where_it_was() -> None:
    assert drawn(batches(), 3, first=2) == drawn(batches(), 3)[2:]
    assert drawn(batches(), 3, first=5) == []


def test_the_order_draws_on_nobody_s_random_numbers() -> None:
    before = torch.random.get_rng_state()
    drawn(batches()), drawn(batches(balance=True)), list(batches().subset(3))
    assert torch.equal(before, torch.random.get_rng_state())


def test_two_processes_share_each_batch_of_one() -> None:
    whole = drawn(batches())
    shares = [drawn(batches(rank=rank, world_size=2)) for rank in range(2)]
    assert [len(batch) for share in shares for batch in share] == [4] * 10
    assert [sorted(one + other) for one, other in zip(*shares, strict=True)] == [
        sorted(batch) for batch in whole
    ]


def test_a_batch_smaller_than_the_processes_is_refused() -> None:
    with pytest.raises(DataError, match="A batch of 2 can't be shared evenly among 3 processes"):
        batches(batch_size=2, rank=0, world_size=3)


def test_a_data_set_smaller_than_a_batch_is_one_batch() -> None:
    assert [sorted(batch) for batch in drawn(batches(numbered(5), batch_size=100))] == [
        [0, 1, 2, 3, 4]
    ]


def test_balance_draws_every_class_equally_often_however_rare() -> None:
    labels = torch.tensor([0] * 196 + [1] * 2 + [2] * 2)
    data = Dataset("rare", torch.arange(200, dtype=torch.uint8).view(200, 1, 1, 1), labels)

    def counts(some: Batches) -> list[int]:
        numbers = [
            number for epoch in range(20) for batch in drawn(some, epoch) for number in batch
        ]
        return labels[numbers].bincount().tolist()

    balanced = counts(batches(data, balance=True))
    # 4,000 draws at 1/3 each: ± 4 standard deviations of 30
    assert sum(balanced) == 4000 and all(abs(count - 4000 / 3) < 120 for count in balanced)
    assert counts(batches(data)) == [196 * 20, 2 * 20, 2 * 20]


def test_the_batches_that_statistics_are_taken_over_are_as_balanced_as_those_trained_on() -> None:
    labels = torch.tensor([0] * 196 + [1] * 4)
    data = Dataset("rare", torch.arange(200, dtype=torch.uint8).view(200, 1, 1, 1), labels)
    rare = {
        balance: torch.cat(
            [given for _, given in batches(data, balance=balance).subset(100) if given is not None]
        ).sum()
        for balance in (False, True)
    }
    # of 800: 16 and 400, ± 4 standard deviations of 4 and of 14
    assert abs(rare[False] - 16) < 16 and abs(rare[True] - 400) < 56


def test_balance_without_labels_is_refused() -> None:
    with pytest.raises(
        DataError, match="--balance draws every class equally often, but bare has no labels"
    ):
        batches(Dataset("bare", torch.zeros(8, 1, 1, 1, dtype=torch.uint8), None), balance=True)


def test_class_weights_have_a_mean_of_1_over_the_data() -> None:
    data = Dataset(
        "three to one", torch.zeros(4, 1, 1, 1, dtype=torch.uint8), torch.tensor([0, 0, 0, 1])
    )
    weights = class_weights(data, TrainConfig(class_weights=(1.0, 5.0)))
    assert weights is not None and weights.tolist() == [0.5, 2.5]  # (3 · 1 + 5) / 4 = 2
    assert class_weights(data, TrainConfig()) is None


def test_class_weights_for_other_classes_than_the_data_s_are_refused() -> None:
    with pytest.raises(ConfigError, match="class_weights has 3 values; numbered has 4 classes"):
        class_weights(numbered(), TrainConfig(class_weights=(1.0, 1.0, 1.0)))
    with pytest.raises(DataError, match="bare has no labels"):
        class_weights(
            Dataset("bare", torch.zeros(4, 1, 1, 1), None), TrainConfig(class_weights=(1.0,))
        )


def on_disk(folder: Path, n: int = 64) -> tuple[Dataset, Dataset]:
    """Real digits as files that are read when asked for, and the same ones in memory."""
    digits = load_dataset("mnist")
    assert isinstance(digits.samples, Tensor) and digits.labels is not None
    paths = [folder / f"{index:03}.png" for index in range(n)]
    for path, sample in zip(paths, digits.samples, strict=False):
        to_image(sample).save(path)
    return (
        Dataset("digits", ImageFiles(paths, (1, 28, 28)), digits.labels[:n], digits.class_names),
        Dataset("digits", digits.samples[:n], digits.labels[:n], digits.class_names),
    )


def test_a_data_set_on_disk_trains_the_same_weights_bit_for_bit_as_in_memory(
    tmp_path: Path,
) -> None:
    model_class, weights = installed().model_class("mlp-vae"), []
    recipe = TrainConfig(
        epochs=2, batch_size=20, augment=("shift",), ema_decay=0.9, balance=True, holdout=4
    )
    before = torch.random.get_rng_state()
    for data in on_disk(tmp_path):
        config = model_class.Config(hidden_dims=(8,), latent_dim=2, num_classes=10, batch_norm=True)
        state = TrainingState(build(model_class, config, seed=0), seed=0)
        list(fit(state, data, recipe))
        weights.append({**state.model.state_dict(), **state.averaged.state_dict(prefix="average.")})
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0] | weights[1])
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_file_that_breaks_while_training_is_named(tmp_path: Path) -> None:
    disk, _ = on_disk(tmp_path, 8)
    (tmp_path / "005.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"005\.png is not a readable image"):
        list(batches(disk).epoch(0))


# --- augmentation


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


def test_bytes_become_floats_in_0_to_1() -> None:
    assert to_float(torch.tensor([0, 51, 255], dtype=torch.uint8)).tolist() == pytest.approx(
        [0, 0.2, 1]
    )
