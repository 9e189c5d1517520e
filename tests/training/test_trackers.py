"""Trackers: TensorBoard and wandb get what happens, and one that fails does not end a training."""

import json
import logging
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Zoo
from PIL import Image

from zoo.common.errors import ConfigError, MissingDependencyError
from zoo.training.trackers import Trackers

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
# of LevelDB's log format
BLOCK, WHOLE, LAST = 32768, 1, 4
SMALL = ["--set", "hidden_dims=8", "--set", "latent_dim=2", "--epochs", "1", "--seed", "0"]


def test_tensorboard_gets_the_losses_and_a_picture(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    trackers = Trackers(["tensorboard"], tmp_path, "mine")
    trackers.begin({"seed": 0, "config": {"latent_dim": 2}})
    for end in (1, 2):
        trackers.log(HISTORY_OF_TWO[end - 1], Image.new("L", (6, 4), 40 * end))
    trackers.close()
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    read = {
        tag: [(one.step, one.value) for one in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }
    assert read == {
        "losses/model": [(10, 200.5), (20, 150.25)],
        "held_out/model": [(10, 210.0), (20, 180.0)],
        "watched/diversity": [(20, pytest.approx(0.9))],
    }
    pictures = events.Images("samples")
    assert [(one.step, one.width, one.height) for one in pictures] == [(10, 6, 4), (20, 6, 4)]
    configs = [path.read_text() for path in (tmp_path / "tensorboard").rglob("hparams.yml")]
    assert configs == ["config/latent_dim: 2\nseed: 0\n"]


def test_what_a_killed_process_showed_of_later_steps_is_shown_once(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    for steps in ((10, 20, 30), (20, 30, 40)):  # the second goes on from a state of step 10
        # TensorBoard names its files by the second, and reads them in the order of their names.
        time.sleep(1 - time.time() % 1)
        trackers = Trackers(["tensorboard"], tmp_path, "mine")
        trackers.begin({}, 0 if steps[0] == 10 else 10)
        for step in steps:
            trackers.log({"epoch": step // 10, "step": step, "losses": {"model": float(step)}})
        trackers.close()
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [one.step for one in events.Scalars("losses/model")] == [10, 20, 30, 40]


def test_without_tensorboard_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [
        name for name in sys.modules if name.startswith(("tensorboard", "torch.utils.tensorboard"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)  # type: ignore[arg-type]  # how Python says: not there
    with pytest.raises(MissingDependencyError, match=r"pip install 'genzoo\[tensorboard\]'"):
        Trackers(["tensorboard"], tmp_path, "mine")


def test_a_name_that_no_tracker_has_is_mended(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no tracker is called so\. Did you mean 'wandb'"):
        Trackers(["wandbb"], tmp_path, "mine")


@pytest.mark.parametrize("name", ["comet_ml", "swanlab", "aim"])
def test_a_tracker_that_is_not_installed_is_said_and_the_training_goes_on(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)  # type: ignore[arg-type]  # how Python says: not there
    logger = logging.getLogger("zoo")
    monkeypatch.setattr(logger, "propagate", True)
    trackers = Trackers([name, "tensorboard"], tmp_path, "mine")
    trackers.begin({"seed": 0})
    trackers.log(HISTORY_OF_TWO[0])
    trackers.end(10, {"sha256": "00"})
    assert f"{name} does not follow this training" in caplog.text
    assert f"pip install {name.replace('_', '-')}" in caplog.text
    assert list((tmp_path / "tensorboard").glob("events.*"))


def zoo_train(folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """A training in a process of its own, which wandb follows."""
    import os

    variables = {key: one for key, one in os.environ.items() if not key.startswith("WANDB")}
    command = ["train", "mlp-vae", "--name", "mine", *SMALL, "--log-with", "wandb"]
    return subprocess.run(
        [sys.executable, "-m", "zoo", *command],
        env={**variables, "PYTHONPATH": ":".join(sys.path), **environment},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
    )


def records_of(content: bytes) -> Iterator[bytes]:
    """The records of a file that wandb keeps: LevelDB's log format after a head of 7 bytes."""
    position, record = 7, b""
    while position + 7 <= len(content):
        left = BLOCK - position % BLOCK
        if left < 7:
            position += left
            continue
        length, kind = struct.unpack("<HB", content[position + 4 : position + 7])
        record += content[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (WHOLE, LAST):
            yield record
            record = b""


@pytest.mark.long
def test_wandb_keeps_losses_grids_config_and_the_digest_offline(tmp_path: Path) -> None:
    from wandb.proto import wandb_internal_pb2

    done = zoo_train(tmp_path, WANDB_MODE="offline", WANDB_SILENT="true")
    assert done.returncode == 0, done.stderr
    (kept,) = (tmp_path / "home" / "runs" / "mine" / "wandb").glob("offline-run-*/run-*.wandb")
    seen: dict[str, Any] = {}
    for record in records_of(kept.read_bytes()):
        parsed = wandb_internal_pb2.Record()
        parsed.ParseFromString(record)
        for item in [*parsed.history.item, *parsed.config.update, *parsed.run.config.update]:
            seen[item.key or "/".join(item.nested_key)] = json.loads(item.value_json)
    facts = json.loads((tmp_path / "home" / "checkpoints" / "mine" / "facts.json").read_text())
    origin = json.loads((tmp_path / "home" / "checkpoints" / "mine" / "origin.json").read_text())
    assert seen["losses/loss"] == pytest.approx(facts["history"][0]["losses"]["loss"])
    assert seen["config/latent_dim"] == 2 and seen["seed"] == 0
    assert seen["sha256"] == origin["sha256"]["model.safetensors"]
    assert list(kept.parent.rglob("samples*.png"))


def test_wandb_gets_one_run_of_a_training_that_goes_on_and_another_of_a_new_one(
    tmp_path: Path,
) -> None:
    first = Trackers(["wandb"], tmp_path, "mine")._id(step=0)
    assert Trackers(["wandb"], tmp_path, "mine")._id(step=5) == first
    assert Trackers(["wandb"], tmp_path, "mine")._id(step=0) != first


@pytest.mark.long
def test_a_training_goes_on_where_wandb_can_not_log_in(tmp_path: Path) -> None:
    done = zoo_train(tmp_path, WANDB_MODE="online", HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "wandb does not follow this training: it could not start" in done.stderr
    assert (tmp_path / "home" / "checkpoints" / "mine" / "model.safetensors").is_file()


def test_several_trackers_are_asked_for_in_one_command(zoo: Zoo, tmp_path: Path) -> None:
    several = ["--log-with", "tensorboard", "--log-with", "comet_ml"]
    done = zoo("train", "mlp-vae", "--name", "mine", *SMALL, *several)
    assert done.exit_code == 0, done.stderr
    assert "comet_ml does not follow this training" in done.stderr
    assert list((tmp_path / "home" / "runs" / "mine").glob("tensorboard/events.*"))


def test_a_misspelt_tracker_is_refused_before_the_training(zoo: Zoo, tmp_path: Path) -> None:
    done = zoo("train", "mlp-vae", "--name", "mine", *SMALL, "--log-with", "tensorbord")
    assert done.exit_code == 1 and "Did you mean 'tensorboard'?" in done.stderr
    assert not (tmp_path / "home" / "checkpoints").exists()
