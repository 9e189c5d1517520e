"""Images in tables: .parquet files, and data sets of the Hub, by the library `datasets`.

No code of a data set is run: the library takes none, and images are opened as those of files are.
"""

import contextlib
import hashlib
import io
import logging
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

import numpy as np

from zoo.common import files, settings
from zoo.common.errors import DataError, MissingDependencyError, ZooError, counted, did_you_mean
from zoo.data.arrays import LABELS
from zoo.data.dataset import Dataset
from zoo.data.digests import file_digest
from zoo.data.folders import ImageFolder
from zoo.data.forms import Asked, Place
from zoo.data.image_folders import read_found
from zoo.data.numbers import dataset_of

REFERENCE = re.compile(
    r"hf-data:(?P<name>[\w.-]+/[\w.-]+)(@(?P<revision>[^#:]+))?(#(?P<config>[^:]+))?(:(?P<columns>.+))?"
)
# columns of labels that say nothing of themselves, beside those of files of arrays
CLASSES = (*LABELS["train"], "class", "fine_label", "category")

log = logging.getLogger("zoo")


def read_parquet(place: Place, asked: Asked) -> Dataset:
    """The images in a Parquet file.

    **Raises:** `DataError` for a file that is damaged or holds no images, `MissingDependencyError`
    without the library `datasets`."""
    path = place.path
    assert path is not None  # a form with suffixes
    library = _library()
    from pyarrow import parquet  # which comes with the library

    with _translated(str(path)):
        files.refuse_irregular(path)
        digest = file_digest(path)
        if not parquet.read_metadata(path).num_rows:
            raise DataError(f"{place.reference} has no rows.")
        table = library.load_dataset(
            "parquet", data_files=str(path), split="train", cache_dir=str(_cache())
        )
    return _images(place, place.columns, table, asked, digest, ())


def read_hub(place: Place, asked: Asked) -> Dataset:
    """The images in a data set of the Hub.

    **Raises:** as `read_parquet`; `DataError` when there is no such data set, or no network."""
    match = REFERENCE.fullmatch(place.reference)
    if match is None:
        raise DataError(
            f"{place.reference!r} names no data set of the Hub: write "
            "hf-data:OWNER/DATASET, with @REVISION, #CONFIG and :IMAGE,LABEL where you need them."
        )
    library = _library()
    name, config = match["name"], match["config"]
    with _translated(place.reference), _without_telemetry():
        builder = library.load_dataset_builder(
            name, config, revision=match["revision"], cache_dir=str(_cache())
        )
        size = builder.info.download_size
        log.info("Data set %s of the Hub%s", name, f": {files.readable_size(size)}" if size else "")
        builder.download_and_prepare()
        splits = list(builder.info.splits)
        table = builder.as_dataset(split=_split(splits, asked.split, place.reference))
    # the library names what it made by the commit that it is of
    digest = hashlib.sha256(f"{name} {builder.hash} {config}".encode()).hexdigest()
    columns = tuple((match["columns"] or "").split(",")) if match["columns"] else ()
    has_test = any(one in splits for one in ("test", "validation"))
    return _images(place, columns, table, asked, digest, ("train", "test") if has_test else ())


def _library() -> Any:
    try:
        import datasets
    except ImportError as error:
        raise MissingDependencyError(
            "Tables of images need the package datasets: pip install 'genzoo[datasets]'",
            name="datasets",
        ) from error
    datasets.config.HF_UPDATE_DOWNLOAD_COUNTS = False  # it would tell what is used
    if not sys.stderr.isatty():
        datasets.disable_progress_bars()
    return datasets


@contextlib.contextmanager
def _without_telemetry() -> Iterator[None]:
    """Let the client of the Hub ask for nothing but the data."""
    from huggingface_hub import constants

    before = constants.HF_HUB_DISABLE_TELEMETRY
    constants.HF_HUB_DISABLE_TELEMETRY = True
    try:
        yield
    finally:
        constants.HF_HUB_DISABLE_TELEMETRY = before


def _cache() -> Path:
    return settings.home() / "caches" / "datasets"


@contextlib.contextmanager
def _translated(called: str) -> Iterator[None]:
    """What the library and those below it raise, as a `DataError` that names the data."""
    try:
        yield
    except (ZooError, MemoryError):
        raise
    except Exception as error:
        cause: BaseException = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        told = " ".join(str(cause).split())[:300].rstrip(".")
        raise DataError(f"Can't read {called}: {told or type(cause).__name__}.") from error


def _split(splits: Sequence[str], wanted: str, reference: str) -> str:
    """The split of a data set that is meant."""
    names = ("train",) if wanted == "train" else ("test", "validation")
    found = next((one for one in names if one in splits), None)
    if found is None and wanted == "train" and len(splits) == 1:
        return splits[0]
    if found is None:
        raise DataError(
            f"{reference} has no split {names[0]!r}, but {', '.join(splits) or 'none'}."
        )
    return found


