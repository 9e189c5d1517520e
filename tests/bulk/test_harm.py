"""Disks that are full or can't be written, and models that misbehave."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import files_no_larger_than
from kills import held

from zoo.bulk import work
from zoo.bulk.generate import generate
from zoo.bulk.verify import verify
from zoo.common.errors import CheckpointError, ConfigError, NotFoundError, OutputError
from zoo.sampling import request


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a small disk needs the right to mount one")
    yield place
    subprocess.run(["umount", str(place)], check=True)


WORDS: dict[str, Any] = {"n": 4000, "seed": 0, "per_shard": 500}


def test_on_a_full_disk_what_is_whole_stays_and_it_goes_on_when_there_is_room(
    small_disk: Path, tmp_path: Path
) -> None:
    with pytest.raises(OutputError, match="Disk full"):
        generate("vae-mnist", small_disk / "d", **WORDS)
    kept = held(small_disk / "d" / "data")
    assert kept and not list(small_disk.glob("d/.zoo/.*.partial"))
    subprocess.run(["mount", "-o", "remount,size=20m", str(small_disk)], check=True)
    made = generate("vae-mnist", small_disk / "d", **WORDS)
    assert made.made == 4000 - 500 * len(kept)
    generate("vae-mnist", tmp_path / "whole", **WORDS)
    assert held(small_disk / "d") == held(tmp_path / "whole")


def test_a_file_that_may_not_grow_is_said_in_words(tmp_path: Path) -> None:
    with files_no_larger_than(20_000), pytest.raises(OutputError, match="Can't write"):
        generate("vae-mnist", tmp_path / "d", **WORDS)
    assert not list(tmp_path.glob("d/data/*"))


def test_a_disk_that_can_only_be_read_is_refused_at_once(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(OutputError, match="Read-only file system"):
        generate("vae-mnist", small_disk / "d", **WORDS)


def test_a_finished_data_set_that_can_only_be_read_is_finished(small_disk: Path) -> None:
    generate("vae-mnist", small_disk / "d", n=100, seed=0)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert generate("vae-mnist", small_disk / "d", n=100, seed=0).made == 0
    assert verify(str(small_disk / "d"))[0]["ok"]


@pytest.mark.kills
def test_workers_say_a_full_disk_as_one_process_does(small_disk: Path) -> None:
    words = ["-n", "4000", "--seed", "0", "--per-shard", "500", "--workers", "2"]
    done = subprocess.run(
        [sys.executable, "-m", "zoo", "generate", "vae-mnist", *words, "-o", small_disk / "d"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and "Disk full" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr


def test_another_checkpoint_of_the_same_name_on_a_worker_is_refused(tmp_path: Path) -> None:
    from zoo.bulk.plan import Asked

    asked = Asked(checkpoint="vae-mnist", sha256="0" * 64, kind="image", format="npz", n=1, seed=0)
    with pytest.raises(CheckpointError, match="is another checkpoint on"):
        work.Maker(asked)


def test_a_checkpoint_that_was_trained_anew_under_its_name_does_not_go_on(
    trained: Any, tmp_path: Path
) -> None:
    copy = tmp_path / "mine"
    shutil.copytree(trained("mlp-vae"), copy)
    generate(str(copy), tmp_path / "d", n=20, seed=0, per_shard=10, part="1/2")
    shutil.rmtree(copy)
    shutil.copytree(trained("mlp-vae", "beta=2"), copy)
    with pytest.raises(OutputError, match="the digest of its weights"):
        generate(str(copy), tmp_path / "d", n=20, seed=0, per_shard=10)


def test_a_plugin_that_is_missing_is_said_before_anything_is_written(
    trained: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zoo.registry.registry import installed

    own = trained("mlp-vae")
    monkeypatch.setenv("ZOO_LOAD_PLUGINS", "gan")
    installed.cache_clear()
    with pytest.raises(NotFoundError, match="mlp-vae"):
        generate(str(own), tmp_path / "d", n=5, seed=0)
    assert not (tmp_path / "d").exists()


def test_a_model_that_does_not_draw_the_same_twice_is_told_and_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    loading = request.load

    def restless(*words: Any) -> Any:
        model = loading(*words)
        decode = model.decode
        model.decode = lambda z, labels=None: (decode(z, labels) + torch.rand(())).clamp(0, 1)
        return model

    monkeypatch.setattr(request, "load", restless)
    generate("vae-mnist", tmp_path / "d", n=20, seed=0)
    assert "does not draw the same samples twice" in caplog.text
    text = (tmp_path / "d" / "manifest.json").read_text()
    assert '"deterministic": false' in text


def test_a_shard_whose_workers_die_again_and_again_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zoo.bulk import crew

    dying = "import sys, os; sys.stdin.readline(); sys.stdin.readline(); os._exit(9)"
    starting = crew.START
    generate("vae-mnist", tmp_path / "d", n=40, seed=0, per_shard=10, part="1/2")
    monkeypatch.setattr(crew, "START", dying)
    with pytest.raises(OutputError, match="3 workers ended one after the other"):
        generate("vae-mnist", tmp_path / "d", n=40, seed=0, per_shard=10, workers=2)
    monkeypatch.setattr(crew, "START", starting)


def test_a_second_command_at_the_same_time_is_refused(tmp_path: Path) -> None:
    from zoo.bulk.places import WORK
    from zoo.common import files

    lock = tmp_path / "d" / WORK / "at-work-0-of-0"
    with files.alone(lock), pytest.raises(OutputError, match="Another process is making samples"):
        generate("vae-mnist", tmp_path / "d", n=5, seed=0)


def test_what_a_killed_process_left_half_written_is_removed(tmp_path: Path) -> None:
    generate("vae-mnist", tmp_path / "d", n=20, seed=0, per_shard=10, part="1/2")
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    from zoo.common import leftovers

    gone = leftovers.partial_name("shard").replace(f"-{os.getpid()}-", f"-{process.pid}-")
    (tmp_path / "d" / ".zoo" / gone).mkdir()
    generate("vae-mnist", tmp_path / "d", n=20, seed=0, per_shard=10, part="2/2")
    assert not (tmp_path / "d" / ".zoo" / gone).exists()


def test_a_command_that_waited_finds_what_another_has_finished_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one ends after this one saw that there is work, and before it begins."""
    from zoo.bulk.generate import Task

    output = tmp_path / "d"
    looking = Task.finished

    def finished(self: Task) -> Any:
        found = looking(self)
        if not output.exists():
            monkeypatch.setattr(Task, "finished", looking)
            generate("vae-mnist", output, n=20, per_shard=10)
            before.update(held(output))
        return found

    before: dict[str, str] = {}
    monkeypatch.setattr(Task, "finished", finished)
    # no seed is given: another one than the other's would be drawn
    made = generate("vae-mnist", output, n=20, per_shard=10)
    assert before and made.finished and made.made == 0
    assert held(output) == before


