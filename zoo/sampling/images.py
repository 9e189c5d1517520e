"""Samples as pictures: grids, files that say how they were made, and a preview for the terminal."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import torch
from PIL import Image
from torch import Tensor

from zoo.common import arguments, files
from zoo.common.errors import OutputError
from zoo.sampling import provenance

# pixels between the images of a grid, before it is enlarged
GAP = 2
# pixels that a grid may have: Pillow takes four bytes for each in colour
MOST_PIXELS = 1 << 28
# pixels that the longer side of an image has at least in a film and in a preview
VISIBLE = 112
# pixels along a side that a format can hold at most, where that is less than MOST_PIXELS allows
LONGEST_SIDE = {"JPEG": 65_500, "WEBP": 16_383, "GIF": 65_535}
# how Pillow calls the format of a suffix
PILLOW = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".gif": "GIF"}


def to_uint8(samples: Tensor) -> Tensor:
    """Images in [0, 1] as uint8: multiplied by 255 and rounded."""
    return samples.mul(255).round_().clamp_(0, 255).to(torch.uint8)


class Canvas:
    """A grid of images. They are put in one by one, so that memory holds the grid once.

    **Arguments:**
    - `rows`, `columns`: of the grid.
    - `shape`: of one image, (1 or 3 channels, height, width).
    - `scale`: each pixel becomes a square of `scale` × `scale` pixels.

    **Raises:** `OutputError` when the samples are not images or the picture would be too large.
    """

    def __init__(self, rows: int, columns: int, shape: Sequence[int], scale: int = 1) -> None:
        if len(shape) != 3 or shape[0] not in (1, 3):
            raise OutputError(
                f"Samples of shape {tuple(shape)} are not images: write them to .npz or "
                ".safetensors."
            )
        channels, self.height, self.width = shape
        self.columns = columns
        self.scale = scale
        width = (columns * (self.width + GAP) + GAP) * scale
        height = (rows * (self.height + GAP) + GAP) * scale
        if width * height > MOST_PIXELS:
            raise OutputError(
                f"A picture of {width:,} × {height:,} pixels is too large: at most "
                f"{MOST_PIXELS:,} pixels are possible. Use fewer samples, a smaller scale, an "
                ".npz file or a folder."
            )
        self.image = Image.new("L" if channels == 1 else "RGB", (width, height))

    def put(self, position: int, pixels: Tensor) -> None:
        """Put an image, uint8 `(channels, height, width)`, at a position, counted row by row."""
        tile = to_image(pixels)
        if self.scale > 1:
            tile = tile.resize(
                (self.width * self.scale, self.height * self.scale), Image.Resampling.NEAREST
            )
        row, column = divmod(position, self.columns)
        left = GAP + column * (self.width + GAP)
        top = GAP + row * (self.height + GAP)
        self.image.paste(tile, (left * self.scale, top * self.scale))


def grid(images: Any, columns: int | None = None, scale: int = 1) -> Image.Image:
    """Put images side by side, row by row, in one picture. A notebook shows it.

    **Arguments:**
    - `images`: `(n, 1 or 3, height, width)`, float in [0, 1] or uint8: a tensor, a numpy array or
        a list of images.
    - `columns`: images in a row; a square grid unless given.
    - `scale`: how many times as wide and as high to draw each pixel.

    **Returns:** the picture, grey or RGB.

    **Raises:** `OutputError` for what is not images; `ConfigError` for numbers that can't be.
    """
    pixels = _as_bytes(images)
    scale = arguments.whole("scale", scale, 1)
    columns = arguments.whole_or_none("columns", columns, 1)
    rows, columns = layout(len(pixels), columns)
    canvas = Canvas(rows, columns, pixels.shape[1:], scale)
    for index, image in enumerate(pixels):
        canvas.put(index, image)
    return canvas.image


def _as_bytes(images: Any) -> Tensor:
    """Images in any form as uint8 on the CPU."""
    try:
        if isinstance(images, list | tuple):
            images = torch.stack([torch.as_tensor(one) for one in images])
        samples = torch.as_tensor(images).detach().cpu()
    except (TypeError, ValueError, RuntimeError) as error:
        raise OutputError(
            f"images is of the type {type(images).__name__}: pass a tensor or an array of shape "
            "(n, channels, height, width), such as zoo.draw returns."
        ) from error
    if samples.dim() != 4 or not len(samples):
        raise OutputError(
            f"Samples of shape {tuple(samples.shape[1:])} are not images: write them to .npz or "
            f".safetensors. A grid takes the shape (n, channels, height, width), n at least 1, not "
            f"{tuple(samples.shape)}."
        )
    if samples.dtype == torch.uint8:
        return samples
    if not samples.dtype.is_floating_point:
        raise OutputError(
            f"It is not clear which values of {samples.dtype} images are black and white. Convert "
            "them to uint8 (0 to 255) or float (0 to 1)."
        )
    return to_uint8(samples.float())


def layout(n: int, columns: int | None = None, classes: int = 0) -> tuple[int, int]:
    """Rows and columns of a grid of `n` images.

    **Arguments:**
    - `columns`: images in a row, when that is asked for.
    - `classes`: how many classes were asked for: each gets a row when there are two or more.
    """
    if columns is None:
        columns = -(-n // classes) if classes > 1 else max(1, math.ceil(math.sqrt(n)))
        if classes > 1:
            return classes, columns
    return -(-n // columns), columns


def enlargement(shape: Sequence[int]) -> int:
    """The scale at which an image of a shape, (…, height, width), is seen well on a screen."""
    return max(1, VISIBLE // max(1, *shape[-2:]))


def to_image(pixels: Tensor) -> Image.Image:
    """One uint8 `(1 or 3, height, width)` as a Pillow image."""
    channels, height, width = pixels.shape
    data = pixels.permute(1, 2, 0).contiguous().numpy().tobytes()
    return Image.frombytes("L" if channels == 1 else "RGB", (width, height), data)


def save_picture(
    image: Image.Image, path: Path, made: Mapping[str, Any], *, generated: bool = True
) -> None:
    """Write a picture as its suffix says, whole or not at all, with how it was made
    (`provenance.read` gives it back).

    **Arguments:**
    - `path`: ends in `.png`, `.jpg`, `.jpeg` or `.webp`, in small or capital letters.
    - `made`: how it was made, as JSON values.
    - `generated`: whether to mark it as the work of a trained model.
    """
    with files.replacing(path) as partial, partial.open("wb") as file:
        encode(image, file, path.suffix, made, generated=generated)


def save_png(image: Image.Image, path: Path, made: Mapping[str, Any]) -> None:
    """Write a PNG of what a model made; see `save_picture`."""
    save_picture(image, path, made)


def encode(
    image: Image.Image,
    file: BinaryIO,
    suffix: str,
    made: Mapping[str, Any],
    *,
    generated: bool = True,
) -> None:
    """Write a picture into an open file; see `save_picture`."""
    name = PILLOW[suffix.lower()]
    refuse_side(image.size, name)
    if name == "PNG":
        image.save(file, "PNG", pnginfo=provenance.chunk(made, generated=generated))
        return
    packet = provenance.xmp(made, generated=generated)
    if name == "JPEG":
        try:
            image.save(file, "JPEG", quality=95, subsampling=0, xmp=packet)
        except ValueError as error:
            raise OutputError(
                f"A JPEG can't hold the record of how it was made ({len(packet):,} bytes): use "
                ".png."
            ) from error
    else:
        image.save(file, "WEBP", lossless=True, xmp=packet)


def refuse_side(size: Sequence[int], name: str) -> None:
    """Raise `OutputError` for a picture that is too wide or too high for a format of Pillow's."""
    longest = LONGEST_SIDE.get(name, MOST_PIXELS)
    if max(size) > longest:
        raise OutputError(
            f"A picture of {size[0]:,} × {size[1]:,} pixels does not fit into {name}, which takes "
            f"at most {longest:,} on a side: use .png, fewer samples or a smaller scale."
        )


