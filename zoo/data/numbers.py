"""Arrays of any shape and type as samples: told apart, scaled to 8 bits, and refused with a reason.

How an array of images is read:

- `(n, h, w)` is grey. Of four dimensions, those of size 1 or 3 are the channels, in the second
  place or the last. Rows of numbers are images when `sample_shape` says of which shape.
- uint8 is taken as it is; True is white. Other values are scaled from a range, whose ends become 0
  and 255: the range that is asked for, else 0 to 65,535 for uint16 and 0 to 1 for floating point.
  Other whole numbers need a range.

Of other kinds of samples, numbers are taken as they are, as float32, and uint8 as uint8.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isqrt, prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zoo.common.errors import DataError, counted
from zoo.data.dataset import Dataset
from zoo.data.forms import Asked
from zoo.data.opening import Range, range_text
from zoo.data.samples import OnDisk, fits, in_size

USUAL: dict[str, Range] = {"u2": (0.0, 65535.0), "f": (0.0, 1.0)}
# numbers that are looked at or scaled together
AT_ONCE = 1 << 22
# samples that are looked at when not all fit in memory
LOOKED_AT = 1_000
MOST_CLASSES = 100_000

log = logging.getLogger("zoo")


def dataset_of(
    values: Any,
    labels: Any,
    asked: Asked,
    *,
    called: str,
    name: str,
    class_names: Any = None,
    origin_sha256: str = "",
    splits: tuple[str, ...] = (),
) -> Dataset:
    """Arrays as a data set.

    **Arguments:**
    - `values`: a numpy array of samples, `(n, …)`.
    - `labels`: an array of n numbers or names of classes; None for none.
    - `asked`: how it is to be read.
    - `called`: what messages call the data.
    - `name`: of the data set.
    - `class_names`: an array of names; None where there are none.
    - `origin_sha256`, `splits`: as `Dataset` has them.

    **Raises:** `DataError` for arrays that can't be samples or labels."""
    _refuse_types(values, called)
    if asked.kind != "image":
        samples: Tensor | OnDisk = _as_they_are(values, called)
        facts: dict[str, Any] = {}
    else:
        samples = _images(values, asked, called)
        facts = {"value_range": list(asked.value_range)} if asked.value_range else {}
        samples = in_size(samples, asked.sample_shape)
    numbers, names = _labels(labels, class_names, len(values), called)
    return Dataset(name, samples, numbers, names, facts, origin_sha256=origin_sha256, splits=splits)


@dataclass(frozen=True)
class Scaled(OnDisk):
    """Images in an array whose values are scaled to 8 bits when they are read.

    **Arguments:**
    - `values`: the array, `(n, channels, height, width)`.
    - `value_range`: the values that become black and white.
    - `called`: what messages call the data.
    """

    values: Any
    value_range: Range
    called: str

    slow = False

    @property
    def shape(self) -> tuple[int, ...]:
        """`(n, channels, height, width)`."""
        return tuple(self.values.shape)

    def __getitem__(self, chosen: Tensor | slice) -> Tensor:
        """Some of the images, uint8."""
        index = chosen if isinstance(chosen, slice) else chosen.numpy()
        some = self.values[index]
        _refuse_nan(some, self.called)
        return torch.from_numpy(_scaled(some, self.value_range))


def _refuse_types(values: Any, called: str) -> None:
    if values.dtype.kind not in "buif":
        raise DataError(
            f"{called} holds values of the type {values.dtype}, which are no numbers: save uint8, "
            "uint16 or float32."
        )
    if values.ndim < 2 or 0 in values.shape:
        raise DataError(
            f"{called} holds an array of shape {values.shape}, not samples (n, …) of one dimension "
            "or more."
        )


