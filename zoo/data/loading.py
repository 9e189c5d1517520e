"""Data sets by their names, from plugins, and by their folders."""

import contextlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import psutil
import torch
from torch import Tensor
from torch.nn import functional as F

from zoo.common import files, settings
from zoo.common.errors import DataError, OutputError, PluginError, ZooError, counted
from zoo.common.files import is_path
from zoo.data.dataset import Dataset
from zoo.data.folders import find_images, folder_of, refuse_unknown
from zoo.data.image_files import (
    HINT,
    Header,
    ImageFiles,
    Seen,
    Watch,
    empty,
    image_shape,
    look,
    read_images,
    refuse_bad,
)
from zoo.data.opening import Range, check_range, range_text
from zoo.registry import DatasetSpec, installed, off_stdout

MANY = 5_000  # images whose reading takes seconds, so that it is said
LOOKED_AT = 100  # images of a folder on disk that are read at the start

log = logging.getLogger("zoo")


def load_dataset(
    reference: str,
    *,
    root: Path | None = None,
    split: str = "train",
    sample_shape: Sequence[int] | None = None,
    value_range: Sequence[float] | None = None,
    skip_bad: bool = False,
    watch: Watch | None = None,
) -> Dataset:
    """Load a data set into memory.

    **Arguments:**
    - `reference`: the name of a data set that a plugin offers, or the path of a folder of images
        (it begins with `.`, `/` or `~`). Sub-folders that hold images, if any, are classes.
    - `root`: folder that holds the data, in the layout of torchvision. Unless given: `ZOO_DATA`,
        else the zoo's own folder. What is missing is downloaded to it. Only the zoo's own folder is
        created.
    - `split`: "train" or "test"; a folder of images has no splits.
    - `sample_shape`: resize samples to this (channels, height, width). A folder of images of
        several sizes needs it.
    - `value_range`: for a folder of deep images (more than 8 bits a value), the values that become
        black and white. Values outside are clipped.
    - `skip_bad`: leave out the images of a folder that can't be read.
    - `watch`: shows how many images of a folder are read.

    **Raises:** `NotFoundError` for an unknown name, `DataError` for data that can't be read,
    fetched or resized, `ConfigError` for a wrong `value_range`, `PluginError` for a plugin whose
    loader breaks or gives something else than it promises."""
    refuse_unknown(reference)
    if is_path(reference):
        asked = _Asked(sample_shape, check_range(value_range), skip_bad, watch)
        return _load_folder(folder_of(reference), asked)
    if value_range or skip_bad:
        raise DataError(
            "A range of values, and skipping bad images, are for folders of images. "
            f"{reference!r} is "
            "a data set with a loader of its own."
        )
    spec, samples, labels, lengths = _load_by_name(reference, root, split)
    return Dataset(
        reference,
        _resized(samples, sample_shape),
        labels,
        tuple(spec.class_names),
        scale=spec.scale,
        lengths=lengths,
        metadata=spec.metadata,
    )


@dataclass(frozen=True)
class _Asked:
    """How a folder is to be read; as the arguments of `load_dataset`."""

    sample_shape: Sequence[int] | None
    value_range: Range | None
    skip_bad: bool
    watch: Watch | None


def _load_folder(folder: Path, asked: _Asked) -> Dataset:
    found = find_images(folder)
    found.report()
    if len(found.paths) >= MANY:
        log.info("Reading %s images from %s", f"{len(found.paths):,}", folder)
    headers, seen = _look_at_all(found.paths)
    shape = _shape(headers, asked.sample_shape, folder)
    samples, read = _read(list(headers), shape, asked, thoroughly=bool(seen.bad))
    read.bad = {**seen.bad, **read.bad}
    _refuse_or_leave_out(read, len(found.paths), asked.skip_bad)
    _warn_of_range(folder, read, asked.value_range)
    paths = [path for path in headers if path not in read.bad]
    return Dataset(
        f"./{folder.resolve().name}",
        ImageFiles(paths, shape, asked.value_range) if samples is None else samples,
        torch.tensor([found.label(path) for path in paths]) if found.classes else None,
        found.classes,
        _facts(asked, read),
    )


def _read(
    paths: Sequence[Path], shape: tuple[int, int, int], asked: _Asked, *, thoroughly: bool
) -> tuple[Tensor | None, Seen]:
    """All images of a folder that can be read, and what was found; None in place of the images
    where they don't fit in memory.

    Images that don't fit are read when they are needed, and bad files are found then. All are read
    once here when bad files are to be left out, or when `thoroughly` asks for it, since one is
    known already. Otherwise the first hundred are read, to find a range that is too wide."""
    size = None if asked.sample_shape else (shape[2], shape[1])
    if _fits((len(paths), *shape)):
        return read_images(paths, shape, asked.value_range, size=size, watch=asked.watch)
    if not asked.skip_bad and not thoroughly:
        paths = paths[:LOOKED_AT]
    seen = Seen()
    for path in asked.watch(paths, len(paths), "checking images") if asked.watch else paths:
        _, one = read_images([path], shape, asked.value_range, size=size)
        seen.add(one)
    return None, seen


