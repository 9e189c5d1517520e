"""Samples to files: what the suffix decides, whole or not at all."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from zoo.common.errors import OutputError
from zoo.sampling import formats, provenance

MADE = {"checkpoint": "c", "seed": 7, "start": 0}
IMAGES = torch.linspace(0, 1, 6 * 9).view(6, 1, 3, 3)
NAMES = ["new.png", "new.npz", "new.safetensors", "new"]


def batches(
    labels: Tensor | None = None, samples: Tensor = IMAGES
) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Samples in batches of 4."""
    for first in range(0, len(samples), 4):
        yield samples[first : first + 4], None if labels is None else labels[first : first + 4]


def failing(error: BaseException) -> Iterator[tuple[Tensor, Tensor | None]]:
    """One batch, and then a failure."""
    yield IMAGES[:4], None
    raise error


@pytest.mark.parametrize(
    ("name", "kind", "why"),
    [
        ("x.bmp", "image", "Can't write '.bmp' files"),
        ("x.TIF", "image", "Can't write '.tif' files"),
        ("x.gif", "image", "Can't write '.gif' files"),
        ("x.pt", "image", "choose .png, .jpg, .jpeg, .webp, .npz, .safetensors, or a folder"),
        ("x.png", "array", "are not images: write them to .npz or .safetensors, not 'x.png'"),
        ("x", "array", "are not images"),
        ("folder.npz", "image", "is a folder"),
        ("full", "image", "is not an empty folder"),
        ("full/file", "image", "is not an empty folder"),
    ],
)
def test_a_path_that_cannot_be_is_refused_before_anything_is_drawn(
    name: str, kind: str, why: str
) -> None:
    Path("folder.npz").mkdir()
    Path("full").mkdir()
    Path("full/file").touch()
    with pytest.raises(OutputError) as caught:
        formats.write(Path(name), failing(AssertionError("drawn")), 6, MADE, sample_kind=kind)
    assert why in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), RuntimeError("no memory"), OSError(28, "No space left")]
)
def test_when_drawing_fails_nothing_is_left_and_an_existing_file_stays(
    name: str, error: BaseException
) -> None:
    path = Path(name)
    if path.suffix:
        path.write_text("from before")
    with pytest.raises((KeyboardInterrupt, RuntimeError, OutputError, OSError)):
        formats.write(path, failing(error), 6, MADE)
    assert [one.name for one in Path().iterdir()] == ([name] if path.suffix else [])
    assert not path.suffix or path.read_text() == "from before"


@pytest.mark.parametrize("name", ["new.png", "new.npz", "new.safetensors"])
def test_an_existing_file_is_replaced_by_a_complete_one(name: str) -> None:
    formats.write(Path("fresh", name), batches(), 6, MADE)
    Path(name).write_text("from before")
    formats.write(Path(name), batches(), 6, MADE)
    assert Path(name).read_bytes() == Path("fresh", name).read_bytes()
    assert Path(name).stat().st_mode & 0o777 == 0o644


def test_a_grid_that_would_not_fit_in_memory_is_refused_before_anything_is_drawn() -> None:
    with pytest.raises(
        OutputError, match=r"100,001 samples are too many for a grid: 100,000 at most\. Use \.npz"
    ):
        formats.write(Path("new.png"), failing(AssertionError("drawn")), 100_001, MADE)


def test_png_is_a_grid() -> None:
    formats.write(Path("new.png"), batches(), 6, MADE)
    with Image.open("new.png") as picture:
        assert picture.size == (3 * 5 + 2, 2 * 5 + 2)
    assert provenance.read(Path("new.png")) == MADE


