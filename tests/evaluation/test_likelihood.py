"""Likelihoods: exact ones reproduced, bounds below them, pixels binarised once, and what latents
tell.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, MultivariateNormal, Normal, Uniform

from zoo.common.errors import DataError, LabelError
from zoo.data import Dataset, load_dataset
from zoo.evaluation import likelihood
from zoo.models.interface import Autoencoder, GenerativeModel, ModelConfig

NOISE = 0.5  # standard deviation of the pixels given the latent
SHIFTS = {"exact": 0.0, "wrong": 0.3}  # of the posterior's mean


class LinearGaussian(Autoencoder[ModelConfig]):
    """x = W z + b + noise of 4 pixels from 2 latents; its posterior is exact, or shifted, and then
    the bound is loose.

    The columns of W are orthogonal, so the exact posterior is independent over z.
    """

    Config = ModelConfig
    latent_shape = (2,)

    def __init__(self, config: ModelConfig, posterior: str = "exact") -> None:
        super().__init__(config)
        self.register_buffer(
            "w", torch.tensor([[1.0, 0.5], [1.0, -0.5], [-1.0, 0.5], [-1.0, -0.5]]) / 2
        )
        self.register_buffer("b", torch.full((4,), 0.4))
        self.shift = SHIFTS[posterior]
        self.widths = torch.tensor(1.0)

    def encode(self, samples: Tensor, labels: Tensor | None = None) -> Distribution:
        """Bishop 2006, eq. 12.42: mean M⁻¹Wᵀ(x − b), covariance σ²M⁻¹, M = WᵀW + σ²I."""
        m = (self.w.T @ self.w).diagonal() + NOISE**2
        mean = (samples.flatten(1) - self.b) @ self.w / m + self.shift
        return Independent(Normal(mean, (NOISE / m.sqrt()).expand_as(mean)), 1)

    def likelihood(self, z: Tensor, labels: Tensor | None = None) -> Distribution:
        """N(W z + b, σ²I)."""
        mean = (z @ self.w.T + self.b).view(-1, *self.config.sample_shape)
        return Independent(Normal(mean, NOISE), 3)

    def training_step(self, samples: Any, labels: Any, step: Any) -> Any:
        raise NotImplementedError  # its likelihood is known: it is never trained

    def exact(self, samples: Tensor) -> Tensor:
        """log p(x) in closed form."""
        covariance = self.w @ self.w.T + NOISE**2 * torch.eye(4)
        return MultivariateNormal(self.b, covariance).log_prob(samples.flatten(1))


SHAPE = (1, 2, 2)


def tiny(n: int = 300, labels: Tensor | None = None) -> Dataset:
    """Grey images of four pixels."""
    pixels = torch.randint(256, (n, *SHAPE), generator=torch.Generator().manual_seed(0))
    return Dataset("tiny", pixels.to(torch.uint8), labels)


def model(posterior: str = "exact", **config: Any) -> LinearGaussian:
    return LinearGaussian(ModelConfig(sample_shape=SHAPE, **config), posterior).eval()


def test_with_the_exact_posterior_elbo_and_bound_are_the_exact_likelihood() -> None:
    exact = model().exact(tiny().samples / 255)
    found = likelihood.bounds(model(), tiny(), importance_samples=7, seed=0)
    assert found["elbo"].value == pytest.approx(exact.mean().item(), abs=1e-4)
    assert found["nll"].value == pytest.approx(-exact.mean().item(), abs=1e-4)
    assert found["nll"].standard_error == pytest.approx(
        exact.std().item() / math.sqrt(300), rel=1e-4
    )


def test_with_a_wrong_posterior_the_bound_rises_with_importance_samples_and_stays_below() -> None:
    exact = model().exact(tiny().samples / 255).mean().item()
    bounds = [
        likelihood.bounds(model("wrong"), tiny(), importance_samples=k, seed=0)
        for k in (2, 20, 500)
    ]
    elbo, *nlls = bounds[0]["elbo"].value, *(one["nll"].value for one in bounds)
    assert elbo < -nlls[0] < -nlls[1] < -nlls[2] < exact + 0.01
    assert -nlls[2] == pytest.approx(exact, abs=0.02) and elbo < exact - 0.1


def test_equal_seeds_give_equal_numbers_and_the_callers_random_numbers_are_kept() -> None:
    before = torch.random.get_rng_state()
    first, again, other = (
        likelihood.bounds(model("wrong"), tiny(), importance_samples=3, seed=seed)
        for seed in (1, 1, 2)
    )
    assert first == again != other
    likelihood.seconds(model(), tiny(), importance_samples=3, seed=0)
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_model_that_knows_its_likelihood_has_no_elbo() -> None:
    class Known(GenerativeModel[ModelConfig]):
        Config = ModelConfig

        def log_likelihood(
            self, samples: Tensor, labels: Any = None, *, importance_samples: int = 1
        ) -> Tensor:
            return -samples.flatten(1).sum(1)

        sample = training_step = None  # type: ignore[assignment]  # not asked for

    known = Known(ModelConfig(sample_shape=SHAPE))
    found = likelihood.bounds(known, tiny(), importance_samples=3, seed=0)
    assert set(found) == {"nll"}
    assert found["nll"].value == pytest.approx((tiny().samples / 255).sum().item() / 300)
    assert likelihood.has_likelihood(known)


def test_which_models_have_a_likelihood() -> None:
    from conftest import make_model

    assert likelihood.has_likelihood(model()) and likelihood.has_likelihood(make_model("mlp-vae"))
    assert not likelihood.has_likelihood(make_model("mlp-gan"))


def test_the_family_of_the_pixels_is_told() -> None:
    from conftest import make_model

    assert likelihood.family(model()) == "Normal"
    assert likelihood.family(make_model("mlp-vae", num_classes=3)) == "Bernoulli"
    assert likelihood.family(make_model("mlp-gan")) == ""


def binarising(answer: bool) -> LinearGaussian:
    @dataclass(frozen=True, kw_only=True)
    class Binary(ModelConfig):
        binarize: bool = False

    return LinearGaussian(Binary(sample_shape=SHAPE, binarize=answer)).eval()  # type: ignore[arg-type]  # a config of its own


def test_pixels_are_binarised_once_by_the_seed_with_the_grey_value_as_probability() -> None:
    grey = replace(tiny(4_000), samples=torch.full((4_000, *SHAPE), 51, dtype=torch.uint8))  # 0.2
    first, again, other = (
        torch.cat([some for some, _ in likelihood.batches(binarising(True), grey, seed)])
        for seed in (1, 1, 2)
    )
    assert first.unique().tolist() == [0.0, 1.0]
    assert first.mean().item() == pytest.approx(0.2, abs=0.013)  # four standard errors
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_pixels_of_any_other_model_stay_as_they_are() -> None:
    for one in (binarising(False), model()):
        assert not likelihood.binarises(one)
        whole = torch.cat([some for some, _ in likelihood.batches(one, tiny(), 0)])
        assert torch.equal(whole, tiny().samples / 255)


def test_a_conditional_model_is_given_the_labels_of_the_images() -> None:
    labels = torch.arange(300) % 3
    given = [some for _, some in likelihood.batches(model(num_classes=3), tiny(labels=labels), 0)]
    assert torch.equal(torch.cat([one for one in given if one is not None]), labels)
    assert all(some is None for _, some in likelihood.batches(model(), tiny(labels=labels), 0))


def test_images_that_do_not_fit_the_model_are_refused() -> None:
    with pytest.raises(LabelError, match="tiny has no labels"):
        next(likelihood.batches(model(num_classes=3), tiny(), 0))
    with pytest.raises(
        DataError, match=r"takes samples of shape \(1, 2, 2\), mnist has \(1, 28, 28\)"
    ):
        next(likelihood.batches(model(), load_dataset("mnist", split="test"), 0))


def test_the_kl_of_each_latent_dimension_is_that_of_two_normal_distributions() -> None:
    _, divergences, by_dimension = likelihood.latents(model("wrong"), tiny(), seed=0)
    posterior = model("wrong").encode(tiny().samples / 255)
    mean, deviation = posterior.mean, posterior.stddev
    by_hand = (
        ((mean**2 + deviation**2 - 1) / 2 - deviation.log()).mean(0).sort(descending=True).values
    )
    assert by_dimension == pytest.approx(by_hand.tolist(), abs=1e-5)
    assert divergences["kl"].value == pytest.approx(sum(by_dimension), abs=1e-6)


def test_a_dimension_is_active_when_its_mean_varies_from_image_to_image() -> None:
    one = model()
    means = one.encode(tiny().samples / 255).mean
    assert likelihood.latents(one, tiny(), seed=0)[0].value == (means.var(0) > 0.01).sum() == 2
    one.w[:, 1] /= 100  # of the second, hardly anything is left
    assert likelihood.latents(one, tiny(), seed=0)[0].value == 1


def test_without_a_closed_form_the_kl_is_left_out() -> None:
    class Flat(LinearGaussian):
        def prior(self) -> Distribution:
            return Independent(Uniform(torch.full((2,), -3.0), torch.full((2,), 3.0)), 1)

    active, divergences, by_dimension = likelihood.latents(
        Flat(ModelConfig(sample_shape=SHAPE)), tiny(), seed=0
    )
    assert active.value == 2 and divergences == {} and by_dimension == ()


def test_the_time_is_estimated_within_a_factor_of_five() -> None:
    import time

    from conftest import make_model

    vae, data = make_model("mlp-vae", hidden_dims=(512, 512)), load_dataset("mnist", split="test")
    estimate = likelihood.seconds(vae, data, importance_samples=200, seed=0)
    began = time.perf_counter()
    likelihood.bounds(vae, data, importance_samples=200, seed=0)
    assert 1 / 5 < estimate / (time.perf_counter() - began) < 5


def wrong() -> LinearGaussian:
    return model("wrong")


def test_the_elbo_is_that_of_the_closed_form() -> None:
    """log p(x) − KL(q ‖ p(z | x)), and both posteriors are normal with equal deviations: the KL is
    half the squared distance of the means in deviations.
    """
    exact = model().exact(tiny().samples / 255)
    deviation = wrong().encode(tiny().samples / 255).stddev[0]
    divergence = ((SHIFTS["wrong"] / deviation) ** 2).sum().item() / 2
    found = likelihood.bounds(wrong(), tiny(), importance_samples=100, seed=0)["elbo"]
    assert found.value == pytest.approx(exact.mean().item() - divergence, abs=0.02)


@pytest.mark.parametrize("k", [1, 100])
def test_the_error_of_the_elbo_is_what_draws_of_images_and_latents_spread_by(k: int) -> None:
    found = []
    for seed in range(40):
        pixels = torch.randint(256, (100, *SHAPE), generator=torch.Generator().manual_seed(seed))
        data = Dataset("tiny", pixels.to(torch.uint8), None)
        found.append(likelihood.bounds(wrong(), data, importance_samples=k, seed=seed)["elbo"])
    spread = torch.tensor([one.value for one in found]).std().item()
    claimed = sum(one.standard_error or 0 for one in found) / len(found)
    assert 0.7 < claimed / spread < 1.4


def test_seeds_move_the_elbo_by_little_since_it_takes_several_latents_an_image() -> None:
    """One latent an image, as before, moves it four times as far."""
    one_each = []
    for seed in range(12):
        torch.manual_seed(seed)
        samples = tiny().samples / 255
        one_each.append(wrong().log_likelihood(samples, importance_samples=1).mean().item())
    found = [
        likelihood.bounds(wrong(), tiny(), importance_samples=1, seed=seed)["elbo"].value
        for seed in range(12)
    ]
    assert torch.tensor(found).std() < torch.tensor(one_each).std() / 2
    assert likelihood.latents_of_elbo(1) == 16 and likelihood.latents_of_elbo(500) == 501


def test_the_bound_is_that_of_version_1_to_rounding() -> None:
    """The model's own bound, after one latent that version 1 drew for the ELBO."""
    torch.manual_seed(5)
    values = []
    for samples, labels in likelihood.batches(wrong(), tiny(), 5):
        wrong().log_likelihood(samples, labels, importance_samples=1)
        values.append(wrong().log_likelihood(samples, labels, importance_samples=70))
    found = likelihood.bounds(wrong(), tiny(), importance_samples=70, seed=5)["nll"]
    assert found.value == pytest.approx(-torch.cat(values).double().mean().item(), rel=1e-6)


