"""What the players of a GAN minimise, held to closed forms and numbers worked out by hand."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from conftest import make_model
from torch import Tensor
from zoo_gan.objectives import LOSSES, gradient_penalty, slope_penalty

from zoo.common.errors import ConfigError
from zoo.data import Dataset
from zoo.models.interface import Objective, Step, TrainConfig
from zoo.testing import check_training
from zoo.training.loop import fit
from zoo.training.state import TrainingState

SMALL: dict[str, Any] = {"generator_dims": (8,), "discriminator_dims": (8,), "latent_dim": 4}
# for the logits ln 3 (D = ¾) on data and −ln 2 (D = ⅓) on a fake: the losses, and their slopes in
# each logit
BY_HAND = {
    "non-saturating": (math.log(4 / 3) + math.log(3 / 2), -1 / 4, 1 / 3, math.log(3), -2 / 3),
    "saturating": (math.log(4 / 3) + math.log(3 / 2), -1 / 4, 1 / 3, math.log(2 / 3), -1 / 3),
    "wasserstein": (-math.log(2) - math.log(3), -1, 1, math.log(2), -1),
    "hinge": (0 + 1 - math.log(2), 0, 1, math.log(2), -1),
    "least-squares": (
        ((math.log(3) - 1) ** 2 + (1 - math.log(2)) ** 2) / 2,
        math.log(3) - 1,
        1 - math.log(2),
        math.log(2) ** 2 / 2,
        -math.log(2),
    ),
    # of the difference ln 3 + ln 2 = ln 6: f = ln(1 + 1/6), f' = −1/7; the other way round ln 7, 6/7
    "relativistic": (math.log(7 / 6), -1 / 7, 1 / 7, math.log(7), -6 / 7),
}


def logits(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def along(w: Tensor) -> Callable[[Tensor], Tensor]:
    """The linear critic D(x) = w · x, whose gradient is w everywhere."""
    return lambda images: images.flatten(1) @ w


def a_step(model: Any, index: int = 0, n: int = 6) -> list[Objective]:
    generator = torch.Generator().manual_seed(0)
    samples = torch.rand(n, *model.config.sample_shape, generator=generator)
    labels = torch.arange(n) % model.config.num_classes if model.config.num_classes else None
    torch.manual_seed(1)
    return list(model.training_step(samples, labels, Step(index, 100)))


@pytest.mark.parametrize("objective", LOSSES)
def test_losses_and_their_slopes_are_those_worked_out_by_hand(objective: str) -> None:
    value, data_slope, fake_slope, generator_value, generator_slope = BY_HAND[objective]
    discriminator, generator = LOSSES[objective]
    on_data, on_fake = logits(math.log(3)), logits(-math.log(2))
    loss = discriminator(on_data, on_fake)
    assert loss.item() == pytest.approx(value)
    loss.sum().backward()
    assert on_data.grad is not None and on_fake.grad is not None
    assert (on_data.grad.item(), on_fake.grad.item()) == pytest.approx((data_slope, fake_slope))

    on_fake = logits(-math.log(2))
    loss = generator(on_fake, logits(math.log(3)))
    assert loss.item() == pytest.approx(generator_value)
    loss.sum().backward()
    assert on_fake.grad is not None
    assert on_fake.grad.item() == pytest.approx(generator_slope)


@pytest.mark.parametrize("objective", LOSSES)
def test_each_player_has_one_loss_a_sample_and_only_of_that_sample(objective: str) -> None:
    discriminator, generator = LOSSES[objective]
    on_data, on_fake = logits(0.3, -2, 5), logits(-0.7, 0.1, 4)
    each = [discriminator(one, other).item() for one, other in zip(on_data, on_fake, strict=True)]
    assert discriminator(on_data, on_fake).tolist() == pytest.approx(each)
    each = [generator(one, other).item() for one, other in zip(on_fake, on_data, strict=True)]
    assert generator(on_fake, on_data).tolist() == pytest.approx(each)


@pytest.mark.parametrize("objective", LOSSES)
def test_far_logits_leave_losses_and_slopes_finite(objective: str) -> None:
    discriminator, generator = LOSSES[objective]
    on_data, on_fake = logits(-1e4, 1e4), logits(1e4, -1e4)
    (discriminator(on_data, on_fake) + generator(on_fake, on_data)).sum().backward()
    assert on_data.grad is not None and on_fake.grad is not None
    assert on_data.grad.isfinite().all() and on_fake.grad.isfinite().all()


def test_at_the_equilibrium_the_game_is_worth_minus_log_4() -> None:
    """Goodfellow et al. 2014, theorem 1: p_g = p_data, and D = ½ everywhere."""
    discriminator, _ = LOSSES["saturating"]
    assert -discriminator(logits(0), logits(0)).item() == pytest.approx(-math.log(4))


def test_against_the_best_discriminator_the_game_is_the_jensen_shannon_divergence() -> None:
    """Goodfellow et al. 2014, eq. 5 and 6: with D = p / (p + q) its value is −log 4 + 2 JSD(p ‖ q)."""
    p, q = torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.1, 0.2, 0.7])
    best = (p / q).log()
    discriminator, _ = LOSSES["saturating"]
    value = -sum(p[i] * q[j] * discriminator(best[i], best[j]) for i in range(3) for j in range(3))
    middle = (p + q) / 2
    divergence = ((p * (p / middle).log()).sum() + (q * (q / middle).log()).sum()) / 2
    assert value.item() == pytest.approx((-math.log(4) + 2 * divergence).item(), abs=1e-6)


def test_against_the_best_discriminator_least_squares_is_half_a_pearson_divergence() -> None:
    """Mao et al. 2017, section 3.2: with D = (p − q) / (p + q), ½ E_p D² + ½ E_q D² = ½ χ²(p + q ‖
    2q).
    """
    p, q = torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.1, 0.2, 0.7])
    best = ((p - q) / (p + q)).requires_grad_()
    discriminator, generator = LOSSES["least-squares"]
    loss = sum(p[i] * q[j] * discriminator(best[i], best[j]) for i in range(3) for j in range(3))
    (slope,) = torch.autograd.grad(loss, best)
    assert slope.abs().max().item() == pytest.approx(0, abs=1e-6)  # nothing is better than the best
    value = ((p + q) * generator(best, best)).sum()
    pearson = ((2 * q - (p + q)) ** 2 / (p + q)).sum()
    assert value.item() == pytest.approx((pearson / 2).item(), rel=1e-5)


def test_the_best_critic_measures_the_distance_of_two_point_masses() -> None:
    """For masses at a and b a linear critic w · x earns w · (a − b) − λ (‖w‖ − 1)².

    Its best w lies along a − b, with norm 1 + ‖a − b‖ / 2λ: of slope 1, and then W₁ = ‖a − b‖, as λ
    grows."""
    a, b, penalty = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 4.0]]), 1000.0
    w = torch.tensor([0.5, 0.5], requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [w], max_iter=100, tolerance_grad=1e-9, line_search_fn="strong_wolfe"
    )
    distance, _ = LOSSES["wasserstein"]

    def loss() -> Tensor:
        optimizer.zero_grad()
        critic = along(w)
        value = (distance(critic(a), critic(b)) + penalty * gradient_penalty(critic, a, b)).sum()
        value.backward()
        return value

    optimizer.step(loss)
    assert w.norm().item() == pytest.approx(1 + 5 / (2 * penalty), rel=1e-4)
    assert -distance(along(w)(a), along(w)(b)).item() == pytest.approx(5, rel=3e-3)


@pytest.mark.parametrize("autocast", [False, True])
def test_the_penalties_of_a_linear_critic_are_exact(autocast: bool) -> None:
    w = torch.tensor([0.3, -1.1, 0.7, 2.9], requires_grad=True)
    data, fake = torch.rand(5, 1, 2, 2), torch.rand(5, 1, 2, 2)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        slope_1 = gradient_penalty(along(w), data, fake.bfloat16() if autocast else fake)
        flat = slope_penalty(along(w), data)
    norm = w.norm().item()
    assert slope_1.dtype == flat.dtype == torch.float32
    assert slope_1.tolist() == pytest.approx([(norm - 1) ** 2] * 5, rel=1e-5)
    assert flat.tolist() == pytest.approx([norm**2 / 2] * 5, rel=1e-5)
    (down,) = torch.autograd.grad(slope_1.mean(), w)
    assert down.tolist() == pytest.approx((2 * (norm - 1) / norm * w).tolist(), rel=1e-4)
    (down,) = torch.autograd.grad(flat.mean(), w)
    assert down.tolist() == pytest.approx(w.tolist(), rel=1e-5)


def test_the_penalty_of_a_flat_critic_has_a_gradient() -> None:
    """The norm of a gradient of 0 has no slope of its own: it must not become NaN."""
    w = torch.zeros(4, requires_grad=True)
    penalty = gradient_penalty(along(w), torch.rand(3, 4), torch.rand(3, 4))
    penalty.sum().backward()
    assert penalty.tolist() == [1, 1, 1]
    assert w.grad is not None and w.grad.isfinite().all()


def test_the_penalty_looks_between_data_and_fakes_and_r1_at_the_data() -> None:
    data, fake = torch.ones(500, 3), torch.full((500, 3), -1.0)
    seen: list[Tensor] = []

    def critic(images: Tensor) -> Tensor:
        seen.append(images.detach())
        return images.sum(1)

    torch.manual_seed(0)
    gradient_penalty(critic, data, fake)
    slope_penalty(critic, data)
    between, at_data = seen
    assert torch.equal(at_data, data)
    assert torch.equal(between.amin(1), between.amax(1))  # one share for all of an image
    # even on [-1, 1]: mean 0, variance ⅓
    assert between.mean().item() == pytest.approx(0, abs=0.15)
    assert between.var().item() == pytest.approx(1 / 3, abs=0.06)


@pytest.mark.parametrize("classes", [0, 3])
@pytest.mark.parametrize("objective", LOSSES)
def test_a_step_yields_the_formulas_of_its_objective(objective: str, classes: int) -> None:
    model = make_model("mlp-gan", objective=objective, num_classes=classes, **SMALL)
    discriminator, generator = a_step(model)
    labels = torch.arange(6) % classes if classes else None
    data = torch.rand(6, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
    torch.manual_seed(1)
    fake = model.generate(torch.randn(6, 4), labels)
    on_data, on_fake = model.discriminate(data, labels), model.discriminate(fake, labels)
    expected = LOSSES[objective][0](on_data, on_fake)
    if objective == "wasserstein":
        expected = expected + 10 * gradient_penalty(
            lambda x: model.discriminate(x, labels), data, fake
        )
    assert torch.allclose(discriminator.loss, expected, atol=1e-5)
    assert torch.allclose(generator.loss, LOSSES[objective][1](on_fake, on_data), atol=1e-5)
    assert (discriminator.optimizer, generator.optimizer) == ("discriminator", "generator")
    assert discriminator.adversarial and generator.adversarial
    if objective == "wasserstein":
        assert discriminator.metrics["wasserstein"].item() == pytest.approx(
            (on_data - on_fake).mean().item()
        )
    elif objective == "relativistic":
        right = (on_data > on_fake).tolist()
        assert discriminator.metrics["accuracy"].item() == pytest.approx(sum(right) / 6)
    else:
        right = [*(on_data > 0).tolist(), *(on_fake < 0).tolist()]
        assert discriminator.metrics["accuracy"].item() == pytest.approx(sum(right) / 12)


def test_one_batch_of_fakes_serves_both_and_only_the_generators_loss_reaches_the_generator() -> (
    None
):
    model = make_model("mlp-gan", **SMALL)
    made: list[int] = []
    model.generator.register_forward_hook(lambda *_: made.append(1))
    discriminator, generator = a_step(model)
    weights = list(model.generator.parameters())
    reached = torch.autograd.grad(
        discriminator.loss.sum(), weights, retain_graph=True, allow_unused=True
    )
    assert all(one is None for one in reached)
    assert all(one.abs().sum() > 0 for one in torch.autograd.grad(generator.loss.sum(), weights))
    assert len(made) == 1


def test_r1_adds_half_of_gamma_times_the_squared_slope_at_the_data() -> None:
    plain, penalised = (
        make_model("mlp-gan", r1=gamma, **SMALL) for gamma in (0.0, 8.0)
    )  # of the same weights
    added = a_step(penalised)[0].loss - a_step(plain)[0].loss
    data = torch.rand(6, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 2 - 1
    for image, one in zip(data, added, strict=True):
        image = image[None].requires_grad_()
        (slope,) = torch.autograd.grad(plain.discriminate(image, None).sum(), image)
        assert one.item() == pytest.approx(8 / 2 * slope.square().sum().item(), rel=1e-3)


@pytest.mark.parametrize(
    "game", [{"objective": "wasserstein"}, {"r1": 5.0}, {"spectral_norm": True}, {}]
)
def test_batch_norm_stays_out_of_a_discriminator_whose_slope_is_bounded(
    game: dict[str, Any],
) -> None:
    model = make_model("dcgan", width=2, **game)
    inside = [
        part for part in model.discriminator.modules() if isinstance(part, torch.nn.BatchNorm2d)
    ]
    assert bool(inside) == (not game)
    assert any(isinstance(part, torch.nn.BatchNorm2d) for part in model.generator.modules())


@pytest.mark.parametrize("precision", ["float32", "bf16"])
@pytest.mark.parametrize(
    "game",
    [
        {"objective": "wasserstein", "discriminator_steps": 2},
        {"objective": "hinge", "spectral_norm": True, "num_classes": 4},
        {"objective": "non-saturating", "r1": 1.0},
        {"objective": "least-squares"},
        {"objective": "saturating"},
    ],
    ids=lambda game: game["objective"],
)
def test_every_game_is_played_in_either_precision(game: dict[str, Any], precision: str) -> None:
    model = make_model("dcgan", width=2, latent_dim=4, **game)
    before = {name: [p.clone() for p in group] for name, group in model.parameter_groups().items()}
    images = torch.randint(
        0, 256, (64, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    digits = Dataset("noise", images, torch.arange(64) % 4)
    settings = TrainConfig(
        epochs=1, batch_size=16, learning_rate=1e-3, precision=precision, ema_decay=0.9
    )
    report = list(fit(TrainingState(model), digits, settings))[-1]
    assert all(math.isfinite(value) for value in report.losses.values())
    assert report.losses.keys() == {
        "discriminator",
        "generator",
        "wasserstein" if game["objective"] == "wasserstein" else "accuracy",
    }
    for name, group in model.parameter_groups().items():
        assert any(not torch.equal(p, old) for p, old in zip(group, before[name], strict=True)), (
            name
        )
        assert all(p.isfinite().all() for p in group)


@pytest.mark.parametrize("objective", LOSSES)
def test_bfloat16_comes_close_to_float32_penalties_and_all(objective: str) -> None:
    penalty = {"gradient_penalty": 100.0} if objective == "wasserstein" else {"r1": 100.0}
    model = make_model(
        "dcgan", width=4, latent_dim=4, objective=objective, spectral_norm=True, **penalty
    )
    exact = a_step(model)
    with torch.autocast("cpu", torch.bfloat16):
        rough = a_step(model)
    for one, other in zip(exact, rough, strict=True):
        assert other.loss.dtype == torch.float32
        assert torch.allclose(one.loss, other.loss, rtol=1e-2, atol=1e-2)


def test_the_generator_steps_once_for_so_many_of_the_discriminators() -> None:
    model = make_model("mlp-gan", discriminator_steps=3, **SMALL)
    steps = [[objective.optimizer for objective in a_step(model, index)] for index in range(7)]
    alone, both = ["discriminator"], ["discriminator", "generator"]
    assert steps == [alone, alone, both, alone, alone, both, alone]


def test_the_generators_graph_is_built_only_where_it_takes_a_step() -> None:
    model, built = make_model("mlp-gan", discriminator_steps=3, **SMALL), []
    model.generator.register_forward_hook(
        lambda module, given, images: built.append(images.requires_grad)
    )
    for index in range(3):
        a_step(model, index)
    assert built == [False, False, True]


def test_with_several_discriminator_steps_every_network_still_learns() -> None:
    check_training(make_model("mlp-gan", objective="wasserstein", discriminator_steps=5, **SMALL))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            {"objective": "hinge", "gradient_penalty": 1.0},
            "gradient_penalty = 1 has no effect with objective=hinge.*set r1 instead",
        ),
        (
            {"objective": "wasserstein", "r1": 0.5},
            "r1 = 0.5 does not fit objective=wasserstein.*set r1=0",
        ),
        (
            {"objective": "wasserstein", "gradient_penalty": 0.0},
            "does not limit the gradients.*raise gradient_penalty",
        ),
        (
            {"objective": "wgan"},
            "objective = 'wgan' is not of its type: one of non-saturating, saturating, wass",
        ),
        ({"discriminator_steps": 0}, "discriminator_steps = 0 is out of bounds"),
        ({"r1": -1.0}, "r1 = -1.0 is out of bounds"),
    ],
)
@pytest.mark.parametrize("model", ["mlp-gan", "dcgan"])
def test_games_that_make_no_sense_are_refused(
    model: str, values: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        make_model(model, **values)


def test_a_critic_may_be_bounded_by_its_weights_alone() -> None:
    model = make_model(
        "mlp-gan", objective="wasserstein", gradient_penalty=0.0, spectral_norm=True, **SMALL
    )
    discriminator, _ = a_step(model)
    assert discriminator.loss.mean().item() == pytest.approx(
        -discriminator.metrics["wasserstein"].item(), rel=1e-5
    )


def test_r2_is_r1_at_the_samples_and_both_are_charged_by_their_gammas() -> None:
    small = SMALL | {"objective": "relativistic"}
    losses = {}
    for r1, r2 in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (2.0, 3.0)):
        model = make_model("mlp-gan", r1=r1, r2=r2, dropout=0.0, **small)
        losses[r1, r2] = a_step(model)[0].loss
    plain = losses[0.0, 0.0]
    at_data, at_samples = losses[1.0, 0.0] - plain, losses[0.0, 1.0] - plain
    assert at_data.min() > 0 and at_samples.min() > 0 and not torch.equal(at_data, at_samples)
    expected = plain + 2 * at_data + 3 * at_samples
    assert torch.allclose(losses[2.0, 3.0], expected, rtol=1e-4)


def test_each_player_of_the_relativistic_game_prefers_its_own_of_a_pair() -> None:
    model = make_model("mlp-gan", objective="relativistic", dropout=0.0, **SMALL)
    discriminator, generator = a_step(model)
    assert discriminator.metrics["accuracy"].item() in {k / 6 for k in range(7)}
    # no step was taken between them, so that the two losses are of the same logits t and −t
    t = (discriminator.loss.exp() - 1).log().neg()
    assert torch.allclose(generator.loss, torch.nn.functional.softplus(t), atol=1e-4)
