"""Which checkpoints a server shows, by which names, and what is known of each."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.checkpoints import CONFIG, WEIGHTS, Folder, Store, find, list_checkpoints, measured
from zoo.common import files, settings
from zoo.common.errors import ConfigError, DataError, NotFoundError, ZooError
from zoo.registry import installed
from zoo.sampling import kind_of_folder

# states of a checkpoint whose files are here
HERE = ("bundled", "pulled", "trained")
# names of a card's pictures
PICTURE = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")

# what tells the weights of a folder from others
Stamp = tuple[str, int, int, int]


class Shelf:
    """The checkpoints that may be asked for.

    **Arguments:**
    - `references`: those alone; every checkpoint that is here when there are none. One given by a
        path is called by the name of its folder.

    **Raises:** `ZooError` for a reference that is not here, for two of one name, and where all
    are shown and the user has no home folder.
    """

    def __init__(self, references: Sequence[str] = ()) -> None:
        self.named: dict[str, str] = {}
        self._read: dict[str, tuple[Stamp, Folder]] = {}
        if not references:
            # all are looked for there: where it can't be, say so now and not in every answer
            settings.home()
        for reference in references:
            find(reference)
            name = Path(reference).name if files.is_path(reference) else reference
            if self.named.setdefault(name, reference) != reference:
                raise ConfigError(
                    f"{self.named[name]} and {reference} would both be called {name!r}: rename one "
                    "of the folders."
                )

    def records(self) -> list[dict[str, Any]]:
        """What is known of each checkpoint, those that can be pulled included when all are
        shown.
        """
        if self.named:
            return [self._record_or_gone(name) for name in self.named]
        shown = []
        for record in list_checkpoints():
            known = record["state"] in HERE
            try:
                shown.append(self.record(record["name"], record) if known else _absent(record))
            except NotFoundError:
                # removed just now
                continue
        return shown

    def _record_or_gone(self, name: str) -> dict[str, Any]:
        try:
            return self.record(name)
        except NotFoundError as error:
            return _absent({"name": name, "state": "gone"}, str(error))

    def record(self, name: str, known: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What is known of one, as the gallery shows it.

        **Raises:** `NotFoundError` when it may not be asked for."""
        folder = None
        try:
            folder = self.folder(name)
            return self._told(name, folder, known)
        except ZooError as error:
            if folder is None and isinstance(error, NotFoundError):
                raise
            return _absent({**(known or {}), "name": name, "state": "damaged"}, str(error))

    def _told(self, name: str, folder: Folder, known: Mapping[str, Any] | None) -> dict[str, Any]:
        entry = known or next(iter(list_checkpoints(name)), None) or {}
        spec = installed().models.get(folder.model)
        shape = folder.config["config"].get("sample_shape") or ()
        return {
            "name": name,
            "reference": folder.reference,
            "state": str(entry.get("state", "here")),
            "model": folder.model,
            "dataset": folder.dataset,
            "summary": str(entry.get("summary") or folder.facts.get("summary") or ""),
            "license": str(entry.get("license") or folder.facts.get("license") or ""),
            "parameters": int(entry.get("parameters") or folder.facts.get("parameters") or 0),
            "size": files.size(folder.path),
            "num_classes": folder.num_classes,
            "class_names": list(folder.class_names),
            "kind": kind_of_folder(folder).name,
            "capabilities": list(spec.capabilities) if spec else [],
            "sample_shape": [int(side) for side in shape],
            "quality": measured(folder.facts),
            "pictures": _pictures(folder),
            "problem": "",
        }

    def folder(self, name: str) -> Folder:
        """The folder of a checkpoint that may be asked for, by its name.

        **Raises:** `NotFoundError` for any other, and for one that is gone."""
        if self.named:
            if name not in self.named:
                known = list(self.named)
                raise NotFoundError(
                    f"This server has no checkpoint {name[:80]!r}. It has: {', '.join(known)}.",
                    name=name,
                    known=known,
                )
            return self._known(find(self.named[name]))
        if files.is_path(name) or (name.startswith("hf:") and not _holds(name)):
            raise NotFoundError(f"This server has no checkpoint {name[:80]!r}.", name=name)
        return self._known(find(name))

    def _known(self, folder: Folder) -> Folder:
        """The same folder as last time, while it holds the same: its files are hashed once."""
        stamp = stamp_of(folder)
        known = self._read.get(folder.reference)
        if known and known[0] == stamp:
            return known[1]
        self._read[folder.reference] = stamp, folder
        return folder

    def picture(self, name: str, picture: str) -> bytes:
        """A picture of a checkpoint's card, as a PNG.

        **Raises:** `NotFoundError` when there is none of that name."""
        folder = self.folder(name)
        path = folder.path / "images" / f"{picture}.png"
        if not PICTURE.fullmatch(picture) or not files.is_file(path):
            raise NotFoundError(f"{name} has no picture {picture[:80]!r}.", name=picture)
        try:
            with files.open_regular(path) as file:
                return file.read()
        except OSError as error:
            raise DataError(f"Can't read {path}: {error.strerror}.") from error


def stamp_of(folder: Folder) -> Stamp:
    """Which weights a folder holds: it changes when they are replaced.

    **Raises:** `NotFoundError` when they are gone."""
    try:
        status = folder.file(WEIGHTS).stat()
        config = folder.file(CONFIG).stat()
    except OSError as error:
        raise NotFoundError(
            f"The checkpoint {folder.reference} is gone: it was removed. Choose another.",
            name=folder.reference,
        ) from error
    return str(folder.path), status.st_mtime_ns, status.st_size, config.st_mtime_ns


def _holds(name: str) -> bool:
    return Store(installed().checkpoints).holds(name)


def _absent(record: Mapping[str, Any], problem: str = "") -> dict[str, Any]:
    """What is known of a checkpoint that can't be used yet, or no more."""
    return {
        "name": record["name"],
        "reference": record["name"],
        "state": record["state"],
        "model": str(record.get("model", "")),
        "dataset": str(record.get("dataset", "")),
        "summary": str(record.get("summary", "")),
        "license": str(record.get("license", "")),
        "parameters": int(record.get("parameters", 0)),
        "size": int(record.get("size", 0)),
        "num_classes": int(record.get("num_classes", 0)),
        "class_names": [],
        "kind": "image",
        "capabilities": [],
        "sample_shape": [],
        "quality": [],
        "pictures": [],
        "problem": problem,
    }


def _pictures(folder: Folder) -> list[str]:
    place = folder.path / "images"
    if not files.is_folder(place):
        return []
    names = sorted(path.stem for path in place.glob("*.png"))
    return [name for name in names if PICTURE.fullmatch(name)]
