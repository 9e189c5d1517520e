"""dcgan: a GAN of strided convolutions (Radford, Metz & Chintala 2015, arXiv:1511.06434)."""

from dataclasses import dataclass
from math import prod

from torch import nn

from zoo.models import ConfigError, Size, TrainConfig
from zoo_gan.gan import GAN, GANConfig
from zoo_gan.spectral import normalise


class DCGAN(GAN["DCGAN.Config"]):
    """A GAN of strided convolutions (Radford et al. 2015, section 3, figure 1 and section 4)."""

    recipe = TrainConfig(
        epochs=20, batch_size=128, learning_rate=2e-4, betas=(0.5, 0.999), ema_decay=0.999
    )

    @dataclass(frozen=True, kw_only=True)
    class Config(GANConfig):
        """The sizes of the networks.

        **Arguments:**
        - `width`: feature maps of the largest hidden layers. The number doubles each time the
            image is halved.
        - `batch_norm`: use batch norm in both networks (Ioffe & Szegedy 2015, arXiv:1502.03167).
            The discriminator goes without it if its gradient is limited: with `spectral_norm`, with
            `r1`, or with objective=wasserstein.
        """

        width: Size = 64
        batch_norm: bool = True

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        channels, *size = config.sample_shape
        sizes = _halved(size)  # of the maps: 28×28, 14×14, 7×7, 4×4
        widths = [config.width * 2**level for level in range(len(sizes) - 1)]  # 64, 128, 256

        generator: list[nn.Module] = [  # z, projected and reshaped to the smallest maps
            nn.Linear(config.latent_dim + config.num_classes, widths[-1] * prod(sizes[-1])),
            nn.Unflatten(1, (widths[-1], *sizes[-1])),
        ]
        for inputs, outputs, edges in zip(
            widths[::-1], (*widths[-2::-1], channels), sizes[-2::-1], strict=True
        ):
            doubling = nn.ConvTranspose2d(inputs, outputs, _kernel(edges), stride=2, padding=1)
            generator += [*_norm(inputs, config.batch_norm), nn.ReLU(), doubling]
        self.generator = nn.Sequential(*generator, nn.Tanh())

        norm = config.batch_norm and not config.bounds_slope
        discriminator: list[nn.Module] = []
        for level, (inputs, outputs) in enumerate(zip((channels, *widths), widths, strict=False)):
            halving = nn.Conv2d(inputs, outputs, _kernel(sizes[level]), stride=2, padding=1)
            discriminator += [halving, *_norm(outputs, norm and level > 0), nn.LeakyReLU(0.2)]
        self.discriminator = nn.Sequential(
            *discriminator,
            nn.Flatten(),
            nn.Linear(widths[-1] * prod(sizes[-1]), 1 + config.num_classes),
        )
        self.apply(_initialise)
        if config.spectral_norm:
            normalise(self.discriminator)


def _halved(size: list[int]) -> list[tuple[int, int]]:
    """The (height, width) of the image and of each smaller layer, halved until an edge is ≤ 4."""
    if len(size) != 2 or min(size) < 8:
        raise ConfigError(
            f"dcgan needs images of at least 8×8 pixels, not {'×'.join(map(str, size))}: resize "
            "the data with --set sample_shape=1,28,28 (channels, height, width)."
        )
    sizes = [(size[0], size[1])]
    while min(sizes[-1]) > 4:
        height, width = sizes[-1]
        sizes.append(((height + 1) // 2, (width + 1) // 2))
    return sizes


def _kernel(edges: tuple[int, int]) -> tuple[int, int]:
    """The kernel size of a convolution that halves these edges: 4, or 3 for an odd edge."""
    return 4 - edges[0] % 2, 4 - edges[1] % 2


def _norm(maps: int, batch_norm: bool) -> list[nn.Module]:
    return [nn.BatchNorm2d(maps)] if batch_norm else []


def _initialise(module: nn.Module) -> None:
    """Draw weights from N(0, 0.02²) (Radford et al. 2015, section 4), scales from N(1, 0.02²)."""
    if (
        isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d | nn.BatchNorm2d)
        and not module.weight.is_meta
    ):
        nn.init.normal_(module.weight, 1.0 if isinstance(module, nn.BatchNorm2d) else 0.0, 0.02)