def test_png_has_a_row_for_each_class_asked_for() -> None:
    formats.write(Path("new.png"), batches(torch.arange(6) % 2), 6, MADE, classes_asked=2)
    with Image.open("new.png") as picture:
        assert picture.size == (3 * 5 + 2, 2 * 5 + 2)
        first = [
            [picture.getpixel((2 + 5 * column, 2 + 5 * row)) for column in range(3)]
            for row in (0, 1)
        ]
    expected = IMAGES.mul(255).round()[:, 0, 0, 0].int().tolist()
    assert first == [expected[0::2], expected[1::2]]


def test_npz_holds_uint8_images() -> None:
    formats.write(Path("new.npz"), batches(torch.arange(6)), 6, MADE)
    with np.load("new.npz") as archive:
        assert archive["samples"].dtype == np.uint8 and archive["labels"].tolist() == list(range(6))
        assert np.array_equal(archive["samples"], IMAGES.mul(255).round().numpy().astype(np.uint8))
        assert int(archive["seed"]) == 7 and archive["labels"].dtype == np.int64


def test_npz_holds_other_samples_as_floats() -> None:
    vectors = torch.linspace(-3, 3, 12).view(6, 2)
    formats.write(Path("new.npz"), batches(samples=vectors), 6, MADE, sample_kind="array")
    with np.load("new.npz") as archive:
        assert archive["samples"].dtype == np.float32 and np.array_equal(
            archive["samples"], vectors.numpy()
        )
        assert "labels" not in archive


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_says_how_it_was_made(name: str) -> None:
    formats.write(Path(name), batches(), 6, {**MADE, "labels": ["ü"]})
    assert provenance.read(Path(name)) == {**MADE, "labels": ["ü"]}


def test_safetensors_holds_floats_and_labels() -> None:
    formats.write(Path("new.safetensors"), batches(torch.arange(6)), 6, MADE)
    tensors = load_file("new.safetensors")
    assert torch.equal(tensors["samples"], IMAGES) and tensors["labels"].tolist() == list(range(6))


def test_a_folder_has_a_picture_for_each_sample_by_index() -> None:
    formats.write(Path("new"), batches(), 6, {**MADE, "start": 999_996})
    names = [f"{index:07}.png" for index in range(999_996, 1_000_002)]
    assert sorted(path.name for path in Path("new").iterdir()) == [*names, "provenance.json"]
    with Image.open(Path("new", names[1])) as picture:
        assert picture.size == (3, 3) and picture.tobytes() == bytes(
            IMAGES[1].mul(255).round().byte().flatten()
        )
    assert json.loads(Path("new/provenance.json").read_text())["start"] == 999_996


def test_a_folder_has_a_sub_folder_for_each_class() -> None:
    formats.write(
        Path("new"),
        batches(torch.tensor([0, 1, 2, 0, 1, 2])),
        6,
        MADE,
        class_names=["t-shirt", "bag"],
    )
    found = {
        path.name: len(list(path.iterdir())) for path in Path("new").iterdir() if path.is_dir()
    }
    assert found == {"t-shirt": 2, "bag": 2, "2": 2}


@pytest.mark.parametrize("hostile", ["../../escaped", "/escaped", "..", "", "a\0b", "C:\\x", "~"])
def test_a_class_name_cannot_lead_out_of_the_folder(hostile: str) -> None:
    formats.write(
        Path("new"), batches(torch.zeros(6, dtype=torch.int64)), 6, MADE, class_names=[hostile]
    )
    (folder,) = (path for path in Path("new").iterdir() if path.is_dir())
    assert len(list(folder.glob("*.png"))) == 6
    assert [path.name for path in Path().iterdir()] == ["new"]
    assert sorted(path.name for path in Path().resolve().parent.iterdir()) == ["desk"]


def test_two_classes_never_share_a_folder() -> None:
    names = ["cat/dog", "cat dog", "cat_dog"]
    formats.write(Path("new"), batches(torch.arange(6) % 3), 6, MADE, class_names=names)
    assert [len(list(path.iterdir())) for path in Path("new").iterdir() if path.is_dir()] == [
        2,
        2,
        2,
    ]
