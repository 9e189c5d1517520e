"""zoo.evaluate: what the command measures, from Python; and words for arguments that are wrong."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import Zoo, make_model

import zoo as door
from zoo.checkpoints import Folder, recorded
from zoo.common import files
from zoo.common.errors import ConfigError, DataError, NotFoundError, OutputError, ZooError
from zoo.evaluation.measure import NotKeptError
from zoo.registry import installed
from zoo.sampling import provenance

Trained = Callable[..., Path]


@pytest.fixture
def mine(trained: Trained) -> str:
    shutil.copytree(trained("mlp-gan"), "mine")
    return "./mine"


def test_python_and_the_command_give_the_same_numbers(zoo: Zoo, mine: str) -> None:
    results = door.evaluate(mine, n=40, seed=3)
    shown = json.loads(zoo("evaluate", mine, "-n", 40, "--seed", 3, "--json").stdout)
    assert [one.to_dict() for one in results] == shown["evaluations"]


def test_results_print_as_a_table_and_show_as_one_in_a_notebook(zoo: Zoo, mine: str) -> None:
    results = door.evaluate(mine, n=40)
    assert repr(results) == zoo("evaluate", mine, "-n", 40).stdout.rstrip("\n")
    shown = results._repr_html_()
    assert shown.count("<tr>") == len(results) + 1 and "<td>Fréchet distance ↓</td>" in shown


def test_written_results_stand_in_the_facts(mine: str) -> None:
    results = door.evaluate(mine, n=40, write=True)
    assert recorded(Folder("mine").facts) == list(results)


def test_a_truncation_is_measured_recorded_and_told_on_the_card(zoo: Zoo, mine: str) -> None:
    plain = door.evaluate(mine, n=40)
    words = ["evaluate", mine, "-n", 40, "--truncation", 0.5]
    told = zoo(*words, "--write")
    assert told.exit_code == 0, told.stderr
    assert "truncation=0.5" in told.stdout
    kept = recorded(Folder("mine").facts)
    assert {one.options for one in kept} == {("truncation=0.5",)}
    assert [one.value for one in kept] != [one.value for one in plain]
    card = Folder("mine").card
    assert "truncation=0.5" in card
    assert "--truncation 0.5" in card and "--set truncation" not in card
    again = json.loads(zoo(*words, "--json").stdout)
    assert again["evaluations"] == [one.to_dict() for one in kept]
    # beside numbers without it they do not stand
    door.evaluate(mine, n=40, write=True)
    assert {one.options for one in recorded(Folder("mine").facts)} == {(), ("truncation=0.5",)}


def test_a_truncation_is_compared_with_the_same_alone(mine: str) -> None:
    shutil.copytree("mine", "other")
    door.evaluate(mine, n=40, truncation=0.5, write=True)
    found = door.compare(mine, "./other", n=40, truncation=0.5, output="both.png")
    assert {one.options for column in found.columns.values() for one in column} == {
        ("truncation=0.5",)
    }
    assert "--truncation 0.5" in provenance.read(Path("both.png"))["command"]
    plain = door.compare(mine, "./other", n=40)
    assert {one.options for column in plain.columns.values() for one in column} == {()}


@pytest.mark.parametrize("truncation", [-1, 11, "half", True, float("nan")])
def test_what_is_no_truncation_is_refused(mine: str, truncation: Any) -> None:
    with pytest.raises(ConfigError, match="not a number from 0 to 10"):
        door.evaluate(mine, n=40, truncation=truncation)
    with pytest.raises(ConfigError, match="leave out --truncation or --usefulness"):
        door.evaluate(mine, n=40, truncation=0.5, usefulness=True)


@pytest.mark.parametrize("named", ["path", "folder", "object with a path"])
def test_a_checkpoint_is_named_in_any_way_that_knows_its_folder(named: str, mine: str) -> None:
    reference: Any = {
        "path": Path("mine"),
        "folder": Folder("mine"),
        "object with a path": SimpleNamespace(path=Path("mine").absolute()),
    }[named]
    assert len(door.evaluate(reference, n=20)) == len(door.evaluate(mine, n=20))


def test_numbers_of_numpy_and_paths_are_taken(mine: str) -> None:
    results = door.evaluate(mine, n=np.int64(20), seed=np.int32(2), data="mnist")  # type: ignore[arg-type]
    assert {(one.n, one.seed) for one in results} == {(20, 2)}


def test_a_watcher_sees_every_sample(mine: str) -> None:
    seen: dict[str, int] = {}

    def watch(batches: Any, n: int, doing: str) -> Any:
        for batch in batches:
            seen[doing] = seen.get(doing, 0) + len(batch[0])
            yield batch

    door.evaluate(mine, n=30, watch=watch)
    assert seen["Sampling"] == 30


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n": 19}, ConfigError, "n = 19 is out of range: pass a whole number of 20 or more"),
        ({"n": 40.5}, ConfigError, "n = 40.5 is of the type float: pass a whole"),
        ({"n": "40"}, ConfigError, "n = '40' is of the type str: pass a whole"),
        ({"n": True}, ConfigError, "n = True is of the type bool: pass a whole"),
        ({"seed": -1}, ConfigError, "seed = -1 is out of range: pass a whole number of 0 or more"),
        (
            {"seed": 2**63},
            ConfigError,
            "seed is out of range: pass a whole number of 9,223,372,036,854,775,807 or less",
        ),
        ({"importance_samples": 0}, ConfigError, "importance_samples = 0 is out of range"),
        ({"test_images": 0}, ConfigError, "test_images = 0 is out of range"),
        ({"data": "mnst"}, NotFoundError, "data set 'mnst'. Did you mean 'mnist'"),
        ({"data": "./nowhere"}, DataError, "./nowhere is not a folder of images"),
        ({"data": 7}, ConfigError, "data must be the name of a data set, or the path"),
        ({"features": "digit"}, NotFoundError, "features 'digit'. Did you mean 'digits'"),
        ({"features": 7}, ConfigError, "features must be a name, not int 7"),
        ({"weights": "nowhere.safetensors"}, ZooError, "nowhere.safetensors is not a file"),
        ({"weights": 7}, ConfigError, "weights must be the path of a file, not int 7"),
        ({"data_root": 7}, ConfigError, "data_root must be the path of a folder, not int 7"),
        (
            {"threads": 0},
            ConfigError,
            "threads = 0 is out of range: pass a whole number from 1 to 4096",
        ),
        ({"device": "tpu7"}, ConfigError, "There is no device 'tpu7'"),
        ({"write": True, "reference": "vae-mnist"}, OutputError, "vae-mnist, which is bundled"),
        ({"reference": "no-such"}, NotFoundError, "No checkpoint is called 'no-such'"),
        (
            {"reference": 7},
            ConfigError,
            "reference = 7 is of the type int: pass a checkpoint's name",
        ),
        ({"reference": None}, ConfigError, "Name the checkpoint to measure"),
    ],
)
def test_a_wrong_argument_is_refused_in_words(
    arguments: dict[str, Any], error: type[ZooError], message: str, mine: str
) -> None:
    with pytest.raises(error) as refused:
        door.evaluate(**{"reference": mine, **arguments})
    assert message in str(refused.value)


def test_a_model_in_memory_is_told_to_be_kept_first() -> None:
    with pytest.raises(ConfigError, match=r"in memory, first write a folder with zoo\.save"):
        door.evaluate(make_model("mlp-gan", generator_dims=(8,)))


def test_results_that_cannot_be_written_are_not_lost(
    mine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, value: object) -> None:
        raise OutputError(f"{path}: no space left")

    monkeypatch.setattr(files, "write_json", full)
    with pytest.raises(NotKeptError, match="no space left") as stopped:
        door.evaluate(mine, n=20, write=True)
    assert "Fréchet distance" in repr(stopped.value.results)


@pytest.mark.parametrize(
    "call",
    [
        "zoo.evaluate('vae-mnist', n=3)",
        "zoo.evaluate('vae-mnist', data='mnst')",
        "zoo.evaluate('vae-mnist', features='digit')",
        "zoo.evaluate('vae-mnist', write=True)",
        "zoo.compare('vae-mnist', 'gan-mnist', features='digit')",
        "zoo.compare('vae-mnist', 'gan-mnist', data='mnst')",
        "zoo.compare('vae-mnist', 'gan-mnist', output='both.gif')",
        "zoo.compare('vae-mnist', 'no-such')",
    ],
)
def test_what_can_be_refused_without_torch_is_refused_before_it_is_imported(call: str) -> None:
    code = f"import sys, zoo\ntry: {call}\nexcept zoo.ZooError: print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr


def test_a_checkpoint_of_a_class_of_ones_own_is_measured(tmp_path: Path) -> None:
    model_class = installed().model_class("mlp-gan")

    class Mine(model_class):  # type: ignore[misc,valid-type]
        pass

    for name in ("one", "two"):
        door.save(Mine(Mine.Config(generator_dims=(8,))), name, dataset="mnist")
    with pytest.raises(NotFoundError, match="needs the class 'Mine'"):
        door.evaluate("./one", n=20)
    assert len(door.evaluate("./one", n=20, model=Mine)) > 5
    trained = SimpleNamespace(path=Path("two"), model=door.load("./two", model=Mine))
    assert len(door.evaluate(trained, n=20)) > 5  # type: ignore[arg-type]
    assert door.compare("./one", trained, n=20, model=Mine).checkpoints == ("./one", "./two")  # type: ignore[arg-type]
