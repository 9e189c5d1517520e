"""Image files with any bytes: read, or refused in words; never a traceback, a hang or much memory."""

import contextlib
import io
import random
from pathlib import Path
from typing import Any

import numpy as np
import pictures
import pytest
from mutations import CASES, damaged, try_each
from PIL import Image

from zoo.common.errors import DataError
from zoo.data import load_dataset, load_images
from zoo.data.image_files import look


def stored(image: Image.Image, kind: str, **options: Any) -> bytes:
    written = io.BytesIO()
    image.save(written, kind, **options)
    return written.getvalue()


def seeds() -> list[bytes]:
    """A file of each format, and of each way to store pixels."""
    exif = Image.Exif()
    exif[274] = 6
    colour = Image.fromarray(pictures.colours())
    grey = colour.convert("L")
    deep = Image.fromarray(pictures.RAMP)
    floats = Image.fromarray((pictures.RAMP / 65535).astype(np.float32))
    integers = Image.fromarray(pictures.RAMP.astype(np.int32))
    alpha = colour.convert("RGBA")
    alpha.putalpha(grey)
    frames = {"save_all": True, "append_images": [colour.rotate(90)]}
    tiffs = [stored(one, "TIFF") for one in (colour, grey, deep, floats, integers, alpha)]
    packed = [stored(colour, "TIFF", compression=how) for how in ("tiff_lzw", "jpeg", "packbits")]
    return [
        stored(colour, "PNG", exif=exif),
        stored(grey, "PNG", transparency=7),
        stored(deep, "PNG"),
        stored(alpha, "PNG"),
        stored(colour.quantize(16), "PNG", transparency=bytes(16)),
        stored(colour, "PNG", **frames),
        stored(colour, "JPEG", exif=exif),
        stored(grey, "JPEG", progressive=True),
        stored(colour.convert("CMYK"), "JPEG"),
        stored(colour, "BMP"),
        stored(colour.quantize(16), "BMP"),
        stored(colour, "GIF", **frames),
        stored(alpha, "WEBP", exif=exif),
        stored(colour, "WEBP", lossless=True, **frames),
        stored(colour, "PPM"),
        stored(grey, "PPM"),
        b"P2\n4 4\n4095\n" + b"0 4095 17 300 " * 4,
        b"Pf\n4 4\n-1.0\n" + bytes(64),
        *tiffs,
        *packed,
        stored(colour, "TIFF", **frames),
    ]


def read(path: Path) -> object:
    return load_images([path], (3, pictures.SIDE, pictures.SIDE))


def decoded_size(path: Path) -> int:
    with contextlib.suppress(DataError):
        width, height = look(path).size
        return 4 * width * height
    return 0


@pytest.mark.parametrize("cases", CASES)
def test_damaged_image_files_are_read_or_refused(cases: int, tmp_path: Path) -> None:
    contents = damaged(seeds(), cases, seed=cases)
    readable = try_each(contents, tmp_path / "x.png", read, DataError, decoded_size)
    assert 0 < readable < cases


@pytest.mark.parametrize("cases", CASES)
def test_random_bytes_after_any_beginning_are_refused(cases: int, tmp_path: Path) -> None:
    generator = random.Random(cases)
    starts = [*(one[:16] for one in seeds()), *(one[:64] for one in pictures.FOREIGN.values())]
    contents = (
        generator.choice(starts) + generator.randbytes(generator.randrange(400))
        for _ in range(cases)
    )
    assert try_each(contents, tmp_path / "x.png", read, DataError, decoded_size) < cases


def test_a_folder_of_damaged_files_is_read_without_them(tmp_path: Path) -> None:
    folder = pictures.fill(tmp_path / "some", 3)
    for index, content in enumerate(damaged(seeds(), 60, seed=7)):
        (folder / f"x{index}.png").write_bytes(content)
    options = {"sample_shape": (3, 8, 8), "value_range": (0, 65535)}
    data = load_dataset(str(folder), skip_bad=True, **options)  # type: ignore[arg-type]
    assert 3 <= len(data) == 63 - data.facts["bad_images_skipped"]