def _refuse_or_leave_out(seen: Seen, n: int, skip_bad: bool) -> None:
    """Raise `DataError` for images that can't be read; or say how many are left out."""
    if seen.unscaled or not skip_bad or len(seen.bad) == n:
        refuse_bad(seen, n, "" if skip_bad else HINT)
    if seen.bad:
        log.warning(
            "Left out %s of %s that can't be read. The first: %s",
            f"{len(seen.bad):,}",
            counted(n, "image"),
            next(iter(seen.bad.values())),
        )


def _look_at_all(paths: Sequence[Path]) -> tuple[dict[Path, Header], Seen]:
    """What each file says of itself, and which are bad."""
    headers, seen = {}, Seen()
    for path in paths:
        try:
            headers[path] = look(path)
        except DataError as error:
            seen.bad[path] = error
    if several := [path for path, header in headers.items() if header.several]:
        noun = "file holds" if len(several) == 1 else "files hold"
        log.info(
            "%s %s several pictures, such as %s: the first of each is taken.",
            f"{len(several):,}",
            noun,
            several[0],
        )
    return headers, seen


def _shape(
    headers: Mapping[Path, Header], asked: Sequence[int] | None, folder: Path
) -> tuple[int, int, int]:
    """(channels, height, width) that images are read as: colour when any image is."""
    if asked is not None or not headers:
        return image_shape(asked or (1, 1, 1))
    grey = [path for path, header in headers.items() if header.grey]
    if 0 < len(grey) < len(headers):
        log.info(
            "%s of %s in %s are grey, such as %s. All are read as colour. To read all as grey: "
            "--set "
            "sample_shape=1,HEIGHT,WIDTH",
            f"{len(grey):,}",
            counted(len(headers), "image"),
            folder,
            grey[0].name,
        )
    sizes: dict[tuple[int, int], Path] = {}
    for path, header in headers.items():
        sizes.setdefault(header.size, path)
    if len(sizes) > 1:
        (one, first), (other, second) = list(sizes.items())[:2]
        channels = 1 if len(grey) == len(headers) else 3
        raise DataError(
            f"The images differ in size: {first} is {one[0]}×{one[1]}, {second} is "
            f"{other[0]}×{other[1]}. Choose the (channels, height, width) to crop and scale them "
            "to: "
            f"--set sample_shape={channels},64,64"
        )
    ((width, height),) = sizes
    return (1 if len(grey) == len(headers) else 3), height, width


def _warn_of_range(folder: Path, seen: Seen, value_range: Range | None) -> None:
    """Warn where deep images use little of the range, so that all look alike; and of a range that
    is given for no deep image.
    """
    if value_range and not seen.deep:
        log.warning(
            "The range of values has no effect: it is for images of more than 8 bits, and %s has "
            "none.",
            folder,
        )
    for depth, (low, high) in seen.deep.items():
        usual = value_range or depth.range
        if usual is None or high - low >= (usual[1] - usual[0]) / 10:
            continue
        end = f"--range {range_text((low, high))}" if high > low else "--range LOW,HIGH"
        log.warning(
            "The %s in %s have values from %g to %g, less than a tenth of the range from %g "
            "(black) to %g (white). If you don't want that: %s",
            depth.noun,
            folder,
            low,
            high,
            *usual,
            "save them with 8 bits." if depth.cut else end,
        )


def _facts(asked: _Asked, seen: Seen) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if asked.value_range:
        facts["value_range"] = list(asked.value_range)
    if seen.bad:
        facts["bad_images_skipped"] = len(seen.bad)
    return facts


def _resized(samples: Tensor, sample_shape: Sequence[int] | None) -> Tensor:
    if sample_shape is None or tuple(samples.shape[1:]) == tuple(sample_shape):
        return samples
    if samples.dim() != 4 or samples.dtype != torch.uint8:
        raise DataError(
            f"Samples of shape {tuple(samples.shape[1:])} can't be resized to "
            f"{tuple(sample_shape)}."
        )
    channels, height, width = image_shape(sample_shape)
    resized = empty(len(samples), channels, height, width)
    for some, out in zip(samples.split(4096), resized.split(4096), strict=True):
        pixels = some.float()
        if channels != pixels.shape[1]:  # grey to colour by repetition, colour to grey by the mean
            pixels = pixels.mean(1, keepdim=True).expand(-1, channels, -1, -1)
        pixels = F.interpolate(pixels, (height, width), mode="bilinear", antialias=True)
        out.copy_(pixels.round().clamp(0, 255))
    return resized


def _fits(shape: tuple[int, ...]) -> bool:
    """Whether samples of this shape, as uint8, take less than half of the memory that is free."""
    return bool(prod(shape) < psutil.virtual_memory().available / 2)


