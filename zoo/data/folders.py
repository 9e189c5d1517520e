"""LIGHT: which images a folder holds and which classes they are of, without opening one."""

import functools
import hashlib
import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.common import settings
from zoo.common.errors import DataError, counted
from zoo.data.digests import State, files_digest, state_of
from zoo.data.opening import SUFFIXES

# What systems and programs leave beside pictures. Names that begin with a dot are skipped as well.
COMPANIONS = frozenset({"thumbs.db", "desktop.ini", "__macosx"})
# What the zoo writes beside the samples that it draws into a folder.
OWN = frozenset({"provenance.json"})
# Names of folders that hold parts of a data set, not classes.
SPLITS = frozenset({"train", "training", "test", "testing", "val", "valid", "validation"})
NAMED = 10  # how many names a message lists before it counts the rest

log = logging.getLogger("zoo")


@dataclass
class ImageFolder:
    """The images of a folder.

    **Arguments:**
    - `folder`: where they lie.
    - `paths`: of the images, in an order that looks random and is always the same.
    - `classes`: names of the sub-folders that hold images, sorted; empty when the images lie in the
        folder itself.
    - `empty`: sub-folders without an image.
    - `hidden`: files and folders that are skipped because of their names.
    - `others`: files that are not images, by their suffixes.
    """

    folder: Path
    paths: list[Path] = field(default_factory=list)
    classes: tuple[str, ...] = ()
    empty: list[Path] = field(default_factory=list)
    hidden: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)

    def label(self, path: Path) -> int:
        """The index of an image's class."""
        return self._numbers[below(self.folder, path).partition("/")[0]]

    @property
    def digest(self) -> str:
        """The SHA-256 of the names and contents of the images."""
        return files_digest(self._named, self.state)

    @functools.cached_property
    def state(self) -> State:
        """What tells, without reading them, whether the images are still the same.

        **Raises:** `DataError` for one that can't be looked at."""
        return state_of(self._named)

    @functools.cached_property
    def _named(self) -> dict[str, Path]:
        return {below(self.folder, path): path for path in self.paths}

    @functools.cached_property
    def _numbers(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.classes)}

    def report(self) -> None:
        """Say once what is skipped."""
        folders = [path for path in (*self.hidden, *self.empty) if path.is_dir()]
        hidden = [path for path in self.hidden if path not in folders]
        if hidden:
            noun = counted(len(hidden), "hidden or system file")
            log.info("Skipped %s in %s: %s", noun, self.folder, self._names(hidden))
        if self.others:
            noun = counted(len(self.others), "file")
            log.info(
                "Skipped %s in %s that are not images: %s",
                noun,
                self.folder,
                self._names(self.others),
            )
        if skipped := [path for path in self.hidden if path in folders]:
            log.info("Skipped folders in %s: %s", self.folder, self._names(skipped, None))
        if self.empty:
            log.warning(
                "These folders of %s hold no images, so they are not classes: %s",
                self.folder,
                self._names(self.empty, None),
            )

    def _names(self, paths: Sequence[Path], limit: int | None = NAMED) -> str:
        names = [path.relative_to(self.folder).as_posix() for path in paths]
        rest = 0 if limit is None else len(names) - limit
        return ", ".join(names[:limit]) + (f" and {rest:,} more" if rest > 0 else "")


def folder_of(reference: str | Path) -> Path:
    """The folder that a path names, `~` replaced; raises `DataError` when it is not a folder."""
    folder = settings.expand(reference)
    try:
        found = folder.is_dir()
    except OSError as error:
        raise DataError(f"Can't read {folder}: {error.strerror}.") from error
    if not found:
        is_file = "It is a file." if folder.exists() else "There is no such folder."
        raise DataError(f"{reference} is not a folder of images. {is_file}")
    return folder


