"""Meter: one metric that epochs are judged by, taken as an evaluation takes it, or refused before a
training begins.
"""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Zoo, make_model

from zoo.checkpoints import SEED
from zoo.common.errors import ConfigError
from zoo.data import Dataset, load_dataset, load_features
from zoo.evaluation.evaluator import evaluate
from zoo.evaluation.meter import Meter
from zoo.registry import installed
from zoo.registry.registry import Registry
from zoo.training.choice import MEASURABLE

SMALL: dict[str, Any] = {"hidden_dims": (8,), "latent_dim": 2}
DIGITS = load_dataset("mnist", root=Path(__file__).parents[1] / "data").part(slice(100))


def metric(name: str, data: Dataset = DIGITS, **config: Any) -> Meter:
    return Meter(name, make_model("mlp-vae", **{**SMALL, **config}), data, n=40)


def test_each_metric_that_is_offered_can_be_taken_and_is_that_of_an_evaluation() -> None:
    model = make_model("mlp-vae", **SMALL, num_classes=10).eval()
    by_digits = load_features("digits")
    found = {
        one.metric: one.value for one in evaluate(model, DIGITS, None, by_digits, n=40, seed=SEED)
    }
    assert set(MEASURABLE) <= set(found)
    for name in ("kernel_distance", "recall"):
        assert Meter(name, model, DIGITS, n=40)(model) == pytest.approx(found[name], abs=1e-4)


@pytest.mark.parametrize(
    ("name", "named", "said"),
    [
        ("label_accuracy", True, "label_accuracy needs a model that is asked for classes: --set"),
        ("class_kl", False, "needs features that tell the classes of mnist apart"),
    ],
)
def test_a_metric_of_classes_is_refused_where_there_are_none(
    name: str, named: bool, said: str
) -> None:
    data = DIGITS if named else dataclasses.replace(DIGITS, class_names=())
    with pytest.raises(ConfigError, match=said):
        metric(name, data)


def test_images_of_one_s_own_are_measured_by_features_that_suit_images(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = dataclasses.replace(DIGITS, name="./mine.npy", class_names=())
    digits = dataclasses.replace(installed().features["digits"], suits=("image",))
    monkeypatch.setitem(installed().features, "digits", digits)
    meter = metric("kernel_distance", own)
    assert meter(make_model("mlp-vae", **SMALL).eval()) > 0
    monkeypatch.setattr(Registry, "features_that_suit", lambda *_: None)
    with pytest.raises(ConfigError, match=r"pip install 'genzoo\[features\]'"):
        metric("frechet_distance", own)


def test_a_metric_that_can_not_be_taken_is_refused_before_the_training(
    zoo: Zoo, tmp_path: Path
) -> None:
    np.save("mine.npy", DIGITS.samples[:].numpy())
    words = ["train", "mlp-gan", "--data", "./mine.npy", "--name", "x", "--keep", "best"]
    done = zoo(*words, "--measure", "label_accuracy")
    assert done.exit_code == 1 and "features that tell the classes" in done.stderr
    assert not list((tmp_path / "home" / "runs").glob("x/*.json"))
