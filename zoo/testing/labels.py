"""Checks of a conditional model, and of what an unconditional one does with labels."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from zoo.common.errors import LabelError
from zoo.evaluation import has_likelihood
from zoo.models import Autoencoder, GenerativeModel, LatentModel, Step, can_train
from zoo.sampling import draw
from zoo.testing.subject import Shortfall, conditional, require, some_data
from zoo.testing.training import train

MOST_SAMPLES = 1024  # that a label must change one of

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
    """After a few training steps of a conditional model, something depends on the label.

    That is its likelihood, its training loss, or some of up to 1,024 samples: outputs that are
    discrete may change for few of them.
    """
    if model.config.num_classes < 2:
        return
    if can_train(model):
        train(model, 10)
    model.eval()
    require(
        any(differ(model) for differ in (_likelihoods_differ, _losses_differ, _samples_differ)),
        f"with num_classes = {model.config.num_classes}, its samples are the same for every label: "
        "append labels by with_labels(), or refuse num_classes above 0 with a ConfigError",
    )


@torch.no_grad()
def _likelihoods_differ(model: GenerativeModel[Any]) -> bool:
    if not has_likelihood(model):
        return False
    samples, values = some_data(model)[0], []
    for label in (0, 1):
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(0)
            values.append(model.log_likelihood(samples, torch.full((len(samples),), label)))
    return not torch.equal(*values)


def _losses_differ(model: GenerativeModel[Any]) -> bool:
    if not can_train(model):
        return False
    samples, losses = some_data(model)[0], []
    for label in (0, 1):
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(0)
            labels = torch.full((len(samples),), label)
            objectives = model.training_step(samples, labels, Step(0, 1))
            losses.append(torch.stack([one.loss.detach().mean() for one in objectives]))
    return not torch.equal(*losses)


def _samples_differ(model: GenerativeModel[Any]) -> bool:
    for n in (4, MOST_SAMPLES):
        first, second = (draw(model, n, seed=0, labels=torch.full((n,), label)) for label in (0, 1))
        if not torch.equal(first, second):
            return True
    return False


def _ways(model: GenerativeModel[Any]) -> dict[str, Way]:
    """What takes labels, by name; sample() of a latent model goes through decode()."""

    def sample(n: int, labels: Tensor | None) -> object:
        return model.sample(n, labels, generator=torch.Generator().manual_seed(0))

    ways: dict[str, Way] = {"sample()": sample}
    if isinstance(model, LatentModel):
        ways = {"decode()": lambda n, labels: model.decode(_latents(model, n), labels)}
    if isinstance(model, Autoencoder):
        ways["encode()"] = lambda n, labels: model.encode(some_data(model, n)[0], labels)
    return ways


def _latents(model: LatentModel[Any], n: int) -> Tensor:
    """Latents of the first class, whose number may differ from that of the labels."""
    labels = torch.zeros(n, dtype=torch.int64) if model.config.num_classes else None
    return model.placed(model.sample_prior(n, torch.Generator().manual_seed(0), labels))


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
