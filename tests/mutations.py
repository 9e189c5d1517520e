"""Damaged copies of files, for tests that a reader takes whatever bytes it is given."""

import os
import random
import struct
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import psutil
import pytest

LONGEST = 5.0  # seconds of computing that a reader may take: other programs may make it wait
WAIT = 60.0  # seconds that it may take in all
ROOM = 1 << 30  # bytes that it may take above what its input decodes to
EXTREMES = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\1\0\0")

# How many cases a test tries: few each time, many with `pytest -m fuzz`, and as many as you like
# with FUZZ=100000 before it.
MANY = int(os.environ.get("FUZZ", "5000"))
CASES = [200, pytest.param(MANY, marks=pytest.mark.fuzz)]


def damaged(seeds: Sequence[bytes], cases: int, seed: int = 0) -> Iterator[bytes]:
    """Copies of the seeds with some bytes changed, left out, repeated or taken from another one.

    **Arguments:**
    - `seeds`: whole files.
    - `cases`: how many copies.
    - `seed`: the same one gives the same copies.
    """
    generator = random.Random(seed)
    for case in range(cases):
        content = bytearray(seeds[case % len(seeds)])
        for _ in range(generator.choice((1, 1, 1, 2, 4, 16))):
            _damage(content, seeds, generator)
        yield with_checksums(bytes(content)) if generator.random() < 0.7 else bytes(content)


def _damage(content: bytearray, seeds: Sequence[bytes], generator: random.Random) -> None:
    # Headers are at the start, so half of the damage is done there.
    reach = len(content) if generator.random() < 0.5 else min(len(content), 64)
    at = generator.randrange(max(1, reach))
    length = generator.choice((1, 2, 4, 8, 64))
    kind = generator.randrange(7)
    if kind == 0:
        content[at : at + 1] = bytes((generator.randrange(256),))
    elif kind == 1 and content:
        content[min(at, len(content) - 1)] ^= 1 << generator.randrange(8)
    elif kind == 2:
        content[at : at + 4] = generator.choice(EXTREMES)
    elif kind == 3:
        del content[at:]
    elif kind == 4:
        del content[at : at + length]
    elif kind == 5:
        content[at:at] = content[at : at + length] * generator.choice((1, 2, 50))
    else:
        other = generator.choice(seeds)
        start = generator.randrange(len(other))
        content[at : at + length] = other[start : start + length]


def with_checksums(content: bytes) -> bytes:
    """A PNG whose chunks have right checksums, so that a reader looks at what they hold."""
    if not content.startswith(b"\x89PNG\r\n\x1a\n"):
        return content
    mended, at = content[:8], 8
    while at + 12 <= len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        if at + 12 + length > len(content):
            break
        whole = content[at + 4 : at + 8 + length]
        mended += content[at : at + 4] + whole + struct.pack(">I", zlib.crc32(whole))
        at += 12 + length
    return mended + content[at:]


def try_each(
    contents: Iterator[bytes],
    path: Path,
    read: Callable[[Path], object],
    allowed: type[Exception],
    decoded_size: Callable[[Path], int] = lambda path: 0,
) -> int:
    """Write each content to a file and read it.

    **Arguments:**
    - `read`: may raise `allowed` and nothing else, compute for `LONGEST`, and take `ROOM` above the decoded
        size.
    - `decoded_size`: what a file decodes to, in bytes.

    **Returns:** how many could be read.
    """
    readable = 0
    for case, content in enumerate(contents):
        path.write_bytes(content)
        before, began, computed = _most_memory(reset=True), time.monotonic(), time.process_time()
        try:
            read(path)
            readable += 1
        except allowed:
            pass
        except BaseException as error:
            raise AssertionError(f"case {case}, {content[:80]!r}: {error!r}") from error
        assert time.process_time() - computed < LONGEST, (case, content[:80])
        assert time.monotonic() - began < WAIT, (case, content[:80])
        if _most_memory() - before > ROOM:
            assert _most_memory() - before <= ROOM + decoded_size(path), (case, content[:80])
    return readable


def _most_memory(*, reset: bool = False) -> int:
    """The most memory that this process has taken since the last reset, in bytes."""
    try:
        if reset:
            Path("/proc/self/clear_refs").write_text("5")
        status = Path("/proc/self/status").read_text()
    except OSError:
        # Where Linux doesn't tell, what is taken now must do.
        return int(psutil.Process().memory_info().rss)
    return 1024 * int(status.partition("VmHWM:")[2].split()[0])
