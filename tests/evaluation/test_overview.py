"""Data is looked at before it is trained on: counts, values, what is odd, a contact sheet."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Zoo
from PIL import Image

import zoo as package
from zoo.common.errors import ConfigError, DataError, OutputError
from zoo.data import load_dataset

GREY: Any = load_dataset("mnist", root=Path(__file__).parents[1] / "data").samples[:60].numpy()


def test_counts_values_and_what_is_odd_are_shown(zoo: Zoo) -> None:
    pixels = GREY.copy()
    pixels[7], pixels[9] = pixels[3], 0
    np.savez("some.npz", samples=pixels, labels=np.array([0] * 56 + [1] * 4))
    done = zoo("show", "--data", "./some.npz", "--json")
    assert done.exit_code == 0, done.output
    seen = json.loads(done.stdout)
    assert (seen["samples"], seen["sample_shape"], seen["dtype"]) == (60, [1, 28, 28], "uint8")
    assert seen["classes"] == {"0": 56, "1": 4} and seen["held_out"] == 6
    assert seen["mean"] == pytest.approx(pixels.mean() / 255, abs=1e-6)
    assert seen["deviation"] == pytest.approx(pixels.std() / 255, abs=1e-6)
    assert (seen["least"], seen["greatest"]) == (0, 1)
    assert (seen["duplicates"], seen["blank"]) == (1, 1)
    table = zoo("show", "--data", "./some.npz").stdout
    assert "1 duplicate among 60, such as 3 and 7" in table
    assert "1 blank sample among 60, such as number 9" in table
    assert "14 times as many samples as the smallest" in table


def test_a_contact_sheet_has_a_row_for_each_class(zoo: Zoo) -> None:
    done = zoo("show", "--data", "mnist", "-o", "sheet.png")
    assert done.exit_code == 0, done.output
    with Image.open("sheet.png") as image:
        assert image.size == (8 * 28 + 9 * 2, 10 * 28 + 11 * 2) or image.width < image.height
    assert "class 7" in done.stdout and "Contact sheet: sheet.png" in done.stderr


def test_images_of_several_sizes_are_shown_in_one(zoo: Zoo) -> None:
    Path("photos").mkdir()
    for index, size in enumerate(((30, 20), (64, 48), (30, 20))):
        Image.new("RGB", size, (index, 0, 0)).save(f"photos/{index}.png")
    done = zoo("show", "--data", "./photos", "--json")
    assert done.exit_code == 0, done.output
    seen = json.loads(done.stdout)
    assert (seen["samples"], seen["sample_shape"]) == (3, [3, 64, 64])
    assert seen["odd"][0] == (
        "the images have 2 sizes, from 30×20 to 64×48. Here each is cropped and scaled to 64×64. "
        "A training needs one size: --set sample_shape=3,64,64"
    )


def test_texts_and_arrays_are_looked_at_too() -> None:
    Path("names.txt").write_text("anna\nbob\nanna\n", encoding="utf-8")
    seen = package.overview("./names.txt")
    assert (seen.samples, seen.dtype, seen.duplicates) == (3, "int64", 1)
    assert seen.sheet is None
    with pytest.raises(ConfigError, match="no contact sheet"):
        package.overview("./names.txt", output="sheet.png")
    given = package.overview(GREY)
    assert given.samples == 60 and given.sheet is not None
    assert (given.sheet.width, given.sheet_rows) == (8 * 28 + 9 * 2, 8)
    assert "sheet" not in given.to_dict()
    assert "duplicate" in repr(package.overview(np.concatenate([GREY, GREY])))


def test_what_can_not_be_looked_at_is_refused_in_words(zoo: Zoo) -> None:
    assert zoo("show").exit_code == 2
    assert zoo("show", "mnist", "--data", "mnist").exit_code == 2
    for data, why in (("./gone", "is not a folder"), ("mnits", "Did you mean"), (7, "pass a name")):
        with pytest.raises((DataError, ConfigError, package.ZooError), match=why):
            package.overview(data)
    Path("mine.png").write_bytes(b"mine")
    with pytest.raises(OutputError):
        package.overview("mnist", output="mine.png")
