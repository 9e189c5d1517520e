"""zoo interpolate between images, along arcs, and as films."""

import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from conftest import Zoo
from PIL import Image

import zoo as door
from zoo.data import load_dataset
from zoo.editing.lines import between
from zoo.errors import ZooError
from zoo.sampling import provenance
from zoo.sampling.images import to_image


def digits(n: int) -> list[Path]:
    """Some real digits as PNGs in the working folder."""
    paths = [Path(f"digit-{index}.png") for index in range(n)]
    for path, pixels in zip(paths, load_dataset("mnist", split="test").samples, strict=False):
        to_image(pixels).save(path)
    return paths


def test_an_arc_keeps_the_length_of_latents_and_ends_where_the_line_ends() -> None:
    start, end = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 3.0]])
    arc = between(start, end, 5, True)[0]
    assert torch.allclose(arc.norm(dim=1), torch.full((5,), 3.0), atol=1e-5)
    assert torch.allclose(arc[2], torch.tensor([4.5, 4.5]).sqrt(), atol=1e-5)
    line = between(start, end, 5, False)[0]
    assert torch.allclose(arc[[0, -1]], line[[0, -1]], atol=1e-5)
    assert line[2].tolist() == [1.5, 1.5]


@pytest.mark.parametrize("end", [[1.0, 2.0], [2.0, 4.0], [-1.0, -2.0]])
def test_an_arc_between_latents_in_one_direction_is_the_line(end: list[float]) -> None:
    start = torch.tensor([[1.0, 2.0]])
    arc = between(start, torch.tensor([end]), 4, True)
    assert torch.allclose(arc, between(start, torch.tensor([end]), 4, False), atol=1e-4)


def test_a_line_between_images_begins_and_ends_with_their_copies(zoo: Zoo) -> None:
    paths = digits(3)
    words = [word for path in paths for word in ("--image", path)]
    result = zoo("interpolate", "vae-mnist", *words, "--steps", 4)
    assert result.exit_code == 0 and "between 3 images of vae-mnist: 2 lines" in result.stderr
    door.decode("vae-mnist", door.encode("vae-mnist", paths).latents, "copies.png", columns=3)
    with Image.open("interpolation.png") as lines, Image.open("copies.png") as copies:
        assert lines.size == (4 * 30 + 2, 2 * 30 + 2)
        for index, (row, column) in enumerate([(0, 0), (0, 3), (1, 3)]):
            left, top = 2 + column * 30, 2 + row * 30
            shown = lines.crop((left, top, left + 28, top + 28)).tobytes()
            copy = copies.crop((2 + index * 30, 2, 30 + index * 30, 30)).tobytes()
            assert max(abs(a - b) for a, b in zip(shown, copy, strict=True)) <= 1
    first = Path("interpolation.png").read_bytes()
    made = provenance.read(Path("interpolation.png"))
    assert zoo(*shlex.split(made["command"])[1:]).exit_code == 0
    assert Path("interpolation.png").read_bytes() == first


def test_lines_between_images_of_two_classes_change_the_class_half_way(
    trained: Callable[..., Path],
) -> None:
    model, paths = trained("mlp-vae", "num_classes=10"), digits(2)
    door.interpolate(model, "there.png", images=paths, labels=[7, 2], steps=4)
    door.interpolate(model, "same.png", images=paths, labels=[7], steps=4)
    with Image.open("there.png") as there, Image.open("same.png") as same:
        assert there.crop((2, 2, 30, 30)).tobytes() == same.crop((2, 2, 30, 30)).tobytes()
        assert there.tobytes() != same.tobytes()


@pytest.mark.parametrize("name", ["walk.webp", "walk.gif", "walk.mp4"])
def test_a_film_goes_there_and_back_and_says_how_it_was_made(name: str, zoo: Zoo) -> None:
    words = ["interpolate", "vae-mnist", "-n", 1, "--steps", 6, "--spherical", "-o", name]
    assert zoo(*words).exit_code == 0
    made = provenance.read(Path(name))
    assert "--spherical" in made["command"] and made["steps"] == 6
    assert provenance.source_type(Path(name)) == "trainedAlgorithmicMedia"
    if name.endswith(".mp4"):
        import imageio_ffmpeg

        decode = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", name, "-f", "rawvideo"]
        decode += ["-pix_fmt", "rgb24", "-"]
        frames = subprocess.run(decode, capture_output=True, check=True).stdout
        assert len(frames) == 10 * 128 * 128 * 3
    else:
        with Image.open(name) as film:
            assert film.n_frames == 10 and film.size == (128, 128) and film.info["loop"] == 0  # type: ignore[attr-defined]
    # the zoo knows its own file
    assert zoo(*words).exit_code == 0


def test_without_its_package_an_mp4_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None)
    with pytest.raises(ZooError, match=r"pip install 'genzoo\[video\]'"):
        door.interpolate("vae-mnist", "x.mp4")
    assert not list(Path().iterdir())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--image digit-0.png", "Name two images at least"),
        ("--image digit-0.png --image digit-0.png --seed 1", "not both"),
        ("--image digit-0.png --image no.png", "There is no file no.png"),
        ("-o x.avi", "x.avi must end in .png"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_written(words: str, told: str, zoo: Zoo) -> None:
    digits(1)
    result = zoo("interpolate", "vae-mnist", *words.split())
    assert result.exit_code == 1 and told in result.stderr, result.stderr
    assert [path.name for path in Path().iterdir()] == ["digit-0.png"]


@pytest.mark.parametrize("content", [b"\0\0\0\x07free", b"\0\0\0\x18uuid" + bytes(20), b"\0" * 90])
def test_a_damaged_film_is_no_file_of_the_zoo(content: bytes, zoo: Zoo) -> None:
    Path("x.mp4").write_bytes(content)
    assert "is not a file that the zoo wrote" in zoo("show", "./x.mp4").stderr
