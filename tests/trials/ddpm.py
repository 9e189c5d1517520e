"""ddpm: a diffusion model with classifier-free guidance, as an author writes it in one file."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import Tensor, nn

from zoo.models import (
    Bounds,
    Fraction,
    GenerativeModel,
    ModelConfig,
    Objective,
    Size,
    Step,
    StrictConfig,
    TrainConfig,
    progress,
)


class DDPM(GenerativeModel["DDPM.Config"]):
    """Ho et al. 2020, arXiv:2006.11239, with guidance by Ho & Salimans 2022, arXiv:2207.12598."""

    recipe = TrainConfig(epochs=10, batch_size=64, learning_rate=1e-3, ema_decay=0.99)
    sample_batch = 128

    @dataclass(frozen=True, kw_only=True)
    class Config(ModelConfig):
        times: Size = 100
        width: Size = 128
        unlabelled: Fraction = 0.1  # of the labels, left out in training

    @dataclass(frozen=True, kw_only=True)
    class Options(StrictConfig):
        guidance: Annotated[float, Bounds(0.0, 20.0)] = 1.0

    noise_left: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        pixels, width = math.prod(config.sample_shape), config.width
        self.enter = nn.Linear(pixels, width)
        self.time = nn.Embedding(config.times, width)
        self.label = nn.Embedding(config.num_classes + 1, width)  # the last is "no label"
        self.leave = nn.Sequential(
            nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, pixels)
        )
        angle = torch.arange(1, config.times + 1) / (config.times + 1) * math.pi / 2
        self.register_buffer("noise_left", angle if angle.is_meta else angle.cos().square())

    def forward(self, x: Tensor, t: Tensor, labels: Tensor) -> Tensor:
        """The noise in x at times t, `(n, *sample_shape)`."""
        h = self.enter(x.flatten(1)) + self.time(t) + self.label(labels)
        return self.leave(h).reshape(x.shape)  # type: ignore[no-any-return]

    def sample(
        self,
        n: int,
        labels: Tensor | None = None,
        *,
        generator: torch.Generator,
        options: Any = None,
    ) -> Tensor:
        self.check_labels(labels, n)
        strength = (options or self.Options()).guidance
        nobody = torch.full((n,), self.config.num_classes, device=self.device)
        x = torch.randn(n, *self.config.sample_shape, generator=generator).to(self.device)
        for time in progress(range(self.config.times - 1, -1, -1)):
            t = torch.full((n,), time, device=self.device)
            noise = self(x, t, nobody)
            if labels is not None and strength:
                noise = torch.lerp(noise, self(x, t, labels), strength)
            now = self.noise_left[time]
            before = self.noise_left[time - 1] if time else torch.ones_like(now)
            clean = ((x - (1 - now).sqrt() * noise) / now.sqrt()).clamp(-1, 1)
            alpha = now / before
            x = (before.sqrt() * (1 - alpha) * clean + alpha.sqrt() * (1 - before) * x) / (1 - now)
            if time:
                fresh = torch.randn(n, *self.config.sample_shape, generator=generator)
                deviation = ((1 - before) / (1 - now) * (1 - alpha)).sqrt()
                x = x + deviation * fresh.to(self.device)
        return (x.float() / 2 + 0.5).clamp(0, 1)

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        n, nobody = len(samples), self.config.num_classes
        self.check_labels(labels, n)
        given = torch.full((n,), nobody, device=samples.device) if labels is None else labels
        left_out = torch.rand(n).to(samples.device) < self.config.unlabelled
        t = torch.randint(self.config.times, (n,)).to(samples.device)
        kept = self.noise_left[t].view(-1, *[1] * (samples.dim() - 1))
        noise = torch.randn_like(samples)
        x = kept.sqrt() * (2 * samples - 1) + (1 - kept).sqrt() * noise
        predicted = self(x, t, torch.where(left_out, nobody, given))
        yield Objective((predicted - noise).float().square().flatten(1).mean(1))
