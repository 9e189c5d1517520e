"""Models that keep the contract, and mutants of them, each broken in one way that one check is there to find."""

import itertools
import os
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal, Uniform
from torch.nn import functional as F

from zoo.models import (
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
    """A broken model, the check that finds it and words that it says; `spec` is what its ModelSpec has of its own."""

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


# Models that keep the contract


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

    def training_step(self, samples: Tensor, labels: Tensor | None, step: Step) -> Iterator[Objective]:
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
        mean, deviation = self.encoder(self.with_labels(samples.flatten(1), labels)).float().chunk(2, dim=1)
        return Independent(Normal(mean, deviation.exp()), 1)

    def likelihood(self, z: Tensor, labels: Tensor | None = None) -> Distribution:
        mean = self.decoder(self.with_labels(z, labels)).float().sigmoid().unflatten(1, (1, 2, 2))
        return Independent(Normal(mean, 0.1), 3)

    def training_step(self, samples: Tensor, labels: Tensor | None, step: Step) -> Iterator[Objective]:
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

    def training_step(self, samples: Tensor, labels: Tensor | None, step: Step) -> Iterator[Objective]:
        fake = self.decode(torch.randn(len(samples), *self.latent_shape), labels)
        loss = F.softplus(self.judge(fake.detach(), labels)) + F.softplus(-self.judge(samples, labels))
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
        self, n: int, labels: Tensor | None = None, *, generator: torch.Generator, options: Any = None
    ) -> Tensor:
        noise = torch.randn(n, 3, generator=generator).to(self.device)
        return self.over(n, labels).mean + self.scale.exp() * noise

    def log_likelihood(self, samples: Tensor, labels: Tensor | None = None, *, importance_samples: int = 1) -> Tensor:
        return self.over(len(samples), labels).log_prob(samples)

    def training_step(self, samples: Tensor, labels: Tensor | None, step: Step) -> Iterator[Objective]:
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

    def training_step(self, samples: Tensor, labels: Tensor | None, step: Step) -> Iterator[Objective]:
        yield Objective(self.loss(samples, labels), next(self.turns))


class Unlabelled(Painter):
    """Refuses classes."""

    def __init__(self, config: SmallConfig) -> None:
        super().__init__(config)
        if config.num_classes:
            raise ConfigError("make no use of labels: set num_classes=0.")


SOUND: list[tuple[type[GenerativeModel[Any]], Mapping[str, Any]]] = [
    (Painter, {}),
    (Painter, {"num_classes": 1}),
    (Coder, {"num_classes": 3}),
    (Player, {"num_classes": 2, "latent_dim": 3}),
    (Bell, {}),
    (Blank, {"num_classes": 3}),
    (Alternating, {}),
    (Unlabelled, {}),
]


# What is offered


@found_by(
    "entry_module", r"zoo_mutants_heavy imports in \d+ ms and brings in torch, numpy", entry_module="zoo_mutants_heavy"
)
class OfferedByAHeavyModule(Painter):
    """Its entry module imports torch."""


@found_by("spec", r"its plugin has a problem: .*which is no ModelSpec", entry_module="zoo_mutants_troubled")
class OfferedAmongRubbish(Painter):
    """Its plugin offers None too."""


@found_by("spec", r"has the summary '': say in a line what it is", spec={"summary": ""})
class WithoutASummary(Painter):
    """Nobody knows what it is."""


@found_by("spec", r"say in a line", spec={"summary": "one\ntwo"})
class OfTwoLines(Painter):
    """Spoils every list it is in."""


@found_by("spec", r"has the reference 'Me et al\.': give the address of the paper", spec={"reference": "Me et al."})
class WithoutAnAddress(Painter):
    """Refers to nothing that can be opened."""


@found_by(
    "capabilities", r"say capabilities=\('sample', 'decode'\)", spec={"capabilities": ("sample", "decode", "encode")}
)
class Boaster(Painter):
    """Claims an encoder."""


@found_by("capabilities", r"must be a class that derives from zoo.models.GenerativeModel")
class Stranger(nn.Module):
    """Is no GenerativeModel."""


