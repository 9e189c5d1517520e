"""The wave keeps the contract and sees the past only; the sines are as described."""

from pathlib import Path

import pytest
import torch
from torch.distributions import Normal
from zoo_signals import sines, zoo_datasets
from zoo_signals.wave import LEAST, Wave

from zoo.models import ConfigError
from zoo.testing import ModelContract

SMALL = {"sample_shape": [12], "channels": 8, "layers": 2}


class TestWave(ModelContract):
    model = "wave"
    config = SMALL


class TestConditionalWave(ModelContract):
    model = "wave"
    config = {**SMALL, "num_classes": 3}


def small() -> Wave:
    torch.manual_seed(0)
    return Wave(Wave.Config.from_dict(SMALL)).eval()


@torch.no_grad()
def test_a_value_goes_by_the_four_before_it_alone() -> None:
    model, signals = small(), torch.rand(1, 12)
    changed = signals.clone()
    changed[0, 5] += 1
    differ = model(signals).mean != model(changed).mean
    assert differ.nonzero()[:, 1].tolist() == [6, 7, 8, 9]


@torch.no_grad()
def test_the_noise_that_a_sample_was_drawn_by_is_found_in_it() -> None:
    model = small()
    signals = model.sample(3, generator=torch.Generator().manual_seed(0))
    values = model(signals)
    noise = torch.randn(3, 12, generator=torch.Generator().manual_seed(0))
    assert torch.allclose((signals - values.mean) / values.stddev, noise, atol=1e-4)
    expected = Normal(0.0, 1.0).log_prob(noise).sum(1) - values.stddev.log().sum(1)
    assert torch.allclose(model.log_likelihood(signals), expected, atol=1e-3)
    assert values.stddev.min() > LEAST


def test_images_are_refused() -> None:
    with pytest.raises(
        ConfigError,
        match=r"one number in sample_shape, not \(1, 28, 28\): train it with --data sines",
    ):
        Wave.Config(sample_shape=(1, 28, 28))


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_signal_holds_as_many_sines_as_its_label_says(split: str) -> None:
    (spec,) = zoo_datasets()
    signals, labels = sines.load(Path("nowhere"), split)
    assert signals.dtype == torch.uint8 and tuple(signals.shape[1:]) == tuple(spec.sample_shape)
    # 0.15 · 64 / 2 = 4.8 where there is a sine
    spectra = torch.fft.rfft(signals / 255 - 0.5).abs()[:, 1:]
    assert ((spectra > 2.4).sum(1) == labels + 1).float().mean() > 0.999
    assert labels.bincount().tolist() == pytest.approx(
        len(spec.class_names) * [len(labels) / 3], rel=0.1
    )
    assert torch.equal(signals, sines.load(Path("nowhere"), split)[0])


def test_train_and_test_are_not_the_same_signals() -> None:
    (train, _), (test, _) = (sines.load(Path("nowhere"), split) for split in sines.SIZES)
    assert len(torch.cat([train, test]).unique(dim=0)) == len(train) + len(test)
