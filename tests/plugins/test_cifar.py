"""CIFAR-10 from its binary files and its archive, and what is said when they are not whole."""

import hashlib
import io
import os
import random
import shutil
import tarfile
from pathlib import Path

import pytest
import torch
from mutations import CASES, damaged, try_each
from zoo_vision import cifar

from zoo.common.errors import DataError, ZooError
from zoo.data import load_dataset

NAMES = [*cifar.BATCHES["train"], *cifar.BATCHES["test"]]


def batch(number: int, count: int = 4) -> bytes:
    """Records whose pixels and labels tell their place."""
    pixels = random.Random(number)
    return b"".join(bytes((index % 10,)) + pixels.randbytes(3072) for index in range(count))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small data set in the form of the official one, unpacked."""
    folder = tmp_path / "data" / cifar.FOLDER
    folder.mkdir(parents=True)
    for number, name in enumerate(NAMES):
        (folder / name).write_bytes(batch(number))
    return tmp_path / "data"


@pytest.fixture
def archive(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The same as an archive whose digest is taken for the official one."""
    path = root / cifar.ARCHIVE
    with tarfile.open(path, "w:gz") as opened:
        opened.add(root / cifar.FOLDER, cifar.FOLDER)
    shutil.rmtree(root / cifar.FOLDER)
    monkeypatch.setattr(cifar, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    return path


def test_an_unpacked_folder_is_read_batch_after_batch(root: Path) -> None:
    train, test = (
        load_dataset("cifar10", root=root),
        load_dataset("cifar10", root=root, split="test"),
    )
    assert (train.samples.shape, test.samples.shape) == ((20, 3, 32, 32), (4, 3, 32, 32))
    assert train.labels is not None and train.labels.tolist() == [0, 1, 2, 3] * 5
    second = torch.frombuffer(bytearray(batch(1)), dtype=torch.uint8).view(4, 3073)[:, 1:]
    assert torch.equal(train.samples[4:8], second.reshape(4, 3, 32, 32))
    assert train.class_names[:2] == ("airplane", "automobile")


def test_an_archive_is_unpacked_once(archive: Path) -> None:
    folder = archive.parent / cifar.FOLDER
    data = load_dataset("cifar10", root=archive.parent, split="test")
    assert len(data) == 4 and sorted(path.name for path in folder.iterdir()) == sorted(NAMES)
    archive.unlink()
    assert load_dataset("cifar10", root=archive.parent, split="test").sha256 == data.sha256


def test_the_archive_is_downloaded_when_nothing_is_there(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cifar, "URL", archive.as_uri())
    (tmp_path / "other").mkdir()
    assert len(load_dataset("cifar10", root=tmp_path / "other")) == 20
    assert not list((tmp_path / "other").glob(".*"))


def test_another_archive_is_refused_and_a_download_of_it_is_not_kept(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(root / cifar.FOLDER)
    (root / cifar.ARCHIVE).write_bytes(b"other")
    with pytest.raises(ZooError, match=r"is not the archive of CIFAR-10: its SHA-256 .* Remove it"):
        load_dataset("cifar10", root=root)
    (tmp_path / "other").mkdir()
    monkeypatch.setattr(cifar, "URL", (root / cifar.ARCHIVE).as_uri())
    with pytest.raises(ZooError, match=r"sends is not the data set: try again later"):
        load_dataset("cifar10", root=tmp_path / "other")
    monkeypatch.setattr(cifar, "LARGEST", 3)
    with pytest.raises(DataError, match="sends more than 3 bytes"):
        load_dataset("cifar10", root=tmp_path / "other")
    assert not list((tmp_path / "other").iterdir())


def test_an_archive_that_is_cut_is_refused_and_a_download_that_is_cut_is_not_kept(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive.write_bytes(archive.read_bytes()[:-100])
    with pytest.raises(ZooError, match=r"is not the archive of CIFAR-10: its SHA-256 .* Remove it"):
        load_dataset("cifar10", root=archive.parent)
    (tmp_path / "other").mkdir()
    monkeypatch.setattr(cifar, "URL", archive.as_uri())
    with pytest.raises(ZooError, match=r"sends is not the data set: try again later"):
        load_dataset("cifar10", root=tmp_path / "other")
    assert not list((tmp_path / "other").iterdir())


@pytest.mark.parametrize(
    ("split", "lost"), [("test", "test_batch.bin"), ("train", "data_batch_3.bin")]
)
def test_a_batch_that_is_missing_is_named_and_the_other_split_is_read(
    split: str, lost: str, root: Path
) -> None:
    (root / cifar.FOLDER / lost).unlink()
    with pytest.raises(ZooError, match=rf"has no {lost}, so the {split} images are missing\. Put"):
        load_dataset("cifar10", root=root, split=split)
    assert len(load_dataset("cifar10", root=root, split="train" if split == "test" else "test"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "0 bytes are no whole number of records"),
        (batch(0)[:-1], "12,291 bytes are no whole number of records of 3,073"),
        (bytes((10,)) + bytes(3072), "there is a label 10"),
    ],
)
def test_a_damaged_batch_is_named(content: bytes, said: str, root: Path) -> None:
    (root / cifar.FOLDER / "data_batch_2.bin").write_bytes(content)
    with pytest.raises(
        ZooError, match=rf"data_batch_2\.bin is damaged: {said}.* Remove the folder"
    ):
        load_dataset("cifar10", root=root)


def test_a_named_pipe_in_place_of_a_batch_is_refused(root: Path) -> None:
    file = root / cifar.FOLDER / "test_batch.bin"
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(ZooError, match="is no regular file"):
        load_dataset("cifar10", root=root, split="test")


def test_an_archive_without_a_batch_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(root / cifar.FOLDER)
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as opened:
        opened.addfile(tarfile.TarInfo(f"{cifar.FOLDER}/data_batch_1.bin"))
    (root / cifar.ARCHIVE).write_bytes(written.getvalue())
    monkeypatch.setattr(cifar, "SHA256", hashlib.sha256(written.getvalue()).hexdigest())
    with pytest.raises(ZooError, match="holds no file"):
        load_dataset("cifar10", root=root)


@pytest.mark.parametrize("cases", CASES)
def test_damaged_batches_are_read_or_refused(cases: int, root: Path) -> None:
    path = root / cifar.FOLDER / "test_batch.bin"
    contents = damaged([batch(0), batch(1, 1)], cases, seed=cases)
    try_each(contents, path, lambda path: cifar.cifar10(root, "test"), ZooError)