def test_parts_that_begin_at_once_follow_the_plan_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "d"
    survey = work.Maker.survey

    def slow(self: work.Maker, place: Any) -> Any:
        found = survey(self, place)
        with pytest.MonkeyPatch.context() as other:
            other.setattr(work.Maker, "survey", survey)
            other.setattr(work, "version", lambda package: "1")
            generate("vae-mnist", output, n=20, seed=0, per_shard=10, part="1/2")
        return found

    monkeypatch.setattr(work.Maker, "survey", slow)
    # at once, and not when all was made and is to be joined
    with pytest.raises(OutputError, match="were made with"):
        generate("vae-mnist", output, n=20, seed=0, per_shard=10, part="2/2")
    assert [path.name for path in (output / "data").iterdir()] == ["train-00000-of-00002.parquet"]


def test_what_a_killed_process_left_of_an_object_store_s_shard_is_removed(tmp_path: Path) -> None:
    import tempfile

    from zoo.common import leftovers

    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    gone = leftovers.partial_name("shard").replace(f"-{os.getpid()}-", f"-{process.pid}-")
    left = Path(tempfile.gettempdir(), gone)
    left.mkdir()
    leftovers.sweep_once.cache_clear()
    generate("vae-mnist", f"file://{tmp_path}/d", n=5, seed=0)
    assert not left.exists()


@pytest.mark.parametrize("asked", [{"n": 2**63}, {"n": 1, "seed": 2**63}])
def test_what_no_column_can_hold_is_refused(asked: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is out of range"):
        generate("vae-mnist", tmp_path / "d", **asked)


@pytest.mark.parametrize("address", ["", "s3://", "file://", "://digits", "s3:///"])
def test_an_address_that_names_no_place_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match="is no place for a data set"):
        generate("vae-mnist", address, n=1)
    assert not list(Path().iterdir())


@pytest.mark.parametrize("name", [".zoo", "data"])
def test_a_file_in_the_way_is_named(name: str, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / name).write_text("mine")
    with pytest.raises(OutputError, match=f"d/{name} exists already"):
        generate("vae-mnist", tmp_path / "d", n=1, seed=0)
    assert (tmp_path / "d" / name).read_text() == "mine"
