"""IDX files: read as their headers say, or refused in words."""

import os
import shutil
import struct
from pathlib import Path

import pytest
import torch
from conftest import DIGITS
from mutations import CASES, damaged, try_each
from zoo_vision.idx import read_idx

from zoo.common.errors import ZooError
from zoo.data import load_dataset

RAW = DIGITS / "MNIST" / "raw"


def idx(*shape: int, values: bytes) -> bytes:
    return bytes((0, 0, 8, len(shape))) + struct.pack(f">{len(shape)}I", *shape) + values


def test_values_are_read_in_the_shape_of_the_header(tmp_path: Path) -> None:
    file = tmp_path / "images"
    file.write_bytes(idx(2, 3, 4, values=bytes(range(24))))
    assert torch.equal(read_idx(file, 3), torch.arange(24, dtype=torch.uint8).view(2, 3, 4))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "first bytes"),
        (idx(2, 2, 2, values=bytes(8))[:9], "first bytes"),
        (idx(8, values=bytes(8)), "first bytes"),
        (b"\0\0\x0d\3" + idx(2, 2, 2, values=bytes(8))[4:], "first bytes"),
        (idx(2, 2, 2, values=bytes(7)), "promises 8 values, and there are 7"),
        (idx(2, 2, 2, values=bytes(9)), "promises 8 values, and there are 9"),
        (idx(0, 2, 2, values=b""), "promises 0 values"),
        (idx(*(2**32 - 1,) * 3, values=bytes(9)), "and there are 9"),
    ],
)
def test_what_is_no_idx_file_of_images_is_refused(
    content: bytes, said: str, tmp_path: Path
) -> None:
    file = tmp_path / "images"
    file.write_bytes(content)
    with pytest.raises(ZooError, match=rf"are damaged: remove them, .*images: .*{said}"):
        read_idx(file, 3)


@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"])
def test_a_named_pipe_in_place_of_a_file_is_refused(name: str, tmp_path: Path) -> None:
    shutil.copytree(DIGITS, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "MNIST" / "raw" / name
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(ZooError, match=rf"{name} is no regular file: remove it"):
        load_dataset("mnist", root=tmp_path)


def test_a_device_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    shutil.copytree(DIGITS, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "MNIST" / "raw" / "t10k-images-idx3-ubyte"
    file.unlink()
    file.symlink_to("/dev/zero")
    with pytest.raises(ZooError, match="is no regular file"):
        load_dataset("mnist", root=tmp_path, split="test")


def test_images_and_labels_of_different_numbers_are_refused(tmp_path: Path) -> None:
    shutil.copytree(DIGITS, tmp_path, dirs_exist_ok=True)
    labels = tmp_path / "MNIST" / "raw" / "train-labels-idx1-ubyte"
    labels.write_bytes(idx(3, values=bytes(3)))
    with pytest.raises(ZooError, match="There are 800 images and 3 labels"):
        load_dataset("mnist", root=tmp_path)


@pytest.mark.parametrize("cases", CASES)
def test_damaged_idx_files_are_read_or_refused(cases: int, tmp_path: Path) -> None:
    seeds = [
        idx(2, 3, 4, values=bytes(range(24))),
        idx(10, 28, 28, values=bytes(7840)),
        (RAW / "t10k-labels-idx1-ubyte").read_bytes(),
    ]
    for dimensions in (1, 3):
        contents = damaged(seeds, cases // 2, seed=cases + dimensions)
        try_each(contents, tmp_path / "x", lambda path, n=dimensions: read_idx(path, n), ZooError)
