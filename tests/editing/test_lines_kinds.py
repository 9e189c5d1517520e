"""zoo interpolate of text and audio: texts are printed, recordings are seen and heard."""

import json
import wave
from pathlib import Path
from typing import Any

import pytest
import walkers
from conftest import Zoo
from PIL import Image

import zoo as door
from zoo.errors import ZooError
from zoo.sampling import provenance

ALPHABET = "abcde"


@pytest.fixture(autouse=True)
def guests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The two models are installed."""
    walkers.offer(tmp_path / "site", monkeypatch)


@pytest.fixture
def speller() -> str:
    """A checkpoint of text."""
    config = walkers.Speller.Config(sample_shape=(4,), alphabet=ALPHABET)
    door.save(walkers.Speller(config).eval(), "speller")
    return "./speller"


@pytest.fixture
def by_letter() -> str:
    """A checkpoint of text, by its first letter."""
    config = walkers.Speller.Config(sample_shape=(4,), alphabet=ALPHABET, num_classes=5)
    door.save(walkers.Speller(config).eval(), "by-letter", facts={"class_names": list(ALPHABET)})
    return "./by-letter"


@pytest.fixture
def whistle() -> str:
    """A checkpoint of audio."""
    config = walkers.Whistle.Config(sample_shape=(1, 800), sample_rate=8_000)
    door.save(walkers.Whistle(config).eval(), "whistle")
    return "./whistle"


def test_the_texts_between_two_texts_are_printed(zoo: Zoo, speller: str) -> None:
    result = zoo("interpolate", speller, "--text", "aae", "--text", "eea", "--steps", 5)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.split() == ["aae", "bbd", "ccc", "ddb", "eea"]
    assert "between 2 texts of ./speller: 1 line of 5 texts" in result.stderr
    assert not Path("interpolation.png").exists()


def test_a_line_goes_from_each_text_to_the_next_with_a_space_between_lines(
    zoo: Zoo, speller: str
) -> None:
    words = [word for text in ("aa", "cc", "ee") for word in ("--text", text)]
    result = zoo("interpolate", speller, *words, "--steps", 3)
    assert result.stdout == "aa\nbb\ncc\n\ncc\ndd\nee\n"


def test_the_class_of_a_text_is_found_and_each_half_of_the_way_has_that_of_its_end(
    zoo: Zoo, by_letter: str
) -> None:
    words = ["--text", "aba", "--text", "eba", "--steps", 4]
    assert zoo("interpolate", by_letter, *words).stdout.split() == ["aba", "aba", "eba", "eba"]
    words += ["--label", "c"]
    assert zoo("interpolate", by_letter, *words).stdout.split() == ["cba"] * 4
    refused = zoo("interpolate", by_letter, *words, "--label", "c", "--label", "c")
    assert "3 labels for 2 texts: give one for all, or one for each" in refused.stderr


def test_samples_of_a_seed_are_the_ends_unless_texts_are_given(zoo: Zoo, speller: str) -> None:
    result = zoo("interpolate", speller, "--seed", 3, "-n", 2, "--steps", 3)
    first, second = (walk.split("\n") for walk in result.stdout.rstrip("\n").split("\n\n"))
    model: Any = door.load(speller)
    drawn = model.render(door.draw(model, 4, seed=3))
    assert [first[0], first[2], second[0], second[2]] == drawn
    found = door.interpolate(speller, n=2, steps=3, seed=3)
    assert [list(one) for one in found.texts] == [first, second] and found.path is None


def test_texts_go_to_a_file_that_says_how_it_was_made(zoo: Zoo, speller: str) -> None:
    words = ["--text", "aa", "--text", "cc", "--steps", 3]
    result = zoo("interpolate", speller, *words, "-o", "walk.txt")
    assert result.stdout == "walk.txt\n"
    _, *lines = Path("walk.txt").read_text().splitlines()
    assert lines == ["aa", "bb", "cc"]
    made = provenance.read(Path("walk.txt"))
    assert made["command"] == "zoo interpolate ./speller --text aa --text cc --steps 3 -o walk.txt"
    shown = zoo("interpolate", speller, *words, "--json")
    assert json.loads(shown.stdout)["texts"] == [lines]


def test_recordings_on_a_line_are_seen_as_spectrograms_and_heard(zoo: Zoo, whistle: str) -> None:
    result = zoo("interpolate", whistle, "--seed", 1, "-n", 2, "--steps", 3)
    assert result.exit_code == 0 and result.stdout == "interpolation.png\n", result.stderr
    with Image.open("interpolation.png") as picture:
        assert picture.size == (3 * 130 + 2, 2 * 99 + 2)
    assert zoo("interpolate", whistle, "--seed", 1, "-n", 2, "--steps", 3, "-o", "walk.wav")
    with wave.open("walk.wav") as file:
        assert file.getframerate() == 8_000 and file.getnframes() == 6 * 800 + 5 * 2_000
    assert provenance.read(Path("walk.wav"))["steps"] == 3


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"texts": ["ab"]}, "Name two texts at least: a line goes from one to the next"),
        ({"texts": ["ab", ""]}, "texts = '': give texts that are not empty"),
        ({"texts": ["ab", "xy"]}, "holds 'x', which is not in the alphabet"),
        ({"texts": ["ab", "abcde"]}, "has 5 characters; 4 are the most"),
        ({"texts": ["ab", "cd"], "seed": 3}, "Go between texts or samples, not both"),
        ({"texts": ["ab", "cd"], "images": ["x.png", "y.png"]}, "between images or between texts"),
        ({"output": "x.png"}, "x.png must end in .txt or .jsonl"),
        ({"output": "x.txt", "scale": 2}, "scale' is for pictures only|scale is for pictures only"),
        ({"scale": 2}, "is for pictures only"),
    ],
)
def test_a_line_of_texts_that_cannot_be_drawn_is_refused_in_words(
    given: dict[str, Any], why: str, speller: str
) -> None:
    with pytest.raises(ZooError) as told:
        door.interpolate(speller, **given)
    assert any(part in str(told.value) for part in why.split("|")), told.value
    assert not list(Path.cwd().glob("x.*"))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"texts": ["ab", "cd"]}, "A line between texts needs a model of text, not of audio"),
        ({"output": "x.gif"}, "x.gif must end in .png, .jpg, .jpeg or .wav"),
        ({"output": "x.wav", "scale": 2}, "is for pictures only"),
    ],
)
def test_a_line_of_recordings_that_cannot_be_drawn_is_refused_in_words(
    given: dict[str, Any], why: str, whistle: str
) -> None:
    with pytest.raises(ZooError) as told:
        door.interpolate(whistle, **given)
    assert why in str(told.value)
