"""How a picture was made, kept in a text chunk of its PNG."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image, PngImagePlugin

from zoo.errors import DataError

KEY = "zoo"  # of the text chunk
UNREADABLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)  # what Pillow raises for bad files


def chunk(provenance: Mapping[str, Any]) -> PngImagePlugin.PngInfo:
    """The text chunk to save a PNG with (Pillow's `pnginfo`)."""
    info = PngImagePlugin.PngInfo()
    info.add_itxt(KEY, json.dumps(provenance))
    return info


def read(path: Path) -> dict[str, Any]:
    """How a PNG that the zoo wrote was made.

    **Raises:** `DataError` when it is no PNG or not one that the zoo wrote.
    """
    try:
        with Image.open(path) as image:
            made = json.loads(image.text[KEY])  # type: ignore[attr-defined]  # a PngImageFile has it, others raise
    except FileNotFoundError:
        raise DataError(f"There is no file {path}.") from None
    except (*UNREADABLE, AttributeError, KeyError, RecursionError) as error:
        raise DataError(f"{path} is no PNG that the zoo wrote: it doesn't say how it was made.") from error
    if not isinstance(made, dict):
        raise DataError(f"{path} is no PNG that the zoo wrote: it doesn't say how it was made.")
    return made
