"""A pull or a push that is killed at any of its file-system events loses nothing, and the next one
is whole. All events: KILLS=all pytest -m kills.
"""

import dataclasses
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import CHECKPOINT, FORMAT_1, Zoo
from hub_server import WRITE, Hub, serving
from kills import Left, Trial, events_of, held, lefts, tried

from zoo.checkpoints import Store
from zoo.registry.registry import installed

pytestmark = pytest.mark.kills

NAME = "hf:owner/repo"
# events that a run may have less
SPARE = 2
ROOMS = ["zoo.hub.pull", "zoo.hub.download", "zoo.hub.push", "zoo.hub.plan"]
OLD = CHECKPOINT
NEW = CHECKPOINT | {"README.md": b"# Another\n", "images/more.png": b"another picture"}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A Hub that a killed process may leave as it likes."""
    with serving() as hub:
        hub.put("owner/repo", OLD)
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        monkeypatch.setenv("HF_TOKEN", WRITE)
        yield hub


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """Where a home lies as it is before a kill."""
    return tmp_path / "template"


def checkpoints_in(files: dict[str, str]) -> dict[str, dict[str, str]]:
    """The checkpoints of a home, each as its files and digests but for origin.json."""
    found: dict[str, dict[str, str]] = {}
    for path, digest in files.items():
        place, _, rest = path.partition("/")
        name, _, file = rest.partition("/")
        if place == "checkpoints":
            found.setdefault(name, {})
            if file != "origin.json":
                found[name][file] = digest
    return found


def contents(files: dict[str, bytes], tmp_path: Path) -> dict[str, str]:
    """The digests of files."""
    folder = tmp_path / "whole"
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return held(folder)


def clean(one: Left) -> None:
    """The second run was good, and swept what the first left if it wrote anything."""
    assert one.code == 0, (one.event, one.output)
    if "is up to date" in one.output:
        return
    litter = [
        path
        for path in one.again
        if (path.startswith("scratch/") and path != "scratch/.lock") or path.endswith(".partial")
    ]
    assert not litter, (one.event, litter)


def test_a_first_pull_is_whole_or_not_there(hub: Hub, template: Path, tmp_path: Path) -> None:
    whole = contents(OLD, tmp_path)
    for one in lefts(Trial(["pull", NAME], str(template), ROOMS), SPARE):
        assert list(checkpoints_in(one.after).values()) in ([], [whole]), one.event
        assert list(checkpoints_in(one.again).values()) == [whole], one.event
        clean(one)


@pytest.mark.parametrize("words", [["pull", "--update"], ["pull", NAME, "--from", "hub"]])
def test_a_pull_that_replaces_leaves_the_old_or_the_new(
    hub: Hub, zoo: Zoo, template: Path, tmp_path: Path, words: list[str]
) -> None:
    assert zoo("pull", NAME).exit_code == 0
    shutil.copytree(os.environ["ZOO_HOME"], template)
    hub.put("owner/repo", NEW)
    old, new = contents(OLD, tmp_path), contents(NEW, tmp_path)
    for one in lefts(Trial(words, str(template), ROOMS), SPARE):
        assert list(checkpoints_in(one.after).values()) in ([old], [new]), one.event
        assert list(checkpoints_in(one.again).values()) == [new], one.event
        clean(one)


def test_a_pull_from_a_bundle_records_it_whole(hub: Hub, zoo: Zoo, template: Path) -> None:
    assert zoo("pull", "vae-mnist").exit_code == 0
    shutil.copytree(os.environ["ZOO_HOME"], template)
    record = Path("checkpoints/vae-mnist/origin.json")
    for words in (["pull", "vae-mnist"], ["pull", "vae-mnist", "--from", "bundle"]):
        for before in (template, template.with_name("none")):
            for one in lefts(Trial(words, str(before), ROOMS), SPARE):
                there = str(record) in one.after
                assert there or before != template, one.event
                assert str(record) in one.again and "current" in one.again
                clean(one)


@pytest.mark.parametrize("pushed_before", [False, True])
def test_a_push_that_is_killed_is_made_or_not_and_the_next_is_whole(
    hub: Hub, zoo: Zoo, template: Path, pushed_before: bool
) -> None:
    shutil.copytree(FORMAT_1, "mine")
    if pushed_before:
        assert zoo("push", "./mine", "owner/before", "--yes").exit_code == 0
        shutil.copytree(os.environ["ZOO_HOME"], template)
    sent = {"README.md", "config.json", "facts.json", "model.safetensors"}
    for one in lefts(Trial(["push", "./mine", "owner/k{n}", "--yes"], str(template), ROOMS), SPARE):
        repository = hub.repositories[f"owner/k{one.point}"]
        assert set(repository.files) - {".gitattributes"} == sent, one.event
        assert len(repository.commits) == 2, one.event
        clean(one)
        assert "pushes.json" in one.again
        if pushed_before:
            assert "pushes.json" in one.after, one.event


def test_what_the_store_says_after_a_kill_is_true(hub: Hub, zoo: Zoo, template: Path) -> None:
    """The kill between the two renames of a replacement, where the old entry was lost."""
    assert zoo("pull", NAME).exit_code == 0
    shutil.copytree(os.environ["ZOO_HOME"], template)
    hub.put("owner/repo", NEW)
    trial = Trial(["pull", NAME, "--from", "hub"], str(template), ROOMS)
    events = events_of(trial)
    moves = [
        number
        for number, event in enumerate(events)
        if "os.rename" in event or "ctypes.call_function" in event
    ]
    for one in tried(dataclasses.replace(trial, points=moves)):
        assert len(checkpoints_in(one.after)) == 1, one.event
        origins = [path for path in one.after if path.endswith("origin.json")]
        assert any(path.startswith("checkpoints/") for path in origins), one.event
    verified = Store(installed().checkpoints, template).verify(NAME)
    assert set(verified.values()) == {"ok"}
    assert json.loads((template / "checkpoints/hf%3Aowner%2Frepo/origin.json").read_text())
