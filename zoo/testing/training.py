"""Checks of how a model trains, by steps on one batch that are taken as `zoo train` takes them."""

import contextlib
import dataclasses
from collections.abc import Generator, Iterator
from typing import Any, NamedTuple

import torch
from accelerate import Accelerator

from zoo.common.errors import ConfigError, PluginError
from zoo.models import GenerativeModel, Objective, Step, can_train
from zoo.models.build import build
from zoo.optim import optimizers
from zoo.sampling import draw
from zoo.testing.subject import BATCH, Shortfall, require, some_data

STEPS = 20


class Taken(NamedTuple):
    """A step that was taken: where, the objective's optimizer, loss and kind, and the parameters it
    reached.
    """

    at: int
    optimizer: str
    loss: float
    adversarial: bool
    reached: frozenset[int]  # by id


def check_objectives(model: GenerativeModel[Any]) -> None:
    """training_step yields Objectives, at least one for each parameter group.

    Steps can be taken on each of them.
    """
    if not can_train(model):
        return
    named = {one.optimizer for one in train(model, STEPS, learn=False)}
    idle = sorted(set(model.parameter_groups()) - named)
    require(
        not idle,
        f"no objective is for {', '.join(map(repr, idle))}: yield one, or leave the group out",
    )


def check_modes(model: GenerativeModel[Any]) -> None:
    """Its training step leaves the modes alone.

    Grad mode, autocast and the train flag are at each yield, and after the last, what they were
    before.
    """
    if not can_train(model):
        return
    bf16 = type(model).recipe.precision == "bf16"
    for autocast in (False, True) if bf16 else (False,):
        model.train()
        with (
            torch.autocast("cpu", torch.bfloat16, enabled=autocast),
            torch.random.fork_rng(devices=()),
        ):
            before = _modes(model)
            for index in range(STEPS):
                with contextlib.closing(_objectives(model, index, STEPS)) as objectives:
                    seen = [_modes(model) for _ in objectives]
                for now in (*seen, _modes(model)):
                    changed = " and ".join(what for what in before if now[what] != before[what])
                    require(
                        not changed,
                        f"training_step changes the {changed} for the loop: end `with` blocks "
                        "before a yield, and "
                        "put back what is set",
                    )


@torch.random.fork_rng(devices=())
def check_training(model: GenerativeModel[Any], steps: int = STEPS) -> None:
    """A few steps on one batch lower its losses, and none is ever NaN or infinite.

    A loss that is marked adversarial need not fall.
    """
    if not can_train(model):
        return
    untrained = {(one.at, one.optimizer): one.loss for one in train(model, steps, learn=False)}
    taken = train(model, steps)
    first, last = ({one.optimizer: one for one in order} for order in (reversed(taken), taken))
    for name, one in last.items():
        # at the same step, if there is one: what a loss weighs may change from step to step
        began = untrained.get((one.at, name), first[name].loss)
        require(
            one.adversarial or one.loss < began,
            f"{steps} steps take the loss of {name!r} from {began:.6g} to {one.loss:.6g}: it must "
            "fall. See that its "
            "gradient is its own; that of a game is marked adversarial=True",
        )


def check_gradients(model: GenerativeModel[Any]) -> None:
    """Every parameter of a group gets a gradient.

    Every parameter that isn't frozen is in a group.
    """
    if not can_train(model):
        return
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    groups = optimizers.trainable(model)
    grouped = {id(parameter) for group in groups.values() for parameter in group}
    left = [
        names[id(one)] for one in model.parameters() if one.requires_grad and id(one) not in grouped
    ]
    require(
        not left,
        f"{_first(left)} in no parameter group: add them, or freeze them by requires_grad_(False)",
    )
    taken = train(model, STEPS)
    for name, group in groups.items():
        reached = frozenset[int]().union(*(one.reached for one in taken if one.optimizer == name))
        without = [
            names.get(id(one), "one that is no part of it")
            for one in group
            if id(one) not in reached
        ]
        require(
            not without,
            f"{_first(without)} of the group {name!r} without a gradient: use them in its loss, or "
            "leave them out",
        )


