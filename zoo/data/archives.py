"""Images inside .zip and .tar files, read without unpacking them."""

import io
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from zoo.common import files
from zoo.common.errors import DataError
from zoo.data.dataset import Dataset
from zoo.data.digests import file_digest
from zoo.data.folders import COMPANIONS, NAMED, OWN, SPLITS, ImageFolder, in_order
from zoo.data.forms import Asked, Place
from zoo.data.image_folders import read_found
from zoo.data.opening import SUFFIXES

LARGEST = 1 << 30  # bytes of one image in an archive
MOST = 20_000_000  # entries of an archive
TRAINING = ("train", "training")
DAMAGED = (OSError, EOFError, ValueError, zipfile.BadZipFile, tarfile.TarError, zlib.error)


@dataclass(frozen=True)
class Member:
    """An image in an archive; what reads images takes it in place of a path.

    **Arguments:**
    - `archive`: the file.
    - `entry`: its name there.
    - `inside`: its name below the folder that the archive holds.
    """

    archive: Path
    entry: str
    inside: PurePosixPath

    def __str__(self) -> str:
        return f"{self.archive}/{self.entry}"

    @property
    def name(self) -> str:
        """Its name, without folders."""
        return self.inside.name

    def relative_to(self, folder: Path) -> PurePosixPath:
        """Its name below the folder that the archive holds."""
        return self.inside

    def is_symlink(self) -> bool:
        """No entry is followed to another place."""
        return False

    def open(self) -> BinaryIO:
        """Its bytes, which take no more memory than an image may have."""
        opened = _opened(self.archive)
        stored: Any
        if isinstance(opened, zipfile.ZipFile):
            stored = opened.open(self.entry)
        else:
            stored = opened.extractfile(self.entry)
        with stored:
            content = stored.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise DataError(f"{self} has more than {LARGEST:,} bytes: it is not read.")
        return io.BytesIO(content)


def read_archive(place: Place, asked: Asked) -> Dataset:
    """The images in an archive. Its folders are classes, as those of a folder are.

    **Raises:** `DataError` for an archive that is damaged, holds no images, or unclear classes."""
    path = place.path
    assert path is not None  # a form with suffixes
    try:
        files.refuse_irregular(path)
        names = list(_names(path))
    except RecursionError as error:
        raise DataError(f"{path} is damaged: {error}.", path=path) from error
    except DAMAGED as error:
        told = " ".join(str(getattr(error, "strerror", None) or error).split())[:200]
        raise DataError(f"{path} is damaged, or not an archive: {told.rstrip('.')}.") from error
    finally:
        _close()
    found, splits = _found(path, names, asked.split)
    try:
        return read_found(
            *(found, asked),
            origin_sha256=file_digest(path),
            splits=splits,
            by_order=_is_a_stream(path),
        )
    finally:
        _close()


def _names(path: Path) -> Iterator[str]:
    """The names of the regular files in an archive."""
    opened = _opened(path)
    if isinstance(opened, zipfile.ZipFile):
        entries = (one.filename for one in opened.infolist() if not one.is_dir())
    else:
        entries = (one.name for one in opened if one.isfile())
    for count, name in enumerate(entries):
        if count == MOST:
            raise ValueError(f"it holds more than {MOST:,} files")
        yield name


# the archive that was opened last, and for which process and state of the file
_last: dict[tuple[object, ...], Any] = {}


def _opened(path: Path) -> zipfile.ZipFile | tarfile.TarFile:
    """An archive, which stays open until another is opened: each process opens its own."""
    status = path.stat()
    key = (os.getpid(), path.absolute(), status.st_mtime_ns, status.st_size)
    if key not in _last:
        _close()
        is_zip = path.name.lower().endswith(".zip")
        _last[key] = zipfile.ZipFile(path) if is_zip else tarfile.open(path)  # noqa: SIM115
    opened: zipfile.ZipFile | tarfile.TarFile = _last[key]
    return opened


def _close() -> None:
    for opened in _last.values():
        opened.close()
    _last.clear()


def _is_a_stream(path: Path) -> bool:
    """Whether images can only be read quickly in the order in which they are stored."""
    return path.name.lower().endswith((".gz", ".tgz", ".bz2", ".xz"))


def _found(path: Path, names: list[str], split: str) -> tuple["ImageArchive", tuple[str, ...]]:
    """The images among the names, and the splits that the archive has."""
    found = ImageArchive(path)
    images: dict[PurePosixPath, str] = {}
    for name in names:
        inside = PurePosixPath(*(part for part in PurePosixPath(name).parts if part != "/"))
        hidden = any(part.startswith(".") or part.lower() in COMPANIONS for part in inside.parts)
        if hidden:
            found.hidden.append(path / name)
        elif inside.suffix.lower() in SUFFIXES:
            images[inside] = name
        elif inside.name not in OWN:
            found.others.append(path / name)
    images = _without_root(images)
    tops = {inside.parts[0].lower() for inside in images if len(inside.parts) > 1}
    splits: tuple[str, ...] = ()
    if len(tops) > 1 and tops <= SPLITS and tops & set(TRAINING):
        splits = ("train", "test")
        chosen = {
            inside: name
            for inside, name in images.items()
            if (inside.parts[0].lower() in TRAINING) == (split == "train")
        }
        images = {PurePosixPath(*one.parts[1:]): name for one, name in chosen.items()}
    members = [Member(path, name, inside) for inside, name in images.items()]
    in_folders = {one.inside.parts[0] for one in members if len(one.inside.parts) > 1}
    found.classes = tuple(sorted(in_folders))
    _refuse_unclear(found, members)
    found.paths = members if _is_a_stream(path) else in_order(path, members)  # type: ignore[assignment]  # they do as paths
    return found, splits


def _without_root(images: dict[PurePosixPath, str]) -> dict[PurePosixPath, str]:
    """The images without the one folder that holds them all, if there is one."""
    tops = {inside.parts[0] for inside in images}
    if len(tops) != 1 or any(len(inside.parts) == 1 for inside in images):
        return images
    return {PurePosixPath(*inside.parts[1:]): name for inside, name in images.items()}


class ImageArchive(ImageFolder):
    """The images of an archive."""


def _refuse_unclear(found: ImageArchive, members: list[Member]) -> None:
    if not members:
        found.report()
        raise DataError(f"{found.folder} holds no images ({', '.join(SUFFIXES)}).")
    outside = next((one for one in members if len(one.inside.parts) == 1), None)
    if outside and found.classes:
        raise DataError(
            f"{found.folder} has images in folders, which are its classes "
            f"({', '.join(found.classes[:NAMED])}), and others outside of them, such as "
            f"{outside.entry}. Make an archive of one or the other."
        )