def test_the_effective_sample_size_is_that_by_hand_and_all_of_them_with_the_exact_posterior() -> (
    None
):
    exact = likelihood.bounds(model(), tiny(), importance_samples=50, seed=0)
    assert exact["effective_samples"] == (pytest.approx(50, rel=1e-3), None)
    few = tiny(n=40)
    torch.manual_seed(0)
    samples, labels = next(likelihood.batches(wrong(), few, 0))
    posterior = wrong().encode(samples, labels)
    wrong().log_weights(posterior, 1, samples)
    parts = [wrong().log_weights(posterior, n, samples) for n in (12, 12, 12, 12, 2)]
    weights = torch.cat(parts).double().exp()
    by_hand = weights.sum(0) ** 2 / weights.square().sum(0)
    found = likelihood.bounds(wrong(), few, importance_samples=50, seed=0)["effective_samples"]
    assert found.value == pytest.approx(by_hand.quantile(0.5).item(), rel=1e-5)
    assert 1 < found.value < 45


def test_a_model_that_knows_its_likelihood_has_no_effective_samples() -> None:
    class Known(GenerativeModel[ModelConfig]):
        Config = ModelConfig

        def log_likelihood(
            self, samples: Tensor, labels: Any = None, *, importance_samples: int = 1
        ) -> Tensor:
            return -samples.flatten(1).sum(1)

        sample = training_step = None  # type: ignore[assignment]  # not asked for

    found = likelihood.bounds(
        Known(ModelConfig(sample_shape=SHAPE)), tiny(), importance_samples=3, seed=0
    )
    assert set(found) == {"nll"}


def test_images_that_no_latent_can_have_made_have_no_effective_samples() -> None:
    class Never(LinearGaussian):
        def log_weights(self, *_: Any) -> Tensor:  # type: ignore[override,misc]
            return torch.full((2, 300), -torch.inf)[:, :250]

    few = tiny(n=250)
    found = likelihood.bounds(
        Never(ModelConfig(sample_shape=SHAPE)), few, importance_samples=2, seed=0
    )
    assert found["effective_samples"].value == 0 and found["nll"].value == math.inf
