"""What latents and the distributions of latents have in common, whatever they are."""

import copy
import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Categorical, Distribution, Independent, Transform


def are_codes(distribution: Distribution) -> bool:
    """Whether what is drawn are codes, such as those of a VQ-VAE, or tokens: a `Categorical`."""
    while isinstance(distribution, Independent):
        distribution = distribution.base_dist
    return isinstance(distribution, Categorical)


def mean_or_mode(distribution: Distribution) -> Tensor:
    """The mean of a distribution; of codes, which have no mean, the most likely ones."""
    return distribution.mode if are_codes(distribution) else distribution.mean


def drawn(distribution: Distribution, draws: int) -> Tensor:
    """Values drawn from a distribution, `(draws, n, *event_shape)`.

    Gradients flow through them where they can. Uses torch's global random numbers.
    """
    shape = torch.Size((draws,))
    return distribution.rsample(shape) if distribution.has_rsample else distribution.sample(shape)


def moved(held: Any, device: torch.device) -> Any:
    """A distribution whose tensors are on a device; modules in it stay where they are."""
    if isinstance(held, Tensor):
        return held.to(device)
    if isinstance(held, list | tuple) and type(held) in (list, tuple):
        return type(held)(moved(one, device) for one in held)
    if isinstance(held, Distribution | Transform):
        there = copy.copy(held)
        for name, value in vars(held).items():
            vars(there)[name] = moved(value, device)
        return there
    return held


def taking_labels(prior: Callable[..., Distribution]) -> Callable[..., Distribution]:
    """A model's method `prior(labels)`: one of version 1 of the doors, `prior()`, is wrapped."""
    if len(inspect.signature(prior).parameters) > 1:
        return prior

    def with_labels(self: Any, labels: Tensor | None = None) -> Distribution:
        return prior(self)

    with_labels.__doc__ = prior.__doc__
    return with_labels
