"""testing: the checks that plugins inherit find what they are for. The zoo's own models show that they pass."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from zoo.models import LatentModel, ModelConfig, Objective, Step
from zoo.testing import check_labels


class Conditional(LatentModel[ModelConfig]):
    """Decodes a latent and a label by one layer, whose weights are 0 at first."""

    Config = ModelConfig

    def __init__(self) -> None:
        super().__init__(ModelConfig(sample_shape=(1, 2, 2), num_classes=3))
        self.latent_shape = (2,)
        self.layer = nn.Linear(5, 4)
        nn.init.zeros_(self.layer.weight)

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.layer(self.with_labels(z, labels)).sigmoid().unflatten(1, (1, 2, 2))

    def training_step(self, samples: Tensor, labels: Tensor | None, step: Step) -> Iterator[Objective]:
        yield from ()


class Deaf(Conditional):
    """Checks its labels, and then does without them."""

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        self.check_labels(labels, len(z))
        return super().decode(z, torch.zeros(len(z), dtype=torch.int64))


def test_a_model_that_goes_by_its_labels_passes_with_its_weights_left_alone() -> None:
    model = Conditional()
    check_labels(model)
    assert not model.layer.weight.any()


def test_a_model_whose_samples_are_the_same_for_every_label_is_found() -> None:
    with pytest.raises(AssertionError, match="the same for every label: append labels by with_labels"):
        check_labels(Deaf())
