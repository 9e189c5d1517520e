"""Many images at once: decoded by processes of their own, and kept decoded in the zoo's caches."""

import contextlib
import hashlib
import logging
import os
import threading
import warnings
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
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
from zoo.common.errors import DataError, OutputError
from zoo.common.watching import Watch
from zoo.data.digests import State
from zoo.data.image_files import EIGHT_BITS, Seen, is_plain, look, read_image
from zoo.data.opening import FORMATS, silenced
from zoo.data.samples import empty

FEW = 500  # images that are read one by one, in this process
AT_ONCE = 250  # images that a process decodes before it hands them over
CACHED = 20_000_000_000  # bytes of all decoded images that are kept

log = logging.getLogger("zoo")


@dataclass(frozen=True)
class _Chunks:
    """Images in chunks: `chunks[index]` decodes one. It is empty when one of its images is not like
    the others, deep, or bad: then all are read one by one, by those who can say what is wrong.
    """

    paths: Sequence[Path]
    sample_shape: tuple[int, int, int]
    is_resized: bool

    def __len__(self) -> int:
        return -(-len(self.paths) // AT_ONCE)

    def __getitem__(self, index: int) -> Tensor:
        some = self.paths[index * AT_ONCE : (index + 1) * AT_ONCE]
        channels, height, width = self.sample_shape
        rows = np.empty((len(some), height, width, channels), np.uint8)
        with silenced(), contextlib.suppress(DataError, *_DAMAGE):
            for row, path in zip(rows, some, strict=True):
                if not self._decode(path, row):
                    return torch.empty(0)
            return torch.from_numpy(rows).permute(0, 3, 1, 2).contiguous()
        return torch.empty(0)

    def _decode(self, path: Path, row: Any) -> bool:
        """Read an image into a row, `(height, width, channels)`; whether it is like the others."""
        channels, height, width = self.sample_shape
        if self.is_resized:
            seen = Seen()
            row[:] = read_image(path, self.sample_shape, None, seen).transpose(1, 2, 0)
            return not seen.deep
        with files.open_regular(path) as file, Image.open(file, formats=FORMATS) as image:
            if image.mode != EIGHT_BITS[channels] or image.size != (width, height):
                return False
            if not is_plain(image):
                return False
            row[:] = np.asarray(image).reshape(row.shape)
        return True


# what Pillow raises for images that are damaged; those that read one by one say what it means
_DAMAGE = (OSError, ValueError, SyntaxError, RuntimeError, EOFError, IndexError, Warning)


def decoded(
    paths: Sequence[Path], sample_shape: Sequence[int] | None, watch: Watch | None
) -> Tensor | None:
    """Images that are all alike and of 8 bits, decoded on all cores.

    **Arguments:**
    - `paths`: of the images.
    - `sample_shape`: (channels, height, width) to crop and scale them to; None where all have the
        size of the first.
    - `watch`: shows how many are read.

    **Returns:** uint8 `(n, *sample_shape)`; None where they are not all alike, or one is bad.
    """
    try:
        header = look(paths[0])
    except DataError:
        return None
    width, height = header.size
    shape = tuple(sample_shape or (1 if header.grey else 3, height, width))
    if len(shape) != 3 or shape[0] not in EIGHT_BITS:
        return None
    chunks = _Chunks(paths, shape, sample_shape is not None)
    samples, first = empty(len(paths), *shape), 0
    with contextlib.closing(_in_processes(chunks)) as read:
        for some in watch(read, len(chunks), "reading images") if watch else read:
            if not len(some):
                return None
            samples[first : first + len(some)] = some
            first += len(some)
    return samples


def _in_processes(chunks: _Chunks) -> Generator[Tensor]:
    cores = usable_cores()
    loading = DataLoader[Tensor](
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
        path = folder / "samples.bin"
        if shape[0] != n or path.stat().st_size != prod(shape):
            return None
        mapped = np.memmap(path, dtype=np.uint8, mode="c", shape=shape)
        os.utime(folder)
    except Exception:  # whatever is damaged is made anew
        return None
    return torch.from_numpy(mapped)


def keep(key: str, samples: Tensor) -> None:
    """Keep decoded images. Those that were not used for longest make room."""
    folder = _folder() / key
    with contextlib.suppress(OutputError, OSError):  # a home that is full costs time only
        _make_room(samples.nbytes)
        files.remove(folder)
        with files.replacing(folder) as partial:
            partial.mkdir()
            samples.numpy().tofile(partial / "samples.bin")
            files.write_json(partial / "shape.json", {"shape": list(samples.shape)})


def _make_room(size: int) -> None:
    there = [one for one in _folder().glob("*") if one.is_dir()] if _folder().is_dir() else []
    there.sort(key=lambda one: one.stat().st_mtime)
    total = size + sum(map(files.size, there))
    while there and total > CACHED:
        oldest = there.pop(0)
        total -= files.size(oldest)
        files.remove(oldest)


def _folder() -> Path:
    return settings.home() / "caches" / "decoded"
