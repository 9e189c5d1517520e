"""What drawing samples takes, in time and memory, each as a ratio measured side by side: pytest -s
tests/benchmarks
"""

import sys
import time
from math import prod
from pathlib import Path

import pytest
import torch
from racing import in_turn, report, run, seconds

import zoo
from zoo.common.compute import emulates_bf16, hardware
from zoo.data import Features, extract, load_dataset, load_features
from zoo.evaluation.metrics import frechet_distance
from zoo.models.interface import LatentModel
from zoo.registry.registry import installed
from zoo.sampling.sampler import draw

ZOO = Path(sys.executable).with_name("zoo")


def a_plain_loop(model: LatentModel, n: int) -> None:
    """What anyone would write: batches of 256, float32, eager."""
    torch.cat([model.decode(torch.randn(256, *model.latent_shape)) for _ in range(n // 256)])


def a_plain_loop_in_bf16(model: LatentModel, n: int) -> None:
    """The same in bfloat16, as PyTorch's guide says: under autocast."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        a_plain_loop(model, n)


def in_bf16(model: LatentModel, n: int) -> torch.Tensor:
    """As `zoo sample --precision bf16` draws them."""
    return draw(model, n, seed=0, batch_size=256, precision="bf16")


@pytest.mark.parametrize("name", ["vae-mnist", "dcgan-mnist"])
@torch.inference_mode()
def test_sampling_is_not_slower_than_a_plain_loop_over_the_network(name: str) -> None:
    model = zoo.load(name)
    n = 16_384 if name == "vae-mnist" else 2_048
    rounds = in_turn(
        lambda: seconds(lambda: draw(model, n, seed=0, batch_size=256)),
        lambda: seconds(lambda: a_plain_loop(model, n)),
        rounds=11,
    )
    assert report(
        f"draw / plain eager loop, {name}, {n} samples at batch 256",
        [a / b for a, b in rounds],
        1.1,
    )


@pytest.mark.skipif(
    emulates_bf16(torch.device("cpu")), reason="this processor has no instructions for bfloat16"
)
@torch.inference_mode()
def test_dcgan_in_bf16_is_not_sampled_slower_than_by_a_plain_loop_in_bf16() -> None:
    model, n = zoo.load("dcgan-mnist"), 2_048
    rounds = in_turn(
        lambda: seconds(lambda: in_bf16(model, n)),
        lambda: seconds(lambda: a_plain_loop_in_bf16(model, n)),
        lambda: seconds(lambda: a_plain_loop(model, n)),
        rounds=5,
    )
    told = f"dcgan-mnist, {n} samples at batch 256"
    # how much faster bfloat16 is than float32 depends on the processor
    report(f"draw in bf16 / plain float32 loop, {told}", [a / c for a, _, c in rounds], None)
    assert report(f"draw in bf16 / plain loop in bf16, {told}", [a / b for a, b, _ in rounds], 1.10)


@torch.inference_mode()
def test_every_bundled_checkpoint_draws_the_values_of_a_thousand_digits_a_second_on_one_core() -> (
    None
):
    """The samples per second that the README's tables of checkpoints state.

    Seconds of the core are counted, and the best of five rounds: another process that waits for
    the same core changes little."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    digits = []
    for name, one in installed().checkpoints.items():
        if one.bundled:
            model, spent = zoo.load(name), []
            for _ in range(5):
                began = time.process_time()
                draw(model, 2_048, seed=0)
                spent.append(time.process_time() - began)
            speed = 2_048 / min(spent)
            digits.append(speed * prod(model.config.sample_shape) / 28**2)
            print(f"\n{name}: {speed:,.0f} samples/s", end="")
    torch.set_num_threads(threads)
    print(f"\nby one core of {hardware(torch.device('cpu'))}")
    assert min(digits) > 1_000


def test_dcgan_in_bf16_draws_samples_as_good_as_in_float32(root: str) -> None:
    """The Fréchet distance of 10,000 samples of one seed to as many real digits, by the digits
    features.
    """
    model, extractor, n = zoo.load("dcgan-mnist"), load_features("digits"), 10_000

    def features(images: torch.Tensor) -> Features:
        return extract(extractor, images.split(1000))

    real = features(load_dataset("mnist", split="test").samples / 255).vectors
    coarse, exact = (
        frechet_distance(features(samples).vectors, real, seed=0)
        for samples in (in_bf16(model, n), draw(model, n, seed=0))
    )
    print(
        f"\nFréchet distance of dcgan-mnist: {coarse.value:.3f} in bf16, {exact.value:.3f} in "
        "float32"
    )
    assert coarse.value == pytest.approx(exact.value, rel=0.02)


def test_100_000_samples_stream_through_bounded_memory() -> None:
    def memory(n: int) -> float:
        return run([ZOO, "sample", "vae-mnist", "-n", n, "--seed", "0", "-o", "samples.npz"]).memory

    rounds = in_turn(lambda: memory(100_000), lambda: memory(1_000), rounds=3)
    assert report(
        "peak memory of 100,000 samples / of 1,000, to .npz", [a / b for a, b in rounds], 1.1
    )
