"""The classic script of a VAE, as tutorials have it: python plain_vae.py ROOT trains
784–400–20–400–784 an epoch.
"""

import sys
import time
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Adam
from torch.utils.data import DataLoader
from torchvision import datasets, transforms


class PlainVAE(nn.Module):
    """Two fully connected networks."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden_of_image = nn.Linear(784, 400)
        self.mean = nn.Linear(400, 20)
        self.log_variance = nn.Linear(400, 20)
        self.hidden_of_latent = nn.Linear(20, 400)
        self.image = nn.Linear(400, 784)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Reconstruction `(n, 784)`, mean and log-variance `(n, 20)` of images `(n, 784)`."""
        hidden = F.relu(self.hidden_of_image(x))
        mean, log_variance = self.mean(hidden), self.log_variance(hidden)
        deviation = torch.exp(0.5 * log_variance)
        z = mean + deviation * torch.randn_like(deviation)
        return torch.sigmoid(self.image(F.relu(self.hidden_of_latent(z)))), mean, log_variance


def epochs(root: str, batch_size: int = 128) -> Iterator[tuple[float, float]]:
    """Train epoch by epoch: the seconds that each takes, and its mean loss in nats per image."""
    data = datasets.MNIST(root, train=True, transform=transforms.ToTensor())
    loader = DataLoader(data, batch_size=batch_size, shuffle=True)
    model = PlainVAE()
    optimizer = Adam(model.parameters(), lr=1e-3)
    while True:
        began = time.perf_counter()
        model.train()
        total = 0.0
        for images, _ in loader:
            images = images.view(-1, 784)
            optimizer.zero_grad()
            reconstruction, mean, log_variance = model(images)
            cross_entropy = F.binary_cross_entropy(reconstruction, images, reduction="sum")
            divergence = -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp())
            loss = cross_entropy + divergence
            loss.backward()
            optimizer.step()
            total += loss.item()
        yield time.perf_counter() - began, total / len(data)


if __name__ == "__main__":
    next(epochs(sys.argv[1]))
