"""Images in files: opened, read, cropped and scaled."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from zoo.common.errors import DataError, counted
from zoo.sampling import UNREADABLE


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


def load_images(paths: Sequence[Path], sample_shape: Sequence[int]) -> Tensor:
    """Images from files, cropped to the middle and scaled to fit.

    **Returns:** uint8 `(n, *sample_shape)`.

    **Raises:** `DataError` naming the first file that is no readable image.
    """
    channels, height, width = image_shape(sample_shape)
    samples = empty(len(paths), channels, height, width)
    for index, path in enumerate(paths):
        image = ImageOps.fit(_open(path, channels), (width, height))
        pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
        samples[index] = pixels.view(height, width, channels).permute(2, 0, 1)
    return samples


def common_shape(paths: Sequence[Path]) -> tuple[int, int, int]:
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


def empty(*shape: int) -> Tensor:
    try:
        return torch.empty(shape, dtype=torch.uint8)
    except RuntimeError as error:
        size = f"{shape[2]}×{shape[3]} pixels"
        raise DataError(
            f"There is no room in memory for {counted(shape[0], 'image')} of {size}."
        ) from error


def image_shape(sample_shape: Sequence[int]) -> tuple[int, int, int]:
    if len(sample_shape) != 3 or sample_shape[0] not in (1, 3):
        raise DataError(
            f"{tuple(sample_shape)} is no shape of images: (1 or 3 channels, height, width)."
        )
    channels, height, width = sample_shape
    return channels, height, width


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
