"""The checkpoints on this machine: bundled, pulled or trained, each whole or absent."""

import contextlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from zoo.checkpoints.folder import CONFIG, ORIGIN, Folder
from zoo.checkpoints.scratch import Scratch
from zoo.common import arguments, files, notes, settings
from zoo.common.errors import (
    CheckpointError,
    ConfigError,
    NotFoundError,
    OutputError,
    ZooError,
    did_you_mean,
)
from zoo.common.words import either
from zoo.registry import Checkpoint, installed

SETTINGS = "run.json"  # of a training: what it was asked for
STATE = "state.safetensors"  # of a training: what it goes on from
# of a training: a result that found no place
UNSAVED = "unsaved"


def parse_hub(reference: str) -> tuple[str, str | None]:
    """`hf:OWNER/REPO[@REVISION]` as repository and revision. Raises `NotFoundError` when it isn't
    of that form.
    """
    match = re.fullmatch(r"hf:([\w.-]+/[\w.-]+?)(?:@([\w./-]+))?", reference)
    if not match:
        raise NotFoundError(
            f"{reference!r} is not of the form hf:OWNER/REPO or hf:OWNER/REPO@REVISION."
        )
    return match[1], match[2]


@dataclass(frozen=True)
class Entry:
    """One checkpoint of the list.

    **Arguments:**
    - `name`: what it is called.
    - `state`: "trained" or "pulled" (in the store), "bundled" (with a plugin), "hub" (can be
        pulled), or "damaged" (in the store, but unreadable, or recorded from a plugin that is
        gone).
    - `path`: its directory, None when it isn't here.
    - `checkpoint`: what the catalogue says of it, None for one that is only in the store.
    - `origin`: what `origin.json` says of it, empty when it isn't in the store.
    """

    name: str
    state: str
    path: Path | None
    checkpoint: Checkpoint | None
    origin: Mapping[str, Any]

    @property
    def sha256(self) -> dict[str, str]:
        """The digests that its files must have, by file name."""
        recorded = dict(self.origin.get("sha256", {}))
        return (
            {**recorded, **self.checkpoint.sha256}
            if self.checkpoint and self.state != "trained"
            else recorded
        )


