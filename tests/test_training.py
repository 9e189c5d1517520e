"""fit(): one loop for every model, reproducible, honest about what goes wrong."""

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from zoo.data import Dataset
from zoo.errors import ConfigError, DataError, ZooError
from zoo.models import GenerativeModel, ModelConfig, Objective, Step, TrainConfig
from zoo.registry import installed
from zoo.training import Progress, TrainingState, build, fit


def make(name: str = "mlp-vae", **config: Any) -> GenerativeModel[Any]:
    small: dict[str, Any] = {"hidden_dims": (16,), "latent_dim": 2} if name == "mlp-vae" else {"width": 4}
    model_class = installed().model_class(name)
    return build(model_class, model_class.Config(**{**small, **config}), seed=0)


def digits(n: int = 256) -> Dataset:
    generator = torch.Generator().manual_seed(0)
    samples = torch.randint(0, 256, (n, 1, 28, 28), generator=generator, dtype=torch.uint8)
    return Dataset("noise", samples, torch.arange(n) % 4)


def train(model: GenerativeModel[Any], data: Dataset | None = None, **settings: Any) -> tuple[Any, list[Progress]]:
    state = TrainingState(model, seed=1)
    recipe = TrainConfig(**{"epochs": 2, "batch_size": 32, **settings})
    return state, list(fit(state, data or digits(), recipe))


class Quadratic(GenerativeModel[ModelConfig]):
    """Minimises (w − mean)², so that each step can be worked out by hand."""

    Config = ModelConfig

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.w = nn.Parameter(torch.zeros(()))
        self.other = nn.Parameter(torch.ones(()))
        self.seen: list[Any] = []

    def sample(
        self, n: int, labels: Tensor | None = None, *, generator: torch.Generator, options: Any = None
    ) -> Tensor:
        return torch.zeros(n, *self.config.sample_shape)

    def training_step(self, samples: Tensor, labels: Tensor | None, step: Step) -> Iterator[Objective]:
        self.seen.append((torch.is_autocast_enabled("cpu"), step, labels))
        yield Objective((self.w - 3) ** 2 * self.other, optimizer="first")
        self.seen.append(self.w.item())  # the step was taken before the next objective is asked for
        yield Objective(self.other**2, optimizer="second")

    def parameter_groups(self) -> dict[str, Any]:
        return {"first": [self.w], "second": [self.other]}


def test_each_objective_steps_on_its_own_group_before_the_next_is_asked_for() -> None:
    model = Quadratic(ModelConfig())
    train(model, digits(32), epochs=1, learning_rate=0.1, learning_rates={"second": 0.01})
    # Adam's first step is the learning rate, whatever the gradient
    assert model.seen[1] == pytest.approx(0.1, rel=1e-4)
    assert model.w.item() == pytest.approx(0.1, rel=1e-4)
    assert model.other.item() == pytest.approx(0.99, rel=1e-4)


def test_the_step_counts_from_0_to_the_total() -> None:
    model = Quadratic(ModelConfig())
    _, reports = train(model)
    steps = [entry[1] for entry in model.seen if isinstance(entry, tuple)]
    assert steps == [Step(index, 16) for index in range(16)]
    assert [report.epoch for report in reports if report.epoch_ended] == [1, 2]
    assert reports[-1].step == reports[-1].total == 16


def test_an_unconditional_model_is_given_no_labels_and_a_conditional_one_is() -> None:
    free, asked = Quadratic(ModelConfig()), Quadratic(ModelConfig(num_classes=4))
    train(free), train(asked)
    assert free.seen[0][2] is None
    assert asked.seen[0][2].dtype == torch.int64


@pytest.mark.parametrize(("precision", "autocast"), [("float32", False), ("bf16", True)])
def test_autocast_is_on_only_when_the_recipe_asks(precision: str, autocast: bool) -> None:
    model = Quadratic(ModelConfig())
    train(model, precision=precision)
    assert {entry[0] for entry in model.seen if isinstance(entry, tuple)} == {autocast}
    assert not torch.is_autocast_enabled("cpu")


def test_the_cosine_schedule_ends_near_0() -> None:
    model = Quadratic(ModelConfig())
    train(model, digits(32), epochs=2, learning_rate=0.1, schedule="cosine")
    # two Adam steps along one direction: 0.1 · ½(1 + cos 0) + 0.1 · ½(1 + cos π/2)
    assert model.w.item() == pytest.approx(0.1 + 0.05, rel=1e-2)


def test_training_lowers_the_loss_and_is_the_same_for_the_same_seed() -> None:
    first, reports = train(make())
    second, _ = train(make())
    ends = [report.losses["model"] for report in reports if report.epoch_ended]
    assert ends[1] < ends[0]
    for one, other in zip(first.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_the_callers_random_numbers_are_untouched_while_it_trains() -> None:
    before = torch.random.get_rng_state()
    model = make()
    assert torch.equal(before, torch.random.get_rng_state())
    for _ in fit(TrainingState(model), digits(), TrainConfig(epochs=1, batch_size=32)):
        assert torch.equal(before, torch.random.get_rng_state())


def test_averaged_weights_are_the_running_average_and_become_the_checkpoint() -> None:
    model = Quadratic(ModelConfig())
    state, _ = train(model, digits(32), epochs=2, learning_rate=0.1, average=0.5)
    # the first average is w₁ itself, then ½ w₁ + ½ w₂
    assert state.averaged is not model
    assert 0.1 < state.averaged.w.item() < model.w.item()
    assert state.averaged.w.item() == pytest.approx((0.1 + model.w.item()) / 2, rel=1e-3)


def test_without_averaging_the_model_itself_becomes_the_checkpoint() -> None:
    model = make()
    state, _ = train(model)
    assert state.averaged is model


def test_batch_norm_statistics_are_made_to_fit_the_averaged_weights() -> None:
    model = make("mlp-vae", batch_norm=True)
    state, _ = train(model, epochs=1, average=0.99)
    layer = next(layer for layer in state.averaged.modules() if isinstance(layer, nn.BatchNorm1d))
    data = digits().samples.float().flatten(1) / 255
    seen = state.averaged.encoder[0](data)
    assert layer.momentum == 0.1
    assert torch.allclose(layer.running_mean, seen.mean(0), atol=0.02)
    assert torch.allclose(layer.running_var, seen.var(0), rtol=0.2)


def test_data_of_another_shape_is_refused_naming_both() -> None:
    data = Dataset("small", torch.zeros(8, 1, 32, 32, dtype=torch.uint8), None)
    with pytest.raises(DataError, match=r"\(1, 28, 28\), the data has \(1, 32, 32\).*--set sample_shape=1,28,28"):
        train(make(), data)


def test_a_conditional_model_needs_labels_and_enough_classes() -> None:
    with pytest.raises(DataError, match="the data has no labels"):
        train(make(num_classes=4), dataclasses.replace(digits(), labels=None))
    with pytest.raises(DataError, match=r"4 classes, the model 2.*num_classes=4"):
        train(make(num_classes=2))


def test_a_rate_for_a_group_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"\['generator'\]; the parameter groups are \['model'\]"):
        train(make(), learning_rates={"generator": 0.1})


def test_a_loss_that_is_no_longer_finite_stops_the_training_and_says_so() -> None:
    model = make()
    with torch.no_grad():
        next(model.parameters()).fill_(math.nan)
    with pytest.raises(ZooError, match=r"is nan\. Try a smaller learning rate"):
        train(model)


def test_a_data_set_smaller_than_a_batch_is_one_batch() -> None:
    _, reports = train(make(), digits(5))
    assert reports[-1].total == 2
