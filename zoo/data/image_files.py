"""Images in files: looked at, read, cropped and scaled.

How an image is read:

- It is turned as its EXIF orientation says.
- What is transparent shows `BACKGROUND`.
- 8 bits a value are taken as they are. Deeper values (16-bit, 32-bit, floating point) are scaled
  from a range, whose ends become 0 and 255: the range that is asked for, else 0 to 65,535 for 16
  bits and 0 to 1 for floating point. 32-bit and signed integers need a range.
- Of a file with several pictures the first is taken.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps
from torch import Tensor

from zoo.common.errors import ConfigError, DataError, counted
from zoo.common.watching import Watch
from zoo.data.opening import Range, check_range, open_image, quiet, range_text
from zoo.data.samples import OnDisk, empty, image_shape

# What shows through transparent images: white, as on a page.
BACKGROUND = (255, 255, 255)
GREY_MODES = frozenset({"1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"})
# the mode of plain images, by their channels
EIGHT_BITS = {1: "L", 3: "RGB"}
DEEP_COLOURS = ("RGB;16", "RGBA;16", "RGBX;16", "LA;16", "CMYK;16")  # of which Pillow keeps 8 bits
HINT = "Mend or remove what can't be read, or leave it out: --skip-bad"
# bad files that a message names before it counts the rest
LISTED = 10
# pixels of a deep image that are scaled together
STRIP = 1 << 20
# Tags of EXIF and TIFF.
ORIENTATION = 274
SAMPLE_FORMAT = 339
BITS = 258
PHOTOMETRIC = 262
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

log = logging.getLogger("zoo")


@dataclass(frozen=True)
class Depth:
    """How deep the values of an image are, when they are deeper than 8 bits.

    **Arguments:**
    - `noun`: what they are called.
    - `range`: what black and white are unless said otherwise; None where nothing is usual.
    - `strict`: values outside of the range mean that the range is wrong.
    - `cut`: Pillow gives the upper 8 bits only.
    - `unsigned`: 32-bit integers without a sign, which Pillow gives as if they had one.
    - `inverted`: 0 is white.
    """

    noun: str
    range: Range | None
    strict: bool = False
    cut: bool = False
    unsigned: bool = False
    inverted: bool = False


@dataclass(frozen=True)
class Header:
    """What an image file says of itself.

    **Arguments:**
    - `size`: (width, height) of the image, turned upright.
    - `grey`: whether it has one channel.
    - `several`: whether the file holds more pictures.
    """

    size: tuple[int, int]
    grey: bool
    several: bool


@dataclass
class Seen:
    """What was found while images were read.

    **Arguments:**
    - `bad`: for each file that can't be read, why.
    - `deep`: for each kind of deep values, the least and the greatest.
    - `unscaled`: likewise for those that can't be scaled without a range.
    - `changed`: images of another size than the samples, or another number of channels, each with
        its own (channels, height, width).
    """

    bad: dict[Path, DataError] = field(default_factory=dict)
    deep: dict[Depth, Range] = field(default_factory=dict)
    unscaled: dict[Depth, Range] = field(default_factory=dict)
    changed: dict[Path, tuple[int, int, int]] = field(default_factory=dict)

    def note(self, where: dict[Depth, Range], depth: Depth, low: float, high: float) -> None:
        """Widen the range that was found."""
        least, most = where.get(depth, (low, high))
        where[depth] = (min(low, least), max(high, most))

    def add(self, other: "Seen") -> None:
        """Take over what was found in other images."""
        self.bad.update(other.bad)
        for mine, theirs in ((self.deep, other.deep), (self.unscaled, other.unscaled)):
            for depth, bounds in theirs.items():
                self.note(mine, depth, *bounds)


class _NeedsRange(DataError):
    """An image whose values can't be scaled without a range."""


@dataclass(frozen=True)
class ImageFiles(OnDisk):
    """Images that stay on disk until they are asked for: `files[chosen]` reads them.

    **Arguments:**
    - `paths`: one for each image.
    - `sample_shape`: (channels, height, width) that each is cropped and scaled to.
    - `value_range`: the values of deep images that become black and white.
    """

    paths: Sequence[Path]
    sample_shape: tuple[int, int, int]
    value_range: Range | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """As a tensor of all images would have it: `(n, channels, height, width)`."""
        return len(self.paths), *self.sample_shape

    def __getitem__(self, chosen: Tensor | slice) -> Tensor:
        """Images by their indices, or a slice of them: uint8 `(n, *sample_shape)`."""
        wanted = self.part(chosen).paths
        samples, seen = read_images(wanted, self.sample_shape, self.value_range)
        refuse_bad(seen, len(wanted), HINT)
        return samples

    def part(self, chosen: Tensor | slice) -> "ImageFiles":
        """Some of the images, which stay on disk."""
        if isinstance(chosen, slice):
            return replace(self, paths=self.paths[chosen])
        return replace(self, paths=[self.paths[index] for index in chosen.tolist()])


