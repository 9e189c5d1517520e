"""The classic script of a DCGAN: python plain_dcgan.py ROOT trains 30 steps for each line that it
reads.

As tutorials have it: float32, an update for real and one for fake images. The networks are the
zoo's own."""

import sys
import time
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.optim import Adam
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from zoo.models.build import build
from zoo.registry.registry import installed


def steps(
    root: str, generator: nn.Module, discriminator: nn.Module, latent_dim: int, batch_size: int
) -> Iterator[int]:
    """Train a step at a time; the steps taken so far.

    **Arguments:**
    - `root`: torchvision's folder of data.
    - `generator`: `(n, latent_dim)` to images in [-1, 1].
    - `discriminator`: images to logits `(n, 1)`.
    """
    to_tensor = transforms.Compose([transforms.ToTensor(), transforms.Normalize(0.5, 0.5)])
    data = datasets.MNIST(root, train=True, transform=to_tensor)
    loader = DataLoader(data, batch_size=batch_size, shuffle=True, drop_last=True)
    criterion = nn.BCELoss()
    optimizers = [
        Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999))
        for network in (discriminator, generator)
    ]
    real, fake = torch.ones(batch_size), torch.zeros(batch_size)

    def judged(images: Tensor) -> Tensor:
        return torch.sigmoid(discriminator(images)).view(-1)

    taken = 0
    while True:
        for images, _ in loader:
            discriminator.zero_grad()
            loss_on_real = criterion(judged(images), real)
            loss_on_real.backward()
            made = generator(torch.randn(batch_size, latent_dim))
            loss_on_fake = criterion(judged(made.detach()), fake)
            loss_on_fake.backward()
            optimizers[0].step()

            generator.zero_grad()
            loss = criterion(judged(made), real)
            loss.backward()
            optimizers[1].step()
            loss_on_real.item(), loss_on_fake.item(), loss.item()
            taken += 1
            yield taken


def asked(root: str) -> None:
    """Print the seconds that each 30 steps take, a line for a line, until standard input ends."""
    model = installed().model_class("dcgan")
    gan = build(model, model.Config(), seed=0)
    training = steps(root, gan.generator, gan.discriminator, gan.config.latent_dim, 128)
    for _ in sys.stdin:
        began = time.perf_counter()
        for _ in range(30):
            next(training)
        print(time.perf_counter() - began, flush=True)


if __name__ == "__main__":
    asked(sys.argv[1])
