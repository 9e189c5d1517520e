"""What the digit classifier knows, and what metrics cost at the size of an evaluation: pytest -s tests/benchmarks"""

import resource
import time
from pathlib import Path

import pytest
import torch

from zoo.data import load_dataset
from zoo.features import extract, load_features
from zoo.metrics import frechet_distance, kernel_distance, manifolds


def test_the_digit_classifier_is_right_about_more_than_995_of_1000_test_digits() -> None:
    test = load_dataset("mnist", split="test")
    if len(test.samples) != 10_000:
        pytest.skip("needs all of MNIST: set ZOO_DATA to a torchvision root that has it")
    seen = extract(load_features("digits"), (batch / 255 for batch in test.samples.split(1000)))
    assert seen.classes is not None and test.labels is not None
    accuracy = (seen.classes == test.labels).double().mean().item()
    print(f"\ndigit classifier: {accuracy:.2%} of 10,000 test digits")
    assert accuracy >= 0.995


def test_all_distances_of_10_000_samples_to_60_000_take_less_than_a_minute_and_a_gigabyte() -> None:
    generator = torch.Generator().manual_seed(0)
    samples, reference = (torch.randn(n, 128, generator=generator) for n in (10_000, 60_000))
    Path("/proc/self/clear_refs").write_text("5")  # the peak of memory counts from here, whatever was measured before
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    for measure in (frechet_distance, kernel_distance, manifolds):
        print(f"\n{measure.__name__}: {measure(samples, reference, seed=0)}")
    seconds = time.perf_counter() - began
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{seconds:.1f} s, {more:.0f} MB more than before")
    assert seconds < 60 and more < 1024
