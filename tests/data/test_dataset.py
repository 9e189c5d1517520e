"""Data: folders of images, sizes, and what is said of those that can't be read."""

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch
from PIL import Image

from zoo.common.errors import DataError, NotFoundError
from zoo.data import Dataset, ImageFiles, load_dataset, load_images
from zoo.data.folders import find_images
from zoo.registry.registry import installed


def draw(
    path: Path, size: tuple[int, int] = (28, 28), colour: str = "white", mode: str = "L"
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path)
    return path


def test_class_folders_become_labels_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name, colour in (("zebra", "black"), ("ant", "white")):
        draw(tmp_path / name / "1.png", colour=colour)
        draw(tmp_path / name / "2.png", colour=colour)
    data = load_dataset(str(tmp_path))
    assert data.class_names == ("ant", "zebra")
    assert data.labels is not None and sorted(data.labels.tolist()) == [0, 0, 1, 1]
    assert data.samples.shape == (4, 1, 28, 28)
    assert data.samples[:, 0, 0, 0].tolist() == [
        255 * (1 - label) for label in data.labels.tolist()
    ]


def test_the_classes_of_a_folder_are_mixed_in_one_order_so_that_the_last_ones_are_of_each(
    tmp_path: Path,
) -> None:
    for index in range(40):
        draw(
            tmp_path / "some" / "abcd"[index // 10] / f"{index}.png",
            colour=f"#{index:02}{index:02}{index:02}",
        )
    data = load_dataset(str(tmp_path / "some"))
    rest, last = data.split(20)
    assert rest.labels is not None and last.labels is not None
    assert set(rest.labels.tolist()) == set(last.labels.tolist()) == {0, 1, 2, 3}
    (tmp_path / "some").rename(tmp_path / "moved")
    assert load_dataset(str(tmp_path / "moved")).sha256 == data.sha256


def test_the_digest_of_a_folder_tells_names_and_contents(tmp_path: Path) -> None:
    draw(tmp_path / "a" / "1.png")
    draw(tmp_path / "b" / "2.png")
    seen = {find_images(tmp_path).digest}
    (tmp_path / "notes.txt").touch()
    assert find_images(tmp_path).digest in seen
    (tmp_path / "b" / "2.png").rename(tmp_path / "a" / "2.png")
    seen.add(find_images(tmp_path).digest)
    draw(tmp_path / "a" / "2.png", (50, 40))
    seen.add(find_images(tmp_path).digest)
    assert len(seen) == 3
    content = (tmp_path / "a" / "2.png").read_bytes()
    (tmp_path / "a" / "2.png").write_bytes(content[:-1] + b"?")  # of the same size
    seen.add(find_images(tmp_path).digest)
    assert len(seen) == 4


def test_a_flat_folder_has_no_labels_and_colours_have_three_channels(tmp_path: Path) -> None:
    draw(tmp_path / "red.png", colour="red", mode="RGB")
    data = load_dataset(f"{tmp_path}/")
    assert data.labels is None
    assert data.samples[0, :, 5, 5].tolist() == [255, 0, 0]
    assert data.name == f"./{tmp_path.name}"


def test_a_folder_that_is_called_like_a_data_set_is_not_taken_for_it(tmp_path: Path) -> None:
    draw(tmp_path / "mnist" / "1.png")
    name = load_dataset(str(tmp_path / "mnist")).name
    assert (
        name == "./mnist"
        and name not in installed().datasets
        and installed().features_for(name) is None
    )


def test_the_digest_of_a_data_set_tells_pixels_and_shape_and_is_the_same_on_disk(
    tmp_path: Path,
) -> None:
    samples = torch.arange(2 * 28 * 28).view(2, 1, 28, 28).to(torch.uint8)
    data = Dataset("some", samples, None)
    by_hand = hashlib.sha256(b"(2, 1, 28, 28)" + samples.numpy().tobytes()).hexdigest()
    assert data.sha256 is data.sha256  # taken once
    assert data.sha256 == by_hand == data.to(torch.device("cpu")).sha256
    paths = [tmp_path / f"{index}.png" for index in range(2)]
    for pixels, path in zip(samples, paths, strict=True):
        Image.fromarray(pixels[0].numpy()).save(path)
    assert Dataset("some", ImageFiles(paths, (1, 28, 28)), None).sha256 == by_hand
    changed = samples.clone()
    changed[1, 0, 14, 14] += 1
    others = [
        Dataset("some", one, None).sha256
        for one in (changed, samples.view(2, 1, 14, 56), samples[1:])
    ]
    assert len({by_hand, *others}) == 4


def test_some_samples_are_taken_by_their_indices_with_their_labels(tmp_path: Path) -> None:
    wanted = torch.tensor([2, 0])
    data = Dataset(
        "some", torch.arange(3, dtype=torch.uint8).view(3, 1, 1, 1), torch.tensor([7, 8, 9])
    )
    some = data.part(wanted)
    assert (
        some.samples[:].flatten().tolist() == [2, 0]
        and some.labels is not None
        and some.labels.tolist() == [9, 7]
    )
    paths = [
        draw(tmp_path / f"{grey}.png", (1, 1), f"rgb({grey},{grey},{grey})") for grey in range(3)
    ]
    on_disk = Dataset("some", ImageFiles(paths, (1, 1, 1)), None).part(wanted)
    assert on_disk.samples[:].flatten().tolist() == [2, 0]


def test_images_of_several_sizes_are_refused_unless_a_size_is_given(tmp_path: Path) -> None:
    draw(tmp_path / "a.png", (28, 28))
    draw(tmp_path / "b.png", (40, 30))
    with pytest.raises(DataError, match=r"\.png is .*--set sample_shape=1,64,64") as refusal:
        load_dataset(str(tmp_path))
    assert "a.png is 28×28" in str(refusal.value) and "b.png is 40×30" in str(refusal.value)
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


@pytest.mark.parametrize("put", [lambda path: path.symlink_to("nowhere.png"), Path.mkdir])
def test_what_has_the_name_of_an_image_and_is_none_is_named(
    tmp_path: Path, put: Callable[[Path], None]
) -> None:
    draw(tmp_path / "good.png")
    put(tmp_path / "odd.png")
    with pytest.raises(DataError, match=r"odd\.png is not a readable image"):
        load_dataset(str(tmp_path))


def test_an_empty_folder_and_a_missing_one_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no images"):
        load_dataset(str(tmp_path / "empty"))
    with pytest.raises(DataError, match="not a folder of images"):
        load_dataset(str(tmp_path / "missing"))


def test_an_unknown_name_offers_the_nearest_and_a_folder_without_dot_is_mended(
    tmp_path: Path,
) -> None:
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
    assert resized.samples.float().mean() == pytest.approx(
        plain.samples.float().mean().item(), rel=0.02
    )


def test_images_are_cropped_to_the_middle_and_scaled(tmp_path: Path) -> None:
    wide = Image.new("L", (90, 30), "black")
    wide.paste("white", (30, 0, 60, 30))
    wide.save(tmp_path / "wide.png")
    assert load_images([tmp_path / "wide.png"], (1, 30, 30)).eq(255).all()


def test_a_shape_that_is_no_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"\(2, 8, 8\) is not a shape of images"):
        load_images([draw(tmp_path / "a.png")], (2, 8, 8))


