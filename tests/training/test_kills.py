"""A training that is killed at any of its file-system events can go on, to the same weights, and
leaves one checkpoint. All events: KILLS=all pytest -m kills.
"""

import shutil
from pathlib import Path

import pytest
from conftest import Zoo
from kills import Left, Trial, lefts

pytestmark = pytest.mark.kills

# imported once, before the forks
ROOMS = [
    "training.keep_often",
    "zoo.training.keep",
    "zoo.cli.train",
    "zoo_vae.mlp",
    "zoo_vision",
    "matplotlib.figure",
    "matplotlib.backends.backend_agg",
    "torch._dynamo",
    "torch._inductor",
]
WORDS = ["train", "mlp-vae", "--name", "mine", "--epochs", "2", "--seed", "0"]
SETTINGS = ["--set", "hidden_dims=8", "--set", "latent_dim=2", "--set", "batch_size=400"]
TRAIN = [*WORDS, *SETTINGS, "--quiet"]
# events that a run may have less
SPARE = 2
WEIGHTS = "checkpoints/mine/model.safetensors"


def test_a_killed_training_goes_on_to_the_same_weights_and_leaves_one_checkpoint(
    zoo: Zoo, tmp_path: Path
) -> None:
    template = tmp_path / "template"
    again = [["train", "--resume", "mine", "--quiet"], TRAIN, ["show", "mine"]]
    digests = set()
    for one in lefts(Trial(TRAIN, str(template), ROOMS, again=again), SPARE):
        assert one.code == 0, (one.event, one.output)
        begun = "runs/mine/run.json" in one.after
        done = WEIGHTS in one.after and not begun
        # what was begun goes on; what was not begun is trained; what is there is there
        assert one.tried == (1 if begun else 3 if done else 2), (one.event, one.output)
        digests.add(one.again[WEIGHTS])
        kept = {path.split("/")[1] for path in one.again if path.startswith("checkpoints/")}
        assert kept == {"mine"} and not _litter(one), one.event
        assert not any(path.startswith("runs/mine/unsaved") for path in one.again)
        assert "runs/mine/run.json" not in one.again
        assert "current" in one.again
    assert len(digests) == 1


def test_a_training_to_a_folder_that_is_killed_goes_on_to_it(tmp_path: Path) -> None:
    """The folder lies in the home, so that kills at its events are counted."""
    home = tmp_path / "template"
    home.mkdir()
    out = str(tmp_path / "home" / "{n}" / "made")
    words = [out if word == "mine" else "--out" if word == "--name" else word for word in TRAIN]
    again = [["train", "--resume", f"{out}.run", "--quiet"], words, ["show", out]]
    for one in lefts(Trial(words, str(home), ROOMS, again=again), SPARE):
        assert one.code == 0, (one.event, one.output)
        begun = "made.run/run.json" in one.after
        done = "made/model.safetensors" in one.after and not begun
        assert one.tried == (1 if begun else 3 if done else 2), (one.event, one.output)
        assert "made/model.safetensors" in one.again and not _litter(one), one.event
        assert "made.run/run.json" not in one.again
    shutil.rmtree(home)


def _litter(one: Left) -> list[str]:
    """What a killed process left that the next one should have swept."""
    return [
        path
        for path in one.again
        if path.endswith(".partial") or (path.startswith("scratch/") and path != "scratch/.lock")
    ]
