"""Metrics: against numbers by hand, closed forms and brute force; and errors as large as they say."""

import itertools
import math
import statistics
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from zoo.common.errors import DataError
from zoo.evaluation.manifolds import manifolds
from zoo.evaluation.metrics import (
    Estimate,
    asked_accuracy,
    bits_per_character,
    bits_per_dimension,
    class_metrics,
    frechet_distance,
    kernel_distance,
)


def normal(n: int, d: int, seed: int, *, mean: float = 0.0, scale: float = 1.0) -> Tensor:
    return mean + scale * torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def column(*values: float) -> Tensor:
    return torch.tensor([[value] for value in values], dtype=torch.float32)


def test_the_frechet_distance_of_a_few_numbers_is_the_one_by_hand() -> None:
    found = frechet_distance(
        column(0, 1, 2), column(1, 3, 4, 4), seed=0
    )  # means 1 and 3, variances 1 and 2
    assert found.value == pytest.approx(4 + 1 + 2 - 2 * math.sqrt(2))


def test_the_frechet_distance_of_a_shift_and_a_stretch_is_the_closed_form() -> None:
    reference = normal(500, 6, 0)
    shift = torch.arange(6.0)
    assert frechet_distance(reference + shift, reference, seed=0).value == pytest.approx(
        55, rel=1e-5
    )
    stretched = frechet_distance(3 * reference, reference, seed=0).value
    assert stretched == pytest.approx(4 * _trace(reference), rel=1e-5)


def _trace(features: Tensor) -> float:
    """Tr Σ + ‖μ‖²: what the Fréchet distance grows by for each (c − 1)² when features are
    multiplied by c.
    """
    return (features.double().var(0).sum() + features.double().mean(0).square().sum()).item()


def test_features_are_no_distance_from_themselves() -> None:
    features = normal(300, 16, 0)
    assert frechet_distance(features, features, seed=0).value == pytest.approx(0, abs=1e-9)


def test_the_frechet_distance_of_covariances_that_do_not_commute_is_by_a_symmetric_root() -> None:
    """Tr (ΣΨ)^½ = Tr (Ψ^½ Σ Ψ^½)^½, whose matrix is symmetric: other eigenvalues than those of ΣΨ
    are taken.
    """
    samples, reference = normal(700, 8, 0, mean=0.3) @ normal(8, 8, 2), normal(900, 8, 1)
    ours, theirs = samples.double(), reference.double()
    eigenvalues, vectors = torch.linalg.eigh(theirs.T.cov())
    root = vectors * eigenvalues.sqrt() @ vectors.T
    cross = torch.linalg.eigvalsh(root @ ours.T.cov() @ root).sqrt().sum()
    apart = (
        (ours.mean(0) - theirs.mean(0)).square().sum()
        + ours.var(0).sum()
        + theirs.var(0).sum()
        - 2 * cross
    )
    assert frechet_distance(samples, reference, seed=0).value == pytest.approx(apart.item())


def test_fewer_samples_than_dimensions_still_have_a_frechet_distance() -> None:
    reference = normal(400, 32, 0)
    single = frechet_distance(
        reference[:1].expand(10, -1), reference, seed=0
    )  # a model that draws one image
    apart = (reference[0].double() - reference.double().mean(0)).square().sum().item()
    assert single.value == pytest.approx(apart + reference.double().var(0).sum().item())
    assert single.standard_error is None  # ten times the same says nothing of the spread


def test_the_kernel_distance_of_two_pairs_is_the_one_by_hand() -> None:
    # k(x, y) = (xy + 1)³: within (0, 1) it is 1, within (1, 2) 27; across 1, 1, 8 and 27
    found = kernel_distance(column(0, 1), column(1, 2), seed=0, subsets=1)
    assert found == Estimate(pytest.approx(1 + 27 - 2 * 37 / 4), None)


def test_the_kernel_distance_is_the_mean_over_pairs_of_two_points() -> None:
    samples, reference = normal(60, 8, 0, mean=0.3), normal(60, 8, 1)

    def kernel(x: Tensor, y: Tensor) -> float:
        return (sum(a * b for a, b in zip(x.tolist(), y.tolist(), strict=True)) / 8 + 1) ** 3

    def own(some: Tensor) -> float:
        return statistics.mean(kernel(x, y) for x, y in itertools.permutations(some, 2))

    across = statistics.mean(kernel(x, y) for x, y in itertools.product(samples, reference))
    found = kernel_distance(samples, reference, seed=0, subsets=1)
    assert found.value == pytest.approx(own(samples) + own(reference) - 2 * across)


