"""Folder: a checkpoint's files, each read and hashed at most once in any command."""

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hub_server import Hub

from zoo.checkpoints import Store, find
from zoo.checkpoints.folder import CARD, CONFIG, FACTS, ORIGIN, WEIGHTS, Folder
from zoo.common import files
from zoo.common.errors import CheckpointError, NotFoundError

FORMAT_1 = Path(__file__).parents[1] / "fixtures" / "format-1"

# runs a command in which each opening and each hashing of a file below a folder is counted
COUNTING = """
import atexit, hashlib, json, os, sys

watched, told, *words = sys.argv[1:]
counts = {"opened": [], "hashed": []}

def heard(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)) and arguments[1] not in (
        "w", "wb", "x", "xb", "a"
    ):
        flags = arguments[2] if isinstance(arguments[2], int) else 0
        path = os.path.realpath(os.fsdecode(arguments[0]))
        if path.startswith(watched + os.sep) and not flags & (os.O_WRONLY | os.O_CREAT):
            counts["opened"].append(os.path.relpath(path, watched))

sys.addaudithook(heard)

from zoo.common import files

hashed = files.sha256_of

def counted(content):
    if len(content) > 100_000:
        counts["hashed"].append(len(content))
    return hashed(content)

files.sha256_of = counted
atexit.register(lambda: open(told, "w").write(json.dumps(counts)))

from zoo.cli import main

main(words)
"""


@pytest.fixture
def mine(tmp_path: Path, trained: Callable[..., Path]) -> Path:
    """A trained checkpoint in the store, called mine."""
    directory = tmp_path / "home" / "checkpoints" / "mine"
    shutil.copytree(trained("mlp-vae"), directory)
    digests = {name: files.sha256(directory / name) for name in (CONFIG, WEIGHTS)}
    files.write_json(directory / ORIGIN, {"source": "trained", "sha256": digests})
    return directory


def counts(folder: Path, *words: object, **variables: str) -> tuple[Counter[str], list[int]]:
    """How often a command opens each file below a folder, and the sizes of what it hashes."""
    told = Path("counts.json").absolute()
    command = [sys.executable, "-c", COUNTING, folder.resolve(), told, *words]
    result = subprocess.run(
        list(map(str, command)),
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    found = json.loads(told.read_text())
    return Counter(found["opened"]), found["hashed"]


def assert_once(opened: Counter[str], *names: str) -> None:
    assert {name: opened[name] for name in names} == dict.fromkeys(names, 1)


def test_sampling_opens_and_hashes_each_file_once(mine: Path) -> None:
    opened, hashed = counts(mine, "sample", "mine", "-n", 4, "-o", "some.png")
    assert_once(opened, CONFIG, FACTS, ORIGIN, WEIGHTS)
    assert hashed == [(mine / WEIGHTS).stat().st_size]


def test_evaluating_opens_and_hashes_each_file_once(mine: Path) -> None:
    few = ("-n", 100, "-k", 2, "--test-images", 20)
    words = ("evaluate", "mine", *few, "--features", "digits", "--write")
    opened, hashed = counts(mine, *words)
    assert_once(opened, CONFIG, FACTS, ORIGIN, WEIGHTS, CARD)
    assert hashed.count((mine / WEIGHTS).stat().st_size) == 1


def test_training_hashes_its_weights_once_and_reads_nothing_twice(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    words = ["train", "mlp-vae", "--name", "new", "--epochs", 1]
    words += ["--set", "hidden_dims=32", "--set", "latent_dim=4"]
    opened, hashed = counts(home, *words)
    size = (home / "checkpoints" / "new" / WEIGHTS).stat().st_size
    assert hashed.count(size) == 1
    of_one = Counter(Path(name).name for name in opened.elements())
    for name in (CONFIG, FACTS, ORIGIN, WEIGHTS):
        assert of_one[name] <= 1, opened


@pytest.mark.usefixtures("hub")
def test_pushing_opens_and_hashes_each_file_once(mine: Path, hub: Hub) -> None:
    variables = {"HF_ENDPOINT": hub.endpoint, "HF_TOKEN": "hf_write"}
    words = ("push", "mine", "owner/new", "--yes")
    opened, hashed = counts(mine, *words, **variables)
    assert_once(opened, CONFIG, FACTS, ORIGIN)
    assert hashed.count((mine / WEIGHTS).stat().st_size) <= 1


# one Folder


def test_a_folder_reads_each_of_its_files_when_it_is_first_wanted(mine: Path) -> None:
    folder = Folder(mine)
    for name in (CONFIG, FACTS, ORIGIN):
        assert folder.has(name)
    first = (folder.config, folder.facts, folder.origin, folder.card, folder.sha256)
    for name in (CONFIG, FACTS, ORIGIN, CARD):
        (mine / name).unlink()
    again = (folder.config, folder.facts, folder.origin, folder.card, folder.sha256)
    assert all(one is other for one, other in zip(first, again, strict=True))


def test_a_folder_says_what_its_files_say(mine: Path) -> None:
    folder = Folder(mine)
    assert (folder.model, folder.dataset, folder.num_classes) == ("mlp-vae", "mnist", 0)
    assert folder.sha256 == files.sha256(mine / WEIGHTS) == folder.digest(WEIGHTS)
    assert folder.origin["source"] == "trained" and folder.card.startswith("---\n")
    assert (Folder("nowhere").facts, Folder("nowhere").origin, Folder("nowhere").card) == (
        {},
        {},
        "",
    )


def test_what_is_written_is_known_without_being_read(mine: Path) -> None:
    folder = Folder(mine)
    before = folder.digest(FACTS)
    folder.write_facts({"dataset": "other"})
    folder.write_card("# Mine\n")
    assert (folder.dataset, folder.card) == ("other", "# Mine\n")
    assert json.loads((mine / FACTS).read_text()) == {"dataset": "other"}
    assert (mine / CARD).read_text() == "# Mine\n" and folder.digest(FACTS) != before


def test_a_reference_is_found_with_what_the_store_has_read(mine: Path) -> None:
    folder = find("mine")
    assert (folder.path, folder.reference) == (mine, "mine")
    (mine / ORIGIN).unlink()
    assert folder.origin["source"] == "trained"
    assert find(folder) is folder
    assert find(mine).reference == str(mine)
    Store({}).make_current("mine")
    with pytest.raises(NotFoundError):
        find("nothing-of-that-name")


@pytest.mark.parametrize(
    ("facts", "names"),
    [
        ({"class_names": ["a", "b"]}, ("a", "b")),
        ({"class_names": [1, 2]}, ("1", "2")),
        ({"class_names": "ab"}, ()),
        ({"class_names": None}, ()),
        ({}, ()),
    ],
)
def test_class_names_are_a_list_or_none(facts: dict[str, Any], names: tuple[str, ...]) -> None:
    files.write_json(Path(FACTS), facts)
    assert Folder(".").class_names == names


def test_a_checkpoint_of_format_1_is_read() -> None:
    folder = Folder(FORMAT_1)
    assert folder.config["format"] == 1 and folder.own_class == ""


def test_a_config_that_is_not_there_is_said_with_the_pickle_beside_it() -> None:
    Path("pytorch_model.bin").touch()
    with pytest.raises(CheckpointError, match=r"no config\.json.*'pytorch_model\.bin'"):
        _ = Folder(".").config
