"""Arrays in files (.npz, .npy, .safetensors), found by their names and mapped where large.

A file of arrays is never unpickled. Arrays that lie in it as they are in memory are mapped: the
system reads what is used. Compressed ones are read, if they fit in memory.
"""

import json
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from zoo.common import files
from zoo.common.errors import DataError
from zoo.data.dataset import Dataset
from zoo.data.digests import file_digest
from zoo.data.forms import Asked, Place
from zoo.data.numbers import dataset_of
from zoo.data.samples import fits

# the names that arrays have, in the order in which they are looked for, by the part of the data
SAMPLES = {
    "train": ("samples", "images", "x_train", "X_train", "train_images", "x", "X", "data", "arr_0"),
    "test": ("x_test", "X_test", "test_images"),
}
LABELS = {
    "train": ("labels", "label", "y_train", "train_labels", "y", "targets", "arr_1"),
    "test": ("y_test", "test_labels"),
}
CLASS_NAMES = ("class_names", "classes")
# types of numbers in safetensors, with numpy's names
SAFETENSORS = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "|u1",
    "BOOL": "|b1",
}
SMALL = 256 << 20  # bytes of an array that is read at once
LONGEST_HEADER = 100_000_000  # bytes, as the format says
DAMAGED = (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError)

# for each name a function that gives the array
Arrays = Mapping[str, Any]


def read_arrays(place: Place, asked: Asked) -> Dataset:
    """The samples and labels in a file of arrays.

    **Raises:** `DataError` for a file that is damaged or holds no samples, and what
    `zoo.data.numbers.dataset_of` raises."""
    path = place.path
    assert path is not None  # a form with suffixes
    try:
        files.refuse_irregular(path)
        read = {".npy": _of_npy, ".npz": _of_npz}.get(path.suffix.lower(), _of_safetensors)
        arrays = read(path)
        samples, labels = _chosen(place, arrays, asked.split)
        values = arrays[samples]()
        given = arrays[labels]() if labels else None
        names = next((arrays[name]() for name in CLASS_NAMES if name in arrays), None)
    except DataError:
        raise
    except DAMAGED as error:
        raise DataError(_refusal(path, error), path=path) from error
    splits = ("train", "test") if any(name in arrays for name in SAMPLES["test"]) else ()
    return dataset_of(
        values,
        given,
        asked,
        called=place.reference,
        name=place.name,
        class_names=names,
        origin_sha256=file_digest(path),
        splits=splits,
    )


def _refusal(path: Path, error: Exception) -> str:
    if "Object arrays" in str(error) or "allow_pickle" in str(error):
        return (
            f"{path} holds Python objects, which could run code when they are read. Save arrays of "
            "numbers."
        )
    if isinstance(error, PermissionError):
        return f"Can't read {path}: {error.strerror}. Change its permissions or its owner."
    told = " ".join(str(getattr(error, "strerror", None) or error).split())[:200]
    return f"{path} is damaged, or not a file of arrays: {told.rstrip('.')}."


def _chosen(place: Place, arrays: Arrays, split: str) -> tuple[str, str | None]:
    """The names of the samples and of the labels."""
    if place.columns:
        for name in place.columns:
            if name not in arrays:
                raise DataError(
                    f"{place.path} holds no array {name[:80]!r}. It holds: {_listed(arrays)}."
                )
        return place.columns[0], place.columns[1] if len(place.columns) > 1 else None
    samples = next((name for name in SAMPLES[split] if name in arrays), None)
    if samples is None and len(arrays) == 1 and split == "train":
        samples = next(iter(arrays))
    if samples is None:
        raise DataError(
            f"{place.path} holds no array of samples: none is called "
            f"{' or '.join(SAMPLES[split][:3])}. It holds: {_listed(arrays)}. Name it, and the "
            f"labels: {place.reference}:SAMPLES,LABELS"
        )
    return samples, next((name for name in LABELS[split] if name in arrays), None)


def _listed(arrays: Arrays) -> str:
    names = sorted(arrays)
    rest = f" and {len(names) - 10:,} more" if len(names) > 10 else ""
    return ", ".join(name[:80] for name in names[:10]) + rest if names else "nothing"


