"""Differentiable augmentation: the paper's changes, by hand, with gradients and one draw an image."""

import pytest
import torch
from conftest import make_model
from torch import Tensor
from zoo_gan.augment import AUGMENTATIONS, augmented, color, cutout, translation

from zoo.models.interface import Step


def drawn(*values: float) -> "Draws":
    return Draws(values)


class Draws:
    """In place of torch.rand: the given numbers, one a call."""

    def __init__(self, values: tuple[float, ...]) -> None:
        self.values = list(values)

    def __call__(self, n: int, *shape: int) -> Tensor:
        return torch.full((n, *shape), self.values.pop(0))


def test_colour_changes_brightness_then_saturation_then_contrast_as_worked_out_by_hand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    image = torch.tensor([0.2, 0.8]).view(1, 2, 1, 1)  # two channels of one pixel
    monkeypatch.setattr(torch, "rand", drawn(0.75, 0.25, 0.0))
    # + ¼: 0.45, 1.05; grey 0.75, saturation halved: 0.6, 0.9; mean 0.75, contrast halved
    assert color(image).flatten().tolist() == pytest.approx([0.675, 0.825])


def test_in_the_middle_of_its_ranges_colour_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images = torch.rand(4, 3, 8, 8)
    monkeypatch.setattr(torch, "rand", drawn(0.5, 0.5, 0.5))
    assert torch.allclose(color(images), images, atol=1e-6)


def test_a_translation_shifts_by_an_eighth_at_most_and_fills_with_zeros() -> None:
    torch.manual_seed(0)
    images = torch.zeros(500, 1, 16, 24)
    images[:, :, 8, 12] = 1.0
    shifted = translation(images)
    places = shifted.flatten(1).nonzero()
    assert len(places) == 500  # the bright pixel never leaves the picture
    rows, columns = places[:, 1] // 24, places[:, 1] % 24
    assert {*rows.tolist()} == set(range(6, 11)) and {*columns.tolist()} == set(range(9, 16))
    corner = torch.ones(500, 1, 16, 24)
    assert translation(corner).unique().tolist() == [0.0, 1.0]


def test_a_cutout_hides_a_rectangle_of_half_the_height_and_width() -> None:
    torch.manual_seed(0)
    cut = cutout(torch.ones(400, 3, 8, 12))
    hidden = (cut == 0).sum(dim=(2, 3))  # (n, channels)
    assert torch.equal(hidden[:, 0], hidden[:, 2])  # all channels alike
    assert hidden.max() == 4 * 6 and hidden.min() >= 2 * 3  # it may reach over the border
    assert (cut == 0).any(dim=0).all()  # each place is hidden in some image


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_every_change_lets_a_gradient_through_and_draws_anew_for_each_image(name: str) -> None:
    torch.manual_seed(1)
    images = torch.rand(1, 3, 16, 16).repeat(16, 1, 1, 1).requires_grad_()
    changed = augmented(images, (name,))
    assert changed.shape == images.shape and len(changed.detach().unique(dim=0)) > 4
    (gradient,) = torch.autograd.grad(changed.square().sum(), images)
    assert gradient.isfinite().all() and gradient.abs().sum() > 0


def test_the_discriminator_sees_changed_data_and_changed_samples_in_both_steps() -> None:
    small = {"generator_dims": (8,), "discriminator_dims": (8,), "latent_dim": 4}
    model = make_model("mlp-gan", diff_augment=("cutout",), **small).train()
    seen: list[float] = []
    model.discriminator.register_forward_pre_hook(
        lambda layer, given: seen.append(float((given[0] == 0).float().mean()))
    )
    for objective in model.training_step(torch.rand(32, 1, 28, 28) * 0.9 + 0.05, None, Step(0, 9)):
        objective.loss.mean().backward()
    assert len(seen) == 3 and min(seen) > 0.1  # data, samples; samples again
    assert all(parameter.grad is not None for parameter in model.generator.parameters())


def test_without_a_name_nothing_is_changed_or_drawn() -> None:
    images, before = torch.rand(2, 1, 8, 8), torch.get_rng_state()
    assert augmented(images, ()) is images and torch.equal(torch.get_rng_state(), before)
