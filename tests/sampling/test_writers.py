"""Writers take samples batch by batch, and memory holds one batch, or one picture."""

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from zoo.sampling import formats

PEAK = """
import resource, sys
from pathlib import Path
import torch
from PIL import Image
from zoo.sampling import formats, images, writers
from zoo.sampling.provenance import xmp

name, n, side, channels = sys.argv[1], *map(int, sys.argv[2:])
def batches(n):
    for first in range(0, n, 50):
        yield torch.rand(min(50, n - first), channels, side, side), torch.zeros(50, dtype=int)
made = {"seed": 0, "start": 0}
formats.write(Path("small" + name), batches(50), 50, made)  # what is loaded once
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
formats.write(Path(name), batches(n), n, made)
print(1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before))
"""


def peak(name: str, n: int, side: int, channels: int = 1) -> int:
    """Bytes of memory that writing takes beyond what a small file took, at the worst moment."""
    command = [sys.executable, "-c", PEAK, name, str(n), str(side), str(channels)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return int(result.stdout)


@pytest.mark.parametrize("name", ["x.safetensors", "x.npz"])
def test_arrays_take_the_memory_of_some_batches_however_many_there_are(name: str) -> None:
    taken = peak(name, 5000, 64)
    assert Path(name).stat().st_size > 20e6
    # 82 MB of float32 samples; some batches of 0.8 MB are held
    assert taken < 12e6


@pytest.mark.parametrize(("channels", "bytes_a_pixel"), [(1, 1), (3, 4)])
def test_a_grid_is_held_in_memory_once(channels: int, bytes_a_pixel: int) -> None:
    taken = peak("x.png", 4000, 64, channels)
    pixels = 64 * 66 * 63 * 66
    assert taken < 1.3 * bytes_a_pixel * pixels + 8e6


def batches(n: int, labelled: bool, width: int = 3) -> Iterator[tuple[Tensor, Tensor | None]]:
    for first in range(0, n, 4):
        samples = torch.arange(first, min(first + 4, n)).float()[:, None].repeat(1, width)
        yield samples, samples[:, 0].long() if labelled else None


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize(("n", "width"), [(1, 1), (5, 3), (8, 2), (7, 7)])
def test_streamed_safetensors_are_what_the_library_reads(
    labelled: bool, n: int, width: int
) -> None:
    made = {"seed": 1, "start": 0, "text": "ü" * n}
    path = Path("x.safetensors")
    formats.write(path, batches(n, labelled, width), n, made, sample_kind="array")
    tensors = load_file(path)
    assert torch.equal(tensors["samples"], torch.arange(n).float()[:, None].repeat(1, width))
    assert ("labels" in tensors) == labelled
    if labelled:
        assert tensors["labels"].tolist() == list(range(n))
    # tensors begin at a multiple of their size: mapped files are read in place
    length = int.from_bytes(path.read_bytes()[:8], "little")
    assert (8 + length) % 8 == 0


def test_an_npz_can_be_written_to_what_cannot_seek() -> None:
    class Pipe(io.RawIOBase):
        """What a pipe is to a writer."""

        def __init__(self) -> None:
            self.content = b""

        def writable(self) -> bool:
            return True

        def seekable(self) -> bool:
            return False

        def write(self, data: bytes) -> int:  # type: ignore[override]
            self.content += bytes(data)
            return len(data)

    pipe = Pipe()
    made = {"seed": 1, "start": 0}
    formats.write(pipe, batches(6, True), 6, made, sample_kind="array", suffix=".npz")
    with np.load(io.BytesIO(pipe.content)) as archive:
        assert archive["labels"].tolist() == list(range(6))
        assert archive["samples"].shape == (6, 3)