@found_by("capabilities", r"is abstract: give it training_step")
class Unfinished(GenerativeModel[SmallConfig]):
    """Can't be trained."""

    Config = SmallConfig

    def sample(
        self, n: int, labels: Tensor | None = None, *, generator: torch.Generator, options: Any = None
    ) -> Tensor:
        return torch.zeros(n, 1, 2, 2)


@found_by("capabilities", r"its Config is builtins:dict: nest a class Config derived from zoo.models.ModelConfig")
class Loose(Painter):
    """Takes its config from a dict."""

    Config: Any = dict


@found_by("capabilities", r"its Config has width as no field: write @dataclass")
class Undecorated(Painter):
    """Its Config lacks the decorator."""

    class Config(SmallConfig):
        width: int = 3


@found_by("config", r"its config changes on the way through JSON: .*width=2\) becomes .*width=4\)")
class Grower(Painter):
    """Its config doubles each time that it is read."""

    @dataclass(frozen=True, kw_only=True)
    class Config(SmallConfig):
        width: Size = 1

        def __post_init__(self) -> None:
            super().__post_init__()
            object.__setattr__(self, "width", 2 * self.width)


@found_by("config", r"does not come back from JSON: Object of type Parameter is not JSON serializable")
class Unwritten(Painter):
    """Its config holds what JSON can't."""

    @dataclass(frozen=True, kw_only=True)
    class Config(SmallConfig):
        def to_dict(self) -> dict[str, Any]:
            return {**super().to_dict(), "latent_dim": nn.Parameter(torch.ones(()))}


@found_by("config", r"its Config takes an unknown field: leave from_dict\(\) to")
class Lenient(Painter):
    """Overlooks what it doesn't know."""

    @dataclass(frozen=True, kw_only=True)
    class Config(SmallConfig):
        @classmethod
        def from_dict(cls, values: Mapping[str, Any]) -> Self:
            return super().from_dict({key: one for key, one in values.items() if key in cls.__dataclass_fields__})


# What is drawn


class Odd(Painter):
    """A painter whose samples are changed by `spoil` after decoding."""

    def spoil(self, samples: Tensor) -> Any:
        return samples

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Any:
        return self.spoil(super().decode(z, labels))


@found_by("samples", r"asked for 1, it draws samples of shape \(1, 4\): its config says \(1, 1, 2, 2\)")
class Flat(Odd):
    def spoil(self, samples: Tensor) -> Tensor:
        return samples.flatten(1)


@found_by("samples", r"its samples are torch.float64: return .float\(\)")
class Double(Odd):
    def spoil(self, samples: Tensor) -> Tensor:
        return samples.double()


@found_by("samples", r"its images reach from \d+.* to \d+.*: end in sigmoid\(\) or clamp\(0, 1\)")
class Bright(Odd):
    def spoil(self, samples: Tensor) -> Tensor:
        return samples * 255


@found_by("samples", r"its images reach from -\d", config={"num_classes": 3})
class Dark(Odd):
    def spoil(self, samples: Tensor) -> Tensor:
        return samples * 2 - 1.5


@found_by("samples", r"its samples are not finite: look for a division by 0")
class Endless(Odd):
    def spoil(self, samples: Tensor) -> Tensor:
        return samples / 0


@found_by("samples", r"its samples are on meta, the model on cpu: make tensors with device=")
class Elsewhere(Odd):
    def spoil(self, samples: Tensor) -> Tensor:
        return samples if self.training else torch.empty(samples.shape, device="meta")


@found_by("samples", r"sample\(\) returns ndarray: it must return a tensor")
class Arrays(Odd):
    def spoil(self, samples: Tensor) -> np.ndarray[Any, Any]:
        return samples.detach().numpy()


@found_by("samples", r"asked for 1, it draws samples of shape \(2, 2\)")
class Squeezed(Odd):
    """Loses the dimension of a batch of one."""

    def spoil(self, samples: Tensor) -> Tensor:
        return samples.squeeze()