@dataclass(frozen=True)
class Cell:
    """An image in a table; what reads images takes it in place of a path.

    **Arguments:**
    - `called`: what the table is called.
    - `index`: of its row.
    - `column`: the column of images.
    - `rows`: the table.
    """

    called: str
    index: int
    column: str
    rows: Any = field(repr=False, compare=False)

    def __str__(self) -> str:
        return f"{self.called}, row {self.index:,}"

    @property
    def name(self) -> str:
        """The number of its row."""
        return f"row {self.index:,}"

    def relative_to(self, folder: Path) -> PurePosixPath:
        """Its row, as if it were a file."""
        return PurePosixPath(str(self.index))

    def is_symlink(self) -> bool:
        """No cell leads to another place."""
        return False

    def open(self) -> BinaryIO:
        """The bytes of the image."""
        value = self.rows[self.index][self.column]
        content = value.get("bytes") if isinstance(value, dict) else value
        if not isinstance(content, bytes):
            raise DataError(f"{self} holds no image, but {type(content).__name__}.")
        return io.BytesIO(content)


class _Rows(ImageFolder):
    """The images of a table, with their labels."""

    numbers: Sequence[int] = ()

    def label(self, path: Any) -> int:
        """The class of an image."""
        return int(self.numbers[path.index])


def _images(
    place: Place,
    columns: Sequence[str],
    table: Any,
    asked: Asked,
    digest: str,
    splits: tuple[str, ...],
) -> Dataset:
    library = _library()
    for name in columns:
        if name not in table.features:
            raise DataError(
                f"{place.reference} has no column {name[:80]!r}."
                f"{did_you_mean(name[:80], table.features)} It has: {', '.join(table.features)}."
            )
    if not len(table):
        raise DataError(f"{place.reference} has no rows.")
    image = columns[0] if columns else _image_column(place, table.features, library)
    label = columns[1] if len(columns) > 1 else None
    if label is None and not columns:
        label = _label_column(table.features, library)
    numbers, names = _labels(place, table, label, library)
    if not _holds_images(table.features[image], library):
        plain = table.select_columns([image])
        values = plain.with_format("numpy", dtype=_dtype(table.features[image]))[:][image]
        labels = None if numbers is None else numbers
        return dataset_of(
            values,
            labels,
            asked,
            called=place.reference,
            name=place.name,
            class_names=names or None,
            origin_sha256=digest,
            splits=splits,
        )
    plain = table.select_columns([image])
    if isinstance(table.features[image], library.Image):
        plain = plain.cast_column(image, library.Image(decode=False))
    found = _Rows(Path(place.name))
    found.numbers = numbers if numbers is not None else ()
    found.classes = names if numbers is not None else ()
    called = str(place.path or place.reference)
    found.paths = [Cell(called, index, image, plain) for index in range(len(table))]  # type: ignore[misc]  # they do as paths
    return read_found(
        *(found, asked),
        origin_sha256=digest,
        splits=splits,
        name=place.name,
    )


def _dtype(feature: Any) -> Any:
    """The type of the numbers in a column; None leaves it to the library."""
    while hasattr(feature, "feature"):
        feature = feature.feature
    name = str(getattr(feature, "dtype", ""))
    return np.dtype(name) if name in np.sctypeDict else None


def _holds_images(feature: Any, library: Any) -> bool:
    """Whether a column holds files of images."""
    if isinstance(feature, library.Image):
        return True
    if isinstance(feature, dict):
        return "bytes" in feature
    return getattr(feature, "dtype", "") in ("binary", "large_binary")


def _image_column(place: Place, features: Any, library: Any) -> str:
    found = [name for name, feature in features.items() if _holds_images(feature, library)]
    arrays = (library.Array2D, library.Array3D)
    found = found or [name for name, feature in features.items() if isinstance(feature, arrays)]
    if len(found) == 1:
        return str(found[0])
    why = "no column of images" if not found else f"several columns of images ({', '.join(found)})"
    raise DataError(
        f"{place.reference} has {why}. It has: {', '.join(features)}. Name the column, and that of "
        f"the labels: {place.reference}:IMAGE,LABEL"
    )


def _label_column(features: Any, library: Any) -> str | None:
    classes = [name for name, one in features.items() if isinstance(one, library.ClassLabel)]
    if len(classes) == 1:
        return str(classes[0])
    return next((name for name in CLASSES if name in (classes or features)), None)


def _labels(
    place: Place, table: Any, column: str | None, library: Any
) -> tuple[list[int] | None, tuple[str, ...]]:
    """The labels of all rows, and what they mean."""
    if column is None:
        return None, ()
    values = list(table.select_columns([column])[:][column])
    feature = table.features[column]
    missing = sum(one is None for one in values)
    if missing:
        raise DataError(
            f"{place.reference} has {counted(missing, 'row')} without a label in {column!r}: leave "
            f"them out, or name the images alone: {place.reference}:IMAGE"
        )
    if isinstance(feature, library.ClassLabel):
        numbers, names = values, tuple(map(str, feature.names))
        if min(numbers) < 0:
            raise DataError(f"{place.reference} has labels below 0 in {column!r}: no classes.")
        return numbers, names
    if not all(isinstance(one, str | int) for one in values):
        raise DataError(
            f"{place.reference} has values in {column!r} that are neither numbers nor names of "
            "classes."
        )
    texts = sorted(set(values), key=lambda one: (isinstance(one, str), one))
    place_of = {one: index for index, one in enumerate(texts)}
    return [place_of[one] for one in values], tuple(map(str, texts))
