"""Samples as pictures: grids, PNG, GIF and the preview for a terminal."""

import re
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageSequence

from zoo.common.errors import OutputError
from zoo.sampling import images, provenance

GREY = (
    torch.arange(5).view(5, 1, 1, 1).expand(5, 1, 4, 6) / 10
)  # five images 4 high, 6 wide: 0, 0.1, … 0.4


def corner(picture: Image.Image, row: int, column: int) -> object:
    """The first pixel of an image in a grid of images 4 high and 6 wide."""
    return picture.getpixel(
        (images.GAP + column * (6 + images.GAP), images.GAP + row * (4 + images.GAP))
    )


def test_uint8_is_times_255_rounded_and_kept_in_range() -> None:
    samples = torch.tensor([-1.0, 0.0, 0.0019, 0.0021, 0.5, 1.0, 2.0])
    kept = samples.clone()
    assert images.to_uint8(samples).tolist() == [0, 0, 0, 1, 128, 255, 255]
    assert torch.equal(samples, kept)


def test_a_grid_is_square_and_filled_row_by_row() -> None:
    picture = images.grid(GREY)
    assert picture.mode == "L" and picture.size == (3 * 8 + 2, 2 * 6 + 2)
    assert [corner(picture, 0, column) for column in range(3)] == [0, 26, 51]
    assert [corner(picture, 1, column) for column in range(3)] == [76, 102, 0]


def test_columns_may_be_given() -> None:
    assert images.grid(GREY, 5).size == (5 * 8 + 2, 6 + 2)
    assert corner(images.grid(GREY, 1), 4, 0) == 102


def test_a_gap_is_black() -> None:
    white = images.grid(torch.ones(1, 1, 4, 6))
    assert white.size == (10, 8) and sum(white.tobytes()) == 255 * 24


def test_a_grid_of_colours_and_of_uint8() -> None:
    red = torch.zeros(2, 3, 4, 6, dtype=torch.uint8)
    red[1, 0] = 200
    picture = images.grid(red)
    assert (
        picture.mode == "RGB"
        and corner(picture, 0, 0) == (0, 0, 0)
        and corner(picture, 0, 1) == (200, 0, 0)
    )


@pytest.mark.parametrize("shape", [(2, 7), (2, 2, 4, 4), (2, 4, 4)])
def test_what_is_no_image_has_no_grid(shape: tuple[int, ...]) -> None:
    with pytest.raises(OutputError, match=r"are not images: write them to \.npz or \.safetensors"):
        images.grid(torch.zeros(shape))


def test_an_image_keeps_its_pixels() -> None:
    pixels = torch.arange(24, dtype=torch.uint8).view(1, 4, 6)
    assert images.to_image(pixels).tobytes() == bytes(range(24))
    colours = images.to_image(torch.arange(72, dtype=torch.uint8).view(3, 4, 6))
    assert colours.size == (6, 4) and colours.getpixel((1, 0)) == (1, 25, 49)


def test_a_png_carries_how_it_was_made() -> None:
    images.save_png(images.grid(GREY), Path("grid.png"), {"seed": 3})
    assert provenance.read(Path("grid.png")) == {"seed": 3}
    with Image.open("grid.png") as picture:
        assert picture.format == "PNG" and picture.tobytes() == images.grid(GREY).tobytes()


def test_a_png_that_cannot_be_written_leaves_what_was_there() -> None:
    Path("grid.png").write_text("from before")
    with pytest.raises(TypeError):
        images.save_png(images.grid(GREY), Path("grid.png"), {"seed": {1}})  # a set is not JSON
    assert Path("grid.png").read_text() == "from before" and len(list(Path().iterdir())) == 1


def test_a_gif_shows_its_frames_for_ever() -> None:
    frames = [images.grid(GREY[index : index + 1]) for index in range(5)]
    images.save_gif(frames, Path("film.gif"), milliseconds=120)
    with Image.open("film.gif") as film:
        assert len(ImageSequence.all_frames(film)) == 5 and film.info["loop"] == 0
        film.seek(4)
        assert film.info["duration"] == 120 and film.convert("L").getpixel((2, 2)) == 102


