"""ladder-vae: a VAE with latents at several resolutions, drawn from the top down."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, constraints
from torch.nn import functional as F

from zoo.models import ConfigError, Count, Size, TrainConfig, at_least_float32
from zoo_vae.objectives import kl_to_prior
from zoo_vae.vae import VAE, VAEConfig


class LadderVAE(VAE["LadderVAE.Config"]):
    """A VAE with a hierarchy of latents: a vector at the top, feature maps below.

    Sønderby et al. 2016, arXiv:1602.02282; Child 2021, arXiv:2011.10650.

    `decode` takes the noise ε of all levels in one vector, the top level first. The latent of level
    l is z_l = μ_l + σ_l ε_l, where μ_l and σ_l are computed from the levels above. So the prior of
    ε is N(0, I). The encoder computes q(ε_l | ε_<l, x) = N(a_l, b_l²). This equals a posterior of
    z_l relative to its prior (Vahdat & Kautz 2020, arXiv:2007.03898, eq. 3).
    """

    recipe = TrainConfig(
        epochs=60,
        batch_size=128,
        optimizer="adam",
        learning_rate=2e-3,
        schedule="cosine",
        warmup=0.02,
        ema_decay=0.999,
        precision="bf16",
        max_grad_norm=200.0,
    )

    @dataclass(frozen=True, kw_only=True)
    class Config(VAEConfig):
        """The sizes of the networks.

        **Arguments:**
        - `channels`: feature maps after each halving of the image.
        - `latent_channels`: feature maps of the latents at these resolutions; 0 for no latents
            there.
        - `top_dim`: dimensions of the latent vector at the top.
        - `blocks`: gated residual blocks at each resolution, in the encoder and in the decoder.
        - `head_channels`: feature maps of the decoder at full resolution, where it has no blocks.
        """

        channels: tuple[Size, ...] = (32, 64)
        latent_channels: tuple[Count, ...] = (4, 8)
        top_dim: Size = 24
        blocks: Size = 2
        head_channels: Size = 24

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        sizes = _halved(config)  # 14×14, 7×7
        channels, latents = config.channels, config.latent_channels
        image_channels = config.sample_shape[0]
        widths = (image_channels + config.num_classes, *channels)
        self.up = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), *_blocks(outputs, config.blocks)
            )
            for inputs, outputs in zip(widths, channels, strict=False)
        )
        maps = (channels[-1], *sizes[-1])
        self.top = nn.Sequential(
            nn.SiLU(), nn.Flatten(), nn.Linear(math.prod(maps), 2 * config.top_dim)
        )
        self.start = nn.Sequential(
            nn.Linear(config.top_dim + config.num_classes, math.prod(maps)),
            nn.Unflatten(1, maps),
        )
        # levels from the smallest maps to the largest
        order = range(len(channels) - 1, -1, -1)
        self.levels = nn.ModuleList(
            Level(channels[i], latents[i], sizes[i], config.blocks) for i in order
        )
        dimensions = [config.top_dim, *(level.dimensions for level in self.rooms)]
        ends = list(accumulate(dimensions))
        self.latent_shape = (ends[-1],)
        self.parts = [slice(end - size, end) for size, end in zip(dimensions, ends, strict=True)]
        larger = [*(channels[i] for i in order[1:]), config.head_channels]
        targets = [*(sizes[i] for i in order[1:]), (*config.sample_shape[1:],)]
        self.grow = nn.ModuleList(
            Grow(channels[i], outputs, size)
            for i, outputs, size in zip(order, larger, targets, strict=True)
        )
        self.head = nn.Sequential(
            nn.SiLU(), nn.Conv2d(config.head_channels, config.output_shape[0], 3, padding=1)
        )

    @property
    def rooms(self) -> list["Level"]:
        """The levels below the top, smallest maps first."""
        return cast("list[Level]", list(self.levels))

    def encode(self, samples: Tensor, labels: Tensor | None = None) -> "LadderPosterior":
        """Encode samples: the distribution q(ε | x), a `LadderPosterior`, not a tensor."""
        return LadderPosterior(self, self._features(samples, labels), labels)

    def encoder_output(self, samples: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q if each level takes its mean, each `(n, *latent_shape)`."""
        posterior = self.encode(samples, labels)
        path = posterior.path(lambda mean, deviation: mean)
        return path.mean, 2 * path.deviation.log()

    def decoder_output(self, z: Tensor, labels: Tensor | None) -> Tensor:
        """Logits of the pixels, `(n, *config.output_shape)`."""
        return self.descend(lambda index, maps: z[:, self.parts[index]], labels)

    def divergence(self, posterior: Distribution) -> Tensor:
        """The KL of each latent dimension, given one random draw of the levels above."""
        assert isinstance(posterior, LadderPosterior)
        path = posterior.path(_drawn)
        return kl_to_prior(path.mean, path.deviation)

    def likelihood_and_kl(
        self, samples: Tensor, labels: Tensor | None
    ) -> tuple[Distribution, Tensor]:
        """One way down serves both: p(x | z) of a drawn z, and the KL of each latent dimension."""
        posterior = self.encode(samples, labels)
        path = posterior.path(_drawn)
        return self.pixels(path.output), kl_to_prior(path.mean, path.deviation)

    def descend(
        self, noise: Callable[[int, Tensor | None], Tensor], labels: Tensor | None
    ) -> Tensor:
        """The way down: from the noise of each level to the decoder's output.

        **Arguments:**
        - `noise`: gives a level's ε, `(n, dimensions)`, from its index (0 is the top) and the maps
            so far, `(n, c, h, w)` (None at the top).
        - `labels`: int64 `(n,)` for a conditional model.

        **Returns:** logits of the pixels, `(n, *config.output_shape)`.
        """
        maps: Tensor = self.start(self.with_labels(noise(0, None), labels))
        for index, (level, grow) in enumerate(zip(self.rooms, self.grow, strict=True), start=1):
            if level.latents:
                maps = level.add(maps, noise(index, maps))
            maps = grow(level.blocks(maps))
        output: Tensor = self.head(maps)
        return output

    def _features(self, samples: Tensor, labels: Tensor | None) -> list[Tensor]:
        """The way up: the maps at each resolution, smallest first."""
        maps = self.with_labels(samples, labels)
        features = []
        for stage in self.up:
            maps = stage(maps)
            features.append(maps)
        return features[::-1]


