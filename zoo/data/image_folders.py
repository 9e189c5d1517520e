"""Folders of images: looked through, read, and what is said of those that can't be read."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo.common.errors import DataError, counted
from zoo.data import decoding
from zoo.data.dataset import Dataset
from zoo.data.folders import ImageFolder, find_images, folder_of, in_order
from zoo.data.forms import Asked, Place
from zoo.data.image_files import (
    HINT,
    Header,
    ImageFiles,
    Seen,
    look,
    read_images,
    refuse_bad,
)
from zoo.data.opening import Range, range_text
from zoo.data.samples import fits, image_shape

# images whose reading takes seconds, so that it is said
MANY = 5_000
# images of a folder on disk that are read at the start
LOOKED_AT = 100

log = logging.getLogger("zoo")


class SizesDiffer(DataError):
    """Images of several sizes, of which none was chosen.

    **Arguments:**
    - `message`: what to do, in words.
    - `channels`: 1 where all images are grey, else 3.
    - `sizes`: (width, height), each once.
    """

    def __init__(self, message: str, channels: int, sizes: Sequence[tuple[int, int]]) -> None:
        super().__init__(message)
        self.channels, self.sizes = channels, sizes


def read_folder(place: Place, asked: Asked) -> Dataset:
    """The images of a folder. Those that don't fit in memory are read when they are needed.

    **Raises:** `DataError` for images that can't be read, unless they are to be left out."""
    return read_found(find_images(folder_of(place.reference)), asked)


def read_found(
    found: ImageFolder,
    asked: Asked,
    *,
    origin_sha256: str | None = None,
    splits: tuple[str, ...] = (),
    by_order: bool = False,
    name: str = "",
) -> Dataset:
    """The images that were found in a folder or an archive.

    **Arguments:**
    - `found`: the images and their classes.
    - `asked`: how they are read.
    - `origin_sha256`, `splits`: as `Dataset` has them; the digest of the images unless given.
    - `by_order`: whether they can only be read in the order in which they are stored; then all must
        fit in memory.
    - `name`: of the data set; the folder's unless given.

    **Raises:** as `read_folder` does."""
    folder = found.folder
    found.report()
    n = len(found.names or found.paths)
    if n >= MANY:
        log.info("Reading %s images from %s", f"{n:,}", folder)
    decoded = _at_once(found, asked)
    if origin_sha256 is None:
        # now, for what was decoded was hashed as well
        origin_sha256 = found.digest
    if decoded is not None:
        return Dataset(
            name or f"./{folder.resolve().name}",
            decoded,
            torch.tensor(list(map(found.label_of, found.names))) if found.classes else None,
            found.classes,
            origin_sha256=origin_sha256,
            splits=splits,
        )
    headers, seen = _look_at_all(found.paths)
    shape = _shape(headers, asked.sample_shape, folder)
    if by_order and not fits((len(headers), *shape)):
        raise DataError(
            f"The images of {folder} don't fit in memory, and a compressed .tar can only be read "
            "from its beginning. Make a .zip or a plain .tar of them, or unpack them."
        )
    samples, read = _read(list(headers), shape, asked, thoroughly=bool(seen.bad))
    read.bad = {**seen.bad, **read.bad}
    _refuse_or_leave_out(read, n, asked.skip_bad)
    _warn_of_range(folder, read, asked.value_range)
    paths = [path for path in headers if path not in read.bad]
    data = Dataset(
        name or f"./{folder.resolve().name}",
        ImageFiles(paths, shape, asked.value_range) if samples is None else samples,
        torch.tensor([found.label(path) for path in paths]) if found.classes else None,
        found.classes,
        _facts(asked, read),
        origin_sha256=origin_sha256,
        splits=splits,
    )
    if not by_order:
        return data
    place = {path: index for index, path in enumerate(paths)}
    return data.part(torch.tensor([place[path] for path in in_order(folder, paths)]))


def _at_once(found: ImageFolder, asked: Asked) -> Tensor | None:
    """Images that were kept decoded, or are decoded on all cores; None where that can't be."""
    if len(found.names) < decoding.FEW or asked.value_range:
        return None
    key = decoding.key_of(found.state, asked.sample_shape)
    samples = decoding.kept(key, len(found.names))
    if samples is not None or asked.skip_bad:
        return samples
    paths = list(found.files.values())
    if decoded := decoding.decoded(paths, asked.sample_shape, asked.watch, key):
        samples, found.read = decoded
    return samples


