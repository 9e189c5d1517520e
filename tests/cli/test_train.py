"""zoo train: from a model and a data set to a checkpoint, by the model's own recipe."""

import dataclasses
import errno
import json
import os
import pty
import random
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Zoo
from PIL import Image

from zoo.checkpoints.folder import read_facts
from zoo.checkpoints.store import Store
from zoo.cli import main
from zoo.common import files
from zoo.data import load_dataset
from zoo.registry.registry import installed
from zoo.sampling import provenance
from zoo.sampling.images import to_image
from zoo.training import keep, session
from zoo.training import run as runs

SMALL = ["--set", "hidden_dims=8", "--set", "latent_dim=2"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Of this test's zoo."""
    return tmp_path / "home"


def digits(folder: Path, n: int = 40) -> Path:
    """Real digits as a folder of images: the even ones and the odd ones in a class sub-folder each."""
    data = load_dataset("mnist")
    assert data.labels is not None
    for index in range(n):
        path = folder / ("odd" if data.labels[index] % 2 else "even") / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        to_image(data.samples[index]).save(path)
    return folder


def assert_nothing_was_kept(home: Path) -> None:
    """No checkpoint, no current one, no scratch."""
    for folder in ("checkpoints", "scratch"):
        assert not (home / folder).exists() or list((home / folder).glob("[!.]*")) == []
    assert not (home / "current").exists()
    assert list(home.parent.rglob("*.partial")) == []


def test_a_trained_checkpoint_is_in_the_store_is_current_and_can_be_sampled(
    zoo: Zoo, home: Path
) -> None:
    result = zoo("train", "mlp-vae", "--name", "mine", "--epochs", 2, "--seed", 5, *SMALL)
    entry = home / "checkpoints" / "mine"
    assert (
        result.exit_code == 0 and result.stdout == f"{entry}\n" and "Trained mine" in result.stderr
    )
    names = {str(path.relative_to(entry)) for path in entry.rglob("*") if path.is_file()}
    assert "images/samples.png" in names  # and what else there is to show of the model
    assert {name for name in names if not name.startswith("images/")} == {
        "config.json",
        "model.safetensors",
        "facts.json",
        "README.md",
        "origin.json",
    }
    config = json.loads((entry / "config.json").read_text())
    assert config["model"] == "mlp-vae" and config["config"]["hidden_dims"] == [8]
    assert config["made_by"]["distribution"] == "genzoo"
    assert (home / "current").read_text() == "mine\n"
    assert "samples of mine" in zoo("sample").stderr
    assert zoo("verify", "mine").exit_code == 0


def test_facts_say_what_was_done(zoo: Zoo, home: Path) -> None:
    zoo("train", "mlp-vae", "--name", "mine", "--epochs", 2, "--set", "batch_size=200", *SMALL)
    facts = json.loads((home / "checkpoints" / "mine" / "facts.json").read_text())
    assert (
        facts["name"] == "mine"
        and facts["dataset"] == "mnist"
        and facts["class_names"] == list("0123456789")
    )
    assert facts["recipe"]["epochs"] == 2 and facts["recipe"]["batch_size"] == 200
    assert facts["recipe"]["learning_rate"] == 1e-3
    assert [one["epoch"] for one in facts["history"]] == [1, 2]
    first, second = (one["losses"]["loss"] for one in facts["history"])
    assert second < first < 784
    assert facts["parameters"] > 10_000 and facts["seconds"] >= 0 and facts["hardware"]
    assert set(facts["versions"]) == {"genzoo", "torch"} and len(facts["created"].split("-")) == 3
    assert facts["command"].endswith(f"--seed {facts['seed']}")


def test_the_recorded_command_trains_the_same_weights_bit_for_bit(zoo: Zoo, home: Path) -> None:
    zoo("train", "mlp-vae", "--name", "mine", "--epochs", 1, *SMALL)
    entry = home / "checkpoints" / "mine"
    command = json.loads((entry / "facts.json").read_text())["command"]
    first = files.sha256(entry / "model.safetensors")
    zoo("rm", "--yes", "mine")
    assert zoo(*shlex.split(command)[1:]).exit_code == 0
    assert files.sha256(entry / "model.safetensors") == first
    zoo("train", "mlp-vae", "--name", "other", "--epochs", 1, "--seed", 12345, *SMALL)
    assert files.sha256(home / "checkpoints" / "other" / "model.safetensors") != first


@pytest.mark.long
@pytest.mark.parametrize("name", ["cvae-mnist", "vae-mnist-2d"])
def test_the_command_on_the_card_of_a_small_checkpoint_gives_the_same_bytes_in_two_processes(
    name: str, tmp_path: Path
) -> None:
    """Two epochs of the digits of the tests; tests/benchmarks trains as long as the card says."""
    facts = read_facts(Store(installed().checkpoints).find(name))
    words = shlex.split(facts["command"])
    words[words.index("--epochs") + 1] = "2"
    made = []
    for place in (tmp_path / "first", tmp_path / "second"):
        place.mkdir()
        subprocess.run(
            [sys.executable, "-m", *words], cwd=place, check=True, capture_output=True, timeout=120
        )
        made.append((place / name / "model.safetensors").read_bytes())
    assert made[0] == made[1]


def test_the_stated_command_makes_the_picture_of_the_card(zoo: Zoo, home: Path) -> None:
    zoo("train", "mlp-vae", "--name", "mine", "--epochs", 1, *SMALL)
    entry = home / "checkpoints" / "mine"
    command = json.loads((entry / "facts.json").read_text())["samples_command"]
    assert command in (entry / "README.md").read_text()
    assert zoo(*shlex.split(command)[1:]).exit_code == 0
    assert Path("samples.png").read_bytes() == (entry / "images" / "samples.png").read_bytes()


def test_the_recipe_is_the_model_s_own_unless_told_otherwise(zoo: Zoo, home: Path) -> None:
    words = ["--set", "schedule=cosine", "--set", "betas=0.5,0.9", "--set", "ema_decay=0.9"]
    zoo("train", "mlp-vae", "--name", "mine", *words, *SMALL)
    made = json.loads((home / "checkpoints" / "mine" / "facts.json").read_text())["recipe"]
    recipe = installed().model_class("mlp-vae").recipe.to_dict()
    assert made == {**recipe, "schedule": "cosine", "betas": [0.5, 0.9], "ema_decay": 0.9}
    assert made["epochs"] == 10


def test_a_grid_of_each_epoch_is_on_disk(zoo: Zoo, home: Path) -> None:
    result = zoo("train", "mlp-vae", "--name", "mine", "--epochs", 2, *SMALL)
    grids = sorted((home / "runs" / "mine").glob("[!.]*"))
    assert [path.name for path in grids] == ["epoch-001.png", "epoch-002.png", "history.jsonl"]
    assert str(grids[0].parent) in result.stderr
    with Image.open(grids[0]) as image:
        assert image.size == (242, 242)
    assert grids[0].read_bytes() != grids[1].read_bytes()
    assert provenance.read(grids[1])["step"] == 12


def test_the_history_is_on_disk_as_it_is_in_the_facts(zoo: Zoo, home: Path) -> None:
    zoo("train", "mlp-vae", "--name", "mine", "--epochs", 2, "--set", "holdout=100", *SMALL)
    lines = (home / "runs" / "mine" / "history.jsonl").read_text().splitlines()
    history = json.loads((home / "checkpoints" / "mine" / "facts.json").read_text())["history"]
    assert [json.loads(line) for line in lines] == history
    assert [(one["epoch"], one["step"], set(one["held_out"])) for one in history] == [
        (1, 5, {"loss", "reconstruction", "kl"}),
        (2, 10, {"loss", "reconstruction", "kl"}),
    ]


def test_losses_are_plain_lines_when_nobody_watches(zoo: Zoo) -> None:
    result = zoo("train", "mlp-gan", "--name", "mine", "--epochs", 2, "--set", "generator_dims=8")
    lines = [line for line in result.stderr.splitlines() if line.startswith("epoch ")]
    assert [line.split()[1] for line in lines] == ["1/2", "2/2"]
    assert all(
        "generator" in line and "discriminator" in line and "samples/s" in line for line in lines
    )
    assert "\x1b" not in result.stderr and "\r" not in result.stderr
    assert "Warning" not in result.stderr and "loss curves" not in result.stderr


def test_a_terminal_gets_a_bar_that_fills_and_a_line_for_each_epoch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, theirs = pty.openpty()
    seen: list[bytes] = []

    def read() -> None:
        try:
            while part := os.read(ours, 65536):
                seen.append(part)
        except OSError:  # how Linux says that the other side is closed
            pass

    reader = threading.Thread(target=read)
    reader.start()
    for name, value in (("TERM", "xterm-256color"), ("COLUMNS", "120")):
        monkeypatch.setenv(name, value)
    with os.fdopen(theirs, "w") as terminal, monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", terminal)
        main(["train", "mlp-vae", "--name", "mine", "--epochs", "2", *SMALL], standalone_mode=False)
    reader.join()
    os.close(ours)
    shown = b"".join(seen).decode()
    *_, bar = (line for line in shown.splitlines() if "━" in line)
    assert (
        "mine" in bar
        and "12/12" in bar
        and "samples/s" in bar
        and "loss " in bar
        and "kl " in bar
        and "\x1b[" in bar
    )
    assert shown.count("epoch 1/2  loss ") == shown.count("epoch 2/2  loss ") == 1


def test_an_alarm_is_said_once_however_long_it_rings(
    zoo: Zoo, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "zoo.training.alarms.WARMING_UP", 0
    )  # which so short a training doesn't outlast
    words = [
        "--set",
        "generator_dims=2",
        "--set",
        "latent_dim=1",
        "--epochs",
        5,
        "--seed",
        0,
    ]  # far too narrow
    result = zoo("train", "mlp-gan", "--name", "mine", *words)
    watched = [
        one["watched"]
        for one in json.loads((home / "checkpoints/mine/facts.json").read_text())["history"]
    ]
    assert result.exit_code == 0 and max(one["diversity"] for one in watched) < 0.6
    (alarm,) = (line for line in result.stderr.splitlines() if "collapsing" in line)
    assert alarm.startswith("Warning: epoch 2: The samples are much alike (diversity 0.")
    assert "Try a smaller learning rate" in alarm


def test_hardware_without_bfloat16_computes_in_float32_and_says_so(
    zoo: Zoo, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        torch.cpu,
        "get_capabilities",
        lambda: {"architecture": "x86_64", "avx2": True},
        raising=False,
    )
    said = {}
    for precision in ("bf16", "float32"):
        words = [
            "--name",
            precision,
            "--epochs",
            1,
            "--seed",
            0,
            "--set",
            f"precision={precision}",
            *SMALL,
        ]
        said[precision] = zoo("train", "mlp-vae", *words).stderr
    bf16, float32 = (home / "checkpoints" / precision for precision in ("bf16", "float32"))
    assert files.sha256(bf16 / "model.safetensors") == files.sha256(float32 / "model.safetensors")
    words = "Computing in float32: this hardware has no bfloat16."
    assert words in said["bf16"] and words not in said["float32"]
    assert json.loads((bf16 / "facts.json").read_text())["hardware"].endswith(", no bfloat16")


def test_without_matplotlib_it_is_said_beforehand_what_to_install_for_curves(
    zoo: Zoo, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)  # type: ignore[arg-type]  # how Python says: not there
    result = zoo("train", "mlp-vae", "--name", "mine", "--epochs", 1, *SMALL)
    assert result.exit_code == 0, result.stderr
    before, _, _ = result.stderr.partition("epoch 1/1")
    assert (
        "There will be no loss curves: matplotlib draws them, pip install 'genzoo[plots]'" in before
    )
    entry = home / "checkpoints" / "mine"
    assert (entry / "images" / "traversal.png").is_file() and not (
        entry / "images" / "losses.png"
    ).exists()
    assert "losses.png" not in (entry / "README.md").read_text()


def test_json_of_train(zoo: Zoo) -> None:
    record = json.loads(
        zoo("train", "mlp-vae", "--out", "made", "--epochs", 1, "--json", *SMALL).stdout
    )
    assert record["path"] == "made" and record["name"] == "made" and record["dataset"] == "mnist"


def test_out_writes_to_a_folder_and_not_to_the_store(zoo: Zoo, home: Path) -> None:
    Path("made").mkdir()
    result = zoo("train", "mlp-vae", "--out", "made", "--epochs", 1, *SMALL)
    assert result.stdout == "made\n" and Path("made/model.safetensors").is_file()
    assert Path("made.run/epoch-001.png").is_file()
    assert_nothing_was_kept(home)
    assert zoo("sample", "./made", "-n", 1).exit_code == 0


def test_a_folder_of_images_with_classes_trains_a_conditional_model(zoo: Zoo) -> None:
    digits(Path("my-digits"))
    words = ["--data", "./my-digits", "--epochs", 1, "--set", "num_classes=2", *SMALL]
    assert zoo("train", "mlp-vae", "--out", "made", *words).exit_code == 0
    facts = json.loads(Path("made/facts.json").read_text())
    assert facts["dataset"] == "./my-digits" and facts["class_names"] == ["even", "odd"]
    assert zoo("sample", "./made", "-n", 1, "--label", "odd").exit_code == 0


def test_a_folder_that_does_not_fit_in_memory_trains_the_same_weights(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    digits(Path("my-digits"))
    words = [
        "--data",
        "./my-digits",
        "--epochs",
        2,
        "--seed",
        0,
        "--set",
        "num_classes=2",
        "--balance",
        *SMALL,
    ]
    assert zoo("train", "mlp-vae", "--out", "memory", *words).exit_code == 0
    monkeypatch.setattr("zoo.data.image_folders.fits", lambda shape: False)
    assert zoo("train", "mlp-vae", "--out", "disk", *words).exit_code == 0
    assert files.sha256(Path("memory/model.safetensors")) == files.sha256(
        Path("disk/model.safetensors")
    )


def test_a_training_on_a_folder_goes_on_whether_or_not_it_fits_in_memory_now(
    zoo: Zoo, ctrl_c_after: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = digits(Path("my-digits"))
    ctrl_c_after(1)
    words = ["--data", "./my-digits", "--out", "made", "--epochs", 2, *SMALL]
    assert zoo("train", "mlp-vae", *words).exit_code == 130
    monkeypatch.setattr("zoo.data.image_folders.fits", lambda shape: False)
    (folder / "even" / "another.png").write_bytes(next(folder.glob("odd/*")).read_bytes())
    refused = zoo("train", "--resume", "made.run")
    assert (
        refused.exit_code == 1
        and "The data, or a default of the model, is no longer" in refused.stderr
    )
    (folder / "even" / "another.png").unlink()
    assert zoo("train", "--resume", "made.run").exit_code == 0


def test_a_conditional_vae_is_kept_though_the_test_images_have_no_labels(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = keep._shown
    monkeypatch.setattr(
        keep, "_shown", lambda session: dataclasses.replace(shown(session), labels=None)
    )
    words = ["--out", "made", "--epochs", 1, "--set", "num_classes=10", *SMALL]
    assert zoo("train", "mlp-vae", *words).exit_code == 0
    assert (
        not Path("made/images/reconstructions.png").exists()
        and Path("made/images/interpolation.png").is_file()
    )


def test_what_cannot_be_trained_costs_an_earlier_training_nothing(zoo: Zoo, home: Path) -> None:
    kept = home / "runs" / "mine" / runs.LAST_GOOD
    kept.mkdir(parents=True)
    result = zoo("train", "mlp-vae", "--name", "mine", "--set", "holdout=800", *SMALL)
    assert result.exit_code == 1 and "can't be held out" in result.stderr and kept.is_dir()


def test_images_of_several_sizes_need_a_sample_shape(zoo: Zoo, home: Path) -> None:
    digits(Path("mixed"), 10)
    Image.new("RGB", (50, 40), "red").save("mixed/odd/large.jpg")
    words = ["--data", "./mixed", "--name", "mine", "--epochs", 1, *SMALL]
    result = zoo("train", "mlp-vae", *words)
    assert result.exit_code == 1 and "50×40" in result.stderr and "28×28" in result.stderr
    assert "large.jpg" in result.stderr and "--set sample_shape=" in result.stderr
    assert_nothing_was_kept(home)
    assert zoo("train", "mlp-vae", *words, "--set", "sample_shape=3,32,32").exit_code == 0


@pytest.mark.parametrize("damage", ["text", "truncated"])
@pytest.mark.parametrize("shape", [[], ["--set", "sample_shape=1,28,28"]])
def test_a_broken_image_is_named(damage: str, shape: list[str], zoo: Zoo, home: Path) -> None:
    hurt = next((digits(Path("mine"), 10) / "even").iterdir())
    hurt.write_bytes(b"no image" if damage == "text" else hurt.read_bytes()[:100])
    result = zoo(
        "train", "mlp-vae", "--data", "./mine", "--name", "mine", "--epochs", 1, *SMALL, *shape
    )
    assert (
        result.exit_code == 1 and str(hurt) in result.stderr and result.stderr.startswith("Error: ")
    )
    assert_nothing_was_kept(home)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["mlp-va", "--name", "x"], "'mlp-vae'"),
        (
            ["vae-mnist", "--name", "x"],
            "'vae-mnist' is a checkpoint, not a model. Its model: mlp-vae.",
        ),
        (["mlp-vae", "--name", "x", "--data", "mnst"], "'mnist'"),
        (["mlp-vae", "--name", "x", "--data", "pictures"], "./pictures"),
        (["mlp-vae", "--name", "x", "--data", "./pictures"], "holds no images"),
        (["mlp-vae", "--name", "x", "--data", "./nowhere"], "is not a folder"),
        (["mlp-vae", "--name", "x", "--set", "latent_dims=3"], "Did you mean 'latent_dim'"),
        (["mlp-vae", "--name", "x", "--set", "learning_rat=3"], "'learning_rate'"),
        (["mlp-vae", "--name", "x", "--set", "latent_dim"], "name=value"),
        (["mlp-vae", "--name", "x", "--set", "latent_dim=many"], "whole number"),
        (["mlp-vae", "--name", "x", "--set", "latent_dim=0"], "out of bounds"),
        (["mlp-vae", "--name", "x", "--set", "schedule=linear"], "one of constant, cosine"),
        (["mlp-vae", "--name", "x", "--set", "num_classes=5"], "--set num_classes=10"),
        (["mlp-vae", "--name", "x", "--set", "sample_shape=2,28,28"], "1 or 3 channels"),
        (["dcgan", "--name", "x", "--set", "sample_shape=1,6,30"], "at least 8×8 pixels, not 6×30"),
        (
            ["mlp-vae", "--name", "x", "--set", "holdout=800"],
            "800 samples can't be held out of the 800 of mnist",
        ),
        (
            ["mlp-vae", "--name", "x", "--set", "class_weights=1,2"],
            "class_weights has 2 values; mnist has 10 classes",
        ),
        (["mlp-vae", "--name", "x", "--set", "augment=blur"], "one of shift, rotate, zoom, flip"),
        (
            ["mlp-vae", "--resume", "nowhere"],
            "There is no folder nowhere, nor a training of that name.",
        ),
        (["mlp-vae", "--resume", "no/where"], "There is no folder no/where."),
        (
            ["mlp-vae", "--out", "My Out"],
            "'-', 64 at most. Say one with --name.",
        ),
        (["mlp-vae", "--name", "Bad Name"], "'Bad Name' is not a valid name"),
        (["mlp-vae", "--name", "../x"], "'../x' is not a valid name"),
        (["mlp-vae", "--name", "vae-mnist"], "choose another name"),
        (["mlp-vae", "--out", "pictures/taken"], "is not an empty folder"),
        (["mlp-vae", "--out", "pictures"], "is not an empty folder"),
        (["mlp-vae", "--out", ".", "--name", "x"], "Error: "),
    ],
)
def test_what_cannot_be_trained_is_refused_before_any_epoch(
    words: list[str], why: str, zoo: Zoo, home: Path
) -> None:
    if "." not in words:
        Path("pictures").mkdir()
        Path("pictures/taken").write_text("from before")
    before = sorted(map(str, Path().rglob("*")))
    result = zoo("train", *words, "--epochs", 1)
    assert result.exit_code == 1 and why in result.stderr, (result.stderr, result.exception)
    assert "epoch 1" not in result.stderr and result.stdout == ""
    assert_nothing_was_kept(home)
    assert sorted(map(str, Path().rglob("*"))) == before


def test_an_unwritable_place_is_refused_before_any_epoch(zoo: Zoo) -> None:
    Path("file").write_text("from before")
    result = zoo("train", "mlp-vae", "--out", "file/made", "--epochs", 1, *SMALL)
    assert result.exit_code == 1 and "file/made" in result.stderr
    assert "epoch 1" not in result.stderr and Path("file").read_text() == "from before"


def test_a_name_in_the_store_is_taken_and_its_checkpoint_stays(zoo: Zoo, home: Path) -> None:
    zoo("train", "mlp-vae", "--name", "mine", "--epochs", 1, *SMALL)
    before = files.sha256(home / "checkpoints" / "mine" / "model.safetensors")
    result = zoo("train", "mlp-vae", "--name", "mine", "--epochs", 1, *SMALL)
    assert (
        result.exit_code == 1 and "zoo rm mine" in result.stderr and "epoch 1" not in result.stderr
    )
    assert files.sha256(home / "checkpoints" / "mine" / "model.safetensors") == before


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["mlp-vae"], "--name NAME"),
        (
            ["--name", "x"],
            "Name the MODEL to train (zoo list --models), or the training to continue: --resume NAME",
        ),
        (["mlp-vae", "--name", "x", "--epochs", "0"], "0 is not in the range"),
        (["mlp-vae", "--name", "x", "--seed", "-1"], "-1 is not in the range"),
    ],
)
def test_usage_errors_exit_with_2(words: list[str], why: str, zoo: Zoo, home: Path) -> None:
    result = zoo("train", *words)
    assert result.exit_code == 2 and "Usage: " in result.stderr and why in result.stderr, (
        result.stderr
    )
    assert_nothing_was_kept(home)


