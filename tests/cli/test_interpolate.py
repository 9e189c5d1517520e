"""zoo interpolate, and what is alike in zoo reconstruct: pictures, or words for models that can't."""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Zoo
from PIL import Image, ImageSequence

from zoo.registry.registry import installed
from zoo.sampling import provenance

GUEST = """
from zoo import ModelSpec, hookimpl

@hookimpl
def zoo_models():
    return [ModelSpec(name="flat", entry_point="zoo_of_flat.model:Flat", capabilities=("sample",))]
"""


def strip(image: Image.Image, row: int, columns: int) -> list[bytes]:
    """The images in one row of a grid of 28 × 28 digits, each as its pixels."""
    return row_at(image, 2 + row * 30, columns)


def row_at(image: Image.Image, top: int, columns: int) -> list[bytes]:
    """The 28 × 28 digits in the row that begins at a height, each as its pixels."""
    boxes = [(2 + column * 30, top, 30 + column * 30, top + 28) for column in range(columns)]
    return [image.crop(box).tobytes() for box in boxes]


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
    result = zoo(verb, "vae-mnist", "-o", "film.avi")
    assert result.exit_code == 1 and "film.avi must end in .png" in result.stderr
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


def test_a_gan_interpolates_and_reconstructs_by_inversion(
    zoo: Zoo, trained: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.editing.inversion.DRAWS", 30)
    monkeypatch.setattr("zoo.editing.inversion.STEPS", 3)
    assert zoo("interpolate", trained("mlp-gan"), "-n", 2).exit_code == 0
    result = zoo("reconstruct", trained("mlp-gan"), "-n", 2)
    assert result.exit_code == 0, result.stderr
    made = provenance.read(Path("reconstructions.png"))
    assert made["by"] == "inversion" and made["n"] == 2
    refused = zoo("encode", trained("mlp-gan"), "no.png")
    assert refused.exit_code == 1
    assert "is a mlp-gan, which can't encode images" in refused.stderr


@pytest.mark.parametrize(
    "words", [["interpolate", "vae-mnist", "--seed", "1"], ["reconstruct", "vae-mnist"]]
)
def test_the_picture_records_the_digest_of_the_weights(zoo: Zoo, words: list[str]) -> None:
    made = provenance.read(Path(zoo(*words).stdout.strip()))
    assert made["sha256"] == installed().checkpoints["vae-mnist"].sha256["model.safetensors"]
    assert made["command"].startswith(" ".join(["zoo", *words]))


def test_an_option_that_the_model_does_not_have_is_refused(zoo: Zoo) -> None:
    refused = zoo("interpolate", "vae-mnist", "--set", "heat=2")
    assert refused.exit_code == 1 and "has no sample-time options" in refused.stderr
    assert not Path("interpolation.png").exists()
