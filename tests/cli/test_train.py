"""zoo train: from a model and a data set to a checkpoint, by the model's own recipe."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Zoo
from PIL import Image

from zoo import files, provenance
from zoo.data import load_dataset
from zoo.images import to_image
from zoo.registry import installed

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


def test_a_trained_checkpoint_is_in_the_store_is_current_and_can_be_sampled(zoo: Zoo, home: Path) -> None:
    result = zoo("train", "mlp-vae", "--name", "mine", "--epochs", 2, "--seed", 5, *SMALL)
    entry = home / "checkpoints" / "mine"
    assert result.exit_code == 0 and result.stdout == f"{entry}\n" and "Trained mine" in result.stderr
    names = {str(path.relative_to(entry)) for path in entry.rglob("*") if path.is_file()}
    assert names == {"config.json", "model.safetensors", "facts.json", "README.md", "origin.json", "images/samples.png"}
    config = json.loads((entry / "config.json").read_text())
    assert config["model"] == "mlp-vae" and config["config"]["hidden_dims"] == [8]
    assert config["made_by"]["distribution"] == "genzoo"
    assert (home / "current").read_text() == "mine\n"
    assert "samples of mine" in zoo("sample").stderr
    assert zoo("verify", "mine").exit_code == 0


def test_facts_say_what_was_done(zoo: Zoo, home: Path) -> None:
    zoo("train", "mlp-vae", "--name", "mine", "--epochs", 2, "--set", "batch_size=200", *SMALL)
    facts = json.loads((home / "checkpoints" / "mine" / "facts.json").read_text())
    assert facts["name"] == "mine" and facts["dataset"] == "mnist" and facts["class_names"] == list("0123456789")
    assert facts["recipe"]["epochs"] == 2 and facts["recipe"]["batch_size"] == 200
    assert facts["recipe"]["learning_rate"] == 1e-3
    assert [one["epoch"] for one in facts["history"]] == [1, 2]
    first, second = (one["losses"]["model"] for one in facts["history"])
    assert second < first < 784
    assert facts["parameters"] > 10_000 and facts["seconds"] >= 0 and facts["hardware"]
    assert set(facts["versions"]) == {"genzoo", "torch"} and len(facts["created"].split("-")) == 3
    assert facts["command"].endswith(f"--seed {facts['seed']}")


def test_the_recorded_command_trains_the_same_weights_bit_for_bit(zoo: Zoo, home: Path) -> None:
    zoo("train", "mlp-vae", "--name", "mine", "--epochs", 1, *SMALL)
    entry = home / "checkpoints" / "mine"
    command = json.loads((entry / "facts.json").read_text())["command"]
    first = files.sha256(entry / "model.safetensors")
    zoo("rm", "mine")
    assert zoo(*shlex.split(command)[1:]).exit_code == 0
    assert files.sha256(entry / "model.safetensors") == first
    zoo("train", "mlp-vae", "--name", "other", "--epochs", 1, "--seed", 12345, *SMALL)
    assert files.sha256(home / "checkpoints" / "other" / "model.safetensors") != first


def test_the_stated_command_makes_the_picture_of_the_card(zoo: Zoo, home: Path) -> None:
    zoo("train", "mlp-vae", "--name", "mine", "--epochs", 1, *SMALL)
    entry = home / "checkpoints" / "mine"
    command = json.loads((entry / "facts.json").read_text())["samples_command"]
    assert command in (entry / "README.md").read_text()
    assert zoo(*shlex.split(command)[1:]).exit_code == 0
    assert Path("samples.png").read_bytes() == (entry / "images" / "samples.png").read_bytes()


def test_the_recipe_is_the_model_s_own_unless_told_otherwise(zoo: Zoo, home: Path) -> None:
    words = ["--set", "schedule=cosine", "--set", "betas=0.5,0.9", "--set", "average=0.9"]
    zoo("train", "mlp-vae", "--name", "mine", *words, *SMALL)
    made = json.loads((home / "checkpoints" / "mine" / "facts.json").read_text())["recipe"]
    recipe = installed().model_class("mlp-vae").recipe.to_dict()
    assert made == {**recipe, "schedule": "cosine", "betas": [0.5, 0.9], "average": 0.9}
    assert made["epochs"] == 10


def test_a_grid_of_each_epoch_is_on_disk(zoo: Zoo, home: Path) -> None:
    result = zoo("train", "mlp-vae", "--name", "mine", "--epochs", 2, *SMALL)
    grids = sorted((home / "runs" / "mine").glob("[!.]*"))
    assert [path.name for path in grids] == ["epoch-001.png", "epoch-002.png"]
    assert str(grids[0].parent) in result.stderr
    with Image.open(grids[0]) as image:
        assert image.size == (242, 242)
    assert grids[0].read_bytes() != grids[1].read_bytes()
    assert provenance.read(grids[1])["seed"] == 0


def test_losses_are_plain_lines_when_nobody_watches(zoo: Zoo) -> None:
    result = zoo("train", "mlp-gan", "--name", "mine", "--epochs", 2, "--set", "generator_dims=8")
    lines = [line for line in result.stderr.splitlines() if line.startswith("epoch ")]
    assert [line.split()[1] for line in lines] == ["1/2", "2/2"]
    assert all("generator" in line and "discriminator" in line and "samples/s" in line for line in lines)
    assert "\x1b" not in result.stderr and "\r" not in result.stderr


def test_json_of_train(zoo: Zoo) -> None:
    record = json.loads(zoo("train", "mlp-vae", "--out", "made", "--epochs", 1, "--json", *SMALL).stdout)
    assert record["path"] == "made" and record["name"] == "made" and record["dataset"] == "mnist"


def test_out_writes_to_a_folder_and_not_to_the_store(zoo: Zoo, home: Path) -> None:
    Path("made").mkdir()
    result = zoo("train", "mlp-vae", "--out", "made", "--epochs", 1, *SMALL)
    assert result.stdout == "made\n" and Path("made/model.safetensors").is_file()
    assert_nothing_was_kept(home)
    assert zoo("sample", "./made", "-n", 1).exit_code == 0


def test_a_folder_of_images_with_classes_trains_a_conditional_model(zoo: Zoo) -> None:
    digits(Path("my-digits"))
    words = ["--data", "./my-digits", "--epochs", 1, "--set", "num_classes=2", *SMALL]
    assert zoo("train", "mlp-vae", "--out", "made", *words).exit_code == 0
    facts = json.loads(Path("made/facts.json").read_text())
    assert facts["dataset"] == "my-digits" and facts["class_names"] == ["even", "odd"]
    assert zoo("sample", "./made", "-n", 1, "--label", "odd").exit_code == 0


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
    result = zoo("train", "mlp-vae", "--data", "./mine", "--name", "mine", "--epochs", 1, *SMALL, *shape)
    assert result.exit_code == 1 and str(hurt) in result.stderr and result.stderr.startswith("Error: ")
    assert_nothing_was_kept(home)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["mlp-va", "--name", "x"], "'mlp-vae'"),
        (["vae-mnist", "--name", "x"], "No installed plugin offers a model 'vae-mnist'"),
        (["mlp-vae", "--name", "x", "--data", "mnst"], "'mnist'"),
        (["mlp-vae", "--name", "x", "--data", "pictures"], "./pictures"),
        (["mlp-vae", "--name", "x", "--data", "./pictures"], "holds no images"),
        (["mlp-vae", "--name", "x", "--data", "./nowhere"], "is no folder"),
        (["mlp-vae", "--name", "x", "--set", "latent_dims=3"], "Did you mean 'latent_dim'"),
        (["mlp-vae", "--name", "x", "--set", "learning_rat=3"], "'learning_rate'"),
        (["mlp-vae", "--name", "x", "--set", "latent_dim"], "name=value"),
        (["mlp-vae", "--name", "x", "--set", "latent_dim=many"], "whole number"),
        (["mlp-vae", "--name", "x", "--set", "latent_dim=0"], "out of bounds"),
        (["mlp-vae", "--name", "x", "--set", "schedule=linear"], "one of constant, cosine"),
        (["mlp-vae", "--name", "x", "--set", "num_classes=5"], "--set num_classes=10"),
        (["mlp-vae", "--name", "x", "--set", "sample_shape=2,28,28"], "1 or 3 channels"),
        (["mlp-vae", "--name", "Bad Name"], "'Bad Name' is no name"),
        (["mlp-vae", "--name", "../x"], "'../x' is no name"),
        (["mlp-vae", "--name", "vae-mnist"], "choose another name"),
        (["mlp-vae", "--out", "pictures/taken"], "is no empty folder"),
        (["mlp-vae", "--out", "pictures"], "is no empty folder"),
        (["mlp-vae", "--out", ".", "--name", "x"], "Error: "),
    ],
)
def test_what_cannot_be_trained_is_refused_before_any_epoch(words: list[str], why: str, zoo: Zoo, home: Path) -> None:
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
    assert result.exit_code == 1 and "zoo rm mine" in result.stderr and "epoch 1" not in result.stderr
    assert files.sha256(home / "checkpoints" / "mine" / "model.safetensors") == before


@pytest.mark.parametrize("words", [[], ["--name", "x", "--epochs", "0"], ["--name", "x", "--seed", "-1"]])
def test_usage_errors_exit_with_2(words: list[str], zoo: Zoo, home: Path) -> None:
    result = zoo("train", "mlp-vae", *words)
    assert result.exit_code == 2 and "Usage: " in result.stderr
    assert_nothing_was_kept(home)


def test_a_conditional_model_needs_labels(zoo: Zoo, home: Path) -> None:
    flat = digits(Path("classes"), 10) / "even"
    words = ["--data", f"./{flat}", "--name", "x", "--epochs", 1, "--set", "num_classes=2"]
    result = zoo("train", "mlp-vae", *words)
    assert result.exit_code == 1 and "the data has no labels" in result.stderr
    assert_nothing_was_kept(home)


@pytest.mark.parametrize("model", ["mlp-vae", "conv-vae"])
def test_training_that_breaks_down_stops_with_a_clear_message(model: str, zoo: Zoo, home: Path) -> None:
    result = zoo("train", model, "--name", "mine", "--epochs", 3, "--set", "learning_rate=1000", "--seed", 0)
    assert result.exit_code == 1 and result.stderr.splitlines()[-1].startswith("Error: "), repr(result.exception)
    assert "smaller learning rate" in result.stderr
    assert_nothing_was_kept(home)


def test_data_that_is_not_there_says_where_to_put_it(zoo: Zoo, home: Path) -> None:
    Path("file").write_text("no folder")  # so that nothing can be downloaded into it
    result = zoo("train", "mlp-vae", "--name", "mine", "--data-root", "file", "--epochs", 1)
    assert result.exit_code == 1 and "Can't load the data set 'mnist' from file" in result.stderr
    assert "--data-root" in result.stderr and "ZOO_DATA" in result.stderr
    assert_nothing_was_kept(home)


def test_a_full_disk_at_the_end_of_training_is_said_and_no_half_checkpoint_is_kept(home: Path) -> None:
    code = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)); import zoo.__main__"
    words = ["train", "mlp-vae", "--name", "mine", "--epochs", "1", "--set", "hidden_dims=100"]
    result = subprocess.run([sys.executable, "-B", "-c", code, *words], capture_output=True, text=True)
    assert result.returncode == 1 and "Traceback" not in result.stderr, result.stderr
    assert result.stderr.splitlines()[-1].startswith("Error: Can't write ") and "mine" in result.stderr
    assert_nothing_was_kept(home)
