"""dcgan: a GAN of strided convolutions (Radford, Metz & Chintala 2015, arXiv:1511.06434)."""

from dataclasses import dataclass

from torch import nn

from zoo.models import ConfigError, Size, TrainConfig
from zoo_gan.gan import GAN, GANConfig
from zoo_gan.spectral import normalise


class DCGAN(GAN["DCGAN.Config"]):
    """A GAN of strided convolutions (Radford et al. 2015, section 3 and figure 1; weights as in section 4)."""

    recipe = TrainConfig(epochs=20, batch_size=128, learning_rate=2e-4, betas=(0.5, 0.999), average=0.999)

    @dataclass(frozen=True, kw_only=True)
    class Config(GANConfig):
        """Sizes of the networks.

        **Arguments:**
        - `width`: maps of the generator's last hidden layer and the discriminator's first; they double at each
            halving of the image.
        - `batch_norm`: normalise over the batch in both networks (Ioffe & Szegedy 2015, arXiv:1502.03167), but not in
            a discriminator whose slope is bounded: with `spectral_norm`, `r1` or the objective "wasserstein".
        """

        width: Size = 64
        batch_norm: bool = True

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        channels, *size = config.sample_shape
        edge, halvings = _smallest_maps(size)
        widths = [config.width * 2**level for level in range(halvings)]  # 64, 128, …

        generator: list[nn.Module] = [
            nn.Unflatten(1, (config.latent_dim + config.num_classes, 1, 1)),
            *_normalised(
                nn.ConvTranspose2d(config.latent_dim + config.num_classes, widths[-1], edge), config.batch_norm
            ),
            nn.ReLU(),
        ]
        for inputs, outputs in zip(widths[:0:-1], widths[-2::-1], strict=True):
            doubling = nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1)
            generator += [*_normalised(doubling, config.batch_norm), nn.ReLU()]
        self.generator = nn.Sequential(
            *generator, nn.ConvTranspose2d(widths[0], channels, 4, stride=2, padding=1), nn.Tanh()
        )

        norm = config.batch_norm and not config.bounds_slope
        discriminator: list[nn.Module] = []
        for level, (inputs, outputs) in enumerate(zip((channels, *widths), widths, strict=False)):
            halving = nn.Conv2d(inputs, outputs, 4, stride=2, padding=1)
            discriminator += [*_normalised(halving, norm and level > 0), nn.LeakyReLU(0.2)]
        self.discriminator = nn.Sequential(
            *discriminator, nn.Conv2d(widths[-1], 1 + config.num_classes, edge), nn.Flatten()
        )
        self.apply(_initialise)
        if config.spectral_norm:
            normalise(self.discriminator)


def _smallest_maps(size: list[int]) -> tuple[int, int]:
    """Edge of the smallest maps and how often it doubles up to the image: 28 is 7 twice, 32 is 4 three times."""
    if size not in ([28, 28], [32, 32], [64, 64]):
        raise ConfigError(
            f"dcgan makes images of 28×28, 32×32 or 64×64 pixels, not {'×'.join(map(str, size))}: "
            "resize the data with --set sample_shape=1,32,32 (channels, height, width)."
        )
    return {28: (7, 2), 32: (4, 3), 64: (4, 4)}[size[0]]


def _normalised(layer: nn.Conv2d | nn.ConvTranspose2d, batch_norm: bool) -> list[nn.Module]:
    return [layer, nn.BatchNorm2d(layer.out_channels)] if batch_norm else [layer]


def _initialise(module: nn.Module) -> None:
    """Weights from N(0, 0.02²) (Radford et al. 2015, section 4); scales of batch norm from N(1, 0.02²), as is usual."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.BatchNorm2d) and not module.weight.is_meta:
        nn.init.normal_(module.weight, 1.0 if isinstance(module, nn.BatchNorm2d) else 0.0, 0.02)
