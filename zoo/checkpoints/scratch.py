"""The store's scratch: where folders are made, and from where they are removed."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote

from zoo.common import files, leftovers
from zoo.common.errors import OutputError

# ends the name of a folder of scratch that holds one to be put back
REPLACED = ".replaced"
NAME_FILE = "name"  # in it: where that belongs
OLD = "old"  # in it: that folder


class Scratch:
    """A folder in the store, on the same file system as its checkpoints, so that a rename puts
    them into place.

    **Arguments:**
    - `folder`: where; made when it is first written to.
    - `kept`: the folder whose folders are made here.
    """

    def __init__(self, folder: Path, kept: Path) -> None:
        self.folder = folder
        self.kept = kept

    @contextlib.contextmanager
    def making(self, target: Path, *, replace: bool) -> Iterator[Path]:
        """Fill a new folder that becomes `target` when the block ends well.

        **Arguments:**
        - `target`: a folder of `kept`.
        - `replace`: whether it takes the place of one that is there.
        """
        with self.alone():
            self.clean()
        target.parent.mkdir(parents=True, exist_ok=True)
        new = self.folder / leftovers.own_name()
        new.mkdir()
        try:
            yield new
            with self.alone():
                if replace and target.is_dir():
                    self._replace(target, new)
                else:
                    new.rename(target)
        finally:
            files.remove(new)

    def alone(self, *, wait: bool = True) -> "contextlib.AbstractContextManager[None]":
        """Let one process at a time move folders to and fro."""
        return files.alone(self.folder, wait=wait)

    def put_aside(self, directory: Path) -> Path | None:
        """Move a folder here, where the caller deletes it: gone at once for everybody."""
        if not directory.is_dir():
            return None
        return directory.rename(self.folder / leftovers.own_name())

    def recover(self) -> bool:
        """Put back what a process was replacing when it was killed between two renames.

        **Returns:** whether there was something to look at."""
        if not self._aside():
            return False
        try:
            with self.alone(wait=False):
                self._put_back()
        except OutputError:  # another process is at it
            return False
        return True

    def clean(self) -> None:
        """Remove what processes left that were killed."""
        self._put_back()
        for left in self.folder.iterdir():
            if left.name != files.LOCK and leftovers.is_abandoned(left):
                files.remove(left)

    def _replace(self, target: Path, new: Path) -> None:
        """Put a folder in the place of another, which is removed. A process that is killed here
        leaves the one or the other in its place.
        """
        if files.exchange(new, target):
            # the caller removes the old one, which is called `new` now
            return
        # where the system can't exchange two folders: `recover` puts the old one back
        aside = self.folder / f"{leftovers.own_name()}{REPLACED}"
        aside.mkdir()
        (aside / NAME_FILE).write_text(target.name, encoding="utf-8")
        target.rename(aside / OLD)
        new.rename(target)
        files.remove(aside)

    def _put_back(self) -> None:
        """Put back what a process was replacing when it was killed between two renames."""
        for aside in self._aside():
            if not leftovers.is_abandoned(aside):
                continue
            try:
                name = (aside / NAME_FILE).read_text(encoding="utf-8")
                own = quote(unquote(name), safe="@") == name and name not in ("", ".", "..")
                if own and (aside / OLD).is_dir() and not (self.kept / name).exists():
                    (aside / OLD).rename(self.kept / name)
            except (OSError, UnicodeDecodeError):
                continue

    def _aside(self) -> list[Path]:
        """What is being replaced, or was when a process was killed."""
        try:
            with os.scandir(self.folder) as found:
                return [Path(one.path) for one in found if one.name.endswith(REPLACED)]
        except OSError:
            return []
