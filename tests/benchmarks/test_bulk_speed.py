"""What making data sets takes, in time and memory, each as a ratio measured side by side: pytest -s
tests/benchmarks/test_bulk_speed.py

BULK_SAMPLES (100,000) is how many samples a race takes, BULK_MANY (1,000,000) how many the long run,
and BULK_RAY (1,000,000) how many each engine makes: some ten minutes in all on two cores. What Ray
takes at its start counts the less the longer it works.
"""

import io
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from racing import in_turn, report, run, seconds

import zoo
from zoo.sampling import to_image, to_uint8
from zoo.sampling.provenance import marked_chunk
from zoo.sampling.sampler import draw

ZOO = Path(sys.executable).with_name("zoo")
N = int(os.environ.get("BULK_SAMPLES", 100_000))
MANY = int(os.environ.get("BULK_MANY", 1_000_000))
FEW = 10_000
PER_SHARD = 10_000


class Places:
    """A new folder for each run."""

    def __init__(self, root: Path) -> None:
        self.root, self.numbers = root, itertools.count()

    def new(self) -> Path:
        return self.root / f"set-{next(self.numbers)}"


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path)


def generating(n: int, output: Path, *further: object) -> list[object]:
    """The command that makes n digits."""
    words = ["generate", "vae-mnist", "-n", n, "--seed", 0, "--per-shard", PER_SHARD, "-o", output]
    return [ZOO, *words, *further]


def made(places: Places, workers: int, n: int = N) -> dict[str, Any]:
    """What a run says of itself. Its seconds begin when the workers are started."""
    command = [*generating(n, places.new(), "--workers", workers), "--json", "--quiet"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def drawn_and_encoded(n: int) -> None:
    """What one worker must do at least: draw, and encode as PNG."""
    model, mark = zoo.load("vae-mnist"), marked_chunk()
    for start in range(0, n, PER_SHARD):
        samples = draw(model, min(PER_SHARD, n - start), seed=0, start=start)
        for pixels in to_uint8(samples):
            to_image(pixels).save(io.BytesIO(), "PNG", pnginfo=mark)


def test_two_workers_make_nearly_twice_as_much_as_one(places: Places) -> None:
    """Of many samples: workers import torch first, which counts the less the longer they work."""
    two, one = (made(places, workers, MANY)["seconds"] for workers in (2, 1))
    # 1.8 times as fast
    assert report(
        f"time of two workers / of one, vae-mnist, {MANY:,} samples to Parquet",
        [two / one],
        1 / 1.8,
    )


def test_one_worker_is_hardly_slower_than_drawing_and_encoding(places: Places) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        rounds = in_turn(
            lambda: made(places, 1)["seconds"],
            lambda: seconds(lambda: drawn_and_encoded(N)),
            rounds=3,
        )
    finally:
        torch.set_num_threads(threads)
    assert report(
        f"time of one worker / of zoo.draw and PNG, vae-mnist, {N:,} samples",
        [a / b for a, b in rounds],
        1 / 0.9,
    )


def test_memory_does_not_grow_and_a_finished_million_is_found_to_be_so(places: Places) -> None:
    output = places.new()
    few = [run(generating(FEW, places.new())).memory for _ in range(2)]
    many = run(generating(MANY, output)).memory
    (spent,) = zip(*in_turn(lambda: run(generating(MANY, output)).seconds, rounds=5), strict=True)
    flat = report(
        f"peak memory of {MANY:,} samples in {MANY // PER_SHARD} shards / of {FEW:,} in one",
        [many / one for one in few],
        1.1,
    )
    quick = report(f"seconds to find {MANY:,} samples finished", spent, 2.0)
    assert flat and quick


def test_ray_on_one_node_is_hardly_slower_than_workers(places: Places) -> None:
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    n = int(os.environ.get("BULK_RAY", 1_000_000))
    cluster = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False}
    )
    ray = ("--engine", "ray", "--address", cluster.address)
    try:
        by_ray = run(generating(n, places.new(), *ray)).seconds
        by_workers = run(generating(n, places.new(), "--workers", 2)).seconds
    finally:
        cluster.shutdown()
    assert report(f"time of Ray / of two workers, {n:,} samples", [by_ray / by_workers], 1 / 0.85)
