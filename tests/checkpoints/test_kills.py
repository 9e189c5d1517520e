"""Commands that change the store, killed at any of their file-system events: nothing is lost but what
was to go, and the next one is whole. All events: KILLS=all pytest -m kills.
"""

import dataclasses
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Zoo
from kills import Left, Trial, events_of, every_fifth, held, tried
from stores import TINY, keep

from zoo.common import files

pytestmark = pytest.mark.kills

Trained = Callable[..., Path]

TRAINING = [
    *("torch", "zoo.training.train", "zoo.training.keep", "zoo.training.session", "accelerate"),
    *("zoo.sampling.pictures", "zoo.sampling.writers", "zoo.evaluation.measure"),
]


def lefts(trial: Trial) -> list[Left]:
    """What kills at the events of today leave; each was one."""
    found = tried(dataclasses.replace(trial, points=every_fifth(len(events_of(trial)))))
    # a training has some events more the first time that it runs on a machine
    killed = [one for one in found if one.killed]
    assert len(killed) >= 0.8 * len(found) > 0
    print(f"{len(killed)} kills of {' '.join(trial.command)}")
    return killed


def below(folder: str, found: dict[str, str]) -> dict[str, str]:
    """The files of a home below one of its folders, without locks."""
    start = f"{folder}/"
    return {
        path.removeprefix(start): digest
        for path, digest in found.items()
        if path.startswith(start) and not path.endswith(files.LOCK)
    }


def litter(found: dict[str, str]) -> list[str]:
    return [
        path
        for path in found
        if path.endswith(".partial") or (path.startswith("scratch/") and path != "scratch/.lock")
    ]


@pytest.fixture
def template(tmp_path: Path, trained: Trained) -> Path:
    """A home that holds two checkpoints, one of them current, and the finished training of one."""
    home = tmp_path / "template"
    for name in ("mine", "other"):
        keep(home, trained("mlp-vae"), name)
    (home / "current").write_text("mine\n")
    run = home / "runs" / "mine"
    run.mkdir(parents=True)
    (run / "history.jsonl").write_text("{}\n")
    (run / "epoch-001.png").write_bytes(b"a picture")
    return home


def test_a_removal_takes_a_checkpoint_whole_or_not_and_no_other(template: Path) -> None:
    before = held(template)
    for one in lefts(Trial(["rm", "mine", "--yes"], str(template), ["zoo.cli.rm"])):
        mine = below("checkpoints/mine", one.after)
        assert mine in ({}, below("checkpoints/mine", before)), one.event
        assert below("checkpoints/other", one.after) == below("checkpoints/other", before)
        assert below("checkpoints/mine", one.again) == {} == below("runs/mine", one.again), (
            one.event
        )
        assert one.code == 0 or "mine" in one.output, (one.event, one.output)


def test_a_removal_that_is_killed_leaves_nothing_that_the_next_command_does_not_sweep(
    template: Path, zoo: Zoo
) -> None:
    trial = Trial(["rm", "mine", "other", "--yes"], str(template), ["zoo.cli.rm"])
    for one in lefts(trial):
        if one.code == 0:
            assert litter(one.again) == [], one.event


def test_pruning_takes_nothing_but_what_can_be_had_again(template: Path) -> None:
    (template / "features").mkdir()
    for number in range(5):
        (template / "features" / f"{number}.safetensors").write_bytes(b"x" * 100)
    before = held(template)
    for one in lefts(Trial(["space", "--prune", "--yes"], str(template), ["zoo.cli.space"])):
        for kept in ("checkpoints", "runs"):
            assert below(kept, one.again) == below(kept, before) == below(kept, one.after)
        assert below("features", one.again) == {} and one.code == 0, (one.event, one.output)


def test_a_card_that_is_written_is_the_old_one_or_the_new_one(template: Path) -> None:
    facts = template / "checkpoints" / "mine" / "facts.json"
    facts.write_text(facts.read_text().replace('"seed": 0', '"seed": 5'))
    old = below("checkpoints/mine", held(template))["README.md"]
    new = set()
    for one in lefts(Trial(["card", "mine", "--write"], str(template), ["zoo.cli.card"])):
        found = below("checkpoints/mine", one.after)
        new.add(below("checkpoints/mine", one.again)["README.md"])
        assert len(new) == 1 and found["README.md"] in {old, *new}, one.event
        assert one.code == 0 and litter(one.again) == [], (one.event, one.output)


def test_a_training_that_is_killed_is_begun_again_or_there(zoo: Zoo, tmp_path: Path) -> None:
    """The same command after a kill: it trains anew, says how to go on, or finds its result."""
    words = ["train", "mlp-vae", "--name", "new", "--epochs", "1", *TINY]
    assert zoo(*words).exit_code == 0
    home = Path(os.environ["ZOO_HOME"])
    whole = {"config.json", "model.safetensors", "facts.json", "README.md", "origin.json"}
    weights = below("checkpoints/new", held(home))["model.safetensors"]
    shutil.rmtree(home)
    for one in lefts(Trial(words, str(tmp_path / "none"), TRAINING)):
        found = below("checkpoints/new", one.after)
        assert not found or whole <= set(found), one.event
        if one.code == 0:
            assert below("checkpoints/new", one.again)["model.safetensors"] == weights, one.event
        else:
            assert "--resume" in one.output or "in the store already" in one.output, one.output
