"""Models with two weights, so small that each step can be worked out by hand."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from zoo.models.interface import GenerativeModel, ModelConfig, Objective, Step


class Toy(GenerativeModel[ModelConfig]):
    """Two weights, `first` (0) and `second` (1), each with an optimizer of its own; takes no step
    by itself.
    """

    Config = ModelConfig

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__(config or ModelConfig())
        self.first = nn.Parameter(torch.zeros(()))
        self.second = nn.Parameter(torch.ones(()))

    def parameter_groups(self) -> dict[str, Any]:
        return {"first": [self.first], "second": [self.second]}

    def sample(
        self,
        n: int,
        labels: Tensor | None = None,
        *,
        generator: torch.Generator,
        options: Any = None,
    ) -> Tensor:
        return torch.zeros(n, *self.config.sample_shape)

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        yield from ()


class Recorder(Toy):
    """Remembers the samples it trained on, in order, and those it was tried on; wants its first
    weight at 0.
    """

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__(config)
        self.trained_on: list[Tensor] = []
        self.tried_on: list[Tensor] = []

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        (self.trained_on if self.training else self.tried_on).append(samples)
        yield Objective(self.first.expand(len(samples)) ** 2, optimizer="first")
