"""A data set: samples, their labels, and the parts it is split into."""

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from zoo.common.errors import DataError, counted
from zoo.data.image_files import ImageFiles

AT_ONCE = 1_000  # images of a data set that are read together to be hashed


@dataclass(frozen=True)
class Dataset:
    """Samples and their labels.

    **Arguments:**
    - `name`: of the data set, or `./` and the folder's: no data set that a plugin offers can be
        called so.
    - `samples`: uint8 `(n, *sample_shape)`, in memory or, when they don't fit, on disk; what a
        model gets is this divided by 255.
    - `labels`: int64 `(n,)`, None when the data has none.
    - `class_names`: what the labels mean.
    - `facts`: how images were read, where that is not as usual: `value_range` (the values of deep
        images that became black and white) and `bad_images_skipped` (how many).
    """

    name: str
    samples: Tensor | ImageFiles
    labels: Tensor | None
    class_names: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return tuple(self.samples.shape[1:])

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the samples (their shape, then their pixels), as 64 hexadecimal digits;
        taken once.
        """
        hashed = hashlib.sha256(str((len(self), *self.sample_shape)).encode())
        for first in range(0, len(self), AT_ONCE):
            hashed.update(self.samples[first : first + AT_ONCE].cpu().contiguous().numpy().data)
        return hashed.hexdigest()

    def __len__(self) -> int:
        """How many samples."""
        return len(self.samples)

    def to(self, device: torch.device) -> "Dataset":
        """The same on a device; what is on disk stays there."""
        samples = self.samples.to(device) if isinstance(self.samples, Tensor) else self.samples
        return dataclasses.replace(self, samples=samples)

    def part(self, where: slice | Tensor) -> "Dataset":
        """Some of the samples, with their labels.

        **Arguments:**
        - `where`: a slice, or indices, int64 `(n,)`.
        """
        samples, labels = self.samples, self.labels
        if isinstance(samples, ImageFiles):
            chosen: Tensor | ImageFiles = samples.part(where)
        else:
            chosen = samples[where]
        return dataclasses.replace(
            self, samples=chosen, labels=None if labels is None else labels[where]
        )

    def split(self, last: int) -> "tuple[Dataset, Dataset]":
        """All but the last samples, and those.

        **Raises:** `DataError` when that leaves nothing.
        """
        first = len(self) - last
        if first < 1:
            raise DataError(
                f"{counted(last, 'sample')} can't be held out of the {len(self):,} of {self.name}."
            )
        return self.part(slice(first)), self.part(slice(first, None))


def to_float(samples: Tensor) -> Tensor:
    """Samples as models take them: uint8 to float32 in [0, 1]."""
    return samples.float().div_(255)
