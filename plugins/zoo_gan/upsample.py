"""upsample-gan: a GAN that repeats pixels and convolves, in place of transposed convolutions."""

from dataclasses import dataclass

from torch import nn

from zoo.models import ConfigError, Fraction, Size, TrainConfig
from zoo_gan.gan import GAN, GANConfig
from zoo_gan.spectral import normalise


class UpsampleGAN(GAN["UpsampleGAN.Config"]):
    """A GAN whose generator enlarges maps by repeating pixels (Odena et al. 2016).

    Repeated pixels leave no checkerboards (https://distill.pub/2016/deconv-checkerboard). The
    networks are those of many tutorials of DCGANs.
    """

    recipe = TrainConfig(epochs=20, batch_size=64, learning_rate=2e-4, betas=(0.5, 0.999))

    @dataclass(frozen=True, kw_only=True)
    class Config(GANConfig):
        """The sizes of the networks.

        **Arguments:**
        - `width`: feature maps of the generator at a quarter of the size; half of them at the end.
        - `discriminator_channels`: feature maps after each halving in the discriminator.
        - `dropout`: dropout rate of whole feature maps in the discriminator.
        """

        sample_shape: tuple[Size, ...] = (1, 32, 32)
        width: Size = 128
        discriminator_channels: tuple[Size, ...] = (16, 32, 64, 128)
        dropout: Fraction = 0.25

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        shape, width = config.sample_shape, config.width
        if len(shape) != 3 or shape[1] % 4 or shape[2] % 4 or width < 2:
            raise ConfigError(
                f"upsample-gan needs images whose edges are multiples of 4, not {shape}: use "
                "--set sample_shape=1,32,32 (channels, height, width)."
            )
        start = (width, shape[1] // 4, shape[2] // 4)
        self.generator = nn.Sequential(
            nn.Linear(config.latent_dim + config.num_classes, width * start[1] * start[2]),
            nn.Unflatten(1, start),
            nn.BatchNorm2d(width),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(width, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.LeakyReLU(0.2),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(width, width // 2, 3, padding=1),
            nn.BatchNorm2d(width // 2),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width // 2, shape[0], 3, padding=1),
            nn.Tanh(),
        )
        layers: list[nn.Module] = []
        maps, (height, breadth) = shape[0], shape[1:]
        last = len(config.discriminator_channels) - 1
        for index, channels in enumerate(config.discriminator_channels):
            layers += [nn.Conv2d(maps, channels, 3, 2, 1), nn.LeakyReLU(0.2)]
            layers += [nn.Dropout2d(config.dropout)]
            if 0 < index < last and not config.bounds_slope:
                layers.append(nn.BatchNorm2d(channels))
            maps, height, breadth = channels, (height + 1) // 2, (breadth + 1) // 2
        logits = nn.Linear(maps * height * breadth, 1 + config.num_classes)
        self.discriminator = nn.Sequential(*layers, nn.Flatten(), logits)
        if config.spectral_norm:
            normalise(self.discriminator)
