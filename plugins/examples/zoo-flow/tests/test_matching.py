"""The flow keeps the contract, learns velocities, and follows them from noise to images."""

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor
from zoo_flow.matching import FlowMatching
from zoo_flow.unet import FREQUENCIES, waves

from zoo.models import ConfigError, Step
from zoo.testing import ModelContract

SMALL = {"sample_shape": [1, 8, 8], "channels": [8, 16], "blocks": 1}


class TestMatching(ModelContract):
    model = "flow-matching"
    config = SMALL


class TestConditionalMatching(ModelContract):
    model = "flow-matching"
    config = {**SMALL, "num_classes": 3}


class TestColour(ModelContract):
    model = "flow-matching"
    config = {**SMALL, "sample_shape": [3, 8, 12]}


def small(**config: Any) -> FlowMatching:
    torch.manual_seed(0)
    return FlowMatching(FlowMatching.Config.from_dict({**SMALL, **config})).eval()


def drawn(model: FlowMatching, labels: Tensor | None = None, **options: Any) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        n = 4 if labels is None else len(labels)
        return model.sample(n, labels, generator=generator, options=FlowMatching.Options(**options))


def test_a_network_that_knows_no_velocity_leaves_the_noise() -> None:
    noise = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(drawn(small()), ((noise + 1) / 2).clamp(0, 1))


def test_samples_follow_the_velocities_by_heuns_method(monkeypatch: pytest.MonkeyPatch) -> None:
    # dx/dt = −x + t has the solution x(1) = (x(0) + 1) / e; Heun's error falls with steps²
    model = small()

    def velocity(self: FlowMatching, x: Tensor, time: float, *_: object) -> Tensor:
        return -x + time

    monkeypatch.setattr(FlowMatching, "velocity", velocity)
    noise = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    exact = ((noise + 1) / torch.e + 1) / 2
    inside = (exact > 0.05) & (exact < 0.95)
    errors = [
        (drawn(model, steps=steps) - exact)[inside].abs().max().item() for steps in (5, 10, 20)
    ]
    assert errors[0] < 0.02
    for coarse, fine in pairwise(errors):
        assert coarse / fine == pytest.approx(4, rel=0.15)


def test_the_loss_is_the_squared_error_of_the_velocity_by_hand() -> None:
    model, images = small(), torch.rand(6, 1, 8, 8)
    torch.manual_seed(1)
    loss = next(model.training_step(images, None, Step(0, 1))).loss
    torch.manual_seed(1)
    target = (images * 2 - 1) - torch.randn(6, 1, 8, 8)  # an untrained network says 0
    assert torch.allclose(loss, target.square().flatten(1).mean(1))


def test_one_step_learns_the_mean_image() -> None:
    """Of one image at every place, the velocity at x, t is (x₁ − x) / (1 − t)."""
    model = small(channels=[16]).train()
    image = (torch.arange(64.0).view(1, 1, 8, 8) % 7) / 7
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    for index in range(150):
        loss = next(model.training_step(image.expand(32, -1, -1, -1), None, Step(index, 150))).loss
        optimizer.zero_grad()
        loss.mean().backward()
        optimizer.step()
    assert (drawn(model.eval()) - image).abs().mean() < 0.08


def test_guidance_goes_from_no_label_over_the_label_beyond_it() -> None:
    model = small(num_classes=3)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    x, one_hot = torch.randn(2, 1, 8, 8), torch.eye(3)[:2]
    with torch.no_grad():
        without, half, once, twice = (
            model.velocity(x, 0.5, one_hot, guidance) for guidance in (0.0, 0.5, 1.0, 2.0)
        )
        nothing = model.velocity(x, 0.5, torch.zeros_like(one_hot))
    assert torch.allclose(without, nothing, atol=1e-5)
    assert torch.allclose(half, (without + once) / 2, atol=1e-5)
    assert torch.allclose(twice, 2 * once - without, atol=1e-4)


@pytest.mark.parametrize(
    ("unlabelled", "least", "most"), [(0.0, 1, 1), (1.0, 0, 0), (0.3, 0.6, 0.8)]
)
def test_training_hides_the_labels_of_a_part_of_the_images(
    unlabelled: float, least: float, most: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, told = small(num_classes=3, unlabelled=unlabelled).train(), []
    forward = type(model.network).forward

    def listen(network: Any, x: Tensor, time: Tensor, one_hot: Tensor) -> Tensor:
        told.append(one_hot)
        return forward(network, x, time, one_hot)

    monkeypatch.setattr(type(model.network), "forward", listen)
    next(model.training_step(torch.rand(400, 1, 8, 8), torch.arange(400) % 3, Step(0, 1)))
    assert least <= told[0].sum(1).mean() <= most


def test_the_loss_is_float32_and_finite_in_bf16() -> None:
    model = small()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    with torch.autocast("cpu", torch.bfloat16):
        loss = next(model.training_step(torch.ones(20, 1, 8, 8), None, Step(0, 1))).loss
    assert loss.dtype == torch.float32 and loss.isfinite().all()


def test_the_label_decides_and_more_steps_cost_nothing_else() -> None:
    model = small(num_classes=3)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    one, other = (drawn(model, torch.full((3,), label)) for label in (0, 1))
    assert not torch.allclose(one, other)
    assert torch.equal(one, drawn(model, torch.zeros(3, dtype=torch.int64), steps=20))


def test_times_have_waves_of_their_own() -> None:
    found = waves(torch.tensor([0.0, 0.5, 1.0]))
    assert found.shape == (3, 2 * FREQUENCIES)
    assert found[0].tolist() == [0.0] * FREQUENCIES + [1.0] * FREQUENCIES
    assert (found[1] - found[2]).abs().max() > 0.5


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"sample_shape": [1, 7, 8]}, "sample_shape = 1,7,8 must be .* are even"),
        ({"sample_shape": [16]}, "sample_shape = 16 must be channels,height,width"),
        ({"channels": []}, "channels = none must be multiples of 8"),
        ({"channels": [12]}, "channels = 12 must be multiples of 8"),
        ({"channels": [8, 8, 8, 8]}, "4 resolutions are too many for images of 8 × 8"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(config: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        FlowMatching.Config.from_dict({**SMALL, **config})
