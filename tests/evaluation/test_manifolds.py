"""Precision, recall, density and coverage: by hand, by brute force, and with errors that hold."""

import math
import statistics

import pytest
import torch
from torch import Tensor

from zoo.evaluation.manifolds import Manifolds, Plan, manifolds, planned, values_of


def normal(n: int, d: int, seed: int, *, mean: float = 0.0, scale: float = 1.0) -> Tensor:
    return mean + scale * torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def column(*values: float) -> Tensor:
    return torch.tensor([[value] for value in values], dtype=torch.float32)


def test_precision_recall_density_and_coverage_of_a_few_points_are_those_by_hand() -> None:
    # radii to the nearest neighbour: of the reference 1, 1, 2 and 4; of the samples 3, 3, 1 and 1
    found = values_of(column(0.5, 3.5, 20, 21), column(0, 1, 3, 7), neighbours=1)
    precision, recall, density, coverage = found
    assert precision == 2 / 4  # 20 and 21 are in no ball of the reference
    assert recall == 3 / 4  # 7 is in no ball of the samples
    assert density == (2 + 2) / 4
    assert coverage == 1


def brute_force(samples: Tensor, reference: Tensor, k: int = 5) -> list[float]:
    """The definitions in full: whole matrices in float64, neighbours by sorting."""
    ours, theirs = samples.double(), reference.double()
    across = torch.cdist(ours, theirs, compute_mode="donot_use_mm_for_euclid_dist")
    our_reach, their_reach = (
        torch.cdist(some, some, compute_mode="donot_use_mm_for_euclid_dist").sort(1).values[:, k]
        for some in (ours, theirs)
    )
    inside = across <= their_reach
    each = (
        inside.any(1),
        (across <= our_reach[:, None]).any(0),
        inside.sum(1).double() / k,
        inside.any(0),
    )
    return [one.double().mean().item() for one in each]


def test_one_comparison_in_pieces_is_that_of_whole_matrices() -> None:
    samples, reference = normal(1_300, 5, 0, mean=0.4, scale=0.8), normal(1_300, 5, 1)
    assert values_of(samples, reference) == pytest.approx(brute_force(samples, reference), abs=1e-9)


def test_each_value_is_the_mean_over_all_pairs_of_a_block_and_a_part() -> None:
    """As many samples as the reference has points: six blocks of a sixth, six parts of a sixth."""
    samples, reference = normal(240, 3, 0, mean=0.3), normal(240, 3, 1)
    found = [one.value for one in manifolds(samples, reference, seed=4)]
    generator = torch.Generator().manual_seed(4)
    blocks, parts = (
        some[torch.randperm(240, generator=generator)].split(40) for some in (samples, reference)
    )
    pairs = [brute_force(block, part) for block in blocks for part in parts]
    assert found == pytest.approx([statistics.mean(one) for one in zip(*pairs, strict=True)])


@pytest.mark.parametrize(
    ("samples", "reference", "plan"),
    [
        (10_000, 60_000, Plan(10_000, blocks=1, parts=6)),
        (10_000, 50_000, Plan(8_333, blocks=1, parts=6)),
        (50_000, 60_000, Plan(10_000, blocks=1, parts=6)),
        (1_000, 60_000, Plan(1_000, blocks=1, parts=60)),
        (10_000, 1_200_000, Plan(10_000, blocks=1, parts=60)),
        (800, 800, Plan(133, blocks=6, parts=6)),
        (20, 60, Plan(10, blocks=2, parts=6)),
        (20, 20, Plan(6, blocks=3, parts=3)),
        (6, 6, Plan(6, blocks=1, parts=1)),
    ],
)
def test_parts_are_of_at_most_n_samples_and_a_sixth_of_the_reference(
    samples: int, reference: int, plan: Plan
) -> None:
    assert planned(samples, reference, 5) == plan
    assert plan.size * plan.parts <= reference and plan.size * plan.blocks <= samples


