"""Small classifiers of images: the class of an image, and 128 features that metrics compare."""

from pathlib import Path
from typing import TypeVar

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

FOLDER = Path(__file__).parent / "weights"


class Classifier(nn.Module):
    """A convolutional classifier that also returns its features.

    The features are the last hidden layer, before its ReLU, standardised over the training images.
    Before the ReLU, because metrics fit Gaussians to them: over MNIST, their mean absolute skewness
    is 0.6, and 1.4 after the ReLU. Standardised, so that the unit of a distance is a standard
    deviation of the data.

    A subclass sets `body`, from images to features, and `head`, from features to logits.
    """

    weights: Path
    body: nn.Module
    head: nn.Module

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the features and the logits of images.

        **Arguments:**
        - `images`: float32 `(n, channels, height, width)` in [0, 1].

        **Returns:** features `(n, 128)`, logits `(n, 10)`.
        """
        features = self.body(images)
        return features, self.head(features)


C = TypeVar("C", bound=Classifier)


class GreyClassifier(Classifier):
    """For grey images of 28 × 28 pixels, white on black: digits, or clothes."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *convolution(1, 16),  # 28×28
            *convolution(16, 32, stride=2),  # 14×14
            *convolution(32, 48),
            *convolution(48, 48),
            nn.MaxPool2d(2),
            *convolution(48, 96),  # 7×7
            nn.MaxPool2d(2),
            nn.Flatten(),  # 96 · 3 · 3
            nn.Linear(864, 128, bias=False),
            nn.BatchNorm1d(128, affine=False),
        )
        self.head = nn.Sequential(nn.ReLU(), nn.Dropout(0.3), nn.Linear(128, 10))


class PhotoClassifier(Classifier):
    """For photographs of 32 × 32 pixels in colour: a small residual network (He et al. 2016)."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            *convolution(3, 32),  # 32×32
            *convolution(32, 64, stride=2),  # 16×16
            Residual(64),
            *convolution(64, 128, stride=2),  # 8×8
            Residual(128),
            nn.MaxPool2d(2),  # 4×4
            *convolution(128, 128),
            nn.AdaptiveMaxPool2d(1),
            nn.Flatten(),
            nn.Linear(128, 128, bias=False),
            nn.BatchNorm1d(128, affine=False),
        )
        self.head = nn.Sequential(nn.ReLU(), nn.Linear(128, 10))


class Residual(nn.Module):
    """x + f(x), where f is two convolutions, each with batch norm and ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *convolution(channels, channels), *convolution(channels, channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        """`(n, channels, h, w)` to the same shape."""
        return x + self.layers(x)  # type: ignore[no-any-return]  # a Sequential's result is untyped


def convolution(channels_in: int, channels_out: int, stride: int = 1) -> list[nn.Module]:
    """A 3×3 convolution, batch norm and ReLU."""
    layer = nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False)
    return [layer, nn.BatchNorm2d(channels_out), nn.ReLU()]


def digits(weights: Path | None = None) -> GreyClassifier:
    """Load the classifier of digits, in eval mode.

    It classifies 99.66 % (± 0.06) of the 10,000 test images of MNIST correctly. Its weights come
    from `python -m zoo_vision.train_classifier digits --data-root FOLDER` (20 epochs, seed 0, all
    60,000 training images). The training was tuned on the last 10,000 training images
    (`--holdout 10000`, 99.66 %). The test images were used once, at the end.

    **Arguments:**
    - `weights`: safetensors of its state dict; by default the weights in this package.
    """
    return _loaded(GreyClassifier, weights or FOLDER / "digits.safetensors")


def clothes(weights: Path | None = None) -> GreyClassifier:
    """Load the classifier of clothes, in eval mode.

    It classifies 92.99 % (± 0.26) of the 10,000 test images of Fashion-MNIST correctly. Its weights
    come from `python -m zoo_vision.train_classifier clothes --data-root FOLDER --holdout 5000` (12
    epochs, seed 0). It is right about 93.46 % of the 5,000 images that were held out. The test
    images were used once, at the end.

    **Arguments:**
    - `weights`: safetensors of its state dict; by default the weights in this package.
    """
    return _loaded(GreyClassifier, weights or FOLDER / "clothes.safetensors")


def photos(weights: Path | None = None) -> PhotoClassifier:
    """Load the classifier of the photographs of CIFAR-10, in eval mode.

    It classifies 88.60 % (± 0.45) of the last 5,000 training images correctly, which were held out.
    Its weights come from `python -m zoo_vision.train_classifier photos --data-root FOLDER --holdout
    5000` (24 epochs, seed 0). The first 1,000 test images were used once, at the end: 90.3 %
    (± 0.9). The other test images were never used.

    **Arguments:**
    - `weights`: safetensors of its state dict; by default the weights in this package.
    """
    return _loaded(PhotoClassifier, weights or FOLDER / "photos.safetensors")


def _loaded(kind: type[C], weights: Path) -> C:
    with torch.device("meta"):
        classifier = kind()
    classifier.weights = weights
    classifier.load_state_dict(load_file(weights), assign=True)
    return classifier.eval()
