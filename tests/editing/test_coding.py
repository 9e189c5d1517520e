"""zoo encode and zoo decode: images to latents in a file, and back."""

import io
import json
import os
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Zoo
from PIL import Image

import zoo as door
from zoo.data import load_dataset
from zoo.errors import DataError, LabelError, ZooError
from zoo.sampling import provenance
from zoo.sampling.images import to_image


def digits(n: int) -> list[Path]:
    """Some real digits as PNGs in the working folder."""
    paths = [Path(f"digit-{index}.png") for index in range(n)]
    for path, pixels in zip(paths, load_dataset("mnist", split="test").samples, strict=False):
        to_image(pixels).save(path)
    return paths


def test_latents_of_images_are_the_means_of_the_encoder(zoo: Zoo) -> None:
    paths = digits(3)
    result = zoo("encode", "vae-mnist", *paths)
    assert (result.stdout, result.exit_code) == ("latents.npz\n", 0)
    assert "3 latents by vae-mnist" in result.stderr
    model = door.load("vae-mnist")
    samples = load_dataset("mnist", split="test").samples[:3].float() / 255
    with np.load("latents.npz") as file:
        assert set(file.files) == {"latents", "provenance"}
        assert file["latents"].dtype == np.float32
        expected = model.encode(samples).mean
        assert torch.allclose(torch.tensor(file["latents"]), expected, atol=1e-5)
    made = provenance.read(Path("latents.npz"))
    assert made["command"] == "zoo encode vae-mnist digit-0.png digit-1.png digit-2.png"


def test_decoded_latents_of_images_are_their_reconstructions(zoo: Zoo) -> None:
    zoo("encode", "vae-mnist", *digits(3))
    result = zoo("decode", "vae-mnist", "latents.npz", "-o", "copies.npz")
    assert (result.stdout, result.exit_code) == ("copies.npz\n", 0), result.stderr
    model = door.load("vae-mnist")
    samples = load_dataset("mnist", split="test").samples[:3].float() / 255
    expected = (model.reconstruct(samples) * 255).round()
    with np.load("copies.npz") as file:
        assert np.abs(file["samples"].astype(int) - expected.numpy()).max() <= 1
    made = provenance.read(Path("copies.npz"))
    assert made["n"] == 3 and len(made["latents_sha256"]) == 64


@pytest.mark.parametrize("name", ["x.png", "x.webp", "x.npz", "x.safetensors", "folder"])
def test_every_format_of_samples_is_decoded_to_and_the_recorded_command_makes_it_again(
    name: str, zoo: Zoo
) -> None:
    zoo("encode", "vae-mnist", *digits(2))
    assert zoo("decode", "vae-mnist", "latents.npz", "-o", name).exit_code == 0
    made = provenance.read(Path(name))
    if Path(name).is_dir():
        assert sorted(one.name for one in Path(name).iterdir())[:2] == ["000000.png", "000001.png"]
        return
    first = Path(name).read_bytes()
    Path(name).unlink()
    assert zoo(*shlex.split(made["command"])[1:]).exit_code == 0
    assert Path(name).read_bytes() == first


def test_the_same_images_give_the_same_bytes(zoo: Zoo) -> None:
    zoo("encode", "vae-mnist", *digits(2))
    first = Path("latents.npz").read_bytes()
    zoo("encode", "vae-mnist", *digits(2))
    assert Path("latents.npz").read_bytes() == first


def test_a_gan_decodes_the_latents_of_its_samples() -> None:
    from zoo.sampling import latents

    z = latents(door.load("dcgan-mnist"), 3, seed=5)  # type: ignore[arg-type]  # it has latents
    written = door.decode("dcgan-mnist", z, "x.npz")
    assert "command" not in written.made
    door.sample("dcgan-mnist", "y.npz", n=3, seed=5)
    with np.load("x.npz") as ours, np.load("y.npz") as drawn:
        difference = ours["samples"].astype(int) - drawn["samples"]
        assert np.abs(difference).max() <= 1


