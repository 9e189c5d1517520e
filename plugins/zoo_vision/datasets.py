"""torchvision's small image data sets as uint8 samples and labels."""

from pathlib import Path

import torch
from torch import Tensor
from torchvision import datasets

from zoo import ZooError


def mnist(root: Path, split: str) -> tuple[Tensor, Tensor]:
    """Handwritten digits: samples uint8 `(60000 or 10000, 1, 28, 28)`, labels int64. Downloads what
    isn't in `root`.
    """
    return _grey(datasets.MNIST, root, split)


def fashion_mnist(root: Path, split: str) -> tuple[Tensor, Tensor]:
    """Pictures of clothes, in the shape of `mnist`."""
    return _grey(datasets.FashionMNIST, root, split)


def kmnist(root: Path, split: str) -> tuple[Tensor, Tensor]:
    """Handwritten hiragana, in the shape of `mnist`."""
    return _grey(datasets.KMNIST, root, split)


def cifar10(root: Path, split: str) -> tuple[Tensor, Tensor]:
    """Small photographs: samples uint8 `(50000 or 10000, 3, 32, 32)`, labels int64. Downloads what
    isn't in `root`.
    """
    data = datasets.CIFAR10(root, train=split == "train", download=True)
    return torch.from_numpy(data.data).permute(0, 3, 1, 2).contiguous(), torch.tensor(data.targets)


def _grey(kind: type[datasets.MNIST], root: Path, split: str) -> tuple[Tensor, Tensor]:
    try:
        data = kind(root, train=split == "train", download=True)
    except (
        AssertionError,
        EOFError,
        ValueError,
    ) as error:  # what torchvision raises for files that end too early
        raise ZooError(
            f"The files in {root / kind.__name__ / 'raw'} are damaged: remove them, and they are "
            "downloaded anew."
        ) from error
    return data.data.unsqueeze(1), data.targets