def test_no_subset_of_the_kernel_distance_is_so_large_that_memory_runs_out() -> None:
    """A kernel of 30,000 features at once would take 7 GB."""
    found = kernel_distance(normal(30_000, 2, 0), normal(30_000, 2, 1), seed=0, subsets=1)
    assert found.value == pytest.approx(0, abs=4 * (found.standard_error or 0))


def test_the_kernel_distance_of_equal_distributions_is_zero_within_its_error() -> None:
    found = [
        kernel_distance(normal(400, 8, 2 * i), normal(400, 8, 2 * i + 1), seed=0) for i in range(20)
    ]
    mean = statistics.mean(one.value for one in found)
    error = math.sqrt(sum((one.standard_error or 0) ** 2 for one in found)) / 20
    assert abs(mean) < 3 * error
    assert min(one.value for one in found) < 0  # unbiased, so on either side


def test_the_standard_error_of_the_frechet_distance_is_what_repeated_draws_spread_by() -> None:
    reference = normal(2_000, 16, 10_000)
    found = [
        frechet_distance(normal(400, 16, i, mean=0.1, scale=1.1), reference, seed=0)
        for i in range(60)
    ]
    spread = statistics.stdev(one.value for one in found)
    claimed = statistics.mean(one.standard_error or 0 for one in found)
    assert 0.7 < claimed / spread < 1.4  # the spread itself is known to 9 %


def test_the_kernel_distance_uses_all_of_a_larger_reference() -> None:
    """With the samples as one subset it is the U-statistic over every pair of points."""
    samples, reference = normal(30, 4, 0, mean=0.3), normal(200, 4, 1)
    found = kernel_distance(samples, reference, seed=0, subsets=1)
    x, y = samples.double(), reference.double()
    kernels = [(one @ other.T / 4 + 1) ** 3 for one, other in ((x, x), (y, y), (x, y))]
    within = [
        (one.sum() - one.diagonal().sum()) / (len(one) * (len(one) - 1)) for one in kernels[:2]
    ]
    assert found.value == pytest.approx((sum(within) - 2 * kernels[2].mean()).item())


def test_the_kernel_distance_of_equal_numbers_is_that_of_torchmetrics() -> None:
    from torchmetrics.image.kid import poly_mmd

    samples, reference = normal(300, 8, 0, mean=0.2), normal(300, 8, 1)
    found = kernel_distance(samples, reference, seed=0, subsets=1)
    assert found.value == pytest.approx(poly_mmd(samples.double(), reference.double()).item())


def test_a_larger_reference_makes_the_kernel_distance_surer() -> None:
    small, large = (
        statistics.stdev(
            kernel_distance(normal(200, 8, 2 * i), normal(m, 8, 2 * i + 1), seed=0).value
            for i in range(30)
        )
        for m in (200, 2_000)
    )
    assert large < 0.85 * small


def test_the_standard_error_of_the_kernel_distance_holds_for_draws_of_both_sets() -> None:
    found = [
        kernel_distance(
            normal(400, 8, 2 * i, mean=0.2), normal(400, 8, 2 * i + 1), seed=0, subsets=10
        )
        for i in range(60)
    ]
    spread = statistics.stdev(one.value for one in found)
    assert 0.7 < statistics.mean(one.standard_error or 0 for one in found) / spread < 1.4


def test_even_classes_diverge_by_nothing_and_one_class_by_the_log_of_their_number() -> None:
    even = class_metrics(torch.arange(10).repeat(20), torch.full((200,), 0.5), 10, seed=0)
    assert even.reached.value == 10
    assert even.divergence.value == pytest.approx(0, abs=1e-12)
    assert even.confidence == Estimate(0.5, None)
    single = class_metrics(torch.full((200,), 3), torch.rand(200), 10, seed=0)
    assert single.reached == Estimate(1, None)
    assert single.divergence == Estimate(pytest.approx(math.log(10)), None)


