"""torchvision's small image data sets as uint8 samples and labels."""

from pathlib import Path

import torch
from torch import Tensor
from torchvision import datasets


def mnist(root: Path, split: str) -> tuple[Tensor, Tensor]:
    """Handwritten digits: samples uint8 `(60000 or 10000, 1, 28, 28)`, labels int64. Downloads what isn't in `root`."""
    return _grey(datasets.MNIST(root, train=split == "train", download=True))


def fashion_mnist(root: Path, split: str) -> tuple[Tensor, Tensor]:
    """Pictures of clothes, in the shape of `mnist`."""
    return _grey(datasets.FashionMNIST(root, train=split == "train", download=True))


def kmnist(root: Path, split: str) -> tuple[Tensor, Tensor]:
    """Handwritten hiragana, in the shape of `mnist`."""
    return _grey(datasets.KMNIST(root, train=split == "train", download=True))


def cifar10(root: Path, split: str) -> tuple[Tensor, Tensor]:
    """Small photographs: samples uint8 `(50000 or 10000, 3, 32, 32)`, labels int64. Downloads what isn't in `root`."""
    data = datasets.CIFAR10(root, train=split == "train", download=True)
    return torch.from_numpy(data.data).permute(0, 3, 1, 2).contiguous(), torch.tensor(data.targets)


def _grey(data: datasets.MNIST) -> tuple[Tensor, Tensor]:
    return data.data.unsqueeze(1), data.targets
