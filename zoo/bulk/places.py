"""Where a data set lies: a folder of this machine, or an address that fsspec opens."""

import contextlib
import os
import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from zoo.common import arguments, files, leftovers, settings
from zoo.common.errors import ConfigError, MissingDependencyError, OutputError, ZooError

# what is not finished yet lies here, below the folder of the data set
WORK = ".zoo"
# bytes of a manifest or a card that are read at most: 100,000 shards take a quarter of that
LARGEST = 200 * 10**6


class Place(ABC):
    """The folder of a data set. Names of files are relative to it, with slashes.

    **Arguments:**
    - `text`: how a person calls it.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    @abstractmethod
    def prepare(self) -> None:
        """Make the folder, and refuse one that can't be written."""

    @abstractmethod
    def read(self, name: str) -> bytes | None:
        """The bytes of a file; None when it isn't there."""

    @abstractmethod
    def write(self, name: str, content: bytes) -> None:
        """Write a file, whole or not at all."""

    @abstractmethod
    def names(self, folder: str = "") -> list[str]:
        """The names of what lies directly in a folder, sorted; none when it isn't there."""

    @abstractmethod
    def sizes(self, folder: str) -> dict[str, int]:
        """The bytes of all regular files below a folder, by name."""

    @abstractmethod
    def scratch(self) -> contextlib.AbstractContextManager[Path]:
        """A folder of this machine to write files in that `take` moves; gone after the block."""

    @abstractmethod
    def take(self, scratch: Path, names: Sequence[str]) -> None:
        """Move files that are complete from a `scratch` into place."""

    @abstractmethod
    def remove(self, name: str) -> None:
        """Remove a file or a folder; nothing happens when it isn't there."""

    @abstractmethod
    def open(self, name: str) -> contextlib.AbstractContextManager[Any]:
        """Open a file to read its bytes.

        **Raises:** `FileNotFoundError` when it isn't there."""

    def inner(self, name: str) -> "Place":
        """A folder in this one, as a place of its own."""
        return open_place(f"{self.text.rstrip('/')}/{name}")


class Local(Place):
    """A folder of this machine, or of a network file system that it sees."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.path = settings.expand(text, "output")

    def prepare(self) -> None:
        if not self.path.is_dir():
            files.refuse_unwritable(self.path)
        with files.writing(self.path / WORK):
            (self.path / WORK).mkdir(parents=True, exist_ok=True)
            probe = self.path / WORK / leftovers.partial_name("")
            probe.touch()
            probe.unlink()
        leftovers.sweep(self.path / WORK)

    def read(self, name: str) -> bytes | None:
        try:
            with files.open_regular(self.path / name) as file:
                content = file.read(LARGEST + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise OutputError(f"Can't read {self.path / name}: {error.strerror}.") from error
        if len(content) > LARGEST:
            raise OutputError(f"Can't read {self.path / name}: it is larger than 200 MB.")
        return content

    def write(self, name: str, content: bytes) -> None:
        with self._writing(), files.replacing(self.path / name) as partial:
            partial.write_bytes(content)

    def names(self, folder: str = "") -> list[str]:
        try:
            return sorted(one.name for one in (self.path / folder).iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise OutputError(f"Can't read {self.path / folder}: {error.strerror}.") from error

    def sizes(self, folder: str) -> dict[str, int]:
        found: dict[str, int] = {}
        try:
            with os.scandir(self.path / folder) as entries:
                for one in entries:
                    name = f"{folder}/{one.name}"
                    if one.is_dir(follow_symlinks=False):
                        found |= self.sizes(name)
                    elif one.is_file():
                        found[name] = one.stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            raise OutputError(f"Can't read {self.path / folder}: {error.strerror}.") from error
        return found

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        folder = self.path / WORK / leftovers.partial_name("shard")
        with self._writing():
            folder.mkdir()
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def take(self, scratch: Path, names: Sequence[str]) -> None:
        with self._writing():
            if len(names) == 1:
                # so that a power cut leaves a whole shard or none; many files can be made again
                with (scratch / names[0]).open("rb") as file:
                    os.fsync(file.fileno())
            for folder in sorted({str(Path(name).parent) for name in names}):
                with files.writing(self.path / folder):
                    (self.path / folder).mkdir(parents=True, exist_ok=True)
            for name in names:
                (scratch / name).replace(self.path / name)

    def remove(self, name: str) -> None:
        with files.writing(self.path / name):
            files.remove(self.path / name)

    def open(self, name: str) -> contextlib.AbstractContextManager[Any]:
        return files.open_regular(self.path / name)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Say it where somebody removed the folder: what was made is gone with it."""
        if self.path.is_dir():
            try:
                with files.writing(self.path):
                    yield
                return
            except ZooError:
                # also what a shard says that can't be read again, to be hashed
                if self.path.is_dir():
                    raise
        raise OutputError(
            f"{self.path} was removed or moved during the work, or its disk is gone. Give the same "
            "command again: it goes on with the shards that are there."
        )


