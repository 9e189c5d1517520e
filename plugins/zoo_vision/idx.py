"""Reads IDX files, the format of MNIST: a header with the shape, then the values."""

import math
import struct
from pathlib import Path

import torch
from torch import Tensor

from zoo import ZooError

UNSIGNED_BYTE = 8  # the code for it in the header


def read_idx(path: Path, dimensions: int) -> Tensor:
    """Read an IDX file of unsigned bytes.

    **Arguments:**
    - `path`: the file, not compressed.
    - `dimensions`: the number of dimensions: 3 for images, 1 for labels.

    **Returns:** uint8, in the shape that the header says.

    **Raises:** `ZooError` if the file is not such an IDX file, or ends too early.
    """
    refuse_irregular(path)
    with path.open("rb") as file:
        start = file.read(4 + 4 * dimensions)
        if len(start) < 4 + 4 * dimensions or start[:4] != bytes((0, 0, UNSIGNED_BYTE, dimensions)):
            raise _damaged(path, "its first bytes are not those of an IDX file")
        shape = struct.unpack(f">{dimensions}I", start[4:])
        wanted, size = math.prod(shape), path.stat().st_size - len(start)
        # Looked at before it is read: a wrong header must not ask for much memory.
        if wanted != size or not wanted:
            raise _damaged(path, f"its header promises {wanted:,} values, and there are {size:,}")
        values = torch.empty(shape, dtype=torch.uint8)
        if file.readinto(values.numpy().data) != wanted:
            raise _damaged(path, "it ended while it was read")
    return values


def refuse_irregular(path: Path) -> None:
    """Raise `ZooError` if the path is not a regular file; reading a named pipe never ends."""
    if path.exists() and not path.is_file():
        raise ZooError(f"{path} is no regular file: remove it, and it is downloaded anew.")


def _damaged(path: Path, why: str) -> ZooError:
    return ZooError(
        f"The files in {path.parent} are damaged: remove them, and they are downloaded anew. "
        f"{path.name}: {why}."
    )
