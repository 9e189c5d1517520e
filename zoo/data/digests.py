"""LIGHT: digests of the files that data lies in, cheap enough to be taken at each start."""

import hashlib
from pathlib import Path

from zoo.common.errors import DataError

WHOLE = 256 << 20  # bytes of a file of which all is hashed
BLOCKS = 256  # of a larger file, evenly spread
BLOCK = 1 << 20  # bytes


def file_digest(path: Path) -> str:
    """The SHA-256 of a file's size and content; of a file above 256 MB, of 256 blocks of 1 MB that
    are spread evenly over it.

    **Raises:** `DataError` when it can't be read."""
    try:
        size = path.stat().st_size
        hashed = hashlib.sha256(str(size).encode())
        with path.open("rb") as file:
            if size <= WHOLE:
                while block := file.read(BLOCK):
                    hashed.update(block)
            else:
                for index in range(BLOCKS):
                    file.seek(index * (size - BLOCK) // (BLOCKS - 1))
                    hashed.update(file.read(BLOCK))
    except OSError as error:
        raise DataError(f"Can't read {path}: {error.strerror}.", path=path) from error
    return hashed.hexdigest()