@found_by("samples", r"asked for 67, it draws samples of shape \(64, 1, 2, 2\)")
class Frugal(Odd):
    """Never makes more than 64 at once."""

    def spoil(self, samples: Tensor) -> Tensor:
        return samples[:64]


@found_by("noise", r"its samples depend on the batch size: .* let no sample depend on the others of its batch")
class Sociable(Odd):
    """Takes the mean of the batch off, like batch norm in train mode."""

    def spoil(self, samples: Tensor) -> Tensor:
        return (samples - samples.mean(0) + 0.5).clamp(0, 1)


@found_by("noise", r"its samples depend on the batch size")
class Normaliser(Painter):
    """Samples with batch norm in train mode."""

    def __init__(self, config: SmallConfig) -> None:
        super().__init__(config)
        self.norm = nn.BatchNorm1d(config.latent_dim, momentum=0, track_running_stats=False)

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().decode(self.norm(z) if len(z) > 1 else z, labels)


@found_by("noise", r"its samples depend on the start")
class Starter(Painter):
    """Remembers how many it has drawn since it was last asked for a new batch of blocks."""

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().decode(z + (len(z) == 3), labels)


@found_by("noise", r"its samples are the same for every seed: take every random number from the generator")
class Unmoved(Painter):
    """Makes no use of its latent, but for a gradient."""

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().decode(z * 0, labels)


@found_by("global_generator", r"sampling changes the global generator of torch")
class Dropper(Odd):
    """Draws from torch's generator what has no effect."""

    def spoil(self, samples: Tensor) -> Tensor:
        return samples + 0 * torch.rand(())


@found_by("global_generator", r"sampling changes the global generator of numpy, Python")
class Gambler(Odd):
    def spoil(self, samples: Tensor) -> Tensor:
        return samples + 0 * np.random.rand() + 0 * random.random()


@found_by("global_generator", r"its samples depend on torch's global generator")
class Borrower(Odd):
    """Puts torch's generator back as it was."""

    def spoil(self, samples: Tensor) -> Tensor:
        with torch.random.fork_rng(devices=()):
            return (samples + 1e-6 * torch.rand(())).clamp(0, 1)


@found_by("side_effects", r"sampling changes 'drawn': change weights and buffers while training alone")
class Counter(Painter):
    def __init__(self, config: SmallConfig) -> None:
        super().__init__(config)
        self.register_buffer("drawn", torch.zeros(()))

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        self.drawn += len(z)
        return super().decode(z, labels)


@found_by("side_effects", r"sampling changes the train flag: leave train\(\) and eval\(\) to the caller")
class Trainer(Painter):
    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        self.layer.train()
        return super().decode(z, labels)


@found_by("side_effects", r"sampling changes the labels that it is given", **LABELLED)
class Relabeller(Painter):
    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        painted = super().decode(z, labels)
        if labels is not None:
            labels.zero_()
        return painted


@found_by("side_effects", r"drawn twice with one seed, its samples differ: .* and keep no state")
class Clock(Painter):
    """Ticks at every fourth sample drawn alone, which no state dict shows."""

    def __init__(self, config: SmallConfig) -> None:
        super().__init__(config)
        self.ticks = itertools.count()

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().decode(z + (next(self.ticks) if len(z) == 4 else 0), labels)


@found_by("bf16", r"drawn in bfloat16 its samples are not finite: take logarithms, divide and sum in .float\(\)")
class Coarse(Painter):
    """Divides by 1 − 0.999, which is 0 in bfloat16."""

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        scores = self.layer(self.with_labels(z, labels))
        nearly_one = scores * 0 + 0.999
        return (scores + 1 / (1 - nearly_one)).sigmoid().unflatten(1, (1, 2, 2)) + 0 / (1 - nearly_one[0, 0])


