"""Mutants that draw what they must not, or from where they must not."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mutants.sound import LABELLED, Painter, SmallConfig, found_by
from zoo.models.interface import GenerativeModel, Objective, Rate, Step, StrictConfig


class Odd(Painter):
    """A painter whose samples are changed by `spoil` after decoding."""

    def spoil(self, samples: Tensor) -> Any:
        return samples

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Any:
        return self.spoil(super().decode(z, labels))


@found_by(
    "samples", r"asked for 1, it draws samples of shape \(1, 4\): its config says \(1, 1, 2, 2\)"
)
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


@found_by("samples", r"its images reach from 9.* to 9")
class Overexposed(GenerativeModel[SmallConfig]):
    """Is right until it is told how to draw."""

    Config = SmallConfig

    @dataclass(frozen=True, kw_only=True)
    class Options(StrictConfig):
        light: Rate = 9.0

    def __init__(self, config: SmallConfig) -> None:
        super().__init__(config)
        self.bias = nn.Parameter(torch.zeros(()))

    def sample(
        self,
        n: int,
        labels: Tensor | None = None,
        *,
        generator: torch.Generator,
        options: Any = None,
    ) -> Tensor:
        return torch.full((n, 1, 2, 2), options.light if options else 0.5)

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        yield Objective((samples - self.bias).square().mean((1, 2, 3)))


@found_by(
    "noise",
    r"its samples depend on the batch size: .* let no sample depend on the others of its batch",
)
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


@found_by(
    "noise", r"its samples are the same for every seed: take every random number from the generator"
)
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


@found_by(
    "side_effects", r"sampling changes 'drawn': change weights and buffers while training alone"
)
class Counter(Painter):
    def __init__(self, config: SmallConfig) -> None:
        super().__init__(config)
        self.register_buffer("drawn", torch.zeros(()))

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        self.drawn += len(z)
        return super().decode(z, labels)


@found_by(
    "side_effects", r"sampling changes the train flag: leave train\(\) and eval\(\) to the caller"
)
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


@found_by(
    "bf16",
    r"drawn in bfloat16 its samples are not finite: take logarithms, divide and sum in .float\(\)",
)
class Coarse(Painter):
    """Divides by 1 − 0.999, which is 0 in bfloat16."""

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        scores = self.layer(self.with_labels(z, labels))
        nearly_one = scores * 0 + 0.999
        return (scores + 1 / (1 - nearly_one)).sigmoid().unflatten(1, (1, 2, 2)) + 0 / (
            1 - nearly_one[0, 0]
        )


@found_by(
    "bf16",
    r"drawn in bfloat16 it fails: view size is not compatible .* Use flatten\(\) or reshape\(\) for view\(\)",
)
class Viewer(Painter):
    """Views what a convolution gives, which is not contiguous in channels-last order."""

    def __init__(self, config: SmallConfig) -> None:
        super().__init__(config)
        self.convs = nn.Sequential(nn.Conv2d(1, 2, 1), nn.Conv2d(2, 2, 3, padding=1))

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        maps = self.convs(super().decode(z, labels))  # (n, 2, 2, 2)
        return maps.view(len(z), 8)[:, :4].sigmoid().float().unflatten(1, (1, 2, 2))
