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
COMPANIONS = frozenset(
    {
        "thumbs.db",
        "desktop.ini",
        "$recycle.bin",
        "system volume information",
        "__macosx",
        "@eadir",
        "#recycle",
        "lost+found",
    }
)
# What the zoo writes beside the samples that it draws into a folder.
OWN = frozenset({"provenance.json"})
# Names of folders that hold parts of a data set, not classes.
SPLITS = frozenset({"train", "training", "test", "testing", "val", "valid", "validation"})
# how many names a message lists before it counts the rest
NAMED = 10

log = logging.getLogger("zoo")


@dataclass
class ImageFolder:
    """The images of a folder.

    **Arguments:**
    - `folder`: where they lie.
    - `names`: of the images below the folder, such as "cat/1.png", in an order that looks random
        and is always the same. Those in an archive or a table have `paths` alone.
    - `classes`: names of the sub-folders that hold images, sorted; empty when the images lie in the
        folder itself.
    - `empty`: sub-folders without an image.
    - `hidden`: files and folders that are skipped because of their names.
    - `others`: files that are not images, by their suffixes.
    - `read`: the digests of the images, 32 bytes each, once they were read.
    """

    folder: Path
    names: list[str] = field(default_factory=list)
    classes: tuple[str, ...] = ()
    empty: list[Path] = field(default_factory=list)
    hidden: list[Path] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)
    read: bytes = b""

    @functools.cached_property
    def paths(self) -> list[Path]:
        """Of the images, in the order of the names. Making them takes longer than finding them."""
        return [self.folder / name for name in self.names]

    def label(self, path: Path) -> int:
        """The index of an image's class."""
        return self.label_of(path.relative_to(self.folder).as_posix())

    def label_of(self, name: str) -> int:
        """The same by the image's name."""
        return self._numbers[name.partition("/")[0]]

    @property
    def digest(self) -> str:
        """The SHA-256 of the names and contents of the images."""
        each = (self.read[at : at + 32] for at in range(0, len(self.read), 32))
        return files_digest(self.files, self.state, dict(zip(self.names, each, strict=False)))

    @functools.cached_property
    def state(self) -> State:
        """What tells, without reading them, whether the images are still the same.

        **Raises:** `DataError` for one that can't be looked at."""
        return state_of(self.files)

    @functools.cached_property
    def files(self) -> dict[str, str]:
        """Where the images lie, by their names and in their order."""
        return {name: f"{self.folder}/{name}" for name in self.names}

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
    root = folder.resolve()
    own: list[str] = []
    below: dict[str, list[str]] = {}
    for entry in _entries(folder, found):
        if _is_image(entry.name):
            own.append(entry.name)
        elif _is_folder(entry):
            below[entry.name] = list(_images_below(entry.name, found, (root,)))
        elif entry.name not in OWN:
            found.others.append(folder / entry.name)
    found.classes = tuple(sorted(name for name, inside in below.items() if inside))
    found.empty += [folder / name for name, inside in below.items() if not inside]
    found.empty.sort()
    _refuse_unclear(found, own, below)
    found.names = sorted([name for one in found.classes for name in below[one]] or own, key=_place)
    return found


def in_order(folder: Path, paths: Sequence[Any]) -> list[Any]:
    """Images in the order in which a data set has them."""
    return sorted(paths, key=lambda path: _place(path.relative_to(folder).as_posix()))


def _refuse_unclear(found: ImageFolder, own: Sequence[str], below: dict[str, list[str]]) -> None:
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
            f"({', '.join(classes[:NAMED])}), and others outside of them, such as {own[0]}. "
            "Move those into a "
            "class, or out of the folder."
        )
    if len(classes) == 1 and all(name.count("/") > 1 for name in below[classes[0]]):
        raise DataError(
            f"{folder} holds one folder only, {classes[0]}, and the images are in folders further "
            f"down. If those are the classes, take {folder / classes[0]}"
        )
    if len(classes) > 1 and {name.lower() for name in classes} <= SPLITS:
        raise DataError(
            f"The folders in {folder} are parts of a data set, not classes: {', '.join(classes)}. "
            f"Take one of them: {folder / classes[0]}"
        )


def _images_below(name: str, found: ImageFolder, above: tuple[Path, ...]) -> Iterator[str]:
    """The names of the images of a folder and of all folders in it; a link to a folder above is not
    followed.
    """
    folder = found.folder / name
    here = folder.resolve()
    if here in above:
        return
    above = (*above, here)
    for entry in _entries(folder, found):
        inner = f"{name}/{entry.name}"
        if _is_image(entry.name):
            yield inner
        elif not _is_folder(entry):
            found.others.append(folder / entry.name)
        elif (folder / entry.name).resolve() not in above:
            inside = list(_images_below(inner, found, above))
            if not inside:
                found.empty.append(folder / entry.name)
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


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        # a link that leads to itself
        return False


def _is_image(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def _place(name: str) -> bytes:
    """Where an image stands in the order: the classes are mixed, so that the last images, which may
    be held out, are of every class.
    """
    return hashlib.sha256(name.encode(errors="surrogateescape")).digest()
