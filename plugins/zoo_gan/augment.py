"""Differentiable augmentation for GANs with little data (Zhao et al. 2020, arXiv:2006.10738)."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

SHIFT = 1 / 8  # of the image's height and width, at most
CUT = 1 / 2  # of the image's height and width


def color(images: Tensor) -> Tensor:
    """Change brightness, saturation and contrast, each by a random amount of its own per image.

    With u, v, w ~ U[0, 1): x + u − ½; then (x − m) · 2v + m with m the mean over the channels; then
    (x − M) · (w + ½) + M with M the mean of the image (Zhao et al. 2020, section 4).
    """
    u, v, w = (torch.rand(len(images), 1, 1, 1).to(images.device) for _ in range(3))
    images = images + (u - 0.5)
    grey = images.mean(dim=1, keepdim=True)
    images = torch.lerp(grey, images, 2 * v)
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return torch.lerp(mean, images, w + 0.5)


def translation(images: Tensor) -> Tensor:
    """Shift each image by up to an eighth of its size; what comes in from outside is 0."""
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
    """Set a rectangle of half the height and width to 0, at a random place of each image."""
    height, width = images.shape[2:]
    hidden = _within(height, len(images))[:, :, None] & _within(width, len(images))[:, None, :]
    return images * (~hidden).unsqueeze(1).to(images.device, images.dtype)


def _within(edge: int, n: int) -> Tensor:
    """Which of an edge's pixels the cut covers, `(n, edge)`; it may reach over the border."""
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
    """T(x): the named changes, in their order here.

    A GAN's discriminator sees T(x) and T(G(z)), in its own step and in the generator's, and the
    gradient flows through T: so the generator does not learn the changes (Zhao et al. 2020, eq. 4
    and 5). Random numbers come from torch's global generator.

    **Arguments:**
    - `images`: `(n, channels, height, width)` in [-1, 1].
    - `names`: of `AUGMENTATIONS`.

    **Returns:** images of the same shape; their values may leave [-1, 1].
    """
    for name, change in AUGMENTATIONS.items():
        if name in names:
            images = change(images)
    return images