def test_of_equal_distributions_density_is_one_and_coverage_what_naeem_proved() -> None:
    """1 − (N − 1) … (N − k) / (2N − 1) … (2N − k), for as many samples as references (Naeem et al.
    2020, section 3).
    """
    n = 1_000
    found = [manifolds(normal(n, 4, 2 * i), normal(6 * n, 4, 2 * i + 1), seed=0) for i in range(3)]
    expected = 1 - math.prod((n - i) / (2 * n - i) for i in range(1, 6))
    assert statistics.mean(one.density.value for one in found) == pytest.approx(1, abs=0.02)
    assert statistics.mean(one.coverage.value for one in found) == pytest.approx(
        expected, abs=0.005
    )


def test_one_sample_repeated_is_precise_and_recalls_nothing() -> None:
    reference = normal(600, 8, 0)
    found = manifolds(reference[:1].expand(100, -1), reference, seed=0)
    assert found.precision.value > 0.9  # it is in the middle of most parts
    assert found.recall.value <= 1 / 100
    assert found.coverage.value < 0.15


def test_the_reference_replayed_is_precise_and_recalls_everything() -> None:
    reference = normal(400, 8, 0)
    precision, recall, _, coverage = values_of(reference.flip(0), reference)
    assert (precision, recall, coverage) == (1, 1, 1)


def test_the_parts_are_chosen_by_the_seed() -> None:
    samples, reference = normal(50, 3, 0), normal(500, 3, 1)
    assert manifolds(samples, reference, seed=0) == manifolds(samples, reference, seed=0)
    assert manifolds(samples, reference, seed=0) != manifolds(samples, reference, seed=1)


def test_another_choice_of_the_reference_moves_precision_within_its_error() -> None:
    """One part alone, as it was estimated before, moves twice as far and did not say so."""
    samples, reference = normal(500, 16, 0, mean=0.2, scale=1.1), normal(3_000, 16, 1)
    found = [manifolds(samples, reference, seed=seed).precision for seed in range(8)]
    spread = statistics.stdev(one.value for one in found)
    assert spread < statistics.mean(one.standard_error or 0 for one in found)


DRAWS = 60
ERRORS: dict[str, list[Manifolds]] = {}  # by kind: drawn once for the four metrics


@pytest.mark.parametrize("metric", Manifolds._fields)
@pytest.mark.parametrize("kind", ["wide", "narrow"])
def test_a_stated_error_is_what_draws_of_samples_and_reference_spread_by(
    kind: str, metric: str
) -> None:
    """60 draws of both sets, whose spread is itself known to 9 %."""
    if kind not in ERRORS:
        d, mean, scale = {"wide": (16, 0.1, 1.1), "narrow": (6, 0.3, 0.8)}[kind]
        ERRORS[kind] = [
            manifolds(
                normal(300, d, 2 * i, mean=mean, scale=scale), normal(1_800, d, 2 * i + 1), seed=i
            )
            for i in range(DRAWS)
        ]
    found = [getattr(one, metric) for one in ERRORS[kind]]
    spread = statistics.stdev(one.value for one in found)
    claimed = math.sqrt(statistics.mean(one.standard_error**2 for one in found))
    assert 1 / 1.3 < claimed / spread < 1.3


def test_a_reference_too_small_for_parts_has_values_and_no_errors() -> None:
    found = manifolds(normal(8, 3, 0), normal(8, 3, 1), seed=0)
    assert all(one.standard_error is None for one in found)
    assert [one.value for one in found] == pytest.approx(
        brute_force(normal(8, 3, 0), normal(8, 3, 1)), abs=1e-9
    )


def test_values_that_are_all_alike_state_no_error() -> None:
    found = manifolds(normal(100, 3, 0, mean=50), normal(600, 3, 1), seed=0)
    assert found.precision == (0.0, None) and found.recall.value < 0.05
