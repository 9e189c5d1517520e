"""Files that are written whole or not at all, and their digests."""

import contextlib
import errno
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from zoo.common import leftovers
from zoo.common.errors import CheckpointError, OutputError

if TYPE_CHECKING:
    import mmap

LOCK = ".lock"
AT_FDCWD = -100  # of renameat2(2): paths as they are
# RENAME_EXCHANGE of renameat2(2), RENAME_SWAP of renamex_np(2)
SWAP = 2
JSON_LIMIT = 1 << 20  # bytes; a config.json is a few hundred
PIECE = 1 << 24  # bytes that are hashed at once


def is_path(reference: str) -> bool:
    """Whether a reference, of a checkpoint or of data, names a folder by its path and not by a
    name.
    """
    return reference.startswith((".", "/", "~"))


def as_reference(path: str | Path) -> str:
    """A path as a command takes it in the place of a checkpoint's name: it begins with `.`, `/` or
    `~`.
    """
    return str(path) if is_path(str(path)) else f"./{path}"


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Write `target` (a file or a folder) under another name beside it, and rename it into place
    once complete.

    **Arguments:**
    - `target`: where the result belongs. An existing file there stays as it is until the new one is
        complete; a folder must not be there yet, or be empty.

    **Returns:** a path in the same folder, not there yet, for the caller to write. When the caller
    fails, what it wrote is removed and `target` is untouched.

    **Raises:** `OutputError` when it can't be written, full disk included.
    """
    with writing(target):
        _make_parent(target)
        leftovers.sweep_once(target.parent.absolute())
        partial = target.with_name(leftovers.partial_name(target.name))
        try:
            yield partial
            # in a folder each file was written this way, or can be made again
            if partial.is_file():
                with partial.open("rb") as file:
                    # so that a power cut leaves the old content or the new, never none
                    os.fsync(file.fileno())
            partial.replace(target)
        finally:
            remove(partial)


@contextlib.contextmanager
def writing(target: Path) -> Iterator[None]:
    """Turn the system's refusal to write `target` into an `OutputError` that says what to do."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            free = shutil.disk_usage(_nearest(target)).free
            raise OutputError(
                f"Disk full while writing {target}: {free:,} bytes are free. Nothing was changed."
            ) from error
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise OutputError(
                f"{target} exists already: remove it or choose another name."
            ) from error
        advice = "a shorter name" if error.errno == errno.ENAMETOOLONG else "another place"
        raise OutputError(
            f"Can't write {target}: {reason}. Nothing was changed; choose {advice}."
        ) from error


def refuse_unwritable(target: Path) -> None:
    """Raise `OutputError` when nothing can be written at `target`, before any work is done."""
    if target.absolute() == Path.cwd():
        raise OutputError(f"{target} is the current folder: choose another, such as ./samples")
    with writing(target):
        _make_parent(target)
        probe = target.with_name(leftovers.partial_name(""))
        probe.touch()
        probe.unlink()


