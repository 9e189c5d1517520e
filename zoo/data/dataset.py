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
from zoo.data.samples import OnDisk, Rows

# images of a data set that are read together to be hashed
AT_ONCE = 1_000
# bytes of samples of which no part is copied
LARGE = 1 << 30


@dataclass(frozen=True)
class Dataset:
    """Samples and their labels.

    **Arguments:**
    - `name`: of the data set, or `./` and the folder's: no data set that a plugin offers can be
        called so.
    - `samples`: uint8, int64 or float32 `(n, *sample_shape)`, in memory or, when they don't fit,
        on disk.
    - `labels`: int64 `(n,)`, None when the data has none.
    - `class_names`: what the labels mean.
    - `facts`: how images were read, where that is not as usual: `value_range` (the values of deep
        images that became black and white) and `bad_images_skipped` (how many).
    - `scale`: what the samples are divided by to become a model's input; None divides uint8 by 255
        and nothing else.
    - `lengths`: int64 `(n,)`, how much of each sample's last dimension is not padding; None where
        nothing is padded.
    - `metadata`: what a model's config must know of the data, by the names of its fields.
    - `origin_sha256`: a digest of the files that it came from, which is cheaper to take than that
        of the samples; "" where it came from no file.
    - `splits`: the parts that data of one's own is split into, such as ("train", "test"); empty
        when it is all one.
    """

    name: str
    samples: Tensor | OnDisk
    labels: Tensor | None
    class_names: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    scale: float | None = None
    lengths: Tensor | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    origin_sha256: str = ""
    splits: tuple[str, ...] = ()

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return tuple(self.samples.shape[1:])

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the samples (their shape, their type unless it is uint8, then their
        values), as 64 hexadecimal digits; taken once.
        """
        hashed = hashlib.sha256(str((len(self), *self.sample_shape)).encode())
        for first in range(0, len(self), AT_ONCE):
            some = self.samples[first : first + AT_ONCE].cpu().contiguous().numpy()
            if first == 0 and some.dtype != "uint8":
                hashed.update(str(some.dtype).encode())
            hashed.update(some.data)
        return hashed.hexdigest()

    def __len__(self) -> int:
        """How many samples."""
        return len(self.samples)

    def inputs(self, samples: Tensor) -> Tensor:
        """Samples as models take them: float32, divided by the scale; tokens stay int64.

        **Arguments:**
        - `samples`: some of this data set, `(n, *sample_shape)`.
        """
        if samples.dtype == torch.int64:
            return samples
        if self.scale is not None:
            return samples.float() / self.scale
        return to_float(samples) if samples.dtype == torch.uint8 else samples

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
        chosen: Tensor | OnDisk
        if isinstance(samples, OnDisk):
            chosen = samples.part(where)
        elif isinstance(where, Tensor) and samples.nbytes > LARGE:
            chosen = Rows(samples, where)  # a copy might not fit in memory
        else:
            chosen = samples[where]
        return dataclasses.replace(
            self,
            samples=chosen,
            labels=None if labels is None else labels[where],
            lengths=None if self.lengths is None else self.lengths[where],
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
    """Images as models take them: uint8 to float32 in [0, 1]."""
    return samples.float().div_(255)
