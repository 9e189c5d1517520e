"""Likelihoods and objectives of a VAE against closed forms, numbers by hand, and other libraries."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from conftest import make_model
from torch import Tensor
from torch.distributions import Distribution, Independent, MultivariateNormal, Normal, kl_divergence
from zoo_vae.likelihoods import ContinuousBernoulli
from zoo_vae.objectives import importance_weighted_bound, kl_to_prior, warm_up, with_free_bits
from zoo_vae.vae import VAE, VAEConfig

from zoo.common.errors import ConfigError
from zoo.models.interface import Objective, Step

FIRST = Step(0, 1)
SIGMA = 0.5
LOADING = torch.tensor(
    [[1.0, 0.5], [1.0, -0.5], [-1.0, 0.5], [-1.0, -0.5]]
)  # (pixels, latents): orthogonal columns
BIAS = torch.tensor([0.1, 0.2, 0.3, 0.4])


class PPCA(VAE["PPCA.Config"]):
    """Probabilistic PCA (Tipping & Bishop 1999): its posterior is known, and factorised for
    orthogonal columns.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(VAEConfig):
        sample_shape: tuple[int, ...] = (1, 2, 2)
        shift: float = 0.0  # how far the encoder's mean is off

    def __init__(self, **config: Any) -> None:
        super().__init__(self.Config(**config))
        self.latent_shape = (2,)

    def encoder_output(self, samples: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
        precision = (LOADING**2).sum(0) + SIGMA**2  # the diagonal of M = WᵀW + σ²I
        mean = (samples.flatten(1) - BIAS) @ LOADING / precision
        return mean + self.config.shift, (SIGMA**2 / precision).log().expand(len(samples), 2)

    def decoder_output(self, z: Tensor, labels: Tensor | None) -> Tensor:
        return (z @ LOADING.T + BIAS).unflatten(1, (1, 2, 2))

    def likelihood(self, z: Tensor, labels: Tensor | None = None) -> Distribution:
        return Independent(Normal(self.decoder_output(z, labels), SIGMA), 3)


PPCA_SAMPLES = torch.linspace(-1, 2, 12).view(3, 1, 2, 2)
PPCA_EXACT = MultivariateNormal(BIAS, LOADING @ LOADING.T + SIGMA**2 * torch.eye(4)).log_prob(
    PPCA_SAMPLES.flatten(1)
)


class Told(VAE["Told.Config"]):
    """Its decoder says the logits that it was told; what its encoder was shown is kept."""

    @dataclass(frozen=True, kw_only=True)
    class Config(VAEConfig):
        sample_shape: tuple[int, ...] = (1, 1, 3)

    def __init__(self, logits: Tensor, **config: Any) -> None:
        super().__init__(self.Config(**config))
        self.latent_shape = (1,)
        self.logits = torch.nn.Parameter(logits)
        self.shown: list[Tensor] = []

    def encoder_output(self, samples: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
        self.shown.append(samples)
        return samples.new_full((len(samples), 1), 0.3), samples.new_full((len(samples), 1), -0.5)

    def decoder_output(self, z: Tensor, labels: Tensor | None) -> Tensor:
        return self.logits.expand(len(z), *self.config.sample_shape)


TOLD_KL = 0.5 * (0.3**2 + math.exp(-0.5) - 1 + 0.5)  # of N(0.3, e^-½) from N(0, 1)


def step(model: VAE[Any], samples: Tensor, at: Step = FIRST) -> Objective:
    (objective,) = model.training_step(samples, None, at)
    return objective


def without_reconstruction(model: Told, samples: Tensor, at: Step = FIRST) -> float:
    """What is left of the loss when the reconstruction is taken away."""
    objective = step(model, samples, at)
    return (objective.loss.mean() - objective.metrics["reconstruction"]).item()


def test_the_elbo_of_probabilistic_pca_with_its_exact_posterior_is_its_likelihood() -> None:
    torch.manual_seed(0)
    losses = step(PPCA(), PPCA_SAMPLES.repeat(20_000, 1, 1, 1)).loss.view(20_000, 3)
    error = losses.std(0) / 20_000**0.5  # of one z each
    assert ((-losses.mean(0) - PPCA_EXACT).abs() < 4 * error).all() and error.max() < 0.02


@pytest.mark.parametrize("draws", [2, 8])
def test_the_importance_weighted_bound_with_the_exact_posterior_is_the_likelihood_whatever_is_drawn(
    draws: int,
) -> None:
    objective = step(PPCA(importance_samples=draws), PPCA_SAMPLES)
    assert torch.allclose(-objective.loss, PPCA_EXACT, atol=1e-4)
    elbo = -(objective.metrics["reconstruction"] + objective.metrics["kl"])
    assert elbo.item() == pytest.approx(PPCA_EXACT.mean().item(), abs=1e-4)
    assert torch.allclose(
        PPCA().log_likelihood(PPCA_SAMPLES, importance_samples=draws), PPCA_EXACT, atol=1e-4
    )


def test_with_a_wrong_posterior_the_objective_rises_with_the_draws_towards_the_likelihood() -> None:
    torch.manual_seed(0)
    many = PPCA_SAMPLES[:1].expand(10_000, 1, 2, 2)
    bounds = [
        -step(PPCA(shift=0.2, importance_samples=draws), many).loss.mean().item()
        for draws in (1, 2, 8, 32)
    ]
    assert bounds == sorted(bounds)
    exact = PPCA_EXACT[0].item()
    posterior, truth = PPCA(shift=0.2).encode(many[:1]), PPCA().encode(many[:1])
    gap = kl_divergence(posterior.base_dist, truth.base_dist).sum().item()  # type: ignore[attr-defined]  # Independent
    assert bounds[0] == pytest.approx(exact - gap, abs=0.03)
    assert exact - 0.05 < bounds[-1] < exact


def test_the_kl_of_each_dimension_is_that_of_the_library() -> None:
    mean, deviation = torch.randn(5, 2, 3), torch.rand(5, 2, 3) + 0.1
    expected = kl_divergence(
        Normal(mean, deviation), Normal(torch.zeros(5, 2, 3), torch.ones(5, 2, 3))
    )
    assert torch.allclose(kl_to_prior(mean, deviation), expected.flatten(1), atol=1e-5)


def test_the_kl_of_a_deviation_whose_square_is_zero_is_a_number() -> None:
    deviation = torch.tensor([[1e-30]], requires_grad=True)
    kl = kl_to_prior(torch.zeros(1, 1), deviation)
    assert (deviation**2).item() == 0 and kl.item() == pytest.approx(-0.5 + 30 * math.log(10))
    kl.sum().backward()
    assert deviation.grad is not None and deviation.grad.item() == pytest.approx(-1e30)


def test_the_importance_weighted_bound_is_the_logarithm_of_the_mean_weight() -> None:
    weights = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 12.0]])
    assert importance_weighted_bound(weights.log()).exp().tolist() == pytest.approx([3.0, 6.0])