def test_the_divergence_of_two_classes_is_the_one_by_hand() -> None:
    found = class_metrics(torch.tensor([0, 0, 0, 1]), torch.ones(4), 2, seed=0)
    assert found.divergence.value == pytest.approx(0.75 * math.log(1.5) + 0.25 * math.log(0.5))


def test_the_standard_error_of_a_divergence_is_that_of_the_delta_method() -> None:
    shares = torch.tensor([0.5, 0.3, 0.2])
    classes = torch.multinomial(
        shares, 20_000, replacement=True, generator=torch.Generator().manual_seed(0)
    )
    found = class_metrics(classes, torch.ones(20_000), 3, seed=0).divergence
    log = (3 * shares).log()
    variance = (shares * log.square()).sum() - (shares * log).sum().square()  # of log p(class)
    assert found.value == pytest.approx((shares * log).sum().item(), abs=0.01)
    assert found.standard_error == pytest.approx((variance / 20_000).sqrt().item(), rel=0.5)


def test_the_accuracy_of_asked_labels_is_a_share_with_a_binomial_error() -> None:
    found = asked_accuracy(torch.tensor([1, 2, 3, 4] * 25), torch.tensor([1, 2, 3, 0] * 25))
    assert found == Estimate(0.75, pytest.approx(math.sqrt(0.75 * 0.25 / 99)))


@pytest.mark.parametrize("measure", [frechet_distance, kernel_distance, manifolds])
def test_features_of_two_extractors_do_not_compare(measure: Callable[..., object]) -> None:
    with pytest.raises(DataError, match=r"\(50, 8\) and \(50, 9\) do not compare.*one extractor"):
        measure(normal(50, 8, 0), normal(50, 9, 0), seed=0)


@pytest.mark.parametrize(
    ("measure", "least"), [(frechet_distance, 3), (kernel_distance, 20), (manifolds, 6)]
)
def test_too_few_samples_are_refused_with_how_many_it_takes(
    measure: Callable[..., object], least: int
) -> None:
    with pytest.raises(
        DataError, match=f"{least - 1} features are too few for this: pass at least {least}"
    ):
        measure(normal(least - 1, 3, 0), normal(50, 3, 1), seed=0)
    measure(normal(least, 3, 0), normal(50, 3, 1), seed=0)


def test_labels_for_another_number_of_samples_are_refused() -> None:
    with pytest.raises(DataError, match="4 samples and 3 labels"):
        asked_accuracy(torch.zeros(4), torch.zeros(3))
    with pytest.raises(DataError, match="1 sample are too few"):
        class_metrics(torch.tensor([1]), torch.ones(1), 10, seed=0)


def test_bits_per_character_are_all_bits_by_all_characters() -> None:
    bits = math.log(2) * torch.tensor([3.0, 5.0], dtype=torch.float64)
    found = bits_per_character(bits, torch.tensor([2.0, 2.0]))
    assert found.value == pytest.approx(2.0) and found.standard_error == pytest.approx(0.5)
    # of texts of different lengths, no mean of their own means
    bits = math.log(2) * torch.tensor([2.0, 6.0, 30.0], dtype=torch.float64)
    assert bits_per_character(bits, torch.tensor([1.0, 1.0, 8.0])).value == pytest.approx(3.8)


def test_the_error_of_bits_per_character_is_what_they_spread_by() -> None:
    generator = torch.Generator().manual_seed(0)
    lengths = torch.randint(2, 12, (400, 200), generator=generator).double()
    bits = lengths * (3 + torch.randn(400, 200, generator=generator).double())
    found = [
        bits_per_character(math.log(2) * one, own) for one, own in zip(bits, lengths, strict=True)
    ]
    spread = statistics.stdev(one.value for one in found)
    told = statistics.mean(one.standard_error or 0 for one in found)
    assert told == pytest.approx(spread, rel=0.15)


def test_bits_per_dimension_are_those_by_hand() -> None:
    # an image of 784 values, of which each of 256 levels is equally likely
    assert bits_per_dimension(Estimate(784 * math.log(256), None), 784).value == pytest.approx(8)
    # 2,000 nats by 3,072 values: 0.6510 nats each, and a bit is 0.6931 nats
    found = bits_per_dimension(Estimate(2000.0, 10.0), 3 * 32 * 32)
    assert found.value == pytest.approx(0.93926, abs=1e-5)
    assert found.standard_error == pytest.approx(0.93926 / 200, abs=1e-6)
