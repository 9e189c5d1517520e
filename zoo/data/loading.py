"""Loaders of data sets from plugins: where they look, and whether they keep their promise."""

import contextlib
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo.checkpoints import home
from zoo.common import files
from zoo.common.errors import DataError, OutputError, PluginError, ZooError, counted
from zoo.registry import DatasetSpec, installed, off_stdout


def load(name: str, root: Path | None, split: str) -> tuple[DatasetSpec, Tensor, Tensor | None]:
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
                alone.enter_context(files.alone(home() / "locks" / name))
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
    own = home() / "data"
    folder = given or Path(os.environ.get("ZOO_DATA") or own).expanduser()
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
