"""Interfaces: labels are checked in one place, latents come from the generator that is lent, lines
are straight.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal, Uniform

from zoo.common.errors import CapabilityError, ConfigError, LabelError
from zoo.models.interface import Autoencoder, LatentModel, ModelConfig, Objective, Step, TrainConfig


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
        return (
            self.with_labels(z, labels)[:, :2]
            + self.shift
            + (0 if labels is None else labels.unsqueeze(1))
        )

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        yield Objective(self.shift**2)


class Noisy(Autoencoder["Noisy.Config"]):
    """z ~ N(0, 1) and x ~ N(z, 1), plus the label: hence x ~ N(0, 2) and z | x ~ N(x / 2, 1 / 2),
    plus the label.
    """

    sample_kind = "array"

    @dataclass(frozen=True, kw_only=True)
    class Config(ModelConfig):
        sample_shape: tuple[int, ...] = (1,)
        exact: bool = True

    def __init__(self, config: "Noisy.Config") -> None:
        super().__init__(config)
        self.latent_shape = (1,)
        self.rows: list[int] = []  # latents that were decoded at once

    def shift(self, labels: Tensor | None) -> Tensor | int:
        return 0 if labels is None else 10 * labels.unsqueeze(1)

    def encode(self, samples: Tensor, labels: Tensor | None = None) -> Distribution:
        mean = (samples - self.shift(labels)) / 2
        deviation = torch.full_like(mean, 0.5).sqrt()
        return Independent(
            Normal(mean, deviation) if self.config.exact else Normal(0.5 + mean, deviation), 1
        )

    def likelihood(self, z: Tensor, labels: Tensor | None = None) -> Distribution:
        self.rows.append(len(z))
        return Independent(Normal(z + self.shift(labels), torch.ones_like(z)), 1)

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        raise NotImplementedError  # its likelihood is known: it is never trained


class NoisyWithItsOwnPrior(Noisy):
    def prior(self) -> Distribution:
        return Independent(Normal(torch.zeros(1), torch.ones(1)), 1)


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
    line = make(num_classes=3).interpolate(
        torch.zeros(2, 2), torch.zeros(2, 2), 2, torch.tensor([1, 2])
    )
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
        (3, 7, "tensor of shape .*, not int"),
        (3, [1], "not list"),
    ],
)
def test_labels_that_do_not_fit_are_refused(classes: int, labels: Any, message: str) -> None:
    with pytest.raises(LabelError, match=message):
        make(num_classes=classes).decode(torch.zeros(1, 2), labels)


def test_a_model_without_a_likelihood_says_so() -> None:
    with pytest.raises(CapabilityError, match="Line has no likelihood"):
        make().log_likelihood(torch.zeros(1, 2))


POINTS = torch.tensor([[0.0], [1.0], [-3.0]])
EXACT = Normal(0.0, 2**0.5).log_prob(POINTS).flatten()


@pytest.mark.parametrize("draws", [1, 2, 5_000])
@pytest.mark.parametrize("model_class", [Noisy, NoisyWithItsOwnPrior])
def test_with_the_exact_posterior_the_bound_is_the_likelihood(
    model_class: type[Noisy], draws: int
) -> None:
    bound = model_class(Noisy.Config()).log_likelihood(POINTS, importance_samples=draws)
    assert torch.allclose(bound, EXACT, atol=1e-5)


def test_with_a_wrong_posterior_the_bound_rises_from_the_elbo_to_the_likelihood() -> None:
    """KL(N(m + ½, ½) ‖ N(m, ½)) = ¼ is what the ELBO is too low by."""
    torch.manual_seed(0)
    model, many = Noisy(Noisy.Config(exact=False)), POINTS[1].expand(20_000, 1)
    elbo, two, ten = (
        model.log_likelihood(many, importance_samples=draws).mean().item() for draws in (1, 2, 10)
    )
    exact = EXACT[1].item()
    assert elbo == pytest.approx(exact - 0.25, abs=0.02)
    assert elbo + 0.05 < two and two + 0.05 < ten and ten < exact
    assert model.log_likelihood(POINTS, importance_samples=20_000).tolist() == pytest.approx(
        EXACT.tolist(), abs=0.03
    )


def test_the_bound_depends_on_the_size_of_the_chunks_by_its_random_numbers_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = Noisy(Noisy.Config(exact=False))
    for rows in (1, 100, 10_000):
        monkeypatch.setattr("zoo.models.interface.ROWS", rows)
        torch.manual_seed(1)
        bound = model.log_likelihood(POINTS, importance_samples=2_000)
        assert bound.tolist() == pytest.approx(EXACT.tolist(), abs=0.1)


def test_latents_are_decoded_many_at_once_but_never_all() -> None:
    model = Noisy(Noisy.Config())
    model.log_likelihood(POINTS, importance_samples=5_000)  # of 3 points
    assert model.rows == [*[498] * 30, 60]
    model.rows.clear()
    model.log_likelihood(POINTS.repeat(2_000, 1), importance_samples=2)
    assert model.rows == [6_000, 6_000]


def test_a_bound_goes_by_each_samples_own_label() -> None:
    labels = torch.tensor([2, 0, 1])
    model = Noisy(Noisy.Config(num_classes=3))
    bound = model.log_likelihood(POINTS + 10 * labels.unsqueeze(1), labels, importance_samples=3)
    assert torch.allclose(bound, EXACT, atol=1e-4)


@pytest.mark.parametrize(
    "wrong", [{"epochs": 0}, {"precision": "fp8"}, {"learning_rate": -1.0}, {"ema_decay": 1.5}]
)
def test_a_recipe_is_held_to_its_types_and_bounds(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        TrainConfig(**wrong)
