"""The speed and memory that the project promises, each as a ratio measured side by side: pytest -s tests/benchmarks"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch

import zoo
from zoo.data import load_dataset
from zoo.models import LatentModel
from zoo.sampling import draw

ZOO = Path(sys.executable).with_name("zoo")
LIGHT = "import click, pluggy, importlib.metadata as m; m.entry_points(group='zoo')"


def run(command: Sequence[str]) -> tuple[float, float]:
    """Wall seconds and peak memory (MB) of a process."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return time.perf_counter() - began, usage.ru_maxrss / 1024


def report(what: str, ratios: Sequence[float], limit: float) -> None:
    median = statistics.median(ratios)
    print(
        f"\n{what}: median {median:.2f} of {len(ratios)} pairs ({min(ratios):.2f} to {max(ratios):.2f}), limit {limit}"
    )
    assert median <= limit


def paired(ours: Sequence[str], theirs: Sequence[str], pairs: int = 11) -> tuple[list[float], list[float]]:
    """Ratios of wall time and of peak memory, run in turn after one warm-up each."""
    run(ours), run(theirs)
    both = [(run(ours), run(theirs)) for _ in range(pairs)]
    return [a[0] / b[0] for a, b in both], [a[1] / b[1] for a, b in both]


def test_zoo_list_takes_little_more_than_the_imports_it_needs() -> None:
    wall, _ = paired([str(ZOO), "list"], [sys.executable, "-c", LIGHT], pairs=21)
    report("zoo list / imports of click, pluggy and the entry points, wall", wall, 1.6)


def test_sampling_cold_takes_little_more_than_importing_torch() -> None:
    ours = [str(ZOO), "sample", "vae-mnist", "-n", "64", "--seed", "0"]
    wall, memory = paired(ours, [sys.executable, "-c", "import torch"])
    report("zoo sample vae-mnist / import torch, wall", wall, 1.35)
    report("zoo sample vae-mnist / import torch, peak memory", memory, 1.3)


@pytest.mark.parametrize("name", ["vae-mnist", "dcgan-mnist"])
@torch.inference_mode()
def test_sampling_is_not_slower_than_a_plain_loop_over_the_network(name: str) -> None:
    model = zoo.load(name)
    assert isinstance(model, LatentModel)
    n, batch = (16_384, 256) if name == "vae-mnist" else (2_048, 256)

    def plain() -> None:
        torch.cat([model.decode(torch.randn(batch, *model.latent_shape)) for _ in range(n // batch)])

    def ours() -> None:
        draw(model, n, seed=0, batch_size=batch)

    def seconds(function: Callable[[], None]) -> float:
        began = time.perf_counter()
        function()
        return time.perf_counter() - began

    ours(), plain()
    ratios = [seconds(ours) / seconds(plain) for _ in range(11)]
    report(f"draw / plain eager loop, {name}, {n} samples at batch {batch}", ratios, 1.1)  # 1.0, and noise


def test_100_000_samples_stream_through_bounded_memory() -> None:
    def sample(n: int) -> list[str]:
        return [str(ZOO), "sample", "vae-mnist", "-n", str(n), "--seed", "0", "-o", "samples.npz"]

    _, memory = paired(sample(100_000), sample(1_000), pairs=3)
    report("peak memory of 100,000 samples / of 1,000, to .npz", memory, 1.1)


def test_the_default_mlp_vae_reaches_the_elbo_of_the_reference_script() -> None:
    """784–400–20–400–784, Adam 1e-3, batch 128, 10 epochs: test −ELBO of 106.0 nats per image, ± 1."""
    test = load_dataset("mnist", split="test")
    if len(test.samples) != 10_000:
        pytest.skip("needs all of MNIST: set ZOO_DATA to a torchvision root that has it")
    run([str(ZOO), "train", "mlp-vae", "--out", "seed-recipe", "--seed", "1"])
    model = zoo.load("./seed-recipe")
    torch.manual_seed(0)
    with torch.no_grad():
        total = sum(model.log_likelihood(batch / 255).sum().item() for batch in test.samples.split(1000))
    print(f"\nmlp-vae at its defaults: test −ELBO {-total / 10_000:.2f} nats per image")
    assert abs(-total / 10_000 - 106.0) <= 1
