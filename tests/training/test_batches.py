"""Batches: every sample once, the same order for the same seed, shares that join."""

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


def test_bytes_become_floats_in_0_to_1() -> None:
    assert to_float(torch.tensor([0, 51, 255], dtype=torch.uint8)).tolist() == pytest.approx(
        [0, 0.2, 1]
    )
