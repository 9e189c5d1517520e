"""What is checked: a model with fresh weights and some data for it; and how it falls short."""

import contextlib
import dataclasses
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from zoo.common.errors import ConfigError
from zoo.models import GenerativeModel, Step
from zoo.models.build import build
from zoo.registry import installed
from zoo.sampling import kind_of

BATCH = 16  # samples that checks train on
# of the conditional form of a model that is checked without labels
CLASSES = 3


class Shortfall(AssertionError):
    """A model doesn't keep the contract; the message says what it does, and what to change."""


def require(kept: bool, message: str) -> None:
    """Raise `Shortfall` with this message unless a promise is kept."""
    if not kept:
        raise Shortfall(message)


def built(name: str, config: Mapping[str, Any]) -> GenerativeModel[Any]:
    """A model that has seen some data, in eval mode.

    **Arguments:**
    - `name`: of the model, as its plugin offers it.
    - `config`: values for its Config.

    **Raises:** `NotFoundError`, `PluginError`, `ConfigError` when there is no such model, or it
    can't be built."""
    model_class = installed().model_class(name)
    return shown_data(build(model_class, model_class.Config.from_dict(config), seed=0))


def conditional(model: GenerativeModel[Any]) -> GenerativeModel[Any] | None:
    """The model itself if it has two classes or more, else one like it that has; None if it makes
    no use of labels.
    """
    if model.config.num_classes > 1:
        return model
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        try:
            return shown_data(type(model)(dataclasses.replace(model.config, num_classes=CLASSES)))
        except ConfigError:  # how a model refuses labels
            return None


def shown_data(model: GenerativeModel[Any]) -> GenerativeModel[Any]:
    """The model in eval mode, after a few training steps without an optimizer: batch norm then has
    statistics.
    """
    # the checks of training say what is wrong
    with torch.random.fork_rng(devices=()), contextlib.suppress(Exception):
        torch.manual_seed(0)
        for index in range(3):
            for _ in model.train().training_step(*some_data(model), Step(index, 3)):
                pass
    return model.eval()


def some_data(model: GenerativeModel[Any], n: int = BATCH) -> tuple[Tensor, Tensor | None]:
    """Samples, and for a conditional model labels, which take turns: values uniform in [0, 1], for
    audio in [-1, 1]; texts of random characters and lengths.
    """
    generator = torch.Generator().manual_seed(0)
    shape = (n, *model.config.sample_shape)
    kind = kind_of(model)
    samples = torch.rand(shape, generator=generator)
    if kind.name == "audio":
        samples = 2 * samples - 1
    if kind.name == "text":
        known = len(getattr(model.config, "alphabet", "a"))
        lengths = torch.randint(1, shape[1] + 1, (n, 1), generator=generator)
        samples = (1 + (known * samples).long()) * (torch.arange(shape[1]) < lengths)
    return samples, some_labels(model, n)


def some_labels(model: GenerativeModel[Any], n: int) -> Tensor | None:
    """Labels 0, 1, …, int64 `(n,)`; None for an unconditional model."""
    classes = model.config.num_classes
    return torch.arange(n) % classes if classes else None
