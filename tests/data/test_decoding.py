"""Many images: decoded on all cores, and kept decoded for the next training."""

import os
import resource
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from PIL import Image

from zoo.common.errors import DataError
from zoo.data import decoding, digests, load_dataset
from zoo.data.decoding import decoded

N = 40


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "FEW", 10)
    monkeypatch.setattr(decoding, "AT_ONCE", 7)


def fill(mode: str = "RGB", suffix: str = "png") -> list[Path]:
    generator = np.random.default_rng(0)
    for index in range(N):
        path = Path("photos", "ab"[index % 2], f"{index}.{suffix}")
        path.parent.mkdir(parents=True, exist_ok=True)
        shape = (8, 6, 3) if mode == "RGB" else (8, 6)
        Image.fromarray(generator.integers(0, 256, shape, dtype=np.uint8)).save(path)
    return sorted(Path("photos").rglob(f"*.{suffix}"))


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp"])
def test_images_decoded_together_are_those_read_one_by_one(
    mode: str, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = fill(mode, suffix)
    assert decoded(paths, None, None, "key") is not None or (mode, suffix) == ("L", "webp")
    together = load_dataset("./photos")
    monkeypatch.setattr(decoding, "FEW", 10**6)
    monkeypatch.setenv("ZOO_HOME", str(Path("other-home").absolute()))  # which knows no digest
    alone = load_dataset("./photos")
    assert torch.equal(together.samples[:], alone.samples[:])
    assert together.labels is not None and alone.labels is not None
    assert torch.equal(together.labels, alone.labels)
    assert together.origin_sha256 == alone.origin_sha256


def test_files_above_a_block_and_images_above_a_chunk_are_the_same_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill()
    small = load_dataset("./photos")
    monkeypatch.setenv("ZOO_HOME", str(Path("other-home").absolute()))
    monkeypatch.setattr(digests, "BLOCK", 16)
    monkeypatch.setattr(decoding, "PIXELS", 2 * 8 * 6 * 3 + 1)
    large = load_dataset("./photos")
    assert torch.equal(large.samples[:], small.samples[:])
    assert large.origin_sha256 == small.origin_sha256


def test_images_that_are_scaled_are_the_same_too(monkeypatch: pytest.MonkeyPatch) -> None:
    fill()
    together = load_dataset("./photos", sample_shape=(1, 4, 4))
    monkeypatch.setattr(decoding, "FEW", 10**6)
    assert torch.equal(
        together.samples[:], load_dataset("./photos", sample_shape=(1, 4, 4)).samples[:]
    )


@pytest.mark.parametrize("shape", [(3, 0, 4), (3, 4, -4), (2, 4, 4), (3, 4)])
def test_a_shape_that_no_image_has_is_refused(shape: tuple[int, ...]) -> None:
    fill()
    with pytest.raises(DataError, match="is not a shape of images"):
        load_dataset("./photos", sample_shape=shape)


def other_size(path: Path) -> None:
    Image.new("RGB", (9, 9)).save(path)


def grey(path: Path) -> None:
    Image.new("L", (6, 8)).save(path)


def clear(path: Path) -> None:
    Image.new("RGBA", (6, 8), (255, 0, 0, 9)).save(path)


def deep(path: Path) -> None:
    Image.fromarray(np.full((8, 6), 999, np.uint16)).save(path)


def damaged(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:40])


def huge(path: Path) -> None:
    """A head that says so; the pixels are missing."""
    content = path.read_bytes()
    head = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    path.write_bytes(content[:12] + head + struct.pack(">I", zlib.crc32(head)) + content[33:])


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("shape", [None, (3, 4, 4)])
@pytest.mark.parametrize("odd", [other_size, grey, clear, deep, damaged, huge, pipe])
def test_where_one_is_odd_all_are_read_by_those_who_say_what_is_odd(
    odd: Any, shape: tuple[int, ...] | None, tmp_path: Path
) -> None:
    paths = fill()
    odd(paths[-1])
    found = decoded(paths, shape, None, "key")
    if shape and odd in (other_size, grey, clear):  # which scaling makes like the others
        assert found is not None
        return
    assert found is None and not psutil.Process().children()
    assert not list((tmp_path / "home" / "caches" / "decoded").iterdir())


def test_a_second_look_reads_what_was_kept_and_a_changed_image_is_read_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paths = fill()
    first = load_dataset("./photos")
    calls: list[int] = []
    real = decoding.decoded
    monkeypatch.setattr(decoding, "decoded", lambda *given: calls.append(1) or real(*given))
    second = load_dataset("./photos")
    assert not calls and torch.equal(second.samples[:], first.samples[:])
    Image.new("RGB", (6, 8), "red").save(paths[3])
    third = load_dataset("./photos")
    assert calls and not torch.equal(third.samples[:], first.samples[:])
    paths[4].unlink()
    assert len(load_dataset("./photos")) == N - 1


def test_what_was_kept_and_is_damaged_is_made_anew(tmp_path: Path) -> None:
    fill()
    first = load_dataset("./photos").samples[:].clone()  # the file that they lie in is damaged next
    (kept,) = (tmp_path / "home" / "caches" / "decoded").iterdir()
    (kept / "samples.bin").write_bytes(b"short")
    assert torch.equal(load_dataset("./photos").samples[:], first)
    (kept / "shape.json").write_text("no json")
    assert torch.equal(load_dataset("./photos").samples[:], first)


def test_what_was_not_used_for_longest_makes_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill()
    monkeypatch.setattr(decoding, "CACHED", 2 * N * 8 * 6 * 3 + 1000)
    place = tmp_path / "home" / "caches" / "decoded"
    for height in (8, 7, 9):
        load_dataset("./photos", sample_shape=(3, height, 6))
        for age, one in enumerate(sorted(place.iterdir(), key=lambda one: one.stat().st_mtime)):
            os.utime(one, (10**9 + age, 10**9 + age))
    assert len(list(place.iterdir())) == 2


def test_a_home_that_cannot_be_written_costs_time_only(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = fill()
    first = load_dataset("./photos")
    Path("home").touch()
    monkeypatch.setenv("ZOO_HOME", str(Path("home").absolute()))
    second = load_dataset("./photos")
    assert len(second) == N and torch.equal(second.samples[:], first.samples[:])
    assert second.origin_sha256 == first.origin_sha256
    assert decoded(paths, None, None, "key") is not None


def test_a_disk_that_fills_up_meanwhile_costs_time_only(tmp_path: Path) -> None:
    paths = fill()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def full(parts: Any, n: int, what: str) -> Iterator[Any]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        try:
            yield from parts
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    first, second = decoded(paths, None, full, "key"), decoded(paths, None, None, "key")
    assert first is not None and second is not None and first[1] == second[1]
    assert torch.equal(first[0], second[0])
    assert [one.name for one in (tmp_path / "home" / "caches" / "decoded").iterdir()] == ["key"]


def test_images_that_another_process_kept_meanwhile_are_not_decoded_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    paths = fill()
    place = tmp_path / "home" / "caches" / "decoded" / "key"
    monkeypatch.setattr(decoding.files, "remove", lambda path: None)  # it comes after that
    monkeypatch.setattr(decoding, "_into_memory", None)
    (place / "other").mkdir(parents=True)
    found = decoded(paths, None, None, "key")
    assert found is not None and found[0].shape == (N, 3, 8, 6) and found[0].any()
