"""Optimizers from a recipe: one for each parameter group, with rates and clipping."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor
from torch.nn.parameter import Parameter
from torch.nn.utils import clip_grad_norm_
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

from zoo.common.compute import laid_out_as
from zoo.common.errors import ConfigError, PluginError
from zoo.models import GenerativeModel, Objective, TrainConfig
from zoo.optim.processes import average


def trainable(model: GenerativeModel[Any]) -> dict[str, list[Parameter]]:
    """The parameter groups of a model, without the parameters that are frozen."""
    groups = model.parameter_groups().items()
    return {
        name: [parameter for parameter in group if parameter.requires_grad]
        for name, group in groups
    }


def build(model: GenerativeModel[Any], settings: TrainConfig) -> dict[str, Optimizer]:
    """An optimizer for each parameter group.

    **Arguments:**
    - `model`: where its parameters are; frozen ones are left out.
    - `settings`: which optimizer, at what rates.

    **Raises:** `ConfigError` when `learning_rates`, `warmups` or `schedules` name a group that
    isn't there, or all of a group is frozen."""
    groups = trainable(model)
    if frozen := [name for name, group in groups.items() if not group]:
        raise ConfigError(
            f"The parameter group {frozen[0]!r} has no parameter that can be trained."
        )
    for field in ("learning_rates", "warmups", "schedules"):
        if unknown := sorted(set(getattr(settings, field)) - set(groups)):
            raise ConfigError(
                f"{field} names {unknown}; the parameter groups are {sorted(groups)}."
            )
    return {
        name: _optimizer(group, settings, rate(settings, name, 0, 1))
        for name, group in groups.items()
    }


def _optimizer(parameters: list[Parameter], settings: TrainConfig, first_rate: float) -> Optimizer:
    decay, (first, second) = settings.weight_decay, settings.betas
    if settings.optimizer == "sgd":
        return SGD(
            parameters, first_rate, momentum=settings.momentum, weight_decay=decay, fused=True
        )
    if settings.optimizer == "rmsprop":
        return RMSprop(parameters, first_rate, momentum=settings.momentum, weight_decay=decay)
    adam = AdamW if settings.optimizer == "adamw" else Adam
    return adam(parameters, first_rate, betas=(first, second), weight_decay=decay, fused=True)


def chosen(optimizers: Mapping[str, Optimizer], objective: object) -> Optimizer:
    """The optimizer that an objective names.

    **Raises:** `PluginError` for something that a model yields and no step can be taken on.
    """
    if not isinstance(objective, Objective):
        raise PluginError(
            f"training_step yields {type(objective).__name__}: it must yield Objective(loss, …)."
        )
    if objective.optimizer not in optimizers:
        raise PluginError(
            f"training_step names the optimizer {objective.optimizer!r}; the parameter groups are "
            f"{sorted(optimizers)}."
        )
    for what, value in {"loss": objective.loss, **objective.metrics}.items():
        if not isinstance(value, Tensor):
            raise PluginError(
                f"training_step gives {what} as {type(value).__name__}: it must be a tensor."
            )
    return optimizers[objective.optimizer]


def rate(settings: TrainConfig, group: str, step: int, total: int) -> float:
    """The learning rate of a parameter group at a step, from 0, of `total`, counted from its
    first."""
    highest = settings.learning_rates.get(group, settings.learning_rate)
    rising = settings.warmups.get(group, settings.warmup) * total  # steps
    if step < rising:
        return highest * (step + 1) / (rising + 1)
    if settings.schedules.get(group, settings.schedule) == "constant":
        return highest
    return highest * 0.5 * (1 + math.cos(math.pi * (step - rising) / (total - rising)))


def take_step(
    optimizer: Optimizer, loss: Tensor, settings: TrainConfig, accelerator: Accelerator
) -> None:
    """Minimise a loss, the mean over the processes, by one step of an optimizer.

    **Arguments:**
    - `loss`: of this process, shape `()`.
    """
    clear(optimizer)
    add_gradients(optimizer, loss)
    step(optimizer, settings, accelerator)


def clear(optimizer: Optimizer) -> None:
    """Forget the gradients of an optimizer's parameters."""
    for parameter in optimizer.param_groups[0]["params"]:
        parameter.grad = None


def add_gradients(optimizer: Optimizer, loss: Tensor) -> None:
    """Add the gradients of a loss to those of an optimizer's parameters.

    **Arguments:**
    - `loss`: of this process, or of a part of its batch, shape `()`.
    """
    # inputs: the other networks that the loss went through need no gradients. Not
    # accelerator.backward, which divides by the accumulation steps that a user's settings of
    # `accelerate launch` may hold
    loss.backward(inputs=optimizer.param_groups[0]["params"])


def step(optimizer: Optimizer, settings: TrainConfig, accelerator: Accelerator) -> None:
    """Take a step of an optimizer by the gradients that are there, averaged over the processes."""
    parameters: list[Parameter] = optimizer.param_groups[0]["params"]
    with torch.no_grad():
        if accelerator.num_processes > 1:
            average((p.grad for p in parameters if p.grad is not None), accelerator)
        for parameter in parameters:
            if parameter.grad is not None and settings.l1:
                parameter.grad.add_(parameter.sign(), alpha=settings.l1)
            if parameter.grad is not None:
                parameter.grad = laid_out_as(parameter, parameter.grad)
    if settings.max_grad_norm:
        clip_grad_norm_(parameters, settings.max_grad_norm)
    optimizer.step()


def averaging(decay: float) -> Callable[[Any, Any, Any], None]:
    """How a running average takes up new weights: its decay after n steps is min(decay, (1 + n) /
    (10 + n)).

    The decay grows so that a short training's average is not mostly the weights it began with.
    """

    @torch.no_grad()
    def update(average: list[Tensor], weights: list[Tensor], steps: Any) -> None:
        if not average[0].is_floating_point():  # buffers that count; a list is of one type
            torch._foreach_copy_(average, weights)
            return
        torch._foreach_lerp_(
            average, weights, 1 - min(decay, (1 + float(steps)) / (10 + float(steps)))
        )

    return update