def load_images(
    paths: Sequence[Path],
    sample_shape: Sequence[int],
    value_range: Sequence[float] | None = None,
    *,
    quiet: bool = False,
) -> Tensor:
    """Images from files, cropped to the middle and scaled to fit.

    **Arguments:**
    - `paths`: of the files.
    - `sample_shape`: (1 or 3 channels, height, width) of the result.
    - `value_range`: the values of deep images (more than 8 bits) that become black and white.
    - `quiet`: say nothing of images that are cropped or scaled.

    **Returns:** uint8 `(n, *sample_shape)`.

    **Raises:** `DataError` that names every file that is not a readable image.
    """
    samples, seen = read_images(paths, sample_shape, value_range)
    refuse_bad(seen, len(paths))
    for path, shape in () if quiet else list(seen.changed.items())[:1]:
        rest = f", as are {len(seen.changed) - 1:,} more" if len(seen.changed) > 1 else ""
        log.info(
            "%s is %s: it is cropped and scaled to %s%s.",
            path,
            _described(shape),
            _described(image_shape(sample_shape)),
            rest,
        )
    return samples


def read_images(
    paths: Sequence[Path],
    sample_shape: Sequence[int],
    value_range: Sequence[float] | None = None,
    *,
    size: tuple[int, int] | None = None,
    watch: Watch | None = None,
) -> tuple[Tensor, Seen]:
    """Images from files, those that can't be read left out.

    **Arguments:**
    - `paths`, `sample_shape`, `value_range`: as for `load_images`.
    - `size`: the (width, height) that every image must have; any unless given.
    - `watch`: shows how far it is.

    **Returns:** uint8 `(n, *sample_shape)` of those that can be read, in their order, and what was
    found."""
    channels, height, width = image_shape(sample_shape)
    value_range = check_range(value_range)
    samples, seen, n = empty(len(paths), channels, height, width), Seen(), 0
    rows = samples.numpy()
    for path in watch(paths, len(paths), "reading images") if watch else paths:
        try:
            rows[n] = read_image(path, (channels, height, width), value_range, seen, size)
        except _NeedsRange:
            continue
        except DataError as error:
            seen.bad[path] = error
            continue
        n += 1
    return samples[:n], seen


def refuse_bad(seen: Seen, n: int, hint: str = "") -> None:
    """Raise one `DataError` that names all files that can't be read.

    **Arguments:**
    - `seen`: what was found.
    - `n`: how many files were read.
    - `hint`: what else can be done about it.
    """
    for depth, (low, high) in seen.unscaled.items():
        usual = "have no usual range"
        if depth.range:
            usual = f"are usually from {depth.range[0]:g} to {depth.range[1]:g}"
        raise DataError(
            f"There are images of {depth.noun} from {low:g} to {high:g}. Such values {usual}: say "
            f"which values are black and white, such as --range {range_text((low, high))}"
        )
    if len(seen.bad) == 1:
        (error,) = seen.bad.values()
        raise DataError(f"{error}{f' {hint}' if hint else ''}") from error
    if seen.bad:
        listed = [f"\n  {error}" for error in list(seen.bad.values())[:LISTED]]
        rest = len(seen.bad) - LISTED
        listed += [f"\n  and {rest:,} more"] if rest > 0 else []
        listed += [f"\n{hint}"] if hint else []
        raise DataError(
            f"{len(seen.bad):,} of {counted(n, 'image')} can't be read:{''.join(listed)}"
        )


def look(path: Path) -> Header:
    """What an image file says of itself, without its pixels. Raises `DataError`."""
    with open_image(path, decode=False) as image, quiet(path):
        size = image.size
        if image.format == "TIFF":
            # Pillow may have turned this size already.
            tags: Any = image.tag_v2  # type: ignore[attr-defined]  # a TiffImageFile has it
            size = (int(tags[256]), int(tags[257]))
        if _orientation(image, loaded=False) >= 5:
            size = size[::-1]
        grey = (
            image.mode in GREY_MODES
            or _raw_mode(image).startswith("LA;16")
            or _has_grey_palette(image)
        )
        several = bool(getattr(image, "is_animated", False))
        return Header(size, grey, several)


