"""Pictures in the bodies of requests, as samples and as masks."""

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from zoo.common.errors import DataError
from zoo.data import load_images, open_image


def picture(body: bytes, sample_shape: Sequence[int], value_range: Any = None) -> Tensor:
    """A picture in a body as a sample, cropped to the middle and scaled to fit.

    **Arguments:**
    - `body`: a file in one of the formats of `zoo.data`.
    - `sample_shape`: (1 or 3 channels, height, width).
    - `value_range`: of deep images, the values that become black and white.

    **Returns:** uint8 `(1, *sample_shape)`.

    **Raises:** `DataError`."""
    with _as_file(body) as path:
        return load_images([path], sample_shape, value_range, quiet=True)


def hidden(body: bytes, sample_shape: Sequence[int]) -> Tensor:
    """Which values of a picture are to be filled in: those where it is more than half transparent.

    **Returns:** bool `(*sample_shape,)`.

    **Raises:** `DataError` for a picture without transparency, and one that is nothing else."""
    with _as_file(body) as path:
        with open_image(path) as image:
            if "A" not in image.getbands() and "transparency" not in image.info:
                raise DataError("The body has no transparent part that could be filled in.")
            alpha = image.convert("RGBA").getchannel("A")
        mask = path.with_name("mask.png")
        alpha.point(lambda value: 255 - value).save(mask)
        (painted,) = load_images([mask], sample_shape, quiet=True)
    found: Tensor = painted.float().mean(0, keepdim=True).gt(127).expand(*painted.shape)
    if not found.any() or found.all():
        part = "no part" if not found.any() else "all"
        raise DataError(f"Of the body {part} is transparent: there must be something to go by.")
    return found


@contextlib.contextmanager
def _as_file(body: bytes) -> Iterator[Path]:
    """A body as a file, which is called "The body" in errors."""
    with tempfile.TemporaryDirectory(prefix="zoo-") as place:
        path = Path(place, "picture")
        path.write_bytes(body)
        try:
            yield path
        except DataError as error:
            raise DataError(str(error).replace(str(path), "The body")) from None
