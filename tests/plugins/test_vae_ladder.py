"""The ladder VAE: its levels, its posterior along the way down, and its bound."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import make_model
from torch import Tensor, nn

import zoo as door
from zoo.common.errors import ConfigError, TrainingError
from zoo.data import Dataset, load_dataset
from zoo.models.interface import Step, TrainConfig
from zoo.sampling.images import to_image
from zoo.testing import ModelContract, check_samples, check_training
from zoo.training.loop import fit
from zoo.training.state import TrainingState

SMALL: dict[str, Any] = {
    "channels": (4, 8),
    "latent_channels": (1, 2),
    "top_dim": 3,
    "blocks": 1,
    "head_channels": 4,
}
LISTS = {key: list(value) if isinstance(value, tuple) else value for key, value in SMALL.items()}


class TestLadderVAE(ModelContract):
    model = "ladder-vae"
    config = LISTS


class TestConditionalColourLadderVAE(ModelContract):
    model = "ladder-vae"
    config = {
        **LISTS,
        "sample_shape": [3, 16, 16],
        "num_classes": 3,
        "likelihood": "logistic-mixture",
        "components": 2,
    }


def awake(**config: Any) -> Any:
    """A small model whose every weight counts: at first the levels follow their priors."""
    model = make_model("ladder-vae", **{**SMALL, **config})
    torch.manual_seed(0)
    for parameter in model.parameters():
        nn.init.normal_(parameter, 0.0, 0.15)
    return model.requires_grad_(False)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [(28, 28), (32, 32), (64, 64), (9, 15)])
def test_it_takes_every_size_and_number_of_channels(channels: int, size: tuple[int, int]) -> None:
    model = make_model("ladder-vae", sample_shape=(channels, *size), num_classes=2, **SMALL)
    check_samples(model)
    check_training(model, steps=3)


def test_its_latent_is_the_noise_of_all_levels_the_top_first() -> None:
    model = awake()
    assert model.latent_shape == (3 + 2 * 7 * 7 + 1 * 14 * 14,)
    assert [(part.start, part.stop) for part in model.parts] == [(0, 3), (3, 101), (101, 297)]
    z = torch.randn(1, 297)
    means = []
    for part in model.parts:
        changed = z.clone()
        changed[:, part] = 0
        means.append((model.decode(changed) - model.decode(z)).abs().max().item())
    assert min(means) > 1e-6  # every level reaches the picture


def test_a_level_without_latents_is_left_out() -> None:
    model = awake(latent_channels=(0, 2))
    assert model.latent_shape == (3 + 2 * 7 * 7,)
    assert model.decode(torch.randn(2, 101)).shape == (2, 1, 28, 28)


def test_log_prob_is_the_sum_of_normal_densities_given_the_levels_above() -> None:
    model = awake()
    images = torch.rand(2, 1, 28, 28)
    posterior = model.encode(images)
    z = posterior.rsample()
    path = posterior.path(lambda mean, deviation: mean, given=z)
    normal = torch.distributions.Normal(path.mean, path.deviation)
    assert torch.allclose(posterior.log_prob(z.clone()), normal.log_prob(z).sum(1), atol=1e-3)
    # what was drawn needs no second way down
    assert torch.allclose(posterior.log_prob(z), posterior.log_prob(z.clone()), atol=1e-4)


def test_a_lower_level_depends_on_what_was_drawn_above_it() -> None:
    model = awake()
    posterior = model.encode(torch.rand(1, 1, 28, 28))
    first, second = (posterior.path(torch.normal) for _ in range(2))
    top, below = model.parts[0], model.parts[1]
    assert torch.equal(first.mean[:, top], second.mean[:, top])
    assert not torch.allclose(first.mean[:, below], second.mean[:, below])


def test_many_draws_are_as_many_single_ones() -> None:
    model = awake()
    images = torch.rand(3, 1, 28, 28)
    posterior = model.encode(images)
    z = posterior.rsample(torch.Size((5,)))
    assert z.shape == (5, 3, *model.latent_shape)
    together = posterior.log_prob(z)
    assert together.shape == (5, 3)
    for draw in range(5):
        alone = model.encode(images).log_prob(z[draw])
        assert torch.allclose(together[draw], alone, atol=1e-2)


def test_the_divergence_is_that_of_each_level_from_the_standard_normal_prior() -> None:
    """Σ_l E KL(N(a, b²) ‖ N(0, 1)) is E log q(ε | x) − log p(ε): by many draws."""
    model = awake()
    images = torch.rand(1, 1, 28, 28)
    posterior = model.encode(images)
    torch.manual_seed(0)
    z = posterior.rsample(torch.Size((4000,)))
    log_prior = (-0.5 * z**2 - 0.5 * math.log(2 * math.pi)).sum(-1)
    drawn = posterior.log_prob(z) - log_prior
    kl = torch.cat([model.divergence(posterior).sum(1) for _ in range(200)])
    error = (drawn.var() / len(drawn) + kl.var() / len(kl)).sqrt().item()
    assert kl.mean().item() == pytest.approx(drawn.mean().item(), abs=5 * error + 1e-3)


def test_one_way_down_gives_the_same_likelihood_as_decoding_what_was_drawn() -> None:
    model = awake()
    images = (torch.rand(2, 1, 28, 28) > 0.5).float()
    torch.manual_seed(3)
    likelihood, kl = model.likelihood_and_kl(images, None)
    torch.manual_seed(3)
    posterior = model.encode(images)
    z = posterior.rsample()
    assert torch.allclose(likelihood.log_prob(images), model.likelihood(z).log_prob(images))
    assert kl.shape == (2, *model.latent_shape) and kl.min() >= 0


def drawn_from(mean: Tensor, deviation: Tensor) -> Tensor:
    return mean + deviation * torch.randn_like(mean)


@pytest.mark.parametrize("importance_samples", [1, 3])
def test_its_objective_is_the_negative_bound(importance_samples: int) -> None:
    model = awake(importance_samples=importance_samples).train()
    images = torch.rand(4, 1, 28, 28)
    torch.manual_seed(0)
    (objective,) = model.training_step(images, None, Step(5, 10))
    torch.manual_seed(0)
    if importance_samples > 1:
        bound = model.log_likelihood(images, importance_samples=importance_samples)
    # the KL by hand, where a bound of one draw estimates it
    else:
        posterior = model.encode(images)
        path = posterior.path(drawn_from)
        z, mean, deviation = path.noise, path.mean, path.deviation
        assert z.shape == mean.shape
        kl = (mean**2 + deviation**2 - 1) / 2 - deviation.log()
        bound = model.likelihood(z).log_prob(images) - kl.sum(1)
    assert torch.allclose(-objective.loss, bound, atol=1e-2)


def test_a_fresh_posterior_is_the_prior() -> None:
    """So that training begins with a divergence of the top level alone."""
    model = make_model("ladder-vae", **SMALL)
    path = model.encode(torch.rand(2, 1, 28, 28)).path(torch.normal)
    below = slice(model.parts[0].stop, None)
    assert torch.equal(path.mean[:, below], torch.zeros_like(path.mean[:, below]))
    assert torch.equal(path.deviation[:, below], torch.ones_like(path.deviation[:, below]))


def test_its_top_level_can_be_steered_and_the_rest_kept() -> None:
    model = awake()
    z = torch.randn(1, *model.latent_shape)
    steered = z.clone()
    steered[:, model.parts[0]] += 1
    assert torch.equal(z[:, model.parts[1]], steered[:, model.parts[1]])
    with torch.no_grad():
        before, after = model.decode(z), model.decode(steered)
        on_the_way: Tensor = model.interpolate(z, steered, 4)
    assert (before - after).abs().max() > 1e-3
    assert on_the_way.shape == (1, 4, 1, 28, 28)
    assert torch.allclose(on_the_way[0, 0], before[0], atol=1e-5)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"latent_channels": (4,)}, "as many latent_channels as channels"),
        ({"sample_shape": (784,)}, "needs a sample_shape of"),
        ({"channels": (), "latent_channels": ()}, "needs a sample_shape of"),
        ({"latent_channels": (-1, 2)}, "latent_channels = -1 is out of bounds"),
        ({"channels": (4,) * 8, "latent_channels": (1,) * 8}, "ladder-vae with 8 resolutions"),
        ({"channels": (4, 4, 4, 4), "latent_channels": (1, 1, 1, 1), "sample_shape": (1, 12, 12)},
         "needs at least 2×2"),
    ],
)  # fmt: skip
def test_sizes_that_do_not_fit_are_refused(config: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make_model("ladder-vae", **{**SMALL, **config})


@pytest.mark.parametrize("config", [{}, {"likelihood": "logistic-mixture", "components": 2}])
def test_under_bf16_large_weights_leave_its_loss_float32_and_its_gradients_finite(
    config: dict[str, Any],
) -> None:
    model = make_model("ladder-vae", sample_shape=(3, 16, 16), **config, **SMALL)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= 100
    with torch.autocast("cpu", torch.bfloat16):
        (objective,) = model.training_step(torch.rand(6, 3, 16, 16), None, Step(0, 10))
    assert objective.loss.dtype == torch.float32 and objective.loss.isfinite().all()
    objective.loss.mean().backward()
    assert all(one.grad.isfinite().all() for one in model.parameters() if one.grad is not None)


def test_what_is_no_number_stops_its_training_and_says_so() -> None:
    model = awake().requires_grad_(True)
    with torch.no_grad():
        next(model.parameters()).fill_(math.nan)
    images = Dataset("grey", torch.full((32, 1, 28, 28), 128, dtype=torch.uint8), None)
    with pytest.raises(TrainingError, match=r"failed by step \d+: \w+ is nan"):
        list(fit(TrainingState(model), images, TrainConfig(epochs=1, batch_size=16)))


@pytest.mark.exports
def test_what_is_done_with_latents_is_done_with_those_of_a_ladder(
    trained: Callable[[str], Path],
) -> None:
    ladder = trained("ladder-vae")
    samples = load_dataset("mnist", split="test").samples
    for index in range(2):
        to_image(samples[index]).save(f"{index}.png")
    images = ["0.png", "1.png"]
    for what in ("decode", "encode"):
        assert door.export(ladder, f"{what}.onnx", what=what).farthest <= 1e-5
    latents = door.encode(ladder, images, "z.npz").latents
    copies = door.load(ladder).decode(latents)
    assert latents.shape[0] == 2 and copies.shape == (2, 1, 28, 28)
    # a search does no worse than an encoder that was hardly trained
    given = samples[:2].float() / 255
    found = door.invert(ladder, images, "found.npz", seed=0, draws=20, steps=20)
    assert (found.errors <= (copies - given).square().flatten(1).sum(1)).all()
    door.interpolate(ladder, "walk.png", images=images, steps=4)
    assert Path("walk.png").is_file()