def _read(
    paths: Sequence[Path], shape: tuple[int, int, int], asked: Asked, *, thoroughly: bool
) -> tuple[Tensor | None, Seen]:
    """All images of a folder that can be read, and what was found; None in place of the images
    where they don't fit in memory.

    Images that don't fit are read when they are needed, and bad files are found then. All are read
    once here when bad files are to be left out, or when `thoroughly` asks for it, since one is
    known already. Otherwise the first hundred are read, to find a range that is too wide."""
    size = None if asked.sample_shape else (shape[2], shape[1])
    if fits((len(paths), *shape)):
        return read_images(paths, shape, asked.value_range, size=size, watch=asked.watch)
    if not asked.skip_bad and not thoroughly:
        paths = paths[:LOOKED_AT]
    seen = Seen()
    for path in asked.watch(paths, len(paths), "checking images") if asked.watch else paths:
        _, one = read_images([path], shape, asked.value_range, size=size)
        seen.add(one)
    return None, seen


def _refuse_or_leave_out(seen: Seen, n: int, skip_bad: bool) -> None:
    """Raise `DataError` for images that can't be read; or say how many are left out."""
    if seen.unscaled or not skip_bad or len(seen.bad) == n:
        refuse_bad(seen, n, "" if skip_bad else HINT)
    if seen.bad:
        log.warning(
            "Left out %s of %s that can't be read. The first: %s",
            f"{len(seen.bad):,}",
            counted(n, "image"),
            next(iter(seen.bad.values())),
        )


def _look_at_all(paths: Sequence[Path]) -> tuple[dict[Path, Header], Seen]:
    """What each file says of itself, and which are bad."""
    headers, seen = {}, Seen()
    for path in paths:
        try:
            headers[path] = look(path)
        except DataError as error:
            seen.bad[path] = error
    if several := [path for path, header in headers.items() if header.several]:
        noun = "file holds" if len(several) == 1 else "files hold"
        log.info(
            "%s %s several pictures, such as %s: the first of each is taken.",
            f"{len(several):,}",
            noun,
            several[0],
        )
    return headers, seen


def _shape(
    headers: Mapping[Path, Header], asked: Sequence[int] | None, folder: Path
) -> tuple[int, int, int]:
    """(channels, height, width) that images are read as: colour when any image is."""
    if asked is not None or not headers:
        return image_shape(asked or (1, 1, 1))
    grey = [path for path, header in headers.items() if header.grey]
    if 0 < len(grey) < len(headers):
        log.info(
            "%s of %s in %s are grey, such as %s. All are read as colour. To read all as grey: "
            "--set "
            "sample_shape=1,HEIGHT,WIDTH",
            f"{len(grey):,}",
            counted(len(headers), "image"),
            folder,
            grey[0].name,
        )
    sizes: dict[tuple[int, int], Path] = {}
    for path, header in headers.items():
        sizes.setdefault(header.size, path)
    if len(sizes) > 1:
        (one, first), (other, second) = list(sizes.items())[:2]
        channels = 1 if len(grey) == len(headers) else 3
        raise SizesDiffer(
            f"The images differ in size: {first} is {one[0]}×{one[1]}, {second} is "
            f"{other[0]}×{other[1]}. Choose the (channels, height, width) to crop and scale them "
            "to: "
            f"--set sample_shape={channels},64,64",
            channels,
            list(sizes),
        )
    ((width, height),) = sizes
    return (1 if len(grey) == len(headers) else 3), height, width


def _warn_of_range(folder: Path, seen: Seen, value_range: Range | None) -> None:
    """Warn where deep images use little of the range, so that all look alike; and of a range that
    is given for no deep image.
    """
    if value_range and not seen.deep:
        log.warning(
            "The range of values has no effect: it is for images of more than 8 bits, and %s has "
            "none.",
            folder,
        )
    for depth, (low, high) in seen.deep.items():
        usual = value_range or depth.range
        if usual is None or high - low >= (usual[1] - usual[0]) / 10:
            continue
        end = f"--range {range_text((low, high))}" if high > low else "--range LOW,HIGH"
        log.warning(
            "The %s in %s have values from %g to %g, less than a tenth of the range from %g "
            "(black) to %g (white). If you don't want that: %s",
            depth.noun,
            folder,
            low,
            high,
            *usual,
            "save them with 8 bits." if depth.cut else end,
        )


def _facts(asked: Asked, seen: Seen) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if asked.value_range:
        facts["value_range"] = list(asked.value_range)
    if seen.bad:
        facts["bad_images_skipped"] = len(seen.bad)
    return facts
