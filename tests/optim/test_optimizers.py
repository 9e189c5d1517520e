"""Optimizers: held to their papers' formulas in plain numbers, to torch's own, and to rates worked
out by hand.
"""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from toys import Toy

from zoo.common.errors import ConfigError
from zoo.models.interface import TrainConfig
from zoo.optim import optimizers

RATE, DECAY = 0.1, 0.05


def slope(w: float) -> float:
    """Of (w − 3)²."""
    return 2 * (w - 3)


def walk(steps: int, **settings: Any) -> list[float]:
    """Where the first weight of a toy, from 0, gets to by minimising (w − 3)²."""
    recipe, toy = TrainConfig(learning_rate=RATE, **settings), Toy()
    optimizer, been = optimizers.build(toy, recipe)["first"], []
    for _ in range(steps):
        optimizers.take_step(optimizer, (toy.first - 3) ** 2, recipe, Accelerator())
        been.append(toy.first.item())
    return been


def gradient_descent(steps: int, momentum: float = 0.0, decay: float = 0.0) -> list[float]:
    w, velocity, been = 0.0, 0.0, []
    for _ in range(steps):
        velocity = momentum * velocity + slope(w) + decay * w
        w -= RATE * velocity
        been.append(w)
    return been


def adam(
    steps: int,
    decay: float = 0.0,
    decoupled: bool = False,
    betas: tuple[float, float] = (0.9, 0.999),
) -> list[float]:
    """Kingma & Ba 2015, algorithm 1; Loshchilov & Hutter 2019, algorithm 2."""
    w, m, v, been = 0.0, 0.0, 0.0, []
    for step in range(1, steps + 1):
        g = slope(w) + (0 if decoupled else decay * w)
        m, v = betas[0] * m + (1 - betas[0]) * g, betas[1] * v + (1 - betas[1]) * g**2
        w -= RATE * decay * w if decoupled else 0
        w -= RATE * (m / (1 - betas[0] ** step)) / (math.sqrt(v / (1 - betas[1] ** step)) + 1e-8)
        been.append(w)
    return been


def rmsprop(steps: int, momentum: float = 0.0, decay: float = 0.0) -> list[float]:
    """Tieleman & Hinton 2012, with torch's share of 0.99 and momentum over the scaled slope."""
    w, v, velocity, been = 0.0, 0.0, 0.0, []
    for _ in range(steps):
        g = slope(w) + decay * w
        v = 0.99 * v + 0.01 * g**2
        velocity = momentum * velocity + g / (math.sqrt(v) + 1e-8)
        w -= RATE * velocity
        been.append(w)
    return been


@pytest.mark.parametrize(
    ("settings", "by_hand"),
    [
        ({"optimizer": "sgd"}, gradient_descent(5)),
        ({"optimizer": "sgd", "momentum": 0.9}, gradient_descent(5, momentum=0.9)),
        ({"optimizer": "sgd", "weight_decay": DECAY}, gradient_descent(5, decay=DECAY)),
        ({"optimizer": "adam"}, adam(5)),
        ({"optimizer": "adam", "betas": (0.5, 0.9)}, adam(5, betas=(0.5, 0.9))),
        ({"optimizer": "adam", "weight_decay": DECAY}, adam(5, decay=DECAY)),
        (
            {"optimizer": "adamw"},
            adam(5),
        ),  # no decay unless one is asked for, whatever torch's own default is
        ({"optimizer": "adamw", "weight_decay": DECAY}, adam(5, decay=DECAY, decoupled=True)),
        ({"optimizer": "rmsprop"}, rmsprop(5)),
        (
            {"optimizer": "rmsprop", "momentum": 0.5, "weight_decay": DECAY},
            rmsprop(5, momentum=0.5, decay=DECAY),
        ),
    ],
    ids=str,
)
def test_each_optimizer_steps_as_its_paper_says(
    settings: dict[str, Any], by_hand: list[float]
) -> None:
    assert walk(5, **settings) == pytest.approx(by_hand, rel=1e-5)