def test_a_misspelt_model_is_named_before_a_missing_name(zoo: Zoo) -> None:
    result = zoo("train", "mlp-vea")
    assert result.exit_code == 1 and "Did you mean 'mlp-vae'" in result.stderr, result.stderr
    assert "--name" not in result.stderr


def test_threads_are_taken_and_not_recorded(zoo: Zoo, home: Path) -> None:
    before = torch.get_num_threads()
    try:
        words = ["--name", "mine", "--epochs", 1, "--threads", 3, *SMALL]
        assert zoo("train", "mlp-vae", *words).exit_code == 0 and torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    facts = json.loads((home / "checkpoints" / "mine" / "facts.json").read_text())
    assert "threads" not in facts["command"]
    assert zoo("train", "mlp-vae", "--name", "x", "--threads", 0).exit_code == 2


def test_an_augmentation_that_there_is_not_is_refused_with_those_that_there_are(
    zoo: Zoo, home: Path
) -> None:
    result = zoo("train", "mlp-vae", "--name", "x", "--augment", "blur")
    assert result.exit_code == 1 and "one of shift, rotate, zoom, flip" in result.stderr
    assert_nothing_was_kept(home)


def test_a_conditional_model_needs_labels(zoo: Zoo, home: Path) -> None:
    flat = digits(Path("classes"), 10) / "even"
    words = ["--data", f"./{flat}", "--name", "x", "--epochs", 1, "--set", "num_classes=2"]
    result = zoo("train", "mlp-vae", *words)
    assert result.exit_code == 1 and "the data has no labels" in result.stderr
    assert_nothing_was_kept(home)


