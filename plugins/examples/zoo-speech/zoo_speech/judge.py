"""A small classifier of spoken digits, which says which digit a sample is.

It is trained on the spectrograms of the training takes, and told right by the test takes.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import zoo
from zoo_speech.digits import load
from zoo_speech.vae import log_magnitudes

EPOCHS = 15
BATCH = 64
# frames and bins by which a spectrogram is moved at random in training, at most
SHIFT = 8
RAISE = 2


class Judge(nn.Sequential):
    """Spectrograms `(n, 128, frames)` to logits of the digits `(n, 10)`."""

    def __init__(self) -> None:
        layers: list[nn.Module] = [nn.AvgPool2d(2)]
        for before, after in ((1, 16), (16, 32), (32, 48)):
            layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU()]
            layers += [nn.MaxPool2d(2)]
        layers += [nn.Conv2d(48, 64, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d((4, 3))]
        super().__init__(*layers, nn.Flatten(), nn.Dropout(0.4), nn.Linear(64 * 12, 10))

    def forward(self, spectrograms: Tensor) -> Tensor:
        """Each spectrogram is scaled to mean 0 and deviation 1 first."""
        mean = spectrograms.mean((1, 2), keepdim=True)
        deviation = spectrograms.std((1, 2), keepdim=True)
        scaled = ((spectrograms - mean) / (deviation + 0.1))[:, None]
        logits: Tensor = super().forward(scaled)  # type: ignore[no-untyped-call]  # as torch has it
        return logits


def trained(spectrograms: Tensor, labels: Tensor, seed: int = 0) -> Judge:
    """A judge, after some minutes."""
    torch.manual_seed(seed)
    judge = Judge()
    optimizer = torch.optim.AdamW(judge.parameters(), 2e-3, weight_decay=0.01)
    steps = EPOCHS * (len(labels) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(labels)).split(BATCH)[: len(labels) // BATCH]:
            moves = (int(torch.randint(-RAISE, RAISE + 1, ())), int(torch.randint(SHIFT + 1, ())))
            heard = spectrograms[chosen].roll(moves, (1, 2))
            heard = heard + 0.2 * torch.randn_like(heard)
            optimizer.zero_grad()
            F.cross_entropy(judge(heard), labels[chosen]).backward()
            optimizer.step()
            schedule.step()
    return judge.eval()


@torch.no_grad()
def accuracy(judge: Judge, samples: Tensor, labels: Tensor) -> float:
    """The share of waveforms `(n, 1, length)` that the judge takes for what they should be."""
    guesses = [judge(log_magnitudes(part)).argmax(1) for part in samples.split(100)]
    return float((torch.cat(guesses) == labels).float().mean())


def main() -> None:
    """Print how often the judge is right on test takes, and on a checkpoint's samples."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reference", nargs="?", default="speech-vae-digits")
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("-n", type=int, default=1_000)
    asked = parser.parse_args()
    samples, labels, _ = load(asked.data_root, "train")
    judge = trained(torch.cat([log_magnitudes(part) for part in samples.split(100)]), labels)
    samples, labels, _ = load(asked.data_root, "test")
    print(f"test takes: {accuracy(judge, samples, labels):.1%}")
    digits = torch.arange(asked.n) % 10
    drawn = zoo.draw(zoo.load(asked.reference), asked.n, seed=0, labels=digits)
    print(f"samples: {accuracy(judge, drawn, digits):.1%}")


if __name__ == "__main__":
    main()
