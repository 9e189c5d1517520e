"""What loading costs: images decoded, kept decoded, and mapped: pytest -s tests/benchmarks"""

import multiprocessing
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from zoo.common.compute import usable_cores
from zoo.data import load_dataset

IMAGES = 50_000
ROUNDS = 3
ZOO = Path(sys.executable).with_name("zoo")
SMALL = ["--epochs", "1", "--seed", "0", "--set", "hidden_dims=8", "--set", "latent_dim=2"]


def seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def decode(path: Path) -> int:
    """What anybody writes."""
    with Image.open(path) as image:
        return int(np.asarray(image)[0, 0, 0])


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """50,000 PNG files of 32 pixels, in ten classes."""
    folder = tmp_path_factory.mktemp("photos") / "photos"
    generator = np.random.default_rng(0)
    smooth = np.cumsum(generator.integers(-8, 9, (256, 32, 32, 3)), 1) % 256
    for index in range(IMAGES):
        path = folder / str(index % 10) / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(smooth[index % 256].astype(np.uint8)).save(path)
    return folder


def test_many_images_load_about_as_fast_as_pillow_decodes_them_on_all_cores(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = sorted(photos.rglob("*.png"))
    ours, theirs = [], []
    with multiprocessing.get_context("fork").Pool(usable_cores()) as pool:
        for index in range(ROUNDS):
            theirs.append(seconds(lambda: pool.map(decode, paths, chunksize=250)))
            monkeypatch.setenv("ZOO_HOME", str(tmp_path / f"home-{index}"))  # nothing is kept there
            ours.append(seconds(lambda: load_dataset(str(photos))))
    ratio = statistics.median(ours) / statistics.median(theirs)
    print(f"\n{IMAGES:,} PNG: {statistics.median(ours):.1f} s, {ratio:.2f} × Pillow on all cores")
    assert ratio <= 1.5


def test_a_second_training_on_a_folder_starts_about_as_fast_as_on_an_array(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    array = tmp_path / "photos.npy"
    np.save(array, load_dataset(str(photos)).samples[:].numpy())

    def start(data: Path, index: int) -> float:
        """Seconds until the first epoch begins: the time of a training of one step."""
        words = [ZOO, "train", "mlp-vae", "--data", data, *SMALL, "--set", "batch_size=40000"]
        words += ["--out", tmp_path / f"{data.name}-{index}"]
        return seconds(
            lambda: subprocess.run(list(map(str, words)), check=True, capture_output=True)
        )

    start(photos, -1)
    pairs = [(start(photos, index), start(array, index)) for index in range(ROUNDS)]
    folder, npy = (statistics.median(one) for one in zip(*pairs, strict=True))
    print(f"\nstart on a folder {folder:.1f} s, on .npy {npy:.1f} s: {folder / npy:.2f} ×")
    assert folder / npy <= 1.3


def test_data_of_20_gb_trains_in_2_gb_of_anonymous_memory(tmp_path: Path) -> None:
    n = 20_000_000_000 // (3 * 32 * 32)
    path = tmp_path / "large.npy"
    np.lib.format.open_memmap(path, "w+", np.uint8, (n, 3, 32, 32)).flush()  # sparse: all zeros
    words = [ZOO, "train", "mlp-vae", "--data", path, "--out", tmp_path / "made", *SMALL]
    child = subprocess.Popen(list(map(str, words)), stderr=subprocess.PIPE, text=True)
    most, began = 0, time.monotonic()
    while child.poll() is None and time.monotonic() - began < 120:
        try:
            tree = [psutil.Process(child.pid), *psutil.Process(child.pid).children(recursive=True)]
            most = max(most, sum(_anonymous(one) for one in tree))
        except psutil.NoSuchProcess:
            break
        time.sleep(0.25)
    child.terminate()
    said = child.communicate()[1]
    print(f"\n20 GB: {most / 1e9:.2f} GB of anonymous memory")
    assert child.returncode in (0, -signal.SIGTERM), said
    assert " of " in said.partition("Training made, steps")[2], said
    assert 0 < most <= 2e9


def test_cifar10_loads_about_as_fast_as_its_bytes_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files of the archive's size, which lie in the system's cache."""
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    records = np.random.default_rng(0).integers(0, 10, (10_000, 3073), np.uint8)
    paths = [folder / f"data_batch_{number}.bin" for number in range(1, 6)]
    for path in paths:
        path.write_bytes(records.tobytes())
    monkeypatch.setenv("ZOO_DATA", str(tmp_path))
    load_dataset("cifar10")
    ours, theirs = [], []
    for _ in range(7):
        theirs.append(seconds(lambda: [path.read_bytes() for path in paths]))
        ours.append(seconds(lambda: load_dataset("cifar10")))
    ratio = statistics.median(ours) / statistics.median(theirs)
    print(f"\ncifar10: {statistics.median(ours):.2f} s, {ratio:.2f} × reading its bytes")
    assert ratio <= 1.5


def _anonymous(process: psutil.Process) -> int:
    """Bytes of a process that no file backs."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if "RssAnon" in line)
