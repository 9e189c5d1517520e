"""LIGHT: the one place that opens pictures. Pillow is imported when one is opened."""

import contextlib
import math
import threading
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from zoo.common import files
from zoo.common.errors import ConfigError, DataError

if TYPE_CHECKING:
    from PIL.Image import Image

# Pillow can read many more formats. Some start other programs, some break on damaged files.
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm")

Range = tuple[float, float]

# The filters of warnings belong to the whole process: one thread at a time changes them.
_quiet = threading.RLock()


def check_range(value_range: Sequence[float] | None) -> Range | None:
    """A range of values, or None; raises `ConfigError` for anything else."""
    if value_range is None:
        return None
    try:
        low, high = (float(value) for value in value_range)
        right = low < high and math.isfinite(high - low)
    except (TypeError, ValueError, OverflowError):
        right = False
    if not right:
        raise ConfigError(
            f"value_range = {str(value_range)[:80]!r}: give two numbers, the lower first, such as "
            "(0, 4095)."
        )
    return low, high


def range_text(value_range: Sequence[float]) -> str:
    """A range of values as `--range` takes it, without loss: "0,4095"."""
    return ",".join(
        str(int(value)) if value == int(value) else repr(float(value)) for value in value_range
    )


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Show no warning in this block, and take one of too many pixels for an error. It is faster to
    do so once for many images.
    """
    from PIL import Image

    with _quiet, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


@contextlib.contextmanager
def open_image(path: Path, *, decode: bool = True) -> Iterator["Image"]:
    """Open a picture that may be damaged or hostile. Everything in the zoo that opens a picture
    calls this.

    **Arguments:**
    - `path`: a file in one of the `FORMATS`; its suffix does not matter.
    - `decode`: read the pixels too. Without it only size and mode are known, which is much faster.

    **Returns:** a context manager that gives the picture, as Pillow decodes it. The file is closed
    at the end.

    **Raises:** `DataError` that names the file, for everything that is not a readable picture: a
    folder, a named pipe, another format, a damaged file, more pixels than `Image.MAX_IMAGE_PIXELS`.
    """
    with contextlib.ExitStack() as stack:
        with quiet(path):
            image = stack.enter_context(_opened(path))
        if decode:
            with quiet(path, "a damaged image"):
                image.load()
        yield image


@contextlib.contextmanager
def quiet(path: Path, wrong: str = "not a readable image") -> Iterator[None]:
    """Work on a picture of a file: what Pillow raises becomes a `DataError`, and none of its
    warnings is shown.

    **Arguments:**
    - `path`: of the file, for the message.
    - `wrong`: what the file is when Pillow fails.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with _quiet, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except DataError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(
            f"{path} is {wrong}: it has more pixels than the limit of {Image.MAX_IMAGE_PIXELS:,}, "
            "which protects the memory. Make it smaller first."
        ) from error
    except UnidentifiedImageError as error:
        known = ", ".join(FORMATS)
        raise DataError(f"{path} is {wrong}: its content is in none of {known}.") from error
    except FileNotFoundError as error:
        if path.is_symlink():
            raise DataError(f"{path} is {wrong}: it is a link to a missing file.") from error
        raise DataError(f"There is no file {path}.") from error
    except IsADirectoryError as error:
        raise DataError(f"{path} is {wrong}: it is a folder.") from error
    except PermissionError as error:
        raise DataError(
            f"Can't read {path}: {error.strerror}. Change its permissions or its owner."
        ) from error
    except Exception as error:
        # Decoders raise whatever damaged bytes make them raise.
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        told = " ".join(str(reason).split())[:200] or type(error).__name__
        raise DataError(f"{path} is {wrong}: {told}.") from error


@contextlib.contextmanager
def _opened(path: Path) -> Iterator["Image"]:
    from PIL import Image

    with _bytes_of(path) as file, Image.open(file, formats=FORMATS) as image:
        yield image


def _bytes_of(path: Any) -> BinaryIO:
    """An image's bytes: of a file, or of a member of an archive."""
    return files.open_regular(path) if isinstance(path, Path) else path.open()
