"""Mutants that can't be trained, or not as they say."""

import itertools
import os
import time
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from mutants.sound import Coder, Painter, Player, SmallConfig, found_by
from zoo.models.interface import (
    Objective,
    Step,
    TrainConfig,
)


class Yielding(Painter):
    """A painter whose objective is changed by `spoil`."""

    def spoil(self, objective: Objective, step: Step) -> Any:
        return objective

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        yield self.spoil(Objective(self.loss(samples, labels)), step)


@found_by("objectives", r"names the optimizer 'generator'; the parameter groups are \['model'\]")
class Stray(Yielding):
    def spoil(self, objective: Objective, step: Step) -> Objective:
        return objective._replace(optimizer="generator")


@found_by("objectives", r"no objective is for 'critic': yield one, or leave the group out")
class Idle(Player):
    """Never trains its critic."""

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        yield Objective(self.loss(samples, labels), "painter")


@found_by(
    "objectives",
    r"the loss of 'model' has the shape \(4,\): give one value a sample, \(16,\), or their mean, \(\)",
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
    "objectives",
    r"the loss of 'model' depends on no parameter: no detach\(\), .item\(\) or no_grad\(\) on its way",
)
class Detached(Yielding):
    def spoil(self, objective: Objective, step: Step) -> Objective:
        return objective._replace(loss=objective.loss.detach())


@found_by(
    "objectives",
    r"its optimizers can't be made: The parameter group 'critic' has no parameter that can be trained",
)
class Frozen(Player):
    def __init__(self, config: SmallConfig) -> None:
        super().__init__(config)
        self.critic.requires_grad_(False)


@found_by("objectives", r"its optimizers can't be made: learning_rates names \['generator'\]")
class Misled(Painter):
    recipe = TrainConfig(learning_rates={"generator": 1e-4})


@found_by(
    "modes", r"training_step changes the grad mode for the loop: end `with` blocks before a yield"
)
class Blind(Yielding):
    """Yields inside no_grad()."""

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        loss = self.loss(samples, labels)
        with torch.no_grad():
            yield Objective(loss)


@found_by("modes", r"training_step changes the autocast for the loop")
class Hazy(Painter):
    """Yields inside autocast."""

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        with torch.autocast("cpu", torch.bfloat16):
            yield Objective(self.loss(samples, labels))


@found_by("modes", r"training_step changes the autocast for the loop")
class Exact(Coder):
    """Yields outside of autocast, which its recipe asks for."""

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        with torch.autocast("cpu", enabled=False):
            yield from super().training_step(samples, labels, step)


@found_by("modes", r"training_step changes the train flag for the loop: .* put back what is set")
class Sleepy(Painter):
    """Puts itself into eval mode."""

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        yield from super().training_step(samples, labels, step)
        self.layer.eval()


@found_by(
    "gradients",
    r"layer.bias is in no parameter group: add them, or freeze them by requires_grad_\(False\)",
)
class Left(Painter):
    def parameter_groups(self) -> dict[str, Iterable[nn.Parameter]]:
        return {"model": [self.layer.weight]}


@found_by(
    "gradients",
    r"spare.weight, spare.bias are of the group 'model' without a gradient: use them in its loss",
)
class Spare(Painter):
    """Has a layer that it makes no use of."""

    def __init__(self, config: SmallConfig) -> None:
        super().__init__(config)
        self.spare = nn.Linear(2, 2)


@found_by("gradients", r"layer.weight, layer.bias are of the group 'painter' without a gradient")
class Severed(Player):
    """Cuts its painter off from what the critic says, by which the loss depends on the critic
    alone.
    """

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
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
        return objective._replace(
            loss=objective.loss + self.count + (torch.inf if self.count < -0.0105 else 0)
        )


@found_by(
    "determinism",
    r"trained twice with one seed, its weights differ: take random numbers from torch's global generator",
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