def test_latents_of_python_are_at_hand_without_reading_the_file() -> None:
    written = door.encode("vae-mnist", digits(2), "z.npz")
    with np.load("z.npz") as file:
        assert np.array_equal(file["latents"], written.latents.numpy())
    assert written.labels is None and written.path == Path("z.npz")


def test_a_conditional_model_keeps_the_labels_with_the_latents(
    zoo: Zoo, trained: Callable[..., Path]
) -> None:
    model, paths = trained("mlp-vae", "num_classes=10"), digits(2)
    refused = zoo("encode", model, *paths)
    assert refused.exit_code == 1 and "a --label for each of the 2 images" in refused.stderr
    assert zoo("encode", model, *paths, "--label", 7, "--label", 2).exit_code == 0
    with np.load("latents.npz") as file:
        assert file["labels"].tolist() == [7, 2]
    assert zoo("decode", model, "latents.npz", "-o", "own.png").exit_code == 0
    assert zoo("decode", model, "latents.npz", "--label", 1, "-o", "ones.png").exit_code == 0
    assert Path("own.png").read_bytes() != Path("ones.png").read_bytes()
    refused = zoo("decode", model, "latents.npz", "--label", 1, "--label", 2, "--label", 3)
    assert refused.exit_code == 1 and "one for all, or one for each" in refused.stderr
    with np.load("latents.npz") as file:
        np.savez("bare.npz", latents=file["latents"])
        np.savez("wrong.npz", latents=file["latents"], labels=np.array([1, 12]))
        np.savez("short.npz", latents=file["latents"], labels=np.array([1]))
    assert "come without labels" in zoo("decode", model, "bare.npz").stderr
    assert "There is no class '12'" in zoo("decode", model, "wrong.npz").stderr
    assert "one whole number is needed" in zoo("decode", model, "short.npz").stderr


def test_samples_of_a_file_are_encoded_as_images_are(zoo: Zoo) -> None:
    zoo("sample", "vae-mnist", "-n", 3, "--seed", 1, "-o", "s.npz")
    zoo("sample", "vae-mnist", "-n", 3, "--seed", 1, "-o", "s")
    one = door.encode("vae-mnist", "s.npz", "one.npz").latents
    other = door.encode("vae-mnist", sorted(Path("s").glob("*.png")), "other.npz").latents
    both = door.encode("vae-mnist", ["s.npz", *digits(1)], "both.npz").latents
    assert torch.equal(one, other) and both.shape == (4, 50)
    assert torch.allclose(both[:3], one, atol=1e-5)


