"""Gradient accumulation: a batch in parts takes the step of the whole, in less memory."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from conftest import Zoo
from torch import Tensor, nn
from toys import Toy
from trainings import digits

from zoo.common.errors import ConfigError
from zoo.models.interface import ModelConfig, Objective, Step, TrainConfig
from zoo.training.loop import fit
from zoo.training.state import TrainingState


class Rivals(Toy):
    """A linear map of images to themselves, and a network that judges how good it is: two
    objectives, the second on weights that the first has changed, and no randomness.
    """

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__(config)
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(0)
            self.map = nn.Linear(784, 784)
            self.judge = nn.Sequential(nn.Linear(784, 16), nn.Tanh(), nn.Linear(16, 1))

    def parameter_groups(self) -> dict[str, Any]:
        return {"judge": self.judge.parameters(), "map": self.map.parameters()}

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        flat = samples.flatten(1)
        error = (self.map(flat) - flat).square().sum(1)
        told = (self.judge(flat).squeeze(1) - error.detach()).square()
        yield Objective(told, "judge", {"error": error.mean()})
        yield Objective(error + self.judge(self.map(flat)).squeeze(1), "map")


def trained(accumulate: int, **settings: Any) -> tuple[dict[str, Tensor], dict[str, float]]:
    """The weights and the losses after three steps of 50 digits each."""
    recipe = {"epochs": 1, "batch_size": 50, "learning_rate": 1e-3, **settings}
    state = TrainingState(Rivals(ModelConfig(num_classes=10)), seed=0)
    *_, report = fit(state, digits(150), TrainConfig(**recipe, accumulate=accumulate))
    return state.model.state_dict(), report.losses


WEIGHTS = tuple(float(1 + label % 3) for label in range(10))


@pytest.mark.parametrize("parts", [2, 7, 64])
@pytest.mark.parametrize(
    "settings",
    [{}, {"max_grad_norm": 0.1, "l1": 1e-4, "learning_rate": 0.1}, {"class_weights": WEIGHTS}],
    ids=["plain", "clipped", "weighted"],
)
def test_a_batch_in_parts_takes_the_steps_of_the_whole(
    parts: int, settings: dict[str, Any]
) -> None:
    # sgd: the weights move by the gradients themselves
    how = {"optimizer": "sgd", "learning_rate": 1e-4, **settings}
    (whole, losses), (parted, their_losses) = trained(1, **how), trained(parts, **how)
    begun = Rivals().state_dict()
    for key, tensor in whole.items():
        assert torch.allclose(parted[key], tensor, rtol=0, atol=1e-6), key
    assert (whole["map.weight"] - begun["map.weight"]).abs().max() > 1e-5  # they were steps
    assert their_losses == pytest.approx(losses, rel=1e-5)


def test_parts_take_less_memory_than_the_whole() -> None:
    class Kept:
        """A tensor that waits for its gradient."""

        now, most = 0, 0

        def __init__(self, tensor: Tensor) -> None:
            self.tensor = tensor
            Kept.now += tensor.nbytes
            Kept.most = max(Kept.most, Kept.now)

        def __del__(self) -> None:
            Kept.now -= self.tensor.nbytes

    def most(accumulate: int) -> int:
        Kept.most = Kept.now
        with torch.autograd.graph.saved_tensors_hooks(Kept, lambda kept: kept.tensor):
            trained(accumulate)
        return Kept.most

    whole = most(1)
    assert most(5) < 0.7 * whole


def test_parts_that_are_none_are_refused(zoo: Zoo) -> None:
    with pytest.raises(ConfigError, match="accumulate = 0"):
        TrainConfig(accumulate=0)
    done = zoo("train", "mlp-vae", "--name", "x", "--set", "accumulate=many")
    assert done.exit_code == 1 and "accumulate" in done.stderr
