"""The network of the flow: a U-Net that is told the time and the class."""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# of the sines and cosines that stand for the time
FREQUENCIES = 32


class UNet(nn.Module):
    """A small U-Net (Ronneberger et al. 2015, arXiv:1505.04597) of residual blocks.

    It works on patches of 2 × 2 pixels: full resolution would take four times as long.

    **Arguments:**
    - `image_channels`: channels of the images.
    - `channels`: feature maps at each resolution, half that of the image first.
    - `blocks`: residual blocks at each resolution, on the way down and on the way up.
    - `classes`: classes of the labels; 0 for none.
    """

    def __init__(
        self, image_channels: int, channels: tuple[int, ...], blocks: int, classes: int
    ) -> None:
        super().__init__()
        context = 4 * channels[0]
        self.context = nn.Sequential(
            nn.Linear(2 * FREQUENCIES + classes, context),
            nn.SiLU(),
            nn.Linear(context, context),
            nn.SiLU(),
        )
        self.first = nn.Conv2d(4 * image_channels, channels[0], 3, padding=1)
        self.down = nn.ModuleList(Level(width, context, blocks) for width in channels)
        self.narrow = nn.ModuleList(
            nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)
            for inputs, outputs in pairwise(channels)
        )
        self.up = nn.ModuleList(Level(width, context, blocks) for width in channels[::-1])
        self.widen = nn.ModuleList(
            nn.Conv2d(inputs, outputs, 1)
            for inputs, outputs in zip(channels[::-1], channels[-2::-1], strict=False)
        )
        self.norm = nn.GroupNorm(8, channels[0])
        self.last = nn.Conv2d(channels[0], 4 * image_channels, 3, padding=1)
        _silence(self.last)

    def forward(self, x: Tensor, time: Tensor, one_hot: Tensor) -> Tensor:
        """The velocity at x.

        **Arguments:**
        - `x`: `(n, channels, height, width)`.
        - `time`: `(n,)`, from 0 (noise) to 1 (data).
        - `one_hot`: the labels, `(n, classes)`; zeros where there is none.

        **Returns:** `(n, channels, height, width)`.
        """
        context = self.context(torch.cat([waves(time), one_hot], dim=1))
        h = self.first(F.pixel_unshuffle(x, 2))
        kept = []
        for index, level in enumerate(self.down):
            h = level(self.narrow[index - 1](h) if index else h, context)
            kept.append(h)
        for index, level in enumerate(self.up):
            if index:
                beside = kept[-1 - index]
                h = F.interpolate(self.widen[index - 1](h), beside.shape[2:]) + beside
            h = level(h, context)
        return F.pixel_shuffle(self.last(F.silu(self.norm(h))), 2)


class Level(nn.Module):
    """The residual blocks at one resolution."""

    def __init__(self, channels: int, context: int, blocks: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(channels, context) for _ in range(blocks))

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """`(n, channels, h, w)` to the same shape."""
        for block in self.blocks:
            x = block(x, context)
        return x


class Block(nn.Module):
    """x + f(x). The context scales and shifts the feature maps inside f (Perez et al. 2018).

    arXiv:1709.07871. f starts as 0.
    """

    def __init__(self, channels: int, context: int) -> None:
        super().__init__()
        self.before = nn.Sequential(
            nn.GroupNorm(8, channels), nn.SiLU(), nn.Conv2d(channels, channels, 3, padding=1)
        )
        self.norm = nn.GroupNorm(8, channels, affine=False)
        self.told = nn.Linear(context, 2 * channels)
        self.after = nn.Conv2d(channels, channels, 3, padding=1)
        _silence(self.after)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """`(n, channels, h, w)` and `(n, context)` to `(n, channels, h, w)`."""
        scale, shift = self.told(context)[:, :, None, None].chunk(2, dim=1)
        h = self.norm(self.before(x)) * (1 + scale) + shift
        changed: Tensor = x + self.after(F.silu(h))
        return changed


def waves(time: Tensor) -> Tensor:
    """Sines and cosines of the time, `(n, 2 · FREQUENCIES)` (Vaswani et al. 2017, section 3.5)."""
    steps = torch.arange(FREQUENCIES, device=time.device, dtype=time.dtype)
    angles = time[:, None] * 1000 * torch.exp(-math.log(10_000) * steps / FREQUENCIES)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def _silence(layer: nn.Module) -> None:
    """Let a layer begin by giving 0."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
