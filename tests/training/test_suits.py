"""A training without a model takes one that suits the data, says why, and records it."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from conftest import Zoo
from PIL import Image

from zoo.checkpoints import read_facts
from zoo.common.config import parse_assignments
from zoo.common.errors import ConfigError, DataError, PluginError
from zoo.registry import ModelSpec, Suit
from zoo.registry.registry import installed
from zoo.training.request import Asked
from zoo.training.suits import fitting, suiting


def folder(n: int, size: tuple[int, int] = (28, 28), mode: str = "L", classes: int = 0) -> str:
    """A folder of plain images, of each class in a folder of its own."""
    for index in range(n):
        place = Path("pictures", *([f"class-{index % classes}"] if classes else []))
        place.mkdir(parents=True, exist_ok=True)
        Image.new(mode, size, index % 200).save(place / f"{index}.png")
    return "./pictures"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two models that suit few and many images."""
    few = Suit(why="few are enough", fewest=10, most=99, steps=600, settings=("batch_size=20",))
    many = Suit(why="it is fast", fewest=50, channels=(1,), settings=("width=8",))
    known = installed().models
    for name in list(known):
        monkeypatch.setitem(known, name, dataclasses.replace(known[name], suits=()))
    for name, suit in (("dcgan", few), ("conv-vae", many)):
        monkeypatch.setitem(known, name, dataclasses.replace(known[name], suits=(suit,)))


def chosen(data: str, **given: Any) -> Asked:
    return fitting(Asked(name="mine", data=data, **given), timed=False)


def test_what_is_installed_suits_few_and_many_images_in_grey_and_colour() -> None:
    for channels, of_few in ((1, "dcgan"), (3, "resnet-gan")):
        found = [suiting(channels, n)[0] for n in (10, 1_000, 60_000)]
        assert [name for name, _ in found] == ["conv-vae", of_few, "dcgan"]
        assert any("diff_augment" in one for one in found[1][1].settings)
    for spec in installed().models.values():
        for suit in spec.suits:  # its settings are fields of the model
            model = installed().model_class(spec.name)
            values, recipe = parse_assignments(suit.settings, model.Config, type(model.recipe))
            model.Config.from_dict(values)
            dataclasses.replace(model.recipe, **recipe)


@pytest.mark.usefixtures("toys")
def test_the_model_for_the_smallest_range_is_chosen_and_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "zoo")
    asked = chosen(folder(60))
    assert (asked.model, asked.epochs) == ("dcgan", 200)  # 600 steps of 60 / 20 a pass
    assert asked.settings == ("batch_size=20",)
    said = [one.getMessage() for one in caplog.records][-3:]
    assert said[0] == "Chose dcgan for 60 grey images of 28 × 28 pixels: few are enough."
    assert said[1] == "It trains for 200 epochs, with batch_size=20."
    assert "To choose yourself: zoo train MODEL" in said[2]


@pytest.mark.usefixtures("toys")
def test_what_was_asked_for_stays() -> None:
    asked = chosen(folder(40), settings=("batch_size=5", "width=16"), epochs=3)
    assert (asked.settings, asked.epochs) == (("batch_size=5", "width=16"), 3)
    assert chosen("./pictures", settings=("batch_size=5",)).epochs == 75  # 600 / (40 / 5)
    assert fitting(Asked(data="./pictures"), timed=True).epochs is None


@pytest.mark.usefixtures("toys")
def test_large_images_and_images_of_several_sizes_are_scaled() -> None:
    asked = chosen(folder(20, (90, 70)))
    assert "sample_shape=1,32,32" in asked.settings
    Image.new("RGB", (50, 40)).save("pictures/other.png")
    assert "sample_shape=3,32,32" in chosen("./pictures").settings
    assert chosen("./pictures", settings=("sample_shape=3,24,24",)).settings == (
        "batch_size=20",
        "sample_shape=3,24,24",
    )


@pytest.mark.usefixtures("toys")
def test_classes_count_when_each_has_enough_images() -> None:
    assert not any("num_classes" in one for one in chosen(folder(90, classes=2)).settings)
    installed_suit = Suit(why="it is fast", fewest=100)
    spec = installed().models["conv-vae"]
    installed().models["conv-vae"] = dataclasses.replace(spec, suits=(installed_suit,))
    assert "num_classes=2" in chosen(folder(120, classes=2)).settings


@pytest.mark.usefixtures("toys")
def test_data_that_nothing_suits_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"suits 5 samples of shape \(1, 28, 28\). Name one"):
        chosen(folder(5))
    with pytest.raises(DataError, match="not-here"):
        chosen("./not-here")


def test_a_command_without_a_model_trains_and_records_what_it_chose(zoo: Zoo) -> None:
    folder(30)
    result = zoo(
        "train", "--data", "./pictures", "--name", "mine", "--epochs", 1, "--seed", 0,
        "--set", "channels=4,8", "--set", "hidden_dim=8",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert "Chose conv-vae for 30 grey images" in result.stderr
    command = read_facts(Path(result.stdout.strip()))["command"]
    assert command.startswith("zoo train conv-vae --name mine --data ./pictures --epochs 1")
    assert "--set residual_blocks=1" in command and "--set channels=4,8" in command


def test_few_pictures_in_colour_train_a_gan_of_residual_networks_with_their_classes(
    zoo: Zoo,
) -> None:
    folder(240, (32, 32), "RGB", classes=3)
    result = zoo(
        "train", "--data", "./pictures", "--name", "mine", "--epochs", 1, "--seed", 0,
        "--set", "channels=4,8",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert (
        "Chose resnet-gan for 240 colour images of 32 × 32 pixels: clean samples" in result.stderr
    )
    command = read_facts(Path(result.stdout.strip()))["command"]
    for setting in ("num_classes=3", "objective=hinge", "diff_augment=color,translation,cutout"):
        assert f"--set {setting}" in command


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("batch_size", "'batch_size' is not of the form name=value"),
        ("batch_size=many", "batch_size = 'many'"),
        ("batch_size=0", "batch_size = 0"),
        ("sample_shape=square", "sample_shape = 'square'"),
        ("heigth=8", "Unknown field 'heigth'"),
    ],
)
def test_settings_that_can_not_be_are_refused_without_a_model_too(
    setting: str, said: str, zoo: Zoo
) -> None:
    folder(30)
    result = zoo("train", "--data", "./pictures", "--name", "mine", "--set", setting)
    assert result.exit_code == 1 and said in result.stderr, result.output


def test_without_data_a_model_is_needed(zoo: Zoo) -> None:
    result = zoo("train", "--name", "mine")
    assert result.exit_code == 2 and "Name the MODEL to train" in result.stderr


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"fewest": 9, "most": 3}, "in rising order"),
        ({"edges": (64, 8)}, "in rising order"),
        ({"steps": 0}, "at least 1"),
        ({"settings": ("width",)}, "'width' must be \"field=value\""),
        ({"channels": "3"}, "Suit: channels = '3' must be of type"),
    ],
)
def test_a_suit_that_can_not_be_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(PluginError, match=words):
        Suit(why="never", **fields)
    with pytest.raises(PluginError, match="suits = "):
        ModelSpec(name="a", entry_point="a:B", suits=("no",))  # type: ignore[arg-type]
