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

# grey values come to the first block as −2 to 2, about as wide as the noise that the last one gives
SPREAD = 4.0


class Flow(GenerativeModel["Flow.Config"]):
    """An invertible map from grey values to noise, after TarFlow (Zhai et al. 2024,
    arXiv:2412.06329).

    A pixel of grey value k is spread evenly over [k, k + 1): the flow is the density of y = k + u,
    and what it draws is rounded down to k. With few grey values a cell is wide, and small errors of
    the flow end in it (as with the 5 bits of Glow: Kingma & Dhariwal 2018, arXiv:1807.03039)."""

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
        """Sizes of the network.

        **Arguments:**
        - `levels`: grey values that are told apart, black and white included.
        - `patch`: height and width of a patch, in pixels; the image's must be multiples of it.
        - `blocks`: autoregressive maps, one after the other; four go over the image in every order.
        - `width`: of each block's transformer; a multiple of `heads`.
        - `layers`: of each block's transformer.
        - `heads`: of its attention.
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
                    f"{patch}×{patch} pixels: "
                    f"it must be (channels, height, width), both multiples of patch = {patch}."
                )
            if self.width % self.heads:
                raise ConfigError(
                    f"width = {self.width} must be a multiple of heads = {self.heads}."
                )

    @dataclass(frozen=True, kw_only=True)
    class Options(StrictConfig):
        """How to draw.

        **Arguments:**
        - `temperature`: standard deviation of the noise; below 1 samples are likelier and less
        diverse."""

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
        """Draw noise, take it back through the blocks, and round it down to grey values."""
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
        """Minimise −log p(y), in nats per image, of y drawn evenly from the cell of each grey
        value.
        """
        y = self.spread(samples)
        loss = -self.log_density(y, labels)
        bits = loss.mean() / (prod(self.config.sample_shape) * math.log(2))
        yield Objective(loss, metrics={"bits_per_dim": bits})

    def log_likelihood(
        self, samples: Tensor, labels: Tensor | None = None, *, importance_samples: int = 1
    ) -> Tensor:
        """A lower bound of log P(k), k the grey values (of `levels`) next to the samples, in nats
        per sample, `(n,)`.

        P(k) = ∫ p(k + u) du over the unit cell, so log 1/K Σⱼ p(k + uⱼ) with uⱼ even in it is too
        low on average, by less the larger K (Theis et al. 2016, arXiv:1511.01844, eq. 2). p is
        exact: see `log_density`. Uses torch's global random numbers."""
        bound = samples.new_full((len(samples),), -torch.inf)
        for _ in range(importance_samples):
            bound = torch.logaddexp(bound, self.log_density(self.spread(samples), labels))
        return bound - math.log(importance_samples)

    def spread(self, samples: Tensor) -> Tensor:
        """y = k + u: the nearest grey value of each pixel, from 0, and a draw from [0, 1)."""
        return (samples * (self.config.levels - 1)).round() + torch.rand_like(samples)

    def log_density(self, y: Tensor, labels: Tensor | None = None) -> Tensor:
        """log p(y), exactly, by the change of variables: log N(z; 0, I) + log |det ∂z/∂y|.

        **Arguments:**
        - `y`: spread grey values, `(n, *sample_shape)`, 0 to `levels`.
        - `labels`: int64 `(n,)` for a conditional model.

        **Returns:** nats per image, `(n,)`.
        """
        z, log_det = self.forward(y, labels)
        log_prior: Tensor = Normal(0.0, 1.0, validate_args=False).log_prob(z).sum(1)
        return log_prior + log_det

    def forward(self, y: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Noise z `(n, pixels)` of spread grey values y `(n, *sample_shape)`, and log |det ∂z/∂y|
        `(n,)`.
        """
        context = self.context(len(y), labels)
        scale = SPREAD / self.config.levels
        x = F.pixel_unshuffle(scale * y - SPREAD / 2, self.config.patch).flatten(
            2
        )  # (n, inside, patches)
        log_det = y.new_full((len(y),), prod(self.config.sample_shape) * math.log(scale))
        for block in self.blocks:
            x, more = block(x, context)
            x, log_det = (
                x.flip(1).mT,
                log_det + more,
            )  # over the other axis next, and backwards when it is back at this
        return x.flatten(1), log_det

    def inverse(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Spread grey values `(n, *sample_shape)` of noise `(n, pixels)`."""
        context = self.context(len(z), labels)
        (channels, height, width), patch = self.config.sample_shape, self.config.patch
        inside, patches = channels * patch**2, height * width // patch**2
        x = z.unflatten(1, (patches, inside) if len(self.blocks) % 2 else (inside, patches))
        for block in reversed(self.blocks):
            x = block.inverse(x.mT.flip(1), context)  # type: ignore[operator]  # a ModuleList's are plain Modules
        pixels = F.pixel_shuffle(x.unflatten(2, (height // patch, width // patch)), patch)
        return (pixels + SPREAD / 2) * (self.config.levels / SPREAD)

    def context(self, n: int, labels: Tensor | None) -> Tensor:
        """The labels, one-hot, `(n, num_classes)`."""
        return self.with_labels(torch.empty(n, 0, device=self.device), labels)