@found_by(
    "bf16", r"drawn in bfloat16 it fails: view size is not compatible .* Use flatten\(\) or reshape\(\) for view\(\)"
)
class Viewer(Painter):
    """Views what a convolution gives, which is not contiguous in channels-last order."""

    def __init__(self, config: SmallConfig) -> None:
        super().__init__(config)
        self.convs = nn.Sequential(nn.Conv2d(1, 2, 1), nn.Conv2d(2, 2, 3, padding=1))

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        maps = self.convs(super().decode(z, labels))  # (n, 2, 2, 2)
        return maps.view(len(z), 8)[:, :4].sigmoid().float().unflatten(1, (1, 2, 2))


# What is kept


@found_by("meta", r"can't be built on torch's meta device, .*item\(\).*No .item\(\), .tolist\(\) or NumPy in __init__")
class Impatient(Painter):
    """Looks at its weights as it is built."""

    def __init__(self, config: SmallConfig) -> None:
        super().__init__(config)
        self.largest = self.layer.weight.max().item()


@found_by("meta", r"built on the meta device it spends random numbers")
class Spender(Painter):
    """Insists on a CPU."""

    def __init__(self, config: SmallConfig) -> None:
        super().__init__(config)
        self.register_buffer("noise", torch.randn(2, device="cpu"))


@found_by("meta", r"built anew it has other tensors, 'late' first: make all of them in __init__")
class Late(Painter):
    """Makes a buffer when it sees the first data."""

    def training_step(self, samples: Tensor, labels: Tensor | None, step: Step) -> Iterator[Objective]:
        self.register_buffer("late", samples.mean())
        yield from super().training_step(samples, labels, step)


@found_by("state_dict", r"training_only names 'discriminator': name submodules that the model has")
class Misnamed(Player):
    training_only = ("discriminator",)


@found_by("state_dict", r"without critic it can't sample: AttributeError: .*Correct training_only")
class Dependent(Player):
    """Samples with the help of what it says only training needs."""

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().decode(z, labels) + 0 * self.critic.bias


@found_by("state_dict", r"without critic it draws other samples: correct training_only")
class Picky(Player):
    """Shows the critic its samples, if it is there."""

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        painted = super().decode(z, labels)
        return painted / 2 if hasattr(self, "critic") else painted


@found_by("state_dict", r"it loads weights of which one lacks: leave load_state_dict\(\) alone")
class Forgiving(Painter):
    """Loads whatever fits."""

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Any:
        return super().load_state_dict(state_dict, strict=False, assign=assign)


@found_by(
    "save_and_load",
    r"saved and loaded it draws other samples: keep what sampling needs in parameters and register_buffer",
)
class Forgetful(Painter):
    """Keeps the brightness of the data in a plain number."""

    brightness = 0.1

    def training_step(self, samples: Tensor, labels: Tensor | None, step: Step) -> Iterator[Objective]:
        self.brightness = samples.mean().item()
        yield from super().training_step(samples, labels, step)

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().decode(z, labels) * self.brightness


@found_by("save_and_load", r"saved, it can't be loaded: PluginError: The tensor 'scale' is not in the state dict")
class Fleeting(Painter):
    """Has a buffer that is not persistent, and none of its state dict that only training needs."""

    def __init__(self, config: SmallConfig) -> None:
        super().__init__(config)
        self.register_buffer("scale", torch.ones(1), persistent=False)

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().decode(z * self.scale, labels)


# Labels


@found_by(
    "labels", r"it is given the label -1 with num_classes = 3, and decode\(\) takes it: call check_labels", **LABELLED
)
class Clamping(Painter):
    """Makes do with any label."""

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().decode(z, None if labels is None else labels.clamp(0, 2))


@found_by("labels", r"it is given the label 3 with num_classes = 3, and sample\(\) fails of IndexError", **LABELLED)
class Tabular(Bell):
    """Looks labels up unchecked."""

    def over(self, n: int, labels: Tensor | None) -> Distribution:
        if labels is not None and labels.min() < 0:
            self.check_labels(labels, n)
        which = torch.zeros(n, dtype=torch.int64) if labels is None else labels
        return Independent(Normal(self.mean(which), self.scale.exp()), 1)


