"""draw(): the same samples for the same seed, whatever the batch size, the start and the number."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import zoo as door
from zoo.common.errors import ConfigError, LabelError
from zoo.sampling.sampler import (
    BLOCK,
    draw,
    latents,
    stream,
)

Trained = Callable[..., Path]


@pytest.mark.parametrize("model", ["mlp-vae", "conv-vae", "mlp-gan", "dcgan"])
def test_samples_do_not_depend_on_batch_size_number_or_start(trained: Trained, model: str) -> None:
    loaded = door.load(str(trained(model)))
    whole = draw(loaded, 2 * BLOCK + 9, seed=5)
    assert torch.allclose(whole, draw(loaded, 2 * BLOCK + 9, seed=5, batch_size=7), atol=1e-5)
    assert torch.allclose(whole[:10], draw(loaded, 10, seed=5), atol=1e-5)
    assert torch.allclose(
        whole[BLOCK - 1 :], draw(loaded, BLOCK + 10, seed=5, start=BLOCK - 1), atol=1e-5
    )


def test_the_noise_is_the_same_to_the_bit(trained: Trained) -> None:
    model = door.load(str(trained("mlp-vae")))
    whole = latents(model, 200, seed=5)  # type: ignore[arg-type]  # an mlp-vae has latents
    assert torch.equal(whole[70:75], latents(model, 5, seed=5, start=70))  # type: ignore[arg-type]  # as above


def test_drawn_twice_on_one_machine_samples_are_equal_to_the_bit(trained: Trained) -> None:
    model = door.load(str(trained("dcgan")))
    assert torch.equal(draw(model, 70, seed=1), draw(model, 70, seed=1))
    assert not torch.equal(draw(model, 70, seed=1), draw(model, 70, seed=2))


def test_no_two_blocks_of_a_seed_and_no_two_seeds_share_noise(trained: Trained) -> None:
    model = door.load(str(trained("mlp-vae")))
    noise = torch.cat([latents(model, 50 * BLOCK, seed=seed) for seed in range(20)])  # type: ignore[arg-type]  # as above
    assert len(noise.unique(dim=0)) == len(noise)


def test_asking_for_a_label_keeps_the_noise(trained: Trained) -> None:
    model = door.load(str(trained("mlp-vae", "num_classes=10")))
    ((free, labels),) = stream(model, 20, seed=0)
    assert labels is not None and len(labels.unique()) > 3
    assert torch.equal(free, draw(model, 20, seed=0, labels=labels))
    sevens = draw(model, 20, seed=0, labels=torch.full((20,), 7))
    assert torch.equal(sevens[labels == 7], free[labels == 7])


def test_a_label_out_of_range_is_refused_before_anything_is_drawn(trained: Trained) -> None:
    model = door.load(str(trained("mlp-vae", "num_classes=10")))
    with pytest.raises(LabelError, match="Label 10 is out of range"):
        draw(model, 2, seed=0, labels=torch.tensor([0, 10]))


@pytest.mark.parametrize(
    ("name", "furthest"), [("vae-mnist", 0.1), ("dcgan-mnist", 0.2)]
)  # its edges are steep
def test_in_bf16_samples_are_near_those_of_float32_and_the_model_is_left_as_it_was(
    name: str, furthest: float
) -> None:
    model = door.load(name)
    layouts = {key: tensor.stride() for key, tensor in model.state_dict().items()}
    exact, coarse = draw(model, 100, seed=3), draw(model, 100, seed=3, precision="bf16")
    difference = (coarse - exact).abs()
    assert (
        coarse.dtype == torch.float32
        and 0 < difference.mean() < 0.001
        and difference.max() < furthest
    )
    assert (difference > 0.1).float().mean() < 1e-4  # of the pixels
    assert torch.equal(coarse, draw(model, 100, seed=3, precision="bf16"))
    assert torch.equal(exact, draw(model, 100, seed=3)) and not torch.is_autocast_enabled("cpu")
    assert layouts == {key: tensor.stride() for key, tensor in model.state_dict().items()}


def test_in_bf16_samples_of_another_batch_size_are_as_near(trained: Trained) -> None:
    model = door.load(str(trained("dcgan")))
    whole = draw(model, 100, seed=3, precision="bf16")
    assert (whole - draw(model, 100, seed=3, precision="bf16", batch_size=7)).abs().max() < 0.1
    assert (whole[90:] - draw(model, 10, seed=3, start=90, precision="bf16")).abs().max() < 0.1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 1, "precision": "half"}, "precision = 'half' is none of float32, bf16"),
        ({"n": 0}, "n = 0 is out of range: pass a whole number of 1 or more"),
        ({"n": 1, "seed": -1}, "seed = -1"),
        ({"n": 1, "start": -1}, "start = -1"),
        ({"n": 1, "batch_size": 0}, "batch_size = 0"),
    ],
)
def test_numbers_out_of_range_are_refused(
    trained: Trained, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        draw(door.load(str(trained("mlp-vae"))), **{"seed": 0, **arguments})


def test_the_callers_random_numbers_and_grad_mode_are_untouched(trained: Trained) -> None:
    before = torch.random.get_rng_state()
    draw(door.load(str(trained("mlp-gan"))), 100, seed=0)
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()
