"""Data, whatever form it has, held to one promise: samples, labels, class names, digest."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.common.errors import DataError
from zoo.common.watching import Watch
from zoo.data.dataset import Dataset
from zoo.data.forms import Asked, is_own, place_of, refuse_unknown
from zoo.data.given import read_given
from zoo.data.named import load_by_name
from zoo.data.opening import check_range
from zoo.data.samples import in_size


def load_dataset(
    reference: Any,
    *,
    root: Path | None = None,
    split: str = "train",
    sample_shape: Sequence[int] | None = None,
    value_range: Sequence[float] | None = None,
    skip_bad: bool = False,
    watch: Watch | None = None,
    kind: str = "image",
    fields: Mapping[str, Any] | None = None,
) -> Dataset:
    """Load data, into memory where it fits.

    **Arguments:**
    - `reference`: the name of a data set that a plugin offers, or data of one's own: a path (it
        begins with `.`, `/` or `~`) of a folder of images or of a file of a form that
        `zoo.data.forms` lists. Sub-folders that hold images, if any, are classes. Or samples
        themselves, as `zoo.train(data=…)` takes them.
    - `root`: folder that holds the data sets that have a name, in the layout of torchvision. Unless
        given: `ZOO_DATA`, else the zoo's own folder. What is missing is downloaded to it. Only the
        zoo's own folder is created.
    - `split`: "train" or "test"; most data of one's own has no splits.
    - `sample_shape`: resize samples to this (channels, height, width). A folder of images of
        several sizes needs it.
    - `value_range`: for images of one's own that are deeper than 8 bits a value, the values that
        become black and white. Values outside are clipped.
    - `skip_bad`: leave out the images of a folder that can't be read.
    - `watch`: shows how many images of a folder are read.
    - `kind`: of the samples that are wanted, as a model's `sample_kind` says.
    - `fields`: those of the model's config that are known, such as the sample rate of recordings.

    **Raises:** `NotFoundError` for an unknown name, `DataError` for data that can't be read,
    fetched or resized, `ConfigError` for a wrong `value_range`, `PluginError` for a plugin whose
    loader breaks or gives something else than it promises."""
    asked = Asked(
        sample_shape=sample_shape,
        value_range=check_range(value_range),
        skip_bad=skip_bad,
        watch=watch,
        split=split,
        kind=kind,
        fields=fields or {},
    )
    if not isinstance(reference, str):
        return read_given(reference, asked)
    refuse_unknown(reference)
    if is_own(reference):
        place = place_of(reference, kind)
        return place.form.read(place, asked)
    if value_range or skip_bad:
        raise DataError(
            "A range of values, and skipping bad images, are for folders of images. "
            f"{reference!r} is "
            "a data set with a loader of its own."
        )
    spec, samples, labels, lengths = load_by_name(reference, root, split)
    return Dataset(
        reference,
        in_size(samples, sample_shape),
        labels,
        tuple(spec.class_names),
        scale=spec.scale,
        lengths=lengths,
        metadata=spec.metadata,
    )


def load_unseen(reference: Any, **how: Any) -> Dataset:
    """Data that takes the place of what is held out: the test set of data that has one, else all.

    **Arguments:**
    - `reference`, and all others but `split`: as `load_dataset` takes them."""
    if isinstance(reference, str) and not is_own(reference):
        # what a folder needs to be read says nothing of a data set with a name
        plain = {key: value for key, value in how.items() if key not in ("value_range", "skip_bad")}
        return load_dataset(reference, split="test", **plain)
    data = load_dataset(reference, **how)
    return load_dataset(reference, split="test", **how) if "test" in data.splits else data
