"""Random changes to images that a training sees: shift, rotate, zoom, flip."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from zoo.common.errors import DataError

# the greatest shift, as a share of the edge
SHIFT = 2 / 28
# the greatest turn, in degrees
ANGLE = 10.0
# the greatest change of size, as a share
ZOOM = 0.1


def augmented(samples: Tensor, changes: tuple[str, ...]) -> Tensor:
    """Images, each changed at random in the ways that `TrainConfig.augment` names; draws from
    torch's global generator.

    **Arguments:**
    - `samples`: float32 `(n, channels, height, width)`.
    - `changes`: of "shift", "rotate", "zoom", "flip".

    **Returns:** the same shape; what comes in from outside an image repeats its border.
    """
    if not changes:
        return samples
    if samples.dim() != 4:
        raise DataError(
            f"Samples of shape {tuple(samples.shape[1:])} are not images: they can't be augmented."
        )
    n = len(samples)

    def spread(greatest: float, change: str) -> Tensor:
        return greatest * (2 * torch.rand(n) - 1) if change in changes else torch.zeros(n)

    angle, zoom = math.radians(1) * spread(ANGLE, "rotate"), 1 + spread(ZOOM, "zoom")
    mirror = 1 - 2 * (torch.rand(n) < 0.5).float() if "flip" in changes else torch.ones(n)
    shift = [2 * spread(SHIFT, "shift") for _ in range(2)]  # grid_sample counts from -1 to 1
    edges = samples.shape[2] / samples.shape[3]  # both of which it counts as 2
    rows = [
        [angle.cos() / zoom * mirror, -angle.sin() / zoom * edges, shift[0]],
        [angle.sin() / zoom * mirror / edges, angle.cos() / zoom, shift[1]],
    ]
    moves = torch.stack([torch.stack(row, 1) for row in rows], 1).to(samples.device)  # (n, 2, 3)
    grid = F.affine_grid(moves, list(samples.shape), align_corners=False)
    return F.grid_sample(samples, grid, padding_mode="border", align_corners=False)