def test_a_bernoulli_likelihood_is_the_cross_entropy_by_hand() -> None:
    model = Told(torch.tensor([1 / 3, 1.0, 3.0]).log())  # probabilities ¼, ½, ¾
    z = torch.zeros(2, 1)
    samples = torch.tensor([[1.0, 0.0, 1.0], [0.0, 1.0, 0.5]]).view(2, 1, 1, 3)
    black_or_white = math.log(1 / 4) + math.log(1 / 2) + math.log(3 / 4)
    grey = math.log(3 / 4) + math.log(1 / 2) + 0.5 * math.log(3 / 4) + 0.5 * math.log(1 / 4)
    assert model.likelihood(z).log_prob(samples).tolist() == pytest.approx([black_or_white, grey])
    assert model.decode(z)[0].flatten().tolist() == pytest.approx([1 / 4, 1 / 2, 3 / 4])


def test_a_gaussian_likelihood_of_variance_one_half_is_the_squared_error_and_a_constant() -> None:
    model = Told(torch.tensor([0.0, 1.0, -2.0]), likelihood="gaussian", sigma=0.5**0.5)
    z, samples = torch.zeros(4, 1), torch.rand(4, 1, 1, 3)
    squared_error = (samples - model.decode(z)).square().sum((1, 2, 3))
    assert torch.allclose(
        -model.likelihood(z).log_prob(samples), squared_error + 1.5 * math.log(math.pi)
    )
    assert model.decode(z)[0, 0, 0, 1].item() == pytest.approx(1 / (1 + math.exp(-1)))


LOGITS = torch.tensor(
    [-16.0, -5.0, -0.31, -0.29, 0.0, 1e-3, 0.3, 2.0, 12.0, 16.0], dtype=torch.float64
)


def test_a_continuous_bernoulli_density_integrates_to_one_and_to_its_mean() -> None:
    x = torch.linspace(0, 1, 20_001, dtype=torch.float64).unsqueeze(1)
    distribution = ContinuousBernoulli(logits=LOGITS, validate_args=False)
    density = distribution.log_prob(x).exp()
    assert torch.trapezoid(density, x, dim=0).tolist() == pytest.approx(
        [1.0] * len(LOGITS), abs=1e-6
    )
    assert torch.trapezoid(x * density, x, dim=0).tolist() == pytest.approx(
        distribution.mean.tolist(), abs=1e-6
    )