@pytest.mark.parametrize(
    ("name", "peer"),
    [
        ("adam", lambda w: torch.optim.Adam(w, RATE)),
        ("adamw", lambda w: torch.optim.AdamW(w, RATE, weight_decay=0.0)),
        ("sgd", lambda w: torch.optim.SGD(w, RATE)),
        ("rmsprop", lambda w: torch.optim.RMSprop(w, RATE)),
    ],
)
def test_each_optimizer_steps_as_torch_s_own(
    name: str, peer: Callable[[list[Tensor]], Any]
) -> None:
    w, been = nn.Parameter(torch.zeros(())), []
    other = peer([w])
    for _ in range(5):
        other.zero_grad()
        ((w - 3) ** 2).backward()
        other.step()
        been.append(w.item())
    assert walk(5, optimizer=name) == pytest.approx(been, rel=1e-5)


@pytest.mark.parametrize(
    "name", ["adam", "adamw", "sgd"]
)  # torch has no other RMSprop than the plain one
def test_a_step_is_taken_in_one_go_where_torch_can(name: Any) -> None:
    built = optimizers.build(Toy(), TrainConfig(optimizer=name))
    assert [optimizer.param_groups[0]["fused"] for optimizer in built.values()] == [True, True]


class Line(Toy):
    """Three weights in one group."""

    def __init__(self, *weights: float) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.tensor(weights))

    def parameter_groups(self) -> dict[str, Any]:
        return {"model": [self.weights]}


def step_along(line: Line, gradient: list[float], **settings: Any) -> list[float]:
    """The weights after one step of gradient descent at a rate of 0.1, with a loss of that
    gradient.
    """
    recipe = TrainConfig(optimizer="sgd", learning_rate=RATE, **settings)
    loss = (line.weights * torch.tensor(gradient)).sum()
    optimizers.take_step(optimizers.build(line, recipe)["model"], loss, recipe, Accelerator())
    return line.weights.tolist()


def test_l1_pulls_every_weight_to_0_alike_and_l2_in_proportion() -> None:
    assert step_along(Line(2.0, -4.0, 0.0), [0.0, 0.0, 0.0], l1=0.5) == pytest.approx(
        [1.95, -3.95, 0.0]
    )
    assert step_along(Line(2.0, -4.0, 0.0), [0.0, 0.0, 0.0], weight_decay=0.5) == pytest.approx(
        [1.9, -3.8, 0.0]
    )
    both = step_along(Line(2.0, -4.0, 0.0), [1.0, 1.0, 1.0], l1=0.5, weight_decay=0.5)
    assert both == pytest.approx([2 - 0.1 * (1 + 0.5 + 1), -4 - 0.1 * (1 - 0.5 - 2), -0.1])


def test_a_gradient_above_the_norm_is_scaled_down_to_it_and_one_below_is_left_alone() -> None:
    assert step_along(Line(0.0, 0.0), [3.0, 4.0], max_grad_norm=1) == pytest.approx(
        [-0.06, -0.08], rel=1e-4
    )
    assert step_along(Line(0.0, 0.0), [0.3, 0.4], max_grad_norm=1) == pytest.approx([-0.03, -0.04])
    assert step_along(Line(0.0, 0.0), [3.0, 4.0]) == pytest.approx([-0.3, -0.4])


def test_the_rate_rises_over_the_warm_up_and_then_stays() -> None:
    recipe = TrainConfig(learning_rate=1.0, warmup=0.1)
    rates = [optimizers.rate(recipe, "model", step, 100) for step in range(100)]
    assert rates[:10] == pytest.approx([(step + 1) / 11 for step in range(10)])
    assert rates[10:] == [1.0] * 90


def test_the_cosine_falls_from_the_rate_to_0_once_the_warm_up_is_over() -> None:
    plain = TrainConfig(learning_rate=2.0, schedule="cosine")
    at = [optimizers.rate(plain, "model", step, 100) for step in (0, 25, 50, 75, 100)]
    assert at == pytest.approx([2.0, 1 + math.sqrt(0.5), 1.0, 1 - math.sqrt(0.5), 0.0])
    warm = TrainConfig(learning_rate=2.0, schedule="cosine", warmup=0.2)
    at = [optimizers.rate(warm, "model", step, 100) for step in (0, 19, 20, 60, 100)]
    assert at == pytest.approx([2 / 21, 2 * 20 / 21, 2.0, 1.0, 0.0])


