"""Which checkpoints a server shows: one that is damaged hides no other."""

import os
from pathlib import Path

import pytest

import zoo as zoo_package
from zoo.explorer.shelf import Shelf


@pytest.fixture
def kept() -> Path:
    """A checkpoint in the home, as a training leaves it."""
    folder = Path(os.environ["ZOO_HOME"], "checkpoints", "mine")
    zoo_package.save(zoo_package.load("vae-mnist-2d"), folder, dataset="mnist")
    (folder / "origin.json").write_text('{"source": "trained", "sha256": {}}')
    return folder


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("facts.json", "{"),
        ("facts.json", '{"evaluations": [{"metric": 3}]}'),
        ("config.json", "[]"),
        ("config.json", '{"format": 1, "model": "of-nobody", "config": {}}'),
        ("config.json", '{"format": 99}'),
    ],
)
def test_a_damaged_checkpoint_is_shown_with_its_problem_beside_the_others(
    kept: Path, name: str, content: str
) -> None:
    names = {one["name"]: one for one in Shelf().records()}
    assert names["mine"]["state"] == "trained" and not names["mine"]["problem"]
    (kept / name).write_text(content)
    found = {one["name"]: one for one in Shelf().records()}
    assert found.keys() == names.keys()
    assert found["mine"]["state"] == "damaged" and found["mine"]["problem"]
    assert found["vae-mnist"] == names["vae-mnist"]