def test_a_continuous_bernoulli_held_down_integrates_to_less_than_one() -> None:
    x = torch.linspace(0, 1, 20_001, dtype=torch.float64).unsqueeze(1)
    logits = torch.tensor([-40.0, -20.0, 17.0, 64.0], dtype=torch.float64)
    density = ContinuousBernoulli(logits=logits, validate_args=False).log_prob(x).exp()
    assert torch.trapezoid(density, x, dim=0).tolist() == pytest.approx(
        [16 / abs(a) for a in logits.tolist()], rel=1e-5
    )


def test_a_continuous_bernoulli_in_float32_is_the_librarys_in_float64() -> None:
    logits, x = torch.linspace(-16, 16, 1001).unsqueeze(1), torch.linspace(0, 1, 11)
    ours = ContinuousBernoulli(logits=logits, validate_args=False)
    theirs = torch.distributions.ContinuousBernoulli(logits=logits.double())
    assert torch.allclose(ours.log_prob(x).double(), theirs.log_prob(x.double()), atol=5e-6)
    assert torch.allclose(ours.mean.double(), theirs.mean, atol=1e-6)


def test_a_continuous_bernoullis_gradients_are_finite_and_right() -> None:
    logits = torch.tensor([-1e4, -15.0, -0.3, 0.0, 1e-6, 0.3, 15.0, 1e4], requires_grad=True)
    distribution = ContinuousBernoulli(logits=logits, validate_args=False)
    (slope,) = torch.autograd.grad(distribution.log_prob(torch.full((8,), 0.25)).sum(), logits)
    assert torch.allclose(
        slope[1:-1], 0.25 - distribution.mean[1:-1], atol=1e-5
    )  # of an exponential family: x − E[x]
    assert slope[[0, -1]].tolist() == pytest.approx(
        [0.25, 0.25 - 1]
    )  # drawn back to where the density is one
    (curvature,) = torch.autograd.grad(distribution.mean.sum(), logits)
    assert curvature.isfinite().all() and curvature[3].item() == pytest.approx(1 / 12)


def test_a_continuous_bernoulli_likelihood_is_the_cross_entropy_and_its_constant_by_hand() -> None:
    """C(λ) = 2 artanh(1 − 2λ) / (1 − 2λ), and 2 at λ = ½ (Loaiza-Ganem & Cunningham 2019)."""
    model = Told(
        torch.tensor([1 / 3, 1.0, 3.0]).log(), likelihood="continuous-bernoulli"
    )  # λ = ¼, ½, ¾
    value = model.likelihood(torch.zeros(1, 1)).log_prob(
        torch.tensor([1.0, 0.0, 0.5]).view(1, 1, 1, 3)
    )
    constants = [2 * math.atanh(0.5) / 0.5, 2.0, 2 * math.atanh(0.5) / 0.5]
    cross_entropy = (
        -math.log(1 / 4) - math.log(1 / 2) - 0.5 * math.log(3 / 4) - 0.5 * math.log(1 / 4)
    )
    assert value.item() == pytest.approx(sum(map(math.log, constants)) - cross_entropy, rel=1e-5)


def test_a_continuous_bernoulli_stays_a_bounded_density_where_pixels_are_black() -> None:
    model = Told(torch.tensor([-17.0, -100.0, -1e6]), likelihood="continuous-bernoulli")
    assert model.decode(torch.zeros(1, 1)).flatten().tolist() == pytest.approx(
        [0.0625] * 3, abs=1e-6
    )
    assert (
        model.likelihood(torch.zeros(1, 1)).log_prob(torch.zeros(1, 1, 1, 3)).item()
        <= 3 * math.log(16) + 1e-5
    )


@pytest.mark.parametrize(
    ("index", "factor"), [(0, 0.0), (10, 0.25), (20, 0.5), (40, 1.0), (99, 1.0)]
)
def test_beta_rises_linearly_over_its_share_of_the_training(index: int, factor: float) -> None:
    at, samples = Step(index, 100), torch.rand(4, 1, 1, 3)
    assert warm_up(at, 0.4) == pytest.approx(factor)
    model = Told(torch.zeros(3), beta=3.0, beta_warmup=0.4)
    assert without_reconstruction(model, samples, at) == pytest.approx(
        3 * factor * step(model, samples).metrics["kl"].item(), abs=1e-5
    )


def test_without_a_warm_up_beta_counts_from_the_first_step() -> None:
    assert warm_up(Step(0, 100), 0.0) == 1
    model = Told(torch.zeros(3), beta=2.0)
    assert without_reconstruction(model, torch.rand(4, 1, 1, 3)) == pytest.approx(
        2 * TOLD_KL, abs=1e-5
    )


