"""Checks of a conditional model, and of what an unconditional one does with labels."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from zoo.common.errors import LabelError
from zoo.models import Autoencoder, GenerativeModel, LatentModel
from zoo.sampling import draw
from zoo.testing.subject import Shortfall, conditional, require, some_data
from zoo.testing.training import train

Way = Callable[[int, Tensor | None], object]  # what a model does with n labels


def check_labels(model: GenerativeModel[Any]) -> None:
    """It takes every label there is and refuses any other, with or without classes.

    Labels that are out of range, missing or not wanted are refused.
    """
    for one in {id(one): one for one in (model, conditional(model)) if one}.values():
        classes = one.config.num_classes
        refused = (
            [torch.tensor([-1]), torch.tensor([classes]), None] if classes else [torch.tensor([0])]
        )
        taken = torch.arange(classes) if classes else None
        for name, way in _ways(one).items():
            try:
                with torch.no_grad():
                    way(classes or 1, taken)
            except (LabelError, IndexError, RuntimeError) as error:
                raise Shortfall(
                    f"with num_classes = {classes}, {name} does not take all of 0 to "
                    f"{classes - 1}: {error}"
                ) from error
            for labels in refused:
                _require_refused(name, way, labels, classes)


def check_conditioning(model: GenerativeModel[Any]) -> None:
    """After a few training steps, its samples depend on the label, if it takes labels at all."""
    one = conditional(model)
    if one is None:
        return
    train(one, 10)
    first, second = (
        draw(one.eval(), 4, seed=0, labels=torch.full((4,), label)) for label in (0, 1)
    )
    require(
        not torch.equal(first, second),
        f"with num_classes = {one.config.num_classes}, its samples are the same for every label: "
        "append labels by "
        "with_labels(), or refuse num_classes above 0 with a ConfigError",
    )


def _ways(model: GenerativeModel[Any]) -> dict[str, Way]:
    """What takes labels, by name; sample() of a latent model goes through decode()."""

    def sample(n: int, labels: Tensor | None) -> object:
        return model.sample(n, labels, generator=torch.Generator().manual_seed(0))

    ways: dict[str, Way] = {"sample()": sample}
    if isinstance(model, LatentModel):
        ways = {
            "decode()": lambda n, labels: model.decode(torch.zeros(n, *model.latent_shape), labels)
        }
    if isinstance(model, Autoencoder):
        ways["encode()"] = lambda n, labels: model.encode(some_data(model, n)[0], labels)
    return ways


def _require_refused(name: str, way: Way, labels: Tensor | None, classes: int) -> None:
    what = "no labels" if labels is None else f"the label {int(labels)}"
    advice = (
        f"with num_classes = {classes}, and {name} %s: call check_labels(labels, n) or "
        "with_labels(x, labels) in it"
    )
    try:
        with torch.no_grad():
            way(1, labels)
    except LabelError:
        return
    except Exception as error:
        failed = f"fails of {type(error).__name__}"
        raise Shortfall(f"it is given {what} {advice % failed}") from error
    raise Shortfall(f"it is given {what} {advice % 'takes it'}")