def _load_by_name(
    name: str, root: Path | None, split: str
) -> tuple[DatasetSpec, Tensor, Tensor | None, Tensor | None]:
    """What a plugin says of a data set, its samples, labels and lengths, as the loader gives them.

    **Arguments:**
    - `name`: of the data set.
    - `root`: folder that holds the data; `ZOO_DATA` or the zoo's own unless given.
    - `split`: "train" or "test".

    **Returns:** the spec; samples `(n, *sample_shape)` of its dtype; labels, int64 `(n,)`, and
    lengths, int64 `(n,)`, each None when there are none.

    **Raises:** `NotFoundError` for an unknown name, `DataError` for data that can't be read or
    fetched, `PluginError` for a loader that breaks or gives something else."""
    loader = installed().dataset_loader(name)
    spec = installed().datasets[name]
    folder = _root(root)
    try:
        with contextlib.ExitStack() as alone, off_stdout():
            # One at a time: torchvision writes what it downloads where others would read it. A home
            # that can't be written costs the lock only.
            with contextlib.suppress(OutputError):
                alone.enter_context(files.alone(settings.home() / "locks" / name))
            loaded = loader(folder, split)
    except ZooError:
        raise
    except (OSError, RuntimeError) as error:
        raise DataError(
            f"Can't load the data set {name!r} from {folder}: "
            f"{' '.join(str(error).split()).rstrip('.')}. Without "
            "internet, put its files there, in the folders that torchvision gives them (MNIST/raw "
            "and the like), or "
            f"say where they are with --data-root or ZOO_DATA."
        ) from error
    except Exception as error:
        raise PluginError(
            f"{spec.entry_point} failed to load the data set {name!r}: {type(error).__name__}: "
            f"{error}. Tell its "
            f"plugin's authors."
        ) from error
    return spec, *_checked(spec, loaded)


def _root(given: Path | None) -> Path:
    """The folder that holds the data. Only the zoo's own is created when it is missing."""
    own = settings.home() / "data"
    name = "--data-root" if given else "ZOO_DATA"
    folder = settings.expand(given, name) if given else settings.data_root() or own
    if folder == own:
        with files.writing(own):
            own.mkdir(parents=True, exist_ok=True)
    try:
        found = folder.is_dir()
        if found:
            next(folder.iterdir(), None)
    except OSError as error:
        raise DataError(
            f"Can't read {folder}, which {name} names: {error.strerror}. Change its permissions, "
            "or name another folder."
        ) from error
    if not found:
        raise DataError(
            f"{folder} is not a folder: {name} names one that holds the data. Without it they are "
            f"downloaded to {own}."
        )
    return folder


def _checked(spec: DatasetSpec, loaded: Any) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """What the loader of a data set returned, when it is what was promised."""
    parts = ("samples", "labels", "lengths") if spec.lengths else ("samples", "labels")
    if not isinstance(loaded, tuple | list) or len(loaded) != len(parts):
        noun = "a pair of samples and labels" if len(parts) == 2 else "samples, labels and lengths"
        wrong = f"{type(loaded).__name__}, not {noun}"
    else:
        samples, labels, lengths = (*loaded, None)[:3]
        wrong = (
            _wrong_samples(spec, samples)
            or _wrong_labels(spec, samples, labels)
            or _wrong_lengths(spec, samples, lengths)
        )
        if not wrong:
            return samples, labels, lengths
    raise PluginError(
        f"{spec.entry_point} gave {wrong}, for the data set {spec.name!r}: tell its plugin's "
        "authors."
    )


def _wrong_samples(spec: DatasetSpec, samples: Any) -> str:
    """What is wrong with the samples of a loader, in words; "" when nothing is."""
    shape, dtype = tuple(spec.sample_shape), getattr(torch, spec.dtype)
    if not isinstance(samples, Tensor) or samples.dtype != dtype or samples.shape[1:] != shape:
        wanted = f"a {spec.dtype} tensor (n, {', '.join(map(str, shape))})"
        return f"{_described(samples)} as samples, not {wanted}"
    if samples.is_floating_point() and not samples.isfinite().all():
        return "samples that hold NaN or infinite values"
    return ""


def _wrong_labels(spec: DatasetSpec, samples: Tensor, labels: Any) -> str:
    """The same of the labels."""
    if labels is None:
        return ""
    if not _are_numbers_for(samples, labels):
        return f"{_described(labels)} as labels, not an int64 tensor ({len(samples)},)"
    classes = len(spec.class_names)
    if classes and len(labels) and not 0 <= labels.min() <= labels.max() < classes:
        return (
            f"labels from {labels.min()} to {labels.max()}, but names {counted(classes, 'class')}"
        )
    return ""


def _wrong_lengths(spec: DatasetSpec, samples: Tensor, lengths: Any) -> str:
    """The same of the lengths, where the spec says that there are some."""
    if not spec.lengths:
        return ""
    if not _are_numbers_for(samples, lengths):
        return f"{_described(lengths)} as lengths, not an int64 tensor ({len(samples)},)"
    longest = samples.shape[-1]
    if len(lengths) and not 1 <= lengths.min() <= lengths.max() <= longest:
        return f"lengths from {lengths.min()} to {lengths.max()}, not 1 to {longest}"
    return ""


def _are_numbers_for(samples: Tensor, given: Any) -> bool:
    """Whether these are whole numbers, one for each sample."""
    right = isinstance(given, Tensor) and given.dtype == torch.int64
    return right and given.shape == samples.shape[:1]


def _described(value: Any) -> str:
    return (
        f"{value.dtype} {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
    )
