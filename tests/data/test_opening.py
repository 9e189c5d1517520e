"""Opening pictures: what is not a readable picture is refused in words, quickly and in little memory."""

import ast
import os
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pictures
import pytest
from PIL import Image

from zoo.common.errors import DataError
from zoo.data import load_dataset, load_images, open_image

SHAPE = (3, pictures.SIDE, pictures.SIDE)


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "gif", "tif", "webp", "ppm"])
def test_every_format_that_is_documented_is_read(suffix: str, tmp_path: Path) -> None:
    path = pictures.save(pictures.colours(), tmp_path / f"one.{suffix}")
    with open_image(path) as image:
        assert image.size == (pictures.SIDE, pictures.SIDE)
    assert load_images([path], SHAPE).shape == (1, *SHAPE)


@pytest.mark.parametrize("folder", ["zoo", "plugins"])
def test_wherever_pillow_opens_a_picture_the_formats_are_named(folder: str) -> None:
    for path in (Path(__file__).parents[2] / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Image.open":
                assert "formats" in [keyword.arg for keyword in node.keywords], path


@pytest.mark.parametrize("kind", pictures.FOREIGN)
def test_other_formats_are_refused_whatever_their_suffix(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(pictures.FOREIGN[kind])
    with pytest.raises(
        DataError, match=r"x\.png is not a readable image: its content is in none of"
    ):
        load_images([path], SHAPE)


def test_no_picture_starts_another_program(tmp_path: Path) -> None:
    pictures.fill(tmp_path / "some", 3)
    for index, content in enumerate(pictures.FOREIGN.values()):
        (tmp_path / "some" / f"x{index}.png").write_bytes(content)
        (tmp_path / "some" / f"x{index}.tif").write_bytes(content)
    code = f"""
import sys
from zoo.data import load_dataset
started = []
kinds = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.spawn")
sys.addaudithook(lambda kind, _: started.append(kind) if kind in kinds else None)
print(len(load_dataset({str(tmp_path / "some")!r}, skip_bad=True)), started)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout == "3 []\n", result.stderr


def test_a_picture_of_too_many_pixels_is_refused_without_a_warning(tmp_path: Path) -> None:
    path = pictures.bomb(tmp_path / "a.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(
            DataError, match=r"a\.png is .* more pixels than the limit of 89,478,485"
        ):
            load_images([path], SHAPE)


def test_the_limit_of_pixels_is_pillow_s_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pictures.save(pictures.colours(), tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", pictures.SIDE**2)
    assert load_images([path], SHAPE).shape == (1, *SHAPE)
    # Above twice the limit Pillow raises another error.
    for limit in (pictures.SIDE**2 - 1, 100):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with pytest.raises(DataError, match=f"more pixels than the limit of {limit}"):
            load_images([path], SHAPE)


def bind(path: Path) -> None:
    # The path of a socket may have 108 characters only.
    os.chdir(path.parent)
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(path.name)


@pytest.mark.parametrize(
    ("put", "said"),
    [
        (os.mkfifo, "named pipe"),
        (bind, "socket"),
        (lambda path: path.symlink_to("/dev/zero"), "device"),
        (lambda path: path.symlink_to("/dev/tty"), "device"),
        (Path.mkdir, "it is a folder"),
        (lambda path: path.symlink_to("nowhere"), "link to a missing file"),
        (lambda path: path.symlink_to(path), "symbolic links"),
    ],
)
def test_what_is_no_regular_file_is_refused_before_it_is_opened(
    put: Callable[[Path], object], said: str, tmp_path: Path
) -> None:
    folder = pictures.fill(tmp_path / "pictures", 3)
    put(folder / "x.png")
    began = time.monotonic()
    with pytest.raises(DataError, match=rf"x\.png is not a readable image: .*{said}"):
        load_dataset(str(folder))
    assert time.monotonic() - began < 5
    assert len(load_dataset(str(folder), skip_bad=True)) == 3


def test_a_file_that_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"There is no file .*gone\.png"):
        load_images([tmp_path / "gone.png"], SHAPE)


def test_an_error_of_the_caller_is_not_blamed_on_the_picture(tmp_path: Path) -> None:
    path = pictures.save(pictures.colours(), tmp_path / "one.png")
    with pytest.raises(KeyError), open_image(path):
        raise KeyError("mine")


SIDE = 2_500
LARGE: dict[str, tuple[Any, str, object]] = {
    "alpha": (np.zeros((SIDE, SIDE, 4), np.uint8), "png", None),
    "colour": (np.zeros((SIDE, SIDE, 3), np.uint8), "png", None),
    "integers": (np.zeros((SIDE, SIDE), np.int32), "tif", (0, 1)),
    "floats": (np.zeros((SIDE, SIDE), np.float32), "tif", None),
    "deep": (np.zeros((SIDE, SIDE), np.uint16), "png", None),
}
MEASURE = """
import os, resource, sys
from pathlib import Path
from zoo.data import load_images

def most():
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

for name, path, small, value_range, side in eval(sys.argv[1]):
    if os.fork():
        os.wait()
        continue
    load_images([Path(small)], (1, 9, 9), value_range)
    before = most()
    load_images([Path(path)], (1, side, side), value_range)
    print(name, most() - before, flush=True)
    os._exit(0)
"""


def test_a_picture_takes_no_more_than_four_times_its_decoded_size(tmp_path: Path) -> None:
    asked = []
    for name, (pixels, suffix, value_range) in LARGE.items():
        path = pictures.save(pixels, tmp_path / f"{name}.{suffix}")
        small = pictures.save(pixels[:9, :9], tmp_path / f"small-{name}.{suffix}")
        asked.append((name, str(path), str(small), value_range, SIDE))
    command = [sys.executable, "-c", MEASURE, repr(asked)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    taken = dict(line.split() for line in result.stdout.splitlines())
    assert taken.keys() == LARGE.keys()
    for name, (pixels, _, _) in LARGE.items():
        assert int(taken[name]) <= 4 * max(pixels.nbytes, 3 * SIDE * SIDE), name
