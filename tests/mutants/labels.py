"""Mutants that take labels wrongly, or don't hear them."""

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from mutants.sound import LABELLED, Bell, Coder, Painter, SmallConfig, Unlabelled, found_by


@found_by(
    "labels",
    r"it is given the label -1 with num_classes = 3, and decode\(\) takes it: call check_labels",
    **LABELLED,
)
class Clamping(Painter):
    """Makes do with any label."""

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().decode(z, None if labels is None else labels.clamp(0, 2))


@found_by(
    "labels",
    r"it is given the label 3 with num_classes = 3, and sample\(\) fails of IndexError",
    **LABELLED,
)
class Tabular(Bell):
    """Looks labels up unchecked."""

    def over(self, n: int, labels: Tensor | None) -> Distribution:
        if labels is not None and labels.min() < 0:
            self.check_labels(labels, n)
        which = torch.zeros(n, dtype=torch.int64) if labels is None else labels
        return Independent(Normal(self.mean(which), self.scale.exp()), 1)


@found_by(
    "labels", r"it is given no labels with num_classes = 3, and decode\(\) takes it", **LABELLED
)
class Guessing(Painter):
    """Draws a label where none is given."""

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        given = labels is not None or not self.config.num_classes
        return super().decode(z, labels if given else torch.zeros(len(z), dtype=torch.int64))


@found_by(
    "labels",
    r"it is given the label 0 with num_classes = 0, and decode\(\) takes it: call check_labels",
)
class Polite(Unlabelled):
    """Takes labels that it has no use for."""

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().decode(z)


@found_by(
    "labels",
    r"with num_classes = 3, encode\(\) does not take all of 0 to 2: index out of range",
    **LABELLED,
)
class Short(Coder):
    """Has room for all classes but one."""

    def __init__(self, config: SmallConfig) -> None:
        super().__init__(config)
        self.shift = nn.Embedding(max(config.num_classes - 1, 1), 4)

    def encode(self, samples: Tensor, labels: Tensor | None = None) -> Distribution:
        shift = 0 if labels is None else self.shift(labels).unflatten(1, (1, 2, 2))
        return super().encode(samples + shift, labels)


@found_by(
    "conditioning",
    r"its samples are the same for every label: append labels by with_labels\(\)",
    **LABELLED,
)
class Deaf(Painter):
    """Checks its labels, and then does without them."""

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        self.check_labels(labels, len(z))
        return super().decode(z, None if labels is None else torch.zeros_like(labels))


@found_by("conditioning", r"its samples are the same for every label", **LABELLED)
class Stuck(Painter):
    """Begins with weights of 0 for its labels, and never learns them."""

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        x = self.with_labels(z, labels)
        gate = torch.tensor([1.0] * self.config.latent_dim + [0.0] * self.config.num_classes)
        return self.layer(x * gate).sigmoid().unflatten(1, (1, 2, 2))
