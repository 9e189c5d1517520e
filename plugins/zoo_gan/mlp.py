"""mlp-gan: a GAN of fully connected layers."""

from dataclasses import dataclass
from itertools import pairwise
from math import prod

from torch import nn

from zoo.models import Fraction, Size, TrainConfig
from zoo_gan.gan import GAN, GANConfig
from zoo_gan.spectral import normalise


class MLPGAN(GAN["MLPGAN.Config"]):
    """A GAN (Goodfellow et al. 2014) of fully connected layers, with leaky ReLU and tanh."""

    recipe = TrainConfig(
        epochs=50, batch_size=64, learning_rate=2e-4, betas=(0.5, 0.999), ema_decay=0.999
    )

    @dataclass(frozen=True, kw_only=True)
    class Config(GANConfig):
        """The sizes of the networks.

        **Arguments:**
        - `generator_dims`: widths of the generator's hidden layers.
        - `discriminator_dims`: widths of the discriminator's hidden layers.
        - `batch_norm`: use batch norm in the generator (Ioffe & Szegedy 2015, arXiv:1502.03167).
        - `dropout`: dropout rate in the discriminator.
        """

        generator_dims: tuple[Size, ...] = (256, 512, 1024)
        discriminator_dims: tuple[Size, ...] = (512, 256)
        batch_norm: bool = True
        dropout: Fraction = 0.3

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        pixels = prod(config.sample_shape)

        generator: list[nn.Module] = []
        widths = (config.latent_dim + config.num_classes, *config.generator_dims)
        for inputs, outputs in pairwise(widths):
            norm = [nn.BatchNorm1d(outputs)] if config.batch_norm else []
            generator += [nn.Linear(inputs, outputs), *norm, nn.LeakyReLU(0.2)]
        self.generator = nn.Sequential(*generator, nn.Linear(widths[-1], pixels), nn.Tanh())

        discriminator: list[nn.Module] = [nn.Flatten()]
        widths = (pixels, *config.discriminator_dims)
        for inputs, outputs in pairwise(widths):
            discriminator += [
                nn.Linear(inputs, outputs),
                nn.LeakyReLU(0.2),
                nn.Dropout(config.dropout),
            ]
        self.discriminator = nn.Sequential(
            *discriminator, nn.Linear(widths[-1], 1 + config.num_classes)
        )
        if config.spectral_norm:
            normalise(self.discriminator)
