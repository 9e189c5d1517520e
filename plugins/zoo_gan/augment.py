"""Differentiable augmentation for GANs with little data (Zhao et al. 2020, arXiv:2006.10738)."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

# the largest shift, as a part of the height and the width
SHIFT = 1 / 8
# the size of the cut, as a part of the height and the width
CUT = 1 / 2


def color(images: Tensor) -> Tensor:
    """Change the brightness, the saturation and the contrast of each image at random.

    With u, v, w ~ U[0, 1), in this order (Zhao et al. 2020, section 4):

    - x + u − ½,
    - (x − m) · 2v + m, where m is the mean over the channels,
    - (x − M) · (w + ½) + M, where M is the mean of the image.
    """
    u, v, w = (torch.rand(len(images), 1, 1, 1).to(images.device) for _ in range(3))
    images = images + (u - 0.5)
    grey = images.mean(dim=1, keepdim=True)
    images = torch.lerp(grey, images, 2 * v)
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return torch.lerp(mean, images, w + 0.5)


def translation(images: Tensor) -> Tensor:
    """Shift each image at random, by up to an eighth of its size; empty pixels become 0."""
    height, width = images.shape[2:]
    most = (int(height * SHIFT + 0.5), int(width * SHIFT + 0.5))
    padded = F.pad(images, (most[1], most[1], most[0], most[0]))
    down, right = (torch.randint(2 * one + 1, (len(images), 1)) for one in most)
    rows = (down + torch.arange(height)).to(images.device)  # (n, height)
    columns = (right + torch.arange(width)).to(images.device)  # (n, width)
    which = torch.arange(len(images), device=images.device)[:, None, None]
    shifted = padded.permute(0, 2, 3, 1)[which, rows[:, :, None], columns[:, None, :]]
    return shifted.permute(0, 3, 1, 2)


def cutout(images: Tensor) -> Tensor:
    """Set a rectangle at a random place of each image to 0; it has half the height and width."""
    height, width = images.shape[2:]
    hidden = _within(height, len(images))[:, :, None] & _within(width, len(images))[:, None, :]
    return images * (~hidden).unsqueeze(1).to(images.device, images.dtype)


def _within(edge: int, n: int) -> Tensor:
    """Which pixels of an edge the cut covers, `(n, edge)`; a cut may go over the border."""
    size = int(edge * CUT + 0.5)
    centre = torch.randint(edge + 1 - size % 2, (n, 1))
    position = torch.arange(edge)
    return (position >= centre - size // 2) & (position < centre - size // 2 + size)


AUGMENTATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "color": color,
    "translation": translation,
    "cutout": cutout,
}


def augmented(images: Tensor, names: Sequence[str]) -> Tensor:
    """Augment images: T(x), with the named changes, in the order of `AUGMENTATIONS`.

    The discriminator always sees T(x) and T(G(z)), in its own step and in that of the generator.
    The gradient flows through T. So the generator does not learn the changes (Zhao et al. 2020, eq.
    4 and 5). Random numbers come from torch's global generator.

    **Arguments:**
    - `images`: `(n, channels, height, width)` in [-1, 1].
    - `names`: names from `AUGMENTATIONS`.

    **Returns:** images of the same shape. Values may be outside [-1, 1].
    """
    for name, change in AUGMENTATIONS.items():
        if name in names:
            images = change(images)
    return images
