"""The discretised logistic mixture: numbers by hand, sums to one, and its samples."""

import math

import pytest
import torch
from zoo_vae.mixture import LEVELS, LogisticMixture, parameters_per_pixel


def sigmoid(t: float) -> float:
    return 1 / (1 + math.exp(-t))


def mixture(n: int = 1, components: int = 3, channels: int = 1, size: int = 1) -> LogisticMixture:
    torch.manual_seed(0)
    count = parameters_per_pixel(components, channels)
    return LogisticMixture(torch.randn(n, count, size, size), components, channels)


def grey(mean: float, log_scale: float) -> LogisticMixture:
    """One component, one pixel; its mean in [-1, 1]."""
    return LogisticMixture(torch.tensor([0.0, mean, log_scale]).view(1, 3, 1, 1), 1, 1)


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (128, sigmoid((1 / 255 + 1 / 255) / 0.1) - sigmoid(0.0)),
        (0, sigmoid((-1 + 1 / 255) / 0.1)),
        (255, 1 - sigmoid((1 - 1 / 255) / 0.1)),
    ],
)
def test_a_level_has_the_probability_worked_out_by_hand(level: int, expected: float) -> None:
    one = grey(0.0, math.log(0.1))
    given = one.log_prob(torch.full((1, 1, 1, 1), level / 255)).exp().item()
    assert given == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("log_scale", [-12.0, -5.0, -2.0, 1.0])
@pytest.mark.parametrize("mean", [-3.0, -1.0, 0.1, 0.98])
def test_the_probabilities_of_all_levels_sum_to_one(mean: float, log_scale: float) -> None:
    levels = torch.arange(LEVELS).view(-1, 1, 1, 1) / 255
    parameters = torch.tensor([0.0, mean, log_scale]).view(1, 3, 1, 1).expand(LEVELS, -1, -1, -1)
    total = LogisticMixture(parameters, 1, 1).log_prob(levels).exp().sum().item()
    assert total == pytest.approx(1, abs=2e-3)


def test_the_probabilities_of_all_colours_sum_to_one_with_linked_channels() -> None:
    """Summed over the third channel, given the first two: log p(r, g) of the grid must add up."""
    parameters = torch.randn(1, parameters_per_pixel(2, 2), 1, 1, generator=torch.manual_seed(1))
    first = torch.arange(LEVELS) / 255
    total = 0.0
    for red in first:
        images = torch.stack([red.expand(LEVELS), first], dim=1).view(LEVELS, 2, 1, 1)
        one = LogisticMixture(parameters.expand(LEVELS, -1, -1, -1), 2, 2)
        total += one.log_prob(images).exp().sum().item()
    assert total == pytest.approx(1, abs=5e-3)


def test_a_later_channel_depends_on_the_earlier_ones_as_the_paper_has_it() -> None:
    # one component: weight, three means 0, three log-scales, links α = tanh(½), β = 0, γ = 0
    scale = math.log(0.05)
    numbers = [0.0, 0.0, 0.0, 0.0, scale, scale, scale, 0.5, 0.0, 0.0]
    one = LogisticMixture(torch.tensor(numbers).view(1, 10, 1, 1), 1, 3)
    red, green = 1.0, (math.tanh(0.5) + 1) / 2  # the green that a full red makes likely
    likely = one.log_prob(torch.tensor([red, green, 0.5]).view(1, 3, 1, 1))
    unlikely = one.log_prob(torch.tensor([red, 0.5, 0.5]).view(1, 3, 1, 1))
    assert (likely - unlikely).item() > 5


def test_far_from_every_component_the_logarithm_and_its_slope_stay_finite() -> None:
    parameters = torch.tensor([0.0, -1.0, -20.0]).view(1, 3, 1, 1).requires_grad_()
    value = LogisticMixture(parameters, 1, 1).log_prob(torch.full((1, 1, 1, 1), 0.7))
    value.sum().backward()
    assert value.isfinite().all() and parameters.grad is not None
    assert parameters.grad.isfinite().all()


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_samples_are_of_the_256_levels(channels: int) -> None:
    drawn = mixture(n=2, channels=channels, size=4).sample((3,))
    assert drawn.shape == (3, 2, channels, 4, 4)
    assert torch.equal((drawn * 255).round() / 255, drawn)


def test_the_surprise_of_samples_is_the_entropy_on_average() -> None:
    one = mixture()
    levels = torch.arange(LEVELS) / 255
    each = torch.stack([one.log_prob(level.view(1, 1, 1, 1)) for level in levels]).flatten()
    entropy = -(each.exp() * each).sum().item()
    indexes = (one.sample((20_000,)).flatten() * 255).round().long()
    assert -each[indexes].mean().item() == pytest.approx(entropy, abs=0.03)


def test_samples_come_as_often_as_they_are_probable() -> None:
    one = grey(0.3, math.log(0.2))
    drawn = (one.sample((20_000,)).flatten() * 255).round()
    share = (drawn < 128).float().mean().item()
    assert share == pytest.approx(sigmoid((0 - 0.3) / 0.2), abs=0.012)


def test_the_mean_of_narrow_components_is_their_weighted_mean() -> None:
    # weights ¾ and ¼, means −½ and ½, narrow
    numbers = [math.log(3), 0.0, -0.5, 0.5, -6.0, -6.0]
    one = LogisticMixture(torch.tensor(numbers).view(1, 6, 1, 1), 2, 1)
    assert one.mean.item() == pytest.approx((-0.25 + 1) / 2, abs=1e-6)
    assert one.sample((4000,)).mean().item() == pytest.approx(0.375, abs=0.01)