def test_free_bits_are_charged_in_full_below_the_threshold_of_a_dimensions_mean() -> None:
    kl = torch.tensor([[0.1, 2.0], [0.5, 1.0]], requires_grad=True)  # means 0.3 and 1.5
    assert with_free_bits(kl, 0.5).tolist() == [2.5, 1.5]
    with_free_bits(kl, 0.5).mean().backward()
    assert kl.grad is not None and kl.grad.tolist() == [[0.0, 0.5], [0.0, 0.5]]
    assert with_free_bits(kl, 1.6).mean().item() == pytest.approx(3.2)
    assert with_free_bits(kl, 0.0).tolist() == pytest.approx([2.1, 1.5])


def test_free_bits_change_the_loss_and_not_the_report() -> None:
    model, samples = Told(torch.zeros(3), free_bits=4.0), torch.rand(4, 1, 1, 3)
    assert without_reconstruction(model, samples) == pytest.approx(4.0, abs=1e-5)
    assert step(model, samples).metrics["kl"].item() == pytest.approx(TOLD_KL, abs=1e-5)


def test_pixels_are_made_binary_anew_each_time_with_their_grey_values_as_probabilities() -> None:
    model = Told(torch.zeros(3), binarize=True)
    samples = torch.tensor([0.0, 0.3, 1.0]).expand(20_000, 1, 1, 3)
    torch.manual_seed(0)
    step(model, samples), step(model, samples)
    first, second = (shown.view(-1, 3) for shown in model.shown)
    assert set(first.unique().tolist()) == {0.0, 1.0}
    assert not torch.equal(first, second)
    assert first.mean(0).tolist() == pytest.approx([0.0, 0.3, 1.0], abs=0.015)


def test_outside_of_training_samples_are_taken_as_they_are() -> None:
    model = Told(torch.zeros(3), binarize=True)
    grey = torch.full((2, 1, 1, 3), 0.4)
    model.log_likelihood(grey), model.reconstruct(grey)
    assert all(torch.equal(shown, grey) for shown in model.shown)


@pytest.mark.parametrize("likelihood", ["bernoulli", "continuous-bernoulli", "gaussian"])
@pytest.mark.parametrize("draws", [1, 4])
@pytest.mark.parametrize("size", [1.0, 1e4])
def test_under_bf16_the_loss_is_float32_and_its_gradients_are_finite(
    likelihood: str, draws: int, size: float
) -> None:
    model = make_model(
        "mlp-vae", hidden_dims=(8,), latent_dim=2, likelihood=likelihood, importance_samples=draws
    )
    model.decoder[-1].weight.data *= size  # logits in the thousands
    samples = torch.rand(6, 1, 28, 28)
    with torch.autocast("cpu", torch.bfloat16):
        objective = step(model, samples)
    objective.loss.mean().backward()
    assert (
        objective.loss.shape == (6,)
        and objective.loss.dtype == torch.float32
        and objective.loss.isfinite().all()
    )
    gradients = [parameter.grad for parameter in model.parameters()]
    assert all(bool(gradient.isfinite().all()) for gradient in gradients)
    assert any(bool(gradient.abs().max() > 0) for gradient in gradients)


@pytest.mark.parametrize("likelihood", ["continuous-bernoulli", "gaussian"])
def test_the_bound_goes_by_the_configured_likelihood(likelihood: str) -> None:
    model, samples = (
        Told(torch.tensor([0.5, 1.0, 2.0]), likelihood=likelihood),
        torch.rand(5, 1, 1, 3),
    )
    expected = model.likelihood(torch.zeros(5, 1)).log_prob(
        samples
    )  # the decoder doesn't look at z
    torch.manual_seed(0)
    bound = model.log_likelihood(samples, importance_samples=50_000)
    assert torch.allclose(bound, expected, atol=0.05)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"binarize": True, "likelihood": "gaussian"},
            "set binarize=false, or likelihood=bernoulli",
        ),
        (
            {"importance_samples": 2, "beta": 0.5},
            "importance_samples = 2 .* no KL term: .* importance_samples=1",
        ),
        ({"importance_samples": 2, "beta_warmup": 0.5}, "no KL term"),
        ({"importance_samples": 2, "free_bits": 0.5}, "no KL term"),
        ({"likelihood": "poisson"}, "one of bernoulli, continuous-bernoulli, gaussian"),
        ({"sigma": 0.0}, "sigma = 0.0 is out of bounds"),
        (
            {"sigma": 0.5},
            "sigma = 0.5 has no effect with likelihood=bernoulli: .* set likelihood=gaussian",
        ),
        (
            {"sigma": 0.5, "likelihood": "continuous-bernoulli"},
            "no effect with likelihood=continuous-bernoulli",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(config: dict[str, Any], message: str) -> None:
    build: Callable[..., VAEConfig] = VAEConfig
    with pytest.raises(ConfigError, match=message):
        build(**config)
