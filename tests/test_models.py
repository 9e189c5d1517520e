"""Interfaces: labels are checked in one place, latents come from the generator that is lent, lines are straight."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Uniform

from zoo.errors import CapabilityError, ConfigError, LabelError
from zoo.models import LatentModel, ModelConfig, Objective, Step, TrainConfig


class Line(LatentModel["Line.Config"]):
    """Decodes a latent to itself, plus its label."""

    sample_kind = "array"

    @dataclass(frozen=True, kw_only=True)
    class Config(ModelConfig):
        sample_shape: tuple[int, ...] = (2,)

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.latent_shape = (2,)
        self.shift = nn.Parameter(torch.zeros(()))

    def prior(self) -> Distribution:
        return Independent(Uniform(torch.zeros(2), torch.ones(2)), 1)

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.with_labels(z, labels)[:, :2] + self.shift + (0 if labels is None else labels.unsqueeze(1))

    def training_step(self, samples: Tensor, labels: Tensor | None, step: Step) -> Iterator[Objective]:
        yield Objective(self.shift**2)


def make(**config: Any) -> Line:
    return Line(Line.Config(**config))


def test_an_abstract_model_cannot_be_built() -> None:
    with pytest.raises(TypeError, match="abstract"):
        LatentModel(ModelConfig())  # type: ignore[abstract]  # which is the point


def test_latents_come_from_whatever_prior_the_model_has() -> None:
    before = torch.random.get_rng_state()
    z = make().sample_prior(1000, torch.Generator().manual_seed(0))
    assert float(z.min()) >= 0 and float(z.max()) <= 1
    assert float(z.mean()) == pytest.approx(0.5, abs=0.03)
    assert torch.equal(before, torch.random.get_rng_state())


def test_the_generator_moves_on_as_it_is_used() -> None:
    generator = torch.Generator().manual_seed(0)
    first, second = make().sample_prior(3, generator), make().sample_prior(3, generator)
    assert not torch.equal(first, second)
    again = torch.Generator().manual_seed(0)
    assert torch.equal(first, make().sample_prior(3, again))


def test_an_interpolation_is_straight_and_ends_at_its_ends() -> None:
    start, end = torch.tensor([[0.0, 0.0]]), torch.tensor([[1.0, 4.0]])
    line = make().interpolate(start, end, 5)
    assert line.tolist() == [[[0, 0], [0.25, 1], [0.5, 2], [0.75, 3], [1, 4]]]


def test_an_interpolation_keeps_its_label() -> None:
    line = make(num_classes=3).interpolate(torch.zeros(2, 2), torch.zeros(2, 2), 2, torch.tensor([1, 2]))
    assert line[:, :, 0].tolist() == [[1, 1], [2, 2]]


def test_labels_are_appended_one_hot_to_features_and_to_maps() -> None:
    model, labels = make(num_classes=3), torch.tensor([2, 0])
    assert model.with_labels(torch.zeros(2, 1), labels).tolist() == [[0, 0, 0, 1], [0, 1, 0, 0]]
    maps = model.with_labels(torch.zeros(2, 1, 4, 5), labels)
    assert maps.shape == (2, 4, 4, 5)
    assert maps[0, 3].eq(1).all() and maps[1, 1].eq(1).all() and maps.sum() == 2 * 4 * 5


@pytest.mark.parametrize(
    ("classes", "labels", "message"),
    [
        (0, torch.tensor([0]), "unconditional"),
        (3, None, "needs a label for each sample, 0 to 2"),
        (3, torch.tensor([3]), "Label 3 is out of range: this model has the classes 0 to 2"),
        (3, torch.tensor([-1]), "Label -1"),
        (3, torch.tensor([0, 1]), r"shape \(1,\)"),
        (3, torch.tensor([0.0]), "int64"),
    ],
)
def test_labels_that_do_not_fit_are_refused(classes: int, labels: Tensor | None, message: str) -> None:
    with pytest.raises(LabelError, match=message):
        make(num_classes=classes).decode(torch.zeros(1, 2), labels)


def test_a_model_without_a_likelihood_says_so() -> None:
    with pytest.raises(CapabilityError, match="Line has no likelihood"):
        make().log_likelihood(torch.zeros(1, 2))


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"precision": "fp8"}, {"learning_rate": -1.0}, {"average": 1.5}])
def test_a_recipe_is_held_to_its_types_and_bounds(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        TrainConfig(**wrong)
