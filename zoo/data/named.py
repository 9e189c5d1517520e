"""Data sets by their names: loaded by the plugin that offers them, and held to what it promised."""

import contextlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo.common import files, settings
from zoo.common.errors import DataError, OutputError, PluginError, ZooError, counted
from zoo.registry import DatasetSpec, installed, off_stdout


def load_by_name(
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