def test_balance_needs_labels_and_is_part_of_the_recipe(zoo: Zoo, home: Path) -> None:
    flat = digits(Path("classes"), 10) / "even"
    result = zoo(
        "train", "mlp-vae", "--data", f"./{flat}", "--name", "x", "--epochs", 1, "--balance"
    )
    assert (
        result.exit_code == 1
        and "--balance draws every class equally often, but ./even has no labels" in result.stderr
    )
    assert_nothing_was_kept(home)
    words = [
        "--name",
        "x",
        "--epochs",
        1,
        "--balance",
        "--augment",
        "shift",
        "--augment",
        "zoom",
        *SMALL,
    ]
    assert zoo("train", "mlp-vae", "--data", "./classes", *words).exit_code == 0
    facts = json.loads((home / "checkpoints" / "x" / "facts.json").read_text())
    assert facts["recipe"]["balance"] is True and facts["recipe"]["augment"] == ["shift", "zoom"]
    assert "--set balance=true --set augment=shift,zoom" in facts["command"]


def test_data_of_another_size_is_resized_on_request(zoo: Zoo, home: Path) -> None:
    for path in digits(Path("small"), 20).rglob("*.png"):
        with Image.open(path) as image:
            image.resize((6, 6)).save(path)
    words = [
        "--data",
        "./small",
        "--name",
        "x",
        "--epochs",
        1,
        "--set",
        "width=4",
        "--set",
        "latent_dim=4",
    ]
    refused = zoo("train", "dcgan", *words)
    assert refused.exit_code == 1 and "at least 8×8 pixels, not 6×6: resize" in refused.stderr
    assert zoo("train", "dcgan", *words, "--set", "sample_shape=1,32,32").exit_code == 0
    config = json.loads((home / "checkpoints" / "x" / "config.json").read_text())["config"]
    assert config["sample_shape"] == [1, 32, 32]