def _of_npy(path: Path) -> Arrays:
    def read() -> Any:
        with path.open("rb") as file:
            shape, fortran, dtype = _header(file)
            if not fortran and not dtype.hasobject:
                return _mapped(path, file.tell(), dtype, shape)
        return np.load(path, allow_pickle=False)

    return {"samples": read}


def _of_npz(path: Path) -> Arrays:
    with zipfile.ZipFile(path) as archive:
        inside = {
            entry.filename.removesuffix(".npy"): entry
            for entry in archive.infolist()
            if entry.filename.endswith(".npy")
        }
    return {name: _Entry(path, entry) for name, entry in inside.items()}


class _Entry:
    """An array in an .npz: `entry()` gives it."""

    def __init__(self, path: Path, entry: zipfile.ZipInfo) -> None:
        self._path, self._entry = path, entry

    def __call__(self) -> Any:
        with zipfile.ZipFile(self._path) as archive, archive.open(self._entry) as stored:
            shape, fortran, dtype = _header(stored)
            if dtype.hasobject:
                raise ValueError("Object arrays")
            if self._entry.compress_type == zipfile.ZIP_STORED and not fortran:
                begin = _begin_of(self._path, self._entry) + stored.tell()
                return _mapped(self._path, begin, dtype, shape)
            if not fits(shape, dtype.itemsize):
                raise DataError(
                    f"{self._path} holds a compressed array of shape {shape}, which does not fit "
                    "in memory. Save it as .npy, or without compression (numpy.savez): such files "
                    "stay on disk."
                )
        with zipfile.ZipFile(self._path) as archive, archive.open(self._entry) as stored:
            return np.lib.format.read_array(stored, allow_pickle=False)


def _header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read is None:
        raise ValueError(f"its format {version} is not known")
    shape, fortran, dtype = read(file)
    return tuple(shape), bool(fortran), dtype


def _begin_of(path: Path, entry: zipfile.ZipInfo) -> int:
    """Where the bytes of a file in a zip begin, behind its name and an extra field."""
    with path.open("rb") as file:
        file.seek(entry.header_offset + 26)
        lengths = file.read(4)
    return (
        entry.header_offset
        + 30
        + int.from_bytes(lengths[:2], "little")
        + int.from_bytes(lengths[2:], "little")
    )


def _mapped(path: Path, begin: int, dtype: np.dtype[Any], shape: Sequence[int]) -> Any:
    """An array as it lies in a file. What is changed in it is not written back."""
    if 0 in shape or not shape:
        raise DataError(f"{path} holds an array of shape {tuple(shape)}, which has no samples.")
    if path.stat().st_size < begin + prod(shape) * dtype.itemsize:
        raise ValueError("it is shorter than its header says")
    mapped = np.memmap(path, dtype=dtype, mode="c", offset=begin, shape=tuple(shape))
    # what is small is read, so that a file that is changed changes nothing here
    return np.array(mapped) if mapped.nbytes <= SMALL else mapped


def _of_safetensors(path: Path) -> Arrays:
    with path.open("rb") as file:
        begin, header = _header_of_safetensors(file)
    arrays = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        dtype = np.dtype(SAFETENSORS[entry["dtype"]]) if entry["dtype"] in SAFETENSORS else None
        offset, shape = begin + int(entry["data_offsets"][0]), tuple(map(int, entry["shape"]))
        arrays[name] = _Tensor(path, offset, dtype, shape)
    return arrays


class _Tensor:
    """A tensor in a file of safetensors: `tensor()` gives it as an array."""

    def __init__(
        self, path: Path, offset: int, dtype: np.dtype[Any] | None, shape: tuple[int, ...]
    ) -> None:
        self._path, self._offset, self._dtype, self._shape = path, offset, dtype, shape

    def __call__(self) -> Any:
        if self._dtype is None:
            raise DataError(f"{self._path} holds numbers of a type that numpy does not have.")
        return _mapped(self._path, self._offset, self._dtype, self._shape)


def _header_of_safetensors(file: BinaryIO) -> tuple[int, dict[str, Any]]:
    length = int.from_bytes(file.read(8), "little")
    if not 0 < length <= LONGEST_HEADER:
        raise ValueError("it does not begin as safetensors do")
    header = json.loads(file.read(length))
    for name, entry in header.items():
        if name != "__metadata__" and not {"dtype", "shape", "data_offsets"} <= entry.keys():
            raise ValueError("its header is damaged")
    return 8 + length, header