class Remote(Place):
    """An address of an object store or another file system, by fsspec."""

    def __init__(self, text: str) -> None:
        super().__init__(text.rstrip("/"))
        try:
            import fsspec
        except ImportError as error:
            raise _missing("fsspec") from error
        with self._translated("open"):
            try:
                self._system, self._root = fsspec.core.url_to_fs(self.text)
            except ImportError as error:
                raise _missing(str(error)) from error
        self._root = self._root.rstrip("/")

    def prepare(self) -> None:
        # of an object store it is a bucket, which is never made by the way: it may cost money
        slash = "/" if self._root.startswith("/") else ""
        top = slash + self._root.lstrip("/").partition("/")[0]
        with self._translated("write"):
            if not self._system.exists(top):
                raise OutputError(
                    f"Can't write {self.text}: there is no {top!r} yet. Make it first, or choose "
                    "another."
                )
            self._system.makedirs(self._root, exist_ok=True)
        probe = f"{WORK}/{leftovers.partial_name('')}"
        self.write(probe, b"")
        self.remove(probe)

    def read(self, name: str) -> bytes | None:
        with self._translated("read", name):
            try:
                return bytes(self._system.cat_file(self._at(name)))
            except FileNotFoundError:
                return None

    def write(self, name: str, content: bytes) -> None:
        with self._translated("write", name):
            self._make_parents([name])
            self._system.pipe_file(self._at(name), content)

    def names(self, folder: str = "") -> list[str]:
        with self._translated("list", folder):
            self._system.invalidate_cache()
            try:
                listed = self._system.ls(self._at(folder), detail=False)
            except FileNotFoundError:
                return []
        return sorted({one.rstrip("/").rpartition("/")[2] for one in listed})

    def sizes(self, folder: str) -> dict[str, int]:
        with self._translated("list", folder):
            self._system.invalidate_cache()
            try:
                found = self._system.find(self._at(folder), detail=True)
            except FileNotFoundError:
                return {}
        root = self._root.lstrip("/")
        return {
            name.lstrip("/").removeprefix(f"{root}/"): int(one["size"])
            for name, one in found.items()
        }

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        folder = Path(tempfile.gettempdir(), leftovers.partial_name("shard"))
        leftovers.sweep_once(folder.parent)
        with files.writing(folder):
            folder.mkdir(mode=0o700)
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def take(self, scratch: Path, names: Sequence[str]) -> None:
        self._make_parents(names)
        for name in names:
            with self._translated("write", name):
                self._system.put_file(str(scratch / name), self._at(name))

    def remove(self, name: str) -> None:
        with self._translated("remove", name), contextlib.suppress(FileNotFoundError):
            self._system.rm(self._at(name), recursive=True)

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[Any]:
        with self._translated("read", name), self._system.open(self._at(name), "rb") as file:
            yield file

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    def _make_parents(self, names: Sequence[str]) -> None:
        """Make the folders of files; object stores have none, and do nothing."""
        for folder in sorted({name.rpartition("/")[0] for name in names}):
            with self._translated("write", folder):
                self._system.makedirs(self._at(folder), exist_ok=True)

    @contextlib.contextmanager
    def _translated(self, doing: str, name: str = "") -> Iterator[None]:
        """Whatever a file system raises, in words."""
        try:
            yield
        except (OutputError, MissingDependencyError):
            raise
        # each file system has errors of its own
        except Exception as error:
            reason = str(error).strip().splitlines() or [type(error).__name__]
            where = f"{self.text}/{name}" if name else self.text
            raise OutputError(
                f"Can't {doing} {where}: {reason[0][:200].rstrip('.')}. What is whole there stays: "
                "mend the cause and give the same command again."
            ) from error


def open_place(address: Any) -> Place:
    """The place that a path or an address such as "s3://bucket/folder" means.

    **Raises:** `ConfigError` for another type, and for what names no place;
    `MissingDependencyError` when a package that opens the address is missing; `OutputError` for an
    address that can't be opened."""
    text = os.fspath(arguments.path("output", address)) if not isinstance(address, str) else address
    kind, mark, rest = text.partition("://")
    if not text or (mark and not (kind and rest.strip("/"))):
        raise ConfigError(
            f"{text[:80]!r} is no place for a data set: give a folder, or an address such as "
            "s3://BUCKET/FOLDER."
        )
    return Remote(text) if is_remote(text) else Local(text)


def is_remote(address: str) -> bool:
    """Whether a text is an address for fsspec and not a path."""
    return "://" in address


def _missing(reason: str) -> MissingDependencyError:
    return MissingDependencyError(
        f"This address needs a package that is not installed ({reason[:100]}). Install it: "
        "pip install 'genzoo[remote]'",
        name="remote",
    )
