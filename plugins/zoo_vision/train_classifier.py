"""Trains the classifiers: python -m zoo_vision.train_classifier NAME --data-root FOLDER."""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from zoo_vision.cifar import cifar10
from zoo_vision.classifiers import FOLDER, Classifier, GreyClassifier, PhotoClassifier
from zoo_vision.datasets import fashion_mnist, mnist

Change = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Plan:
    """How a classifier is trained.

    **Arguments:**
    - `network`: the class of the classifier.
    - `data`: reads its images and labels.
    - `change`: random changes of the training images.
    - `epochs`: passes over the data.
    """

    network: type[Classifier]
    data: Callable[[Path, str], tuple[Tensor, Tensor]]
    change: Change
    epochs: int


def main() -> None:
    """Train on the training images and write the weights.

    With --holdout, train without the last images, and print the accuracy on those.
    """
    plans = plans_by_name()
    parser = argparse.ArgumentParser(
        prog="python -m zoo_vision.train_classifier", description=main.__doc__
    )
    parser.add_argument("name", choices=plans, help="which classifier")
    parser.add_argument(
        "--data-root", type=Path, required=True, help="folder that has the data, or gets them"
    )
    parser.add_argument("--out", type=Path, help="where the weights go")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--holdout", type=int, default=0, help="images at the end to leave out")
    given = parser.parse_args()
    plan = plans[given.name]
    images, labels = plan.data(given.data_root, "train")
    kept = len(images) - given.holdout
    classifier = train(plan, images[:kept], labels[:kept], given.epochs or plan.epochs, given.seed)
    if given.holdout:
        found = accuracy(classifier, images[kept:], labels[kept:])
        print(f"accuracy on the held-out images: {found:.4f}")
    out = given.out or FOLDER / f"{given.name}.safetensors"
    partial = out.with_suffix(".partial")
    partial.write_bytes(save(classifier.state_dict(), {"format": "pt"}))
    partial.replace(out)


def plans_by_name() -> dict[str, Plan]:
    """The classifiers of this package."""
    return {
        "digits": Plan(GreyClassifier, mnist, distort, epochs=20),
        "clothes": Plan(GreyClassifier, fashion_mnist, partial(moved, most=2, square=0), epochs=12),
        "photos": Plan(PhotoClassifier, cifar10, partial(moved, most=4, square=8), epochs=24),
    }


def train(
    plan: Plan, images: Tensor, labels: Tensor, epochs: int, seed: int, batch_size: int = 200
) -> Classifier:
    """Train a classifier with AdamW, a one-cycle schedule, changed images and averaged weights.

    **Arguments:**
    - `images`: uint8 `(n, channels, height, width)`.
    - `labels`: int64 `(n,)`.

    **Returns:** the averaged classifier, in eval mode.
    """
    torch.manual_seed(seed)
    classifier = plan.network().to(memory_format=torch.channels_last)
    averaged = AveragedModel(classifier, multi_avg_fn=get_ema_multi_avg_fn(0.998))
    steps = epochs * (len(images) // batch_size)
    optimizer = torch.optim.AdamW(classifier.parameters(), weight_decay=0.02)
    schedule = OneCycleLR(optimizer, max_lr=4e-3, total_steps=steps, pct_start=0.2)
    began = time.perf_counter()
    for epoch in range(epochs):
        for rows in torch.randperm(len(images))[: len(images) // batch_size * batch_size].split(
            batch_size
        ):
            changed = plan.change(images[rows] / 255)
            with torch.autocast("cpu", torch.bfloat16):
                _, logits = classifier(changed)
            loss = F.cross_entropy(logits.float(), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            # the weights of the first half are too different from the final ones
            if 2 * schedule.last_epoch >= steps:
                averaged.update_parameters(classifier)
        print(
            f"epoch {epoch + 1} of {epochs}: loss {loss.item():.4f}, "
            f"{time.perf_counter() - began:.0f} s",
            flush=True,
        )
    trained = averaged.module
    assert isinstance(trained, Classifier)
    # this standardises the features over the data
    update_bn((part / 255 for part in images.split(1000)), trained)
    return trained.to(memory_format=torch.contiguous_format).eval()


def distort(images: Tensor) -> Tensor:
    """Rotate, scale, shear, shift and smoothly bend images (Simard et al. 2003).

    Each image gets a random strength of its own.

    **Arguments:**
    - `images`: float32 `(n, 1, 28, 28)`.

    **Returns:** the distorted images, in the same shape.
    """
    n = len(images)
    strength = torch.rand(n)

    def between(limit: float) -> Tensor:
        return strength * torch.empty(n).uniform_(-limit, limit)

    angle, shear = between(0.25), between(0.2)  # radians
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], -1).view(n, 2, 2)
    scale = torch.stack([1 + between(0.15), shear, torch.zeros(n), 1 + between(0.15)], -1).view(
        n, 2, 2
    )
    # 0.15 of half the width: 2 pixels
    shift = torch.stack([between(0.15), between(0.15)], -1).view(n, 2, 1)
    grid = F.affine_grid(torch.cat([turn @ scale, shift], -1), [n, 1, 28, 28], align_corners=False)
    bend = strength.view(n, 1, 1, 1) * F.interpolate(
        0.08 * torch.randn(n, 2, 5, 5), (28, 28), mode="bicubic"
    )
    return F.grid_sample(images, grid + bend.permute(0, 2, 3, 1), align_corners=False)


def moved(images: Tensor, most: int, square: int) -> Tensor:
    """Flip half of the images left and right, shift each, and hide a square (cutout).

    DeVries & Taylor 2017, arXiv:1708.04552.

    **Arguments:**
    - `images`: float32 `(n, channels, height, width)`.
    - `most`: pixels of the largest shift.
    - `square`: edge of the grey square in pixels; 0 for none.

    **Returns:** the changed images, in the same shape.
    """
    n, _, *size = images.shape
    images = torch.where(torch.rand(n, 1, 1, 1) < 0.5, images.flip(3), images)
    padded = F.pad(images, 4 * [most]).permute(0, 2, 3, 1)
    rows, columns = (torch.randint(2 * most + 1, (n, 1)) + torch.arange(edge) for edge in size)
    every = torch.arange(n)[:, None, None]
    shifted = padded[every, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    if not square:
        return shifted
    first = [torch.randint(1 - square, edge, (n, 1)) for edge in size]
    down, right = (
        (torch.arange(edge) >= start) & (torch.arange(edge) < start + square)
        for edge, start in zip(size, first, strict=True)
    )
    return shifted.masked_fill(down[:, None, :, None] & right[:, None, None, :], 0.5)


@torch.inference_mode()
def accuracy(classifier: nn.Module, images: Tensor, labels: Tensor) -> float:
    """The part of the images, uint8 `(n, 1, 28, 28)`, that are classified correctly, 0 to 1."""
    found = torch.cat([classifier(part / 255)[1].argmax(-1) for part in images.split(1000)])
    return (found == labels).double().mean().item()


if __name__ == "__main__":
    main()
