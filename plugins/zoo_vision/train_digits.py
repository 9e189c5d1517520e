"""Trains the digit classifier on MNIST: python -m zoo_vision.train_digits --data-root FOLDER."""

import argparse
import time
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import OneCycleLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from zoo_vision.datasets import mnist
from zoo_vision.digits import WEIGHTS, DigitClassifier

VALIDATION = 10_000  # the last training images, on which the training was tuned


def main() -> None:
    """Train on all training images and write the weights.

    With --validate, train without the last 10,000 images and print the accuracy on those.
    """
    parser = argparse.ArgumentParser(
        prog="python -m zoo_vision.train_digits", description=main.__doc__
    )
    parser.add_argument(
        "--data-root", type=Path, required=True, help="torchvision root that has MNIST, or gets it"
    )
    parser.add_argument("--out", type=Path, default=WEIGHTS, help="where the weights go")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--validate", action="store_true", help="hold out the last 10,000 training images"
    )
    given = parser.parse_args()
    images, labels = mnist(given.data_root, "train")
    if given.validate:
        classifier = train(images[:-VALIDATION], labels[:-VALIDATION], given.epochs, given.seed)
        print(
            "accuracy on the held-out images: "
            f"{accuracy(classifier, images[-VALIDATION:], labels[-VALIDATION:]):.4f}"
        )
        return
    classifier = train(images, labels, given.epochs, given.seed)
    partial = given.out.with_suffix(".partial")
    partial.write_bytes(save(classifier.state_dict(), {"format": "pt"}))
    partial.replace(given.out)


def train(
    images: Tensor, labels: Tensor, epochs: int, seed: int, batch_size: int = 200
) -> DigitClassifier:
    """Train a classifier with AdamW, a one-cycle schedule, distorted images and averaged weights.

    **Arguments:**
    - `images`: uint8 `(n, 1, 28, 28)`.
    - `labels`: int64 `(n,)`.

    **Returns:** the averaged classifier, in eval mode.
    """
    torch.manual_seed(seed)
    classifier = DigitClassifier().to(memory_format=torch.channels_last)
    averaged = AveragedModel(classifier, multi_avg_fn=get_ema_multi_avg_fn(0.998))
    steps = epochs * (len(images) // batch_size)
    optimizer = torch.optim.AdamW(classifier.parameters(), weight_decay=0.02)
    schedule = OneCycleLR(optimizer, max_lr=4e-3, total_steps=steps, pct_start=0.2)
    began = time.perf_counter()
    for epoch in range(epochs):
        for rows in torch.randperm(len(images))[: len(images) // batch_size * batch_size].split(
            batch_size
        ):
            distorted = distort(images[rows] / 255)
            with torch.autocast("cpu", torch.bfloat16):
                _, logits = classifier(distorted)
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
    assert isinstance(trained, DigitClassifier)
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
    shift = torch.stack([between(0.15), between(0.15)], -1).view(
        n, 2, 1
    )  # 0.15 of half the width: 2 pixels
    grid = F.affine_grid(torch.cat([turn @ scale, shift], -1), [n, 1, 28, 28], align_corners=False)
    bend = strength.view(n, 1, 1, 1) * F.interpolate(
        0.08 * torch.randn(n, 2, 5, 5), (28, 28), mode="bicubic"
    )
    return F.grid_sample(images, grid + bend.permute(0, 2, 3, 1), align_corners=False)


@torch.inference_mode()
def accuracy(classifier: nn.Module, images: Tensor, labels: Tensor) -> float:
    """The part of the images, uint8 `(n, 1, 28, 28)`, that are classified correctly, 0 to 1."""
    found = torch.cat([classifier(part / 255)[1].argmax(-1) for part in images.split(1000)])
    return (found == labels).double().mean().item()


if __name__ == "__main__":
    main()
