"""zoo evaluate: numbers for people and programs, kept in facts and card, and words for what can't
be measured.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Zoo, make_model
from PIL import Image

from zoo.checkpoints import weights
from zoo.common import files
from zoo.common.errors import OutputError
from zoo.data import load_dataset
from zoo.evaluation import usefulness
from zoo.registry.registry import installed
from zoo.sampling import provenance
from zoo.sampling.images import to_image

Trained = Callable[..., Path]
FEW = ["-n", "60", "-k", "5"]


def own(directory: Path) -> str:
    """A copy of a checkpoint that a test may change, as a reference."""
    shutil.copytree(directory, "mine")
    return "./mine"


def facts(**changes: Any) -> dict[str, Any]:
    """The facts of the copy; with changes, written back first."""
    path = Path("mine/facts.json")
    found: dict[str, Any] = json.loads(path.read_text())
    if changes:
        files.write_json(path, found := {**found, **changes})
    return found


def test_a_vae_is_measured_by_samples_and_by_likelihood(zoo: Zoo, trained: Trained) -> None:
    result = zoo("evaluate", trained("mlp-vae"), *FEW)
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["METRIC", "VALUE", "FLOOR", "UNIT"]
    (distance,) = (line for line in lines if line.startswith("Fréchet distance ↓"))
    assert "±" in distance
    for name in (
        "Kernel distance ↓", "Precision ↑", "Recall ↑", "Density ↑", "Coverage ↑", "Classes reached ↑",
        "KL of the class histogram", "Mean confidence", (
            "ELBO (Bernoulli, grey pixels, 200 images) "
            "↑"
        ),
        "Active latent dimensions (grey pixels, 200 images)",
    ):  # fmt: skip
        assert any(line.startswith(name) for line in lines), name
    assert any(
        line.startswith("Negative log-likelihood (Bernoulli, K = 5, grey pixels, 200 images) ↓")
        for line in lines
    )
    (kl,) = (
        line
        for line in lines
        if line.startswith("KL of the posterior") and "of each dimension" in line
    )
    assert len(kl.partition(": ")[2].split()) == 4
    assert "60 samples of" in result.stderr and "with 800 training images of mnist" in result.stderr
    assert (
        "Likelihood of 200 test images, grey pixels as they are" in result.stderr
        and "about" in result.stderr
    )
    assert list(Path().iterdir()) == []


def test_the_pixels_of_a_model_of_binary_ones_are_drawn_by_a_seed_that_is_said(
    zoo: Zoo, trained: Trained
) -> None:
    result = zoo("evaluate", trained("mlp-vae", "binarize=true"), *FEW, "--seed", 7)
    assert (
        "200 test images, pixels binarised with seed 7, with 5 importance samples each: about 2 sec"
        in result.stderr
    )
    assert (
        "Negative log-likelihood (Bernoulli, K = 5, binarised pixels, 200 images) ↓"
        in result.stdout
    )


def test_the_likelihood_of_some_test_images_stands_beside_that_of_all(
    zoo: Zoo, trained: Trained
) -> None:
    mine = own(trained("mlp-vae"))
    said = zoo("evaluate", mine, *FEW, "--test-images", 50, "--write").stderr
    assert "Likelihood of 50 of 200 test images, chosen by the seed, grey pixels" in said
    assert (
        "The floor is the value that 60 of 200 test images, chosen by the seed, get in place"
        in said
    )
    zoo("evaluate", mine, *FEW, "--write")
    found = [
        (one["reference_n"], one["n"]) for one in facts()["evaluations"] if one["metric"] == "nll"
    ]
    assert found == [(50, 50), (200, 200)]


def test_json_holds_the_records_whole(zoo: Zoo, trained: Trained) -> None:
    shown = json.loads(zoo("evaluate", trained("mlp-gan"), "-n", 60, "--seed", 3, "--json").stdout)
    records = {one["metric"]: one for one in shown["evaluations"]}
    assert {one["seed"] for one in records.values()} == {3} and {
        one["n"] for one in records.values()
    } == {60}
    assert (
        len(records["frechet_distance"]["extractor_sha256"])
        == len(records["recall"]["reference_sha256"])
        == 64
    )
    assert (
        records["precision"]["floor_n"] == 60 and records["frechet_distance"]["standard_error"] > 0
    )
    assert records.keys().isdisjoint({"nll", "elbo", "label_accuracy"})


def test_the_same_command_gives_the_same_numbers(zoo: Zoo, trained: Trained) -> None:
    first, again = (zoo("evaluate", trained("mlp-vae"), *FEW, "--json").stdout for _ in range(2))
    assert first == again


def test_a_conditional_model_is_asked_for_classes(zoo: Zoo, trained: Trained) -> None:
    shown = json.loads(zoo("evaluate", trained("mlp-vae", "num_classes=10"), *FEW, "--json").stdout)
    records = {one["metric"]: one for one in shown["evaluations"]}
    assert 0 <= records["label_accuracy"]["value"] <= 1 and records["label_accuracy"]["floor"] > 0.9
    assert records["nll"]["value"] > 0 and records["nll"]["labelled"] is True


def test_usefulness_is_measured_where_it_is_asked_for(
    zoo: Zoo, trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usefulness, "STEPS", 2)  # in place of 600
    result = zoo("evaluate", trained("mlp-vae", "num_classes=10"), *FEW, "--usefulness")
    assert result.exit_code == 0, result.stderr
    (score,) = (one for one in result.stdout.splitlines() if "accuracy score" in one)
    assert score.startswith("Classification accuracy score (200 images) ↑") and "±" in score
    refused = zoo("evaluate", trained("mlp-vae"), *FEW, "--usefulness")
    assert refused.exit_code == 1 and "Usefulness needs a conditional model" in refused.stderr


def test_a_conditional_model_of_other_classes_than_the_datas_is_not_asked_for_them(
    zoo: Zoo, trained: Trained
) -> None:
    mine = own(trained("mlp-vae", "num_classes=10"))
    facts(class_names=list("abcdefghij"))
    result = zoo("evaluate", mine, *FEW, "--json")
    records = {one["metric"] for one in json.loads(result.stdout)["evaluations"]}
    assert (
        "./mine and mnist have different classes" in result.stderr
        and "Each class is drawn equally often" in result.stderr
    )
    assert "classes_reached" in records and records.isdisjoint({"label_accuracy", "nll"})


def test_written_results_stand_in_facts_and_card_and_are_replaced_by_newer_ones(
    zoo: Zoo, trained: Trained
) -> None:
    mine = own(trained("mlp-vae"))
    before = {name: files.sha256(Path(mine, name)) for name in ("config.json", "model.safetensors")}
    shown = json.loads(zoo("evaluate", mine, *FEW, "--write", "--json").stdout)["evaluations"]
    assert facts()["evaluations"] == shown and facts()["command"].startswith("zoo train mlp-vae")
    card = Path(mine, "README.md").read_text()
    assert (
        "## Evaluation" in card
        and "60 samples, seed 0, against the 800 training images of mnist" in card
    )
    (row,) = (line for line in card.splitlines() if line.startswith("| Fréchet distance ↓ |"))
    assert "±" in row and len(row.split("|")) == 5
    assert (
        yaml.safe_load(card.split("---\n")[1])["model-index"][0]["results"][0]["metrics"][0][
            "value"
        ]
        > 0
    )
    zoo("evaluate", mine, *FEW, "--seed", 9, "--write")
    assert len(facts()["evaluations"]) == len(shown) and {
        one["seed"] for one in facts()["evaluations"]
    } == {9}
    assert before == {name: files.sha256(Path(mine, name)) for name in before}


def test_the_commands_that_a_card_states_give_its_numbers_again(zoo: Zoo, trained: Trained) -> None:
    mine = own(trained("mlp-vae"))
    zoo("evaluate", mine, "-n", 40, "-k", 3, "--test-images", 50, "--seed", 4, "--write")
    kept = facts()["evaluations"]
    of_samples, of_images = (
        line.split()
        for line in Path(mine, "README.md").read_text().splitlines()
        if line.startswith("zoo evaluate")
    )
    found = [
        json.loads(zoo(*words[1:], "--json").stdout)["evaluations"]
        for words in (of_samples, of_images)
    ]
    assert (
        [one for one in found[0] if one["extractor"]]
        == [one for one in kept if one["extractor"]]
        != []
    )
    assert (
        [one for one in found[1] if not one["extractor"]]
        == [one for one in kept if not one["extractor"]]
        != []
    )


def test_numbers_are_printed_before_they_are_kept(
    zoo: Zoo, trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = own(trained("mlp-gan"))

    def full(path: Path, value: object) -> None:
        raise OutputError(f"{path}: no space left")

    monkeypatch.setattr(files, "write_json", full)
    result = zoo("evaluate", mine, "-n", 40, "--write")
    assert (
        result.exit_code == 1
        and "no space left" in result.stderr
        and "Fréchet distance" in result.stdout
    )


def test_a_picture_shows_samples_above_their_nearest_training_images(
    zoo: Zoo, trained: Trained
) -> None:
    mine = own(trained("mlp-gan"))
    assert zoo("evaluate", mine, "-n", 40, "--write").exit_code == 0
    assert provenance.read(Path("mine/images/nearest.png"))["reference"] == "mnist"
    with Image.open("mine/images/nearest.png") as picture:
        assert picture.width == 8 * 30 + 2 and picture.height > 4 * 30
        nearest = {picture.crop((2 + x, 32, 30 + x, 60)).tobytes() for x in range(0, 240, 30)}
    assert nearest <= {bytes(one.numpy().tobytes()) for one in load_dataset("mnist").samples[:]}
    assert "(images/nearest.png)" in Path("mine/README.md").read_text()


@pytest.mark.parametrize("names", ["0123456789", "abcdefghij"])
def test_the_pictures_of_what_the_model_can_do_are_made_anew(
    names: str, zoo: Zoo, trained: Trained
) -> None:
    mine = own(trained("mlp-vae", "num_classes=10"))
    facts(class_names=list(names))
    before = {path.name: path.read_bytes() for path in Path(mine, "images").iterdir()}
    for name in ("reconstructions", "interpolation", "traversal"):
        Path(mine, "images", f"{name}.png").unlink()
    assert zoo("evaluate", mine, *FEW, "--write").exit_code == 0
    made = {path.name: path.read_bytes() for path in Path(mine, "images").iterdir()}
    if names != "0123456789":  # there is no class to reconstruct the digits of the data as
        del before["reconstructions.png"]
    assert {name: made[name] for name in made.keys() - {"nearest.png"}} == before
    assert [f"images/{name}" in Path(mine, "README.md").read_text() for name in made] == [
        True
    ] * len(made)


def test_a_checkpoint_in_the_store_that_was_trained_here_keeps_its_results(zoo: Zoo) -> None:
    zoo("train", "mlp-gan", "--name", "mine", "--epochs", 1, "--set", "generator_dims=8")
    assert zoo("evaluate", "mine", "-n", 40, "--write").exit_code == 0
    assert "Fréchet distance" in zoo("show", "mine").stdout and zoo("verify", "mine").exit_code == 0


@pytest.mark.parametrize("pulled", [False, True])
def test_the_files_of_a_bundled_checkpoint_are_not_changed(pulled: bool, zoo: Zoo) -> None:
    if pulled:
        zoo("pull", "vae-mnist")
    bundled = installed().checkpoints["vae-mnist"].bundled
    assert bundled is not None
    before = files.sha256(bundled / "facts.json")
    result = zoo("evaluate", "vae-mnist", *FEW, "--write")
    assert (
        result.exit_code == 1
        and f"vae-mnist, which is {'pulled' if pulled else 'bundled'}" in result.stderr
    )
    assert "./cards/vae-mnist" in result.stderr and files.sha256(bundled / "facts.json") == before


def test_a_failed_write_leaves_the_facts_as_they_were(zoo: Zoo, trained: Trained) -> None:
    mine = own(trained("mlp-gan"))
    facts(evaluations="good")
    before = Path("mine/facts.json").read_bytes()
    result = zoo("evaluate", mine, "-n", 40, "--write")
    assert result.exit_code == 1 and "evaluations = 'good' is not a list" in result.stderr
    assert Path("mine/facts.json").read_bytes() == before


def test_a_folder_without_features_leaves_nothing_to_measure(zoo: Zoo, trained: Trained) -> None:
    for spec in installed().features.values():
        object.__setattr__(spec, "suits", ())  # as of features that suit no data of one's own
    Path("digits").mkdir()
    to_image(load_dataset("mnist").samples[0]).save("digits/1.png")
    result = zoo("evaluate", trained("mlp-vae"), "-n", 40, "--data", "./digits")
    assert result.exit_code == 1 and "name some with --features (digits" in result.stderr
    assert "Only the likelihood" not in result.stderr


def test_a_folder_of_images_has_no_floor_and_no_likelihood(zoo: Zoo, trained: Trained) -> None:
    Path("digits").mkdir()
    for index, pixels in enumerate(load_dataset("mnist").samples[:60]):
        to_image(pixels).save(f"digits/{index}.png")
    result = zoo(
        "evaluate",
        trained("mlp-vae"),
        "-n",
        40,
        "--data",
        "./digits",
        "--features",
        "digits",
        "--json",
    )
    assert result.exit_code == 0, result.stderr
    records = json.loads(result.stdout)["evaluations"]
    assert {one["reference"] for one in records} == {"./digits"} and {
        one["floor"] for one in records
    } == {None}
    assert "has no test images" in result.stderr and "nll" not in [one["metric"] for one in records]


def test_without_features_for_the_data_a_gan_is_refused_and_a_vae_gets_its_likelihood(
    zoo: Zoo, trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    for spec in list(installed().features.values()):
        object.__setattr__(spec, "datasets", ())  # as of features that are meant for no data set
        object.__setattr__(spec, "suits", ())  # nor for any images
    result = zoo("evaluate", trained("mlp-gan"), "-n", 40)
    assert (
        result.exit_code == 1
        and "No features are meant for mnist: name some with --features" in result.stderr
    )
    assert "digits" in result.stderr
    result = zoo("evaluate", trained("mlp-vae"), *FEW)
    assert result.exit_code == 0 and "Only the likelihood is measured" in result.stderr
    assert "ELBO" in result.stdout and "Fréchet" not in result.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--features", "digit"], "offers features 'digit'. Did you mean 'digits'"),
        (["--data", "mnst"], "No installed plugin offers a data set 'mnst'. Did you mean 'mnist'"),
        (["--weights", "nowhere.safetensors"], "nowhere.safetensors is not a file"),
        (["--data", "./nowhere"], "nowhere is not a folder of images"),
    ],
)
def test_what_cannot_be_is_refused_in_words(
    words: list[str], message: str, zoo: Zoo, trained: Trained
) -> None:
    features = [] if "--features" in words else ["--features", "digits"]
    result = zoo("evaluate", trained("mlp-gan"), "-n", 40, *features, *words)
    assert result.exit_code == 1 and message in result.stderr and result.stdout == "", result.stderr


def test_fewer_samples_than_can_be_measured_are_a_usage_error(zoo: Zoo) -> None:
    result = zoo("evaluate", "vae-mnist", "-n", 19)
    assert result.exit_code == 2 and "19 is not in the range x>=20" in result.stderr


def test_facts_that_no_card_can_be_made_of_are_refused_before_anything_is_measured(
    zoo: Zoo, trained: Trained
) -> None:
    mine = own(trained("mlp-gan"))
    facts(parameters="many")
    before = Path("mine/facts.json").read_bytes()
    result = zoo("evaluate", mine, "-n", 40, "--write")
    assert result.exit_code == 1 and "facts.json is not of the zoo's form" in result.stderr
    assert "40 samples of" not in result.stderr and Path("mine/facts.json").read_bytes() == before


@pytest.mark.parametrize("dataset", [None, "my-holiday", 7])
def test_a_checkpoint_that_names_no_data_set_is_asked_for_one(
    dataset: object, zoo: Zoo, trained: Trained
) -> None:
    mine = own(trained("mlp-gan"))
    facts(dataset=dataset)
    result = zoo("evaluate", mine, "-n", 40)
    assert result.exit_code == 1 and "Say which data to measure ./mine with" in result.stderr
    assert "--data NAME (mnist, " in result.stderr
    assert zoo("evaluate", mine, "-n", 40, "--data", "mnist").exit_code == 0


def test_images_of_another_size_than_the_features_take_are_refused(zoo: Zoo) -> None:
    weights.write_model(
        make_model("dcgan", sample_shape=(1, 32, 32), width=2), Path("large"), {"dataset": "mnist"}
    )
    result = zoo("evaluate", "./large", "-n", 40)
    assert (
        result.exit_code == 1
        and "take images of (1, 28, 28), not samples of (1, 32, 32)" in result.stderr
    )
    assert (
        "The images of mnist are scaled from (1, 28, 28) to (1, 32, 32), the size that the model takes."
        in result.stderr
    )


@pytest.mark.parametrize(
    "words", ["evaluate --help", "compare --help", "evaluate no-such", "evaluate vae-mnist --write"]
)
def test_help_and_early_refusals_import_no_torch(words: str) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "zoo", *words.split()]
    result = subprocess.run(command, capture_output=True, text=True, env=os.environ)
    imported = {
        line.rpartition("|")[2].strip() for line in result.stderr.splitlines() if "|" in line
    }
    assert "zoo.cli" in imported and imported.isdisjoint({"torch", "numpy", "torchvision"})
