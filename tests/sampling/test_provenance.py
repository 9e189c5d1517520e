"""How a picture was made: into its PNG and out again, and nothing from anyone else's."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from safetensors.numpy import save_file

from zoo.common.errors import DataError
from zoo.sampling import formats, provenance

MADE = {"checkpoint": "vae-mnist", "seed": 2**63 - 1, "labels": ["ü", "7"], "options": []}


def write(path: str, text: str, key: str = "zoo") -> Path:
    """A PNG with a text chunk."""
    info = PngImagePlugin.PngInfo()
    info.add_text(key, text)
    Image.new("L", (3, 3)).save(path, pnginfo=info)
    return Path(path)


def test_what_is_written_is_read_again() -> None:
    Image.new("L", (3, 3)).save("one.png", pnginfo=provenance.chunk(MADE))
    assert provenance.read(Path("one.png")) == MADE


def test_any_png_reader_finds_the_chunk_as_json() -> None:
    Image.new("RGB", (3, 3)).save("one.png", pnginfo=provenance.chunk(MADE))
    with Image.open("one.png") as image:
        assert json.loads(image.info["zoo"]) == MADE


@pytest.mark.parametrize("text", ["{", "[1]", "3", "null", "[" * 100_000, '{"a":' * 50_000])
def test_a_chunk_that_the_zoo_did_not_write_is_refused(text: str) -> None:
    path = write("odd.png", text)
    with pytest.raises(DataError, match=r"odd\.png is not a file that the zoo wrote"):
        provenance.read(path)


def test_a_chunk_of_another_program_is_not_taken_for_ours() -> None:
    path = write("other.png", json.dumps(MADE), key="other")
    with pytest.raises(DataError, match="doesn't say how it was made"):
        provenance.read(path)


def test_a_picture_of_another_kind_is_refused() -> None:
    Image.new("L", (3, 3)).save("one.gif")
    with pytest.raises(DataError, match=r"one\.gif is not a file that the zoo wrote"):
        provenance.read(Path("one.gif"))


@pytest.mark.parametrize("length", [0, 5, 40, 80])
def test_a_png_that_breaks_off_is_refused(length: int) -> None:
    path = write("short.png", json.dumps(MADE))
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(DataError, match=r"short\.png is not a file that the zoo wrote"):
        provenance.read(path)


def test_a_compressed_chunk_that_swells_beyond_reason_is_refused() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("zoo", " " * 80_000_000, zip=True)
    Image.new("L", (3, 3)).save("bomb.png", pnginfo=info)
    assert Path("bomb.png").stat().st_size < 200_000
    with pytest.raises(DataError, match=r"bomb\.png is not a file that the zoo wrote"):
        provenance.read(Path("bomb.png"))


def test_a_missing_file_and_a_folder_are_said() -> None:
    with pytest.raises(DataError, match=r"There is no file absent\.png"):
        provenance.read(Path("absent.png"))
    Path("folder.png").mkdir()
    with pytest.raises(DataError, match=r"folder\.png"):
        provenance.read(Path("folder.png"))


@pytest.mark.parametrize("name", ["other.npz", "other.safetensors"])
def test_arrays_of_another_program_are_refused(name: str) -> None:
    array = np.zeros(3, dtype=np.float32)
    if name.endswith(".npz"):
        np.savez(name, samples=array)
    else:
        save_file({"samples": array}, name)
    for content in (Path(name).read_bytes(), b"", b"{}", Path(name).read_bytes()[:-20]):
        Path(name).write_bytes(content)
        with pytest.raises(
            DataError,
            match=f"{name} is not a file that the zoo wrote: it doesn't say how it was made",
        ):
            provenance.read(Path(name))
    with pytest.raises(DataError, match=f"There is no file absent-{name}"):
        provenance.read(Path(f"absent-{name}"))


@pytest.mark.parametrize(
    "array",
    [np.array([b"{}"], dtype=object), np.array(" " * 2_000_000), np.array(3)],
    ids=["pickle", "long", "number"],
)
def test_an_entry_that_the_zoo_did_not_write_is_refused(array: np.ndarray) -> None:
    np.savez_compressed("odd.npz", provenance=array)
    with pytest.raises(DataError, match=r"odd\.npz is not a file that the zoo wrote"):
        provenance.read(Path("odd.npz"))


@pytest.mark.parametrize("suffix", formats.SUFFIXES)
def test_named_pipes_and_devices_are_refused_before_they_are_opened(suffix: str) -> None:
    import os
    import time

    os.mkfifo(f"pipe{suffix}")
    Path(f"zeros{suffix}").symlink_to("/dev/zero")
    began = time.monotonic()
    for name, what in (("pipe", "a named pipe"), ("zeros", "a device")):
        with pytest.raises(DataError, match=rf"{name}\{suffix} can't be read: it is {what}"):
            provenance.read(Path(f"{name}{suffix}"))
    assert time.monotonic() - began < 1


def test_a_record_that_is_a_named_pipe_is_refused() -> None:
    import os

    Path("folder").mkdir()
    os.mkfifo(Path("folder", provenance.FOLDER_FILE))
    with pytest.raises(DataError, match="folder is not a file that the zoo wrote"):
        provenance.read(Path("folder"))


@pytest.mark.parametrize("mark", [True, False])
def test_a_mark_without_a_record_is_no_record_of_ours(mark: bool) -> None:
    Image.new("L", (3, 3)).save("x.jpg", xmp=provenance.xmp(generated=mark))
    with pytest.raises(DataError, match="doesn't say how it was made"):
        provenance.read(Path("x.jpg"))
    assert provenance.source_type(Path("x.jpg")) == ("trainedAlgorithmicMedia" if mark else "")


def test_a_picture_under_another_suffix_is_read_by_its_content() -> None:
    Image.new("L", (3, 3)).save("x.png", "PNG", pnginfo=provenance.chunk(MADE))
    Path("x.png").rename("x.jpg")
    assert provenance.read(Path("x.jpg")) == MADE


def test_reading_imports_no_pillow_and_no_numpy() -> None:
    import subprocess
    import sys

    Image.new("L", (3, 3)).save("x.png", pnginfo=provenance.chunk(MADE))
    code = (
        "import sys; from pathlib import Path; from zoo.sampling import provenance; "
        "provenance.read(Path('x.png')); "
        "print([name for name in ('PIL', 'numpy', 'torch') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr
