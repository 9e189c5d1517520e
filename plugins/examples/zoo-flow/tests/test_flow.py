"""The flow keeps the contract, its map can be turned round, and its density is exact."""

import math
from typing import Any

import pytest
import torch
from zoo_flow.flow import Flow

from zoo.models import ConfigError
from zoo.testing import ModelContract

SMALL = {"sample_shape": [1, 4, 4], "patch": 2, "width": 8, "heads": 2, "layers": 1, "blocks": 3}


class TestFlow(ModelContract):
    model = "flow"
    config = SMALL


class TestConditionalFlow(ModelContract):
    model = "flow"
    config = {**SMALL, "num_classes": 3}


def rough(**config: Any) -> Flow:
    """A flow whose weights are far from those that it begins with."""
    torch.manual_seed(0)
    model = Flow(Flow.Config.from_dict({**SMALL, **config}))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model.eval()


@pytest.mark.parametrize("blocks", [1, 2, 3, 4])
def test_the_noise_of_an_image_gives_the_image_back(blocks: int) -> None:
    model, y = rough(blocks=blocks, sample_shape=[2, 4, 6]), 8 * torch.rand(5, 2, 4, 6)
    z, _ = model(y)
    assert z.std() > 0.3
    assert torch.allclose(model.inverse(z), y, atol=1e-3)


def test_the_log_determinant_is_that_of_the_jacobian() -> None:
    model, y = rough(), 8 * torch.rand(1, 1, 4, 4)
    jacobian = torch.autograd.functional.jacobian(
        lambda one: model(one.view(1, 1, 4, 4))[0][0], y.flatten()
    )
    _, expected = torch.linalg.slogdet(jacobian)
    assert torch.allclose(model(y)[1], expected, atol=1e-4)


def test_all_of_the_noise_depends_on_every_pixel() -> None:
    model, y = rough(blocks=4), 8 * torch.rand(1, 1, 4, 4)
    jacobian = torch.autograd.functional.jacobian(
        lambda one: model(one.view(1, 1, 4, 4))[0][0], y.flatten()
    )
    assert (jacobian != 0).all()


def test_the_density_of_images_of_two_pixels_integrates_to_one() -> None:
    model = rough(sample_shape=[1, 1, 2], patch=1, levels=4, blocks=2)
    points = torch.cartesian_prod(*2 * [torch.arange(-20, 24, 0.06) + 0.03]).view(-1, 1, 1, 2)
    with torch.no_grad():
        total = (
            sum(model.log_density(some).exp().sum().item() for some in points.split(2**18))
            * 0.06**2
        )
    assert math.isclose(total, 1, abs_tol=2e-3)


def test_more_draws_raise_the_bound_to_the_likelihood() -> None:
    model, samples = rough(), torch.rand(64, 1, 4, 4)
    torch.manual_seed(1)
    with torch.no_grad():
        one, many = (model.log_likelihood(samples, importance_samples=k).mean() for k in (1, 100))
    assert one < many < 0


def test_samples_are_grey_values_and_without_noise_all_alike() -> None:
    model = rough(levels=4)
    drawn = model.sample(8, generator=torch.Generator().manual_seed(0))
    assert set((3 * drawn).round(decimals=4).unique().tolist()) <= {0, 1, 2, 3}
    assert len(drawn.unique(dim=0)) == 8
    cold = model.sample(
        8, generator=torch.Generator().manual_seed(0), options=Flow.Options(temperature=0)
    )
    assert len(cold.unique(dim=0)) == 1


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"patch": 3}, "are multiples of patch = 3"),
        ({"sample_shape": [16]}, "sample_shape = 16 can't be cut .* channels,height,width"),
        ({"width": 9}, "width = 9 must be a multiple of heads = 2"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(config: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        Flow.Config.from_dict({**SMALL, **config})
