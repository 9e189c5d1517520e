"""LIGHT: digests of the files that data lies in, cheap enough to be taken at each start."""

import contextlib
import errno
import hashlib
import logging
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from zoo.common import files, settings
from zoo.common.errors import DataError, OutputError, ZooError

WHOLE = 256 << 20  # bytes of a file of which all is hashed
BLOCKS = 256  # of a larger file, evenly spread
BLOCK = 1 << 20  # bytes
# bytes of files whose reading takes seconds, so that it is said
MANY = 1 << 30
GONE = (errno.ENOENT, errno.ELOOP)  # a link to a missing file, or to itself

log = logging.getLogger("zoo")


class State(NamedTuple):
    """What is known of files without reading them.

    **Arguments:**
    - `key`: the SHA-256 of their names, sizes and times of the last change. No program can set the
        time of the last change (ctime), so what is written anew has another.
    - `size`: bytes of all of them.
    """

    key: str
    size: int


def file_digest(path: Path) -> str:
    """The SHA-256 of a file's size and content; of a file above 256 MB, of 256 blocks of 1 MB that
    are spread evenly over it.

    **Raises:** `DataError` when it can't be read."""
    try:
        return hashed(path)[0].hex()
    except OSError as error:
        raise DataError(f"Can't read {path}: {error.strerror}.", path=path) from error


def state_of(found: Mapping[str, str | Path]) -> State:
    """What tells whether files are still the same.

    **Arguments:**
    - `found`: the files by their names, which are the same wherever the files lie.

    **Raises:** `DataError` for a file that can't be looked at."""
    hashed, size = hashlib.sha256(), 0
    for name in sorted(found):
        told = f"{name}\0"
        try:
            status = os.stat(found[name])  # noqa: PTH116  # many files: it is faster
        except OSError as error:
            if error.errno not in GONE:
                raise DataError(f"Can't read {error.filename}: {error.strerror}.") from error
        else:
            size += status.st_size
            told += f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}\0"
        hashed.update(told.encode(errors="surrogateescape"))
    return State(hashed.hexdigest(), size)


def files_digest(
    found: Mapping[str, str | Path],
    state: State | None = None,
    read: Mapping[str, bytes] | None = None,
) -> str:
    """The SHA-256 of the names and contents of files. They are read once: the digest is kept in the
    zoo's home until one of them changes.

    **Arguments:**
    - `found`: the files by their names. One that can't be read counts as empty.
    - `state`: of these files, if it is known.
    - `read`: the digests of those that were read already, as `hashed` gives them, by their names.

    **Raises:** as `state_of` does."""
    state = state or state_of(found)
    note = settings.home() / "caches" / "digests" / f"{state.key}.json"
    with contextlib.suppress(ZooError, LookupError):
        return str(files.read_json(note)["sha256"])
    if state.size > MANY and not read:
        log.info("Reading %.1f GB once, to know them again", state.size / 1e9)
    all_of_them = hashlib.sha256()
    for name in sorted(found):
        all_of_them.update(f"{name}\0".encode(errors="surrogateescape"))
        with contextlib.suppress(OSError):  # who reads it next says why it can't be
            all_of_them.update(read[name] if read else hashed(found[name])[0])
    digest = all_of_them.hexdigest()
    # a home that can't be written costs time only
    with contextlib.suppress(OutputError):
        files.write_json(note, {"sha256": digest})
    return digest


def hashed(path: str | Path) -> tuple[bytes, bytes]:
    """The digest of a file's size and content, and the content unless it is above 1 MB: so nobody
    reads a small file twice.

    **Raises:** `OSError` for what is no regular file."""
    # os and not pathlib: for many small files it takes a third of the time
    opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(opened)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        size, content = status.st_size, b""
        digest = hashlib.sha256(str(size).encode())
        if size <= WHOLE:
            content = block = os.read(opened, min(size + 1, BLOCK))
            while block:
                digest.update(block)
                block = os.read(opened, min(size + 1, BLOCK))
        else:
            for index in range(BLOCKS):
                digest.update(os.pread(opened, BLOCK, index * (size - BLOCK) // (BLOCKS - 1)))
    finally:
        os.close(opened)
    return digest.digest(), content if len(content) == size else b""
