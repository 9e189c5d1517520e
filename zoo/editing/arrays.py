"""Arrays in .npz files that a person names: read within bounds, written whole or not at all."""

import json
import math
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from zoo.common import files
from zoo.common.errors import DataError, counted
from zoo.sampling.provenance import ENTRY, refuse_large_directory

# bytes of one array that are read at most
LARGEST = 1 << 31


def read(path: Path, wanted: str, further: Sequence[str] = ()) -> dict[str, Any]:
    """Arrays of an .npz file, which may be damaged or hostile: no pickle is opened, and no more
    memory is taken than the file says and `LARGEST` allows.

    **Arguments:**
    - `path`: the file.
    - `wanted`: the name of an array that must be there.
    - `further`: names of arrays that are read where they are there.

    **Returns:** the arrays by name.

    **Raises:** `DataError`."""
    try:
        with files.open_regular(path) as file:
            refuse_large_directory(file)
            archive = zipfile.ZipFile(file)
            names = [one.removesuffix(".npy") for one in archive.namelist()]
            if wanted not in names:
                listed = ", ".join(sorted(names)[:10]) or "nothing"
                raise DataError(f"{path} has no array {wanted!r}. It holds: {listed[:400]}.")
            chosen = [wanted, *(one for one in further if one in names)]
            return {name: _array(archive, name, path) for name in chosen}
    except FileNotFoundError:
        raise DataError(f"There is no file {path}.", path=path) from None
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror or error}.", path=path) from error
    except DataError:
        raise
    # zipfile and numpy have many words for damage
    except (
        ValueError,
        EOFError,
        KeyError,
        RuntimeError,
        struct.error,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise DataError(f"{path} is not a readable .npz file: {reason}.", path=path) from error


def _array(archive: zipfile.ZipFile, name: str, path: Path) -> Any:
    with archive.open(f"{name}.npy") as entry:
        version = np.lib.format.read_magic(entry)
        header = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, fortran, dtype = header(entry)
        if dtype.hasobject or fortran or dtype.kind not in "fiu":
            raise DataError(f"{path}: {name!r} is not an array of numbers in C order.", path=path)
        size = math.prod(shape) * dtype.itemsize
        if size > LARGEST:
            room = files.readable_size(LARGEST)
            raise DataError(f"{path}: {name!r} is larger than {room}.", path=path)
        content = entry.read(size + 1)
        if len(content) != size:
            raise DataError(f"{path}: {name!r} does not have the size that it says.", path=path)
        return np.frombuffer(content, dtype).reshape(shape)


def write(path: Path, arrays: Mapping[str, Any], made: Mapping[str, Any]) -> None:
    """Write arrays and how they were made. Equal arrays give equal bytes."""
    with files.replacing(path) as partial, partial.open("wb") as file:
        write_to(file, arrays, made)


def write_to(file: BinaryIO, arrays: Mapping[str, Any], made: Mapping[str, Any]) -> None:
    """The same into an open file."""
    with zipfile.ZipFile(file, "w", allowZip64=True) as archive:
        for name, array in {**arrays, ENTRY: np.array(json.dumps(made))}.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.asarray(array, order="C"), allow_pickle=False)


def finite(array: Any, shape: Sequence[int], name: str, path: Path | str) -> Any:
    """An array as float32 `(n, *shape)`, n at least 1, all of it finite.

    **Raises:** `DataError` for another shape, and for NaN or infinite values."""
    if array.ndim != len(shape) + 1 or tuple(array.shape[1:]) != tuple(shape) or not len(array):
        shown = "(" + ", ".join(["n", *map(str, shape)]) + ")"
        raise DataError(
            f"{path}: {name!r} has the shape {str(array.shape)[:80]}; the model takes {shown}, n "
            "at least 1."
        )
    values = np.asarray(array, np.float32)
    if bad := int((~np.isfinite(values)).reshape(len(values), -1).any(1).sum()):
        raise DataError(
            f"{path}: {counted(bad, 'row')} of {name!r} {'holds' if bad == 1 else 'hold'} NaN or "
            "infinite values."
        )
    return values
