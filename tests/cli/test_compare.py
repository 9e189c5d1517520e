"""zoo compare: what facts hold is taken, what is missing is measured alike, and unlike numbers are
refused.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Zoo
from PIL import Image

from zoo.checkpoints import Folder
from zoo.common import files
from zoo.data import load_dataset
from zoo.evaluation import compare
from zoo.registry import installed
from zoo.sampling import provenance
from zoo.sampling.images import to_image

Trained = Callable[..., Path]
FEW = ["-n", "60", "-k", "5"]


@pytest.fixture
def two(trained: Trained) -> tuple[str, str]:
    """Two checkpoints that a test may change."""
    shutil.copytree(trained("mlp-vae"), "vae")
    shutil.copytree(trained("mlp-gan"), "gan")
    return "./vae", "./gan"


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The checkpoints that are measured, in their order."""
    names: list[str] = []

    original = compare.Work.measure

    def told(work: compare.Work, folder: Folder, *arguments: Any) -> Any:
        names.append(folder.reference)
        return original(work, folder, *arguments)

    monkeypatch.setattr(compare.Work, "measure", told)
    return names


def change(reference: str, **changes: Any) -> None:
    """Change every result over features in a checkpoint's facts."""
    path = Path(reference, "facts.json")
    facts = json.loads(path.read_text())
    for one in facts["evaluations"]:
        one.update(changes if one["extractor"] else {})
    files.write_json(path, facts)


def test_what_is_missing_is_measured_and_stands_side_by_side(
    zoo: Zoo, two: tuple[str, str], measured: list[str]
) -> None:
    result = zoo("compare", *two, *FEW)
    assert result.exit_code == 0, result.stderr
    assert measured == ["./vae", "./gan"]
    header, *lines = result.stdout.splitlines()
    assert header.split() == ["METRIC", "./vae", "./gan", "FLOOR"]
    (distance,) = (line for line in lines if line.startswith("Fréchet distance"))
    assert distance.count("±") == 2
    (likelihood,) = (
        line
        for line in lines
        if line.startswith("Negative log-likelihood (Bernoulli, K = 5, grey pixels, 200 images)")
    )
    assert likelihood.count("±") == 1 and likelihood.split()[-1] == "–"
    assert "Measured with seed 0, against 800 train images of mnist (" in result.stderr
    assert "), on 60 samples, with the features digits (" in result.stderr


def test_what_the_facts_hold_is_taken_as_it_is(
    zoo: Zoo, two: tuple[str, str], measured: list[str]
) -> None:
    zoo("evaluate", two[0], *FEW, "--seed", 4, "--write")
    shown = json.loads(zoo("compare", *two, "--json").stdout)["evaluations"]
    assert measured == ["./gan"]  # under the conditions of the other
    assert {(one["n"], one["seed"]) for one in shown["./gan"]} == {(60, 4)}
    assert shown["./vae"] == json.loads(Path("vae/facts.json").read_text())["evaluations"]


def test_when_the_facts_hold_all_no_data_set_is_needed(
    zoo: Zoo, two: tuple[str, str], measured: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for one in two:
        zoo("evaluate", one, *FEW, "--write")
    monkeypatch.setenv("ZOO_DATA", "/nowhere")
    result = zoo("compare", *two)
    assert result.exit_code == 0 and measured == [] and "Fréchet" in result.stdout


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"extractor_sha256": "c" * 64}, "with the features digits (cccccccccccc)"),
        ({"n": 61}, "on 60 samples; ./gan was measured on 61 samples"),
        ({"seed": 8}, "with seed 0; ./gan was measured with seed 8"),
        (
            {"reference_sha256": "c" * 64, "reference_n": 7},
            "against 7 train images of mnist (cccccccccccc)",
        ),
    ],
)
def test_numbers_that_were_not_measured_alike_are_refused_until_options_say_how(
    changes: dict[str, Any], message: str, zoo: Zoo, two: tuple[str, str], measured: list[str]
) -> None:
    for one in two:
        zoo("evaluate", one, *FEW, "--write")
    change("gan", **changes)
    result = zoo("compare", *two)
    assert (
        result.exit_code == 1 and message in result.stderr and "can't be compared" in result.stderr
    )
    assert result.stdout == "" and measured == [] and not Path("compare.png").exists()
    said = zoo("compare", *two, *FEW, "--seed", 0, "--features", "digits", "--data", "mnist")
    assert said.exit_code == 0, said.stderr
    assert measured == ["./gan"]


