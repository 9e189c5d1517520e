"""Data sets: by name or from a folder, and the features that compare them."""

from typing import TYPE_CHECKING

from zoo.common import lazy

if TYPE_CHECKING:
    from zoo.data.dataset import (
        Dataset,
        ImageFiles,
        folder_digest,
        load_dataset,
        load_images,
        to_float,
    )
    from zoo.data.features import Extractor, Features, extract, load_features

__all__ = [
    "Dataset",
    "Extractor",
    "Features",
    "ImageFiles",
    "extract",
    "folder_digest",
    "load_dataset",
    "load_features",
    "load_images",
    "to_float",
]

__getattr__ = lazy.rooms(
    __name__,
    {
        "Dataset": "zoo.data.dataset",
        "Extractor": "zoo.data.features",
        "Features": "zoo.data.features",
        "ImageFiles": "zoo.data.dataset",
        "extract": "zoo.data.features",
        "folder_digest": "zoo.data.dataset",
        "load_dataset": "zoo.data.dataset",
        "load_features": "zoo.data.features",
        "load_images": "zoo.data.dataset",
        "to_float": "zoo.data.dataset",
    },
)