class Store:
    """The checkpoints that are here.

    **Arguments:**
    - `catalogue`: the checkpoints that installed plugins offer, by name.
    - `root`: the folder it keeps; that of `settings.home` unless given.
    """

    def __init__(self, catalogue: Mapping[str, Checkpoint], root: Path | None = None) -> None:
        self.catalogue = catalogue
        self.root = root or settings.home()
        self._scratch = Scratch(self.root / "scratch", self.root / "checkpoints")
        self._origins: dict[Path, tuple[tuple[int, ...], dict[str, Any]]] = {}

    def find(self, reference: str) -> Path:
        """The directory that a reference means; see `folder`."""
        return self.folder(reference).path

    def folder(self, reference: str | None = None) -> Folder:
        """The checkpoint that a reference means.

        **Arguments:**
        - `reference`: a checkpoint's name, a path that begins with `.`, `/` or `~`, or
            `hf:OWNER/REPO[@REVISION]`; the current checkpoint unless given.

        **Raises:** `NotFoundError` in words that mend the reference; `CheckpointError` when a path
        is not a checkpoint."""
        reference = self.current() if reference is None else reference
        if files.is_path(reference):
            try:
                directory = settings.expand(reference)
            except ConfigError as error:
                raise NotFoundError(f"There is no folder {reference}.") from error
            files.refuse_unreadable(directory)
            if not files.exists(directory):
                raise NotFoundError(f"There is no folder {reference}.", path=directory)
            if not files.is_file(directory / CONFIG):
                raise CheckpointError(
                    f"{reference} is not a checkpoint: it has no {CONFIG}.", path=directory
                )
            return Folder(directory, reference)
        entry = self.entry(reference)
        if entry.path is None:
            raise self._absent(entry)
        known = entry.origin if entry.state in ("trained", "pulled") else None
        return Folder(entry.path, reference, origin=known)

    def entry(self, name: str) -> Entry:
        """What is known of a checkpoint that is here or can be had.

        **Raises:** `NotFoundError` when there is none of that name."""
        self._refuse_ambiguous(name)
        checkpoint = self.catalogue.get(name)
        directory = self.directory(name)
        bundled = checkpoint.bundled if checkpoint else None
        gone = bundled is not None and not files.is_file(bundled / CONFIG)
        bundled = None if gone else bundled
        if files.is_folder(directory):
            here = directory if files.is_file(directory / CONFIG) else bundled
            try:
                origin = self._origin(directory)
                if not isinstance(origin.get("sha256"), dict):
                    raise CheckpointError("it records no digests")
            except CheckpointError:
                return Entry(name, "damaged", here, checkpoint, {"source": "unknown"})
            state = "trained" if origin.get("source") == "trained" else "pulled"
            return Entry(name, state if here else "damaged", here, checkpoint, origin)
        if self._scratch.recover() and self.holds(name):
            return self.entry(name)
        if checkpoint or name.startswith("hf:"):
            state = "damaged" if gone else "bundled" if bundled else "hub"
            return Entry(name, state, bundled, checkpoint, {})
        raise NotFoundError(self._explain_missing(name))

    def entry_of(self, folder: Folder) -> Entry | None:
        """What is known of a checkpoint that `folder` found; None of one that was named by its
        path. No file is read again.
        """
        name = folder.reference
        if files.is_path(name):
            return None
        source = folder.origin.get("source")
        state = "trained" if source == "trained" else "pulled" if source else "bundled"
        return Entry(name, state, folder.path, self.catalogue.get(name), folder.origin)

    def entries(self) -> list[Entry]:
        """Every checkpoint that is here or can be had, by name."""
        entries = []
        for name in self.names():
            with contextlib.suppress(NotFoundError):  # another process removed it just now
                entries.append(self.entry(name))
        return entries

    def names(self) -> list[str]:
        """The names of all checkpoints that are here or can be had, sorted. Nothing of them is
        read.
        """
        self._scratch.recover()
        return sorted({*_names_in(self.root / "checkpoints"), *self.catalogue})

    def holds(self, name: str) -> bool:
        """Whether the store itself has a checkpoint of that name, damaged or not."""
        return _is_name(name) and files.is_folder(self.directory(name))

    def runs(self) -> list[str]:
        """The names of the trainings that are not finished, or whose result found no place. One
        whose folder can't be read is named in a warning.
        """
        names = sorted(_names_in(self.root / "runs"))
        for name in names:
            try:
                files.refuse_unreadable(self.run(name))
            except CheckpointError as error:
                notes.logger().warning("%s", error)
        return [name for name in names if self.is_unfinished(name)]

    def is_unfinished(self, name: str) -> bool:
        """Whether there is a training of that name that can go on, or whose result found no
        place.
        """
        if not _is_name(name):
            return False
        run = self.run(name)
        return any(os.path.lexists(run / left) for left in (SETTINGS, STATE, UNSAVED))

    @contextlib.contextmanager
    def adding(self, name: str, *, replace: bool = False) -> Iterator[Path]:
        """Fill a checkpoint's directory in scratch, and have it renamed into the store when the
        block ends well.

        **Arguments:**
        - `name`: what it will be called. The caller leaves an `origin.json` with the digests of the
            files.
        - `replace`: whether it takes the place of one that is there.

        **Returns:** an empty directory. On any failure it is removed and the store is as it was.

        **Raises:** `OutputError` when the store can't be written, or has that name already.
        """
        target = self.directory(name)
        with files.writing(target), self._scratch.making(target, replace=replace) as scratch:
            yield scratch

    def remove(self, name: str) -> int:
        """Remove a checkpoint from the store, with the folder of its training unless that may be
        wanted still; of a training that is not finished, the folder.

        **Returns:** the bytes freed (those of a bundled one stay: they belong to its package).

        **Raises:** `NotFoundError` when it isn't in the store, `OutputError` when it can't be
        removed.
        """
        going = self.going(name)
        with files.writing(going[0]):
            with self._scratch.alone():
                self._scratch.clean()
                removed = [self._scratch.put_aside(one) for one in going]
            freed = 0
            for one in removed:
                if one:
                    freed += files.size(one)
                    files.remove(one)
            if self._current_file().is_file() and self.current() == name:
                self._current_file().unlink()
        return freed

    def going(self, name: str) -> list[Path]:
        """The folders that `remove` would remove.

        **Raises:** `NotFoundError` when nothing of that name is in the store; `OutputError` when
        it is a training at work."""
        directory, run = self.directory(name), self.run(name)
        if self.holds(name):
            # a training that is at work, unfinished or holds its only result stays
            kept = self.is_unfinished(name) or not files.is_folder(run) or _at_work(run)
            return [directory] if kept else [directory, run]
        if self.is_unfinished(name):
            if _at_work(run):
                raise OutputError(
                    f"The training {name} is running in another process: stop it first.",
                    name=name,
                    path=run,
                )
            return [run]
        if _is_name(name) and files.is_folder(run) and not _at_work(run):
            return [run]
        entry = self.entry(name)
        why = "is part of its plugin" if entry.path else "is not here"
        raise NotFoundError(f"{name} {why}: nothing to remove.", name=name)

    def verify(self, name: str) -> dict[str, str]:
        """Hash a checkpoint's files anew.

        **Returns:** by file name, "ok", "damaged" or "missing".

        **Raises:** `NotFoundError` when it isn't here.
        """
        files.refuse_unreadable(self.directory(name))
        files.refuse_closed(self.directory(name) / ORIGIN)
        entry = self.entry(name)
        if entry.origin and not entry.sha256:
            return {ORIGIN: "damaged"}  # it should have them
        path = self.directory(name) if entry.origin and not entry.path else self.find(name)
        return {file: _verdict(path / file, digest) for file, digest in entry.sha256.items()}

    def clean(self) -> None:
        """Remove from scratch what processes left that were killed."""
        with self._scratch.alone():
            self._scratch.clean()

    def current(self) -> str:
        """The name of the current checkpoint, which a command without a reference means."""
        files.refuse_unreadable(self.root)
        try:
            with files.open_regular(self._current_file()) as file:
                return file.read(1000).decode().strip()
        except (OSError, UnicodeDecodeError):
            have = ", ".join(sorted(self.catalogue)) or "none offered"
            raise NotFoundError(
                f"No checkpoint is current. Pull one (zoo pull NAME) or name one: {have}."
            ) from None

    def make_current(self, name: str) -> None:
        """Let a command without a reference mean this checkpoint."""
        files.write_text(self._current_file(), name + "\n")

    def refuse_taken(self, name: str) -> None:
        """Raise `OutputError` when a checkpoint of that name exists or is in the catalogue."""
        if name in self.catalogue:
            raise OutputError(
                f"{name!r} is a checkpoint that a plugin offers: choose another name."
            )
        if self.directory(name).exists():
            raise OutputError(
                f"{name!r} is in the store already: choose another name, or remove it first: zoo "
                f"rm {name}"
            )

    def _origin(self, directory: Path) -> dict[str, Any]:
        """A checkpoint's origin.json, read again only when another file has taken its place."""
        path = directory / ORIGIN
        try:
            status = path.stat()
        except OSError:
            return files.read_json(path)  # which says why
        stamp = (status.st_ino, status.st_size, status.st_mtime_ns)
        if self._origins.get(directory, ((), {}))[0] != stamp:
            self._origins[directory] = (stamp, files.read_json(path))
        return self._origins[directory][1]

    def _current_file(self) -> Path:
        return self.root / "current"

    def directory(self, name: str) -> Path:
        """Where the store keeps a checkpoint, whether it is there or not."""
        return self.root / "checkpoints" / quote(name, safe="@")

    def run(self, name: str) -> Path:
        """The folder of the training that a checkpoint comes from, whether it is there or not."""
        return self.root / "runs" / quote(name, safe="@")

    def _refuse_ambiguous(self, name: str) -> None:
        if "/" in name and not name.startswith("hf:"):
            raise NotFoundError(
                f"{name!r} could be a Hub repository or a folder: write hf:{name} for the "
                f"repository, ./{name} for the folder."
            )
        if not _is_name(name):
            raise NotFoundError(f"{name[:80]!r} is not a valid name of a checkpoint.")
        if name.startswith("hf:"):
            parse_hub(name)

    def _absent(self, entry: Entry) -> ZooError:
        """Why a checkpoint that is known can't be used, and what to do."""
        name, offered = entry.name, entry.checkpoint
        if entry.origin:
            files.refuse_unreadable(self.directory(name))
        if entry.state != "damaged":
            return NotFoundError(f"{name} is not here yet. Get it with: zoo pull {name}", name=name)
        if offered and offered.bundled and not entry.origin:
            return _bundle_gone(name, offered.bundled)
        directory = self.directory(name)
        return NotFoundError(
            f"{name} is damaged: {directory / CONFIG} is missing or can't be read. Mend that, or "
            f"remove it (zoo rm {name}) and get it again.",
            name=name,
            path=directory,
        )

    def refuse_gone_bundle(self, name: str, bundled: Path) -> None:
        """Raise `NotFoundError`, naming the plugin, when a bundled checkpoint's folder is gone."""
        if not files.is_file(bundled / CONFIG):
            raise _bundle_gone(name, bundled)

    def _explain_missing(self, name: str) -> str:
        files.refuse_unreadable(self.root / "checkpoints")
        if self.is_unfinished(name):
            return (
                f"{name!r} is a training that is not finished, so there is no checkpoint yet. Go "
                f"on with it: zoo train --resume {name}"
            )
        if of_model := [one.name for one in self.catalogue.values() if one.model == name]:
            return (
                f"{name!r} is a model, not a checkpoint. Checkpoints of it: {', '.join(of_model)}."
            )
        if Path(name).exists():
            return f"No checkpoint is called {name!r}. For the path write ./{name}"
        known = [entry.name for entry in self.entries()]
        return f"No checkpoint is called {name!r}.{did_you_mean(name, known)} See: zoo list"


