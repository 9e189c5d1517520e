"""Models of text and audio whose latents say what is decoded, offered as a plugin does."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Categorical, Distribution, Independent, Normal

from zoo.models import AudioConfig, Autoencoder, LatentModel, Objective, Step, TextConfig
from zoo.registry.registry import installed

OFFER = """
from zoo import ModelSpec, hookimpl

@hookimpl
def zoo_models():
    can = ("sample", "decode")
    return [
        ModelSpec(name="speller", entry_point="walkers:Speller", kind="text", summary="Text",
                  capabilities=(*can, "encode")),
        ModelSpec(name="whistle", entry_point="walkers:Whistle", kind="audio", summary="Audio",
                  capabilities=can),
    ]
"""
# nats by which the place that a latent is nearest to is likelier than its neighbour
SURE = 9.0


def offer(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install both."""
    metadata = site / "zoo_walkers-1.0.dist-info"
    metadata.mkdir(parents=True)
    (site / "zoo_walkers.py").write_text(OFFER)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo-walkers\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[zoo]\nwalkers = zoo_walkers\n")
    monkeypatch.syspath_prepend(site)
    installed.cache_clear()


class Speller(Autoencoder["Speller.Config"]):
    """Each latent is a place in the alphabet, between two of them where it lies between; with
    classes, every text begins with the character of its class.
    """

    sample_kind = "text"

    @dataclass(frozen=True, kw_only=True)
    class Config(TextConfig):
        """Nothing of its own."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.latent_shape = tuple(config.sample_shape)
        self.scale = nn.Parameter(torch.ones(()))

    def prior(self, labels: Tensor | None = None) -> Distribution:
        return Independent(Normal(3 * torch.ones(self.latent_shape), 1.0), 1)

    def encode(self, samples: Tensor, labels: Tensor | None = None) -> Distribution:
        self.check_labels(labels, samples.shape[0])
        return Independent(Normal(samples.float() / self.scale, 0.1), 1)

    def likelihood(self, z: Tensor, labels: Tensor | None = None) -> Distribution:
        self.check_labels(labels, z.shape[0])
        places = torch.arange(len(self.config.alphabet) + 1, device=z.device)
        logits = -SURE * (z[..., None] * self.scale - places) ** 2
        if labels is not None:
            first = torch.where(places == labels[:, None] + 1, 0.0, -100.0)
            logits = torch.cat([first[:, None], logits[:, 1:]], 1)
        return Independent(Categorical(logits=logits), 1)

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        yield Objective(-self.likelihood(samples.float(), labels).log_prob(samples))


class Whistle(LatentModel["Whistle.Config"]):
    """A tone whose frequency is its latent."""

    sample_kind = "audio"
    latent_shape = (1,)

    @dataclass(frozen=True, kw_only=True)
    class Config(AudioConfig):
        """Nothing of its own."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.loudness = nn.Parameter(torch.tensor(0.5))

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        self.check_labels(labels, z.shape[0])
        time = torch.arange(self.config.sample_shape[1], device=z.device) / self.config.sample_rate
        tones = torch.sin(2 * math.pi * 1_000 * z.sigmoid() * time)
        return (self.loudness * tones)[:, None].expand(-1, self.config.sample_shape[0], -1)

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        yield Objective((samples.flatten(1).std(1) - self.loudness) ** 2)
