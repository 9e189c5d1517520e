"""Many images: decoded on all cores, and kept decoded for the next training."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from zoo.data import decoding, load_dataset
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
    assert decoded(paths, None, None) is not None or (mode, suffix) == ("L", "webp")
    together = load_dataset("./photos")
    monkeypatch.setattr(decoding, "FEW", 10**6)
    alone = load_dataset("./photos")
    assert torch.equal(together.samples[:], alone.samples[:])
    assert together.labels is not None and alone.labels is not None
    assert torch.equal(together.labels, alone.labels)
    assert together.origin_sha256 == alone.origin_sha256


def test_images_that_are_scaled_are_the_same_too(monkeypatch: pytest.MonkeyPatch) -> None:
    fill()
    together = load_dataset("./photos", sample_shape=(1, 4, 4))
    monkeypatch.setattr(decoding, "FEW", 10**6)
    assert torch.equal(
        together.samples[:], load_dataset("./photos", sample_shape=(1, 4, 4)).samples[:]
    )


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


@pytest.mark.parametrize("odd", [other_size, grey, clear, deep, damaged])
def test_where_one_is_odd_all_are_read_by_those_who_say_what_is_odd(odd: Any) -> None:
    paths = fill()
    odd(paths[-1])
    assert decoded(paths, None, None) is None


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
    first = load_dataset("./photos")
    (kept,) = (tmp_path / "home" / "caches" / "decoded").iterdir()
    (kept / "samples.bin").write_bytes(b"short")
    assert torch.equal(load_dataset("./photos").samples[:], first.samples[:])
    (kept / "shape.json").write_text("no json")
    assert torch.equal(load_dataset("./photos").samples[:], first.samples[:])


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
    fill()
    Path("home").touch()
    monkeypatch.setenv("ZOO_HOME", str(Path("home").absolute()))
    assert len(load_dataset("./photos")) == N