@found_by("labels", r"it is given no labels with num_classes = 3, and decode\(\) takes it", **LABELLED)
class Guessing(Painter):
    """Draws a label where none is given."""

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        given = labels is not None or not self.config.num_classes
        return super().decode(z, labels if given else torch.zeros(len(z), dtype=torch.int64))


@found_by("labels", r"it is given the label 0 with num_classes = 0, and decode\(\) takes it: call check_labels")
class Polite(Unlabelled):
    """Takes labels that it has no use for."""

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().decode(z)


@found_by("labels", r"with num_classes = 3, encode\(\) does not take all of 0 to 2: index out of range", **LABELLED)
class Short(Coder):
    """Has room for all classes but one."""

    def __init__(self, config: SmallConfig) -> None:
        super().__init__(config)
        self.shift = nn.Embedding(max(config.num_classes - 1, 1), 4)

    def encode(self, samples: Tensor, labels: Tensor | None = None) -> Distribution:
        shift = 0 if labels is None else self.shift(labels).unflatten(1, (1, 2, 2))
        return super().encode(samples + shift, labels)


@found_by("conditioning", r"its samples are the same for every label: append labels by with_labels\(\)")
class Deaf(Painter):
    """Checks its labels, and then does without them; its config says nothing of classes."""

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        self.check_labels(labels, len(z))
        return super().decode(z, None if labels is None else torch.zeros_like(labels))


@found_by("conditioning", r"its samples are the same for every label", **LABELLED)
class Stuck(Painter):
    """Begins with weights of 0 for its labels, and never learns them."""

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        x = self.with_labels(z, labels)
        gate = torch.tensor([1.0] * self.config.latent_dim + [0.0] * self.config.num_classes)
        return self.layer(x * gate).sigmoid().unflatten(1, (1, 2, 2))


# Latents


@found_by("latents", r"prior\(\).sample\(\(2,\)\) has the shape \(2, 5\): .* it must be \(2, 2\)")
class Wide(Painter):
    """Its prior has other dimensions than it says."""

    def prior(self) -> Distribution:
        return Independent(Uniform(torch.zeros(5), torch.ones(5)), 1)

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().decode(z[:, :2], labels)


@found_by("latents", r"prior\(\) has the batch shape \(2,\) and the event shape \(\): .*wrap it in Independent\(…, 1\)")
class Apart(Painter):
    """Its prior is one of two batches."""

    def prior(self) -> Distribution:
        return Uniform(torch.zeros(2), torch.ones(2))


@found_by(
    "latents", r"encode\(\) has the batch shape \(2, 2\) and the event shape \(\): it must have \(2,\) and \(2,\)"
)
class Separate(Coder):
    """Its posterior is not independent over z."""

    def encode(self, samples: Tensor, labels: Tensor | None = None) -> Distribution:
        return super().encode(samples, labels).base_dist


@found_by("latents", r"likelihood\(\) has the batch shape \(2, 1\) and the event shape \(2, 2\)")
class Rows(Coder):
    """Its likelihood leaves the channels out."""

    def likelihood(self, z: Tensor, labels: Tensor | None = None) -> Distribution:
        return Independent(super().likelihood(z, labels).base_dist, 2)


@found_by("interpolation", r"does not end at its end points: decode\(\) must take each latent by itself")
class Following(Odd):
    """Lets the first of a batch of five show through, which no batch of another size does."""

    def spoil(self, samples: Tensor) -> Tensor:
        return (samples + samples[:1]) / 2 if len(samples) == 5 else samples


@found_by("likelihood", r"log_likelihood\(\) has the shape \(\): .* it must be \(3,\)")
class Mean(Bell):
    def log_likelihood(self, samples: Tensor, labels: Tensor | None = None, *, importance_samples: int = 1) -> Tensor:
        return super().log_likelihood(samples, labels).mean()


@found_by("likelihood", r"log_likelihood\(\) is not finite for samples in \[0, 1\]: look for a log of 0")
class Doubtful(Bell):
    """Finds everything impossible, except while it learns."""

    def log_likelihood(self, samples: Tensor, labels: Tensor | None = None, *, importance_samples: int = 1) -> Tensor:
        value = super().log_likelihood(samples, labels)
        return value if self.training else value - torch.inf