def check_determinism(model: GenerativeModel[Any]) -> None:
    """Built and trained twice with one seed on a CPU, it is the same to the bit.

    It has the same weights and draws the same samples.
    """
    first, second = (build(type(model), model.config, seed=1) for _ in range(2))
    advice = (
        "take random numbers from torch's global generator, which the loop seeds, and none from a "
        "clock or a system"
    )
    _require_equal(first, second, f"built twice with one seed, its weights differ: {advice}")
    for one in (first, second) if can_train(model) else ():
        train(one, 3)
    _require_equal(first, second, f"trained twice with one seed, its weights differ: {advice}")
    drawn = (draw(one.eval(), 4, seed=0) for one in (first, second))
    require(torch.equal(*drawn), f"trained twice with one seed, its samples differ: {advice}")


@torch.random.fork_rng(devices=())
def train(model: GenerativeModel[Any], steps: int, *, learn: bool = True) -> list[Taken]:
    """Train a model by its recipe on one batch, with the same noise at each step: losses then fall
    by no luck.

    **Arguments:**
    - `learn`: False computes the losses and takes no step.

    **Returns:** a record of each step of an optimizer, in order.

    **Raises:** `Shortfall` where no step can be taken on what the model yields.
    """
    model.train()
    recipe = dataclasses.replace(
        type(model).recipe, warmup=0.0, warmups={}, schedule="constant", schedules={}
    )
    try:
        stepping = optimizers.build(model, recipe)
    except ConfigError as error:
        raise Shortfall(f"its optimizers can't be made: {error}") from error
    accelerator, taken = Accelerator(), []
    for index in range(steps):
        torch.manual_seed(0)
        with contextlib.closing(_objectives(model, index, steps)) as objectives:
            for objective in objectives:
                loss = _loss(objective, stepping, index)
                name, reached = objective.optimizer, frozenset[int]()
                if learn:
                    optimizers.take_step(stepping[name], loss, recipe, accelerator)
                    group = stepping[name].param_groups[0]["params"]
                    reached = frozenset(
                        id(parameter) for parameter in group if parameter.grad is not None
                    )
                taken.append(Taken(index, name, loss.item(), objective.adversarial, reached))
    return taken


def _objectives(
    model: GenerativeModel[Any], index: int, total: int
) -> Generator[Objective, None, None]:
    objectives = model.training_step(*some_data(model), Step(index, total))
    kind = type(objectives).__name__
    require(
        isinstance(objectives, Iterator),
        f"training_step returns {kind}: it must yield each Objective",
    )
    try:
        yield from objectives
    finally:
        if isinstance(objectives, Generator):
            # now: what its `with` blocks changed is put back at once
            objectives.close()


def _loss(
    objective: Objective, stepping: dict[str, torch.optim.Optimizer], index: int
) -> torch.Tensor:
    """The mean of an objective's loss, if a step can be taken on it."""
    try:
        optimizers.chosen(stepping, objective)
    except PluginError as error:
        raise Shortfall(str(error)) from error
    name, shape = objective.optimizer, tuple(objective.loss.shape)
    require(
        shape in ((), (BATCH,)),
        f"the loss of {name!r} has the shape {shape}: give one value a sample, ({BATCH},), or "
        "their mean, ()",
    )
    wide = [metric for metric, value in objective.metrics.items() if value.dim()]
    require(not wide, f"the metric {wide[0] if wide else ''!r} is no scalar: give its mean")
    loss = objective.loss.mean()
    require(
        loss.requires_grad,
        f"the loss of {name!r} depends on no parameter: no detach(), .item() or no_grad() on its "
        "way",
    )
    require(
        bool(loss.isfinite()),
        f"at step {index} the loss of {name!r} is {loss.item()}: look for a log of 0, a division "
        "by 0, exp() of much",
    )
    return loss


def _modes(model: GenerativeModel[Any]) -> dict[str, Any]:
    return {
        "grad mode": torch.is_grad_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "train flag": [module.training for module in model.modules()],
    }


def _require_equal(first: GenerativeModel[Any], second: GenerativeModel[Any], message: str) -> None:
    others = second.state_dict()
    require(all(torch.equal(one, others[key]) for key, one in first.state_dict().items()), message)


def _first(names: list[str]) -> str:
    return (
        f"{', '.join(names[:3])}{', …' if len(names) > 3 else ''} "
        f"{'is' if len(names) == 1 else 'are'}"
    )
