"""Data: folders of images, sizes, and what is said of those that can't be read."""

from pathlib import Path

import pytest
import torch
from PIL import Image

from zoo.data import load_dataset, load_images
from zoo.errors import DataError, NotFoundError


def draw(path: Path, size: tuple[int, int] = (28, 28), colour: str = "white", mode: str = "L") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)
    return path


def test_class_folders_become_labels_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name, colour in (("zebra", "black"), ("ant", "white")):
        draw(tmp_path / name / "1.png", colour=colour)
        draw(tmp_path / name / "2.png", colour=colour)
    data = load_dataset(str(tmp_path))
    assert data.class_names == ("ant", "zebra")
    assert data.labels is not None and data.labels.tolist() == [0, 0, 1, 1]
    assert data.samples.shape == (4, 1, 28, 28)
    assert data.samples[:, 0, 0, 0].tolist() == [255, 255, 0, 0]


def test_a_flat_folder_has_no_labels_and_colours_have_three_channels(tmp_path: Path) -> None:
    draw(tmp_path / "red.png", colour="red", mode="RGB")
    data = load_dataset(f"{tmp_path}/")
    assert data.labels is None
    assert data.samples[0, :, 5, 5].tolist() == [255, 0, 0]
    assert data.name == tmp_path.name


def test_images_of_several_sizes_are_refused_unless_a_size_is_given(tmp_path: Path) -> None:
    draw(tmp_path / "a.png", (28, 28))
    draw(tmp_path / "b.png", (40, 30))
    with pytest.raises(DataError, match=r"a\.png is 28×28, .*b\.png is 40×30.*--set sample_shape=3,64,64"):
        load_dataset(str(tmp_path))
    assert load_dataset(str(tmp_path), sample_shape=(3, 32, 32)).samples.shape == (2, 3, 32, 32)


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n\x00\x00"])
def test_a_broken_image_is_named(tmp_path: Path, content: bytes) -> None:
    draw(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(content)
    with pytest.raises(DataError, match=r"bad\.png is"):
        load_dataset(str(tmp_path))


def test_a_truncated_image_is_named(tmp_path: Path) -> None:
    whole = draw(tmp_path / "cut.png", (64, 64)).read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(DataError, match=r"cut\.png is a damaged image"):
        load_dataset(str(tmp_path))


def test_an_empty_folder_and_a_missing_one_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no images"):
        load_dataset(str(tmp_path / "empty"))
    with pytest.raises(DataError, match="no folder of images"):
        load_dataset(str(tmp_path / "missing"))


def test_an_unknown_name_offers_the_nearest_and_a_folder_without_dot_is_mended(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"'mnits'.*'mnist'"):
        load_dataset("mnits")
    Path("pictures").mkdir()
    with pytest.raises(DataError, match=r"write \./pictures"):
        load_dataset("pictures")


def test_a_data_set_is_resized_and_recoloured_on_request() -> None:
    plain = load_dataset("mnist", split="test")
    resized = load_dataset("mnist", split="test", sample_shape=(3, 32, 32))
    assert resized.samples.shape == (200, 3, 32, 32)
    assert torch.equal(resized.samples[:, 0], resized.samples[:, 2])
    assert resized.samples.float().mean() == pytest.approx(plain.samples.float().mean().item(), rel=0.02)


def test_images_are_cropped_to_the_middle_and_scaled(tmp_path: Path) -> None:
    wide = Image.new("L", (90, 30), "black")
    wide.paste("white", (30, 0, 60, 30))
    wide.save(tmp_path / "wide.png")
    assert load_images([tmp_path / "wide.png"], (1, 30, 30)).eq(255).all()


def test_a_shape_that_is_no_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"\(2, 8, 8\) is no shape of images"):
        load_images([draw(tmp_path / "a.png")], (2, 8, 8))
