"""Models that keep the contract, for mutants to be made of, and what a mutant is."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal
from torch.nn import functional as F

from zoo.models.interface import (
    Autoencoder,
    ConfigError,
    GenerativeModel,
    LatentModel,
    ModelConfig,
    Objective,
    Size,
    Step,
    TrainConfig,
)


class Mutant(NamedTuple):
    """A broken model, the check that finds it and words that it says; `spec` is what its ModelSpec
    has of its own.
    """

    model: type
    check: str
    words: str
    config: Mapping[str, Any] = {}
    spec: Mapping[str, Any] = {}
    entry_module: str = "zoo_mutants"


MUTANTS: list[Mutant] = []


def found_by(check: str, words: str, **further: Any) -> Callable[[type], type]:
    """A model that a check finds, with these words."""

    def keep(model: type) -> type:
        MUTANTS.append(Mutant(model, check, words, **further))
        return model

    return keep


LABELLED = {"config": {"num_classes": 3}}


@dataclass(frozen=True, kw_only=True)
class SmallConfig(ModelConfig):
    sample_shape: tuple[Size, ...] = (1, 2, 2)
    latent_dim: Size = 2


class Painter(LatentModel[SmallConfig]):
    """Decodes a latent, and a label, by one layer, and learns to paint the same picture from each."""

    Config = SmallConfig

    def __init__(self, config: SmallConfig) -> None:
        super().__init__(config)
        self.latent_shape = (config.latent_dim,)
        self.layer = nn.Linear(config.latent_dim + config.num_classes, 4)

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.layer(self.with_labels(z, labels)).sigmoid().unflatten(1, (1, 2, 2))

    def loss(self, samples: Tensor, labels: Tensor | None) -> Tensor:
        z = torch.randn(len(samples), *self.latent_shape)
        return (self.decode(z, labels) - samples).square().mean((1, 2, 3))

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        yield Objective(self.loss(samples, labels))


class Coder(Autoencoder[SmallConfig]):
    """A VAE of two layers and a normal likelihood, computed in bfloat16."""

    Config = SmallConfig
    recipe = TrainConfig(precision="bf16", warmup=0.1, schedule="cosine")

    def __init__(self, config: SmallConfig) -> None:
        super().__init__(config)
        self.latent_shape = (config.latent_dim,)
        self.encoder = nn.Linear(4 + config.num_classes, 2 * config.latent_dim)
        self.decoder = nn.Linear(config.latent_dim + config.num_classes, 4)

    def encode(self, samples: Tensor, labels: Tensor | None = None) -> Distribution:
        mean, deviation = (
            self.encoder(self.with_labels(samples.flatten(1), labels)).float().chunk(2, dim=1)
        )
        return Independent(Normal(mean, deviation.exp()), 1)

    def likelihood(self, z: Tensor, labels: Tensor | None = None) -> Distribution:
        mean = self.decoder(self.with_labels(z, labels)).float().sigmoid().unflatten(1, (1, 2, 2))
        return Independent(Normal(mean, 0.1), 3)

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        yield Objective(-self.log_weights(self.encode(samples, labels), 1, samples, labels)[0])


class Player(Painter):
    """A GAN whose discriminator has two steps to one of the generator."""

    training_only = ("critic",)

    def __init__(self, config: SmallConfig) -> None:
        super().__init__(config)
        self.critic = nn.Linear(4 + config.num_classes, 1)

    def parameter_groups(self) -> dict[str, Iterable[nn.Parameter]]:
        return {"critic": self.critic.parameters(), "painter": self.layer.parameters()}

    def judge(self, samples: Tensor, labels: Tensor | None) -> Tensor:
        return self.critic(self.with_labels(samples.flatten(1), labels))[:, 0]

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        fake = self.decode(torch.randn(len(samples), *self.latent_shape), labels)
        loss = F.softplus(self.judge(fake.detach(), labels)) + F.softplus(
            -self.judge(samples, labels)
        )
        yield Objective(loss, "critic", adversarial=True)
        if step.index % 2:
            yield Objective(F.softplus(-self.judge(fake, labels)), "painter", adversarial=True)


class Bell(GenerativeModel[SmallConfig]):
    """A normal distribution for each label over arrays of three numbers, with its exact likelihood."""

    sample_kind = "array"

    @dataclass(frozen=True, kw_only=True)
    class Config(SmallConfig):
        sample_shape: tuple[Size, ...] = (3,)

    def __init__(self, config: SmallConfig) -> None:
        super().__init__(config)
        self.mean = nn.Embedding(config.num_classes or 1, 3)
        self.scale = nn.Parameter(torch.zeros(3))

    def over(self, n: int, labels: Tensor | None) -> Distribution:
        self.check_labels(labels, n)
        which = torch.zeros(n, dtype=torch.int64, device=self.device) if labels is None else labels
        return Independent(Normal(self.mean(which), self.scale.exp()), 1)

    def sample(
        self,
        n: int,
        labels: Tensor | None = None,
        *,
        generator: torch.Generator,
        options: Any = None,
    ) -> Tensor:
        noise = torch.randn(n, 3, generator=generator).to(self.device)
        return self.over(n, labels).mean + self.scale.exp() * noise

    def log_likelihood(
        self, samples: Tensor, labels: Tensor | None = None, *, importance_samples: int = 1
    ) -> Tensor:
        return self.over(len(samples), labels).log_prob(samples)

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        yield Objective(-self.log_likelihood(samples, labels))


class Blank(Painter):
    """Begins with weights of 0: its first samples are all alike."""

    def __init__(self, config: SmallConfig) -> None:
        super().__init__(config)
        nn.init.zeros_(self.layer.weight)


class Alternating(Painter):
    """Learns its weight and its bias by turns, of which it keeps count itself."""

    def __init__(self, config: SmallConfig) -> None:
        super().__init__(config)
        self.turns = itertools.cycle(("weight", "bias", "weight"))

    def parameter_groups(self) -> dict[str, Iterable[nn.Parameter]]:
        return {"weight": [self.layer.weight], "bias": [self.layer.bias]}

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        yield Objective(self.loss(samples, labels), next(self.turns))


class Unlabelled(Painter):
    """Refuses classes."""

    def __init__(self, config: SmallConfig) -> None:
        super().__init__(config)
        if config.num_classes:
            raise ConfigError("make no use of labels: set num_classes=0.")


class Ready(Bell):
    """Is to sample alone."""

    training_step = GenerativeModel.training_step


SOUND: list[tuple[type[GenerativeModel[Any]], Mapping[str, Any]]] = [
    (Painter, {}),
    (Painter, {"num_classes": 1}),
    (Coder, {"num_classes": 3}),
    (Player, {"num_classes": 2, "latent_dim": 3}),
    (Bell, {}),
    (Ready, {"num_classes": 2}),
    (Blank, {"num_classes": 3}),
    (Alternating, {}),
    (Unlabelled, {}),
]