def _images(values: Any, asked: Asked, called: str) -> Tensor | OnDisk:
    """An array as images: uint8 `(n, channels, height, width)`."""
    images = _laid_out(values, asked.sample_shape, called)
    kind = images.dtype.kind
    if images.dtype == np.uint8 or kind == "b":
        if asked.value_range:
            log.warning(
                "The range of values has no effect: it is for images of more than 8 bits, and %s "
                "has none.",
                called,
            )
        return _tensor(images) if kind == "u" else _tensor(images.astype(np.uint8) * 255)
    in_memory = fits(images.shape, images.dtype.itemsize)
    low, high = _bounds(images if in_memory else images[:LOOKED_AT], called)
    value_range = _range(images.dtype, low, high, asked.value_range, called)
    if not fits(images.shape):
        return Scaled(images, value_range, called)
    return torch.from_numpy(_scaled(images, value_range))


def _laid_out(values: Any, sample_shape: Sequence[int] | None, called: str) -> Any:
    """An array seen as `(n, channels, height, width)`, without copying it."""
    shape = tuple(values.shape)
    wanted = None if sample_shape is None else tuple(sample_shape)
    if len(shape) == 3:
        if wanted and wanted not in (_grey(shape), (3, *shape[1:])) and _is_flat(shape, wanted):
            return values.reshape(len(values), *wanted)
        return values[:, None]
    if len(shape) == 4:
        return _with_channels(values, wanted, called)
    if wanted and _is_flat(shape, wanted):
        return values.reshape(len(values), *wanted)
    edge = isqrt(prod(shape[1:]))
    square = edge * edge == prod(shape[1:])
    example = f"1,{edge},{edge}" if square else "CHANNELS,HEIGHT,WIDTH"
    raise DataError(
        f"{called} holds an array of shape {shape}, which is not of images: (n, height, width), "
        "(n, channels, height, width) or (n, height, width, channels), with 1 or 3 channels. If "
        f"images were made flat, say their shape: --set sample_shape={example}"
    )


def _grey(shape: Sequence[int]) -> tuple[int, ...]:
    return (1, *shape[1:])


def _is_flat(shape: Sequence[int], wanted: Sequence[int]) -> bool:
    return prod(shape[1:]) == prod(wanted)


def _with_channels(values: Any, wanted: tuple[int, ...] | None, called: str) -> Any:
    """An array of four dimensions, its channels in the second."""
    _, second, third, last = values.shape
    first_fits, last_fits = second in (1, 3), last in (1, 3)
    if first_fits and last_fits:
        if wanted == (second, third, last):
            return values
        if wanted == (last, second, third):
            return values.transpose(0, 3, 1, 2)
        raise DataError(
            f"{called} holds an array of shape {tuple(values.shape)}, in which the channels may be "
            "the second dimension or the last. Say the (channels, height, width): --set "
            f"sample_shape={second},{third},{last} or --set sample_shape={last},{second},{third}"
        )
    if last_fits:
        return values.transpose(0, 3, 1, 2)
    if first_fits:
        return values
    raise DataError(
        f"{called} holds an array of shape {tuple(values.shape)}: images have 1 or 3 channels, in "
        "the second dimension or the last. Leave out a channel for transparency."
    )


def _range(
    dtype: np.dtype[Any], low: float, high: float, asked: Range | None, called: str
) -> Range:
    """The values that become black and white; refuses those that nobody said."""
    usual = USUAL.get(dtype.str[1:], USUAL.get(dtype.kind))
    outside = usual is not None and (low < usual[0] or high > usual[1])
    if asked is None and (usual is None or outside):
        told = "have no usual range"
        if usual is not None:
            told = f"are usually from {usual[0]:g} to {usual[1]:g}"
        example = (0.0, 255.0) if low >= 0 and 127 < high <= 255 else (low, max(high, low + 1))
        raise DataError(
            f"{called} holds {dtype} values from {low:g} to {high:g}. Such values {told}: say "
            f"which values are black and white, such as --range {range_text(example)}"
        )
    chosen = asked or usual
    assert chosen is not None  # it was refused
    if high - low < (chosen[1] - chosen[0]) / 10:
        end = f"--range {range_text((low, high))}" if high > low else "--range LOW,HIGH"
        log.warning(
            "The values in %s are from %g to %g, less than a tenth of the range from %g (black) to "
            "%g (white). If you don't want that: %s",
            called,
            low,
            high,
            *chosen,
            end,
        )
    return chosen


