"""Files of samples with any bytes: read, or refused in words; never a traceback, a hang or much
memory.
"""

import io
import json
import random
import struct
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from mutations import CASES, damaged, try_each
from PIL import Image

from zoo.common.errors import DataError
from zoo.sampling import provenance

MADE = {"checkpoint": "vae-mnist", "seed": 7, "start": 0, "labels": ["ü", '"<&>'], "n": 3}
SUFFIXES = [".png", ".jpg", ".webp", ".gif", ".npz", ".safetensors"]


def written(suffix: str) -> list[bytes]:
    """Files of one kind: as the zoo writes them, and as others may."""
    import torch

    from zoo.sampling import formats, images

    samples = torch.rand(6, 1, 5, 7)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"x{suffix}"
        if suffix == ".gif":
            images.save_gif([images.grid(samples)] * 2, path, made=MADE)
        else:
            formats.write(path, [(samples, torch.arange(6))], 6, MADE)
        contents = [path.read_bytes()]
    if suffix in images.PILLOW:
        plain = io.BytesIO()
        images.grid(torch.rand(2, 3, 9, 9)).save(plain, images.PILLOW[suffix])
        contents += [plain.getvalue(), contents[0] + plain.getvalue()]
    elif suffix == ".npz":
        packed = io.BytesIO()
        np.savez_compressed(packed, samples=np.zeros(9), provenance=json.dumps(MADE))
        contents += [packed.getvalue(), contents[0] * 2]
    else:
        contents += [contents[0] + bytes(64), struct.pack("<Q", 1 << 40) + contents[0]]
    return contents


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("cases", CASES)
def test_whatever_bytes_a_file_has_it_is_read_or_refused(suffix: str, cases: int) -> None:
    seeds = written(suffix)

    def read(path: Path) -> None:
        assert isinstance(provenance.describe(path), dict)

    readable = try_each(damaged(seeds, cases), Path(f"x{suffix}"), read, DataError)
    assert 0 < readable < cases


@pytest.mark.parametrize("cases", CASES)
def test_whatever_xmp_a_picture_has_it_is_read_or_refused(cases: int) -> None:
    picture = Image.new("L", (3, 3))

    def wrapped() -> object:
        for packet in damaged([provenance.xmp(MADE), provenance.xmp(), b"<x:xmpmeta/>"], cases):
            content = io.BytesIO()
            picture.save(content, "JPEG", xmp=packet[:60_000])
            yield content.getvalue()

    try_each(wrapped(), Path("x.jpg"), provenance.describe, DataError)  # type: ignore[arg-type]


@pytest.mark.parametrize("cases", CASES)
def test_whatever_a_folder_says_it_is_read_or_refused(cases: int) -> None:
    Path("folder").mkdir()
    seeds = [json.dumps(MADE).encode(), b"{}", b"[" * 90_000, b'{"a":' * 30_000, b"\xff\xfe{"]
    record = Path("folder", provenance.FOLDER_FILE)
    try_each(damaged(seeds, cases), record, lambda path: provenance.read(path.parent), DataError)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_bytes_at_random_are_refused(suffix: str) -> None:
    generator = random.Random(0)
    heads = [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"RIFF\0\0\0\0WEBP", b"GIF89a", b"PK\x03\x04"]
    contents = (
        heads[case % len(heads)] + generator.randbytes(generator.randrange(200))
        for case in range(300)
    )
    assert try_each(contents, Path(f"x{suffix}"), provenance.read, DataError) == 0


def huge(kind: str) -> bytes:
    """Files that would take much memory or time to read in full."""
    if kind == "chunks.png":
        return b"\x89PNG\r\n\x1a\n" + (struct.pack(">I", 0) + b"tEXt" + bytes(4)) * 2_000_000
    if kind == "comment.gif":
        head = b"GIF89a" + bytes(7)
        return head + b"!\xfe" + (b"\xff" + b"x" * 255) * 200_000 + b"\0;"
    if kind == "comments.gif":
        return b"GIF89a" + bytes(7) + b"!\xfe\x01x\0" * 3_000_000
    if kind == "segments.jpg":
        return b"\xff\xd8" + b"\xff\xe1\0\2" * 5_000_000
    if kind == "chunks.webp":
        return b"RIFF\0\0\0\0WEBP" + b"XXXX\0\0\0\0" * 3_000_000
    if kind == "header.safetensors":
        return struct.pack("<Q", 200_000_000) + b'{"a":' + b" " * 200_000_000
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        if kind == "entries.npz":
            for index in range(50_000):
                archive.writestr(f"{index}", b"")
        elif kind == "bomb.npz":
            archive.writestr("provenance.npy", bytes(100_000_000))
        else:
            header = b"{'descr': '<U400000000', 'fortran_order': False, 'shape': (), }"
            start = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header) + 1) + header + b"\n"
            archive.writestr("provenance.npy", start + bytes(50_000_000))
    return packed.getvalue()


@pytest.mark.parametrize(
    "kind",
    [
        "chunks.png",
        "comment.gif",
        "comments.gif",
        "segments.jpg",
        "chunks.webp",
        "header.safetensors",
        "entries.npz",
        "bomb.npz",
        "text.npz",
    ],
)
def test_a_file_that_is_large_where_ours_are_small_is_refused_at_once(kind: str) -> None:
    import resource
    import time

    content = huge(kind)
    path = Path(kind)
    path.write_bytes(content)
    del content
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    with pytest.raises(DataError, match="is not a file that the zoo wrote"):
        provenance.read(path)
    assert time.monotonic() - began < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB
