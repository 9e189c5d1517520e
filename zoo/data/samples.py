"""Samples that stay where they are until they are asked for, and resizing."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import psutil
import torch
from torch import Tensor
from torch.nn import functional as F

from zoo.common.errors import DataError, counted

AT_ONCE = 4096  # images that are resized together


class OnDisk(ABC):
    """Samples that are not in memory: `samples[chosen]` reads some.

    A class says by `slow` whether reading takes so long that other processes should read ahead.
    """

    slow = True

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """As a tensor of all samples would have it: `(n, *sample_shape)`."""

    def __len__(self) -> int:
        """How many."""
        return self.shape[0]

    @abstractmethod
    def __getitem__(self, chosen: Tensor | slice) -> Tensor:
        """Samples by their indices, or a slice of them: `(n, *sample_shape)`."""

    def part(self, chosen: Tensor | slice) -> "OnDisk":
        """Some of the samples, which stay where they are."""
        return Rows(self, torch.arange(len(self))[chosen])


@dataclass(frozen=True)
class Rows(OnDisk):
    """Some rows of samples, by their indices.

    **Arguments:**
    - `base`: all samples.
    - `indices`: of these rows, int64 `(n,)`.
    """

    base: Tensor | OnDisk
    indices: Tensor

    @property
    def slow(self) -> bool:  # type: ignore[override]  # it depends on the base
        """Whether other processes should read ahead."""
        return isinstance(self.base, OnDisk) and self.base.slow

    @property
    def shape(self) -> tuple[int, ...]:
        """`(n, *sample_shape)`."""
        return len(self.indices), *self.base.shape[1:]

    def __getitem__(self, chosen: Tensor | slice) -> Tensor:
        """The samples of some rows."""
        return self.base[self.indices[chosen]]

    def part(self, chosen: Tensor | slice) -> "OnDisk":
        """Fewer rows of the same samples."""
        return Rows(self.base, self.indices[chosen])


@dataclass(frozen=True)
class Joined(OnDisk):
    """Samples followed by others of the same shape."""

    first: Tensor | OnDisk
    second: Tensor | OnDisk

    @property
    def shape(self) -> tuple[int, ...]:
        """`(n, *sample_shape)`."""
        return len(self.first) + len(self.second), *self.first.shape[1:]

    def __getitem__(self, chosen: Tensor | slice) -> Tensor:
        """Some of both, in the order that is asked for."""
        indices = torch.arange(len(self))[chosen] if isinstance(chosen, slice) else chosen
        is_first = indices < len(self.first)
        first, second = self.first[indices[is_first]], None
        if is_first.all():
            return first
        second = self.second[indices[~is_first] - len(self.first)]
        found = second.new_empty(len(indices), *self.shape[1:])
        found[is_first], found[~is_first] = first, second
        return found


@dataclass(frozen=True)
class Resized(OnDisk):
    """Images that are resized when they are read.

    **Arguments:**
    - `base`: the images, uint8 `(n, channels, height, width)`.
    - `sample_shape`: (channels, height, width) of the result.
    """

    base: Tensor | OnDisk
    sample_shape: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """`(n, *sample_shape)`."""
        return len(self.base), *self.sample_shape

    def __getitem__(self, chosen: Tensor | slice) -> Tensor:
        """Some of the images, resized."""
        return resized(self.base[chosen], self.sample_shape)


def fits(shape: Sequence[int], bytes_each: int = 1) -> bool:
    """Whether numbers of this shape, of one byte each unless given, take less than half of the
    memory that is free.
    """
    return bool(prod(shape) * bytes_each < psutil.virtual_memory().available / 2)


def empty(*shape: int) -> Tensor:
    """Room for samples, uint8; raises `DataError` when there is none."""
    try:
        return torch.empty(shape, dtype=torch.uint8)
    except RuntimeError as error:
        size = f"{shape[2]}×{shape[3]} pixels"
        raise DataError(
            f"There is no room in memory for {counted(shape[0], 'image')} of {size}."
        ) from error


def image_shape(sample_shape: Sequence[int]) -> tuple[int, int, int]:
    """(channels, height, width), when it is a shape of images; raises `DataError` otherwise."""
    if len(sample_shape) != 3 or sample_shape[0] not in (1, 3) or min(sample_shape) < 1:
        raise DataError(
            f"{tuple(sample_shape)} is not a shape of images: (1 or 3 channels, height, width)."
        )
    channels, height, width = sample_shape
    return channels, height, width


def in_size(samples: Tensor | OnDisk, sample_shape: Sequence[int] | None) -> Tensor | OnDisk:
    """Samples in the size that is asked for; those that are not in memory are resized when they
    are read. Raises `DataError` for what can't be resized.
    """
    if sample_shape is None or tuple(samples.shape[1:]) == tuple(sample_shape):
        return samples
    if isinstance(samples, Tensor):
        return resized(samples, sample_shape)
    resized(samples[:1], sample_shape)  # which refuses what can't be resized
    return Resized(samples, tuple(sample_shape))


def resized(samples: Tensor, sample_shape: Sequence[int]) -> Tensor:
    """Images in another size: uint8 `(n, channels, height, width)`."""
    if samples.dim() != 4 or samples.dtype != torch.uint8:
        raise DataError(
            f"Samples of shape {tuple(samples.shape[1:])} can't be resized to "
            f"{tuple(sample_shape)}."
        )
    channels, height, width = image_shape(sample_shape)
    resized = empty(len(samples), channels, height, width)
    for some, out in zip(samples.split(AT_ONCE), resized.split(AT_ONCE), strict=True):
        pixels = some.float()
        # grey to colour by repetition, colour to grey by the mean
        if channels != pixels.shape[1]:
            pixels = pixels.mean(1, keepdim=True).expand(-1, channels, -1, -1)
        pixels = F.interpolate(pixels, (height, width), mode="bilinear", antialias=True)
        out.copy_(pixels.round().clamp(0, 255))
    return resized
