"""Keeping the home in order: what goes is said and asked for, and what can be had again is freed."""

import json
import multiprocessing
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import Zoo
from stores import TINY, keep, stop_early

import zoo as door
from zoo.checkpoints.folder import WEIGHTS
from zoo.cli import main
from zoo.common import files
from zoo.common.errors import ConfigError, NotFoundError, OutputError

Trained = Callable[..., Path]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def answering(monkeypatch: pytest.MonkeyPatch, answer: str, *words: str) -> "tuple[int, str]":
    """Run a command as if a person sat at a terminal, and answered."""
    monkeypatch.setattr("zoo.cli.confirm.has_terminal", lambda: True)
    result = CliRunner().invoke(main, list(words), input=answer)
    return result.exit_code, result.output


# zoo rm


def test_what_would_go_is_said_and_asked_for(
    home: Path, trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = keep(home, trained("mlp-vae"))
    code, said = answering(monkeypatch, "n\n", "rm", "mine")
    assert code == 1 and directory.is_dir()
    assert "mine: checkpoint, " in said and "Remove 1 checkpoint (" in said
    code, said = answering(monkeypatch, "y\n", "rm", "mine")
    assert code == 0 and not directory.exists() and "Removed mine" in said


def test_without_a_terminal_nothing_is_removed_unless_told(
    zoo: Zoo, home: Path, trained: Trained
) -> None:
    directory = keep(home, trained("mlp-vae"))
    result = zoo("rm", "mine")
    assert result.exit_code == 1 and directory.is_dir() and "--yes" in result.stderr
    assert zoo("rm", "mine", "--yes").exit_code == 0 and not directory.exists()


def test_patterns_take_checkpoints_and_unfinished_trainings_and_nothing_bundled(
    zoo: Zoo, home: Path, trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("s-1", "s-2", "other"):
        keep(home, trained("mlp-vae"), name)
    stop_early(zoo, "s-3", monkeypatch)
    result = zoo("rm", "s-*", "--yes", "--json")
    found = [(one["name"], one["what"]) for one in json.loads(result.stdout)]
    assert found == [("s-1", "checkpoint"), ("s-2", "checkpoint"), ("s-3", "training")]
    assert [one.name for one in (home / "checkpoints").iterdir()] == ["other"]
    refused = zoo("rm", "*-mnist", "--yes")
    assert refused.exit_code == 1 and "Nothing here matches '*-mnist'" in refused.stderr


def test_from_python_names_are_one_or_several(home: Path, trained: Trained) -> None:
    for name in ("a", "b", "c"):
        keep(home, trained("mlp-vae"), name)
    (record,) = door.remove("a")
    assert record["bytes_freed"] == record["bytes"] > 0
    removed = door.remove(["b", "c"])
    assert [one["name"] for one in removed] == ["b", "c"]
    assert "<td>b</td><td>checkpoint</td>" in removed._repr_html_() and str(home) not in str(
        removed
    )
    with pytest.raises(NotFoundError):
        door.remove("a")


@pytest.mark.parametrize("names", [7, None, [7], {"a": 1}.values()])
def test_names_that_are_none_are_refused(names: object) -> None:
    with pytest.raises((ConfigError, NotFoundError)):
        door.remove(names)  # type: ignore[arg-type]


def test_a_checkpoint_goes_before_the_training_that_goes_on_under_its_name(
    zoo: Zoo, home: Path, trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_early(zoo, "mine", monkeypatch)
    keep(home, trained("mlp-vae"))
    (first,) = door.remove("mine")
    assert (first["what"], first["with_run"]) == ("checkpoint", False)
    (second,) = door.remove("mine")
    assert second["what"] == "training" and not (home / "runs" / "mine").exists()


def _work(folder: Path, begun: "multiprocessing.synchronize.Event") -> None:
    with files.alone(folder):
        begun.set()
        time.sleep(120)


def test_a_training_at_work_is_not_removed(
    zoo: Zoo, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_early(zoo, "mine", monkeypatch)
    begun = multiprocessing.Event()
    process = multiprocessing.Process(target=_work, args=(home / "runs" / "mine", begun))
    process.start()
    try:
        assert begun.wait(60)
        with pytest.raises(OutputError, match="is running in another process"):
            door.remove("mine")
    finally:
        process.kill()
        process.join()


# zoo verify


def test_patterns_choose_what_is_verified(zoo: Zoo, home: Path, trained: Trained) -> None:
    for name in ("s-1", "s-2"):
        keep(home, trained("mlp-vae"), name)
    weights = home / "checkpoints" / "s-2" / WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-1])
    found = {one["name"]: one["ok"] for one in door.verify("s-*")}
    assert found == {"s-1": True, "s-2": False}
    result = zoo("verify", "s-*")
    assert result.exit_code == 1 and "Damaged: s-2" in result.stderr
    assert zoo("verify", "s-1").exit_code == 0


# zoo space


def test_space_says_what_the_home_holds_in_bytes(zoo: Zoo, home: Path, trained: Trained) -> None:
    keep(home, trained("mlp-vae"))
    (home / "features").mkdir()
    (home / "features" / "one.safetensors").write_bytes(b"x" * 1000)
    (home / "data" / "MNIST").mkdir(parents=True)
    (home / "data" / "MNIST" / "raw").write_bytes(b"x" * 2000)
    (home / "directions").mkdir()
    (home / "directions" / "some.safetensors").write_bytes(b"x" * 300)
    (home / "runtime" / "onnxruntime-web-1").mkdir(parents=True)
    (home / "runtime" / "onnxruntime-web-1" / "ort.wasm").write_bytes(b"x" * 400)
    found = {one["what"]: one for one in door.space()}
    assert found["checkpoints"]["size"] == files.size(home / "checkpoints" / "mine")
    assert (found["features"]["size"], found["data"]["size"]) == (1000, 2000)
    assert (found["directions"]["size"], found["runtime"]["size"]) == (300, 400)
    assert found["other"]["size"] == 0
    assert [what for what, one in found.items() if one["prunable"]] == [
        "data",
        "features",
        "runtime",
        "caches",
    ]
    assert json.loads(zoo("space", "--json").stdout) == list(found.values())
    text = zoo("space").stdout
    assert "checkpoints" in text and "1.0 kB" in text and "in total" in text


def test_what_can_be_had_again_is_pruned_after_asking_and_nothing_else(
    zoo: Zoo, home: Path, trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = keep(home, trained("mlp-vae"))
    stop_early(zoo, "unfinished", monkeypatch)
    before = files.size(directory)
    (home / "features").mkdir(exist_ok=True)
    (home / "features" / "one.safetensors").write_bytes(b"x" * 1000)
    (home / "directions").mkdir()
    (home / "directions" / "named.safetensors").write_bytes(b"x")
    refused = zoo("space", "--prune")
    assert refused.exit_code == 1 and (home / "features" / "one.safetensors").exists()
    code, said = answering(monkeypatch, "y\n", "space", "--prune")
    assert code == 0 and not list((home / "features").iterdir()) and "Freed " in said
    assert files.size(directory) == before and (home / "runs" / "unfinished").is_dir()
    assert (home / "directions" / "named.safetensors").exists()


def test_decoded_images_are_pruned_and_where_data_lies_is_still_known(zoo: Zoo, home: Path) -> None:
    for place in ("caches/decoded/a", "caches/digests", "places"):
        (home / place).mkdir(parents=True)
        (home / place / "one").write_bytes(b"x" * 1000)
    found = {one["what"]: one for one in door.space()}
    assert (found["caches"]["size"], found["other"]["number"]) == (2000, 0)
    assert zoo("space", "--prune", "--yes").exit_code == 0
    assert not list((home / "caches").iterdir()) and (home / "places" / "one").exists()


def test_an_empty_home_takes_no_room(zoo: Zoo, home: Path) -> None:
    shutil.rmtree(home, ignore_errors=True)
    assert sum(one["size"] for one in door.space()) == 0
    assert zoo("space", "--prune").exit_code == 0 and not home.exists()


def test_a_finished_training_whose_checkpoint_is_gone_can_be_removed(zoo: Zoo, home: Path) -> None:
    assert zoo("train", "mlp-vae", "--name", "mine", "--epochs", 1, *TINY).exit_code == 0
    shutil.rmtree(home / "checkpoints" / "mine")
    assert zoo("rm", "mine", "--yes").exit_code == 0 and not (home / "runs" / "mine").exists()