def as_recorded(facts: Mapping[str, Any]) -> dict[str, Any]:
    """How the images were read that a checkpoint was trained on, as its facts.json says.

    **Returns:** `value_range` and `skip_bad`, as `load_dataset` takes them.
    """
    try:
        value_range = check_range(facts.get("value_range"))
    except ConfigError:
        # The facts of a stranger may say anything.
        value_range = None
    return {"value_range": value_range, "skip_bad": bool(facts.get("bad_images_skipped"))}


def depth_of(image: Image.Image) -> Depth | None:
    """How deep the values of an image are; None for 8 bits or fewer."""
    tags: Any = getattr(image, "tag_v2", {})
    inverted = tags.get(PHOTOMETRIC) == 0
    bits, sample_format = _first(tags.get(BITS)), _first(tags.get(SAMPLE_FORMAT), 1)
    if image.mode == "F":
        return Depth("floating-point values", (0.0, 1.0), strict=True, inverted=inverted)
    if image.mode == "I" and image.format == "TIFF" and sample_format == 2:
        return Depth(f"signed {bits}-bit integers", None, inverted=inverted)
    if image.mode == "I" and image.format == "TIFF":
        return Depth("32-bit integers", None, unsigned=bits == 32, inverted=inverted)
    if image.mode.startswith("I"):
        high = 4095.0 if bits == 12 else 65535.0
        return Depth("16-bit integers", (0.0, high), inverted=inverted)
    if _raw_mode(image).startswith(DEEP_COLOURS):
        return Depth("16-bit colours", (0.0, 65535.0), cut=True)
    return None


def is_plain(image: Image.Image) -> bool:
    """Whether an image that is not read yet is of 8 bits, opaque and upright: its pixels are then
    what a model gets.
    """
    if depth_of(image) is not None or "transparency" in image.info or image.format == "TIFF":
        return False
    if image.format == "PNG":
        # Pillow looks for the orientation behind the pixels
        image.load()
    return _orientation(image, loaded=image.format == "PNG" and "exif" in image.info) == 1


def read_image(
    path: Path,
    sample_shape: tuple[int, int, int],
    value_range: Range | None,
    seen: Seen,
    size: Any = None,
) -> Any:
    """One image, a uint8 array of `sample_shape`; what was found goes to `seen`."""
    channels, height, width = sample_shape
    with open_image(path, decode=False) as opened, quiet(path, "a damaged image"):
        # What the file stores is forgotten once it is decoded.
        depth = depth_of(opened)
        opened.load()
        turn = TURNS.get(_orientation(opened))
        image = _eight_bits(path, opened, depth, value_range, seen)
        own_channels = len(image.getbands())
        if own_channels != channels:
            image = image.convert("L" if channels == 1 else "RGB")
        if turn is not None:
            image = image.transpose(turn)
        if size and image.size != size:
            raise _differ(path, image.size, size)
        if (own_channels, image.height, image.width) != sample_shape:
            seen.changed[path] = own_channels, image.height, image.width
        if image.size != (width, height):
            image = ImageOps.fit(image, (width, height))
        return np.asarray(image).reshape(height, width, channels).transpose(2, 0, 1)


def _eight_bits(
    path: Path, image: Image.Image, depth: Depth | None, value_range: Range | None, seen: Seen
) -> Image.Image:
    """An image of 8 bits a value, without transparency."""
    if depth is None:
        return _flat(image)
    if "transparency" in image.info:
        raise DataError(
            f"{path} can't be read correctly: one of its {depth.noun} stands for transparency. "
            "Save "
            "it with 8 bits, or without transparency."
        )
    if not depth.cut:
        return _scaled(path, image, depth, value_range, seen)
    if value_range:
        raise DataError(
            f"{path} can't be read rightly: of {depth.noun} only the upper 8 bits are read, so no "
            "range can be given for them. Save it with 8 bits."
        )
    bounds = _bounds(image)
    least, greatest = min(low for low, _ in bounds), max(high for _, high in bounds)
    seen.note(seen.deep, depth, 257.0 * least, 257.0 * greatest)
    return _flat(image)


