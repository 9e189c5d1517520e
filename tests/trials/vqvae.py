"""vqvae: a VQ-VAE with a learned prior, as an author of a plugin writes it in one file."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Categorical, Distribution, Independent
from torch.nn import functional as F

from zoo.models import (
    Autoencoder,
    Fraction,
    ModelConfig,
    Objective,
    Size,
    Step,
    StrictConfig,
    TrainConfig,
)

CERTAIN = 30.0  # a logit that leaves no doubt in float32


class VQVAE(Autoencoder["VQVAE.Config"]):
    """Codes in place of latents (van den Oord et al. 2017, arXiv:1711.00937), with a prior over
    them that an autoregressive network learns, for each class where there are classes.
    """

    recipe = TrainConfig(epochs=5, batch_size=64, learning_rate=2e-3)

    @dataclass(frozen=True, kw_only=True)
    class Config(ModelConfig):
        codes: Size = 32
        positions: Size = 8
        width: Size = 64
        commitment: Fraction = 0.25

    @dataclass(frozen=True, kw_only=True)
    class Options(StrictConfig):
        temperature: float = 1.0

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.latent_shape = (config.positions,)
        pixels, inside = math.prod(config.sample_shape), config.positions * config.width
        self.encoder = nn.Sequential(nn.Linear(pixels, 128), nn.ReLU(), nn.Linear(128, inside))
        self.decoder = nn.Sequential(nn.Linear(inside, 128), nn.ReLU(), nn.Linear(128, pixels))
        self.codebook = nn.Embedding(config.codes, config.width)
        self.first = nn.Embedding(max(1, config.num_classes), config.width)
        self.cell = nn.GRU(config.width, config.width, batch_first=True)
        self.head = nn.Linear(config.width, config.codes)

    def parameter_groups(self) -> dict[str, Iterable[nn.Parameter]]:
        networks = {
            "autoencoder": (self.encoder, self.decoder, self.codebook),
            "prior": (self.first, self.cell, self.head),
        }
        return {
            name: [parameter for part in parts for parameter in part.parameters()]
            for name, parts in networks.items()
        }

    def distances(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        """What the encoder says, `(n, positions, width)`, and its squared distance to each code."""
        said = self.encoder(samples.flatten(1)).unflatten(1, (-1, self.config.width)).float()
        return said, (said.unsqueeze(2) - self.codebook.weight).square().sum(3)

    def encode(self, samples: Tensor, labels: Tensor | None = None) -> Distribution:
        self.check_labels(labels, samples.shape[0])
        nearest = self.distances(samples)[1].argmin(2)
        sure = CERTAIN * F.one_hot(nearest, self.config.codes).float()
        return Independent(Categorical(logits=sure), 1)

    def likelihood(self, z: Tensor, labels: Tensor | None = None) -> Distribution:
        self.check_labels(labels, z.shape[0])
        return self.pixels(self.codebook(z))

    def pixels(self, embedded: Tensor) -> Distribution:
        logits = self.decoder(embedded.flatten(1)).float()
        shaped = logits.reshape(-1, *self.config.sample_shape)
        return Independent(Bernoulli(logits=shaped, validate_args=False), shaped.dim() - 1)

    def begin(self, n: int, labels: Tensor | None) -> Tensor:
        """What the prior's network sees in place of a code before the first, `(n, 1, width)`."""
        self.check_labels(labels, n)
        which = labels if labels is not None else torch.zeros(n, dtype=torch.int64)
        begun: Tensor = self.first(which.to(self.device))[:, None]
        return begun

    def log_prior(self, z: Tensor, labels: Tensor | None) -> Tensor:
        """log p(z | y) of codes `(n, positions)`, nats `(n,)`."""
        embedded = self.codebook(z[:, :-1]).detach()
        before = torch.cat([self.begin(z.shape[0], labels), embedded], 1)
        logits = self.head(self.cell(before)[0]).float()
        return -F.cross_entropy(logits.mT, z, reduction="none").sum(1)

    def prior(self, labels: Tensor | None = None) -> Distribution:
        return Learned(self, labels)

    def sample_prior(
        self,
        n: int,
        generator: torch.Generator,
        labels: Tensor | None = None,
        options: Any = None,
    ) -> Tensor:
        """Draw one code after the other, by noise that was drawn on the CPU."""
        heat = (options or self.Options()).temperature
        noise = torch.rand(n, *self.latent_shape, self.config.codes, generator=generator)
        gumbel = -(-noise.clamp(1e-6, 1 - 1e-6).log()).log().to(self.device)
        step, state, codes = self.begin(n, labels), None, []
        for position in range(self.config.positions):
            seen, state = self.cell(step, state)
            codes.append((self.head(seen[:, 0]).float() + heat * gumbel[:, position]).argmax(1))
            step = self.codebook(codes[-1])[:, None]
        return torch.stack(codes, 1)

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        said, distances = self.distances(samples)
        codes = distances.argmin(2)
        chosen = self.codebook(codes)
        through = said + (chosen - said).detach()  # the gradient goes straight through
        loss = -self.pixels(through).log_prob(samples)
        loss = loss + (chosen - said.detach()).square().sum((1, 2))
        loss = loss + self.config.commitment * (chosen.detach() - said).square().sum((1, 2))
        yield Objective(loss, "autoencoder")
        yield Objective(-self.log_prior(codes, labels), "prior", adversarial=True)


class Learned(Distribution):
    """p(z | y) as the model's network says it."""

    arg_constraints = {}

    def __init__(self, model: VQVAE, labels: Tensor | None) -> None:
        self.model, self.labels = model, labels
        batch = () if labels is None else labels.shape
        super().__init__(torch.Size(batch), torch.Size(model.latent_shape), validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        flat, labels = value.reshape(-1, *self.event_shape), self.labels
        repeated = None if labels is None else labels.repeat(flat.shape[0] // len(labels))
        return self.model.log_prior(flat, repeated).view(value.shape[:-1])
