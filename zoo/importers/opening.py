"""Open the weights of a source: safetensors as they are, pickles in a bounded child process."""

import contextlib
import functools
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.common.errors import CheckpointError, NotFoundError

if TYPE_CHECKING:
    from torch import Tensor

PICKLES = (".pth", ".pt", ".bin", ".ckpt")
SAFE = ".safetensors"
OPENER = Path(__file__).with_name("opener.py")
LARGEST_CONFIG = 1 << 20  # bytes
SECONDS = 900  # after which a child is given up
# children at a time: each of them imports torch
MOST_PICKLES = 16


def opened_files(files: Sequence[str]) -> tuple[str, ...]:
    """The files whose tensors are read: safetensors; pickles where no safetensors lie beside.

    **Raises:** `NotFoundError` for more pickles than are opened at a time."""
    safe = [one for one in files if one.endswith(SAFE)]
    beside = {one.rpartition("/")[0] for one in safe}
    pickles = [
        one for one in files if one.endswith(PICKLES) and one.rpartition("/")[0] not in beside
    ]
    if len(pickles) > MOST_PICKLES:
        raise NotFoundError(
            f"{len(pickles):,} files of weights are there, such as {pickles[0][:80]}; each takes a "
            f"process to open, and {MOST_PICKLES} are the most. Name the one to import."
        )
    return (*safe, *pickles)


def configs_of(folder: Path, files: Sequence[str]) -> dict[str, Any]:
    """What the small JSON files of a source hold, by name; those that hold none are left out."""
    found = {}
    for one in files:
        path = folder / one
        if one.endswith(".json") and path.stat().st_size <= LARGEST_CONFIG:
            with contextlib.suppress(ValueError, RecursionError):
                found[one] = json.loads(path.read_bytes())
    return found


class Opening:
    """The weights of a source on their way: children open the pickles while others work.

    **Arguments:**
    - `folder`: of the source.
    - `files`: those to open, as `opened_files` names them.
    - `scratch`: an empty folder for what the children write.
    """

    def __init__(self, folder: Path, files: Sequence[str], scratch: Path) -> None:
        self.folder = folder
        self.files = tuple(files)
        self._safe = {one: folder / one for one in files if one.endswith(SAFE)}
        self._children: dict[str, tuple[subprocess.Popen[str], Path]] = {}
        for number, one in enumerate(name for name in files if name not in self._safe):
            target = scratch / f"{number}{SAFE}"
            # -I: no module of the folder that the command was called in, nor of PYTHONPATH
            command = [sys.executable, "-I", str(OPENER), str((folder / one).resolve())]
            child = subprocess.Popen([*command, str(target)], stdout=subprocess.PIPE, text=True)
            self._children[one] = child, target

    def wait(self) -> None:
        """Wait for the children.

        **Raises:** `CheckpointError` for a file that can't be opened."""
        for one, (child, target) in self._children.items():
            try:
                said, _ = child.communicate(timeout=SECONDS)
            except subprocess.TimeoutExpired:
                said = json.dumps("it took too long to open")
            wrong = f"the process that opened it was stopped (exit {child.returncode})"
            with contextlib.suppress(ValueError):
                wrong = str(json.loads(said))
            if wrong:
                raise CheckpointError(f"{self.folder / one} can't be imported: {wrong}.")
            self._safe[one] = target

    def close(self) -> None:
        """Stop the children that still run."""
        for child, _ in self._children.values():
            if child.poll() is None:
                child.kill()
                child.wait()

    @functools.cache  # noqa: B019  # as long as an import lasts
    def tensors(self, file: str) -> "dict[str, Tensor]":
        """The tensors of a file.

        **Raises:** `CheckpointError` for one that is damaged."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return dict(load_file(self._safe[file]))
        except (SafetensorError, OSError, ValueError, KeyError, RuntimeError) as error:
            reason = str(error).splitlines()[0][:200]
            raise CheckpointError(f"{self.folder / file} is damaged: {reason}.") from error


@contextlib.contextmanager
def opening(folder: Path, files: Sequence[str]) -> Iterator[Opening]:
    """An `Opening` of files, whose children and scratch are gone at the end."""
    with tempfile.TemporaryDirectory(prefix="zoo-import-") as scratch:
        found = Opening(folder, files, Path(scratch))
        try:
            yield found
        finally:
            found.close()