def test_other_features_than_those_asked_for_are_not_taken(
    zoo: Zoo, two: tuple[str, str], measured: list[str]
) -> None:
    for one in two:
        zoo("evaluate", one, *FEW, "--write")
    change("gan", extractor="inception")
    assert zoo("compare", *two).exit_code == 0
    assert measured == ["./gan"]


def test_the_picture_shows_the_samples_of_each_and_says_how_it_was_made(
    zoo: Zoo, two: tuple[str, str]
) -> None:
    result = zoo("compare", *two, *FEW, "-o", "both.png")
    assert "64 samples of each, seed 0, in both.png" in result.stderr
    made = provenance.read(Path("both.png"))
    assert made["checkpoints"] == ["./vae", "./gan"] and made["command"].startswith(
        "zoo compare ./vae ./gan -n 60 -k 5 "
    )
    zoo("sample", "./gan", "-n", 64, "--seed", 0, "-o", "gan.png")
    with Image.open("both.png") as both, Image.open("gan.png") as gan:
        right = both.crop(
            (both.width - gan.width, both.height - gan.height, both.width, both.height)
        )
        assert right.tobytes() == gan.tobytes()


def test_checkpoints_of_different_data_are_refused_until_data_are_named(
    zoo: Zoo, two: tuple[str, str]
) -> None:
    path = Path("gan/facts.json")
    files.write_json(path, {**json.loads(path.read_text()), "dataset": "kmnist"})
    result = zoo("compare", *two, *FEW)
    assert result.exit_code == 1
    assert (
        "./vae was trained on mnist; ./gan was trained on kmnist. Choose one data set"
        in result.stderr
    )
    assert zoo("compare", *two, *FEW, "--data", "mnist").exit_code == 0


def test_where_nothing_can_be_measured_it_says_what_is_missing(
    zoo: Zoo, two: tuple[str, str]
) -> None:
    for spec in installed().features.values():
        object.__setattr__(spec, "suits", ())  # as of features that suit no data of one's own
    shutil.copytree(two[1], "other")
    Path("digits").mkdir()
    to_image(load_dataset("mnist").samples[0]).save("digits/1.png")
    result = zoo("compare", "./gan", "./other", "--data", "./digits")
    assert result.exit_code == 1 and "name some with --features (digits" in result.stderr


def test_a_strangers_results_are_read_strictly(zoo: Zoo, two: tuple[str, str]) -> None:
    path = Path("gan/facts.json")
    files.write_json(
        path, {**json.loads(path.read_text()), "evaluations": [{"metric": "nll", "value": "1e9"}]}
    )
    result = zoo("compare", *two, *FEW)
    assert result.exit_code == 1 and "evaluations[0]" in result.stderr


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["./vae"], 2, "Name at least two different checkpoints"),
        (["./vae", "./vae"], 2, "Name at least two different checkpoints"),
        (["./vae", "./gan", "-o", "both.gif"], 1, "Can't write '.gif' files: choose .png"),
        (["./vae", "nothing-here"], 1, "No checkpoint is called 'nothing-here'"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    words: list[str], code: int, message: str, zoo: Zoo, two: tuple[str, str]
) -> None:
    result = zoo("compare", *words)
    assert (result.exit_code, result.stdout) == (code, "") and message in result.stderr
