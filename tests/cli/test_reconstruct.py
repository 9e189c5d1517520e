"""zoo reconstruct: images above their reconstructions, or words for models that can't."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Zoo
from PIL import Image

from zoo.data import load_dataset
from zoo.registry.registry import installed
from zoo.sampling import provenance
from zoo.sampling.images import to_image


def digits(n: int) -> list[Path]:
    """Some real digits as PNGs in the working folder."""
    paths = [Path(f"digit-{index}.png") for index in range(n)]
    for path, pixels in zip(paths, load_dataset("mnist", split="test").samples, strict=False):
        to_image(pixels).save(path)
    return paths


def strip(image: Image.Image, row: int, columns: int) -> list[bytes]:
    """The images in one row of a grid of 28 × 28 digits, each as its pixels."""
    return row_at(image, 2 + row * 30, columns)


def row_at(image: Image.Image, top: int, columns: int) -> list[bytes]:
    """The 28 × 28 digits in the row that begins at a height, each as its pixels."""
    boxes = [(2 + column * 30, top, 30 + column * 30, top + 28) for column in range(columns)]
    return [image.crop(box).tobytes() for box in boxes]


def test_reconstructions_stand_below_the_test_images_that_they_copy(zoo: Zoo) -> None:
    result = zoo("reconstruct", "vae-mnist", "-n", 10)
    assert (
        result.stdout == "reconstructions.png\n"
        and "10 images" in result.stderr
        and result.exit_code == 0
    )
    originals = [
        pixels.numpy().tobytes() for pixels in load_dataset("mnist", split="test").samples[:10]
    ]
    with Image.open("reconstructions.png") as image:
        pair = 2 * 30 + 2
        assert image.size == (
            8 * 30 + 2,
            pair + 4 + pair,
        )  # a bar of 4 pixels between the pairs of rows
        assert (
            strip(image, 0, 8) == originals[:8] and row_at(image, pair + 4 + 2, 2) == originals[8:]
        )
        for original, copy in zip(originals[:8], strip(image, 1, 8), strict=True):
            differences = [abs(one - other) for one, other in zip(original, copy, strict=True)]
            assert 0 < sum(differences) / len(differences) < 25  # of 255: near, but a copy
        assert set(row_at(image, pair + 4 + 2, 8)[-1]) == {0}


def test_images_that_are_named_are_reconstructed_whatever_their_size_and_mode(zoo: Zoo) -> None:
    paths = digits(2)
    with Image.open(paths[1]) as image:
        image.convert("RGB").resize((56, 56)).save(paths[1])
    result = zoo("reconstruct", "vae-mnist", *paths, "-o", "copies.png", "--json")
    assert json.loads(result.stdout)["n"] == 2
    with Image.open(paths[0]) as original, Image.open("copies.png") as copies:
        assert copies.size == (2 * 30 + 2, 2 * 30 + 2)
        assert strip(copies, 0, 1)[0] == original.tobytes()


def test_the_recorded_command_makes_the_same_reconstructions_again(zoo: Zoo) -> None:
    digits(1)
    zoo("reconstruct", "vae-mnist", "digit-0.png", "-o", "copy.png")
    first = Path("copy.png").read_bytes()
    made = provenance.read(Path("copy.png"))
    assert made["checkpoint"] == "vae-mnist" and made["command"].startswith(
        "zoo reconstruct vae-mnist digit-0.png"
    )
    Path("copy.png").unlink()
    assert zoo(*shlex.split(made["command"])[1:]).exit_code == 0
    assert Path("copy.png").read_bytes() == first


@pytest.mark.parametrize("broken", ["not an image", None])
def test_a_broken_or_missing_image_is_named(broken: str | None, zoo: Zoo) -> None:
    if broken:
        Path("broken.png").write_text(broken)
    result = zoo("reconstruct", "vae-mnist", *digits(1), "broken.png")
    assert (
        result.exit_code == 1
        and ("broken.png is not a readable image" if broken else "There is no file broken.png")
        in result.stderr
    )
    assert (
        sorted(
            path.name for path in Path().iterdir() if path.name not in ("broken.png", "digit-0.png")
        )
        == []
    )


def test_an_image_that_breaks_off_is_named(zoo: Zoo) -> None:
    (path,) = digits(1)
    path.write_bytes(path.read_bytes()[:120])
    result = zoo("reconstruct", "vae-mnist", path)
    assert result.exit_code == 1 and "digit-0.png is a damaged image" in result.stderr


def test_a_conditional_model_needs_a_label_for_each_named_image(
    zoo: Zoo, trained: Callable[..., Path]
) -> None:
    model, paths = trained("mlp-vae", "num_classes=10"), digits(2)
    result = zoo("reconstruct", model, *paths, "--label", 7)
    assert result.exit_code == 1 and "a --label for each of the 2 images" in result.stderr
    assert zoo("reconstruct", model, *paths, "--label", 7, "--label", 2).exit_code == 0
    assert zoo("reconstruct", model, "-n", 3).exit_code == 0  # the data has labels
    assert "takes no --label" in zoo("reconstruct", "vae-mnist", *paths, "--label", 7).stderr


@pytest.mark.parametrize(
    ("dataset", "told"), [("my-holiday", "'my-holiday'"), (["mnist"], "mnist"), (None, "None")]
)
def test_test_images_of_a_data_set_that_nobody_offers_cannot_be_had(
    dataset: object, told: str, zoo: Zoo
) -> None:
    import shutil

    shutil.copytree(str(installed().checkpoints["vae-mnist"].bundled), "moved")
    facts = json.loads(Path("moved/facts.json").read_text())
    Path("moved/facts.json").write_text(json.dumps({**facts, "dataset": dataset}))
    result = zoo("reconstruct", "./moved")
    assert (
        result.exit_code == 1 and told in result.stderr and "Name the image files" in result.stderr
    )
