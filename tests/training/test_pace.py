"""--minutes: the epochs that fit are found by a trial, recorded, and give the same training."""

from pathlib import Path

import pytest
from conftest import Zoo

import zoo as door
from zoo.checkpoints import read_facts
from zoo.common.errors import ConfigError
from zoo.training import pace

SMALL = ("--set", "hidden_dims=8", "--set", "latent_dim=2", "--seed", 0)


def test_the_epochs_that_fit_are_said_recorded_and_trained(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "_seconds_per_epoch", lambda *_: 1.4)
    timed = zoo("train", "mlp-vae", "--name", "timed", "--minutes", 0.05, *SMALL)
    assert timed.exit_code == 0, timed.stderr
    assert "An epoch takes about 1.4 s here: 2 epochs in about 0.0467 minutes." in timed.stderr
    told = zoo("train", "mlp-vae", "--name", "told", "--epochs", 2, *SMALL)
    one, other = (Path(each.stdout.strip()) for each in (timed, told))
    assert (one / "model.safetensors").read_bytes() == (other / "model.safetensors").read_bytes()
    assert "--epochs 2" in read_facts(one)["command"]


def test_the_trial_changes_nothing_of_the_training_that_follows(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "SHORTEST", 0.3)
    made = door.train(
        "mlp-gan", name="timed", minutes=0.004, seed=0, generator_dims=(8,), watch=None
    )
    epochs = made.facts["recipe"]["epochs"]
    again = door.train(
        "mlp-gan", name="told", epochs=epochs, seed=0, generator_dims=(8,), watch=None
    )
    weights = [(one.path / "model.safetensors").read_bytes() for one in (made, again)]
    assert weights[0] == weights[1]


def test_the_epochs_are_those_that_come_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "_seconds_per_epoch", lambda *_: 1.1)  # 2.7 of them in 3 seconds
    made = door.train(
        "mlp-vae", name="near", minutes=0.05, hidden_dims=(8,), latent_dim=2, watch=None
    )
    assert made.facts["recipe"]["epochs"] == 3


def test_one_epoch_is_trained_where_none_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "_seconds_per_epoch", lambda *_: 1000.0)
    made = door.train(
        "mlp-vae", name="short", minutes=0.01, hidden_dims=(8,), latent_dim=2, watch=None
    )
    assert made.facts["recipe"]["epochs"] == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"minutes": 0}, "minutes = 0 is out of range: pass a number above 0"),
        ({"minutes": "5"}, "minutes = '5' is of the type str: pass a number"),
        ({"minutes": float("inf")}, "minutes = inf is out of range: pass a number"),
        ({"minutes": 1, "epochs": 2}, "minutes and epochs both say how long"),
        ({"minutes": 1, "resume": "mine"}, "minutes and resume both say how long"),
    ],
)
def test_minutes_that_can_not_be_are_refused(given: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        door.train(None if "resume" in given else "mlp-vae", name="mine", **given)  # type: ignore[arg-type]


def test_several_processes_are_told_to_say_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    class Two:
        num_processes = 2

    monkeypatch.setattr(pace, "join", Two)
    with pytest.raises(ConfigError, match="minutes is for a training of one process"):
        door.train("mlp-vae", name="mine", minutes=1, hidden_dims=(8,), watch=None)
