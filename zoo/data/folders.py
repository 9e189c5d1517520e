"""LIGHT: which images a folder holds, without opening one."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm")


def folder_digest(folder: Path) -> str:
    """The SHA-256 of the names and sizes of a folder's images: what they hold takes too long to
    read when it's much.
    """
    folder = folder.expanduser()
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    told = [(path.relative_to(folder).as_posix(), path.stat().st_size) for path in paths]
    return hashlib.sha256(repr(told).encode()).hexdigest()


def mixed(folder: Path, paths: Sequence[Path]) -> list[Path]:
    """Paths in an order of no meaning, always the same, so that the last ones, say, are of every
    class.
    """
    return sorted(
        paths,
        key=lambda path: hashlib.sha256(path.relative_to(folder).as_posix().encode()).digest(),
    )


def images_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