def save_gif(
    frames: Sequence[Image.Image],
    path: Path,
    milliseconds: int = 80,
    made: Mapping[str, Any] | None = None,
) -> None:
    """Write an endless GIF, whole or not at all, with how it was made in its comment."""
    refuse_side(frames[0].size, "GIF")
    with files.replacing(path) as partial:
        frames[0].save(
            partial,
            format="gif",
            save_all=True,
            append_images=frames[1:],
            duration=milliseconds,
            loop=0,
            disposal=2,
            comment=provenance.xmp(made),
        )


def preview(image: Image.Image, columns: int) -> str:
    """A picture as coloured half blocks, two pixels a character, for a terminal `columns` wide."""
    width = min(columns, image.width)
    height = max(2, round(image.height * width / image.width) // 2 * 2)
    small = image.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
    pixels = small.tobytes()

    def colour(x: int, y: int) -> str:
        at = 3 * (y * width + x)
        return ";".join(map(str, pixels[at : at + 3]))

    lines = (
        "".join(f"\x1b[38;2;{colour(x, y)}m\x1b[48;2;{colour(x, y + 1)}m▀" for x in range(width))
        + "\x1b[0m"
        for y in range(0, height, 2)
    )
    return "\n".join(lines)


def upper_rows(image: Image.Image, rows: int, columns: int, lines: int) -> tuple[Image.Image, int]:
    """What of a grid a terminal has room for: its upper rows, small ones enlarged.

    **Arguments:**
    - `image`: the grid.
    - `rows`: how many rows of images it has.
    - `columns`, `lines`: of the terminal, a line being as high as two pixels.

    **Returns:** the part to show, and how many of the rows are in it.
    """
    factor = max(1, columns // image.width)
    height = image.height * factor
    shrink = min(1.0, columns / (image.width * factor))
    room = int(2 * lines / shrink)
    shown = rows
    if height > room:
        shown = max(1, min(rows, room * rows // height))
        room = max(2, min(room, height * shown // rows))
        image = image.crop((0, 0, image.width, -(-room // factor)))
    if factor > 1:
        image = image.resize(
            (image.width * factor, image.height * factor), Image.Resampling.NEAREST
        )
    return image, shown
