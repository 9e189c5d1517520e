"""Samples as pictures: grids, PNG with provenance, GIF, and a preview for the terminal."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from zoo.common import files
from zoo.common.errors import OutputError
from zoo.sampling import provenance

GAP = 2  # pixels between the images of a grid


def to_uint8(samples: Tensor) -> Tensor:
    """Images in [0, 1] as uint8: multiplied by 255 and rounded."""
    return samples.mul(255).round_().clamp_(0, 255).to(torch.uint8)


def grid(samples: Tensor, columns: int | None = None) -> Image.Image:
    """Put images side by side, row by row.

    **Arguments:**
    - `samples`: `(n, 1 or 3, height, width)`, float in [0, 1] or uint8.
    - `columns`: images in a row; a square grid unless given.
    """
    if samples.dim() != 4 or samples.shape[1] not in (1, 3):
        raise OutputError(
            f"Samples of shape {tuple(samples.shape[1:])} are no images: write them to .npz or "
            ".safetensors."
        )
    pixels = samples if samples.dtype == torch.uint8 else to_uint8(samples)
    n, channels, height, width = pixels.shape
    columns = columns or math.ceil(math.sqrt(n))
    rows = math.ceil(n / columns)
    canvas = torch.zeros(
        channels, rows * (height + GAP) + GAP, columns * (width + GAP) + GAP, dtype=torch.uint8
    )
    for index, image in enumerate(pixels):
        top, left = GAP + index // columns * (height + GAP), GAP + index % columns * (width + GAP)
        canvas[:, top : top + height, left : left + width] = image
    return to_image(canvas)


def to_image(pixels: Tensor) -> Image.Image:
    """One uint8 `(1 or 3, height, width)` as a Pillow image."""
    channels, height, width = pixels.shape
    data = pixels.permute(1, 2, 0).contiguous().numpy().tobytes()
    return Image.frombytes("L" if channels == 1 else "RGB", (width, height), data)


def save_png(image: Image.Image, path: Path, made: Mapping[str, Any]) -> None:
    """Write a PNG, whole or not at all, with how it was made in a text chunk (`provenance.read`
    gives it back).
    """
    with files.replacing(path) as partial:
        image.save(partial, format="png", pnginfo=provenance.chunk(made))


def save_gif(frames: Sequence[Image.Image], path: Path, milliseconds: int = 80) -> None:
    """Write an endless GIF, whole or not at all."""
    with files.replacing(path) as partial:
        frames[0].save(
            partial,
            format="gif",
            save_all=True,
            append_images=frames[1:],
            duration=milliseconds,
            loop=0,
            disposal=2,
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
