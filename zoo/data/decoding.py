"""Many images at once: decoded by processes of their own, and kept decoded in the zoo's caches."""

import contextlib
import hashlib
import io
import logging
import os
import threading
import warnings
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader

from zoo.common import files, settings
from zoo.common.compute import usable_cores
from zoo.common.errors import DataError, OutputError, ZooError
from zoo.common.watching import Watch
from zoo.data.digests import State, hashed
from zoo.data.image_files import EIGHT_BITS, Seen, is_plain, look, read_image
from zoo.data.opening import FORMATS, silenced
from zoo.data.samples import empty, fits

# images that are read one by one, in this process
FEW = 500
# images that a process decodes before it hands them over, at most
AT_ONCE = 250
PIXELS = 16 << 20  # bytes of pixels, likewise
SAMPLES = "samples.bin"
CACHED = 20_000_000_000  # bytes of all decoded images that are kept

log = logging.getLogger("zoo")

# digests of files, 32 bytes each, and pixels
_Part = tuple[bytes, bytes]


@dataclass(frozen=True)
class _Chunks:
    """Images in chunks: `chunks[index]` decodes one, and gives the digests of its files. The pixels
    go into a file, each where it belongs; without one they come after the digests.

    It gives a `DataError` when an image is not like the others, deep, or bad: then all are read one
    by one, by those who can say what is wrong. And an `OutputError` when the file can't be written.
    """

    paths: Sequence[str | Path]
    sample_shape: tuple[int, int, int]
    is_resized: bool
    file: Path | None = None

    @property
    def size(self) -> int:
        """How many images a chunk has: fewer where they are large."""
        return max(1, min(AT_ONCE, PIXELS // prod(self.sample_shape)))

    def __len__(self) -> int:
        return -(-len(self.paths) // self.size)

    def __getitem__(self, index: int) -> _Part | ZooError:
        first = index * self.size
        some = self.paths[first : first + self.size]
        rows = np.empty((len(some), *self.sample_shape), np.uint8)
        try:
            with silenced():
                digests = b"".join(map(self._decode, some, rows))
        # decoders raise whatever damaged bytes make them raise
        except Exception as error:
            return DataError(str(error))
        if self.file is None:
            return digests, rows.tobytes()
        try:
            with self.file.open("r+b") as file:
                file.seek(first * prod(self.sample_shape))
                file.write(rows.data)
        except OSError as error:
            return OutputError(str(error))
        return digests, b""

    def _decode(self, path: str | Path, row: Any) -> bytes:
        """Read an image into a row, `(channels, height, width)`; the digest of its file."""
        digest, content = hashed(path)
        channels, height, width = self.sample_shape
        if self.is_resized:
            seen = Seen()
            row[:] = read_image(Path(path), self.sample_shape, None, seen)
            if seen.deep:
                raise DataError(f"{path} is deep.")
            return digest
        opened = io.BytesIO(content) if content else files.open_regular(Path(path))
        with opened as file, Image.open(file, formats=FORMATS) as image:
            alike = image.mode == EIGHT_BITS[channels] and image.size == (width, height)
            if not (alike and is_plain(image)):
                raise DataError(f"{path} is not like the others.")
            pixels = np.frombuffer(image.tobytes(), np.uint8)  # faster than np.asarray
        row[:] = pixels.reshape(height, width, channels).transpose(2, 0, 1)
        return digest


def decoded(
    paths: Sequence[str | Path], sample_shape: Sequence[int] | None, watch: Watch | None, key: str
) -> tuple[Tensor, bytes] | None:
    """Images that are all alike and of 8 bits, decoded on all cores and kept.

    **Arguments:**
    - `paths`: of the images.
    - `sample_shape`: (channels, height, width) to crop and scale them to; None where all have the
        size of the first.
    - `watch`: shows how many are read.
    - `key`: by which they are kept.

    **Returns:** uint8 `(n, *sample_shape)`, and the digests of the files, 32 bytes each; None where
    the images are not all alike, one is bad, or they don't fit in memory.
    """
    try:
        header = look(Path(paths[0]))
    except DataError:
        return None
    width, height = header.size
    shape = tuple(sample_shape or (1 if header.grey else 3, height, width))
    if len(shape) != 3 or shape[0] not in EIGHT_BITS or min(shape) < 1:
        return None
    if not fits((len(paths), *shape)):
        return None
    chunks = _Chunks(paths, shape, sample_shape is not None)
    with contextlib.suppress(DataError):
        return _into_home(chunks, watch, key) or _into_memory(chunks, watch)
    return None


def _into_home(chunks: _Chunks, watch: Watch | None, key: str) -> tuple[Tensor, bytes] | None:
    """Images decoded into the file that is kept, and mapped; None where it can't be written."""
    shape = (len(chunks.paths), *chunks.sample_shape)
    target, done = _folder() / key, None
    # a home that is full costs time only
    with contextlib.suppress(OutputError), files.replacing(target) as partial:
        partial.mkdir()
        file = partial / SAMPLES
        with file.open("wb") as empty_file:
            empty_file.truncate(prod(shape))
        digests = b"".join(digests for digests, _ in _read(replace(chunks, file=file), watch))
        done = _mapped(file, shape), digests
        files.write_json(partial / "shape.json", {"shape": list(shape)})
        _make_room(prod(shape))
        files.remove(target)
    return done


def _into_memory(chunks: _Chunks, watch: Watch | None) -> tuple[Tensor, bytes]:
    samples, digests, at = empty(len(chunks.paths), *chunks.sample_shape), bytearray(), 0
    values = samples.numpy().reshape(-1)
    for some, pixels in _read(chunks, watch):
        values[at : at + len(pixels)] = np.frombuffer(pixels, np.uint8)
        at += len(pixels)
        digests += some
    return samples, bytes(digests)


def _read(chunks: _Chunks, watch: Watch | None) -> Iterator[_Part]:
    with contextlib.closing(_in_processes(chunks)) as read:
        for part in watch(read, len(chunks), "reading images") if watch else read:
            if isinstance(part, ZooError):
                # a new one, which keeps nothing of this alive
                raise type(part)(str(part))
            yield part


def _in_processes(chunks: _Chunks) -> Generator[_Part | ZooError]:
    cores = usable_cores()
    loading = DataLoader[_Part | ZooError](
        chunks,  # type: ignore[arg-type]  # whatever has len() and [] will do
        batch_size=None,
        num_workers=min(cores, len(chunks)) if cores > 1 else 0,
        generator=torch.Generator(),  # else it draws a number from the global one
    )
    with _no_ctrl_c_for_children():
        batches = iter(loading)
    yield from batches


@contextlib.contextmanager
def _no_ctrl_c_for_children() -> Iterator[None]:
    """Processes that begin in this block leave Ctrl-C to this one."""
    import signal

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads
            yield
    finally:
        signal.signal(signal.SIGINT, before)


# --- decoded images that are kept


def key_of(state: State, sample_shape: Sequence[int] | None) -> str:
    """What tells whether decoded images are still those of the files.

    **Arguments:**
    - `state`: of the files.
    - `sample_shape`: what they are scaled to.

    **Returns:** a SHA-256."""
    shape = None if sample_shape is None else tuple(sample_shape)
    return hashlib.sha256(f"{state.key} {shape}".encode()).hexdigest()


def kept(key: str, n: int) -> Tensor | None:
    """Decoded images that were kept, mapped into memory; None where there are none."""
    folder = _folder() / key
    try:
        shape = tuple(map(int, files.read_json(folder / "shape.json")["shape"]))
        path = folder / SAMPLES
        if shape[0] != n or path.stat().st_size != prod(shape):
            return None
        os.utime(folder)
        return _mapped(path, shape)
    except Exception:  # whatever is damaged is made anew
        return None


def _mapped(path: Path, shape: tuple[int, ...]) -> Tensor:
    return torch.from_numpy(np.memmap(path, dtype=np.uint8, mode="c", shape=shape))


def _make_room(size: int) -> None:
    """Remove images that were kept, those first that were not used for longest."""
    there = [one for one in _folder().glob("[!.]*") if one.is_dir()]  # none that are being written
    there.sort(key=lambda one: one.stat().st_mtime)
    total = size + sum(map(files.size, there))
    while there and total > CACHED:
        oldest = there.pop(0)
        total -= files.size(oldest)
        files.remove(oldest)


def _folder() -> Path:
    return settings.home() / "caches" / "decoded"
