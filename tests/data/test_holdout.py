"""Unseen data: held out by a seed, or named; recorded, found again, and used to measure."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Zoo
from PIL import Image

import zoo as package
from zoo.common.errors import ConfigError, DataError
from zoo.data import Dataset, Record, for_training, hold_out, load_dataset, usual_holdout

SMALL: list[Any] = ["--epochs", 1, "--seed", 0, "--set", "hidden_dims=8", "--set", "latent_dim=2"]
DIGITS = load_dataset("mnist", root=Path(__file__).parent)
GREY: Any = DIGITS.samples[:300].numpy()
LABELS: Any = DIGITS.labels[:300].numpy() if DIGITS.labels is not None else None


def facts(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(name, "facts.json").read_text())
    return found


def save(name: str, n: int = 300) -> str:
    np.savez(name, samples=GREY[:n], labels=LABELS[:n])
    return f"./{name}"


def numbered(n: int = 100) -> Dataset:
    samples = torch.arange(n, dtype=torch.uint8).view(n, 1, 1, 1)
    return Dataset("numbered", samples, torch.arange(n))


def test_what_is_held_out_is_chosen_by_the_seed_and_is_no_longer_trained_on() -> None:
    rest, held_out = hold_out(numbered(), 10)
    assert (len(rest), len(held_out)) == (90, 10)
    both = [*rest.samples[:].flatten().tolist(), *held_out.samples[:].flatten().tolist()]
    assert sorted(both) == list(range(100))
    assert held_out.labels is not None
    assert held_out.labels.tolist() == held_out.samples[:].flatten().tolist()
    assert held_out.labels.tolist() != list(range(90, 100))
    again, other = hold_out(numbered(), 10)[1], hold_out(numbered(), 10, seed=1)[1]
    assert torch.equal(again.samples[:], held_out.samples[:])
    assert not torch.equal(other.samples[:], held_out.samples[:])


def test_a_tenth_of_one_s_own_data_is_held_out_and_nothing_of_named_data() -> None:
    assert for_training(numbered(), "./mine")[1] == 10
    assert for_training(numbered(9), "./mine")[1] == 0
    assert for_training(numbered(), "mnist")[1] == 0
    assert for_training(numbered(), "./mine", 0)[1] == 0
    data, n = for_training(numbered(), "mnist", 50)
    assert n == 50 and data.facts["data"]["held_out"] == 50
    many = Dataset("many", torch.zeros(1, 1, 1, 1, dtype=torch.uint8).expand(10**6, 1, 1, 1), None)
    assert usual_holdout(many, "./mine") == 65_536
    with pytest.raises(DataError, match="100 samples can't be held out of the 100 of numbered"):
        for_training(numbered(), "./mine", 100)


def test_other_data_takes_the_place_of_what_is_held_out() -> None:
    data, n = for_training(numbered(80), "./mine", test=numbered(20), test_reference="./other")
    assert n == 20 and len(data) == 100
    rest, held_out = data.split(n)
    assert rest.samples[:].flatten().tolist() == list(range(80))
    assert held_out.samples[:].flatten().tolist() == list(range(20))
    record = Record.of(data.facts)
    assert record is not None and (record.test, record.test_samples) == ("./other", 20)


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (Dataset("small", torch.zeros(9, 1, 2, 2, dtype=torch.uint8), None), "give both one size"),
        (Dataset("plain", torch.zeros(9, 1, 1, 1, dtype=torch.uint8), None), "have the classes of"),
        (
            Dataset(
                "named", torch.zeros(9, 1, 1, 1, dtype=torch.uint8), torch.zeros(9).long(), ("a",)
            ),
            "does not have the classes of numbered",
        ),
    ],
)
def test_other_data_must_be_of_the_same_shape_and_classes(other: Dataset, why: str) -> None:
    with pytest.raises(DataError, match=why):
        for_training(numbered(), "./mine", test=other, test_reference="./other")


def test_a_model_without_classes_does_not_look_at_the_labels_of_other_data() -> None:
    other = Dataset(
        "named", torch.zeros(9, 1, 1, 1, dtype=torch.uint8), torch.ones(9).long(), ("a", "b")
    )
    data, n = for_training(
        numbered(), "./mine", test=other, test_reference="./other", conditional=False
    )
    assert n == 9 and data.labels is not None and data.labels[-9:].tolist() == [0] * 9


@pytest.mark.parametrize(
    "found",
    [
        None,
        7,
        {},
        {"reference": "./a"},
        {"reference": 3, "samples": 1, "sha256": "0" * 64},
        {"reference": "./a", "samples": 1, "sha256": "../../etc"},
        {"reference": "./a", "samples": 1, "sha256": "0" * 64, "held_out": -1},
        {"reference": "./a", "samples": 1, "sha256": "0" * 64, "test": "./b", "test_sha256": "x"},
        {"reference": "./a", "samples": 1, "sha256": "0" * 64, "more": 1},
    ],
)
def test_a_record_that_a_stranger_damaged_is_none(found: Any) -> None:
    assert Record.of({"data": found}) is None


def test_own_data_gets_a_floor_and_a_likelihood_by_what_was_held_out(zoo: Zoo) -> None:
    save("some.npz")
    made = zoo("train", "mlp-vae", "--data", "./some.npz", "--out", "made", *SMALL)
    assert made.exit_code == 0, made.output
    known = facts("made")
    assert known["data"] | {"sha256": ""} == {
        "reference": "./some.npz",
        "samples": 300,
        "sha256": "",
        "held_out": 30,
        "seed": 0,
    }
    assert known["recipe"]["holdout"] == 30 and "held_out" in known["history"][0]
    measured = zoo("evaluate", "./made", "-n", 40, "-k", 2, "--features", "digits", "--json")
    assert measured.exit_code == 0, measured.output
    records = {one["metric"]: one for one in json.loads(measured.stdout)["evaluations"]}
    assert records["frechet_distance"]["floor"] is not None
    assert records["frechet_distance"]["reference_n"] == 270
    assert records["nll"]["n"] == 30
    assert "30 samples were held out of the training" in measured.stderr


def test_data_is_found_again_from_another_folder_and_by_its_digest(
    zoo: Zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save("some.npz")
    zoo("train", "mlp-vae", "--data", "./some.npz", "--out", str(tmp_path / "made"), *SMALL)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    words = ["evaluate", tmp_path / "made", "-n", 20, "-k", 2, "--features", "digits"]
    assert zoo(*words).exit_code == 0
    shutil.move(tmp_path / "desk" / "some.npz", "moved.npz")
    gone = zoo(*words)
    assert gone.exit_code == 1
    assert "was trained on ./some.npz (300 samples, sha256" in gone.stderr
    assert "Put it back, or say where it is: --data ./PLACE" in gone.stderr
    found = zoo(*words, "--data", "./moved.npz", "--json")
    assert found.exit_code == 0 and '"nll"' in found.stdout


def test_data_that_changed_since_the_training_is_said(zoo: Zoo) -> None:
    save("some.npz")
    zoo("train", "mlp-vae", "--data", "./some.npz", "--out", "made", *SMALL)
    save("some.npz", 200)
    words = ["evaluate", "./made", "-n", 20, "-k", 2, "--features", "digits", "--json"]
    changed = zoo(*words)
    assert changed.exit_code == 1
    assert "some.npz has changed since: now it has 200 samples" in changed.stderr
    anyway = zoo(*words, "--data", "./some.npz")
    assert anyway.exit_code == 0 and '"nll"' not in anyway.stdout


def test_an_image_replaced_by_another_of_the_same_size_is_seen(zoo: Zoo) -> None:
    Path("photos").mkdir()
    for index, pixels in enumerate(GREY[:40, 0]):
        Image.fromarray(pixels).save(f"photos/{index}.bmp")  # all of one size
    assert zoo("train", "mlp-vae", "--data", "./photos", "--out", "made", *SMALL).exit_code == 0
    words = ["evaluate", "./made", "-n", 20, "-k", 2, "--features", "digits"]
    assert zoo(*words).exit_code == 0
    shutil.copyfile("photos/1.bmp", "photos/0.bmp")
    changed = zoo(*words)
    assert changed.exit_code == 1
    assert "photos has changed since: now it has 40 samples, sha256" in changed.stderr


def test_the_card_says_that_the_model_learns_what_was_changed_at_random(zoo: Zoo) -> None:
    save("some.npz", 60)
    words = ["train", "mlp-vae", "--data", "./some.npz", "--out", "made", *SMALL]
    assert zoo(*words, "--augment", "shift").exit_code == 0
    card = Path("made/README.md").read_text(encoding="utf-8")
    assert "the training images (shift): the model draws such images, too" in card
    assert "diff_augment" in zoo("train", "--help").stdout


def test_few_unseen_images_give_a_likelihood_and_no_floor(zoo: Zoo) -> None:
    save("some.npz", 100)
    zoo("train", "mlp-vae", "--data", "./some.npz", "--out", "made", *SMALL)
    measured = zoo("evaluate", "./made", "-n", 20, "-k", 2, "--features", "digits", "--json")
    assert measured.exit_code == 0, measured.output
    records = {one["metric"]: one for one in json.loads(measured.stdout)["evaluations"]}
    assert records["frechet_distance"]["floor"] is None and records["nll"]["n"] == 10
    assert "10 unseen images are too few for a floor" in measured.stderr


def test_test_names_other_data_in_training_and_in_measuring(zoo: Zoo) -> None:
    save("some.npz")
    np.savez("other.npz", samples=GREY[:50], labels=LABELS[:50])
    words = ["train", "mlp-vae", "--data", "./some.npz", "--out", "made", *SMALL]
    assert zoo(*words, "--test", "./other.npz").exit_code == 0
    known = facts("made")
    assert "--test ./other.npz" in known["command"]
    assert (known["data"]["test"], known["data"]["test_samples"]) == ("./other.npz", 50)
    assert known["recipe"]["holdout"] == 50 and "held_out" not in known["data"]
    words = ["evaluate", "./made", "-n", 20, "-k", 2, "--features", "digits", "--json"]
    records = {one["metric"]: one for one in json.loads(zoo(*words).stdout)["evaluations"]}
    assert records["nll"]["n"] == 50 and records["frechet_distance"]["reference_n"] == 300
    asked = json.loads(zoo(*words, "--test", "mnist").stdout)["evaluations"]
    assert {one["metric"]: one for one in asked}["nll"]["n"] == 200
    refused = zoo("train", "mlp-vae", "--out", "x", "--test", "./nowhere", *SMALL)
    assert refused.exit_code == 1 and "./nowhere is not a folder" in refused.stderr


def test_test_data_takes_the_place_of_the_test_set_of_a_name(zoo: Zoo) -> None:
    np.savez("other.npz", samples=GREY[:50], labels=LABELS[:50])
    words = ["train", "mlp-vae", "--data", "mnist", "--out", "made", *SMALL]
    assert zoo(*words, "--test", "./other.npz").exit_code == 0
    words = ["evaluate", "./made", "-n", 20, "-k", 2, "--json"]
    for more, n in ([], 50), (["--data", "mnist"], 200), (["--test", "mnist"], 200):
        records = json.loads(zoo(*words, *more).stdout)["evaluations"]
        assert {one["metric"]: one for one in records}["nll"]["n"] == n


def test_trainings_of_several_seeds_hold_out_the_same_and_compare(zoo: Zoo) -> None:
    save("some.npz")
    words = ["train", "mlp-vae", "--data", "./some.npz", *SMALL[:2], *SMALL[4:]]
    for seed in (1, 2):
        assert zoo(*words, "--name", f"s-{seed}", "--seed", seed).exit_code == 0
    done = zoo(
        "compare", "s-1", "s-2", "-n", 30, "-k", 2, "--features", "digits", "-o", "x.png", "--json"
    )
    assert done.exit_code == 0, done.output
    assert '"nll"' in done.stdout


def test_a_training_on_a_folder_of_images_holds_out_too(zoo: Zoo) -> None:
    for index, pixels in enumerate(GREY[:60, 0]):
        Path("photos", str(index % 2)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(f"photos/{index % 2}/{index}.png")
    made = zoo("train", "mlp-vae", "--data", "./photos", "--out", "made", *SMALL)
    assert made.exit_code == 0, made.output
    assert facts("made")["data"]["held_out"] == 6
    kept = zoo(
        "train", "mlp-vae", "--data", "./photos", "--out", "all", *SMALL, "--set", "holdout=0"
    )
    assert kept.exit_code == 0 and "held_out" not in facts("all")["data"]


# --- data that is given in Python


GIVEN: dict[str, Any] = {"epochs": 1, "seed": 0, "hidden_dims": 8, "latent_dim": 2, "watch": None}


class Items(torch.utils.data.Dataset[Any]):
    classes = ("a", "b")

    def __init__(self, how: str) -> None:
        self.how = how

    def __len__(self) -> int:
        return 60

    def __getitem__(self, index: int) -> Any:
        pixels, label = GREY[index, 0], index % 2
        return {
            "picture": (Image.fromarray(pixels), label),
            "tensor": (torch.from_numpy(pixels / np.float32(255))[None], torch.tensor(label)),
            "dict": {"image": Image.fromarray(pixels), "label": label},
            "alone": pixels,
        }[self.how]


@pytest.mark.parametrize(
    "given",
    [
        torch.from_numpy(GREY[:60]),
        GREY[:60],
        GREY[:60] / 255,
        (torch.from_numpy(GREY[:60, 0]), [0, 1] * 30),
        {"images": GREY[:60], "labels": LABELS[:60]},
        Items("picture"),
        Items("tensor"),
        Items("dict"),
        Items("alone"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_samples_themselves_are_data(given: Any) -> None:
    data = load_dataset(given)
    assert np.array_equal(data.samples[:].numpy(), GREY[:60])
    if isinstance(given, Items) and given.how != "alone":
        assert data.class_names == ("a", "b")
        assert data.labels is not None and data.labels.tolist() == [0, 1] * 30


def test_a_training_on_given_samples_is_recorded_and_measured_when_they_are_given_again() -> None:
    given = (GREY, LABELS)
    made = package.train("mlp-vae", name="mine", data=given, **GIVEN)
    assert made.facts["data"]["reference"] == "<memory>"
    assert made.facts["data"]["held_out"] == 30
    assert made.facts["command"].startswith("zoo.train('mlp-vae', name='mine', data=data")
    with pytest.raises(DataError, match=r"300 samples that were given in Python .*data=SAMPLES"):
        package.evaluate("mine", n=20, features="digits")
    results = package.evaluate("mine", n=20, features="digits", data=given, importance_samples=2)
    assert {one.metric: one for one in results}["nll"].n == 30


def test_given_samples_are_given_again_to_go_on() -> None:
    def stop(reports: Any, total: int, name: str) -> Any:
        yield next(iter(reports))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        package.train("mlp-vae", name="mine", data=GREY, **{**GIVEN, "epochs": 3, "watch": stop})
    with pytest.raises(ConfigError, match="Give it again: data=SAMPLES"):
        package.train(resume="mine", watch=None)
    with pytest.raises(ConfigError, match="no longer what it was"):
        package.train(resume="mine", data=GREY[:200], watch=None)
    assert package.train(resume="mine", data=GREY, watch=None).facts["data"]["samples"] == 300


@pytest.mark.parametrize(
    ("given", "error", "why"),
    [
        (7, ConfigError, "data is of the type int: pass a name or a path, a tensor"),
        (iter([1]), ConfigError, "data is of the type list_iterator"),
        ({}, ConfigError, "a dict without samples"),
        ([], DataError, "has no samples"),
        (["a", "b"], ConfigError, "items of the type str, such as number 0"),
        (torch.zeros(0, 1, 8, 8), DataError, r"shape \(0, 1, 8, 8\)"),
        (torch.tensor(1.0), DataError, "not samples"),
        ((GREY, LABELS[:5]), DataError, r"labels of shape \(5,\)"),
        ([GREY[0], GREY[0, 0]], DataError, "several shapes or types: number 0 is"),
        (torch.full((9, 8, 8), torch.nan), DataError, "NaN or infinite values, in 9 of 9"),
        (torch.utils.data.DataLoader(Items("alone")), ConfigError, "data=loader.dataset"),
    ],
    ids=lambda one: ascii(type(one).__name__),
)
def test_what_is_no_data_is_refused_in_words(given: Any, error: Any, why: str) -> None:
    with pytest.raises(error, match=why):
        load_dataset(given)
