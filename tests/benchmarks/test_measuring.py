"""What the digit classifier knows, and what metrics cost at the size of an evaluation: pytest -s
tests/benchmarks
"""

import contextlib
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from zoo.checkpoints.folder import read_facts
from zoo.checkpoints.results import BOUNDED, Evaluation, recorded
from zoo.checkpoints.store import Store
from zoo.common.errors import DataError
from zoo.data import Dataset, extract, load_dataset, load_features
from zoo.evaluation.manifolds import manifolds
from zoo.evaluation.metrics import frechet_distance, kernel_distance
from zoo.registry.registry import installed

ZOO = Path(sys.executable).with_name("zoo")
BUNDLED = [name for name, one in installed().checkpoints.items() if one.bundled]


def on_card(name: str) -> list[Evaluation]:
    """The numbers that the card of a bundled checkpoint states."""
    return recorded(read_facts(Store(installed().checkpoints).find(name)))


def likelihoods(name: str) -> list[Evaluation]:
    """The bounds of the negative log-likelihood among them."""
    return [one for one in on_card(name) if one.metric == "nll"]


def measured_again(name: str, *options: str) -> dict[str, float]:
    """What zoo evaluate says now, by metric."""
    said = subprocess.run(
        [ZOO, "evaluate", name, *options, "--json"], check=True, capture_output=True, text=True
    )
    return {one["metric"]: one["value"] for one in json.loads(said.stdout)["evaluations"]}


def measured_all_again() -> Iterator[tuple[str, Evaluation, float]]:
    """Each number on each card, with what zoo evaluate says now."""
    for name in BUNDLED:
        stated = [
            one
            for one in on_card(name)
            if one.metric not in BOUNDED and (one.extractor or one.reference_n == 10_000)
        ]
        for options in dict.fromkeys((one.extractor, *one.options) for one in stated):
            words = ["--features", options[0]] if options[0] else []
            for option in options[1:]:
                name_of, _, value = option.partition("=")
                words += ["--truncation", value] if name_of == "truncation" else ["--set", option]
            again = measured_again(name, "-k", "1", *words)
            for one in stated:
                if (one.extractor, *one.options) == options:
                    yield name, one, again[one.metric]


def right(features: str, data: Dataset) -> float:
    """The part of images whose class a classifier finds."""
    batches = (batch / 255 for batch in data.samples[:].split(1000))
    seen = extract(load_features(features), batches)
    assert seen.classes is not None and data.labels is not None
    share = (seen.classes == data.labels).double().mean().item()
    print(f"\n{features}: {share:.2%} of {len(data):,} images")
    return share


@pytest.mark.parametrize(
    ("features", "data", "least"),
    [("digits", "mnist", 0.995), ("clothes", "fashion-mnist", 0.9295)],
)
def test_a_classifier_is_right_about_so_many_test_images(
    features: str, data: str, least: float
) -> None:
    test = load_dataset(data, split="test")
    if len(test) != 10_000:
        pytest.skip(f"needs all of {data}: set ZOO_DATA to a torchvision root that has it")
    assert right(features, test) >= least


@pytest.mark.parametrize(
    ("features", "name", "least"), [("clothes", "fashion-mnist", 0.93), ("photos", "cifar10", 0.88)]
)
def test_a_classifier_is_right_about_so_many_images_that_it_never_saw(
    features: str, name: str, least: float
) -> None:
    """The last 5,000 training images, which it did not see."""
    data = None
    with contextlib.suppress(DataError):
        data = load_dataset(name)
    if data is None or len(data) < 50_000:
        pytest.skip(f"needs all of {name}: set ZOO_DATA to a folder that has it")
    assert right(features, data.part(slice(len(data) - 5_000, None))) >= least


def test_all_distances_of_10_000_samples_to_60_000_take_less_than_a_minute_and_a_gigabyte() -> None:
    generator = torch.Generator().manual_seed(0)
    samples, reference = (torch.randn(n, 128, generator=generator) for n in (10_000, 60_000))
    Path("/proc/self/clear_refs").write_text(
        "5"
    )  # the peak of memory counts from here, whatever was measured before
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    for measure in (frechet_distance, kernel_distance, manifolds):
        print(f"\n{measure.__name__}: {measure(samples, reference, seed=0)}")
    seconds = time.perf_counter() - began
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(f"{seconds:.1f} s, {more:.0f} MB more than before")
    assert seconds < 60 and more < 1024


def test_zoo_evaluate_measures_the_numbers_of_every_card_again_within_their_standard_errors(
    root: str,
) -> None:
    """All but the likelihoods by many importance samples, which take from a minute to an hour each."""
    wrong = []
    for name, one, again in measured_all_again():
        print(f"\n{name}: {one.name}: {again:.4g}, on the card {one.text}", end="")
        if abs(again - one.value) > (one.standard_error or 0):
            wrong.append((name, one.name, again, one.value))
    assert wrong == []


@pytest.mark.parametrize(
    ("name", "one"), [(name, one) for name in BUNDLED for one in likelihoods(name)]
)
def test_zoo_evaluate_measures_the_likelihoods_on_a_card_again_within_their_standard_errors(
    name: str, one: Evaluation, root: str
) -> None:
    again = measured_again(name, "-k", str(one.importance_samples), "--test-images", str(one.n))
    print(f"\n{name}: {one.name}: {again['nll']:.2f}, on the card {one.text}")
    assert abs(again["nll"] - one.value) <= (one.standard_error or 0)
