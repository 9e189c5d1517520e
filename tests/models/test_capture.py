"""Capture: the decoder and the encoder of every bundled checkpoint, for batches of any size."""

import pytest
import torch
from torch.distributions import Distribution, Normal

import zoo
from zoo.models import Autoencoder, LatentModel
from zoo.models.capture import captured

BUNDLED = ("cdcgan-mnist", "conv-vae-mnist", "gan-mnist", "vae-mnist-2d")


@pytest.mark.parametrize("name", BUNDLED)
@torch.no_grad()
def test_a_captured_checkpoint_gives_the_same_for_batches_of_any_size(name: str) -> None:
    model = zoo.load(name)
    assert isinstance(model, LatentModel)
    decoder = captured(model).module()
    for n in (1, 4):
        z = model.sample_prior(n, torch.Generator().manual_seed(0))
        labels = torch.arange(n) if model.config.num_classes else None
        samples = model.decode(z, labels)
        assert torch.allclose(decoder(z, labels), samples, atol=1e-5)
        if isinstance(model, Autoencoder):
            encoder = captured(model, "encode").module()
            assert torch.allclose(encoder(samples, labels), model.encode(samples, labels).mean)


def test_after_a_capture_distributions_validate_their_arguments_again() -> None:
    captured(zoo.load("vae-mnist-2d"), "encode")  # type: ignore[arg-type]  # it has latents
    assert Distribution._validate_args
    with pytest.raises(ValueError, match="scale"):
        Normal(torch.zeros(1), torch.tensor([-1.0]))