@contextlib.contextmanager
def alone(folder: Path, *, wait: bool = True) -> Iterator[None]:
    """Let one process at a time into the block, for each folder.

    **Raises:** `OutputError` when another process is in it and `wait` is False, and where the file
    system can't lock files, as some network file systems can't.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK  # a file: NFS locks no folders
    with writing(path):
        try:
            refuse_irregular(path)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EISDIR):
                raise
            raise OutputError(
                f"{path} can't be locked: {error.strerror}. Remove it.", path=path
            ) from error
        lock = path.open("w")
    with lock:
        import fcntl

        try:
            fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OutputError(
                f"Another process is at work in {folder}: wait, or choose another name.",
                path=folder,
            ) from error
        except OSError as error:
            raise OutputError(
                f"Files in {folder} can't be locked: {error.strerror or error}. Its file system "
                "must be able to: choose a folder on another, or set ZOO_HOME to one."
            ) from error
        yield


def write_text(target: Path, text: str) -> None:
    """Write a UTF-8 text file whole or not at all; what is no UTF-8 as `in_utf8` says."""
    with replacing(target) as partial:
        partial.write_text(in_utf8(text), encoding="utf-8")


def write_json(target: Path, value: object) -> None:
    """Write a value as readable JSON (two spaces, keys in their order), whole or not at all. File
    names that are no UTF-8 are read back as they were.
    """
    import json  # a short command writes nothing

    text = json.dumps(value, indent=2, ensure_ascii=False)
    if not is_utf8(text):
        text = json.dumps(value, indent=2)
    write_text(target, text + "\n")


def is_utf8(text: str) -> bool:
    """Whether a text can be written as UTF-8. A file's name that has other bytes can't: Python
    keeps each of them as half of a surrogate pair.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def in_utf8(text: str) -> str:
    """A text that can be written as UTF-8: with "�" for each half of a surrogate pair."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@contextlib.contextmanager
def named_in_utf8(path: Path) -> Iterator[str]:
    """A name of a file for libraries such as safetensors, which take no names but UTF-8: the path
    itself or, where that is none, one of the open file. It holds good in the block only.

    **Raises:** `OSError` when the file can't be opened."""
    if is_utf8(str(path)):
        yield str(path)
        return
    with open_regular(path) as file:
        yield f"/dev/fd/{file.fileno()}"


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file to read its bytes. Every reader of a file that a person or a stranger
    names passes here: a named pipe would block for ever, and a device might never end.

    **Raises:** `OSError` when the file is missing, can't be read, or is no regular file."""
    if not refuse_irregular(path):
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    return path.open("rb")


def refuse_irregular(path: Path) -> bool:
    """Raise `OSError` for a folder, a named pipe, a socket or a device, before it is opened.

    **Returns:** whether there is anything of that name."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return False
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, f"it is {_kind(mode)}, not a regular file", str(path))
    return True


def _kind(mode: int) -> str:
    """What a file is that is no regular one."""
    if stat.S_ISFIFO(mode):
        return "a named pipe"
    return "a socket" if stat.S_ISSOCK(mode) else "a device"


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object from a file that may be hostile.

    **Raises:** `CheckpointError` when the file is missing, above 1 MiB, nested too deeply or not a
    JSON object."""
    try:
        with open_regular(path) as file:
            content = file.read(JSON_LIMIT + 1)
    except OSError as error:
        raise CheckpointError(f"Can't read {path}: {error.strerror}.", path=path) from error
    return parse_json(content, path)


def parse_json(content: "mmap.mmap | bytes", path: Path) -> dict[str, Any]:
    """The JSON object in the bytes of a file; `read_json` says what is refused."""
    if len(content) > JSON_LIMIT:
        raise CheckpointError(
            f"{path} is larger than {JSON_LIMIT:,} bytes: not a file that the zoo wrote.",
            path=path,
        )
    import json

    try:
        value = json.loads(content[:].decode())
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else error
        raise CheckpointError(
            f"{path} is not JSON that the zoo could have written: {reason}.", path=path
        ) from error
    if not isinstance(value, dict):
        raise CheckpointError(
            f"{path} holds a JSON {type(value).__name__}, not an object.", path=path
        )
    return value


def parse_text(content: "mmap.mmap | bytes", path: Path, limit: int) -> str:
    """The UTF-8 text in the bytes of a file that may be hostile.

    **Arguments:**
    - `content`: the bytes.
    - `path`: the file, for the message.
    - `limit`: how many bytes it may have.

    **Raises:** `CheckpointError` when it is larger, or not UTF-8."""
    if len(content) > limit:
        raise CheckpointError(f"{path} is larger than {limit:,} bytes: make it shorter.", path=path)
    try:
        return content[:].decode()
    except UnicodeDecodeError as error:
        raise CheckpointError(f"{path} can't be read: {error}", path=path) from error


def mapped(path: Path) -> "mmap.mmap | bytes":
    """The bytes of a file: those of a large one are mapped into memory and not loaded.

    **Raises:** `CheckpointError` when the file can't be read."""
    try:
        with open_regular(path) as file:
            if os.fstat(file.fileno()).st_size <= JSON_LIMIT:
                return file.read()
            import mmap  # a short command reads no large file

            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise CheckpointError(f"Can't read {path}: {error.strerror}.", path=path) from error


