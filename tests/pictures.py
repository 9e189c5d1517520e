"""Folders of pictures as people have them: turned, transparent, deep, damaged, beside other files."""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SIDE = 28
COUNT = 12
RAMP = (np.arange(SIDE * SIDE).reshape(SIDE, SIDE) * 65535.0 / (SIDE * SIDE - 1)).astype(np.uint16)


def colours(seed: int = 0) -> Any:
    """A picture of random colours, uint8 `(SIDE, SIDE, 3)`."""
    return np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)


def save(pixels: Any, path: Path, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def fill(folder: Path, count: int = COUNT, suffix: str = "png") -> Path:
    """Pictures of random colours, 000 and so on."""
    for index in range(count):
        save(colours(index), folder / f"{index:03}.{suffix}")
    return folder


def companions(folder: Path) -> Path:
    """What macOS and Windows leave beside pictures."""
    for picture in sorted(fill(folder).iterdir()):
        picture.with_name(f"._{picture.name}").write_bytes(b"\0\5\x16\7" + bytes(80))
    (folder / "Thumbs.db").write_bytes(b"thumbs")
    (folder / "__MACOSX").mkdir()
    (folder / "__MACOSX" / "._000.png").write_bytes(b"resource")
    return folder


def notebook(folder: Path) -> Path:
    """Two classes, and what Jupyter leaves beside them."""
    fill(folder / "cat", 5)
    fill(folder / "dog", 5)
    fill(folder / ".ipynb_checkpoints", 1)
    return folder


def nested(folder: Path) -> Path:
    """Three classes, one of which has its pictures further down, and a folder without any."""
    fill(folder / "cat", 6)
    fill(folder / "dog", 6)
    fill(folder / "bird" / "day", 4)
    fill(folder / "bird" / "night", 2)
    (folder / "fish").mkdir()
    return folder


def half_white() -> Any:
    """White above, black below."""
    pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
    pixels[: SIDE // 2] = 255
    return pixels


def turned(folder: Path) -> Path:
    """White above when they are turned as their EXIF orientation says."""
    exif = Image.Exif()
    exif[274] = 6
    for index in range(COUNT):
        save(np.rot90(half_white()), folder / f"{index}.jpg", exif=exif, quality=95)
    return folder


def transparent(folder: Path) -> Path:
    """A red square; noise is hidden where they are transparent."""
    for index in range(COUNT):
        pixels = np.dstack([colours(index), np.zeros((SIDE, SIDE), np.uint8)])
        pixels[8:20, 8:20] = (255, 0, 0, 255)
        save(pixels, folder / f"{index}.png")
    return folder


def mixed(folder: Path, grey: str) -> Path:
    """Red pictures, and one in grey."""
    red = np.zeros((SIDE, SIDE, 3), np.uint8)
    red[..., 0] = 255
    for index in range(1, COUNT):
        save(red, folder / f"{index:03}.png")
    save(colours()[..., 0], folder / grey)
    return folder


DEEP: dict[str, tuple[Any, str]] = {
    "16 bits": (RAMP, "png"),
    "16 bits, big-endian": (RAMP.astype(">u2"), "tif"),
    "12 bits in 16": (RAMP >> 4, "png"),
    "floats": ((RAMP / 65535).astype(np.float32), "tif"),
    "32 bits": ((RAMP // 257).astype(np.int32), "tif"),
}


def deep(folder: Path, kind: str) -> Path:
    """Pictures of more than 8 bits a value, a ramp from least to greatest."""
    pixels, suffix = DEEP[kind]
    for index in range(COUNT):
        save(pixels, folder / f"{index}.{suffix}")
    return folder


def corrupt(folder: Path) -> Path:
    """Three of twelve end too early: 002, 005 and 007, which is empty."""
    fill(folder, suffix="jpg")
    for name, share in (("002", 0.5), ("005", 0.3), ("007", 0.0)):
        file = folder / f"{name}.jpg"
        content = file.read_bytes()
        file.write_bytes(content[: int(len(content) * share)])
    return folder


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 28 28\nshowpage\n%%EOF\n"


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG, its checksum right."""
    whole = kind + content
    return struct.pack(">I", len(content)) + whole + struct.pack(">I", zlib.crc32(whole))


def bomb(path: Path, side: int = 13_300) -> Path:
    """A small PNG of side × side black pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = zlib.compressobj(9)
    packed = b"".join(rows.compress(bytes(1 + side)) for _ in range(side)) + rows.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", packed), chunk(b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    return path


# The first bytes of formats that Pillow reads and the zoo does not.
FOREIGN: dict[str, bytes] = {
    "EPS": POSTSCRIPT,
    "DDS": b"DDS " + struct.pack("<I", 124) + bytes(120),
    "BLP": b"BLP2" + bytes(200),
    "AVIF": b"\0\0\0\x1cftypavif" + bytes(200),
    "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(200),
    "SPIDER": struct.pack(">27f", *[1.0] * 27) + bytes(2000),
    "ICNS": b"icns" + struct.pack(">I", 300) + bytes(292),
    "PSD": b"8BPS" + bytes(200),
    "PCX": b"\x0a\x05\x01\x08" + bytes(200),
    "SGI": b"\x01\xda\x00\x01" + bytes(600),
    "TGA": b"\0\0\2" + bytes(9) + struct.pack("<HH", 28, 28) + b"\x18\0" + bytes(28 * 28 * 3),
    "FITS": b"SIMPLE  =                    T" + bytes(3000),
}