class Level(nn.Module):
    """Latents of one resolution: prior and posterior of their noise, and what they add.

    **Arguments:**
    - `channels`: maps on the way down, and on the way up.
    - `latents`: maps of latents; 0 is none.
    - `size`: (height, width) of the maps.
    - `blocks`: gated blocks after the latents are added.
    """

    def __init__(self, channels: int, latents: int, size: tuple[int, ...], blocks: int) -> None:
        super().__init__()
        self.latents = latents
        self.dimensions = latents * math.prod(size)
        self.size = size
        if latents:
            self.prior = nn.Sequential(nn.SiLU(), nn.Conv2d(channels, 2 * latents, 3, padding=1))
            self.posterior = nn.Sequential(
                nn.Conv2d(2 * channels, channels, 1),
                GatedBlock(channels),
                nn.SiLU(),
                nn.Conv2d(channels, 2 * latents, 3, padding=1),
            )
            self.into = nn.Conv2d(latents, channels, 1)
            # at first every level follows its prior, and that is N(0, 1)
            for network in (self.prior, self.posterior):
                for parameter in network[-1].parameters():
                    if not parameter.is_meta:
                        nn.init.zeros_(parameter)
        self.blocks = nn.Sequential(*_blocks(channels, blocks))

    def add(self, maps: Tensor, epsilon: Tensor) -> Tensor:
        """The maps, with z = μ + σ ε added to them."""
        mean, log_deviation = at_least_float32(self.prior(maps)).chunk(2, dim=1)
        z = mean + _deviation(log_deviation) * epsilon.view(-1, self.latents, *self.size)
        added: Tensor = maps + self.into(z)
        return added

    def noise(self, maps: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and deviation of q(ε | the levels above, x), each `(n, dimensions)`."""
        both = torch.cat([maps, features], dim=1)
        mean, log_deviation = at_least_float32(self.posterior(both)).flatten(2).chunk(2, dim=1)
        return mean.flatten(1), _deviation(log_deviation).flatten(1)


class Path(NamedTuple):
    """One way down, guided by an image.

    **Arguments:**
    - `noise`, `mean`, `deviation`: ε, and those of q(ε | x) on the way, each `(n, *latent_shape)`.
    - `output`: the decoder's output, `(n, *config.output_shape)`.
    """

    noise: Tensor
    mean: Tensor
    deviation: Tensor
    output: Tensor


class LadderPosterior(Distribution):
    """q(ε | x) = Π q(ε_l | ε_<l, x): normal level by level, each given the levels above it.

    **Arguments:**
    - `model`: a `LadderVAE`.
    - `features`: of the way up, smallest maps first.
    - `labels`: int64 `(n,)` for a conditional model.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {}
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, model: LadderVAE, features: list[Tensor], labels: Tensor | None) -> None:
        self.model, self.features, self.labels = model, features, labels
        self._last: Path | None = None
        batch = torch.Size((features[0].shape[0],))
        super().__init__(batch, torch.Size(model.latent_shape), validate_args=False)

    @property
    def mean(self) -> Tensor:
        """ε along the path of the means, `(n, *latent_shape)`."""
        return self.path(lambda mean, deviation: mean).noise

    def rsample(self, sample_shape: "torch.Size | list[int] | tuple[int, ...]" = ()) -> Tensor:
        """ε drawn from the top down, `(*sample_shape, n, *latent_shape)`."""
        draws = math.prod(sample_shape)
        path = self.path(_drawn, draws)
        noise = path.noise.view(*sample_shape, *self.batch_shape, *self.event_shape)
        self._last = path._replace(noise=noise)
        return noise

    def log_prob(self, value: Tensor) -> Tensor:
        """log q(ε | x) in nats, of ε `(…, n, *latent_shape)`."""
        path = self._last
        # what was just drawn has its path already
        if path is None or path.noise is not value:
            given = value.reshape(-1, *self.event_shape)
            path = self.path(_drawn, given.shape[0] // self.batch_shape[0], given)
        standard = (value.reshape(path.mean.shape) - path.mean) / path.deviation
        each = -0.5 * (standard**2 + math.log(2 * math.pi)) - path.deviation.log()
        return each.sum(1).view(value.shape[:-1])

    def path(
        self,
        choose: Callable[[Tensor, Tensor], Tensor],
        draws: int = 1,
        given: Tensor | None = None,
    ) -> Path:
        """Go down once for each of `draws` copies of the batch.

        **Arguments:**
        - `choose`: from a level's mean and deviation to its ε.
        - `draws`: copies.
        - `given`: ε to follow instead, `(draws · n, *latent_shape)`.
        """
        model, steps = self.model, list[tuple[Tensor, Tensor, Tensor]]()
        features = [_repeated(maps, draws) for maps in self.features]
        labels = None if self.labels is None else self.labels.repeat(draws)

        def noise(index: int, maps: Tensor | None) -> Tensor:
            if maps is None:
                mean, log_deviation = at_least_float32(model.top(features[0])).chunk(2, dim=1)
                deviation = _deviation(log_deviation)
            else:
                mean, deviation = model.rooms[index - 1].noise(maps, features[index - 1])
            epsilon = choose(mean, deviation) if given is None else given[:, model.parts[index]]
            steps.append((epsilon, mean, deviation))
            return epsilon

        output = model.descend(noise, labels)
        noises, means, deviations = (torch.cat(level, 1) for level in zip(*steps, strict=True))
        return Path(noises, means, deviations, output)


class GatedBlock(nn.Module):
    """x + f(x) · σ(g(x)), with f and g two 3×3 convolutions through half as many maps."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.narrow = nn.Conv2d(channels, max(1, channels // 2), 3, padding=1)
        self.wide = nn.Conv2d(max(1, channels // 2), 2 * channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """`(n, channels, h, w)` to the same shape."""
        change, gate = self.wide(F.silu(self.narrow(F.silu(x)))).chunk(2, dim=1)
        gated: Tensor = x + change * gate.sigmoid()
        return gated


class Grow(nn.Module):
    """A layer that enlarges feature maps: a 1×1 convolution, then repeated pixels.

    **Arguments:**
    - `inputs`, `outputs`: number of feature maps before and after.
    - `size`: (height, width) of the result.
    """

    def __init__(self, inputs: int, outputs: int, size: tuple[int, ...]) -> None:
        super().__init__()
        self.mix = nn.Conv2d(inputs, outputs, 1)
        self.size = size

    def forward(self, maps: Tensor) -> Tensor:
        """`(n, inputs, h, w)` to `(n, outputs, *size)`."""
        return F.interpolate(self.mix(maps), self.size, mode="nearest")


def _blocks(channels: int, number: int) -> list[nn.Module]:
    return [GatedBlock(channels) for _ in range(number)]


def _deviation(log_deviation: Tensor) -> Tensor:
    """A standard deviation between e⁻⁵ and e⁵."""
    return (5 * (log_deviation / 5).tanh()).exp()


def _drawn(mean: Tensor, deviation: Tensor) -> Tensor:
    """The reparameterisation trick."""
    return mean + deviation * torch.randn_like(mean)


def _repeated(maps: Tensor, draws: int) -> Tensor:
    return maps if draws == 1 else maps.repeat(draws, *[1] * (maps.dim() - 1))


def _halved(config: "LadderVAE.Config") -> list[tuple[int, ...]]:
    """(height, width) after each halving of the image, rounded up."""
    levels = len(config.channels)
    if len(config.sample_shape) != 3 or not levels or len(config.latent_channels) != levels:
        raise ConfigError(
            f"ladder-vae needs a sample_shape of (channels, height, width), and as many "
            f"latent_channels as channels, not {config.sample_shape}, {config.latent_channels} and "
            f"{config.channels}."
        )
    sizes: list[tuple[int, ...]] = [(*config.sample_shape[1:],)]
    for _ in config.channels:
        sizes.append((*((edge + 1) // 2 for edge in sizes[-1]),))
    if min(sizes[-1]) < 2:
        raise ConfigError(
            f"ladder-vae with {levels} resolutions halves images of {config.sample_shape[1:]} to "
            f"{sizes[-1]}, but needs at least 2×2. Use fewer, such as --set channels=32 --set "
            "latent_channels=4"
        )
    return sizes[1:]