@pytest.mark.parametrize("columns", [1, 7, 10, 500])
def test_a_preview_is_no_wider_than_asked_and_keeps_its_shape(columns: int) -> None:
    lines = images.preview(Image.new("L", (40, 20), 255), columns).split("\n")
    width = min(columns, 40)
    assert all(line.count("▀") == width and line.endswith("\x1b[0m") for line in lines)
    assert len(lines) == max(1, round(width / 4))


def test_a_preview_has_the_picture_s_colours_two_pixels_a_character() -> None:
    picture = Image.new("RGB", (2, 2))
    picture.putpixel((0, 0), (255, 0, 0))
    picture.putpixel((1, 1), (0, 0, 255))
    first, second = re.findall(
        r"\x1b\[38;2;([\d;]+)m\x1b\[48;2;([\d;]+)m▀", images.preview(picture, 80)
    )
    assert first == ("255;0;0", "0;0;0") and second == ("0;0;0", "0;0;255")


@pytest.mark.parametrize(("size", "rows"), [((242, 242), 8), ((62, 2000), 60), ((32, 32), 1)])
@pytest.mark.parametrize("terminal", [(80, 24), (120, 20), (20, 5), (200, 60)])
def test_a_preview_shows_whole_rows_as_many_as_there_is_room_for(
    size: tuple[int, int], rows: int, terminal: tuple[int, int]
) -> None:
    columns, lines = terminal
    part, shown = images.upper_rows(Image.new("L", size), rows, columns, lines)
    text = images.preview(part, columns).split("\n")
    assert 1 <= shown <= rows and len(text) <= lines + 1
    assert text[0].count("▀") <= columns
    if shown < rows:  # one more would not fit
        scale = min(1.0, columns / size[0]) if columns < size[0] else columns // size[0]
        assert size[1] / rows * (shown + 1) * scale > 2 * lines - 2 or shown == 1


def test_a_small_picture_is_enlarged_for_the_preview() -> None:
    part, shown = images.upper_rows(Image.new("L", (32, 32)), 1, 80, 24)
    assert part.size == (64, 48) and shown == 1  # what there is room for
    part, shown = images.upper_rows(Image.new("L", (32, 32)), 1, 80, 40)
    assert part.size == (64, 64) and shown == 1


def test_a_gif_says_how_it_was_made_and_that_a_model_made_it() -> None:
    frames = [images.grid(GREY[index : index + 1]) for index in range(5)]
    images.save_gif(frames, Path("film.gif"), made={"seed": 3, "labels": ["ü", '"<&>']})
    assert provenance.read(Path("film.gif")) == {"seed": 3, "labels": ["ü", '"<&>']}
    assert provenance.source_type(Path("film.gif")) == "trainedAlgorithmicMedia"
    with Image.open("film.gif") as film:
        assert b"trainedAlgorithmicMedia" in film.info["comment"]


@pytest.mark.parametrize(
    ("name", "key"), [("x.png", "xmp"), ("x.jpg", "xmp"), ("x.webp", "xmp"), ("x.gif", "comment")]
)
def test_the_mark_of_generated_content_is_found_by_any_reader(name: str, key: str) -> None:
    from xml.etree import ElementTree

    picture = images.grid(GREY)
    if name.endswith("gif"):
        images.save_gif([picture, picture], Path(name), made={"seed": 3})
    else:
        images.save_picture(picture, Path(name), {"seed": 3})
    with Image.open(name) as image:
        packet = image.info[key]
    tree = ElementTree.fromstring(packet.decode() if isinstance(packet, bytes) else packet)
    (description,) = tree.iter("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description")
    mark = description.get("{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType")
    assert mark == "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


def test_a_record_too_long_for_a_jpeg_is_said() -> None:
    with pytest.raises(
        OutputError, match=r"A JPEG can't hold the record of how it was made .* use \.png"
    ):
        images.save_picture(images.grid(GREY), Path("x.jpg"), {"labels": ["7"] * 50_000})
    assert list(Path().iterdir()) == []


def test_images_in_a_folder_carry_the_mark() -> None:
    from zoo.sampling import formats

    formats.write(Path("new"), [(GREY, None)], 5, {"seed": 1, "start": 0})
    for path in Path("new").glob("*.png"):
        assert provenance.source_type(path) == "trainedAlgorithmicMedia"