# --- data that do not fit in memory


def test_a_folder_that_does_not_fit_in_memory_stays_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for index in range(6):
        draw(
            tmp_path / "ab"[index % 2] / f"{index}.png",
            colour=f"#{index}0{index}0{index}0",
            mode="RGB",
        )
    memory = load_dataset(str(tmp_path))
    taken = 6 * 3 * 28 * 28  # bytes
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=2 * taken))
    disk = load_dataset(str(tmp_path))
    assert isinstance(memory.samples, torch.Tensor) and isinstance(disk.samples, ImageFiles)
    assert (
        len(disk) == 6
        and disk.sample_shape == (3, 28, 28)
        and disk.samples.shape == memory.samples.shape
    )
    chosen = torch.tensor([5, 0, 3, 3])
    assert torch.equal(disk.samples[chosen], memory.samples[chosen])
    assert torch.equal(disk.samples[1:4], memory.samples[1:4])
    assert (
        disk.labels is not None
        and memory.labels is not None
        and torch.equal(disk.labels, memory.labels)
    )
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=2 * taken + 1))
    assert isinstance(load_dataset(str(tmp_path)).samples, torch.Tensor)


def test_images_on_disk_are_cropped_and_scaled_as_asked_when_they_are_read(tmp_path: Path) -> None:
    files = ImageFiles([draw(tmp_path / "a.png", (40, 30))], (3, 8, 6))
    assert files[torch.tensor([0, 0])].shape == (2, 3, 8, 6)
    assert files[:].eq(255).all()


def some(tmp_path: Path, kind: str) -> Dataset:
    paths = [
        draw(tmp_path / f"{index}.png", colour=f"#{index}0{index}0{index}0", mode="RGB")
        for index in range(5)
    ]
    files = ImageFiles(paths, (1, 28, 28))
    return Dataset(
        "five", files if kind == "disk" else files[:], torch.arange(5), ("a", "b", "c", "d", "e")
    )


@pytest.mark.parametrize("kind", ["memory", "disk"])
def test_a_split_takes_the_last_samples_with_their_labels(kind: str, tmp_path: Path) -> None:
    whole = some(tmp_path, kind)
    rest, last = whole.split(2)
    assert (len(rest), len(last)) == (
        3,
        2,
    ) and rest.class_names == last.class_names == whole.class_names
    assert torch.equal(torch.cat([rest.samples[:], last.samples[:]]), whole.samples[:])
    assert rest.labels is not None and last.labels is not None
    assert (rest.labels.tolist(), last.labels.tolist()) == ([0, 1, 2], [3, 4])
    assert [len(part) for part in whole.split(0)] == [5, 0]
    with pytest.raises(DataError, match="5 samples can't be held out of the 5 of five"):
        whole.split(5)


def test_a_split_of_data_without_labels_has_none(tmp_path: Path) -> None:
    parts = dataclasses.replace(some(tmp_path, "memory"), labels=None).split(1)
    assert [part.labels for part in parts] == [None, None]