# Training


class Yielding(Painter):
    """A painter whose objective is changed by `spoil`."""

    def spoil(self, objective: Objective, step: Step) -> Any:
        return objective

    def training_step(self, samples: Tensor, labels: Tensor | None, step: Step) -> Iterator[Objective]:
        yield self.spoil(Objective(self.loss(samples, labels)), step)


@found_by("objectives", r"names the optimizer 'generator'; the parameter groups are \['model'\]")
class Stray(Yielding):
    def spoil(self, objective: Objective, step: Step) -> Objective:
        return objective._replace(optimizer="generator")


@found_by("objectives", r"no objective is for 'critic': yield one, or leave the group out")
class Idle(Player):
    """Never trains its critic."""

    def training_step(self, samples: Tensor, labels: Tensor | None, step: Step) -> Iterator[Objective]:
        yield Objective(self.loss(samples, labels), "painter")


@found_by(
    "objectives", r"the loss of 'model' has the shape \(4,\): give one value a sample, \(16,\), or their mean, \(\)"
)
class Quarters(Yielding):
    def spoil(self, objective: Objective, step: Step) -> Objective:
        return objective._replace(loss=objective.loss[:4])


@found_by("objectives", r"the metric 'losses' is no scalar: give its mean")
class Talkative(Yielding):
    def spoil(self, objective: Objective, step: Step) -> Objective:
        return objective._replace(metrics={"losses": objective.loss.detach()})


@found_by("objectives", r"training_step gives loss as float: it must be a tensor")
class Numeric(Yielding):
    def spoil(self, objective: Objective, step: Step) -> Objective:
        return objective._replace(loss=objective.loss.mean().item())  # type: ignore[arg-type]


@found_by("objectives", r"training_step yields Tensor: it must yield Objective\(loss, …\)")
class Bare(Yielding):
    def spoil(self, objective: Objective, step: Step) -> Tensor:
        return objective.loss


@found_by("objectives", r"training_step returns list: it must yield each Objective")
class Listing(Painter):
    def training_step(self, samples: Tensor, labels: Tensor | None, step: Step) -> Any:
        return list(super().training_step(samples, labels, step))


@found_by(
    "objectives", r"the loss of 'model' depends on no parameter: no detach\(\), .item\(\) or no_grad\(\) on its way"
)
class Detached(Yielding):
    def spoil(self, objective: Objective, step: Step) -> Objective:
        return objective._replace(loss=objective.loss.detach())


@found_by(
    "objectives", r"its optimizers can't be made: The parameter group 'critic' has no parameter that can be trained"
)
class Frozen(Player):
    def __init__(self, config: SmallConfig) -> None:
        super().__init__(config)
        self.critic.requires_grad_(False)


@found_by("objectives", r"its optimizers can't be made: learning_rates names \['generator'\]")
class Misled(Painter):
    recipe = TrainConfig(learning_rates={"generator": 1e-4})


@found_by("modes", r"training_step changes the grad mode for the loop: end `with` blocks before a yield")
class Blind(Yielding):
    """Yields inside no_grad()."""

    def training_step(self, samples: Tensor, labels: Tensor | None, step: Step) -> Iterator[Objective]:
        loss = self.loss(samples, labels)
        with torch.no_grad():
            yield Objective(loss)


@found_by("modes", r"training_step changes the autocast for the loop")
class Hazy(Painter):
    """Yields inside autocast."""

    def training_step(self, samples: Tensor, labels: Tensor | None, step: Step) -> Iterator[Objective]:
        with torch.autocast("cpu", torch.bfloat16):
            yield Objective(self.loss(samples, labels))


@found_by("modes", r"training_step changes the autocast for the loop")
class Exact(Coder):
    """Yields outside of autocast, which its recipe asks for."""

    def training_step(self, samples: Tensor, labels: Tensor | None, step: Step) -> Iterator[Objective]:
        with torch.autocast("cpu", enabled=False):
            yield from super().training_step(samples, labels, step)


