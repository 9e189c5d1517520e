"""Directions that were found are kept, renamed, forgotten, and damaged files of them told."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import Zoo

import zoo as door
from zoo.checkpoints import find
from zoo.editing import kept
from zoo.errors import CheckpointError, ZooError


def home_of(name: str) -> Path:
    return Path(os.environ["ZOO_HOME"], "directions", f"{find(name).sha256}.safetensors")


def test_directions_are_found_once_and_kept_under_the_digest_of_the_weights(zoo: Zoo) -> None:
    bundled = find("vae-mnist").path
    before = {path: path.stat().st_mtime_ns for path in bundled.rglob("*")}
    first = zoo("directions", "vae-mnist", "-n", 3)
    assert first.exit_code == 0 and home_of("vae-mnist").is_file()
    assert "Kept for vae-mnist: strong-1, strong-2, strong-3, weak-1" in first.stderr
    lines = first.stdout.splitlines()
    assert lines[0].split() == ["name", "found", "by", "strength"] and len(lines) == 7
    again = zoo("directions", "vae-mnist")
    assert again.stdout == first.stdout and again.stderr == ""
    assert {path: path.stat().st_mtime_ns for path in bundled.rglob("*")} == before


def test_listing_what_is_kept_imports_no_torch_but_for_the_vectors() -> None:
    folder = find("vae-mnist")
    assert kept.names(folder) == []
    door.directions("vae-mnist", n=1)
    code = (
        "import sys; from zoo.checkpoints import find; from zoo.editing import kept; "
        "print(kept.names(find('vae-mnist')), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "['strong-1', 'weak-1'] False\n", done.stderr


def test_directions_get_other_names_and_are_forgotten(zoo: Zoo) -> None:
    door.directions("vae-mnist", n=2)
    result = zoo("directions", "vae-mnist", "--rename", "strong-1=slant", "--remove", "weak-2")
    assert [line.split()[0] for line in result.stdout.splitlines()[1:]] == [
        "slant",
        "strong-2",
        "weak-1",
    ]
    left = door.directions("vae-mnist", rename={"slant": "lean"}, remove=["strong-2", "weak-1"])
    assert [one.name for one in left] == ["lean"]
    assert door.directions("vae-mnist", remove="lean") == []
    assert not home_of("vae-mnist").exists()


def test_a_name_that_is_taken_is_not_taken_again() -> None:
    door.directions("vae-mnist", n=1)
    with pytest.raises(ZooError, match="already"):
        door.directions("vae-mnist", rename={"strong-1": "weak-1"})


@pytest.mark.parametrize(
    "content", [b"", b"\x08", b"\xff" * 64, b"\x02\0\0\0\0\0\0\0{}", b"text" * 1000]
)
def test_a_damaged_file_is_told_with_its_path(content: bytes) -> None:
    path = home_of("vae-mnist")
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="is damaged"):
        door.directions("vae-mnist")


def test_a_file_that_breaks_off_is_told_with_its_path() -> None:
    door.directions("vae-mnist", n=1)
    path = home_of("vae-mnist")
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(CheckpointError, match="is damaged"):
        door.directions("vae-mnist")


def test_json_holds_the_vectors(zoo: Zoo) -> None:
    found = json.loads(zoo("directions", "vae-mnist-2d", "-n", 1, "--json").stdout)
    assert [one["name"] for one in found] == ["strong-1", "weak-1"]
    assert np.hypot(*found[0]["vector"]) == pytest.approx(1)
