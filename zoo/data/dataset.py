"""Data sets by name, and folders of images -> uint8 samples and labels, in memory when they fit."""

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path

import numpy as np
import psutil
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torch.nn import functional as F

from zoo.checkpoints import is_path
from zoo.common.errors import DataError, counted
from zoo.data import loading
from zoo.registry import installed
from zoo.sampling import UNREADABLE

AT_ONCE = 1_000  # images of a data set that are read together to be hashed
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm")


@dataclass(frozen=True)
class ImageFiles:
    """Images that stay on disk until they are asked for: `files[chosen]` reads them.

    **Arguments:**
    - `paths`: one for each image.
    - `sample_shape`: (channels, height, width) that each is cropped and scaled to.
    """

    paths: Sequence[Path]
    sample_shape: tuple[int, int, int]

    @property
    def shape(self) -> tuple[int, ...]:
        """As a tensor of all images would have it: `(n, channels, height, width)`."""
        return len(self.paths), *self.sample_shape

    def __len__(self) -> int:
        """How many."""
        return len(self.paths)

    def __getitem__(self, chosen: Tensor | slice) -> Tensor:
        """Images by their indices, or a slice of them: uint8 `(n, *sample_shape)`."""
        wanted = (
            self.paths[chosen]
            if isinstance(chosen, slice)
            else [self.paths[index] for index in chosen.tolist()]
        )
        return load_images(wanted, self.sample_shape)


