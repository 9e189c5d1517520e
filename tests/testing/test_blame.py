"""blame: an error of a model is told by the hook that is wrong, or the plugin's own line."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from mutants.sound import SOUND
from torch import Tensor
from torch.distributions import Categorical

from zoo.models import Autoencoder, LatentModel, Objective, Step
from zoo.testing.blame import explained, in_a_line, wrong_hook

MODELS = dict(SOUND)


def a_model(base: type) -> type:
    """A sound model of a kind, to be spoilt."""
    return next(one for one in MODELS if issubclass(one, base))


def spoilt(base: type, **methods: Any) -> Any:
    """An instance of a sound model of a kind with some methods replaced."""
    sound = a_model(base)
    made = type("Spoilt", (sound,), methods)
    return made(sound.Config(**MODELS[sound])).eval()


@pytest.mark.parametrize("model", MODELS)
def test_of_a_sound_model_no_hook_is_wrong(model: Any) -> None:
    assert wrong_hook(model(model.Config(**MODELS[model])).eval()) == ""


def test_an_encoder_without_a_distribution_is_named_with_what_was_missing() -> None:
    model = spoilt(Autoencoder, encode=lambda self, x, labels=None: x.flatten(1))
    said = explained(AttributeError("'Tensor' object has no attribute 'rsample'"), model)
    assert said.startswith("encode() must give a distribution with rsample")
    assert said.endswith("it gives a Tensor")


def test_a_distribution_that_no_gradient_flows_through_will_not_do() -> None:
    model = spoilt(Autoencoder, encode=lambda self, x, labels=None: Categorical(torch.ones(2, 3)))
    assert wrong_hook(model).endswith("it gives a Categorical")


@pytest.mark.parametrize(
    ("hook", "answer", "said"),
    [
        ("decode", None, "decode() must give a tensor; it gives None"),
        ("prior", 3, "prior() must give a distribution; it gives an int"),
        ("sample", [1], "sample() must give a tensor; it gives a list"),
    ],
)
def test_each_hook_that_gives_something_else_is_named(hook: str, answer: Any, said: str) -> None:
    model = spoilt(LatentModel, **{hook: lambda self, *given, **named: answer})
    assert wrong_hook(model) == said


def test_a_training_step_that_yields_nothing_or_a_bare_loss_is_named() -> None:
    def bare(self: Any, samples: Tensor, labels: Tensor | None, step: Step) -> Iterator[Any]:
        yield torch.zeros((), requires_grad=True)

    def silent(self: Any, samples: Tensor, labels: Any, step: Step) -> Iterator[Objective]:
        yield from ()

    start = "training_step() must give at least one Objective; it yields "
    assert wrong_hook(spoilt(LatentModel, training_step=bare)) == f"{start}a Tensor"
    assert wrong_hook(spoilt(LatentModel, training_step=silent)) == f"{start}nothing"


def test_a_hook_that_breaks_is_named_with_the_line_of_its_own_code_not_of_torch() -> None:
    def decode(self: Any, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return torch.ones(2, 3) @ torch.ones(2, 3)  # the line of this file that is to be named

    said = wrong_hook(spoilt(LatentModel, decode=decode))
    assert said.startswith("decode() breaks: RuntimeError: ")
    assert "(in decode(), " in said and "test_blame.py, line " in said and "/torch/" not in said


def test_an_error_that_no_hook_explains_is_told_by_the_last_line_of_the_plugin() -> None:
    try:
        torch.zeros(2).reshape(3)
    except RuntimeError as error:
        said = in_a_line(error)
    assert "test_blame.py, line " in said and said.startswith("RuntimeError: shape")
