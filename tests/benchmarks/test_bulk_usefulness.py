"""A classifier that learns from samples alone, tested on real digits: pytest -s
tests/benchmarks/test_bulk_usefulness.py

BULK_DIGITS names a data set that `zoo generate` made of a conditional checkpoint; without it one is
made. BULK_TAKEN (60,000) is how many of its samples the classifier learns from; it sees each once.
As many real digits show what it could learn at best.
"""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from zoo.bulk.generate import generate
from zoo.data import load_dataset

DIGITS = os.environ.get("BULK_DIGITS", "")
TAKEN = int(os.environ.get("BULK_TAKEN", 60_000))


def classifier() -> nn.Module:
    """Two convolutions and two linear maps: some 420,000 parameters."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * 7 * 7, 128),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(128, 10),
    )


def read(folder: str, cache: Path) -> tuple[Tensor, Tensor]:
    """Samples as the package datasets reads them: uint8 `(n, 1, 28, 28)`, and their labels."""
    import datasets

    loaded = datasets.load_dataset(folder, split="train", cache_dir=str(cache))
    print(f"\n{loaded.num_rows:,} samples in {folder}, of which {TAKEN:,} are taken")
    some = loaded.shuffle(seed=0).select(range(min(TAKEN, loaded.num_rows)))
    pixels = np.stack([np.asarray(one) for one in some["image"]])
    return torch.from_numpy(pixels)[:, None], torch.tensor(some["label"][:])


def train(images: Tensor, labels: Tensor) -> nn.Module:
    torch.manual_seed(0)
    model = classifier()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    steps = len(images) // 128
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    for chosen in torch.randperm(len(images)).split(128)[:steps]:
        loss = nn.functional.cross_entropy(model(images[chosen].float() / 255), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return model.eval()


@torch.inference_mode()
def accuracy(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    found = torch.cat([model(some.float() / 255).argmax(1) for some in images.split(1000)])
    return float((found == labels).double().mean())


@pytest.mark.filterwarnings("ignore")
def test_a_classifier_that_saw_samples_alone_reads_real_digits(root: str, tmp_path: Path) -> None:
    folder = DIGITS
    if not folder:
        folder = str(tmp_path / "digits")
        generate("cdcgan-mnist", folder, per_class=TAKEN // 10, seed=0, workers=2)
    real, test = load_dataset("mnist", split="train"), load_dataset("mnist", split="test")
    assert real.labels is not None and test.labels is not None
    classifiers = {
        "samples": train(*read(folder, tmp_path / "cache")),
        "real digits": train(real.samples[:TAKEN], real.labels[:TAKEN]),
    }
    found = {name: accuracy(one, test.samples, test.labels) for name, one in classifiers.items()}
    for name, right in found.items():
        print(f"{right:.2%} of {len(test.labels):,} real test digits are read right after {name}")
    assert found["samples"] > 0.96
