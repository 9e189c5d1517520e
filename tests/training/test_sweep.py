"""Sweeps: each combination of a grid, one at a time or several, goes on after a kill."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import Zoo

import zoo as library
from zoo.common import files
from zoo.common.errors import ConfigError, OutputError, TrainingError

SMALL: dict[str, Any] = {"hidden_dims": 8, "epochs": 1, "watch": None}
WORDS = ["--set", "hidden_dims=8", "--epochs", "1"]


def sweep(grid: Any, name: str | None = "s", **given: Any) -> Any:
    return library.sweep("mlp-vae", grid, name=name, **{**SMALL, **given})


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ([f"seed={';'.join(map(str, range(100)))}", f"epochs={';'.join(map(str, range(1, 101)))}"],
         r"10,000 trainings \(100 × 100\); 1,000 are the most"),
        (["latent_dim"], "not of the form FIELD=VALUE;VALUE"),
        (["latent_dim=2;;3"], "not of the form"),
        (["=2"], "not of the form"),
        (["latent_dim=2", "latent_dim=3"], "names each field once"),
        (["latent_dim=2;2"], "the same value twice"),
        (["name=a;b"], "can't vary 'name'"),
        (["out=a;b"], "can't vary 'out'"),
        (["data=./a/x;./b/x"], "would be called 's-data-x'"),
        ([f"latent_dim={'1' * 60}"], "Choose a shorter --name"),
        ({}, "An empty grid"),
        ({"latent_dim": 2}, "needs a list of values"),
        ({"latent_dim": []}, "needs a list of values"),
        ({"latent_dim": "28"}, "needs a list of values"),
        ("latent_dim=2", "give a dict"),
        (3, "give a dict"),
        ({"latentdim": [2]}, "Did you mean 'latent_dim'"),
        ({"latent_dim": [0]}, "out of bounds"),
        ({"seed": [-1]}, "no whole number"),
        ({"epochs": [0]}, "pass a whole number of 1 or more"),
        ({"data": ["nmist"]}, "nmist"),
    ],
)  # fmt: skip  # a table
def test_a_grid_that_can_not_be_trained_is_refused_before_the_first(
    grid: Any, said: str, tmp_path: Path
) -> None:
    with pytest.raises(library.ZooError, match=said):
        sweep(grid)
    assert not (tmp_path / "home" / "runs").exists()


def test_every_combination_is_trained_and_rows_are_for_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    made = sweep({"latent_dim": [2, 3], "seed": [0, 1]}, holdout=100)
    assert [one.name for one in made] == made.names
    assert [one.model.config.latent_dim for one in made] == [2, 2, 3, 3]
    assert len({one.folder.sha256 for one in made}) == 4
    frame = pandas.DataFrame(made.rows)
    assert list(frame["seed"]) == [0, 1, 0, 1]
    assert frame.groupby("latent_dim")["held_out_loss"].mean().notna().all()


def test_the_same_call_trains_only_what_is_missing(caplog: pytest.LogCaptureFixture) -> None:
    first = sweep({"seed": [0, 1]})
    stamps = [(one.path / "model.safetensors").stat().st_mtime_ns for one in first]
    more = sweep({"seed": [0, 1, 2]})
    assert [(one.path / "model.safetensors").stat().st_mtime_ns for one in more][:2] == stamps
    assert len(more) == 3


def test_a_name_that_another_checkpoint_has_is_refused_before_the_first(tmp_path: Path) -> None:
    library.train("mlp-vae", name="s-seed-1", **{**SMALL, "latent_dim": 5})
    with pytest.raises(OutputError, match="'s-seed-1' is in the store already"):
        sweep({"seed": [0, 1]})
    assert not (tmp_path / "home" / "checkpoints" / "s-seed-0").exists()


def test_one_that_fails_does_not_keep_the_others_from_their_turn(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"1 of 2 trainings failed[\s\S]*s-learning_rate-1000"):
        sweep({"learning_rate": [1000, 1e-3]}, precision="float32", epochs=2)
    assert (tmp_path / "home" / "checkpoints" / "s-learning_rate-0.001").is_dir()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"out": "made"}, "leave out out"),
        ({"resume": "s"}, "leave resume out"),
        ({"workers": 0}, "pass a whole number from 1 to 256"),
        ({"workers": True}, "pass a whole number"),
        ({"name": None}, "Name the trainings of a grid"),
        ({"seed": 7}, "varies 'seed', and one value is given, too"),
    ],
)
def test_what_a_grid_can_not_take_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        sweep({"seed": [0, 1]}, **given)


@pytest.mark.parametrize("given", [{"latent_dim": 4}, {"fields": ["latent_dim=4"]}])
def test_what_is_varied_and_given_as_well_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="varies 'latent_dim', and one value is given, too"):
        sweep({"latent_dim": [2, 8]}, **given)


@pytest.mark.long
def test_workers_make_the_same_checkpoints_side_by_side(zoo: Zoo, tmp_path: Path) -> None:
    one = sweep({"seed": [0, 1]}, threads=1)
    digests = [made.folder.sha256 for made in one]
    library.remove("s-*")
    done = zoo("train", "mlp-vae", "--name", "s", *WORDS, "--grid", "seed=0;1", "--workers", 2)
    assert done.exit_code == 0, done.stderr
    assert "[2/2]" in done.stderr
    folders = [Path(line) for line in done.stdout.splitlines()]
    assert [files.sha256(folder / "model.safetensors") for folder in folders] == digests


@pytest.mark.kills
@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_grid_goes_on_to_the_same_checkpoints(workers: int, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "zoo", "train", "mlp-vae", "--name", "s", "--grid", "seed=0;1"]
    command += ["--set", "hidden_dims=8", "--epochs", "40", "--workers", str(workers)]
    environment = {**os.environ, "PYTHONPATH": ":".join(sys.path), "OMP_NUM_THREADS": "1"}
    runs = tmp_path / "home" / "runs"
    killed = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        until(lambda: any(runs.glob("*/epoch-003.png")))
    finally:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
    # the workers hear of it, keep their state and end
    until(lambda: not any(is_locked(run) for run in runs.glob("s-*")))
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    for folder in map(Path, done.stdout.splitlines()):
        facts = json.loads((folder / "facts.json").read_text())
        whole = library.train(
            "mlp-vae", name=f"whole-{facts['seed']}", epochs=40, seed=facts["seed"],
            hidden_dims=8, watch=None, threads=1,
        )  # fmt: skip  # a call
        assert facts["history"] == whole.history
        assert files.sha256(folder / "model.safetensors") == whole.folder.sha256


def until(holds: Any, seconds: float = 120) -> None:
    """Wait until something holds."""
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, "it never came to that"
        time.sleep(0.05)


def is_locked(folder: Path) -> bool:
    """Whether a process is at work in the folder of a training."""
    try:
        with files.alone(folder, wait=False):
            return False
    except OutputError:
        return True
