"""What killed processes left half-written is removed, and never what a living one is writing."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import Zoo

from zoo.common import files, leftovers

WRITER = """
import sys, time
from pathlib import Path
from zoo.common import files

with files.replacing(Path(sys.argv[1])) as partial:
    if sys.argv[2] == "folder":
        partial.mkdir()
        (partial / "half").write_text("half")
    else:
        partial.write_text("half")
    print("at it", flush=True)
    time.sleep(120)
"""


def writer(target: str, kind: str = "file") -> "subprocess.Popen[str]":
    """A process that is writing a file or a folder, and does not come to an end."""
    command = [sys.executable, "-c", WRITER, target, kind]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout and process.stdout.readline() == "at it\n"
    return process


def end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate()


def partials(folder: Path = Path()) -> list[str]:
    return sorted(one.name for one in folder.iterdir() if one.name.endswith(".partial"))


@pytest.fixture(autouse=True)
def fresh() -> None:
    """A process that has not yet written anywhere."""
    leftovers.sweep_once.cache_clear()


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_the_next_who_writes_there_removes_what_a_killed_process_left(kind: str) -> None:
    end(writer("one.txt", kind))
    assert len(partials()) == 1
    files.write_text(Path("another.txt"), "whole")
    assert partials() == [] and Path("another.txt").read_text() == "whole"


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_living_process_is_writing_stays(kind: str) -> None:
    living = writer("one.txt", kind)
    try:
        files.write_text(Path("another.txt"), "whole")
        assert len(partials()) == 1
    finally:
        end(living)


def test_files_of_other_programs_stay_whatever_their_age() -> None:
    names = [".film.mkv.partial", ".0123abcd.partial", "a.0123abcd.partial", ".a.zz-1-yy.partial"]
    for name in names:
        Path(name).touch()
        os.utime(name, (0, 0))
    files.write_text(Path("another.txt"), "whole")
    assert partials() == sorted(names)


def test_what_another_machine_is_writing_stays_until_it_is_stale() -> None:
    other = Path(".one.txt.ffffffff-1-0123abcd.partial")
    other.touch()
    assert leftovers.sweep(Path()) == []
    old = time.time() - leftovers.STALE - 60
    os.utime(other, (old, old))
    assert leftovers.sweep(Path()) == [other]


def test_what_older_versions_left_in_the_zoos_own_folders_is_removed_when_it_is_stale() -> None:
    left = Path(".current.0123abcd.partial")
    left.touch()
    assert leftovers.sweep(Path(), all_partials=True) == []
    os.utime(left, (0, 0))
    assert leftovers.sweep(Path()) == []
    assert leftovers.sweep(Path(), all_partials=True) == [left]


def test_a_folder_that_is_not_there_or_can_not_be_read_holds_nothing() -> None:
    assert leftovers.sweep(Path("nowhere")) == []
    Path("file").touch()
    assert leftovers.sweep(Path("file")) == []


def test_names_are_short_enough_for_any_target_and_never_meet() -> None:
    names = {leftovers.partial_name("ü" * 200) for _ in range(100)}
    assert len(names) == 100 and all(len(os.fsencode(name)) < 200 for name in names)
    assert all(re.fullmatch(leftovers.PARTIAL, name) for name in names)


def test_a_killed_sample_leaves_nothing_for_long(zoo: Zoo) -> None:
    end(writer("samples.png"))
    assert zoo("sample", "vae-mnist", "-n", 4, "-o", "other.png").exit_code == 0
    assert partials() == []


def test_the_homes_own_files_are_swept_as_well(zoo: Zoo, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    writers = [writer(str(home / name)) for name in ("current", "pushes.json")]
    for one in writers:
        end(one)
    assert len(partials(home)) == 2
    assert zoo("pull", "vae-mnist").exit_code == 0
    assert partials(home) == []
