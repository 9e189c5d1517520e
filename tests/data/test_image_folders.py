"""Folders of images as people have them, from the command to the checkpoint's facts."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pictures
import pytest
from conftest import Zoo

SMALL = ["--set", "hidden_dims=16", "--set", "latent_dim=2", "--epochs", 1, "--seed", 0]


def facts(name: str = "made") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(name, "facts.json").read_text())
    return found


@pytest.fixture
def deep() -> Path:
    return pictures.deep(Path("deep"), "12 bits in 16")


def test_a_range_is_kept_in_the_facts_and_in_the_command_and_used_again(
    zoo: Zoo, deep: Path
) -> None:
    made = zoo("train", "mlp-vae", "--data", "./deep", "--out", "made", "--range", "0,4095", *SMALL)
    assert made.exit_code == 0, made.output
    assert "tenth of the range" not in made.stderr
    assert facts()["value_range"] == [0, 4095]
    assert "--range 0,4095" in facts()["command"]
    copies = zoo("reconstruct", "./made", "deep/0.png", "-o", "copies.png", "--json")
    again = zoo(
        *("reconstruct", "./made", "deep/0.png", "-o", "again.png", "--range", "0,4095", "--json")
    )
    assert copies.exit_code == again.exit_code == 0, copies.output + again.output
    assert Path("copies.png").stat().st_size > 0
    assert "--range 0,4095" in json.loads(again.stdout)["command"]
    dark = zoo("reconstruct", "./made", "deep/0.png", "-o", "dark.png", "--range", "0,65535")
    assert dark.exit_code == 0, dark.output
    from PIL import Image

    with Image.open("copies.png") as one, Image.open("again.png") as two:
        assert one.tobytes() == two.tobytes()
    with Image.open("copies.png") as one, Image.open("dark.png") as two:
        assert one.tobytes() != two.tobytes()


def test_measuring_reads_a_folder_as_the_training_did(zoo: Zoo) -> None:
    folder = pictures.deep(Path("deep"), "12 bits in 16")
    for index in range(40):
        pictures.save(pictures.RAMP >> (4 + index % 3), folder / f"more-{index}.png")
    (folder / "bad.png").write_bytes(b"bad")
    asked = ("--range", "0,4095", "--skip-bad")
    made = zoo("train", "mlp-vae", "--data", "./deep", "--out", "made", *asked, *SMALL)
    assert made.exit_code == 0, made.output
    measure = ("evaluate", "./made", "--data", "./deep", "-n", 20, "--features", "digits", "--json")
    measured, again = zoo(*measure), zoo(*measure, *asked)
    assert measured.exit_code == again.exit_code == 0, measured.output + again.output
    assert "tenth of the range" not in measured.stderr
    assert "Left out 1 of 53 images" in measured.stderr
    assert json.loads(measured.stdout) == json.loads(again.stdout)
    named = zoo("evaluate", "./made", "--data", "mnist", "-n", 20, "--range", "0,9")
    assert named.exit_code == 1 and "are for folders of images" in named.stderr


def test_a_range_that_is_too_wide_is_warned_of_in_training(zoo: Zoo, deep: Path) -> None:
    made = zoo("train", "mlp-vae", "--data", "./deep", "--out", "made", *SMALL)
    assert made.exit_code == 0, made.output
    assert "less than a tenth of the range" in made.stderr
    assert made.stderr.count("--range 0,4095") == 1
    assert "value_range" not in facts()


@pytest.mark.parametrize("wrong", ["5", "9,1", "a,b", "1,2,3", "0,inf"])
def test_what_is_no_range_is_a_usage_error(wrong: str, zoo: Zoo, deep: Path) -> None:
    refused = zoo(
        *("train", "mlp-vae", "--data", "./deep", "--out", "made", "--range", wrong, *SMALL)
    )
    assert refused.exit_code == 2 and "--range" in refused.stderr


def test_bad_images_are_named_together_and_left_out_when_asked(zoo: Zoo) -> None:
    pictures.corrupt(Path("hurt"))
    asked = ["train", "mlp-vae", "--data", "./hurt", "--out", "made", *SMALL]
    refused = zoo(*asked)
    assert refused.exit_code == 1
    assert "3 of 12 images can't be read" in refused.stderr
    for name in ("002.jpg", "005.jpg", "007.jpg"):
        assert name in refused.stderr
    assert "--skip-bad" in refused.stderr and not Path("made").exists()
    made = zoo(*asked, "--skip-bad")
    assert made.exit_code == 0, made.output
    assert facts()["bad_images_skipped"] == 3
    assert "--skip-bad" in facts()["command"]
    measured = zoo("evaluate", "./made", "-n", 20, "--features", "digits", "--json")
    assert "images can't be read:" not in measured.stderr


def test_too_many_classes_are_refused_and_a_class_without_images_is_unknown(zoo: Zoo) -> None:
    pictures.nested(Path("animals"))
    asked = ["train", "mlp-vae", "--data", "./animals", "--out", "made", *SMALL]
    refused = zoo(*asked, "--set", "num_classes=4")
    assert refused.exit_code == 1
    assert "The data has 3 classes, the model 4" in refused.stderr
    assert "--set num_classes=3" in refused.stderr
    made = zoo(*asked, "--set", "num_classes=3")
    assert made.exit_code == 0, made.output
    assert "they are not classes: fish" in made.stderr
    assert facts()["class_names"] == ["bird", "cat", "dog"]
    unknown = zoo("sample", "./made", "--label", "fish", "-n", 1)
    assert unknown.exit_code == 1 and "fish" in unknown.stderr


def test_images_of_several_sizes_say_the_field_that_mends_it(zoo: Zoo) -> None:
    pictures.fill(Path("mixed"), 3)
    pictures.save(pictures.colours()[:20], Path("mixed", "small.png"))
    asked = ["train", "mlp-vae", "--data", "./mixed", "--out", "made", *SMALL]
    refused = zoo(*asked)
    assert refused.exit_code == 1
    assert "28×28" in refused.stderr and "28×20" in refused.stderr
    assert "--set sample_shape=3,64,64" in refused.stderr
    assert zoo(*asked, "--set", "sample_shape=3,16,16").exit_code == 0


def test_what_is_no_folder_of_images_is_refused_in_one_line(zoo: Zoo) -> None:
    os.mkfifo("pipe")
    Path("file").touch()
    Path("empty").mkdir()
    for data, said in (
        ("./pipe", "is not a folder of images"),
        ("./file", "is not a folder of images"),
        ("./missing", "There is no such folder"),
        ("./empty", "holds no images"),
        ("~nosuchuser/x", "home folder in it is not known"),
        ("mnits", "Did you mean"),
    ):
        refused = zoo("train", "mlp-vae", "--data", data, "--out", "made", *SMALL)
        assert refused.exit_code == 1, data
        assert said in refused.stderr and "Traceback" not in refused.stderr


def test_a_named_pipe_among_the_images_does_not_hang_a_training(zoo: Zoo) -> None:
    os.mkfifo(pictures.fill(Path("some"), 3) / "x.png")
    refused = zoo("train", "mlp-vae", "--data", "./some", "--out", "made", *SMALL)
    assert refused.exit_code == 1 and "x.png is not a readable image" in refused.stderr


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has no names that are not UTF-8")
def test_names_that_are_not_utf8_are_taken_from_the_data_to_the_home(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("\udcffa", "b"):
        for index in range(20):
            pictures.save(
                pictures.colours(index)[:, :, 0], Path("\udcffdata", name, f"{index}.png")
            )
    monkeypatch.setenv("ZOO_HOME", str(Path("home\udcfe").absolute()))
    words = ("--data", "./\udcffdata", "--set", "num_classes=2", *SMALL)
    for place in (("--name", "mine"), ("--out", "made\udcff/one")):
        done = zoo("train", "mlp-vae", *place, *words)
        assert done.exit_code == 0, done.output
    assert json.loads(Path("made\udcff/one/facts.json").read_text())["class_names"] == [
        "b",
        "\udcffa",
    ]
    assert "�" in Path("made\udcff/one/README.md").read_text(encoding="utf-8")
    measured = ("-n", 20, "--features", "digits", "--data", "./\udcffdata")
    for words in (
        ("show", "mine"),
        ("sample", "mine", "-n", 1, "-o", "x.png"),
        ("sample", "./made\udcff/one", "-n", 1, "-o", "x.png"),
        ("compare", "mine", "./made\udcff/one", *measured),
        # the features of the data are read again
        ("evaluate", "mine", *measured),
    ):
        done = zoo(*words)
        assert done.exit_code == 0, done.output


def test_weights_of_features_whose_path_is_not_utf8_are_refused_by_their_path(zoo: Zoo) -> None:
    Path("\udcff.safetensors").touch()
    done = zoo("evaluate", "vae-mnist", "--features", "digits", "--weights", "\udcff.safetensors")
    assert done.exit_code == 1 and "�.safetensors can't be read: its path is not" in done.stderr