@pytest.mark.parametrize("model", ["mlp-vae", "conv-vae"])
def test_training_that_breaks_down_stops_with_a_clear_message(
    model: str, zoo: Zoo, home: Path
) -> None:
    result = zoo(
        "train", model, "--name", "mine", "--epochs", 3, "--set", "learning_rate=1000", "--seed", 0
    )
    assert result.exit_code == 1 and result.stderr.splitlines()[-1].startswith("Error: "), repr(
        result.exception
    )
    assert "smaller learning_rate than 1000" in result.stderr
    assert_nothing_was_kept(home)


def test_the_last_good_state_of_a_training_that_ran_away_can_be_sampled(
    zoo: Zoo, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "KEEP_SECONDS", 0.0)
    monkeypatch.setattr(session, "KEEP_SECONDS_WITHIN", 1e9)
    words = [
        "--set",
        "optimizer=sgd",
        "--set",
        "learning_rate=0.3",
        "--set",
        "warmup=1",
        "--set",
        "batch_size=40",
    ]
    words += [
        "--set",
        "hidden_dims=32",
        "--set",
        "latent_dim=4",
        "--epochs",
        "10",
        "--seed",
        "0",
    ]  # on 800 digits
    result = zoo("train", "mlp-vae", "--name", "mine", *words)
    assert result.exit_code == 1 and "smaller learning_rate than 0.3" in result.stderr, (
        result.stderr
    )
    run = home / "runs" / "mine"
    kept = [json.loads(line)["step"] for line in (run / "history.jsonl").read_text().splitlines()][
        -1
    ]
    assert (
        f"The last good state, of step {kept}, is kept: zoo sample {run / 'last-good'}"
        in result.stderr
    )
    assert kept > 20
    assert_nothing_was_kept(home)
    assert (
        zoo("sample", run / "last-good", "-n", 4).exit_code == 0 and Path("samples.png").is_file()
    )
    assert (
        zoo("train", "mlp-vae", "--name", "mine", "--epochs", 1, *SMALL).exit_code == 0
    )  # and the name is free


