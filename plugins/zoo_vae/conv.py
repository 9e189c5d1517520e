"""conv-vae: a VAE of residual convolutions."""

from dataclasses import dataclass
from typing import Annotated

from torch import Tensor, nn

from zoo.models import Bounds, ConfigError, Fraction, Size, TrainConfig
from zoo_vae.vae import VAE, VAEConfig


class ConvVAE(VAE["ConvVAE.Config"]):
    """A VAE (Kingma & Welling 2013) of residual convolutions (He et al. 2016, arXiv:1603.05027)."""

    recipe = TrainConfig(
        epochs=20, batch_size=128, learning_rate=1e-3, schedule="cosine", ema_decay=0.999
    )

    @dataclass(frozen=True, kw_only=True)
    class Config(VAEConfig):
        """The sizes of the networks.

        **Arguments:**
        - `latent_dim`: dimensions of the latent vector z.
        - `channels`: feature maps after each halving of the image; the decoder has them in reverse.
        - `residual_blocks`: residual blocks at each halved resolution.
        - `head_channels`: feature maps of the decoder at full resolution, where it has no blocks.
        - `hidden_dim`: width of the fully connected layer between feature maps and latents.
        - `batch_norm`: use batch norm in the blocks (Ioffe & Szegedy 2015, arXiv:1502.03167).
        - `dropout`: dropout rate of whole feature maps in the blocks.
        """

        latent_dim: Size = 32
        channels: tuple[Size, ...] = (32, 64)
        residual_blocks: Annotated[int, Bounds(0, 16)] = 2
        head_channels: Size = 16
        hidden_dim: Size = 256
        batch_norm: bool = True
        dropout: Fraction = 0.0

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        if not config.channels or len(config.sample_shape) != 3:
            raise ConfigError(
                f"conv-vae needs channels (given: {config.channels}) and images, with sample_shape="
                f"channels,height,width (given: {config.sample_shape})."
            )
        self.latent_shape = (config.latent_dim,)
        image_channels, *size = config.sample_shape
        sizes = [(*size,)]  # of the maps: 28×28, 14×14, 7×7
        for _ in config.channels:
            sizes.append((*((edge + 1) // 2 for edge in sizes[-1]),))
        maps = (config.channels[-1], *sizes[-1])
        flat = maps[0] * maps[1] * maps[2]

        down: list[nn.Module] = []
        width = image_channels + config.num_classes
        for channels in config.channels:
            down += [nn.Conv2d(width, channels, 3, stride=2, padding=1), *self._blocks(channels)]
            width = channels
        self.encoder = nn.Sequential(
            *down,
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(flat, config.hidden_dim),
            nn.SiLU(),
            nn.Linear(config.hidden_dim, 2 * config.latent_dim),
        )

        up: list[nn.Module] = []
        for outputs, edges in zip(config.channels[-2::-1], sizes[-2:0:-1], strict=True):
            up += [*self._blocks(width), doubled(width, outputs, edges)]
            width = outputs
        self.decoder = nn.Sequential(
            nn.Linear(config.latent_dim + config.num_classes, config.hidden_dim),
            nn.SiLU(),
            nn.Linear(config.hidden_dim, flat),
            nn.Unflatten(1, maps),
            *up,
            *self._blocks(width),
            norm(width, config.batch_norm),
            nn.SiLU(),
            doubled(width, config.head_channels, sizes[0]),
            nn.SiLU(),
            nn.Conv2d(config.head_channels, config.output_shape[0], 3, padding=1),
        )

    def _blocks(self, channels: int) -> list[nn.Module]:
        config = self.config
        return [
            ResidualBlock(channels, config.batch_norm, config.dropout)
            for _ in range(config.residual_blocks)
        ]

    def encoder_output(self, samples: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z | x), each `(n, latent_dim)`."""
        mean, log_variance = self.encoder(self.with_labels(samples, labels)).chunk(2, dim=1)
        return mean, log_variance

    def decoder_output(self, z: Tensor, labels: Tensor | None) -> Tensor:
        """Logits of the pixels, `(n, *config.output_shape)`."""
        logits: Tensor = self.decoder(self.with_labels(z, labels))
        return logits


class ResidualBlock(nn.Module):
    """x + f(x), where f is two times norm, SiLU and 3×3 convolution (He et al. 2016, figure 4e)."""

    def __init__(self, channels: int, batch_norm: bool, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            norm(channels, batch_norm),
            nn.SiLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            norm(channels, batch_norm),
            nn.SiLU(),
            nn.Dropout2d(dropout),
            nn.Conv2d(channels, channels, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """`(n, channels, h, w)` to the same shape."""
        return x + self.layers(x)  # type: ignore[no-any-return]  # a Sequential's result is untyped


def norm(channels: int, batch_norm: bool) -> nn.Module:
    """Batch norm, or a layer that does nothing."""
    return nn.BatchNorm2d(channels) if batch_norm else nn.Identity()


def doubled(inputs: int, outputs: int, size: tuple[int, ...]) -> nn.Module:
    """A layer that doubles feature maps to the `size` (height, width)."""
    # with stride 2, a kernel of 4 turns h into 2h, and a kernel of 3 turns h into 2h − 1
    kernel = tuple(4 - edge % 2 for edge in size)
    return nn.ConvTranspose2d(inputs, outputs, kernel, stride=2, padding=1)  # type: ignore[arg-type]  # two edges