def test_a_warm_up_of_the_whole_training_rises_to_its_end() -> None:
    recipe = TrainConfig(learning_rate=1.0, warmup=1.0, schedule="cosine")
    rates = [optimizers.rate(recipe, "model", step, 4) for step in range(4)]
    assert rates == pytest.approx([0.2, 0.4, 0.6, 0.8])


def test_each_group_has_its_own_rate_on_the_one_schedule() -> None:
    recipe = TrainConfig(learning_rate=1.0, learning_rates={"second": 0.1}, schedule="cosine")
    assert [
        optimizers.rate(recipe, name, 50, 100) for name in ("first", "second")
    ] == pytest.approx([0.5, 0.05])
    built = optimizers.build(Toy(), recipe)
    assert [built[name].param_groups[0]["lr"] for name in ("first", "second")] == [1.0, 0.1]


def test_each_group_may_have_a_warm_up_and_a_schedule_of_its_own() -> None:
    recipe = TrainConfig(
        learning_rate=1.0,
        warmup=0.5,
        warmups={"second": 0.1},
        schedules={"second": "cosine"},
    )
    first, second = (
        [optimizers.rate(recipe, name, step, 100) for step in (0, 10, 55, 99)]
        for name in ("first", "second")
    )
    assert first == pytest.approx([1 / 51, 11 / 51, 1.0, 1.0])
    assert second == pytest.approx([1 / 11, 1.0, 0.5, 0.5 * (1 + math.cos(math.pi * 89 / 90))])


@pytest.mark.parametrize(
    ("field", "value"),
    [("learning_rates", 0.1), ("warmups", 0.1), ("schedules", "cosine")],
)
def test_what_names_a_group_that_is_not_there_is_refused(field: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=rf"{field} names \['third'\]; the parameter groups are"):
        optimizers.build(Toy(), TrainConfig(**{field: {"third": value}}))


def test_a_rate_for_a_group_that_is_not_there_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"\['third'\]; the parameter groups are \['first', 'second'\]"
    ):
        optimizers.build(Toy(), TrainConfig(learning_rates={"third": 0.1}))


def test_a_step_moves_its_own_group_alone() -> None:
    toy, recipe = Toy(), TrainConfig(optimizer="sgd", learning_rate=RATE, l1=1.0, weight_decay=1.0)
    optimizers.take_step(
        optimizers.build(toy, recipe)["first"], (toy.first - toy.second) ** 2, recipe, Accelerator()
    )
    assert toy.first.item() == pytest.approx(0.2)
    assert toy.second.item() == 1 and toy.second.grad is None


def test_what_is_frozen_is_left_alone() -> None:
    line = Line(1.0)
    line.frozen = nn.Parameter(torch.ones(()), requires_grad=False)
    line.parameter_groups = lambda: {"model": [line.weights, line.frozen]}  # type: ignore[method-assign]
    recipe = TrainConfig(optimizer="sgd", learning_rate=RATE, weight_decay=1.0)
    loss = (line.weights * line.frozen).sum()
    optimizers.take_step(optimizers.build(line, recipe)["model"], loss, recipe, Accelerator())
    assert (line.weights.item(), line.frozen.item()) == (pytest.approx(0.8), 1)


def test_the_settings_of_accelerate_launch_do_not_change_a_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "4")
    assert walk(3, optimizer="sgd") == pytest.approx(gradient_descent(3), rel=1e-6)


def test_a_parameter_group_that_is_frozen_whole_is_named() -> None:
    toy = Toy()
    toy.first.requires_grad_(False)
    with pytest.raises(ConfigError, match="'first' has no parameter that can be trained"):
        optimizers.build(toy, TrainConfig())
