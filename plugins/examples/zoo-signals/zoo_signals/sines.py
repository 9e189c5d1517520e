"""sines: sums of one, two or three sines, with noise."""

import math
from pathlib import Path

import torch
from torch import Tensor

SIZES = {"train": 8000, "test": 2000}
LENGTH = 64  # values of a signal
FREQUENCIES = 10  # a sine has 1 to 10 whole cycles
NOISE = 0.02  # standard deviation


def load(root: Path, split: str) -> tuple[Tensor, Tensor]:
    """Draw the data. It is the same each time; nothing is written to `root`.

    **Arguments:**
    - `root`: not used.
    - `split`: "train" or "test".

    **Returns:** signals, uint8 `(n, 64)`, where 128 is silence; and labels, int64 `(n,)`: the
    number of sines minus one.
    """
    n = SIZES[split]
    generator = torch.Generator().manual_seed(list(SIZES).index(split))
    labels = torch.randint(3, (n,), generator=generator)
    # no frequency twice
    frequencies = 1 + torch.rand(n, FREQUENCIES, generator=generator).argsort(1)[:, :3]
    phases = 2 * math.pi * torch.rand(n, 3, 1, generator=generator)
    heard = torch.arange(3) <= labels[:, None]  # (n, 3)
    # (n, 3, 64)
    angles = 2 * math.pi * frequencies[:, :, None] * torch.arange(LENGTH) / LENGTH + phases
    signals = 0.5 + 0.15 * (heard[:, :, None] * angles.sin()).sum(1)  # within 0.05 to 0.95
    signals += NOISE * torch.randn(n, LENGTH, generator=generator)
    return (255 * signals).round().clamp(0, 255).to(torch.uint8), labels