def test_out_of_memory_is_said_with_a_batch_size_to_try(
    zoo: Zoo, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def greedy(*_: object) -> Any:
        yield torch.empty(2**50)  # a petabyte

    monkeypatch.setattr(installed().model_class("mlp-vae"), "training_step", greedy)
    result = zoo("train", "mlp-vae", "--name", "mine", *SMALL)
    assert (
        result.exit_code == 1
        and "Out of memory with a batch of 128 samples. Try --set batch_size=64" in result.stderr
    )
    assert_nothing_was_kept(home)


def test_data_that_is_not_there_says_where_to_put_it(zoo: Zoo, home: Path) -> None:
    Path("data").mkdir()
    Path("data/MNIST").write_text("no folder")  # so that nothing can be downloaded into it
    result = zoo("train", "mlp-vae", "--name", "mine", "--data-root", "data", "--epochs", 1)
    root = Path("data").resolve()
    assert result.exit_code == 1 and f"Can't load the data set 'mnist' from {root}" in result.stderr
    assert "--data-root" in result.stderr and "ZOO_DATA" in result.stderr
    assert_nothing_was_kept(home)


def test_a_full_disk_at_the_end_of_training_is_said_and_no_half_checkpoint_is_kept(
    home: Path,
) -> None:
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)); import "
        "zoo.__main__"
    )
    words = ["train", "mlp-vae", "--name", "mine", "--epochs", "1", "--set", "hidden_dims=100"]
    result = subprocess.run(
        [sys.executable, "-B", "-c", code, *words], capture_output=True, text=True
    )
    assert result.returncode == 1 and "Traceback" not in result.stderr, result.stderr
    assert (
        result.stderr.splitlines()[-1].startswith("Error: Can't write ") and "mine" in result.stderr
    )
    assert_nothing_was_kept(home)


# --- trainings that are stopped, and go on

MODELS = {
    "mlp-vae": [
        "hidden_dims=16",
        "latent_dim=2",
        "batch_norm=true",
        "ema_decay=0.99",
        "batch_size=40",
    ],
    "mlp-gan": [
        "generator_dims=16",
        "discriminator_dims=16",
        "latent_dim=4",
        "batch_size=40",
        "augment=shift",
    ],
}


EPOCHS = {"mlp-vae": 15, "mlp-gan": 8}


def train_words(model: str, out: str | Path) -> list[str]:
    settings = [word for setting in MODELS[model] for word in ("--set", setting)]
    return [
        "train",
        model,
        "--out",
        str(out),
        "--epochs",
        str(EPOCHS[model]),
        "--seed",
        "0",
        *settings,
    ]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Zoo, str], Path]:
    """What comes of a training that nobody stops: `whole(zoo, "mlp-vae")`, trained once."""
    folder = tmp_path_factory.mktemp("whole")

    def train(zoo: Zoo, model: str) -> Path:
        if not (folder / model).exists():
            assert zoo(*train_words(model, folder / model)).exit_code == 0
        return folder / model

    return train


