"""Reading images: upright, over white, in their full depth, in colour if any is."""

import logging
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pictures
import psutil
import pytest
import torch
from PIL import Image

from zoo.common.errors import ConfigError, DataError
from zoo.data import ImageFiles, load_dataset, load_images

SHAPE = (3, pictures.SIDE, pictures.SIDE)
HALF = pictures.SIDE // 2


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "pictures"


@pytest.fixture(autouse=True)
def told(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.INFO, "zoo")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def test_photographs_are_turned_upright(folder: Path) -> None:
    samples = load_dataset(str(pictures.turned(folder))).samples[:]
    assert samples.shape == (pictures.COUNT, *SHAPE)
    assert samples[:, :, : HALF - 1].min() >= 252 and samples[:, :, HALF + 1 :].max() <= 3


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "webp"])
def test_every_orientation_of_every_format_is_honoured(
    orientation: int, suffix: str, tmp_path: Path
) -> None:
    upright = np.zeros((40, 24), np.uint8)
    upright[:20, :12], upright[20:, :12], upright[:20, 12:] = 250, 170, 90
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: np.rot90(upright),
        7: upright[::-1, ::-1].T,
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[274] = orientation
    options = {"quality": 95} if suffix == "jpg" else {"lossless": True} if suffix == "webp" else {}
    path = pictures.save(
        np.ascontiguousarray(stored), tmp_path / f"a.{suffix}", exif=exif, **options
    )
    data = load_dataset(str(tmp_path / "."), sample_shape=None) if suffix != "png" else None
    if data is not None:
        assert data.sample_shape[1:] == (40, 24)
    read = load_images([path], (1, 40, 24))[0, 0].numpy().astype(int)
    inner = np.abs(read - upright)[[5, 5, 30, 30], [5, 18, 5, 18]]
    assert inner.max() <= 4


