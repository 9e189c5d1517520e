"""flow: a normalising flow of autoregressive transformers."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Annotated, Any

import torch
from torch import Tensor, nn
from torch.distributions import Normal
from torch.nn import functional as F

from zoo.models import (
    Bounds,
    ConfigError,
    GenerativeModel,
    ModelConfig,
    Objective,
    Size,
    Step,
    StrictConfig,
    TrainConfig,
)
from zoo_flow.block import Block

# The first block gets grey values from −2 to 2, about as wide as the noise after the last block.
SPREAD = 4.0


class Flow(GenerativeModel["Flow.Config"]):
    """An invertible map from grey values to noise, as TarFlow (Zhai et al. 2024, arXiv:2412.06329).

    A pixel with grey value k becomes y = k + u, where u is uniform in [0, 1). The flow models the
    density of y. Its samples are rounded down to k. With few grey values, the rounding removes
    small errors of the flow (as with the 5 bits of Glow: Kingma & Dhariwal 2018, arXiv:1807.03039).
    """

    recipe = TrainConfig(
        epochs=10,
        batch_size=128,
        learning_rate=1e-3,
        max_grad_norm=1.0,
        warmup=0.02,
        schedule="cosine",
        ema_decay=0.999,
    )

    @dataclass(frozen=True, kw_only=True)
    class Config(ModelConfig):
        """The sizes of the network.

        **Arguments:**
        - `levels`: number of grey values that are distinguished, including black and white.
        - `patch`: height and width of a patch in pixels; those of the image must be multiples.
        - `blocks`: number of blocks; four go through the image in every order.
        - `width`: width of each transformer; a multiple of `heads`.
        - `layers`: layers of each transformer.
        - `heads`: attention heads of each layer.
        """

        levels: Annotated[int, Bounds(2, 256)] = 8
        patch: Size = 4
        blocks: Size = 4
        width: Size = 64
        layers: Size = 2
        heads: Size = 4

        def __post_init__(self) -> None:
            super().__post_init__()
            shape, patch = self.sample_shape, self.patch
            if len(shape) != 3 or shape[1] % patch or shape[2] % patch:
                raise ConfigError(
                    f"sample_shape = {','.join(map(str, shape))} can't be cut into patches of "
                    f"{patch}×{patch} pixels: it must be channels,height,width, where height and "
                    f"width are multiples of patch = {patch}."
                )
            if self.width % self.heads:
                raise ConfigError(
                    f"width = {self.width} must be a multiple of heads = {self.heads}."
                )

    @dataclass(frozen=True, kw_only=True)
    class Options(StrictConfig):
        """The options of `zoo sample --set`.

        **Arguments:**
        - `temperature`: standard deviation of the noise; below 1, samples are cleaner and less
            diverse.
        """

        temperature: Annotated[float, Bounds(0.0, 2.0)] = 1.0

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        channels, height, width = config.sample_shape
        patches, inside = height * width // config.patch**2, channels * config.patch**2
        sizes = config.num_classes, config.width, config.layers, config.heads
        self.blocks = nn.ModuleList(
            Block(patches, inside, *sizes) if index % 2 else Block(inside, patches, *sizes)
            for index in range(config.blocks)
        )

    def sample(
        self,
        n: int,
        labels: Tensor | None = None,
        *,
        generator: torch.Generator,
        options: Any = None,
    ) -> Tensor:
        """Draw noise, map it back through the blocks, and round it down to grey values."""
        temperature = (options or self.Options()).temperature
        z = temperature * torch.randn(n, prod(self.config.sample_shape), generator=generator).to(
            self.device
        )
        y = self.inverse(z, labels)
        last = self.config.levels - 1
        return y.floor().clamp(0, last) / last

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        """Minimise −log p(y), in nats per image, where y is a grey value plus uniform noise."""
        y = self.spread(samples)
        loss = -self.log_density(y, labels)
        bits = loss.mean() / (prod(self.config.sample_shape) * math.log(2))
        yield Objective(loss, metrics={"bits_per_dim": bits})

    def log_likelihood(
        self, samples: Tensor, labels: Tensor | None = None, *, importance_samples: int = 1
    ) -> Tensor:
        """A lower bound of log P(k) in nats per sample, `(n,)`, where k are the grey values.

        P(k) = ∫ p(k + u) du, over u in [0, 1) for each pixel. The estimate log 1/K Σⱼ p(k + uⱼ)
        with uniform uⱼ is too low on average; a larger K brings it closer (Theis et al. 2016,
        arXiv:1511.01844, eq. 2). p itself is exact: see `log_density`. The samples are rounded to
        the nearest of `levels` grey values. Uses torch's global random numbers.
        """
        bound = samples.new_full((len(samples),), -torch.inf)
        for _ in range(importance_samples):
            bound = torch.logaddexp(bound, self.log_density(self.spread(samples), labels))
        return bound - math.log(importance_samples)

    def spread(self, samples: Tensor) -> Tensor:
        """y = k + u: the nearest grey value of each pixel, plus uniform noise from [0, 1)."""
        return (samples * (self.config.levels - 1)).round() + torch.rand_like(samples)

    def log_density(self, y: Tensor, labels: Tensor | None = None) -> Tensor:
        """log p(y), exactly, by change of variables: log N(z; 0, I) + log |det ∂z/∂y|.

        **Arguments:**
        - `y`: grey values with noise, `(n, *sample_shape)`, from 0 to `levels`.
        - `labels`: int64 `(n,)` for a conditional model.

        **Returns:** nats per image, `(n,)`.
        """
        z, log_det = self.forward(y, labels)
        log_prior: Tensor = Normal(0.0, 1.0, validate_args=False).log_prob(z).sum(1)
        return log_prior + log_det

    def forward(self, y: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Map y to noise.

        **Arguments:**
        - `y`: grey values with noise, `(n, *sample_shape)`.
        - `labels`: int64 `(n,)` for a conditional model.

        **Returns:** noise z, `(n, pixels)`, and log |det ∂z/∂y|, `(n,)`.
        """
        context = self.context(y.shape[0], labels)
        scale = SPREAD / self.config.levels
        # (n, inside, patches)
        x = F.pixel_unshuffle(scale * y - SPREAD / 2, self.config.patch).flatten(2)
        log_det = y.new_full((len(y),), prod(self.config.sample_shape) * math.log(scale))
        for block in self.blocks:
            x, more = block(x, context)
            # The next block goes through the other axis. The second time, an axis is reversed.
            x, log_det = x.flip(1).mT, log_det + more
        return x.flatten(1), log_det

    def inverse(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Map noise `(n, pixels)` back to grey values with noise, `(n, *sample_shape)`."""
        context = self.context(z.shape[0], labels)
        (channels, height, width), patch = self.config.sample_shape, self.config.patch
        inside, patches = channels * patch**2, height * width // patch**2
        x = z.unflatten(1, (patches, inside) if len(self.blocks) % 2 else (inside, patches))
        for block in reversed(self.blocks):
            x = block.inverse(x.mT.flip(1), context)  # type: ignore[operator]  # a ModuleList's are plain Modules
        pixels = F.pixel_shuffle(x.unflatten(2, (height // patch, width // patch)), patch)
        return (pixels + SPREAD / 2) * (self.config.levels / SPREAD)

    def context(self, n: int, labels: Tensor | None) -> Tensor:
        """The one-hot labels, `(n, num_classes)`."""
        return self.with_labels(torch.empty(n, 0, device=self.device), labels)