def find(reference: "str | os.PathLike[str] | Folder | None" = None) -> Folder:
    """The checkpoint that a reference means, in the store at the home and among what the installed
    plugins offer.

    **Arguments:**
    - `reference`: as for `Store.folder`, a path object, a Folder, or what `zoo.train` returns.

    **Raises:** `ConfigError` for another type; else as `Store.folder` does."""
    if isinstance(reference, Folder):
        return reference
    asked = None if reference is None else arguments.reference(reference)
    return Store(installed().checkpoints).folder(asked)


def refuse_foreign(folder: Folder) -> None:
    """Raise `OutputError` for a checkpoint whose files are not the user's to change: one that was
    pulled, or came with a plugin.
    """
    reference = folder.reference
    if files.is_path(reference):
        return
    source = folder.origin.get("source")
    if source != "trained":
        state = "pulled" if source else "bundled"
        option = either("--write", "write=True")
        raise OutputError(
            f"{option} would change files of {reference}, which is {state}: they belong to its "
            "publisher. Name a folder of your own by its path, such as "
            f"./cards/{reference.rpartition('/')[2]}, or leave out {option}."
        )


def _bundle_gone(name: str, bundled: Path) -> NotFoundError:
    plugin = installed().offered_by("checkpoints", name)
    maker = plugin.distribution if plugin else "its plugin"
    return NotFoundError(
        f"{name} is damaged: {bundled}, which {maker} names, can't be read. "
        f"Install it again: pip install --force-reinstall {maker}",
        name=name,
        path=bundled,
    )


