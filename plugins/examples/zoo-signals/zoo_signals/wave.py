"""wave: an autoregressive model of one-dimensional signals."""

from collections.abc import Iterator
from dataclasses import dataclass
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
    TrainConfig,
    at_least_float32,
)

# the smallest standard deviation: data of 8 bits has no finer detail
LEAST = 1 / 256


class Wave(GenerativeModel["Wave.Config"]):
    """p(x) = ∏ N(x_t; μ_t, σ_t²), where μ_t and σ_t depend on x_1 … x_{t−1}.

    A small WaveNet (van den Oord et al. 2016, arXiv:1609.03499).
    """

    sample_kind = "array"
    exact_likelihood = True
    recipe = TrainConfig(
        epochs=20, batch_size=128, learning_rate=2e-3, schedule="cosine", ema_decay=0.99
    )

    @dataclass(frozen=True, kw_only=True)
    class Config(ModelConfig):
        """The sizes of the network.

        **Arguments:**
        - `channels`: channels of every layer.
        - `layers`: number of causal convolutions; a value depends on the 2^layers values before it.
        """

        sample_shape: tuple[Size, ...] = (64,)
        channels: Size = 32
        layers: Annotated[int, Bounds(1, 16)] = 6

        def __post_init__(self) -> None:
            super().__post_init__()
            if len(self.sample_shape) != 1:
                raise ConfigError(
                    "wave is for signals, with one number in sample_shape, not "
                    f"{self.sample_shape}: train it with --data sines, or on signals of your own."
                )

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.entry = nn.Conv1d(1 + config.num_classes, config.channels, 1)
        self.layers = nn.ModuleList(
            Layer(config.channels, 2**index) for index in range(config.layers)
        )
        self.head = nn.Conv1d(config.channels, 2, 1)

    def forward(self, signals: Tensor, labels: Tensor | None = None) -> Normal:
        """The distribution of each value given the values before it, for signals `(n, t)`."""
        before = F.pad(signals[:, :-1], (1, 0), value=0.5)  # silence before the signal
        h = self.entry(self.with_labels(2 * before[:, None] - 1, labels))
        for layer in self.layers:
            h = layer(h)
        mean, deviation = at_least_float32(self.head(h)).unbind(1)
        return Normal(0.5 + mean, LEAST + 0.1 * F.softplus(deviation), validate_args=False)

    def sample(
        self,
        n: int,
        labels: Tensor | None = None,
        *,
        generator: torch.Generator,
        options: Any = None,
    ) -> Tensor:
        """Draw one value after the other."""
        noise = torch.randn(n, *self.config.sample_shape, generator=generator).to(self.device)
        signals = noise[:, :0]
        for t in range(noise.shape[1]):
            # the last value is a placeholder: the model does not look at it
            value = self(torch.cat([signals, noise[:, t : t + 1]], 1), labels)
            drawn = value.mean[:, -1] + value.stddev[:, -1] * noise[:, t]
            signals = torch.cat([signals, drawn[:, None]], 1)
        return signals

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        """Minimise −log p(x), in nats per signal."""
        yield Objective(-self.log_likelihood(samples, labels))

    def log_likelihood(
        self, samples: Tensor, labels: Tensor | None = None, *, importance_samples: int = 1
    ) -> Tensor:
        """log p(x), exactly, in nats per signal, `(n,)`; the values count as real numbers."""
        log_densities: Tensor = self(samples, labels).log_prob(samples)
        return log_densities.sum(1)


class Layer(nn.Module):
    """A gated causal convolution, added to its input (arXiv:1609.03499, eq. 2)."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.gated = nn.Conv1d(channels, 2 * channels, kernel_size=2, dilation=dilation)
        self.joined = nn.Conv1d(channels, channels, 1)

    def forward(self, h: Tensor) -> Tensor:
        """`(n, channels, t)` to the same shape."""
        what, gate = self.gated(F.pad(h, (self.dilation, 0))).chunk(2, dim=1)
        added: Tensor = h + self.joined(what.tanh() * gate.sigmoid())
        return added
