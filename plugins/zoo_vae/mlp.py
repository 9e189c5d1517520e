"""mlp-vae: a VAE of fully connected layers, 784–400–20–400–784 unless told otherwise."""

from dataclasses import dataclass
from itertools import pairwise
from math import prod

from torch import Tensor, nn

from zoo.models import Fraction, Size, TrainConfig
from zoo_vae.vae import VAE, VAEConfig


class MLPVAE(VAE["MLPVAE.Config"]):
    """A VAE of fully connected layers (Kingma & Welling 2013, appendix C), with ReLU for the
    paper's tanh.
    """

    # bf16 spares time, and its losses are within 2 % of float32's (tests/benchmarks)
    recipe = TrainConfig(epochs=10, batch_size=128, learning_rate=1e-3, precision="bf16")

    @dataclass(frozen=True, kw_only=True)
    class Config(VAEConfig):
        """Sizes of the network.

        **Arguments:**
        - `latent_dim`: dimensions of z.
        - `hidden_dims`: widths of the encoder's hidden layers, from the image on; the decoder
            mirrors them.
        - `batch_norm`: normalise each hidden layer over the batch (Ioffe & Szegedy 2015,
            arXiv:1502.03167).
        - `dropout`: share of hidden units left out while training (Srivastava et al. 2014).
        """

        latent_dim: Size = 20
        hidden_dims: tuple[Size, ...] = (400,)
        batch_norm: bool = False
        dropout: Fraction = 0.0

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.latent_shape = (config.latent_dim,)
        pixels = prod(config.sample_shape)
        encoding = (pixels + config.num_classes, *config.hidden_dims)  # widths
        self.encoder = nn.Sequential(
            *hidden_layers(encoding, config.batch_norm, config.dropout),
            nn.Linear(encoding[-1], 2 * config.latent_dim),
        )
        decoding = (config.latent_dim + config.num_classes, *reversed(config.hidden_dims))
        self.decoder = nn.Sequential(
            *hidden_layers(decoding, config.batch_norm, config.dropout),
            nn.Linear(decoding[-1], pixels),
        )

    def encoder_output(self, samples: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z | x), each `(n, latent_dim)`."""
        x = self.with_labels(samples.flatten(1), labels)  # (n, pixels + num_classes)
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        return mean, log_variance

    def decoder_output(self, z: Tensor, labels: Tensor | None) -> Tensor:
        """Logits of the pixels, `(n, *sample_shape)`."""
        logits: Tensor = self.decoder(self.with_labels(z, labels))  # (n, pixels)
        return logits.view(-1, *self.config.sample_shape)


def hidden_layers(widths: tuple[int, ...], batch_norm: bool, dropout: float) -> list[nn.Module]:
    """Fully connected layers with ReLU, each with batch norm and dropout if asked for.

    **Arguments:**
    - `widths`: of the input and of each layer, in this order.
    - `dropout`: share of units left out while training; 0 is none.
    """
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers.append(nn.Linear(inputs, outputs))
        if batch_norm:
            layers.append(nn.BatchNorm1d(outputs))
        layers.append(nn.ReLU())
        if dropout:
            layers.append(nn.Dropout(dropout))
    return layers
