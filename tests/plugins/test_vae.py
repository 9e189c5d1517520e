"""The VAEs keep the contract, at every size and number of channels, with labels and without."""

import math
from typing import Any

import pytest
import torch
from conftest import make_model
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence

from zoo.models.interface import Step
from zoo.testing import ModelContract, check_samples, check_training


class TestMLPVAE(ModelContract):
    model = "mlp-vae"
    config = {"hidden_dims": [16], "latent_dim": 3}


class TestConditionalMLPVAE(ModelContract):
    model = "mlp-vae"
    config = {
        "hidden_dims": [16, 8],
        "latent_dim": 3,
        "num_classes": 4,
        "batch_norm": True,
        "dropout": 0.1,
    }


class TestGaussianMLPVAE(ModelContract):
    model = "mlp-vae"
    config = {
        "hidden_dims": [16],
        "latent_dim": 3,
        "likelihood": "gaussian",
        "free_bits": 0.1,
        "beta_warmup": 0.5,
    }


class TestBinarizedImportanceWeightedMLPVAE(ModelContract):
    model = "mlp-vae"
    config = {
        "hidden_dims": [16],
        "latent_dim": 3,
        "num_classes": 4,
        "binarize": True,
        "importance_samples": 3,
    }


class TestConvVAE(ModelContract):
    model = "conv-vae"
    config = {"channels": [4, 8], "hidden_dim": 16, "latent_dim": 3}


class TestContinuousBernoulliConvVAE(ModelContract):
    model = "conv-vae"
    config = {
        "channels": [4],
        "hidden_dim": 16,
        "latent_dim": 3,
        "likelihood": "continuous-bernoulli",
    }


class TestConditionalConvVAE(ModelContract):
    model = "conv-vae"
    config = {
        "channels": [4],
        "hidden_dim": 16,
        "latent_dim": 3,
        "num_classes": 4,
        "batch_norm": False,
    }


@pytest.mark.parametrize("model", ["mlp-vae", "conv-vae"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [28, 32, 64])
def test_it_takes_every_size_and_number_of_channels(model: str, channels: int, size: int) -> None:
    small: dict[str, Any] = (
        {"hidden_dims": (8,)} if model == "mlp-vae" else {"channels": (4, 4, 4), "hidden_dim": 8}
    )
    built = make_model(model, sample_shape=(channels, size, size), num_classes=2, **small)
    check_samples(built)
    check_training(built, steps=10)


def test_the_default_mlp_vae_is_784_400_20_400_784() -> None:
    linear = [
        tuple(p.shape)
        for name, p in make_model("mlp-vae").named_parameters()
        if name.endswith("weight")
    ]
    assert linear == [(400, 784), (40, 400), (400, 20), (784, 400)]


def test_its_loss_is_the_negative_elbo_worked_out_by_hand() -> None:
    model = make_model("mlp-vae", hidden_dims=(8,), latent_dim=2)
    samples = torch.rand(5, 1, 28, 28)
    torch.manual_seed(1)
    (objective,) = model.training_step(samples, None, Step(0, 1))

    torch.manual_seed(1)
    mean, log_variance = model.encoder_output(samples, None)
    z = mean + (0.5 * log_variance).exp() * torch.randn(5, 2)
    p = model.decode(z)
    cross_entropy = -(samples * p.log() + (1 - samples) * (1 - p).log()).sum((1, 2, 3)).mean()
    # Kingma & Welling 2013, appendix B: −KL = ½ Σ (1 + log σ² − μ² − σ²)
    kl = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(1).mean()
    assert objective.metrics["reconstruction"].item() == pytest.approx(
        cross_entropy.item(), rel=1e-5
    )
    assert objective.metrics["kl"].item() == pytest.approx(kl.item(), rel=1e-4)
    assert objective.loss.shape == (5,)
    assert objective.loss.mean().item() == pytest.approx((cross_entropy + kl).item(), rel=1e-5)


@pytest.mark.parametrize("draws", [(), (3,)])
def test_the_likelihood_of_pixels_is_torchs_to_the_bit(draws: tuple[int, ...]) -> None:
    model = make_model("mlp-vae", hidden_dims=(8,), latent_dim=2)
    samples, logits = torch.rand(*draws, 5, 1, 28, 28), torch.randn(5, 1, 28, 28) * 9
    ours, theirs = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    pixels = Independent(Bernoulli(logits=theirs, validate_args=False), 3, validate_args=False)
    found, wanted = model.pixels(ours).log_prob(samples), pixels.log_prob(samples)
    found.sum().backward(), wanted.sum().backward()
    assert found.shape == (*draws, 5) and torch.equal(found, wanted)
    assert ours.grad is not None and theirs.grad is not None
    assert torch.equal(ours.grad, theirs.grad)


def test_importance_sampling_tightens_the_bound() -> None:
    model = make_model("mlp-vae", hidden_dims=(8,), latent_dim=2)
    samples = torch.rand(64, 1, 28, 28).round()
    torch.manual_seed(0)
    with torch.no_grad():
        elbo = model.log_likelihood(samples).mean()
        bound = model.log_likelihood(samples, importance_samples=50).mean()
    assert bound > elbo


def test_the_bound_is_exact_where_the_posterior_is() -> None:
    """With a decoder that ignores z and q(z | x) = p(z), every importance weight is p(x)."""
    model = make_model("mlp-vae", hidden_dims=(), latent_dim=2)
    torch.nn.init.zeros_(model.encoder[0].weight)
    torch.nn.init.zeros_(model.encoder[0].bias)
    torch.nn.init.zeros_(model.decoder[0].weight)
    torch.nn.init.zeros_(model.decoder[0].bias)
    samples = torch.rand(3, 1, 28, 28).round()
    with torch.no_grad():
        value = model.log_likelihood(samples, importance_samples=7)
        posterior = model.encode(samples)
    assert torch.allclose(value, torch.full((3,), -784 * math.log(2)), atol=1e-2)
    assert (
        float(
            kl_divergence(posterior.base_dist, Normal(torch.zeros(3, 2), torch.ones(3, 2)))
            .abs()
            .max()
        )
        == 0
    )


def test_interpolated_and_reconstructed_images_are_images() -> None:
    model = make_model("conv-vae", channels=(4, 8), hidden_dim=8, latent_dim=2)
    samples = torch.rand(2, 1, 28, 28)
    with torch.no_grad():
        copies = model.reconstruct(samples)
    assert copies.shape == samples.shape
    assert 0 <= float(copies.min()) <= float(copies.max()) <= 1


@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 8), (27, 28), (9, 64)])
def test_a_conv_vae_takes_odd_and_oblong_images(height: int, width: int) -> None:
    model = make_model(
        "conv-vae", sample_shape=(1, height, width), channels=(4, 4, 4), hidden_dim=8
    )
    samples = torch.rand(2, 1, height, width)
    with torch.no_grad():
        assert model.reconstruct(samples).shape == samples.shape


def test_the_default_conv_vae_has_two_blocks_at_each_halved_resolution_and_none_above() -> None:
    model = make_model("conv-vae")
    assert sum(parameter.numel() for parameter in model.parameters()) == 2_064_897
    assert sum(type(module).__name__ == "ResidualBlock" for module in model.modules()) == 8
    shapes = []
    model.decoder[-1].register_forward_pre_hook(
        lambda _, inputs: shapes.append(tuple(inputs[0].shape))
    )
    with torch.no_grad():
        model.decode(torch.zeros(1, 32))
    assert shapes == [(1, 16, 28, 28)]
