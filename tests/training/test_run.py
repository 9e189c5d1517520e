"""Run: what a training's folder keeps is enough to go on bit for bit, and what is damaged is said
to be.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import files_no_larger_than
from PIL import Image
from trainings import MODELS, digits, everything, fresh

from zoo.common.errors import CheckpointError, OutputError
from zoo.models.interface import GenerativeModel, TrainConfig
from zoo.training import loop
from zoo.training.loop import fit
from zoo.training.request import SETTINGS
from zoo.training.run import HISTORY, STATE, Run
from zoo.training.state import TrainingState


@pytest.fixture
def reports_at_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "REPORT_SECONDS", 0.0)


def kept_at(folder: Path, step: int, recipe: TrainConfig, name: str = "vae") -> Run:
    """A run that was stopped after a step."""
    run, state = Run(folder), fresh(name)
    run.begin({"model": MODELS[name][0]})
    for report in fit(state, digits(), recipe):
        if report.step == step:
            run.keep(state, {"seconds": 1.5, "history": [{"epoch": 1}]})
            return run
    raise AssertionError("it never came to that step")


@pytest.mark.usefixtures("reports_at_each_step")
@pytest.mark.parametrize("step", [1, 6, 7, 11], ids=lambda step: f"step{step}")
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("vae", {"ema_decay": 0.9, "schedule": "cosine", "warmup": 0.3}),
        (
            "vae",
            {
                "optimizer": "adamw",
                "weight_decay": 0.01,
                "augment": ("shift", "rotate"),
                "max_grad_norm": 1.0,
            },
        ),
        ("vae", {"optimizer": "sgd", "momentum": 0.9, "learning_rate": 1e-4}),
        ("vae", {"optimizer": "sgd", "learning_rate": 1e-4}),
        ("vae", {"optimizer": "rmsprop", "momentum": 0.5, "balance": True, "holdout": 10}),
        ("gan", {"ema_decay": 0.9, "learning_rates": {"discriminator": 4e-4}}),
        ("spectral", {"ema_decay": 0.9, "precision": "bf16"}),
        ("gan", {"ema_decay": 0.9, "ema_buffers": True, "warmups": {"generator": 0.5}}),
    ],
    ids=str,
)
def test_what_was_stopped_goes_on_bit_for_bit(
    name: str, settings: dict[str, Any], step: int, tmp_path: Path
) -> None:
    recipe = TrainConfig(
        **{"epochs": 3, "batch_size": 28, "learning_rate": 1e-3, **settings}
    )  # 7 steps an epoch
    whole = fresh(name)
    reports = list(fit(whole, digits(), recipe))
    run, resumed = kept_at(tmp_path / "run", step, recipe, name), fresh(name)
    resumed.prepare(recipe)
    assert run.restore(resumed) == {"seconds": 1.5, "history": [{"epoch": 1}]}
    assert resumed.step == step
    rest = list(fit(resumed, digits(), recipe))
    one, other = everything(whole), everything(resumed)
    assert one.keys() == other.keys()
    assert [key for key in one if not torch.equal(one[key], other[key])] == []
    # losses are means since the epoch began, of the steps before the stop too
    assert [report[:5] for report in rest] == [report[:5] for report in reports[step:]]


def test_a_training_kept_at_its_very_end_has_nothing_left_to_do(tmp_path: Path) -> None:
    recipe = TrainConfig(epochs=2, batch_size=50)
    run, state = kept_at(tmp_path / "run", 8, recipe), fresh()
    state.prepare(recipe)
    run.restore(state)
    assert list(fit(state, digits(), recipe)) == []


@pytest.mark.usefixtures("reports_at_each_step")
def test_a_training_stops_where_it_is_asked_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "REPORT_SECONDS", 1e9)
    state, steps = fresh(), []
    state.report_now = True
    for report in fit(state, digits(), TrainConfig(epochs=1, batch_size=20)):
        steps.append(report.step)
        state.report_now = report.step == 1
    assert steps == [1, 2, 10]


# --- what is damaged, or of something else


@pytest.fixture
def stopped(tmp_path: Path) -> Run:
    """A run of a VAE with averaged weights, stopped at the end of its first epoch."""
    return kept_at(tmp_path / "run", 4, RECIPE)


RECIPE = TrainConfig(epochs=2, batch_size=50, ema_decay=0.9)


def refusal(run: Run, state: TrainingState | None = None, recipe: TrainConfig = RECIPE) -> str:
    state = state or fresh()
    state.prepare(recipe)
    with pytest.raises(CheckpointError) as refused:
        run.restore(state)
    return str(refused.value)


@pytest.mark.parametrize("size", [0, 4, 8, 100, 5000, -1])
def test_a_truncated_state_is_refused_by_name(size: int, stopped: Run) -> None:
    path = stopped.folder / STATE
    path.write_bytes(path.read_bytes()[:size])
    assert f"{path} is damaged" in refusal(stopped)


def test_a_bit_that_flipped_anywhere_is_found(stopped: Run) -> None:
    path = stopped.folder / STATE
    whole = path.read_bytes()
    length = 8 + int.from_bytes(whole[:8], "little")
    generator = torch.Generator().manual_seed(0)
    places = [
        *range(0, length, 67),
        *torch.randint(length, len(whole), (25,), generator=generator).tolist(),
    ]
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << (place % 8)
        path.write_bytes(damaged)
        assert f"{path} is damaged" in refusal(stopped), place
    path.write_bytes(whole)
    state = fresh()
    state.prepare(RECIPE)
    assert stopped.restore(state)["seconds"] == 1.5  # and nothing was lost by trying


@pytest.mark.parametrize(
    ("state", "recipe"),
    [
        (lambda: fresh("gan"), RECIPE),
        (lambda: fresh(latent_dim=3), RECIPE),
        (fresh, TrainConfig(epochs=2, batch_size=50)),
        (lambda: fresh(seed=4), RECIPE),
    ],
    ids=["model", "config", "average", "seed"],
)
def test_a_state_of_another_training_is_refused(
    state: Any, recipe: TrainConfig, stopped: Run
) -> None:
    assert "of another" in refusal(stopped, state(), recipe)


def test_a_folder_without_an_unfinished_training_is_refused(stopped: Run) -> None:
    stopped.finish()
    with pytest.raises(CheckpointError, match="holds no unfinished training"):
        _ = stopped.settings


def test_settings_that_are_no_json_are_refused_by_name(stopped: Run) -> None:
    (stopped.folder / SETTINGS).write_text("{")
    with pytest.raises(CheckpointError, match=r"run\.json"):
        _ = stopped.settings


def test_an_unfinished_training_is_not_begun_over(stopped: Run) -> None:
    before = {path.name: path.read_bytes() for path in stopped.folder.iterdir()}
    with pytest.raises(
        OutputError, match=r"unfinished training\. Continue it with: zoo train --resume .*run"
    ):
        Run(stopped.folder).begin({"model": "another"})
    assert {path.name: path.read_bytes() for path in stopped.folder.iterdir()} == before


def test_a_finished_one_is_begun_over_without_its_old_grids_and_history(stopped: Run) -> None:
    stopped.log(4, [{"epoch": 1}], Image.new("L", (4, 4)))
    stopped.finish()
    for left in ("last-good", "tensorboard"):
        (stopped.folder / left).mkdir()
    (stopped.folder / ".history.jsonl.0.partial").touch()
    stopped.begin({"model": "another"})
    assert [path.name for path in stopped.folder.iterdir()] == [SETTINGS]
    assert json.loads((stopped.folder / SETTINGS).read_text()) == {"model": "another"}


def test_what_found_no_place_is_not_begun_over(stopped: Run) -> None:
    stopped.finish()
    (stopped.folder / "unsaved").mkdir()
    with pytest.raises(
        OutputError,
        match="unsaved holds the result of an earlier training: move it to another place",
    ):
        stopped.begin({"model": "another"})
    assert [path.name for path in stopped.folder.iterdir()] == ["unsaved"]


def test_what_a_killed_process_left_half_written_goes_when_the_next_state_is_kept(
    stopped: Run,
) -> None:
    (stopped.folder / f".{STATE}.0a1b2c3d.partial").write_bytes(b"half")
    state = fresh()
    state.prepare(RECIPE)
    stopped.keep(state, {})
    assert sorted(path.name for path in stopped.folder.iterdir()) == [SETTINGS, STATE]


def test_a_full_disk_costs_the_state_that_was_kept_before_nothing(stopped: Run) -> None:
    before = (stopped.folder / STATE).read_bytes()
    state = fresh()
    state.prepare(RECIPE)
    with (
        files_no_larger_than(10_000),
        pytest.raises(OutputError, match=r"Can't write .*state\.safetensors"),
    ):
        stopped.keep(state, {})
    assert (stopped.folder / STATE).read_bytes() == before
    assert not list(stopped.folder.glob(".*.partial"))


def tied(model: GenerativeModel[Any]) -> GenerativeModel[Any]:
    model.decoder[-1].bias = model.decoder[-1].bias  # type: ignore[index,union-attr]
    model.again = model.decoder  # type: ignore[assignment]
    return model


def test_a_state_that_is_no_regular_file_is_refused_and_hangs_nothing(stopped: Run) -> None:
    (stopped.folder / STATE).unlink()
    os.mkfifo(stopped.folder / STATE)
    state = fresh()
    state.prepare(RECIPE)
    with pytest.raises(CheckpointError, match="it is a named pipe, not a regular file"):
        stopped.restore(state)


def test_tied_weights_are_kept_and_restored(tmp_path: Path) -> None:
    recipe, run = TrainConfig(epochs=1, batch_size=100), Run(tmp_path / "run")
    state, other = fresh(), fresh()
    for one in (state, other):
        tied(one.model)
    list(fit(state, digits(), recipe))
    run.keep(state, {})
    other.prepare(recipe)
    run.restore(other)
    assert all(
        torch.equal(tensor, everything(other)[key]) for key, tensor in everything(state).items()
    )


# --- history

HISTORY_OF_TWO: list[dict[str, Any]] = [
    {"epoch": 1, "step": 10, "losses": {"model": 200.5}, "held_out": {"model": 210.0}},
    {
        "epoch": 2,
        "step": 20,
        "losses": {"model": 150.25},
        "held_out": {"model": 180.0},
        "watched": {"diversity": 0.9},
    },
]


def test_the_history_is_a_line_of_json_for_each_epoch(tmp_path: Path) -> None:
    run = Run(tmp_path)
    for end in (1, 2):
        run.log(10 * end, HISTORY_OF_TWO[:end], Image.new("L", (4, 4), end))
    lines = (tmp_path / HISTORY).read_text().splitlines()
    assert [json.loads(line) for line in lines] == HISTORY_OF_TWO
    assert sorted(path.name for path in tmp_path.glob("*.png")) == [
        "epoch-001.png",
        "epoch-002.png",
    ]


@pytest.mark.usefixtures("reports_at_each_step")
@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has no names that are not UTF-8")
def test_a_state_in_a_folder_whose_name_is_not_utf8_is_restored(tmp_path: Path) -> None:
    recipe = TrainConfig(epochs=1, batch_size=28)
    run, resumed = kept_at(tmp_path / "\udcffrun", 3, recipe), fresh("vae")
    resumed.prepare(recipe)
    run.restore(resumed)
    assert resumed.step == 3