def signalled(
    number: signal.Signals, words: list[str], folder: Path, moment: float
) -> subprocess.CompletedProcess[str]:
    """Run `zoo`, which keeps its state at each report, and send it a signal that long after its
    first state is kept.
    """
    code = (
        "from zoo.training import session; session.KEEP_SECONDS = 0.0; "
        "session.KEEP_SECONDS_WITHIN = 0.0; import zoo.__main__"
    )
    command = [sys.executable, "-c", code, *words]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        deadline = time.monotonic() + 120
        while (
            not (folder / runs.STATE).exists()
            and process.poll() is None
            and time.monotonic() < deadline
        ):
            time.sleep(0.01)
        time.sleep(moment)
        process.send_signal(number)
        try:
            stdout, stderr = process.communicate(timeout=60)
        finally:
            process.kill()
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


def assert_the_same_came_of_both(one: Path, other: Path) -> None:
    """Weights to the bit, and the history of losses."""
    for name in ("model.safetensors", "training.safetensors"):
        if (one / name).exists() or (other / name).exists():
            assert files.sha256(one / name) == files.sha256(other / name)
    first, second = (json.loads((path / "facts.json").read_text()) for path in (one, other))
    assert (
        first["history"] == second["history"] and len(first["history"]) == first["recipe"]["epochs"]
    )


@pytest.mark.kills
@pytest.mark.parametrize("model", MODELS)
def test_a_training_that_was_killed_goes_on_to_the_same_weights_bit_for_bit(
    model: str, zoo: Zoo, whole: Callable[[Zoo, str], Path]
) -> None:
    moment = random.Random().uniform(0, 0.4)
    killed = signalled(signal.SIGKILL, train_words(model, "killed"), Path("killed.run"), moment)
    assert killed.returncode == -signal.SIGKILL and not Path("killed").exists(), (
        moment,
        killed.stderr,
    )
    resumed = zoo("train", "--resume", "killed.run")
    assert (
        resumed.exit_code == 0 and resumed.stdout == "killed\n" and "on from step" in resumed.stderr
    ), moment
    assert_the_same_came_of_both(Path("killed"), whole(zoo, model))
    lines = Path("killed.run/history.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == json.loads(
        Path("killed/facts.json").read_text()
    )["history"]
    assert not Path("killed.run", runs.STATE).exists()
    assert zoo("verify").exit_code == 0 and zoo("sample", "./killed", "-n", 1).exit_code == 0


@pytest.mark.kills
def test_one_that_was_killed_before_it_kept_a_state_begins_again_and_ends_the_same(
    zoo: Zoo, whole: Callable[[Zoo, str], Path]
) -> None:
    at_the_first_epoch = "Run.log = lambda *_: os.kill(os.getpid(), signal.SIGKILL)"
    code = f"import os, signal; from zoo.training.run import Run; {at_the_first_epoch}; import zoo.__main__"
    command = [sys.executable, "-c", code, *train_words("mlp-vae", "killed")]
    killed = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert killed.returncode == -signal.SIGKILL and not Path("killed.run", runs.STATE).exists(), (
        killed.stderr
    )
    resumed = zoo("train", "--resume", "killed.run")
    assert resumed.exit_code == 0 and "on 800 samples" in resumed.stderr
    assert_the_same_came_of_both(Path("killed"), whole(zoo, "mlp-vae"))


def test_ctrl_c_finishes_its_step_keeps_the_state_and_says_how_to_go_on(
    zoo: Zoo, whole: Callable[[Zoo, str], Path]
) -> None:
    stopped = signalled(signal.SIGINT, train_words("mlp-vae", "stopped"), Path("stopped.run"), 0.1)
    assert stopped.returncode == 130 and "Traceback" not in stopped.stderr, stopped.stderr
    assert (
        "Continue with: zoo train --resume stopped.run" in stopped.stderr
        and "Interrupted." in stopped.stderr
    )
    assert not Path("stopped").exists()
    assert zoo("train", "--resume", "stopped.run").exit_code == 0
    assert_the_same_came_of_both(Path("stopped"), whole(zoo, "mlp-vae"))


@pytest.fixture
def ctrl_c_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Press Ctrl-C as soon as an epoch is written down: `ctrl_c_after(1)`."""
    log = runs.Run.log

    def arrange(epoch: int) -> None:
        def press(run: runs.Run, step: int, history: list[dict[str, Any]], *shown: Any) -> None:
            log(run, step, history, *shown)
            if history[-1]["epoch"] == epoch:
                os.kill(os.getpid(), signal.SIGINT)

        monkeypatch.setattr(runs.Run, "log", press)

    return arrange


@pytest.fixture
def unfinished(
    zoo: Zoo, home: Path, ctrl_c_after: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The folder of a training of 3 epochs that was stopped after its first."""
    ctrl_c_after(1)
    result = zoo("train", "mlp-vae", "--name", "mine", "--epochs", 3, "--seed", 7, *SMALL)
    assert result.exit_code == 130 and "Stopped after step 6" in result.stderr
    ctrl_c_after(0)
    return home / "runs" / "mine"


def test_what_was_asked_for_may_be_said_again(zoo: Zoo, unfinished: Path, home: Path) -> None:
    words = ["mlp-vae", "--name", "mine", "--epochs", 3, "--seed", 7, "--data", "mnist", *SMALL]
    assert zoo("train", *words, "--resume", unfinished).exit_code == 0
    facts = json.loads((home / "checkpoints" / "mine" / "facts.json").read_text())
    assert [one["epoch"] for one in facts["history"]] == [1, 2, 3] and "--resume" not in facts[
        "command"
    ]
    again = zoo("train", "--resume", unfinished)
    assert again.exit_code == 1 and "holds no unfinished training" in again.stderr