def _bounds(values: Any, called: str) -> Range:
    """The least and the greatest value; refuses NaN."""
    low, high = np.inf, -np.inf
    for some in _chunks(values):
        _refuse_nan(some, called)
        low, high = min(low, float(some.min())), max(high, float(some.max()))
    return low, high


def _chunks(values: Any) -> Any:
    rows = max(1, AT_ONCE // prod(values.shape[1:]))
    return (values[first : first + rows] for first in range(0, len(values), rows))


def _refuse_nan(values: Any, called: str) -> None:
    if values.dtype.kind == "f":
        bad = ~np.isfinite(values).reshape(len(values), -1).all(1)
        if bad.any():
            raise DataError(
                f"{called} holds NaN or infinite values, in {bad.sum():,} of "
                f"{counted(len(values), 'sample')} that were looked at, such as number "
                f"{int(bad.argmax())}. Mend them, or leave these samples out."
            )


def _scaled(values: Any, value_range: Range) -> Any:
    """Values as uint8, rounded down as those of deep images are."""
    low, high = value_range
    pixels = np.empty(values.shape, np.uint8)
    rows = max(1, AT_ONCE // prod(values.shape[1:]))
    for first in range(0, len(values), rows):
        share = (values[first : first + rows].astype(np.float64) - low) / (high - low)
        pixels[first : first + rows] = share.clip(0, 1) * 255 + 1e-3
    return pixels


def _as_they_are(values: Any, called: str) -> Tensor:
    """An array as numbers: uint8 or float32."""
    if values.dtype == np.uint8:
        return _tensor(values)
    if not fits(values.shape, 4) and values.dtype != np.float32:
        raise DataError(
            f"{called} holds {values.dtype} values, which don't fit in memory as float32: save "
            "them as float32."
        )
    _bounds(values if fits(values.shape, 4) else values[:LOOKED_AT], called)
    return _tensor(values.astype(np.float32, copy=False))


def _tensor(values: Any) -> Tensor:
    """An array as a tensor, which shares its memory where the array can be changed."""
    native = values.astype(values.dtype.newbyteorder("="), copy=False)
    return torch.from_numpy(native if native.flags.writeable else native.copy())


def _labels(
    labels: Any, class_names: Any, n: int, called: str
) -> tuple[Tensor | None, tuple[str, ...]]:
    """Labels as int64, and what they mean."""
    names = () if class_names is None else tuple(map(str, np.asarray(class_names).ravel().tolist()))
    if labels is None:
        return None, ()
    given = np.asarray(labels)
    given = given[:, 0] if given.ndim == 2 and given.shape[1] == 1 else given
    if given.shape != (n,):
        raise DataError(
            f"{called} holds {counted(n, 'sample')} and labels of shape {given.shape}: give one "
            f"label for each sample, ({n},)."
        )
    if given.dtype.kind in "US":
        found, numbers = np.unique(given.astype(str), return_inverse=True)
        return torch.from_numpy(numbers.astype(np.int64)), tuple(map(str, found.tolist()))
    kind = given.dtype.kind
    whole = kind in "bui" or (kind == "f" and np.isfinite(given).all() and not (given % 1).any())
    if not whole:
        raise DataError(
            f"{called} holds labels of the type {given.dtype} that are no whole numbers: give the "
            "number of each sample's class, from 0, or its name."
        )
    low, high = int(given.min()), int(given.max())
    if low < 0 or high >= MOST_CLASSES:
        raise DataError(
            f"{called} holds labels from {low} to {high}: classes are numbered from 0, up to "
            f"{MOST_CLASSES - 1:,}."
        )
    if names and len(names) <= high:
        raise DataError(
            f"{called} names {counted(len(names), 'class')}, and holds labels up to {high}."
        )
    return torch.from_numpy(given.astype(np.int64)), names


def with_labels(data: Dataset, labels: Any, called: str) -> Dataset:
    """A data set with other labels, as `dataset_of` takes them."""
    numbers, names = _labels(labels, None, len(data), called)
    return replace(data, labels=numbers, class_names=names)