def find_images(folder: Path) -> ImageFolder:
    """Look through a folder and everything below it.

    **Returns:** the images and their classes: each sub-folder with images, however deep they lie,
    is a class.

    **Raises:** `DataError` when there are no images, when a folder can't be read, and when it is
    not clear what the classes are.
    """
    found = ImageFolder(folder)
    own: list[Path] = []
    below: dict[str, list[Path]] = {}
    for entry in _entries(folder, found):
        path = folder / entry.name
        if _is_image(entry.name):
            own.append(path)
        elif entry.is_dir():
            below[entry.name] = list(_images_below(path, found))
        elif entry.name not in OWN:
            found.others.append(path)
    found.classes = tuple(sorted(name for name, paths in below.items() if paths))
    found.empty += [folder / name for name, paths in below.items() if not paths]
    found.empty.sort()
    _refuse_unclear(found, own, below)
    chosen = [path for name in found.classes for path in below[name]] or own
    found.paths = in_order(folder, chosen)
    return found


def in_order(folder: Path, paths: Sequence[Any]) -> list[Any]:
    """Images in the order in which a data set has them."""
    return sorted(paths, key=lambda path: _place(folder, path))


def _refuse_unclear(found: ImageFolder, own: Sequence[Path], below: dict[str, list[Path]]) -> None:
    """Refuse a folder without images, and one whose classes could be meant in two ways."""
    folder, classes = found.folder, found.classes
    if not own and not classes:
        found.report()
        raise DataError(
            f"{folder} holds no images ({', '.join(SUFFIXES)}), nor do the folders in it."
        )
    if own and classes:
        raise DataError(
            f"{folder} has images in sub-folders, which are its classes "
            f"({', '.join(classes[:NAMED])}), and others outside of them, such as {own[0].name}. "
            "Move those into a "
            "class, or out of the folder."
        )
    if len(classes) == 1 and all(path.parent != folder / classes[0] for path in below[classes[0]]):
        raise DataError(
            f"{folder} holds one folder only, {classes[0]}, and the images are in folders further "
            f"down. If those are the classes, take {folder / classes[0]}"
        )
    if len(classes) > 1 and {name.lower() for name in classes} <= SPLITS:
        raise DataError(
            f"The folders in {folder} are parts of a data set, not classes: {', '.join(classes)}. "
            f"Take one of them: {folder / classes[0]}"
        )


def _images_below(folder: Path, found: ImageFolder, above: tuple[Path, ...] = ()) -> Iterator[Path]:
    """The images of a folder and of all folders in it; a link to a folder above is not followed."""
    above = (*above, folder.resolve())
    for entry in _entries(folder, found):
        path = folder / entry.name
        if _is_image(entry.name):
            yield path
        elif not entry.is_dir():
            found.others.append(path)
        elif path.resolve() not in above:
            inside = list(_images_below(path, found, above))
            if not inside:
                found.empty.append(path)
            yield from inside


def _entries(folder: Path, found: ImageFolder) -> Iterator["os.DirEntry[str]"]:
    """What a folder holds, in the order of the names, without what is skipped by its name."""
    try:
        with os.scandir(folder) as listed:
            entries = sorted(listed, key=lambda entry: entry.name)
    except OSError as error:
        raise DataError(
            f"Can't read the folder {folder}: {error.strerror}. Change its permissions, or move "
            "it out of the data."
        ) from error
    for entry in entries:
        if entry.name.startswith(".") or entry.name.lower() in COMPANIONS:
            found.hidden.append(folder / entry.name)
        else:
            yield entry


def _is_image(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def below(folder: Path, path: Any) -> str:
    """The name of an image below its folder, such as "cat/1.png"; quick for many images."""
    name, start = str(path), f"{folder}/"
    if isinstance(path, Path) and name.startswith(start):
        return name[len(start) :]
    return str(path.relative_to(folder).as_posix())


def _place(folder: Path, path: Any) -> bytes:
    """Where an image stands in the order: the classes are mixed, so that the last images, which may
    be held out, are of every class.
    """
    name = below(folder, path)
    return hashlib.sha256(name.encode(errors="surrogateescape")).digest()
