"""Data that is given in Python: tensors, numpy arrays, and data sets of torch and others."""

from collections.abc import Mapping, Sequence, Sized
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from zoo.common.errors import ConfigError, DataError, counted
from zoo.data.arrays import LABELS, SAMPLES
from zoo.data.dataset import Dataset
from zoo.data.forms import Asked
from zoo.data.numbers import dataset_of
from zoo.data.samples import in_size

CALLED = "The data that was given"
NAME = "data given in Python"
WANTED = (
    "a name or a path, a tensor or an array (n, …), a pair of samples and labels, a dict of them, "
    "or a data set whose items are images, or pairs of an image and a label"
)
# what an item of a data set is called, when it is a dict
IMAGES = ("image", "img", "samples", "pixel_values", "x")
CLASSES = ("label", "labels", "fine_label", "y")


def read_given(given: Any, asked: Asked) -> Dataset:
    """Data that was given in Python.

    **Arguments:**
    - `given`: what `zoo.train(data=…)` takes beside a name or a path.
    - `asked`: how it is to be read.

    **Raises:** `ConfigError` for another type, `DataError` for samples or labels that don't fit."""
    if isinstance(given, Dataset):
        return replace(given, samples=in_size(given.samples, asked.sample_shape))
    samples, labels, names = _parts(given)
    return dataset_of(samples, labels, asked, called=CALLED, name=NAME, class_names=names)


def _parts(given: Any) -> tuple[Any, Any, Any]:
    """Samples, labels and class names as arrays; the last two may be None."""
    if isinstance(given, Tensor | np.ndarray):
        return _array(given), None, None
    if isinstance(given, tuple) and len(given) == 2 and _is_array(given[0]):
        return _array(given[0]), None if given[1] is None else _array(given[1]), None
    if isinstance(given, Mapping):
        return _named(given)
    if isinstance(given, torch.utils.data.DataLoader):
        raise ConfigError(
            "data is a DataLoader, which has an order and batches of its own: pass its data set, "
            "data=loader.dataset"
        )
    if isinstance(given, Sized) and hasattr(given, "__getitem__") and not isinstance(given, bytes):
        return _items(given)
    raise ConfigError(f"data is of the type {type(given).__name__}: pass {WANTED}.")


def _is_array(value: Any) -> bool:
    return isinstance(value, Tensor | np.ndarray) and value.ndim > 1


def _array(value: Any) -> Any:
    if isinstance(value, Tensor):
        whole = value.detach().cpu()
        return (whole.float() if whole.dtype == torch.bfloat16 else whole).numpy()
    return np.asarray(value)


def _named(given: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    samples = next((given[name] for name in SAMPLES["train"] if name in given), None)
    if samples is None:
        keys = ", ".join(map(str, list(given)[:10])) or "none"
        raise ConfigError(
            f"data is a dict without samples (its keys: {keys}): pass "
            "data={'samples': …, 'labels': …}"
        )
    labels = next((given[name] for name in LABELS["train"] if name in given), None)
    return _array(samples), None if labels is None else _array(labels), given.get("class_names")


def _items(given: Any) -> tuple[Any, Any, Any]:
    """The items of a data set, one after the other."""
    if not len(given):
        raise DataError(f"{CALLED} has no samples.")
    images: list[Any] = []
    labels: list[Any] = []
    for index in range(len(given)):
        image, label = _item(given[index])
        array = _pixels(image, index)
        if images and (array.shape, array.dtype) != (images[0].shape, images[0].dtype):
            raise DataError(
                f"{CALLED} has samples of several shapes or types: number 0 is "
                f"{images[0].dtype} {images[0].shape}, number {index} is {array.dtype} "
                f"{array.shape}. Give all one size."
            )
        images.append(array)
        labels.append(label)
    missing = sum(label is None for label in labels)
    if 0 < missing < len(labels):
        raise DataError(
            f"{CALLED} has {counted(missing, 'sample')} without a label, of {len(labels):,}."
        )
    names = getattr(given, "classes", None)
    known = names if isinstance(names, Sequence) and not isinstance(names, str) else None
    return np.stack(images), None if missing else np.asarray(labels), known


def _item(item: Any) -> tuple[Any, Any]:
    """The image and the label of an item."""
    if isinstance(item, Mapping):
        image = next((item[name] for name in IMAGES if name in item), None)
        if image is None:
            raise ConfigError(
                f"data has items that are dicts without an image (their keys: "
                f"{', '.join(map(str, list(item)[:10]))}): call it 'image', and its label 'label'."
            )
        return image, next((item[name] for name in CLASSES if name in item), None)
    if isinstance(item, tuple | list):
        if not item:
            raise ConfigError(f"data has items that are empty: pass {WANTED}.")
        label = item[1] if len(item) > 1 else None
        return item[0], label.item() if isinstance(label, Tensor) and label.ndim == 0 else label
    return item, None


def _pixels(image: Any, index: int) -> Any:
    if isinstance(image, Image.Image):
        grey = image.mode in ("1", "L")
        return np.asarray(image.convert("L" if grey else "RGB"))
    if isinstance(image, Tensor | np.ndarray) and image.ndim:
        return _array(image)
    raise ConfigError(
        f"data has items of the type {type(image).__name__}, such as number {index}: pass {WANTED}."
    )
