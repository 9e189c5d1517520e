"""Names of what is being written, which say by whom; and what killed processes left, removed."""

import contextlib
import functools
import os
import re
import shutil
import socket
import time
from pathlib import Path

# `.NAME.WHERE-PID-RANDOM.partial`, and the same without the dots for folders of scratch
OWN_NAME = r"([0-9a-f]{8})-(\d{1,10})-[0-9a-f]{8}"
PARTIAL = r"(?s)\..*\.([0-9a-f]{8}-\d{1,10}-[0-9a-f]{8})\.partial"
# as versions before 0.2 called them: `.NAME.RANDOM.partial`, and PID-RANDOM for folders of scratch
OLD_PARTIAL = r"(?s)\..*\.[0-9a-f]{8}\.partial"
OLD_OWN_NAME = r"(\d{1,10})-\w+"

# seconds without a change after which what another machine was writing counts as left behind
STALE = 2 * 24 * 3600


def own_name() -> str:
    """A new name that says which process of which machine it belongs to."""
    return f"{_where()}-{os.getpid()}-{os.urandom(4).hex()}"


def partial_name(target: str) -> str:
    """A new name for what will be called `target` once it is complete."""
    start = os.fsdecode(os.fsencode(target)[:100])  # file systems count bytes
    return f".{start}.{own_name()}.partial"


def is_abandoned(path: Path) -> bool:
    """Whether the process that a file or folder is named after (`own_name`, `partial_name`) is
    gone. What belongs to another machine or container, whose processes can't be seen from here,
    counts as abandoned when nothing in it has changed for two days.
    """
    partial = re.fullmatch(PARTIAL, path.name)
    found = re.fullmatch(OWN_NAME, partial[1] if partial else path.name.partition(".")[0])
    if found:
        return not is_alive(int(found[2])) if found[1] == _where() else _is_stale(path)
    old = re.fullmatch(OLD_OWN_NAME, path.name)
    return not is_alive(int(old[1])) if old else _is_stale(path)


def sweep(folder: Path, *, all_partials: bool = False) -> list[Path]:
    """Remove what killed processes left half-written in a folder, and return it.

    **Arguments:**
    - `folder`: only what lies directly in it is looked at.
    - `all_partials`: also what older versions left, which called it so that another program's file
        could be meant: for the zoo's own folders.
    """
    removed = []
    for one in in_folder(folder, all_partials=all_partials):
        with contextlib.suppress(OSError):  # another's, or another process was faster
            _remove(one)
            removed.append(one)
    return removed


def in_folder(folder: Path, *, all_partials: bool = False) -> list[Path]:
    """What killed processes left half-written in a folder; the arguments are those of `sweep`."""
    try:
        with os.scandir(folder) as found:
            names = [one.name for one in found if one.name.endswith(".partial")]
    except OSError:
        return []
    ours = [
        folder / name
        for name in sorted(names)
        if re.fullmatch(PARTIAL, name) or (all_partials and re.fullmatch(OLD_PARTIAL, name))
    ]
    return [one for one in ours if is_abandoned(one)]


@functools.lru_cache(maxsize=1000)
def sweep_once(folder: Path) -> None:
    """The same, at the first time that this process writes in a folder."""
    sweep(folder)


def is_alive(pid: int) -> bool:
    """Whether a process of that number runs here (one of another user counts)."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


@functools.cache
def _where() -> str:
    """Eight digits that stand for this machine and its process numbers: in a container others
    count.
    """
    try:
        numbers = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        numbers = ""
    import hashlib  # which loads OpenSSL

    return hashlib.blake2s(f"{socket.gethostname()} {numbers}".encode(), digest_size=4).hexdigest()


def _is_stale(path: Path) -> bool:
    try:
        return time.time() - path.lstat().st_mtime > STALE
    except OSError:
        return False


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
