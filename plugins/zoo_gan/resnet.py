"""resnet-gan: a GAN of residual networks (Miyato et al. 2018; Huang et al. 2025)."""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zoo.models import ConfigError, Rate, Size, TrainConfig
from zoo_gan.gan import GAN, Game, GANConfig
from zoo_gan.spectral import normalise


class ResNetGAN(GAN["ResNetGAN.Config"]):
    """A GAN of residual blocks (SNGAN: Miyato et al. 2018, arXiv:1802.05957, appendix B.4).

    Feature maps are enlarged by interpolation, because transposed convolutions leave a checkerboard
    pattern. The defaults are those of R3GAN (Huang et al. 2025, arXiv:2501.05441): no
    normalisation, leaky ReLU, the relativistic objective, and gradient penalties at real and at
    generated images.
    """

    recipe = TrainConfig(
        epochs=40,
        batch_size=64,
        learning_rate=2e-4,
        betas=(0.0, 0.99),
        ema_decay=0.999,
        precision="bf16",
    )

    @dataclass(frozen=True, kw_only=True)
    class Config(GANConfig):
        """The sizes of the networks.

        **Arguments:**
        - `channels`: feature maps at each resolution, from that of the image downwards. Each
            resolution is half the one before.
        - `blocks`: residual blocks at each resolution.
        - `batch_norm`: use batch norm in the generator, as SNGAN does. The discriminator has no
            normalisation except `spectral_norm`.
        """

        objective: Game = "relativistic"
        r1: Rate = 0.5
        r2: Rate = 0.5
        channels: tuple[Size, ...] = (32, 64, 128, 128)
        blocks: Size = 1
        batch_norm: bool = False

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        image_channels, channels = config.sample_shape[0], config.channels
        sizes = _halved(config.sample_shape, len(channels))  # 28×28, 14×14, 7×7, 4×4

        up: list[nn.Module] = [  # z, projected and reshaped to the smallest maps
            nn.Linear(config.latent_dim + config.num_classes, channels[-1] * sizes[-1].numel()),
            nn.Unflatten(1, (channels[-1], *sizes[-1])),
            *self._blocks(channels[-1], config.batch_norm),
        ]
        for inputs, outputs, size in zip(
            channels[:0:-1], channels[-2::-1], sizes[-2::-1], strict=True
        ):
            up += [Resized(inputs, outputs, size), *self._blocks(outputs, config.batch_norm)]
        last = nn.Conv2d(channels[0], image_channels, 3, padding=1)
        norm = _norm(channels[0], config.batch_norm)
        self.generator = nn.Sequential(*up, norm, nn.LeakyReLU(0.2), last, nn.Tanh())

        down: list[nn.Module] = [
            nn.Conv2d(image_channels, channels[0], 3, padding=1),
            *self._blocks(channels[0]),
        ]
        for (inputs, outputs), size in zip(pairwise(channels), sizes[1:], strict=True):
            down += [Resized(inputs, outputs, size), *self._blocks(outputs)]
        logits = nn.Linear(channels[-1], 1 + config.num_classes)
        self.discriminator = nn.Sequential(*down, nn.LeakyReLU(0.2), Total(), logits)
        if config.spectral_norm:
            normalise(self.discriminator)
        else:
            self.apply(_start_as_identity)

    def _blocks(self, channels: int, batch_norm: bool = False) -> list[nn.Module]:
        return [Block(channels, batch_norm) for _ in range(self.config.blocks)]


class Block(nn.Module):
    """x + f(x), where f is two times leaky ReLU and 3×3 convolution.

    **Arguments:**
    - `channels`: feature maps of x and of the result.
    - `batch_norm`: put batch norm before each leaky ReLU.
    """

    def __init__(self, channels: int, batch_norm: bool = False) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            _norm(channels, batch_norm),
            nn.LeakyReLU(0.2),
            nn.Conv2d(channels, channels, 3, padding=1),
            _norm(channels, batch_norm),
            nn.LeakyReLU(0.2),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """`(n, channels, h, w)` to the same shape."""
        return x + self.layers(x)  # type: ignore[no-any-return]  # a Sequential's result is untyped


class Resized(nn.Module):
    """A layer that changes the size and the number of feature maps.

    It enlarges by repeating pixels, and shrinks by averaging. A 1×1 convolution changes the number;
    it runs at the smaller size, which is faster.

    **Arguments:**
    - `inputs`, `outputs`: number of feature maps before and after.
    - `size`: (height, width) of the result.
    """

    def __init__(self, inputs: int, outputs: int, size: torch.Size) -> None:
        super().__init__()
        self.size = size
        self.mix = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """`(n, inputs, h, w)` to `(n, outputs, *size)`."""
        if self.size[0] > maps.shape[2]:
            return F.interpolate(self.mix(maps), self.size, mode="nearest")
        smaller: Tensor = self.mix(F.adaptive_avg_pool2d(maps, self.size))  # type: ignore[arg-type]  # a Size is a tuple
        return smaller


class Total(nn.Module):
    """The sum over all pixels of a feature map (Miyato et al. 2018, table 4)."""

    def forward(self, maps: Tensor) -> Tensor:
        """`(n, c, h, w)` to `(n, c)`."""
        return maps.sum(dim=(2, 3))


def _halved(shape: tuple[int, ...], levels: int) -> list[torch.Size]:
    """The (height, width) of the image, then of each smaller resolution, rounded up."""
    if len(shape) != 3 or not levels or min(shape[1:]) < 2 ** (levels - 1) + 1:
        raise ConfigError(
            f"resnet-gan with {levels} resolutions can't make samples of shape {shape}: use images "
            "(channels, height, width), and fewer resolutions for small images, such as --set "
            "channels=64,128"
        )
    height, width = shape[1:]
    sizes = [torch.Size((height, width))]
    while len(sizes) < levels:
        height, width = (height + 1) // 2, (width + 1) // 2
        sizes.append(torch.Size((height, width)))
    return sizes


def _norm(channels: int, batch_norm: bool) -> nn.Module:
    return nn.BatchNorm2d(channels) if batch_norm else nn.Identity()


def _start_as_identity(module: nn.Module) -> None:
    """Let each block start as the identity; else feature maps without normalisation would grow."""
    if isinstance(module, Block):
        last = module.layers[-1]
        if isinstance(last, nn.Conv2d) and not last.weight.is_meta:
            nn.init.zeros_(last.weight)
