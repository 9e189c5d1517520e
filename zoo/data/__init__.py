"""Data sets: by name or from a folder, and the features that compare them."""

from typing import TYPE_CHECKING

from zoo.common import lazy

if TYPE_CHECKING:
    from zoo.data.dataset import Dataset, to_float
    from zoo.data.features import Extractor, Features, check_shape, extract, load_features
    from zoo.data.folders import folder_digest
    from zoo.data.forms import is_own, refuse_unknown
    from zoo.data.image_files import ImageFiles, as_recorded, load_images
    from zoo.data.loading import load_dataset
    from zoo.data.opening import check_range, open_image, range_text
    from zoo.data.samples import OnDisk

__all__ = [
    "Dataset",
    "Extractor",
    "Features",
    "ImageFiles",
    "OnDisk",
    "as_recorded",
    "check_range",
    "check_shape",
    "extract",
    "folder_digest",
    "is_own",
    "load_dataset",
    "load_features",
    "load_images",
    "open_image",
    "range_text",
    "refuse_unknown",
    "to_float",
]

__getattr__ = lazy.rooms(
    __name__,
    {
        "Dataset": "zoo.data.dataset",
        "Extractor": "zoo.data.features",
        "Features": "zoo.data.features",
        "ImageFiles": "zoo.data.image_files",
        "OnDisk": "zoo.data.samples",
        "as_recorded": "zoo.data.image_files",
        "check_range": "zoo.data.opening",
        "check_shape": "zoo.data.features",
        "extract": "zoo.data.features",
        "folder_digest": "zoo.data.folders",
        "is_own": "zoo.data.forms",
        "load_dataset": "zoo.data.loading",
        "load_features": "zoo.data.features",
        "load_images": "zoo.data.image_files",
        "open_image": "zoo.data.opening",
        "range_text": "zoo.data.opening",
        "refuse_unknown": "zoo.data.forms",
        "to_float": "zoo.data.dataset",
    },
)