def test_images_of_other_sizes_and_modes_are_fitted_and_that_is_told(zoo: Zoo) -> None:
    Image.new("RGB", (40, 30), "red").save("red.png")
    result = zoo("encode", "vae-mnist", "red.png")
    assert result.exit_code == 0 and "red.png is 40×30 in colour" in result.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["encode", "dcgan-mnist", "digit-0.png"], "is a dcgan, which can't encode images"),
        (["encode", "vae-mnist", "no.png"], "There is no file no.png"),
        (["encode", "vae-mnist", "broken.png"], "broken.png is not a readable image"),
        (["encode", "vae-mnist", "digit-0.png", "-o", "z.png"], "z.png must end in .npz"),
        (["encode", "vae-mnist", "digit-0.png", "-o", "mine.npz"], "the zoo did not write it"),
        (["encode", "vae-mnist", "digit-0.png", "--label", "7"], "takes no --label"),
        (["decode", "vae-mnist", "no.npz"], "There is no file no.npz"),
        (["decode", "vae-mnist", "digit-0.png"], "digit-0.png is no .npz file with latents"),
        (["decode", "vae-mnist", "broken.npz"], "broken.npz is not a readable .npz file"),
        (["decode", "vae-mnist", "mine.npz"], "has no array 'latents'. It holds: a"),
        (["decode", "vae-mnist", "shape.npz"], "the shape (3, 7); the model takes (n, 50)"),
        (["decode", "vae-mnist", "none.npz"], "n at least 1"),
        (["decode", "vae-mnist", "nan.npz"], "1 row of 'latents' holds NaN"),
        (["decode", "vae-mnist", "pickle.npz"], "not an array of numbers"),
        (["decode", "vae-mnist", "good.npz", "-o", "x.bmp"], "'.bmp' files: choose"),
        (["decode", "vae-mnist", "good.npz", "-o", "x.npz", "--scale", "2"], "for pictures only"),
        (["decode", "vae-mnist", "good.npz", "--label", "7"], "takes no --label"),
        (["decode", "vae-mnist", "."], "is no .npz file"),
    ],
)
def test_what_can_not_be_coded_is_refused_and_nothing_is_written(
    words: list[str], told: str, zoo: Zoo
) -> None:
    digits(1)
    Path("broken.png").write_text("not an image")
    Path("broken.npz").write_text("not an archive")
    np.savez("mine.npz", a=np.zeros(3))
    np.savez("shape.npz", latents=np.zeros((3, 7)))
    np.savez("none.npz", latents=np.zeros((0, 50)))
    np.savez("good.npz", latents=np.zeros((2, 50), np.float32))
    np.savez("nan.npz", latents=np.full((1, 50), np.nan))
    np.savez("pickle.npz", latents=np.array([{}] * 50, dtype=object).reshape(1, 50))
    before = sorted(Path().iterdir())
    result = zoo(*words)
    assert result.exit_code == 1 and told in result.stderr, result.stderr
    assert sorted(Path().iterdir()) == before


def test_an_archive_that_says_too_much_of_its_size_takes_no_memory() -> None:
    for shape, told in (((2**40, 50), "larger than"), ((1000, 50), "does not have the size")):
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            header, {"descr": "<f4", "fortran_order": False, "shape": shape}
        )
        with zipfile.ZipFile("bomb.npz", "w") as archive:
            archive.writestr("latents.npy", header.getvalue() + bytes(80))
        with pytest.raises(DataError, match=told):
            door.decode("vae-mnist", "bomb.npz")


@pytest.mark.parametrize("value", [None, 3, "z", [["a"]], np.zeros((2, 3)), {}])
def test_what_holds_no_latents_is_refused(value: object) -> None:
    with pytest.raises(ZooError):
        door.decode("vae-mnist", value)


def test_samples_outside_of_their_range_are_refused() -> None:
    np.savez("bright.npz", samples=np.full((1, 1, 28, 28), 2.0))
    with pytest.raises(DataError, match="from 0 to 1"):
        door.encode("vae-mnist", "bright.npz")
    with pytest.raises(LabelError, match="unconditional"):
        door.encode("vae-mnist", digits(1), labels=[3])


@pytest.mark.parametrize(
    "words",
    [
        ["encode", "dcgan-mnist", "x.png"],
        ["encode", "vae-mnist", "x.png", "-o", "z.png"],
        ["decode", "vae-mnist", "no.npz"],
        ["decode", "no-such-checkpoint", "no.npz"],
    ],
)
def test_bad_input_is_refused_before_torch_is_imported(words: list[str]) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "zoo", *words]
    result = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ))
    imported = {
        line.rpartition("|")[2].strip() for line in result.stderr.splitlines() if "|" in line
    }
    assert result.returncode == 1 and imported.isdisjoint({"torch", "numpy", "PIL"})


def test_json_says_where_the_latents_are_and_how_they_were_made(zoo: Zoo) -> None:
    made = json.loads(zoo("encode", "vae-mnist", *digits(1), "--json").stdout)
    assert made["path"] == "latents.npz" and made["n"] == 1
    made = json.loads(zoo("decode", "vae-mnist", "latents.npz", "--json").stdout)
    assert made["path"] == "decoded.png" and made["checkpoint"] == "vae-mnist"
