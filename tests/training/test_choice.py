"""Choice: which epoch stays, when a training stops early, and what is said of one that turned."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from conftest import Zoo, files_no_larger_than

import zoo as library
from zoo.checkpoints import STATE
from zoo.common import files
from zoo.common.errors import ConfigError, OutputError
from zoo.data import load_dataset
from zoo.sampling.images import to_image
from zoo.training import session
from zoo.training.choice import Choice, held_out_loss, turned
from zoo.training.keep import Trained

SMALL: dict[str, Any] = {"hidden_dims": 8, "latent_dim": 2, "watch": None}
# its held-out loss, on 20 digits of ./digits, falls and rises
OVERFITS: dict[str, Any] = {
    "data": "./digits",
    "seed": 2,
    "hidden_dims": 32,
    "latent_dim": 8,
    "learning_rate": 0.1,
    "batch_size": 10,
    "holdout": 20,
    "precision": "float32",
}


def history(*losses: float | None) -> list[dict[str, Any]]:
    """A history with these held-out losses."""
    return [
        {"epoch": number, **({} if loss is None else {"held_out": {"loss": loss}})}
        for number, loss in enumerate(losses, 1)
    ]


def train(name: str = "mine", **given: Any) -> Trained:
    return library.train("mlp-vae", name=name, **{"epochs": 2, "seed": 3, **SMALL, **given})


@pytest.fixture
def few_digits() -> None:
    """40 real digits in ./digits."""
    data = load_dataset("mnist")
    Path("digits").mkdir()
    for index in range(40):
        to_image(data.samples[index]).save(f"digits/{index}.png")


@pytest.mark.parametrize(
    ("keep", "measure", "patience", "choice"),
    [
        (None, None, None, Choice()),
        ("best", None, None, Choice(keep="best")),
        ("every:5", None, None, Choice(keep="every", every=5)),
        ("last", "recall:3", 2, Choice(metric="recall", period=3, patience=2)),
        ("best", "frechet_distance", None, Choice(keep="best", metric="frechet_distance")),
    ],
)
def test_options_are_a_choice(keep: Any, measure: Any, patience: Any, choice: Choice) -> None:
    assert Choice.of(keep, measure, patience) == choice


@pytest.mark.parametrize(
    "keep", ["worst", "every", "every:0", "every:x", "every:-1", "best:2", "É"]
)
def test_what_is_no_epoch_to_keep_is_refused(keep: str) -> None:
    with pytest.raises(ConfigError, match="is none of last, best and every:N, such as every:5"):
        Choice.of(keep, None, None)


@pytest.mark.parametrize(
    ("measure", "said"),
    [
        ("frechet_distanc:5", "Did you mean 'frechet_distance'"),
        ("nll:5", "no metric that samples can be measured by"),
        ("bits_per_dimension", "no metric that samples can be measured by"),
        ("usefulness:2", "no metric that samples can be measured by"),
        ("confidence", "no metric that samples can be measured by"),
        ("recall:0", "such as recall:5"),
        ("recall:", "such as recall:5"),
        (":5", "Metrics: frechet_distance, kernel_distance"),
    ],
)
def test_what_is_no_metric_is_refused_and_mended(measure: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Choice.of("best", measure, None)


def test_the_best_epoch_is_the_first_of_the_lowest_loss() -> None:
    best = Choice(keep="best").best(history(5.0, 3.0, 3.0, None, 4.0))
    assert best is not None and best["epoch"] == 2
    assert Choice(keep="best").best(history(None)) is None
    assert Choice(keep="best").best(history(float("nan"), 9.0)) == history(None, 9.0)[1]


def test_a_metric_that_should_rise_is_best_at_its_highest() -> None:
    measured = [
        {"epoch": 1, "measured": {"recall": 0.2}},
        {"epoch": 2},
        {"epoch": 3, "measured": {"recall": 0.4}},
        {"epoch": 4, "measured": {"recall": 0.3}},
    ]
    best = Choice(metric="recall", keep="best").best(measured)
    assert best is not None and best["epoch"] == 3


def test_losses_of_several_optimizers_are_added() -> None:
    entry = {"held_out": {"a": 1.0, "b": 2.0, "accuracy": 0.5}, "minimised": ["a", "b"]}
    assert held_out_loss(entry) == 3.0


def test_patience_is_counted_in_judged_epochs_since_the_best() -> None:
    patient = Choice(patience=2)
    assert not patient.is_spent(history(5.0, 4.0, 4.5))
    assert not patient.is_spent(history(5.0, 4.0, 4.5, None))
    assert patient.is_spent(history(5.0, 4.0, 4.5, None, 4.1))
    assert not Choice().is_spent(history(1.0, 2.0, 3.0, 4.0))
    # where a finished training went on, it begins anew
    assert not patient.is_spent(history(4.0, 4.5, 4.5, 4.6), since=3)


def test_a_loss_that_fell_and_rose_is_told_with_its_best_epoch() -> None:
    said = turned(history(600.0, 555.0, 580.0, 653.0))
    assert "best after epoch 2 (555) and rose to 653" in said and "--epochs 2" in said
    assert turned(history(600.0, 590.0, 555.0, 556.0)) == ""
    assert turned(history(600.0, 555.0, 555.5, 555.6)) == ""
    assert turned([]) == ""


@pytest.mark.usefixtures("few_digits")
def test_the_best_epoch_is_kept_and_said_in_facts_and_card() -> None:
    best, last = train("best", epochs=6, keep="best", **OVERFITS), train(epochs=6, **OVERFITS)
    losses = [one["held_out"]["loss"] for one in best.history]
    lowest = losses.index(min(losses)) + 1
    assert 1 < lowest < 6, losses
    assert best.facts["kept"] == {
        "epoch": lowest,
        "of": 6,
        "best_epoch": lowest,
        "judged_by": "held_out_loss",
        "best_value": min(losses),
        "stopped_early": False,
    }
    assert f"epoch {lowest} of 6; the best by held out loss" in best.folder.card
    # to the bit what a training has that is ended there
    shorter = train("shorter", epochs=lowest, **OVERFITS)
    assert best.folder.sha256 == shorter.folder.sha256 != last.folder.sha256


@pytest.mark.usefixtures("few_digits")
def test_a_training_that_turned_is_told_at_its_end(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("zoo"), "propagate", True)
    train("last", epochs=6, **OVERFITS)
    assert "the model learns its training data by heart" in caplog.text
    caplog.clear()
    train("best", epochs=6, keep="best", **OVERFITS)
    assert "by heart" not in caplog.text


@pytest.mark.usefixtures("few_digits")
def test_patience_ends_a_training_and_the_best_epoch_is_its_checkpoint() -> None:
    made = train("patient", epochs=60, keep="best", patience=2, **OVERFITS)
    kept = made.facts["kept"]
    assert kept["stopped_early"] and kept["of"] == kept["epoch"] + 2 < 60
    assert len(made.history) == kept["of"]
    assert "stopped early" in made.folder.card


def test_named_data_holds_some_out_where_epochs_are_judged() -> None:
    assert train("judged", keep="best").facts["recipe"]["holdout"] == 80  # a tenth, 5,000 at most
    assert train("plain").facts["recipe"]["holdout"] == 0


def test_a_training_whose_losses_judge_nothing_is_refused_before_it_begins(
    zoo: Zoo, tmp_path: Path
) -> None:
    done = zoo("train", "mlp-gan", "--name", "x", "--keep", "best")
    assert done.exit_code == 1 and "--measure frechet_distance:5" in done.stderr
    assert not list((tmp_path / "home" / "runs").glob("x/*.json"))


@pytest.mark.long
def test_a_metric_judges_epochs_and_is_what_evaluate_measures() -> None:
    made = train("measured", epochs=3, keep="best", measure="frechet_distance:2")
    measured = {one["epoch"]: one.get("measured") for one in made.history}
    assert [epoch for epoch, value in measured.items() if value] == [2, 3]
    kept = made.facts["kept"]
    assert kept["judged_by"] == "frechet_distance"
    assert kept["best_value"] == measured[kept["epoch"]]["frechet_distance"]
    (found,) = [
        one
        for one in library.evaluate(made, test_images=20, importance_samples=2)
        if one.metric == "frechet_distance"
    ]
    assert found.value == pytest.approx(kept["best_value"], rel=1e-4)


@pytest.mark.usefixtures("few_digits")
def test_an_interrupted_training_keeps_the_same_best_epoch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session, "KEEP_SECONDS", 0.0)

    def stop_at(reports: Any, total: int, name: str) -> Any:
        for report in reports:
            yield report
            if report.epoch_ended and report.epoch == 4:
                raise KeyboardInterrupt

    whole = train("whole", epochs=6, keep="best", **OVERFITS)
    with pytest.raises(KeyboardInterrupt):
        train("mine", epochs=6, keep="best", **{**OVERFITS, "watch": stop_at})
    resumed = library.train(resume="mine", watch=None)
    assert resumed.folder.sha256 == whole.folder.sha256
    assert resumed.facts["kept"] == whole.facts["kept"]


@pytest.mark.usefixtures("few_digits")
def test_a_patient_training_killed_after_its_end_writes_its_checkpoint_and_trains_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = {"epochs": 60, "keep": "best", "patience": 1, **OVERFITS}
    whole = train("whole", **given)

    def killed(*_: Any) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr("zoo.training.keep._write", killed)
        with pytest.raises(SystemExit):
            train("mine", **given)
    made = library.train(resume="mine", watch=None)
    assert made.folder.sha256 == whole.folder.sha256 and made.history == whole.history
    assert made.facts["kept"] == whole.facts["kept"]


def test_every_nth_epoch_is_written_and_is_sampled_by_its_path(zoo: Zoo, tmp_path: Path) -> None:
    made = train(epochs=5, keep="every:2")
    run = tmp_path / "home" / "runs" / "mine"
    assert sorted(one.name for one in run.glob("mine-epoch-*")) == ["mine-epoch-2", "mine-epoch-4"]
    assert files.sha256(run / "mine-epoch-2" / "model.safetensors") == (
        train("two", epochs=2).folder.sha256
    )
    assert zoo("sample", run / "mine-epoch-4", "-n", 2, "--seed", 0, "-o", "a.png").exit_code == 0
    facts = json.loads((run / "mine-epoch-4" / "facts.json").read_text())
    assert facts["epoch"] == 4 and facts["dataset"] == "mnist"
    assert library.load(made).config.latent_dim == 2


def test_a_full_disk_on_the_way_says_how_to_go_on_and_leaves_no_half_epoch(tmp_path: Path) -> None:
    with (
        files_no_larger_than(20_000),
        pytest.raises(OutputError, match="Go on from the last state: zoo train --resume mine"),
    ):
        train(epochs=3, keep="every:1")
    run = tmp_path / "home" / "runs" / "mine"
    assert not list(run.glob("*epoch-1")) and not list(run.glob(".*partial"))
    made = library.train(resume="mine", watch=None)
    assert len(list(run.glob("mine-epoch-*"))) == 3 and len(made.history) == 3
    assert not (run / STATE).exists()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"patience": 0}, "pass a whole number of 1 or more"),
        ({"patience": True}, "pass a whole number"),
        ({"keep": 3}, "keep = '3': pass a text"),
        ({"measure": ["recall"]}, "pass a text"),
        ({"freeze": 3}, "pass a text, or a list of texts"),
        ({"log_with": [""]}, "pass a text, or a list of texts"),
    ],
)
def test_arguments_that_say_no_choice_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        train(**given)
