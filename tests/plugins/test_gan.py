"""The GANs keep the contract, at every size and number of channels, with labels and without."""

from typing import Any

import pytest
import torch
from conftest import make_model
from torch.nn.utils import parametrize

from zoo.errors import ConfigError
from zoo.models import Step
from zoo.testing import ModelContract, check_samples, check_training


class TestMLPGAN(ModelContract):
    model = "mlp-gan"
    config = {"generator_dims": [16], "discriminator_dims": [16], "latent_dim": 4}


class TestConditionalMLPGAN(ModelContract):
    model = "mlp-gan"
    config = {"generator_dims": [16], "discriminator_dims": [16], "num_classes": 3, "spectral_norm": True}


class TestDCGAN(ModelContract):
    model = "dcgan"
    config = {"width": 4, "latent_dim": 4}


class TestConditionalDCGAN(ModelContract):
    model = "dcgan"
    config = {"width": 4, "latent_dim": 4, "num_classes": 3, "spectral_norm": True}


@pytest.mark.parametrize("model", ["mlp-gan", "dcgan"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [28, 32, 64])
def test_it_takes_every_size_and_number_of_channels(model: str, channels: int, size: int) -> None:
    small: dict[str, Any] = {"generator_dims": (8,), "discriminator_dims": (8,)} if model == "mlp-gan" else {"width": 4}
    built = make_model(model, sample_shape=(channels, size, size), num_classes=2, **small)
    check_samples(built)
    check_training(built, steps=3)


def test_dcgan_says_which_sizes_it_can_make_model() -> None:
    with pytest.raises(ConfigError, match=r"28×28, 32×32 or 64×64 pixels, not 40×40"):
        make_model("dcgan", sample_shape=(1, 40, 40))


def test_its_objectives_are_those_of_the_paper_worked_out_by_hand() -> None:
    model = make_model("mlp-gan", generator_dims=(8,), discriminator_dims=(8,), latent_dim=4)
    samples = torch.rand(6, 1, 28, 28)
    torch.manual_seed(1)
    discriminator, generator = model.training_step(samples, None, Step(0, 1))

    torch.manual_seed(1)
    fake = model.generator(torch.randn(6, 4)).view(6, 1, 28, 28)
    d_data = model.discriminator(samples * 2 - 1).sigmoid()
    d_fake = model.discriminator(fake).sigmoid()
    # Goodfellow 2014, eq. 1, and the generator's loss of section 3
    assert discriminator.loss.item() == pytest.approx(-(d_data.log() + (1 - d_fake).log()).mean().item(), rel=1e-4)
    assert generator.loss.item() == pytest.approx(-d_fake.log().mean().item(), rel=1e-4)
    assert (discriminator.optimizer, generator.optimizer) == ("discriminator", "generator")
    assert discriminator.adversarial and generator.adversarial


def test_the_two_networks_share_no_parameter() -> None:
    groups = {name: set(parameters) for name, parameters in make_model("dcgan", width=4).parameter_groups().items()}
    assert groups.keys() == {"discriminator", "generator"}
    assert not groups["discriminator"] & groups["generator"]


@pytest.mark.parametrize("model", ["mlp-gan", "dcgan"])
def test_spectral_norm_bounds_every_layer_of_the_discriminator(model: str) -> None:
    built = make_model(model, spectral_norm=True)
    layers = [layer for layer in built.discriminator.modules() if isinstance(layer, torch.nn.Linear | torch.nn.Conv2d)]
    assert layers and all(parametrize.is_parametrized(layer, "weight") for layer in layers)


def test_dcgan_starts_from_the_weights_of_the_paper() -> None:
    weight = make_model("dcgan").generator[4].weight
    assert weight.mean().item() == pytest.approx(0, abs=1e-3)
    assert weight.std().item() == pytest.approx(0.02, rel=0.02)
