"""The classic script of a DCGAN, as tutorials have it: float32, an update for real and one for fake images."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.optim import Adam
from torch.utils.data import DataLoader
from torchvision import datasets, transforms


def steps(root: str, generator: nn.Module, discriminator: nn.Module, latent_dim: int, batch_size: int) -> Iterator[int]:
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
    optimizers = [Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999)) for network in (discriminator, generator)]
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