def _names_in(folder: Path) -> set[str]:
    """The names of the checkpoints, or of the trainings, in one of the store's folders. One that
    can't be read is named in a warning, and holds none.
    """
    try:
        with os.scandir(folder) as found:
            directories = [one.name for one in found if _is_folder(one)]
    except (FileNotFoundError, NotADirectoryError):
        return set()
    except OSError as error:
        notes.logger().warning(
            "%s can't be read: %s. What is in it is not listed.", folder, error.strerror or error
        )
        return set()
    names = {one: unquote(one) for one in directories}
    return {name for one, name in names.items() if _is_name(name) and quote(name, safe="@") == one}


def _at_work(run: Path) -> bool:
    """Whether a process is training in a folder."""
    try:
        with files.alone(run, wait=False):
            return False
    except OutputError:
        return True


def _is_folder(found: "os.DirEntry[str]") -> bool:
    try:
        return found.is_dir()
    except OSError:
        return False


def _is_name(name: str) -> bool:
    """Whether a checkpoint can be called so: it is a folder's name once it is quoted."""
    try:
        short = len(quote(name)) <= 200
    except UnicodeEncodeError:
        return False
    return short and name not in ("", ".", "..") and ("/" not in name or name.startswith("hf:"))


def _verdict(file: Path, digest: str) -> str:
    if not files.is_file(file):
        return "missing"
    return "ok" if files.sha256(file) == digest else "damaged"