def test_images_that_are_turned_to_one_size_are_of_one_size(folder: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    pictures.save(np.zeros((40, 24, 3), np.uint8), folder / "a.jpg")
    pictures.save(np.zeros((24, 40, 3), np.uint8), folder / "b.jpg", exif=exif)
    assert load_dataset(str(folder)).sample_shape == (3, 40, 24)


def test_what_is_transparent_is_white_and_nothing_hidden_shows(folder: Path) -> None:
    samples = load_dataset(str(pictures.transparent(folder))).samples[:]
    inside = samples[:, :, 8:20, 8:20]
    assert inside[:, 0].eq(255).all() and inside[:, 1:].eq(0).all()
    outside = samples.clone().float()
    outside[:, :, 8:20, 8:20] = 255
    assert outside.std() == 0


@pytest.mark.parametrize("mode", ["LA", "PA", "P", "L"])
def test_transparency_of_every_kind_is_put_over_white(mode: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    pixels = np.zeros((8, 8, 4), np.uint8)
    pixels[:, :, 0] = 7
    pixels[4:, :, 3] = 255
    image = Image.fromarray(pixels, "RGBA") if mode != "L" else Image.fromarray(pixels[..., 3])
    if mode == "L":
        image.save(path, transparency=0)
    elif mode == "P":
        image.quantize(4).save(path)
    elif mode == "PA":
        path = tmp_path / "a.gif"
        image.save(path)
    else:
        image.convert("LA").save(path)
    samples = load_images([path], (1, 8, 8))[0, 0]
    assert samples[:4].eq(255).all()
    assert samples[4:].eq(255 if mode == "L" else 2).all()


@pytest.mark.parametrize("suffix", [".png", ".gif", ".bmp", ".tiff"])
def test_an_image_with_a_palette_of_greys_is_grey(suffix: str, tmp_path: Path) -> None:
    numbers = np.arange(64, dtype=np.uint8).reshape(8, 8) % 16
    image = Image.fromarray(numbers).convert("P")
    image.putpalette([255 - 17 * index for index in range(16) for _ in "RGB"])
    image.save(tmp_path / f"a{suffix}")
    samples = load_dataset(str(tmp_path)).samples[:]
    assert torch.equal(samples[0], torch.from_numpy(255 - 17 * numbers)[None])


@pytest.mark.parametrize("grey", ["000.png", "zzz.png", "scan4.png"])
def test_a_folder_is_read_in_colour_if_any_image_is(
    grey: str, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    samples = load_dataset(str(pictures.mixed(folder, grey))).samples[:]
    assert samples.shape == (pictures.COUNT, *SHAPE)
    red = (samples[:, 0] == 255).flatten(1).all(1) & (samples[:, 1:] == 0).flatten(1).all(1)
    assert red.sum() == pictures.COUNT - 1
    assert (
        f"1 of 12 images in {folder} are grey, such as {grey}. All are read as colour"
        in caplog.text
    )
    assert "--set sample_shape=1,HEIGHT,WIDTH" in caplog.text


@pytest.mark.parametrize("kind", ["16 bits", "16 bits, big-endian", "floats"])
def test_deep_images_fill_the_range_in_one_channel(
    kind: str, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    samples = load_dataset(str(pictures.deep(folder, kind))).samples[:]
    assert samples.shape == (pictures.COUNT, 1, *SHAPE[1:])
    assert np.abs(samples[0, 0].numpy().astype(int) - pictures.RAMP // 257).max() <= 1
    assert (samples.min(), samples.max()) == (0, 255)
    assert caplog.text == ""


def test_12_bits_in_16_are_dark_with_a_warning_unless_the_range_is_given(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pictures.deep(folder, "12 bits in 16")
    dark = load_dataset(str(folder))
    assert (dark.samples[:].min(), dark.samples[:].max()) == (0, 15)
    assert dark.facts == {}
    (warning,) = caplog.records
    assert warning.levelno == logging.WARNING
    assert "from 0 to 4095, less than a tenth of the range" in warning.getMessage()
    assert warning.getMessage().endswith("--range 0,4095")
    caplog.clear()
    data = load_dataset(str(folder), value_range=(0, 4095))
    assert (data.samples[:].min(), data.samples[:].max()) == (0, 255)
    assert data.facts == {"value_range": [0, 4095]} and caplog.text == ""


def test_integers_of_32_bits_need_a_range(folder: Path) -> None:
    pictures.deep(folder, "32 bits")
    with pytest.raises(DataError, match=r"32-bit integers from 0 to 255\. .* --range 0,255$"):
        load_dataset(str(folder))
    samples = load_dataset(str(folder), value_range=(0, 255)).samples[:]
    assert torch.equal(samples[0, 0], torch.from_numpy((pictures.RAMP // 257).astype(np.uint8)))


def test_values_outside_of_a_range_are_clipped(tmp_path: Path) -> None:
    path = pictures.save(np.array([[-5, 0, 50, 100, 900]], np.int32), tmp_path / "a.tif")
    assert load_images([path], (1, 1, 5), (0, 100)).flatten().tolist() == [0, 0, 127, 255, 255]


def test_floats_above_1_are_refused_unless_a_range_is_given(folder: Path) -> None:
    for index, most in enumerate((255.0, 200.0)):
        pictures.save(np.full((8, 8), most, np.float32), folder / f"{index}.tif")
    with pytest.raises(
        DataError, match=r"values from 200 to 255\. .*from 0 to 1: .*--range 200,255"
    ):
        load_dataset(str(folder))
    assert load_dataset(str(folder), value_range=(0, 255)).samples[:].max() == 255


def test_values_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    pixels = np.full((8, 8), 0.5, np.float32)
    pixels[3, 3] = np.nan
    with pytest.raises(
        DataError, match=r"a\.tif is not a readable image: it holds NaN or infinite"
    ):
        load_images([pictures.save(pixels, tmp_path / "a.tif")], (1, 8, 8))


def test_deep_colours_are_read_and_refuse_a_range_they_cannot_have(tmp_path: Path) -> None:
    header = pictures.struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)
    values = pictures.struct.pack(">6H", 65535, 0, 32768, 0, 65535, 256)
    parts = [
        pictures.chunk(b"IHDR", header),
        pictures.chunk(b"IDAT", pictures.zlib.compress(b"\0" + values)),
        pictures.chunk(b"IEND", b""),
    ]
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    assert load_images([path], (3, 1, 2))[0, :, 0].T.tolist() == [[255, 0, 128], [0, 255, 1]]
    with pytest.raises(DataError, match=r"only the upper 8 bits are read, so no range"):
        load_images([path], (3, 1, 2), (0, 4095))


def test_a_range_for_images_of_8_bits_is_said_to_change_nothing(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plain = load_dataset(str(pictures.fill(folder)))
    assert load_dataset(str(folder), value_range=(0, 100)).sha256 == plain.sha256
    assert "The range of values has no effect" in caplog.text


@pytest.mark.parametrize("wrong", [(5, 5), (9, 1), (0,), "ab", (0, float("nan")), (0, "x")])
def test_what_is_no_range_is_refused(wrong: object, folder: Path) -> None:
    pictures.deep(folder, "16 bits")
    with pytest.raises(ConfigError, match=r"value_range = .*: give two numbers"):
        load_dataset(str(folder), value_range=wrong)  # type: ignore[arg-type]  # on purpose


def test_images_of_another_size_or_colour_than_the_model_s_are_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paths = [pictures.save(pictures.colours(), tmp_path / f"{index}.png") for index in range(3)]
    load_images(paths, SHAPE)
    assert caplog.text == ""
    load_images(paths, (1, 20, 30))
    assert (
        f"{paths[0]} is 28×28 in colour: it is cropped and scaled to 30×20 in grey, as are 2 more."
        in caplog.text
    )


def test_a_range_or_bad_images_of_a_named_data_set_are_refused() -> None:
    for options in ({"value_range": (0, 9)}, {"skip_bad": True}):
        with pytest.raises(DataError, match="are for folders of images"):
            load_dataset("mnist", **options)  # type: ignore[arg-type]


def test_of_a_file_with_several_pictures_the_first_is_taken(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = (Image.new("RGB", (8, 8), colour) for colour in ("red", "blue"))
    folder.mkdir()
    first.save(folder / "a.gif", save_all=True, append_images=[second])
    first.save(folder / "b.tif", save_all=True, append_images=[second])
    samples = load_dataset(str(folder)).samples[:]
    assert samples[:, 0].min() >= 250 and samples[:, 2].max() <= 5
    assert "2 files hold several pictures" in caplog.text


def test_all_bad_files_are_named_in_one_message_or_left_out(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pictures.corrupt(folder)
    with pytest.raises(DataError, match=r"^3 of 12 images can't be read:") as refusal:
        load_dataset(str(folder))
    for name in ("002.jpg", "005.jpg", "007.jpg"):
        assert f"{folder / name} is " in str(refusal.value)
    assert str(refusal.value).endswith("or leave it out: --skip-bad")
    data = load_dataset(str(folder), skip_bad=True)
    assert len(data) == 9 and data.facts == {"bad_images_skipped": 3}
    assert "Left out 3 of 12 images that can't be read" in caplog.text


def test_ten_bad_files_are_named_and_the_others_counted(folder: Path) -> None:
    folder.mkdir()
    for index in range(25):
        (folder / f"{index:02}.png").write_bytes(b"bad")
    pictures.fill(folder, 1)
    with pytest.raises(DataError, match=r"^25 of 26 images") as refusal:
        load_dataset(str(folder))
    assert str(refusal.value).count("is not a readable image") == 10
    assert "and 15 more" in str(refusal.value)


def test_a_folder_of_bad_files_only_can_not_be_left_out(folder: Path) -> None:
    folder.mkdir()
    (folder / "a.png").write_bytes(b"bad")
    (folder / "b.png").write_bytes(b"bad")
    with pytest.raises(DataError, match=r"^2 of 2 images can't be read"):
        load_dataset(str(folder), skip_bad=True)


def test_labels_stay_with_their_images_when_bad_ones_are_left_out(folder: Path) -> None:
    for name, grey in (("ant", 10), ("bee", 200)):
        for index in range(5):
            pictures.save(np.full((8, 8), grey, np.uint8), folder / name / f"{index}.png")
    (folder / "ant" / "2.png").write_bytes(b"bad")
    (folder / "bee" / "bad.png").write_bytes(b"bad")
    data = load_dataset(str(folder), skip_bad=True)
    assert data.labels is not None and data.labels.bincount().tolist() == [4, 5]
    assert data.samples[:][:, 0, 0, 0].tolist() == [(10, 200)[one] for one in data.labels.tolist()]


# --- images that stay on disk


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=1))


def test_bad_files_are_found_before_images_on_disk_are_trained_on(
    folder: Path, little_memory: None
) -> None:
    pictures.corrupt(folder)
    with pytest.raises(DataError, match=r"^3 of 12 images"):
        load_dataset(str(folder))
    data = load_dataset(str(folder), skip_bad=True)
    assert isinstance(data.samples, ImageFiles)
    assert len(data) == len(data.samples[:]) == 9 and data.facts == {"bad_images_skipped": 3}


def test_images_on_disk_keep_their_range_and_warn_of_one_that_is_too_wide(
    folder: Path, little_memory: None, caplog: pytest.LogCaptureFixture
) -> None:
    pictures.deep(folder, "12 bits in 16")
    assert load_dataset(str(folder)).samples[:].max() == 15
    assert "--range 0,4095" in caplog.text
    data = load_dataset(str(folder), value_range=(0, 4095)).part(slice(3))
    assert isinstance(data.samples, ImageFiles) and data.samples[:].max() == 255


def test_an_image_that_goes_bad_later_says_how_to_leave_it_out(
    folder: Path, little_memory: None
) -> None:
    data = load_dataset(str(pictures.fill(folder)))
    (folder / "003.png").write_bytes(b"bad")
    with pytest.raises(DataError, match=r"003\.png is not a readable image: .* --skip-bad"):
        data.samples[:]


def test_reading_shows_how_far_it_is(folder: Path) -> None:
    shown = []

    def watch(items: object, total: int, doing: str) -> Iterator[object]:
        shown.append((total, doing))
        return iter(items)  # type: ignore[call-overload]

    load_dataset(str(pictures.fill(folder)), watch=watch)
    assert shown == [(pictures.COUNT, "reading images")]


def test_no_warning_of_pillow_is_shown(tmp_path: Path) -> None:
    pictures.transparent(tmp_path / "some")
    pictures.save(pictures.colours(), tmp_path / "some" / "p.png")
    paletted = Image.fromarray(pictures.colours()).quantize(8)
    paletted.info["transparency"] = bytes(range(8))
    paletted.save(tmp_path / "some" / "q.png", transparency=bytes(range(8)))
    code = f"from zoo.data import load_dataset; load_dataset({str(tmp_path / 'some')!r})"
    result = subprocess.run(
        [sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, check=True
    )
    assert "PIL" not in result.stderr and "Palette" not in result.stderr
