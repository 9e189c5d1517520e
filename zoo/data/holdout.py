"""Samples that a model does not see in training: chosen by a seed, recorded, and found again."""

import dataclasses
from typing import Any

import torch
from torch import Tensor

from zoo.common.errors import DataError
from zoo.data.dataset import Dataset
from zoo.data.forms import is_own
from zoo.data.origin import Record
from zoo.data.samples import Joined

# of the choice; the same for trainings of all seeds, so that their results compare
SEED = 0
# of so many samples of one's own data one is held out
SHARE = 10
# samples that losses are taken of after each epoch
MOST = 65_536


def usual_holdout(data: Dataset, reference: str) -> int:
    """How many samples are held out unless said otherwise: a tenth of one's own data, 65,536 at
    most. Nothing of data that has a test set.
    """
    is_whole = is_own(reference) and "test" not in data.splits
    return min(len(data) // SHARE, MOST) if is_whole else 0


def for_training(
    data: Dataset,
    reference: str,
    n: int | None = None,
    test: Dataset | None = None,
    test_reference: str = "",
    *,
    conditional: bool = True,
) -> tuple[Dataset, int]:
    """Data as a training takes it: what is held out is at its end, and its facts say so.

    **Arguments:**
    - `data`: all of it.
    - `reference`: as it was asked for.
    - `n`: how many samples to hold out; as `usual_holdout` says unless given.
    - `test`, `test_reference`: other data to take in their place.
    - `conditional`: whether the labels matter.

    **Returns:** the data, and how many samples at its end are held out.

    **Raises:** `DataError` when nothing is left to train on, or test data is of another shape or
    of other classes."""
    record = Record(reference=reference, samples=len(data), sha256=digest(data))
    if test is not None:
        ready, held_out = followed_by(data, test, conditional=conditional)
        said: dict[str, Any] = {"test": test_reference, "test_samples": len(test)}
        said["test_sha256"] = digest(test)
    else:
        held_out = usual_holdout(data, reference) if n is None else n
        ready = moved_to_the_end(data, held_out)
        said = {"held_out": held_out}
    record = dataclasses.replace(record, **said)
    return dataclasses.replace(ready, facts={**data.facts, "data": record.to_dict()}), held_out


def hold_out(data: Dataset, n: int, seed: int = SEED) -> tuple[Dataset, Dataset]:
    """The samples that are trained on, and n that are held out, chosen at random by a seed; both
    stay in their order.

    **Raises:** `DataError` when nothing is left to train on."""
    if not n:
        return data.split(0)
    last = moved_to_the_end(data, n, seed)
    return last.split(n)


def moved_to_the_end(data: Dataset, n: int, seed: int = SEED) -> Dataset:
    """The same data, the samples to hold out at its end.

    **Raises:** `DataError` when nothing is left to train on."""
    data.split(n)  # which refuses too many
    if not n:
        return data
    chosen = torch.zeros(len(data), dtype=torch.bool)
    generator = torch.Generator().manual_seed(seed % 2**63)
    chosen[torch.randperm(len(data), generator=generator)[:n]] = True
    return data.part(torch.cat([(~chosen).nonzero(), chosen.nonzero()]).flatten())


def followed_by(
    data: Dataset, test: Dataset, seed: int = SEED, *, conditional: bool = True
) -> tuple[Dataset, int]:
    """Data with other data at its end, as held out, and how many of those there are.

    **Arguments:**
    - `conditional`: whether the labels matter; then both must have the same classes.

    **Raises:** `DataError` when the two have other shapes or classes."""
    if test.sample_shape != data.sample_shape:
        raise DataError(
            f"The samples of {test.name} are {test.sample_shape}, those of {data.name} "
            f"{data.sample_shape}: give both one size with --set sample_shape"
        )
    if conditional and not _share_classes(data, test):
        raise DataError(
            f"{test.name} does not have the classes of {data.name}: name them alike, in the same "
            "order."
        )
    if len(test) > MOST:
        generator = torch.Generator().manual_seed(seed)
        test = test.part(torch.randperm(len(test), generator=generator)[:MOST].sort().values)
    labels = None
    if data.labels is not None:
        # of a model without classes they are not looked at
        theirs = test.labels if _share_classes(data, test) else None
        labels = torch.cat(
            [data.labels, torch.zeros(len(test)).long() if theirs is None else theirs]
        )
    lengths = None
    if data.lengths is not None and test.lengths is not None:
        lengths = torch.cat([data.lengths, test.lengths])
    samples: Tensor | Joined
    if isinstance(data.samples, Tensor) and isinstance(test.samples, Tensor):
        samples = torch.cat([data.samples, test.samples])
    else:
        samples = Joined(data.samples, test.samples)
    joined = dataclasses.replace(data, samples=samples, labels=labels, lengths=lengths)
    return joined, len(test)


def _share_classes(data: Dataset, test: Dataset) -> bool:
    """Whether the labels of both mean the same; those of data that names no classes are numbers."""
    if data.labels is None or test.labels is None:
        return data.labels is None
    return data.class_names == test.class_names


def digest(data: Dataset) -> str:
    """The digest that tells whether data is still the same: of its files where it has some."""
    return data.origin_sha256 or data.sha256