def sha256(path: Path) -> str:
    """The SHA-256 of a file, as 64 hexadecimal digits."""
    return sha256_of(mapped(path))


def sha256_of(content: "mmap.mmap | bytes") -> str:
    """The SHA-256 of bytes, as 64 hexadecimal digits; mapped ones pass through memory in pieces."""
    import hashlib  # which loads OpenSSL

    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    import mmap

    hashed, size = hashlib.sha256(), len(content)
    with memoryview(content) as whole:
        for at in range(0, size, PIECE):
            with whole[at : at + PIECE] as piece:
                hashed.update(piece)
            # else all of a large file counts as memory of this process
            content.madvise(mmap.MADV_DONTNEED, at, min(PIECE, size - at))
    return hashed.hexdigest()


def blob_id(content: "mmap.mmap | bytes") -> str:
    """What git calls a file with that content: the SHA-1 of its length and its bytes."""
    import hashlib

    blob = hashlib.sha1(b"blob %d\0" % len(content), usedforsecurity=False)
    blob.update(content)
    return blob.hexdigest()


def is_file(path: Path) -> bool:
    """Whether there is a file that can be seen; not so in a folder that can't be entered."""
    return os.path.isfile(path)  # noqa: PTH113  # Path.is_file raises there


def is_folder(path: Path) -> bool:
    """Whether there is a folder that can be seen; not so in a folder that can't be entered."""
    return os.path.isdir(path)  # noqa: PTH112  # Path.is_dir raises there


def exists(path: Path) -> bool:
    """Whether there is anything that can be seen; not so in a folder that can't be entered."""
    return os.path.exists(path)  # noqa: PTH110  # Path.exists raises there


def refuse_unreadable(folder: Path) -> None:
    """Raise `CheckpointError` for a folder that is there and can't be read, or lies in one."""
    try:
        os.scandir(folder).close()
        # what may be listed may still be closed; a Path would drop the dot
        os.stat(f"{folder}/.")  # noqa: PTH116
    except PermissionError as error:
        raise CheckpointError(
            f"Can't read {folder}: {error.strerror}. Make it readable for you (chmod u+rwX), or "
            "name another home with ZOO_HOME.",
            path=folder,
        ) from error
    except OSError:
        pass  # it is not there, which others say


def refuse_closed(file: Path) -> None:
    """Raise `CheckpointError` for a file that is there and that this user may not read."""
    try:
        open_regular(file).close()
    except PermissionError as error:
        raise CheckpointError(
            f"Can't read {file}: {error.strerror}. Make it readable for you (chmod u+r).",
            path=file,
        ) from error
    except OSError:
        # it is not there, or no file, which others say
        pass


def size(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; folders that can't be read count as
    empty.
    """
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode):
        return status.st_size
    total = 0
    try:
        with os.scandir(path) as found:
            for one in found:
                inner = one.stat(follow_symlinks=False)
                total += size(Path(one.path)) if stat.S_ISDIR(inner.st_mode) else inner.st_size
    except PermissionError:
        pass
    return total


def readable_size(number: int) -> str:
    """Bytes for people: "2.6 MB"; a megabyte is a million bytes."""
    amount = float(number)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def remove(path: Path) -> None:
    """Remove a file or a folder, or do nothing when it isn't there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _make_parent(target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise NotADirectoryError(
            errno.ENOTDIR, f"{target.parent} is a file, not a folder"
        ) from error


def _nearest(path: Path) -> Path:
    return next(folder for folder in path.absolute().parents if folder.is_dir())


def exchange(one: Path, other: Path) -> bool:
    """Let two paths change places, at once for everybody.

    **Returns:** whether it was done; False where the system or its file system has no such call.
    """
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    first, second = os.fsencode(one), os.fsencode(other)
    try:
        if sys.platform == "darwin":
            failed = libc.renamex_np(first, second, SWAP)
        else:
            failed = libc.renameat2(AT_FDCWD, first, AT_FDCWD, second, SWAP)
    except AttributeError:  # an older C library
        return False
    return not failed
