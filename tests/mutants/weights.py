"""Mutants that keep too little in their state dict, or too much."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from mutants.sound import Painter, Player, SmallConfig, found_by
from zoo.models.interface import (
    Objective,
    Step,
)


@found_by(
    "meta",
    r"can't be built on torch's meta device, .*item\(\).*No .item\(\), .tolist\(\) or NumPy in __init__",
)
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

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
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

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        return super().load_state_dict(state_dict, strict=False, assign=assign)


@found_by("state_dict", r"it loads weights of which one adds: leave load_state_dict\(\) alone")
class Hoarding(Painter):
    """Overlooks what it has no place for."""

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> Any:
        own = self.state_dict().keys()
        return super().load_state_dict(
            {key: state_dict[key] for key in state_dict if key in own}, assign=assign
        )


@found_by(
    "save_and_load",
    r"saved and loaded it draws other samples: keep what sampling needs in parameters and register_buffer",
)
class Forgetful(Painter):
    """Keeps the brightness of the data in a plain number."""

    brightness = 0.1

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        self.brightness = samples.mean().item()
        yield from super().training_step(samples, labels, step)

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().decode(z, labels) * self.brightness


@found_by(
    "save_and_load",
    r"saved, it can't be loaded: PluginError: The tensor 'scale' is not in the state dict",
)
class Fleeting(Painter):
    """Has a buffer that is not persistent."""

    def __init__(self, config: SmallConfig) -> None:
        super().__init__(config)
        self.register_buffer("scale", torch.ones(1), persistent=False)

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().decode(z * self.scale, labels)


@found_by(
    "save_and_load",
    r"saved, it can't be loaded: PluginError: The tensor 'critic.scale' is not in the state dict",
)
class Careless(Player):
    """Has a buffer that is not persistent in what only training needs."""

    def __init__(self, config: SmallConfig) -> None:
        super().__init__(config)
        self.critic.register_buffer("scale", torch.ones(1), persistent=False)