@found_by("modes", r"training_step changes the train flag for the loop: .* put back what is set")
class Sleepy(Painter):
    """Puts itself into eval mode."""

    def training_step(self, samples: Tensor, labels: Tensor | None, step: Step) -> Iterator[Objective]:
        yield from super().training_step(samples, labels, step)
        self.layer.eval()


@found_by("gradients", r"layer.bias is in no parameter group: add them, or freeze them by requires_grad_\(False\)")
class Left(Painter):
    def parameter_groups(self) -> dict[str, Iterable[nn.Parameter]]:
        return {"model": [self.layer.weight]}


@found_by("gradients", r"spare.weight, spare.bias are of the group 'model' without a gradient: use them in its loss")
class Spare(Painter):
    """Has a layer that it makes no use of."""

    def __init__(self, config: SmallConfig) -> None:
        super().__init__(config)
        self.spare = nn.Linear(2, 2)


@found_by("gradients", r"layer.weight, layer.bias are of the group 'painter' without a gradient")
class Severed(Player):
    """Cuts its painter off from what the critic says, by which the loss depends on the critic alone."""

    def training_step(self, samples: Tensor, labels: Tensor | None, step: Step) -> Iterator[Objective]:
        for objective in super().training_step(samples, labels, step):
            yield (
                objective
                if objective.optimizer == "critic"
                else Objective(self.judge(samples, labels), "painter", adversarial=True)
            )


@found_by("training", r"20 steps take the loss of 'model' from .* to .*: it must fall")
class Still(Yielding):
    """Its gradient is 0."""

    def spoil(self, objective: Objective, step: Step) -> Objective:
        return objective._replace(loss=objective.loss.detach() + 0 * objective.loss)


@found_by("training", r"20 steps take the loss of 'model' from .* to .*: it must fall")
class Climber(Yielding):
    """Its gradient leads uphill."""

    def spoil(self, objective: Objective, step: Step) -> Objective:
        return objective._replace(loss=2 * objective.loss.detach() - objective.loss)


@found_by("training", r"at step 3 the loss of 'model' is nan: look for a log of 0")
class Brittle(Yielding):
    """Breaks down at the fourth step."""

    def spoil(self, objective: Objective, step: Step) -> Objective:
        return objective._replace(loss=objective.loss * (torch.nan if step.index == 3 else 1))


@found_by("training", r"at step \d+ the loss of 'model' is inf")
class Fragile(Yielding):
    """Breaks down once its weights have moved."""

    def __init__(self, config: SmallConfig) -> None:
        super().__init__(config)
        self.count = nn.Parameter(torch.zeros(()))

    def spoil(self, objective: Objective, step: Step) -> Objective:
        return objective._replace(loss=objective.loss + self.count + (torch.inf if self.count < -0.0105 else 0))


@found_by(
    "determinism", r"trained twice with one seed, its weights differ: take random numbers from torch's global generator"
)
class Restless(Painter):
    """Trains with noise of the system's."""

    def loss(self, samples: Tensor, labels: Tensor | None) -> Tensor:
        noise = int.from_bytes(os.urandom(2)) / 2**16
        return super().loss((samples + noise).clamp(0, 1), labels)


@found_by("determinism", r"built twice with one seed, its weights differ")
class Newborn(Painter):
    """Begins with weights of the clock's."""

    def __init__(self, config: SmallConfig) -> None:
        super().__init__(config)
        with torch.no_grad():
            self.layer.bias += time.time_ns() % 1_000_003 / 1_000_003


@found_by("determinism", r"trained twice with one seed, its samples differ")
class Aging(Painter):
    """Draws by how often any of its kind was built."""

    born = itertools.count()

    def __init__(self, config: SmallConfig) -> None:
        super().__init__(config)
        self.age = next(Aging.born) % 2 * 1e-3

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        painted = super().decode(z, labels)
        return painted if self.training else painted * (1 - self.age)
