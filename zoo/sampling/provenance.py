"""How samples and pictures were made, kept in the file that holds them."""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image, PngImagePlugin

from zoo.common.errors import DataError

KEY = "zoo"  # of a PNG's text chunk, and of the metadata of safetensors
ENTRY = "provenance"  # of an .npz
FOLDER_FILE = "provenance.json"
SUFFIXES = (".png", ".npz", ".safetensors")  # of files that can say how they were made
LONGEST = 1 << 20  # bytes that are read of it
UNREADABLE = (
    OSError,
    ValueError,
    SyntaxError,
    Image.DecompressionBombError,
)  # what Pillow raises for bad files


def chunk(provenance: Mapping[str, Any]) -> PngImagePlugin.PngInfo:
    """The text chunk to save a PNG with (Pillow's `pnginfo`)."""
    info = PngImagePlugin.PngInfo()
    info.add_itxt(KEY, json.dumps(provenance))
    return info


def read(path: Path) -> dict[str, Any]:
    """How a PNG, an .npz, a .safetensors or a folder that the zoo wrote was made.

    **Raises:** `DataError` when there is none, or none that the zoo wrote.
    """
    try:
        made = json.loads(_text(path))
    except FileNotFoundError:
        raise DataError(f"There is no file {path}.") from None
    except Exception as error:  # of readers of three formats, for files that may be hostile
        raise DataError(
            f"{path} is no file that the zoo wrote: it doesn't say how it was made."
        ) from error
    if not isinstance(made, dict):
        raise DataError(f"{path} is no file that the zoo wrote: it doesn't say how it was made.")
    return made


def _text(path: Path) -> str | bytes:
    """The JSON that says how a file was made; raises what its reader raises when there is none."""
    if path.is_dir():
        with (path / FOLDER_FILE).open("rb") as file:
            return file.read(LONGEST)
    if path.suffix == ".npz":
        import numpy as np

        with zipfile.ZipFile(path) as archive, archive.open(f"{ENTRY}.npy") as file:
            return str(
                np.lib.format.read_array(io.BytesIO(file.read(4 * LONGEST)), allow_pickle=False)
            )
    if path.suffix == ".safetensors":
        from safetensors import safe_open

        with safe_open(path, framework="numpy") as opened:
            return str(opened.metadata()[KEY])
    with Image.open(path) as image:
        return str(image.text[KEY])  # type: ignore[attr-defined]  # a PngImageFile has it, others raise
