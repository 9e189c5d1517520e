"""Whose fault an error is: the line of the plugin that it came by, and the hook that is wrong."""

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from zoo.evaluation import has_likelihood
from zoo.models import (
    Autoencoder,
    GenerativeModel,
    LatentModel,
    Objective,
    Step,
    are_codes,
    can_train,
)
from zoo.testing.subject import some_data

CORE = str(Path(__file__).parents[1])
SAID = 300  # characters of an error's own words


def explained(error: BaseException, subject: Any) -> str:
    """An error in words that its model's author can act on.

    **Arguments:**
    - `error`: what a check broke of.
    - `subject`: the model that was checked; anything else when there is none yet.

    **Returns:** the hook that gives what it must not, where one does; else the error, with the
    last line of the plugin's own code that it came by.
    """
    if isinstance(subject, GenerativeModel):
        wrong = wrong_hook(subject)
        if wrong:
            return wrong
    return in_a_line(error, subject)


def in_a_line(error: BaseException, subject: Any = None) -> str:
    """An error with the last line of the plugin's own code that it came by."""
    frame = _own_frame(traceback.extract_tb(error.__traceback__), subject)
    said = " ".join(str(error).split())[:SAID]
    start = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return f"{start} (in {frame.name}(), {frame.filename}, line {frame.lineno})"


def wrong_hook(model: GenerativeModel[Any]) -> str:
    """What the first hook of a model does that it must not; "" when each keeps its word."""
    with torch.no_grad(), torch.random.fork_rng(devices=()):
        for hook, call, wanted in _hooks(model):
            try:
                answer = call()
            except (Exception, SystemExit) as error:
                return f"{hook} breaks: {in_a_line(error, model)}"
            if lacks := _lacks(answer, wanted):
                return f"{hook} must give {wanted}; {lacks}"
    return ""


TENSOR = "a tensor"
DISTRIBUTION = "a distribution"
RSAMPLE = "a distribution with rsample, such as Independent(Normal(mean, scale), 1)"
OBJECTIVES = "at least one Objective"


def _hooks(model: GenerativeModel[Any]) -> list[tuple[str, Callable[[], Any], str]]:
    """The hooks of a model, each with a call of it and what that must give."""
    samples, labels = some_data(model, n=2)
    generator = torch.Generator().manual_seed(0)
    hooks: list[tuple[str, Callable[[], Any], str]] = []
    if isinstance(model, LatentModel):
        latents = model

        def z() -> Tensor:
            return latents.sample_prior(2, torch.Generator().manual_seed(0), labels)

        hooks += [
            ("prior()", lambda: latents.prior(labels), DISTRIBUTION),
            ("sample_prior()", lambda: latents.sample_prior(2, generator, labels), TENSOR),
            ("decode()", lambda: latents.decode(z(), labels), TENSOR),
        ]
    if isinstance(model, Autoencoder):
        encoder = model
        hooks += [("encode()", lambda: encoder.encode(samples, labels), RSAMPLE)]
        if has_likelihood(model):
            hooks += [("likelihood()", lambda: encoder.likelihood(z(), labels), DISTRIBUTION)]
    hooks += [
        ("sample()", lambda: model.sample(2, labels, generator=generator), TENSOR),
    ]
    if can_train(model):
        hooks += [("training_step()", lambda: _steps(model, samples, labels), OBJECTIVES)]
    return hooks


def _steps(model: GenerativeModel[Any], samples: Tensor, labels: Tensor | None) -> list[Any]:
    with torch.enable_grad():
        return list(model.training_step(samples, labels, Step(0, 1)))


def _lacks(answer: Any, wanted: str) -> str:
    """What an answer is, where it is not what is wanted; "" where it is."""
    gives = f"it gives {_kind(answer)}"
    if wanted == TENSOR:
        return "" if isinstance(answer, Tensor) else gives
    if wanted == OBJECTIVES:
        odd = [one for one in answer if not isinstance(one, Objective)]
        return f"it yields {_kind(odd[0])}" if odd else "" if answer else "it yields nothing"
    if not isinstance(answer, Distribution):
        return gives
    codes = are_codes(answer) and answer.event_shape
    lacks = wanted == RSAMPLE and not answer.has_rsample and not codes
    return gives if lacks else ""


def _kind(answer: Any) -> str:
    if answer is None:
        return "None"
    name = type(answer).__name__
    return f"an {name}" if name[:1].lower() in "aeio" else f"a {name}"


def _own_frame(frames: traceback.StackSummary, subject: Any) -> traceback.FrameSummary:
    """The last frame of the model's own package; else of anything but the core; else the last."""
    module = type(subject).__module__ if isinstance(subject, GenerativeModel) else ""
    package = module.partition(".")[0]
    inside = f"/{package}/" if package else "\0"
    named = [one for one in frames if inside in one.filename]
    foreign = [
        one for one in frames if not one.filename.startswith(CORE) and "/torch/" not in one.filename
    ]
    return (named or foreign or list(frames))[-1]
