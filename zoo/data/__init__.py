"""Data sets: by name or from a folder, and the features that compare them."""

from typing import TYPE_CHECKING

from zoo.common import lazy

if TYPE_CHECKING:
    from zoo.data.dataset import Dataset, to_float
    from zoo.data.features import Extractor, Features, check_shape, extract, load_features
    from zoo.data.forms import IN_MEMORY, is_own, kind_of, refuse_unknown
    from zoo.data.holdout import digest, for_training, hold_out, usual_holdout
    from zoo.data.image_files import ImageFiles, as_recorded, load_images
    from zoo.data.image_folders import SizesDiffer
    from zoo.data.loading import load_dataset, load_unseen
    from zoo.data.opening import check_range, open_image, range_text
    from zoo.data.origin import Record, recalled, remember
    from zoo.data.samples import OnDisk

__all__ = [
    "IN_MEMORY",
    "Dataset",
    "Extractor",
    "Features",
    "ImageFiles",
    "OnDisk",
    "Record",
    "SizesDiffer",
    "as_recorded",
    "check_range",
    "check_shape",
    "digest",
    "extract",
    "for_training",
    "hold_out",
    "is_own",
    "kind_of",
    "load_dataset",
    "load_features",
    "load_images",
    "load_unseen",
    "open_image",
    "range_text",
    "recalled",
    "refuse_unknown",
    "remember",
    "to_float",
    "usual_holdout",
]

__getattr__ = lazy.rooms(
    __name__,
    {
        "Dataset": "zoo.data.dataset",
        "Extractor": "zoo.data.features",
        "Features": "zoo.data.features",
        "IN_MEMORY": "zoo.data.forms",
        "ImageFiles": "zoo.data.image_files",
        "OnDisk": "zoo.data.samples",
        "Record": "zoo.data.origin",
        "SizesDiffer": "zoo.data.image_folders",
        "as_recorded": "zoo.data.image_files",
        "check_range": "zoo.data.opening",
        "check_shape": "zoo.data.features",
        "digest": "zoo.data.holdout",
        "extract": "zoo.data.features",
        "for_training": "zoo.data.holdout",
        "hold_out": "zoo.data.holdout",
        "is_own": "zoo.data.forms",
        "kind_of": "zoo.data.forms",
        "load_dataset": "zoo.data.loading",
        "load_features": "zoo.data.features",
        "load_images": "zoo.data.image_files",
        "load_unseen": "zoo.data.loading",
        "open_image": "zoo.data.opening",
        "range_text": "zoo.data.opening",
        "recalled": "zoo.data.origin",
        "refuse_unknown": "zoo.data.forms",
        "remember": "zoo.data.origin",
        "to_float": "zoo.data.dataset",
        "usual_holdout": "zoo.data.holdout",
    },
)