@pytest.mark.parametrize(
    ("words", "had", "asked"),
    [
        (["mlp-gan"], "mlp-vae", "mlp-gan"),
        (["--name", "other"], "mine", "other"),
        (["--data", "./digits"], "mnist", "./digits"),
        (["--seed", "8"], "seed 7", "8"),
        (["--out", "made"], "out unset", "made"),
        (["--set", "latent_dim=3"], "latent_dim=2", "latent_dim=3"),
        (["--set", "learning_rate=0.5"], "latent_dim=2", "learning_rate=0.5"),
        (["--balance"], "latent_dim=2", "balance=true"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_to_go_on_in_another_way_is_refused_naming_both(
    words: list[str], had: str, asked: str, zoo: Zoo, unfinished: Path, home: Path
) -> None:
    before = {path.name: path.read_bytes() for path in unfinished.iterdir()}
    result = zoo("train", *words, "--resume", unfinished)
    assert result.exit_code == 1 and had in result.stderr and asked in result.stderr, result.stderr
    assert "out to continue it." in result.stderr and "None" not in result.stderr
    assert {path.name: path.read_bytes() for path in unfinished.iterdir()} == before
    assert_nothing_was_kept(home)


@pytest.mark.parametrize(
    "damage", [lambda whole: whole[:-1], lambda whole: b"\x00" + whole[1:]], ids=["cut", "flipped"]
)
def test_a_damaged_state_is_said_and_stays_for_who_can_mend_it(
    damage: Callable[[bytes], bytes], zoo: Zoo, unfinished: Path
) -> None:
    path = unfinished / runs.STATE
    hurt = damage(path.read_bytes())
    path.write_bytes(hurt)
    result = zoo("train", "--resume", unfinished)
    assert (
        result.exit_code == 1
        and f"{path} is damaged" in result.stderr
        and path.read_bytes() == hurt
    )
    assert len((unfinished / "history.jsonl").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("model", 3),
        ("settings", None),
        ("data", 7),
        ("seed", "1"),
        ("out", 1),
        ("folder", None),
        ("name", ["x"]),
    ],
)
def test_settings_of_a_strangers_run_are_refused_by_name(
    key: str, value: object, zoo: Zoo, unfinished: Path
) -> None:
    settings = files.read_json(unfinished / runs.SETTINGS)
    files.write_json(unfinished / runs.SETTINGS, {**settings, key: value})
    result = zoo("train", "--resume", unfinished)
    assert result.exit_code == 1 and f"run.json is damaged: {key} is" in result.stderr, (
        result.stderr
    )


def test_a_training_goes_on_by_its_name_and_a_mistyped_one_is_mended(
    zoo: Zoo, unfinished: Path
) -> None:
    refused = zoo("train", "--resume", "mien")
    assert (
        refused.exit_code == 1
        and "nor a training of that name. Did you mean 'mine'?" in refused.stderr
    )
    assert zoo("train", "--resume", "mine").exit_code == 0
    again = zoo("train", "--resume", "mine")
    assert again.exit_code == 1 and "holds no unfinished training: it is finished" in again.stderr


def test_no_other_process_goes_on_while_the_checkpoint_is_written(
    zoo: Zoo, unfinished: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others, fill = [], keep._fill

    def fill_and_look(*arguments: Any) -> Any:
        others.append(zoo("train", "--resume", unfinished).stderr)
        return fill(*arguments)

    monkeypatch.setattr(keep, "_fill", fill_and_look)
    assert zoo("train", "--resume", unfinished).exit_code == 0
    assert len(others) == 1 and f"Another process is at work in {unfinished}" in others[0]


def test_a_result_whose_name_was_taken_meanwhile_can_be_sampled_and_is_not_trained_over(
    zoo: Zoo, unfinished: Path, home: Path
) -> None:
    (home / "checkpoints" / "mine").mkdir(parents=True)
    (home / "checkpoints" / "mine" / "file").touch()
    result = zoo("train", "--resume", unfinished)
    assert (
        result.exit_code == 1
        and f"What was trained is in {unfinished / 'unsaved'}: zoo sample" in result.stderr
    )
    assert zoo("sample", *result.stderr.split("zoo sample ")[1].split(), "-n", 1).exit_code == 0
    files.remove(home / "checkpoints" / "mine")
    over = zoo("train", "mlp-vae", "--name", "mine", "--epochs", 1, *SMALL)
    assert (
        over.exit_code == 1
        and f"{unfinished / 'unsaved'} holds the result of an earlier training" in over.stderr
    )
    assert zoo("sample", unfinished / "unsaved", "-n", 1).exit_code == 0


def test_a_result_that_found_no_place_at_all_can_be_had_by_going_on(
    zoo: Zoo, unfinished: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("zoo.checkpoints.weights._write_tensors", full)
        result = zoo("train", "--resume", unfinished)
    assert result.exit_code == 1 and "Disk full" in result.stderr
    assert result.stderr.rstrip().endswith("To write the checkpoint: zoo train --resume mine")
    assert (
        not (unfinished / "unsaved").exists()
        and zoo("train", "--resume", unfinished).exit_code == 0
    )
    assert (home / "checkpoints" / "mine" / "model.safetensors").is_file()


def test_a_training_goes_on_from_wherever_one_stands(
    zoo: Zoo, tmp_path: Path, ctrl_c_after: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The data and the place for the checkpoint are those that were named from the folder where it
    began.
    """
    digits(Path("here"))
    ctrl_c_after(1)
    words = [
        "--data",
        "./here",
        "--out",
        "made",
        "--epochs",
        2,
        "--seed",
        0,
        "--set",
        "batch_size=20",
        *SMALL,
    ]
    assert zoo("train", "mlp-vae", *words).exit_code == 130
    ctrl_c_after(0)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    result = zoo("train", "--resume", tmp_path / "desk" / "made.run")
    assert result.exit_code == 0, result.stderr
    facts = json.loads((tmp_path / "desk" / "made" / "facts.json").read_text())
    assert facts["reference"] == "./made" and "--data ./here" in facts["command"]
    assert list(Path().iterdir()) == []


def test_another_amount_of_data_than_it_began_with_is_refused(
    zoo: Zoo, ctrl_c_after: Callable[[int], None]
) -> None:
    folder = digits(Path("here"))
    ctrl_c_after(1)
    words = ["--data", "./here", "--name", "mine", "--epochs", 2, "--set", "batch_size=20", *SMALL]
    assert zoo("train", "mlp-vae", *words).exit_code == 130
    ctrl_c_after(0)
    next(folder.rglob("*.png")).write_bytes(max(folder.rglob("*.png")).read_bytes())
    result = zoo("train", "--resume", Path("../home/runs/mine"))
    assert (
        result.exit_code == 1
        and "The data, or a default of the model, is no longer what it was" in result.stderr
    )


def test_a_long_history_is_thinned_in_the_facts(
    zoo: Zoo, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """facts.json has to stay a file that the zoo reads."""
    monkeypatch.setattr("zoo.training.keep.HISTORY", 10)
    digits(Path("few"), 4)
    words = ["--data", "./few", "--name", "mine", "--epochs", 25, "--set", "batch_size=4", *SMALL]
    assert zoo("train", "mlp-vae", *words).exit_code == 0
    history = json.loads((home / "checkpoints" / "mine" / "facts.json").read_text())["history"]
    assert [epoch["epoch"] for epoch in history] == [1, 4, 7, 10, 13, 16, 19, 22, 25]
    assert len((home / "runs" / "mine" / "history.jsonl").read_text().splitlines()) == 25


def test_an_unfinished_training_is_not_begun_over(zoo: Zoo, unfinished: Path) -> None:
    before = (unfinished / runs.STATE).read_bytes()
    result = zoo("train", "mlp-vae", "--name", "mine", "--epochs", 1, *SMALL)
    assert result.exit_code == 1 and "zoo train --resume mine" in result.stderr
    assert (unfinished / runs.STATE).read_bytes() == before


def test_two_at_once_can_not_go_on_with_one_training(zoo: Zoo, unfinished: Path) -> None:
    with files.alone(unfinished):
        result = zoo("train", "--resume", unfinished)
    assert result.exit_code == 1 and "Another process is at work" in result.stderr


# --- TensorBoard


def test_tensorboard_gets_losses_and_grids(zoo: Zoo, home: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert (
        zoo("train", "mlp-vae", "--name", "mine", "--epochs", 2, "--tensorboard", *SMALL).exit_code
        == 0
    )
    events = EventAccumulator(str(home / "runs" / "mine" / "tensorboard"))
    events.Reload()
    history = json.loads((home / "checkpoints" / "mine" / "facts.json").read_text())["history"]
    scalars = [(one.step, one.value) for one in events.Scalars("losses/loss")]
    assert scalars == [
        (6, pytest.approx(history[0]["losses"]["loss"])),
        (12, pytest.approx(history[1]["losses"]["loss"])),
    ]
    assert [(one.step, one.width) for one in events.Images("samples")] == [(6, 242), (12, 242)]


def test_tensorboard_is_followed_when_a_training_goes_on(
    zoo: Zoo, home: Path, ctrl_c_after: Callable[[int], None]
) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    ctrl_c_after(1)
    words = ["--name", "mine", "--epochs", 2, "--tensorboard", *SMALL]
    assert zoo("train", "mlp-vae", *words).exit_code == 130
    ctrl_c_after(0)
    assert zoo("train", "--resume", home / "runs" / "mine").exit_code == 0
    events = EventAccumulator(str(home / "runs" / "mine" / "tensorboard"))
    events.Reload()
    assert [one.step for one in events.Scalars("losses/loss")] == [6, 12]


def test_without_the_package_tensorboard_says_which_extra_it_is_in(
    zoo: Zoo, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [
        name for name in sys.modules if name.startswith(("tensorboard", "torch.utils.tensorboard"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)  # type: ignore[arg-type]  # how Python says: not there
    result = zoo("train", "mlp-vae", "--name", "mine", "--epochs", 1, "--tensorboard", *SMALL)
    assert result.exit_code == 1 and "pip install 'genzoo[tensorboard]'" in result.stderr
    assert_nothing_was_kept(home)
    assert zoo("train", "mlp-vae", "--name", "mine", "--epochs", 1, *SMALL).exit_code == 0


# --- a file system without locks


@pytest.mark.parametrize("place", [["--name", "mine"], ["--out", "made"]])
def test_a_place_without_locks_is_refused_in_one_line_before_any_epoch(
    place: list[str], zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    result = zoo("train", "mlp-vae", *place, "--epochs", 1, *SMALL)
    assert result.exit_code == 1 and "epoch 1" not in result.stderr
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: Files in ") and "can't be locked: No locks available" in line


# --- options that there are not, and progress where nobody watches


@pytest.mark.parametrize(
    ("option", "field"),
    [
        ("--lr", "learning_rate"),
        ("--learning-rate", "learning_rate"),
        ("--latent", "latent_dim"),
        ("--hidden", "hidden_dims"),
        ("--bs", "batch_size"),
        ("--batch-size", "batch_size"),
        ("--ema", "ema_decay"),
    ],
)
def test_an_option_that_is_a_field_is_answered_with_the_field(
    option: str, field: str, zoo: Zoo, home: Path
) -> None:
    result = zoo("train", "mlp-vae", "--name", "x", option, "3")
    assert result.exit_code == 2
    assert f"There is no option {option}: use --set {field}=VALUE" in result.stderr
    assert_nothing_was_kept(home)


@pytest.mark.parametrize(("option", "said"), [("--epoch", "--epochs"), ("--zzz", "--zzz")])
def test_an_option_that_is_no_field_is_answered_as_ever(option: str, said: str, zoo: Zoo) -> None:
    result = zoo("train", "mlp-vae", "--name", "x", option, "3")
    assert result.exit_code == 2 and "No such option" in result.stderr and said in result.stderr
    assert "--set" not in result.stderr.splitlines()[-1]


def test_where_nobody_watches_a_line_says_now_and_then_how_far_it_is(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.cli.progress.INTERVAL", 0.0)
    words = ["train", "mlp-vae", "--name", "mine", "--epochs", 2, *SMALL]
    lines = zoo(*words).stderr.splitlines()
    (last,) = [line for line in lines if line.startswith("Training mine, steps: 12 of 12 (100%)")]
    assert "loss " in last and "samples/s" in last
    assert sum(line.startswith("epoch ") for line in lines) == 2


def test_quiet_says_neither_progress_nor_epochs(zoo: Zoo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.cli.progress.INTERVAL", 0.0)
    result = zoo("train", "mlp-vae", "--name", "mine", "--epochs", 1, "--quiet", *SMALL)
    assert result.exit_code == 0 and result.stderr == ""
