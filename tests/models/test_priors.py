"""Priors: of one's own, that depend on the label, that give codes, as version 1 wrote them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import (
    AffineTransform,
    Categorical,
    Distribution,
    Independent,
    MultivariateNormal,
    Normal,
    TransformedDistribution,
)
from torch.nn import functional as F

from zoo.common.config import StrictConfig
from zoo.common.errors import CapabilityError, LabelError
from zoo.models import (
    Autoencoder,
    LatentModel,
    ModelConfig,
    Objective,
    Step,
    are_codes,
    mean_or_mode,
)
from zoo.models.priors import moved
from zoo.sampling import draw
from zoo.sampling.sampler import latents


class Clusters(Autoencoder["Clusters.Config"]):
    """x = z + noise, where z is near 10 y for the label y."""

    sample_kind = "array"

    @dataclass(frozen=True, kw_only=True)
    class Config(ModelConfig):
        sample_shape: tuple[int, ...] = (2,)
        num_classes: int = 3

    @dataclass(frozen=True, kw_only=True)
    class Options(StrictConfig):
        spread: float = 1.0

    def __init__(self, config: "Clusters.Config") -> None:
        super().__init__(config)
        self.latent_shape = (2,)
        self.centre = nn.Parameter(torch.tensor(10.0))

    def prior(self, labels: Tensor | None = None) -> Distribution:
        n = 0 if labels is None else len(labels)
        self.check_labels(labels, n)
        assert labels is not None
        means = (self.centre * labels.unsqueeze(1)).expand(-1, 2)
        return Independent(Normal(means, torch.ones_like(means)), 1)

    def sample_prior(
        self,
        n: int,
        generator: torch.Generator,
        labels: Tensor | None = None,
        options: Any = None,
    ) -> Tensor:
        spread = (options or self.Options()).spread
        noise = torch.randn(n, 2, generator=generator).to(self.device)
        return self.prior(labels).mean + spread * noise

    def encode(self, samples: Tensor, labels: Tensor | None = None) -> Distribution:
        return Independent(Normal(samples, torch.full_like(samples, 0.1)), 1)

    def likelihood(self, z: Tensor, labels: Tensor | None = None) -> Distribution:
        return Independent(Normal(z, torch.full_like(z, 0.1)), 1)


class Codes(LatentModel["Codes.Config"]):
    """Decodes three codes of four to themselves."""

    sample_kind = "array"

    @dataclass(frozen=True, kw_only=True)
    class Config(ModelConfig):
        sample_shape: tuple[int, ...] = (3,)

    def __init__(self, config: "Codes.Config") -> None:
        super().__init__(config)
        self.latent_shape = (3,)
        self.scale = nn.Parameter(torch.ones(()))

    def prior(self, labels: Tensor | None = None) -> Distribution:
        return Independent(Categorical(logits=torch.zeros(3, 4)), 1)

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return F.one_hot(z, 4).float().argmax(-1).float() * self.scale

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        yield Objective(self.scale**2)


class AsBefore(Codes):
    """Says its prior as version 1 of the doors did, without labels."""

    def prior(self) -> Distribution:  # type: ignore[override]  # as it was
        return Independent(Normal(torch.full((3,), 5.0), torch.ones(3)), 1)

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return z * self.scale


def clusters() -> Clusters:
    return Clusters(Clusters.Config())


@torch.no_grad()
def test_samples_come_from_the_prior_of_their_label() -> None:
    labels = torch.tensor([0, 1, 2] * 30)
    samples = draw(clusters(), 90, seed=0, labels=labels)
    assert torch.allclose(samples, 10.0 * labels.unsqueeze(1), atol=5)
    alone = draw(clusters(), 1, seed=0, start=70, labels=labels[70:71])
    assert torch.equal(alone, samples[70:71])
    z = latents(clusters(), 90, seed=0, labels=labels)
    assert torch.equal(z, samples)


@torch.no_grad()
def test_a_likelihood_goes_by_the_prior_of_the_label() -> None:
    x = torch.tensor([[10.0, 10.0]])
    right, wrong = (
        clusters().log_likelihood(x, torch.tensor([label]), importance_samples=50)
        for label in (1, 2)
    )
    assert float(right) == pytest.approx(
        2 * float(Normal(0.0, 1.01**0.5).log_prob(torch.tensor(0.0))), abs=0.2
    )
    assert float(wrong) < float(right) - 80


@torch.no_grad()
def test_options_reach_the_latents() -> None:
    labels, still = torch.tensor([2, 1]), Clusters.Options(spread=0.0)
    samples = draw(clusters(), 2, seed=0, labels=labels, options=still)
    assert samples.tolist() == [[20, 20], [10, 10]]


def test_a_prior_that_needs_a_label_refuses_to_go_without() -> None:
    with pytest.raises(LabelError, match="needs a label for each sample, 0 to 2"):
        clusters().sample_prior(2, torch.Generator())


@torch.no_grad()
def test_latents_may_be_codes() -> None:
    model = Codes(Codes.Config())
    z = model.sample_prior(200, torch.Generator().manual_seed(0))
    assert z.dtype == torch.int64 and z.unique().tolist() == [0, 1, 2, 3]
    samples = draw(model, 200, seed=0)
    assert torch.equal(samples, latents(model, 200, seed=0).float())
    with pytest.raises(CapabilityError, match="latents of Codes are codes: no line is between"):
        model.interpolate(z[:1], z[1:2], 3)


def test_of_codes_the_most_likely_stand_for_them_of_numbers_the_mean() -> None:
    codes = Independent(Categorical(probs=torch.tensor([[0.1, 0.2, 0.7], [0.5, 0.4, 0.1]])), 1)
    assert are_codes(codes) and mean_or_mode(codes).tolist() == [2, 0]
    normal = Normal(torch.tensor([1.5]), torch.tensor([2.0]))
    assert not are_codes(normal) and mean_or_mode(normal).tolist() == [1.5]


@torch.no_grad()
def test_a_prior_of_version_1_goes_on_working() -> None:
    model = AsBefore(AsBefore.Config(num_classes=2))
    labels = torch.tensor([0, 1])
    assert model.prior(labels).mean.tolist() == model.prior().mean.tolist() == [5, 5, 5]
    assert float(draw(model, 300, seed=0).mean()) == pytest.approx(5, abs=0.2)


def test_a_distribution_is_moved_with_all_its_tensors() -> None:
    normal = Normal(torch.zeros(2), torch.ones(2), validate_args=False)
    for one in (
        Independent(normal, 1, validate_args=False),
        MultivariateNormal(torch.zeros(2), torch.eye(2), validate_args=False),
        TransformedDistribution(
            normal, AffineTransform(torch.ones(2), torch.ones(2)), validate_args=False
        ),
    ):
        there = moved(one, torch.device("meta"))
        assert there.sample().is_meta and not one.sample().is_meta
        assert there.log_prob(torch.zeros(2, device="meta")).is_meta


def test_a_model_without_likelihood_or_decoder_says_what_to_write() -> None:
    class Half(Clusters):
        likelihood = Autoencoder.likelihood

    with pytest.raises(CapabilityError, match="Half has no likelihood"):
        Half(Half.Config()).decode(torch.zeros(1, 2), torch.tensor([0]))
