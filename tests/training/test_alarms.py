"""Alarms: they ring for trainings that were broken on purpose, and not for those that went well."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

import zoo
from zoo.common.errors import TrainingError
from zoo.data import Dataset, load_dataset, to_float
from zoo.models.build import build
from zoo.models.interface import GenerativeModel, ModelConfig, TrainConfig
from zoo.registry.registry import installed
from zoo.training.alarms import PATIENCE, WARMING_UP, Watch, alarms
from zoo.training.loop import fit
from zoo.training.state import TrainingState

CARDS = Path(__file__).parents[2] / "cards"
SMALL: dict[str, Any] = {"generator_dims": (16,), "discriminator_dims": (32,), "latent_dim": 8}


def train(config: dict[str, Any], epochs: int = 6, **settings: Any) -> list[dict[str, Any]]:
    """The history of a small GAN on real digits, 200 steps an epoch, as a training writes it down."""
    model_class, data = installed().model_class("mlp-gan"), load_dataset("mnist")
    state = TrainingState(
        build(model_class, model_class.Config(**{**SMALL, **config}), seed=0), seed=0
    )
    watch, history = Watch(data), []
    for report in fit(
        state, data, TrainConfig(epochs=epochs, batch_size=4, betas=(0.5, 0.999), **settings)
    ):
        if report.epoch_ended:
            seen = watch.look(state.averaged.eval()) if report.step >= WARMING_UP else {}
            history.append(
                {
                    "epoch": report.epoch,
                    "step": report.step,
                    "losses": report.losses,
                    "watched": seen,
                }
            )
    return history


def epochs(steps: int, *values: dict[str, float]) -> list[dict[str, Any]]:
    """A history of epochs of that many steps, with what was watched and the accuracy of each."""
    return [
        {
            "epoch": index,
            "step": index * steps,
            "losses": {"accuracy": value["accuracy"]} if "accuracy" in value else {},
            "watched": {key: one for key, one in value.items() if key != "accuracy"},
        }
        for index, value in enumerate(values, 1)
    ]


def test_a_generator_too_narrow_for_the_data_collapses_and_the_alarm_says_so() -> None:
    history = train({"generator_dims": (2,), "latent_dim": 1}, learning_rate=1e-3)
    assert history[-1]["watched"]["diversity"] < 0.3
    (alarm,) = [one for one in alarms(history) if "collapsing" in one]
    assert "much alike" in alarm and "smaller learning rate" in alarm and "ema_decay=0.999" in alarm


def test_a_discriminator_far_too_quick_for_its_generator_rings() -> None:
    history = train({}, learning_rate=1e-6, learning_rates={"discriminator": 1e-3})
    found = [one for one in alarms(history) if "discriminator" in one]
    assert len(found) == 1 and "learning_rates=NAME:RATE" in found[0] and "100.0%" in found[0]


def test_a_generator_that_outruns_its_discriminator_draws_what_it_likes_best_and_rings() -> None:
    history = train({}, learning_rate=1e-6, learning_rates={"generator": 1e-2})
    assert any("collapsing" in one for one in alarms(history)), history[-1]


def test_an_absurd_learning_rate_stops_a_gan_in_words() -> None:
    with pytest.raises(TrainingError, match="smaller learning_rate than 1000"):
        train({}, epochs=1, learning_rate=1000)


@pytest.mark.parametrize("card", sorted(path.name for path in CARDS.iterdir()))
def test_no_epoch_of_a_training_that_ended_on_a_card_gives_an_alarm(card: str) -> None:
    history = json.loads((CARDS / card / "facts.json").read_text())["history"]
    if "gan" in card:  # of which everything was watched that could have rung
        # of digits alone there was a classifier when these were trained
        digits = card.endswith("-mnist") and "fashion" not in card
        watched = {"diversity", "classes"} if digits else {"diversity"}
        assert all(epoch["watched"].keys() == watched for epoch in history)
        assert (
            all("accuracy" in epoch["losses"] for epoch in history)
            and history[-1]["step"] > PATIENCE * WARMING_UP
        )
    for end in range(1, len(history) + 1):
        assert alarms(history[:end]) == []


@pytest.mark.parametrize("card", ["gan-mnist", "dcgan-mnist"])
def test_the_samples_of_a_good_gan_look_as_various_as_the_data(card: str) -> None:
    seen = Watch(load_dataset("mnist")).look(zoo.load(card))
    assert 0.8 < seen["diversity"] < 1.2 and seen["classes"] == 1
    assert alarms(epochs(WARMING_UP, *[{**seen, "accuracy": 0.7}] * PATIENCE)) == []


# seen after each epoch, of 25 steps, of a dcgan of width 8 on 800 digits, learning rate 1e-3, which
# turned out well
BEATEN_AT_FIRST = [
    {"diversity": diversity, "accuracy": accuracy}
    for diversity, accuracy in zip(
        (0.06, 0.40, 0.31, 0.37, 0.51, 0.48, 0.53, 0.60, 0.63, 0.69, 0.86, 0.90, 0.92, 0.89, 0.90),
        (
            0.971,
            0.973,
            0.976,
            0.999,
            1.0,
            1.0,
            1.0,
            1.0,
            1.0,
            0.981,
            0.957,
            0.878,
            0.963,
            0.868,
            0.823,
        ),
        strict=True,
    )
]
# the same of 50 steps of an mlp-gan of (64, 128) against (128,), learning rate 2e-4
ALIKE_AT_FIRST = [
    {"diversity": diversity, "accuracy": 0.7}
    for diversity in (
        0.61,
        0.60,
        0.57,
        0.55,
        0.52,
        0.50,
        0.47,
        0.46,
        0.45,
        0.45,
        0.49,
        0.52,
        0.55,
        0.57,
        0.58,
        0.60,
    )
]


@pytest.mark.parametrize(
    ("steps", "seen"), [(25, BEATEN_AT_FIRST), (50, ALIKE_AT_FIRST)], ids=["dcgan", "mlp-gan"]
)
def test_a_game_that_has_hardly_begun_gives_no_alarm_whatever_it_looks_like(
    steps: int, seen: Any
) -> None:
    for end in range(1, len(seen) + 1):
        assert alarms(epochs(steps, *seen[:end])) == []
    assert alarms(epochs(WARMING_UP, *seen[:7])) != []  # the same later on is a reason


def test_one_bad_epoch_is_none_and_a_second_rings() -> None:
    good, bad = {"diversity": 1.0, "accuracy": 0.7}, {"diversity": 0.3, "accuracy": 0.7}
    assert (
        alarms([]) == alarms(epochs(WARMING_UP, bad)) == alarms(epochs(WARMING_UP, good, bad)) == []
    )
    assert len(alarms(epochs(WARMING_UP, good, bad, bad))) == 1
    assert alarms(epochs(WARMING_UP, bad, bad, good)) == []


def test_classes_that_are_lost_ring_though_the_samples_are_various() -> None:
    lost = {"diversity": 0.9, "classes": 0.3}
    (alarm,) = alarms(epochs(WARMING_UP, lost, lost))
    assert "reach 30% of the classes" in alarm and "collapsing" in alarm
    few = {"diversity": 0.9, "classes": 0.8}
    assert alarms(epochs(WARMING_UP, few, few)) == []


def test_a_history_without_anything_watched_gives_no_alarm() -> None:
    assert alarms([{"epoch": index, "losses": {"model": 99.0}} for index in range(9)]) == []


class Repeats(GenerativeModel[ModelConfig]):
    """Draws images it is given, over and over."""

    Config = ModelConfig

    def __init__(self, images: torch.Tensor) -> None:
        super().__init__(ModelConfig())
        self.images = images

    def sample(
        self, n: int, labels: Any = None, *, generator: torch.Generator, options: Any = None
    ) -> torch.Tensor:
        return self.images[torch.randint(len(self.images), (n,), generator=generator)]

    def training_step(self, samples: Any, labels: Any, step: Any) -> Any:
        yield from ()


def test_diversity_is_the_spread_of_the_samples_over_that_of_the_data() -> None:
    digits = load_dataset("mnist")
    images = to_float(digits.samples[:])
    watch = Watch(digits)
    assert watch.look(Repeats(images))["diversity"] == pytest.approx(1, abs=0.05)
    assert watch.look(Repeats(images / 2))["diversity"] == pytest.approx(0.5, abs=0.03)
    assert watch.look(Repeats(images[:1]))["diversity"] < 1e-6


def test_a_stray_sample_of_a_class_does_not_reach_it() -> None:
    digits = load_dataset("mnist")
    assert digits.labels is not None
    each = [int((digits.labels == label).nonzero()[0]) for label in range(10)]
    mostly = to_float(
        digits.samples[torch.tensor([each[1]] * 991 + each[:9])]
    )  # one of each other in 1000
    assert Watch(digits).look(Repeats(mostly))["classes"] == 0.1


def test_classes_are_counted_by_the_features_of_the_data_set_where_there_are_some() -> None:
    digits = load_dataset("mnist")
    assert digits.labels is not None
    three = to_float(
        digits.samples[(digits.labels == 1) | (digits.labels == 7) | (digits.labels == 0)]
    )
    assert Watch(digits).look(Repeats(three))["classes"] == pytest.approx(0.3, abs=0.11)
    assert "classes" not in Watch(Dataset("my-digits", digits.samples, None)).look(Repeats(three))