def _flat(image: Image.Image) -> Image.Image:
    """An image without transparency, over the background."""
    if not image.has_transparency_data:
        return image if image.mode in ("L", "RGB") else image.convert(_opaque(image.mode))
    colours = image if image.mode == "RGBA" else image.convert("RGBA")
    flat = Image.new("RGB", image.size, BACKGROUND)
    flat.paste(colours, mask=colours.getchannel("A"))
    return flat.convert("L") if image.mode in GREY_MODES else flat


def _opaque(mode: str) -> str:
    return "L" if mode in GREY_MODES else "RGB"


def _scaled(
    path: Path, image: Image.Image, depth: Depth, value_range: Range | None, seen: Seen
) -> Image.Image:
    """A deep image scaled to 8 bits, strip by strip."""
    width, height = image.size
    rows = max(1, STRIP // max(1, width))
    strips = [(top, min(height, top + rows)) for top in range(0, height, rows)]
    values = (_values(image.crop((0, top, width, end)), depth) for top, end in strips)
    low, high = _least_and_most(path, values)
    chosen = value_range or depth.range
    outside = chosen is not None and (low < chosen[0] or high > chosen[1])
    if chosen is None or (depth.strict and outside and not value_range):
        seen.note(seen.unscaled, depth, low, high)
        raise _NeedsRange(f"{path} needs a range")
    seen.note(seen.deep, depth, low, high)
    pixels = np.empty((height, width), np.uint8)
    for top, end in strips:
        strip = _values(image.crop((0, top, width, end)), depth)
        share = (strip - chosen[0]) / (chosen[1] - chosen[0])
        # Rounded down, as when the upper 8 bits are taken; the rest is for errors of float32.
        pixels[top:end] = share.clip(0, 1) * 255 + 1e-3
    return Image.fromarray(255 - pixels if depth.inverted else pixels)


def _values(image: Image.Image, depth: Depth) -> Any:
    """The values of a deep image, float64 `(height, width)`."""
    values = np.asarray(image)
    return (values.view(np.uint32) if depth.unsigned else values).astype(np.float64)


def _least_and_most(path: Path, strips: Iterable[Any]) -> Range:
    low, high = np.inf, -np.inf
    for strip in strips:
        if not np.isfinite(strip).all():
            raise DataError(f"{path} is not a readable image: it holds NaN or infinite values.")
        low, high = min(low, float(strip.min())), max(high, float(strip.max()))
    return low, high


def _bounds(image: Image.Image) -> list[tuple[int, int]]:
    """The least and the greatest value of each channel."""
    bounds = image.getextrema()
    return [bounds] if isinstance(bounds[0], int) else list(bounds)  # type: ignore[arg-type]


def _orientation(image: Image.Image, *, loaded: bool = True) -> int:
    """The EXIF orientation, 1 to 8; 1 where there is none that can be read."""
    if image.format == "PNG" and not loaded and "exif" not in image.info:
        # Pillow would decode the whole image to look behind its pixels.
        return 1
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except Exception:
        # Damaged EXIF data leaves the image as it is stored, as viewers do.
        return 1
    return value if value in TURNS else 1


def _has_grey_palette(image: Image.Image) -> bool:
    palette = image.palette if image.mode == "P" else None
    if palette is None:
        return False
    colours, order = bytes(palette.palette), palette.rawmode or palette.mode
    if order == "RGB;L":
        # all reds, then all greens, then all blues
        third = len(colours) // 3
        return colours == colours[:third] * 3
    # BMP has blue first, and a byte of nothing behind each colour
    step = {"RGB": 3, "BGR": 3, "BGRX": 4}.get(order)
    return step is not None and colours[0::step] == colours[1::step] == colours[2::step]


def _raw_mode(image: Image.Image) -> str:
    """How a file stores its pixels, as Pillow calls it; known before they are read only."""
    tile = getattr(image, "tile", None)
    arguments = tile[0][3] if tile else ""
    return str(arguments[0] if isinstance(arguments, tuple) and arguments else arguments)


def _first(value: Any, otherwise: int = 0) -> int:
    found = value[0] if isinstance(value, tuple) and value else value
    return found if isinstance(found, int) else otherwise


def _described(shape: tuple[int, int, int]) -> str:
    channels, height, width = shape
    return f"{width}×{height} in {'grey' if channels == 1 else 'colour'}"


def _differ(path: Path, size: tuple[int, int], wanted: tuple[int, int]) -> DataError:
    return DataError(
        f"{path} is {size[0]}×{size[1]}, other images are {wanted[0]}×{wanted[1]}. Say to which "
        "size they are cropped and scaled: --set sample_shape=3,64,64"
    )
