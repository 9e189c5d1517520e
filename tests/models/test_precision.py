"""Models in float64: for checks of gradients and of numbers, everything stays in float64."""

from typing import Any

import pytest
import torch
from conftest import make_model

from zoo.models import Autoencoder, LatentModel, Step, at_least_float32
from zoo.sampling import draw

MODELS: list[tuple[str, dict[str, Any]]] = [
    ("mlp-vae", {"hidden_dims": (8,), "latent_dim": 2}),
    ("mlp-vae", {"hidden_dims": (8,), "latent_dim": 2, "binarize": True, "num_classes": 3}),
    ("mlp-vae", {"hidden_dims": (8,), "latent_dim": 2, "importance_samples": 3}),
    ("mlp-vae", {"hidden_dims": (8,), "latent_dim": 2, "likelihood": "continuous-bernoulli"}),
    ("conv-vae", {"channels": (4, 8), "hidden_dim": 8, "latent_dim": 2}),
    ("conv-vae", {"channels": (4, 8), "hidden_dim": 8, "likelihood": "logistic-mixture"}),
    ("mlp-gan", {"generator_dims": (8,), "discriminator_dims": (8,), "latent_dim": 4}),
    (
        "mlp-gan",
        {
            "generator_dims": (8,),
            "discriminator_dims": (8,),
            "objective": "wasserstein",
            "spectral_norm": True,
            "num_classes": 3,
        },
    ),
    ("dcgan", {"width": 2, "latent_dim": 4, "r1": 0.1}),
]


@pytest.mark.parametrize(("name", "config"), MODELS, ids=lambda value: str(value)[:60])
def test_a_model_runs_in_float64_and_agrees_with_float32(name: str, config: dict[str, Any]) -> None:
    single, double = make_model(name, **config), make_model(name, **config).double()
    assert (single.dtype, double.dtype) == (torch.float32, torch.float64)
    labels = torch.arange(4) % 3 if single.config.num_classes else None
    samples = torch.rand(4, 1, 28, 28)
    made = {}
    for model in (single, double):
        torch.manual_seed(0)
        given = samples.to(model.dtype)
        model.train()
        losses = [one.loss for one in model.training_step(given, labels, Step(0, 1))]
        assert all(loss.dtype == model.dtype for loss in losses)
        losses[0].mean().backward()
        model.eval()
        drawn = model.sample(4, labels, generator=torch.Generator().manual_seed(0))
        assert drawn.dtype == model.dtype
        made[model.dtype] = [drawn.detach()]
        if isinstance(model, Autoencoder):
            torch.manual_seed(0)
            with torch.no_grad():
                likelihood = model.log_likelihood(given, labels, importance_samples=2)
                made[model.dtype] += [model.reconstruct(given, labels), likelihood]
            assert likelihood.dtype == model.dtype
    for one, other in zip(made[torch.float32][:2], made[torch.float64][:2], strict=True):
        assert torch.allclose(one.double(), other, atol=1e-4)


@pytest.mark.parametrize("name", ["mlp-vae", "mlp-gan"])
def test_samples_are_drawn_from_a_model_in_float64(name: str) -> None:
    drawn = draw(make_model(name).double(), 3, seed=0)
    assert drawn.dtype == torch.float32
    assert torch.allclose(drawn, draw(make_model(name), 3, seed=0), atol=1e-5)


def test_gradients_of_a_decoder_agree_with_differences() -> None:
    model = make_model("mlp-vae", hidden_dims=(4,), latent_dim=2, sample_shape=(1, 2, 2)).double()
    assert isinstance(model, LatentModel)
    z = torch.randn(2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda one: model.decode(one), (z,))


def test_coarser_numbers_become_float32_and_finer_ones_stay() -> None:
    for dtype in (torch.bfloat16, torch.float16, torch.float32):
        assert at_least_float32(torch.ones(2, dtype=dtype)).dtype == torch.float32
    fine = torch.ones(2, dtype=torch.float64)
    assert at_least_float32(fine) is fine
