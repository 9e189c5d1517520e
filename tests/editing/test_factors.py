"""Directions that weights, encodings and classes give."""

import pytest
import torch
from conftest import make_model
from torch import Tensor

import zoo as door
from zoo.editing import factors


@pytest.mark.parametrize("name", ["vae-mnist", "dcgan-mnist", "cvae-mnist", "vae-mnist-2d"])
def test_a_first_layer_that_is_linear_gives_the_eigenvectors_of_its_weights(name: str) -> None:
    model = door.load(name)
    vectors = factors.by_first_layer(model)  # type: ignore[arg-type]
    assert vectors is not None
    first = next(
        layer
        for layer in (model.decoder if hasattr(model, "decoder") else model.generator)
        if isinstance(layer, torch.nn.Linear)
    )
    (dimensions,) = model.latent_shape
    effects = (first.weight[:, :dimensions] @ vectors.T).norm(dim=0)
    assert (effects[:-1] >= effects[1:] - 1e-4).all()
    assert torch.allclose(vectors @ vectors.T, torch.eye(dimensions), atol=1e-4)


def test_of_strong_directions_each_changes_samples_more_than_any_weak_one() -> None:
    for name in ("vae-mnist", "dcgan-mnist"):
        known = {one.name: one for one in door.directions(name, n=3)}
        strong = [one.strength for name, one in known.items() if name.startswith("strong")]
        weak = [one.strength for name, one in known.items() if name.startswith("weak")]
        assert min(strong) > 5 * max(weak), name


class Bent(torch.nn.Module):
    """x = (3 z₀, sin z₁, 0.1 z₂): its Jacobian is known."""

    def forward(self, z: Tensor) -> Tensor:
        return torch.stack([3 * z[:, 0], z[:, 1].sin(), 0.1 * z[:, 2]], 1)


def test_the_jacobian_ranks_directions_by_how_much_a_sample_changes() -> None:
    model = make_model("mlp-gan", latent_dim=3, generator_dims=(4,), sample_shape=(1, 1, 3))
    model.generator = Bent()
    vectors = factors.by_jacobian(model, seed=0)
    assert torch.allclose(vectors, torch.eye(3), atol=0.05)
    assert factors.by_first_layer(model) is None


def test_principal_components_of_encodings_are_those_of_their_covariance() -> None:
    torch.manual_seed(0)
    points = torch.randn(5000, 3) * torch.tensor([0.5, 3.0, 1.0])
    assert torch.allclose(factors.by_encodings(points)[0].abs(), torch.eye(3)[1], atol=0.05)


def test_one_step_from_class_to_class_takes_the_mean_of_one_to_the_other() -> None:
    torch.manual_seed(0)
    start, end = torch.randn(400, 5), torch.randn(400, 5) + torch.tensor([4.0, 0, 0, 0, 0])
    mean = factors.between_means(start, end)
    normal = factors.normal(start, end)
    assert torch.allclose(start.mean(0) + mean, end.mean(0), atol=1e-6)
    assert normal[0] == pytest.approx(4, rel=0.1) and normal[1:].abs().max() < 0.5
    middle = (start.mean(0) + end.mean(0)) / 2
    told = torch.cat([(start - middle) @ normal < 0, (end - middle) @ normal > 0])
    assert told.float().mean() > 0.95
