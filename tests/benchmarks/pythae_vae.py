"""pythae trains 784–400–20–400–784: python pythae_vae.py ROOT trains an epoch for each line that it
reads.
"""

import sys
import time
from typing import Any

from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.pipelines import TrainingPipeline
from pythae.trainers import BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.datasets import MNIST


class Encoder(BaseEncoder):
    """784–400–20."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden, self.mean, self.log_variance = (
            nn.Linear(784, 400),
            nn.Linear(400, 20),
            nn.Linear(400, 20),
        )

    def forward(self, x: Tensor) -> ModelOutput:
        """Mean and log-variance of q(z | x)."""
        hidden = F.relu(self.hidden(x.flatten(1)))
        return ModelOutput(embedding=self.mean(hidden), log_covariance=self.log_variance(hidden))


class Decoder(BaseDecoder):
    """20–400–784."""

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Sequential(
            nn.Linear(20, 400), nn.ReLU(), nn.Linear(400, 784), nn.Sigmoid()
        )

    def forward(self, z: Tensor) -> ModelOutput:
        """Means of the pixels."""
        return ModelOutput(reconstruction=self.network(z).view(-1, 1, 28, 28))


class Asked(TrainingCallback):
    """Waits for a line before each epoch; prints the seconds that it took and its mean loss in nats
    per image.
    """

    def on_epoch_begin(self, training_config: Any, **kwargs: Any) -> None:
        """Wait."""
        if not sys.stdin.readline():
            sys.exit()
        self.began = time.perf_counter()

    def on_epoch_end(self, training_config: Any, **kwargs: Any) -> None:
        """Take the time."""
        self.seconds = time.perf_counter() - self.began

    def on_log(self, training_config: Any, logs: dict[str, float], **kwargs: Any) -> None:
        """Print."""
        print(self.seconds, logs["train_epoch_loss"], flush=True)


def train(root: str) -> None:
    """Train by pythae's own pipeline and optimizer, Adam, on a tensor, its fastest input, to the
    end of input.
    """
    images = MNIST(root).data.unsqueeze(1) / 255  # float32 (60000, 1, 28, 28)
    model = VAE(
        VAEConfig(input_dim=(1, 28, 28), latent_dim=20, reconstruction_loss="bce"),
        Encoder(),
        Decoder(),
    )
    settings = BaseTrainerConfig(
        output_dir="pythae",
        per_device_train_batch_size=128,
        num_epochs=1000,
        learning_rate=1e-3,
        keep_best_on_train=True,
    )
    TrainingPipeline(model, settings)(images, callbacks=[Asked()])


if __name__ == "__main__":
    train(sys.argv[1])
