"""zoo reconstruct, zoo interpolate: pictures of models that can, and words for those that can't."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Zoo
from PIL import Image, ImageSequence

from zoo.data import load_dataset
from zoo.registry.registry import installed
from zoo.sampling import provenance
from zoo.sampling.images import to_image

GUEST = """
from zoo import ModelSpec, hookimpl

@hookimpl
def zoo_models():
    return [ModelSpec(name="flat", entry_point="zoo_of_flat.model:Flat", capabilities=("sample",))]
"""


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
        and ("broken.png is no readable image" if broken else "There is no file broken.png")
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
    assert result.exit_code == 1 and "a --label for each of 2 images" in result.stderr
    assert zoo("reconstruct", model, *paths, "--label", 7, "--label", 2).exit_code == 0
    assert zoo("reconstruct", model, "-n", 3).exit_code == 0  # the data has labels
    assert "takes no --label" in zoo("reconstruct", "vae-mnist", *paths, "--label", 7).stderr


def test_a_line_of_an_interpolation_goes_from_one_sample_of_the_seed_to_the_next(zoo: Zoo) -> None:
    result = zoo("interpolate", "vae-mnist", "-n", 2, "--steps", 5, "--seed", 4)
    assert result.stdout == "interpolation.png\n" and "seed 4" in result.stderr
    zoo("sample", "vae-mnist", "-n", 4, "--seed", 4)
    with Image.open("interpolation.png") as lines, Image.open("samples.png") as samples:
        assert lines.size == (5 * 30 + 2, 2 * 30 + 2)
        ends = [
            one for row in (0, 1) for one in (strip(lines, row, 5)[0], strip(lines, row, 5)[-1])
        ]
        drawn = strip(samples, 0, 2) + strip(samples, 1, 2)
        for end, sample in zip(ends, drawn, strict=True):
            assert max(abs(a - b) for a, b in zip(end, sample, strict=True)) <= 1


def test_the_recorded_command_makes_the_same_interpolation_again(zoo: Zoo) -> None:
    zoo("interpolate", "vae-mnist", "-n", 1, "-o", "walk.png")
    Path("walk.png").rename("first.png")
    made = provenance.read(Path("first.png"))
    assert f"--seed {made['seed']}" in made["command"]
    assert zoo(*shlex.split(made["command"])[1:]).exit_code == 0
    with Image.open("first.png") as first, Image.open("walk.png") as again:
        assert first.tobytes() == again.tobytes()


def test_a_gif_walks_there_and_back_for_ever(zoo: Zoo) -> None:
    assert zoo("interpolate", "vae-mnist", "-n", 4, "--steps", 6, "-o", "walk.gif").exit_code == 0
    with Image.open("walk.gif") as film:
        # digits of 28 pixels are enlarged four times
        assert film.format == "GIF" and film.size == (248, 248) and film.info["loop"] == 0
        assert len(ImageSequence.all_frames(film)) == 10


def test_labels_of_an_interpolation(zoo: Zoo, trained: Callable[..., Path]) -> None:
    model = trained("mlp-vae", "num_classes=10")
    zoo("interpolate", model, "--seed", 1, "-o", "all.png")
    zoo("interpolate", model, "--seed", 1, "--label", 7, "-o", "seven.png")
    assert Path("all.png").read_bytes() != Path("seven.png").read_bytes()
    zoo(
        "interpolate",
        model,
        "-n",
        3,
        "--seed",
        1,
        "--label",
        0,
        "--label",
        1,
        "--label",
        2,
        "-o",
        "three.png",
    )
    with Image.open("all.png") as all_classes, Image.open("three.png") as three:
        for row in range(3):  # without --label the classes take turns
            for one, other in zip(strip(all_classes, row, 8), strip(three, row, 8), strict=True):
                assert max(abs(a - b) for a, b in zip(one, other, strict=True)) <= 1
    assert "There is no class '12'" in zoo("interpolate", model, "--label", 12).stderr


@pytest.mark.parametrize("verb", ["reconstruct", "interpolate"])
def test_an_output_of_another_kind_is_refused(verb: str, zoo: Zoo) -> None:
    result = zoo(verb, "vae-mnist", "-o", "film.mp4")
    assert result.exit_code == 1 and "film.mp4 must end in .png" in result.stderr
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize("verb", ["reconstruct", "interpolate"])
def test_a_model_that_cannot_is_told_which_can_without_importing_torch(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    (site / "zoo_of_flat-1.0.dist-info").mkdir(parents=True)
    (site / "zoo_of_flat.py").write_text(GUEST)
    (site / "zoo_of_flat-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: zoo-of-flat\nVersion: 1.0\n"
    )
    (site / "zoo_of_flat-1.0.dist-info" / "entry_points.txt").write_text(
        "[zoo]\nflat = zoo_of_flat\n"
    )
    Path("flat").mkdir()
    Path("flat/config.json").write_text('{"format": 1, "model": "flat", "config": {}}')
    command = [sys.executable, "-X", "importtime", "-m", "zoo", verb, "./flat"]
    path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path}
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    imported = {
        line.rpartition("|")[2].strip() for line in result.stderr.splitlines() if "|" in line
    }
    assert "zoo.sampling.request" in imported and imported.isdisjoint(
        {"torch", "numpy", "torchvision"}
    )
    assert result.returncode == 1 and result.stdout == ""
    assert (
        "is a flat, which can't" in result.stderr
        and "mlp-vae" in result.stderr
        and "vae-mnist" in result.stderr
    )


def test_a_gan_interpolates_but_does_not_reconstruct(
    zoo: Zoo, trained: Callable[..., Path]
) -> None:
    assert zoo("interpolate", trained("mlp-gan"), "-n", 2).exit_code == 0
    result = zoo("reconstruct", trained("mlp-gan"))
    assert result.exit_code == 1 and "is a mlp-gan, which can't encode images" in result.stderr


@pytest.mark.parametrize(
    ("dataset", "told"), [("my-holiday", "'my-holiday'"), (["mnist"], "mnist"), (None, "None")]
)
def test_test_images_of_a_data_set_that_nobody_offers_cannot_be_had(
    dataset: object, told: str, zoo: Zoo
) -> None:
    import shutil

    from zoo.registry.registry import installed

    shutil.copytree(str(installed().checkpoints["vae-mnist"].bundled), "moved")
    facts = json.loads(Path("moved/facts.json").read_text())
    Path("moved/facts.json").write_text(json.dumps({**facts, "dataset": dataset}))
    result = zoo("reconstruct", "./moved")
    assert result.exit_code == 1 and told in result.stderr and "Name the images" in result.stderr


@pytest.mark.parametrize(
    "words", [["interpolate", "vae-mnist", "--seed", "1"], ["reconstruct", "vae-mnist"]]
)
def test_the_picture_records_the_digest_of_the_weights(zoo: Zoo, words: list[str]) -> None:
    made = provenance.read(Path(zoo(*words).stdout.strip()))
    assert made["sha256"] == installed().checkpoints["vae-mnist"].sha256["model.safetensors"]
    assert made["command"].startswith(" ".join(["zoo", *words]))