@dataclass(frozen=True)
class Dataset:
    """Samples and their labels.

    **Arguments:**
    - `name`: of the data set, or `./` and the folder's: no data set that a plugin offers can be
        called so.
    - `samples`: uint8 `(n, *sample_shape)`, in memory or, when they don't fit, on disk; what a
        model gets is this divided by 255.
    - `labels`: int64 `(n,)`, None when the data has none.
    - `class_names`: what the labels mean.
    """

    name: str
    samples: Tensor | ImageFiles
    labels: Tensor | None
    class_names: tuple[str, ...] = ()

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return tuple(self.samples.shape[1:])

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the samples (their shape, then their pixels), as 64 hexadecimal digits;
        taken once.
        """
        hashed = hashlib.sha256(str((len(self), *self.sample_shape)).encode())
        for first in range(0, len(self), AT_ONCE):
            hashed.update(self.samples[first : first + AT_ONCE].cpu().contiguous().numpy().data)
        return hashed.hexdigest()

    def __len__(self) -> int:
        """How many samples."""
        return len(self.samples)

    def to(self, device: torch.device) -> "Dataset":
        """The same on a device; what is on disk stays there."""
        samples = self.samples.to(device) if isinstance(self.samples, Tensor) else self.samples
        return dataclasses.replace(self, samples=samples)

    def part(self, where: slice | Tensor) -> "Dataset":
        """Some of the samples, with their labels.

        **Arguments:**
        - `where`: a slice, or indices, int64 `(n,)`.
        """
        samples, labels = self.samples, self.labels
        if isinstance(samples, ImageFiles):
            some = (
                samples.paths[where]
                if isinstance(where, slice)
                else [samples.paths[i] for i in where.tolist()]
            )
            chosen: Tensor | ImageFiles = dataclasses.replace(samples, paths=some)
        else:
            chosen = samples[where]
        return dataclasses.replace(
            self, samples=chosen, labels=None if labels is None else labels[where]
        )

    def split(self, last: int) -> "tuple[Dataset, Dataset]":
        """All but the last samples, and those.

        **Raises:** `DataError` when that leaves nothing.
        """
        first = len(self) - last
        if first < 1:
            raise DataError(
                f"{counted(last, 'sample')} can't be held out of the {len(self):,} of {self.name}."
            )
        return self.part(slice(first)), self.part(slice(first, None))


def to_float(samples: Tensor) -> Tensor:
    """Samples as models take them: uint8 to float32 in [0, 1]."""
    return samples.float().div_(255)


def load_dataset(
    reference: str,
    *,
    root: Path | None = None,
    split: str = "train",
    sample_shape: Sequence[int] | None = None,
) -> Dataset:
    """Load a data set into memory.

    **Arguments:**
    - `reference`: the name of a data set that a plugin offers, or the path of a folder of images
        (it begins with `.`, `/` or `~`), whose sub-folders, if any, are classes.
    - `root`: folder that holds the data, in the layout of torchvision; `ZOO_DATA` or the zoo's own
        unless given. What isn't there is downloaded to it; only the zoo's own is made when it isn't
        there itself.
    - `split`: "train" or "test"; a folder has no splits.
    - `sample_shape`: resize samples to this (channels, height, width); needed for a folder of
        images of several sizes.

    **Raises:** `NotFoundError` for an unknown name, `DataError` for data that can't be read,
    fetched or resized, `PluginError` for a plugin whose loader breaks or gives something else than
    it promises."""
    if is_path(reference):
        return _load_folder(Path(reference).expanduser(), sample_shape)
    if reference not in installed().datasets and Path(reference).is_dir():
        raise DataError(f"No data set is called {reference!r}. For the folder write ./{reference}")
    spec, samples, labels = loading.load(reference, root, split)
    return Dataset(reference, _resized(samples, sample_shape), labels, tuple(spec.class_names))


def load_images(paths: Sequence[Path], sample_shape: Sequence[int]) -> Tensor:
    """Images from files, cropped to the middle and scaled to fit.

    **Returns:** uint8 `(n, *sample_shape)`.

    **Raises:** `DataError` naming the first file that is no readable image.
    """
    channels, height, width = _image_shape(sample_shape)
    samples = _empty(len(paths), channels, height, width)
    for index, path in enumerate(paths):
        image = ImageOps.fit(_open(path, channels), (width, height))
        pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
        samples[index] = pixels.view(height, width, channels).permute(2, 0, 1)
    return samples


def _load_folder(folder: Path, sample_shape: Sequence[int] | None) -> Dataset:
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder of images.")
    classes = sorted(one.name for one in folder.iterdir() if one.is_dir() and _images(one))
    paths = _mixed(
        folder, [path for name in classes for path in _images(folder / name)] or _images(folder)
    )
    if not paths:
        deeper = next(
            (
                found.parent.parent
                for found in folder.rglob("*/*")
                if found.suffix.lower() in SUFFIXES
            ),
            None,
        )
        hint = f" There are some further down: take {deeper}" if deeper else ""
        raise DataError(
            f"{folder} holds no images ({', '.join(SUFFIXES)}), nor do its sub-folders.{hint}"
        )
    if classes and (stray := _images(folder)):
        raise DataError(
            f"{folder} has images in sub-folders, which are its classes "
            f"({', '.join(classes[:10])}), and beside them: "
            f"{stray[0].name}. Move those to a class, or away."
        )
    files = ImageFiles(paths, _image_shape(sample_shape or _common_shape(paths)))
    samples = files[:] if _fits(files.shape) else files
    labels = torch.tensor([classes.index(path.parent.name) for path in paths]) if classes else None
    return Dataset(f"./{folder.resolve().name}", samples, labels, tuple(classes))


def folder_digest(folder: Path) -> str:
    """The SHA-256 of the names and sizes of a folder's images: what they hold takes too long to
    read when it's much.
    """
    folder = folder.expanduser()
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    told = [(path.relative_to(folder).as_posix(), path.stat().st_size) for path in paths]
    return hashlib.sha256(repr(told).encode()).hexdigest()


def _mixed(folder: Path, paths: Sequence[Path]) -> list[Path]:
    """Paths in an order of no meaning, always the same, so that the last ones, say, are of every
    class.
    """
    return sorted(
        paths,
        key=lambda path: hashlib.sha256(path.relative_to(folder).as_posix().encode()).digest(),
    )


def _fits(shape: tuple[int, ...]) -> bool:
    """Whether samples of this shape, as uint8, take less than half of the memory that is free."""
    return bool(prod(shape) < psutil.virtual_memory().available / 2)


def _images(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)


def _common_shape(paths: Sequence[Path]) -> tuple[int, int, int]:
    """(channels, height, width) of images that are all of one size; 1 channel when the first is
    grey.
    """
    sizes: dict[tuple[int, int], Path] = {}
    for path in paths:
        with _opened(path) as image:
            sizes.setdefault(image.size, path)
        if len(sizes) > 1:
            (one, first), (other, second) = sizes.items()
            raise DataError(
                f"The images differ in size: {first} is {one[0]}×{one[1]}, {second} is "
                f"{other[0]}×{other[1]}. Say to "
                "which (channels, height, width) they are to be cropped and scaled: --set "
                "sample_shape=3,64,64"
            )
    with _opened(paths[0]) as image:
        grey = image.mode in ("1", "L", "LA", "I", "I;16")
        return (1 if grey else 3), image.height, image.width


def _opened(path: Path) -> Image.Image:
    try:
        return Image.open(path)
    except UNREADABLE as error:
        missing = isinstance(error, FileNotFoundError) and not path.is_symlink()
        raise DataError(
            f"There is no file {path}." if missing else f"{path} is no readable image: {error}"
        ) from error


def _open(path: Path, channels: int) -> Image.Image:
    with _opened(path) as image:
        try:
            if image.mode.startswith(
                "I"
            ):  # 16 bits a pixel, of which Pillow would clip all that 8 can't hold
                image = Image.fromarray((np.asarray(image) // 257).clip(0, 255).astype(np.uint8))
            return image.convert("L" if channels == 1 else "RGB")
        except UNREADABLE as error:
            raise DataError(f"{path} is a damaged image: {error}") from error


def _resized(samples: Tensor, sample_shape: Sequence[int] | None) -> Tensor:
    if sample_shape is None or tuple(samples.shape[1:]) == tuple(sample_shape):
        return samples
    channels, height, width = _image_shape(sample_shape)
    if samples.dim() != 4:
        raise DataError(
            f"Samples of shape {tuple(samples.shape[1:])} can't be resized to "
            f"{tuple(sample_shape)}."
        )
    resized = _empty(len(samples), channels, height, width)
    for some, out in zip(samples.split(4096), resized.split(4096), strict=True):
        pixels = some.float()
        if channels != pixels.shape[1]:  # grey to colour by repetition, colour to grey by the mean
            pixels = pixels.mean(1, keepdim=True).expand(-1, channels, -1, -1)
        pixels = F.interpolate(pixels, (height, width), mode="bilinear", antialias=True)
        out.copy_(pixels.round().clamp(0, 255))
    return resized


def _empty(*shape: int) -> Tensor:
    try:
        return torch.empty(shape, dtype=torch.uint8)
    except RuntimeError as error:
        size = f"{shape[2]}×{shape[3]} pixels"
        raise DataError(
            f"There is no room in memory for {counted(shape[0], 'image')} of {size}."
        ) from error


def _image_shape(sample_shape: Sequence[int]) -> tuple[int, int, int]:
    if len(sample_shape) != 3 or sample_shape[0] not in (1, 3):
        raise DataError(
            f"{tuple(sample_shape)} is no shape of images: (1 or 3 channels, height, width)."
        )
    channels, height, width = sample_shape
    return channels, height, width
