"""TrainConfig: what a recipe may hold, and that those of models and of trained checkpoints hold
nothing else.
"""

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import pytest

from zoo.common.config import parse_assignments
from zoo.common.errors import ConfigError
from zoo.models.interface import TrainConfig as AtTheDoor
from zoo.models.recipe import TrainConfig
from zoo.registry.registry import installed

CARDS = Path(__file__).parents[2] / "cards"


def test_a_plugin_finds_it_at_the_torch_door() -> None:
    assert AtTheDoor is TrainConfig


def test_every_field_is_explained_in_the_order_of_the_class() -> None:
    explained = re.findall(
        r"^    - ((?:`\w+`, )*`\w+`):", TrainConfig.__doc__ or "", flags=re.MULTILINE
    )
    names = [name for some in explained for name in re.findall(r"\w+", some)]
    assert names == [field.name for field in dataclasses.fields(TrainConfig)]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("learning_rate", 0.0, "trains nothing"),
        ("betas", (0.9,), "two numbers below 1"),
        ("betas", (0.9, 1.0), "two numbers below 1"),
        ("class_weights", (0.0, 0.0), "nothing is learnt"),
        ("augment", ("shift", "blur"), "one of shift, rotate, zoom, flip"),
        ("optimizer", "lion", "one of adam, adamw, sgd, rmsprop"),
        ("ema_decay", 1.0, "0 to 0.99999"),
        ("warmup", 1.5, "0 to 1"),
        ("max_grad_norm", -1.0, "0 to 1000"),
        ("holdout", -1, "0 to 65536"),
        ("epochs", 0, "1 to 65536"),
    ],
)
def test_what_no_training_could_follow_is_refused(name: str, value: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=name) as refusal:
        TrainConfig(**{name: value})
    assert said in str(refusal.value)


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_momentum_without_effect_is_refused(optimizer: Any) -> None:
    with pytest.raises(
        ConfigError, match=rf"momentum = 0\.9 is for sgd and rmsprop\. {optimizer} has betas"
    ):
        TrainConfig(momentum=0.9, optimizer=optimizer)
    assert TrainConfig(momentum=0.9, optimizer="rmsprop").momentum == 0.9


def test_a_recipe_survives_a_json_file() -> None:
    recipe = TrainConfig(
        optimizer="rmsprop",
        learning_rates={"generator": 1e-4},
        class_weights=(1.0, 99.0),
        augment=("shift", "flip"),
        balance=True,
        holdout=100,
    )
    assert TrainConfig.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


@pytest.mark.parametrize(
    "model", ["mlp-vae", "conv-vae", "ladder-vae", "mlp-gan", "dcgan", "resnet-gan"]
)
def test_a_model_brings_a_recipe_of_its_own(model: str) -> None:
    assert isinstance(installed().model_class(model).recipe, TrainConfig)


@pytest.mark.parametrize("card", sorted(path.name for path in CARDS.iterdir()))
def test_the_recipe_on_a_card_can_still_be_read(card: str) -> None:
    made = json.loads((CARDS / card / "facts.json").read_text())["recipe"]
    assert TrainConfig.from_dict(made).epochs == made["epochs"]


@pytest.mark.parametrize(
    ("old", "new", "value"), [("average", "ema_decay", 0.9), ("clip_norm", "max_grad_norm", 2.0)]
)
def test_a_field_is_still_read_by_its_old_name(old: str, new: str, value: float) -> None:
    """From the constructor of a plugin, from old facts, and from a command."""
    wanted = TrainConfig(**{new: value})  # type: ignore[arg-type]
    assert TrainConfig(**{old: value}) == wanted  # type: ignore[arg-type]
    assert TrainConfig.from_dict({old: value}) == wanted
    assert parse_assignments([f"{old}={value}"], TrainConfig) == ({new: value},)
    assert old not in wanted.to_dict() and wanted.to_dict()[new] == value
    assert dataclasses.replace(wanted, epochs=3).to_dict()[new] == value
    with pytest.raises(ConfigError, match=new):
        TrainConfig(**{old: -1.0})  # type: ignore[arg-type]


def test_a_field_given_by_both_of_its_names_is_refused() -> None:
    with pytest.raises(ConfigError, match="'average' is the old name of 'ema_decay'"):
        TrainConfig.from_dict({"average": 0.9, "ema_decay": 0.99})
