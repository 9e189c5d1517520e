"""Data sets by their names, from plugins, and by their folders."""

import contextlib
from collections.abc import Sequence
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
from zoo.data.folders import SUFFIXES, images_in, mixed
from zoo.data.image_files import ImageFiles, common_shape, empty, image_shape
from zoo.registry import DatasetSpec, installed, off_stdout


def load_dataset(
    reference: str,
    *,
    root: Path | None = None,
    split: str = "train",
    sample_shape: Sequence[int] | None = None,
) -> Dataset:
    """Load a data set into memory.

    **Arguments:**
    - `reference`: the name of a data set that a plugin offers, or the path of a folder of images
        (it begins with `.`, `/` or `~`), whose sub-folders, if any, are classes.
    - `root`: folder that holds the data, in the layout of torchvision; `ZOO_DATA` or the zoo's own
        unless given. What isn't there is downloaded to it; only the zoo's own is made when it isn't
        there itself.
    - `split`: "train" or "test"; a folder has no splits.
    - `sample_shape`: resize samples to this (channels, height, width); needed for a folder of
        images of several sizes.

    **Raises:** `NotFoundError` for an unknown name, `DataError` for data that can't be read,
    fetched or resized, `PluginError` for a plugin whose loader breaks or gives something else than
    it promises."""
    if is_path(reference):
        return _load_folder(Path(reference).expanduser(), sample_shape)
    if reference not in installed().datasets and Path(reference).is_dir():
        raise DataError(f"No data set is called {reference!r}. For the folder write ./{reference}")
    spec, samples, labels = _load_by_name(reference, root, split)
    return Dataset(reference, _resized(samples, sample_shape), labels, tuple(spec.class_names))


def _load_folder(folder: Path, sample_shape: Sequence[int] | None) -> Dataset:
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder of images.")
    classes = sorted(one.name for one in folder.iterdir() if one.is_dir() and images_in(one))
    paths = mixed(
        folder, [path for name in classes for path in images_in(folder / name)] or images_in(folder)
    )
    if not paths:
        deeper = next(
            (
                found.parent.parent
                for found in folder.rglob("*/*")
                if found.suffix.lower() in SUFFIXES
            ),
            None,
        )
        hint = f" There are some further down: take {deeper}" if deeper else ""
        raise DataError(
            f"{folder} holds no images ({', '.join(SUFFIXES)}), nor do its sub-folders.{hint}"
        )
    if classes and (stray := images_in(folder)):
        raise DataError(
            f"{folder} has images in sub-folders, which are its classes "
            f"({', '.join(classes[:10])}), and beside them: "
            f"{stray[0].name}. Move those to a class, or away."
        )
    files = ImageFiles(paths, image_shape(sample_shape or common_shape(paths)))
    samples = files[:] if _fits(files.shape) else files
    labels = torch.tensor([classes.index(path.parent.name) for path in paths]) if classes else None
    return Dataset(f"./{folder.resolve().name}", samples, labels, tuple(classes))


def _resized(samples: Tensor, sample_shape: Sequence[int] | None) -> Tensor:
    if sample_shape is None or tuple(samples.shape[1:]) == tuple(sample_shape):
        return samples
    channels, height, width = image_shape(sample_shape)
    if samples.dim() != 4:
        raise DataError(
            f"Samples of shape {tuple(samples.shape[1:])} can't be resized to "
            f"{tuple(sample_shape)}."
        )
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
) -> tuple[DatasetSpec, Tensor, Tensor | None]:
    """What a plugin says of a data set, its samples and its labels, as the loader gives them.

    **Arguments:**
    - `name`: of the data set.
    - `root`: folder that holds the data; `ZOO_DATA` or the zoo's own unless given.
    - `split`: "train" or "test".

    **Returns:** the spec; samples, uint8 `(n, *sample_shape)`; labels, int64 `(n,)`, None when
    there are none.

    **Raises:** `NotFoundError` for an unknown name, `DataError` for data that can't be read or
    fetched, `PluginError` for a loader that breaks or gives something else."""
    loader = installed().dataset_loader(name)
    spec = installed().datasets[name]
    folder = _root(root)
    try:
        with contextlib.ExitStack() as alone, off_stdout():
            # one at a time: torchvision writes what it downloads where others would read it
            with contextlib.suppress(
                OutputError
            ):  # a home that can't be written costs the lock only
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
    """The folder that holds the data; only the zoo's own is made when it isn't there."""
    own = settings.home() / "data"
    folder = given or settings.data_root() or own
    if folder == own:
        with files.writing(own):
            own.mkdir(parents=True, exist_ok=True)
    elif not folder.is_dir():
        raise DataError(
            f"{folder} is no folder: {'--data-root' if given else 'ZOO_DATA'} names one that holds "
            "the data. Without "
            f"it they are downloaded to {own}."
        )
    return folder


def _checked(spec: DatasetSpec, loaded: Any) -> tuple[Tensor, Tensor | None]:
    """What the loader of a data set returned, when it is what was promised."""
    shape, classes = tuple(spec.sample_shape), len(spec.class_names)
    if not isinstance(loaded, tuple | list) or len(loaded) != 2:
        wrong = f"{type(loaded).__name__}, not a pair of samples and labels"
    elif (
        not isinstance(samples := loaded[0], Tensor)
        or samples.dtype != torch.uint8
        or samples.shape[1:] != shape
    ):
        wrong = (
            f"{_described(samples)} as samples, not a uint8 tensor (n, "
            f"{', '.join(map(str, shape))})"
        )
    elif (labels := loaded[1]) is None:
        return samples, None
    elif (
        not isinstance(labels, Tensor)
        or labels.dtype != torch.int64
        or labels.shape != samples.shape[:1]
    ):
        wrong = f"{_described(labels)} as labels, not an int64 tensor ({len(samples)},)"
    elif classes and len(labels) and not 0 <= labels.min() <= labels.max() < classes:
        wrong = (
            f"labels from {labels.min()} to {labels.max()}, but names {counted(classes, 'class')}"
        )
    else:
        return samples, labels
    raise PluginError(
        f"{spec.entry_point} gave {wrong}, for the data set {spec.name!r}: tell its plugin's "
        "authors."
    )


def _described(value: Any) -> str:
    return (
        f"{value.dtype} {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
    )
