"""Metrics from features: distances, precision and recall, classes, each with its error.

The distances are torchmetrics'; it knows neither standard errors nor precision and recall of
samples.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zoo.common.errors import DataError, counted

GROUPS = 20  # of a jackknife: its standard error is then itself known to 1 / √(2 · 19) = 16 %
MANIFOLD_LIMIT = 10_000  # points of each set that neighbours are looked for among
ROWS = 1_000  # of a matrix of distances that are held at once


class Estimate(NamedTuple):
    """A number estimated from samples.

    **Arguments:**
    - `value`: the estimate.
    - `standard_error`: of it, in its own unit; None where the samples say nothing of it: too few,
        or all alike."""

    value: float
    standard_error: float | None


class Manifolds(NamedTuple):
    """How samples and reference lie in one another's manifolds; see `manifolds`."""

    precision: Estimate
    recall: Estimate
    density: Estimate
    coverage: Estimate


class Classes(NamedTuple):
    """Which classes samples belong to; see `class_metrics`."""

    reached: Estimate
    divergence: Estimate
    confidence: Estimate


def frechet_distance(samples: Tensor, reference: Tensor, *, seed: int) -> Estimate:
    """The squared Fréchet distance of two Gaussians fitted to features, the "FID" when they are
    Inception's.

    ‖μ − ν‖² + Tr(Σ + Ψ − 2 (ΣΨ)^½), with mean μ and covariance Σ of the samples, ν and Ψ of the
    reference, in float64 (Heusel et al. 2017, arXiv:1706.08500, eq. 6). Biased upwards by an amount
    that falls with the number of samples (Chong & Forsyth 2020, arXiv:1911.07023): compare at equal
    numbers only.

    **Arguments:**
    - `samples`, `reference`: features, `(n, d)` and `(m, d)`; 3 at least.
    - `seed`: of the groups of the jackknife, which gives the standard error for the reference as it
        is. (A bootstrap repeats samples, which spreads the eigenvalues of Σ: it gave twice the true
        error where n / d is about 10.)"""
    _check(samples, reference, needed=3)
    from torchmetrics.image.fid import (
        FrechetInceptionDistance,
    )  # a second, for what measures by features alone

    # sync_on_compute: this process has all of the features, and others may not be measuring
    measured = FrechetInceptionDistance(
        _Given(samples.shape[1]), reset_real_features=False, sync_on_compute=False
    )
    for some in reference.split(ROWS):
        measured.update(some.double(), real=True)

    def distance(kept: Tensor) -> float:
        measured.reset()
        for some in samples[kept].split(ROWS):
            measured.update(some.double(), real=False)
        return float(measured.compute())

    return _jackknife(len(samples), seed, distance)


def kernel_distance(
    samples: Tensor, reference: Tensor, *, seed: int, subsets: int = 10
) -> Estimate:
    """The squared maximum mean discrepancy of features, the "KID" when they are Inception's;
    unbiased, so at times < 0.

    The U-statistic of Gretton et al. 2012 (JMLR 13, eq. 3) with the kernel k(x, y) = (x·y / d +
    1)³, averaged over subsets (Bińkowski et al. 2018, arXiv:1801.01401, section 4). The subsets are
    disjoint, of samples and of reference, so that the standard error is the standard deviation over
    them / √subsets, the chance of both sets included.

    **Arguments:**
    - `samples`, `reference`: features, `(n, d)` and `(m, d)`.
    - `seed`: shuffles both before they are split into subsets.
    - `subsets`: how many at least, 2 for a standard error; more, where each would hold over 1,000
    features of a set."""
    n = min(len(samples), len(reference))
    size = min(n // subsets, ROWS)
    _check(samples, reference, needed=2 * subsets)
    from torchmetrics.image.kid import poly_mmd

    generator = torch.Generator().manual_seed(seed)
    ours, theirs = (
        some[torch.randperm(len(some), generator=generator)[: n - n % size]].double()
        for some in (samples, reference)
    )
    each = torch.stack(
        [poly_mmd(x, y) for x, y in zip(ours.split(size), theirs.split(size), strict=True)]
    )
    return Estimate(
        each.mean().item(), each.std().item() / len(each) ** 0.5 if len(each) > 1 else None
    )


def manifolds(samples: Tensor, reference: Tensor, *, seed: int, neighbours: int = 5) -> Manifolds:
    """How samples lie among the reference and the reference among samples, by balls that reach to
    the k-th neighbour.

    With balls B around each point, to its k-th nearest neighbour in its own set (k = 5, itself not
    counted):

    - precision: the share of samples in any ball of the reference; recall: the share of the
      reference in any ball of the samples (Kynkäänniemi et al. 2019, arXiv:1904.06991, eqs. 1 and
      2, where k = 3);
    - density: how many balls of the reference a sample lies in, on average, / k, which may exceed
      1; coverage: the share of balls of the reference that hold a sample (Naeem et al. 2020,
      arXiv:2002.09797, section 3).

    All depend on the number of points, so both sets are cut to min(n, m, 10,000), drawn without
    replacement. The standard errors hold the reference and its balls as they are: of means over
    samples for precision and density, over the reference for recall, and by a jackknife over
    samples for coverage. The last is too large, by half or more: each group that is left out makes
    the samples fewer by a twentieth, with which coverage falls.

    **Arguments:**
    - `samples`, `reference`: features, `(n, d)` and `(m, d)`; more than `neighbours`.
    - `seed`: of the choice of points, and of the groups of the jackknife.
    - `neighbours`: k.
    """
    _check(samples, reference, needed=neighbours + 1)
    size = min(len(samples), len(reference), MANIFOLD_LIMIT)
    generator = torch.Generator().manual_seed(seed)
    centre = reference.mean(0)  # taken off: it says nothing, and costs float32 digits
    ours, theirs = (
        some[torch.randperm(len(some), generator=generator)[:size]] - centre
        for some in (samples, reference)
    )
    our_reach, their_reach = (
        kth_neighbour_distance(ours, neighbours),
        kth_neighbour_distance(theirs, neighbours),
    )
    groups = F.one_hot(_groups(size, seed)).float()  # (size, groups)
    balls, recalled = [], []
    held = torch.zeros(
        groups.shape[1], size
    )  # samples of each group that each ball of the reference holds
    for rows in torch.arange(size).split(ROWS):
        inside = (
            _squared_distances(ours[rows], theirs) <= their_reach
        ).float()  # (rows, reference)
        balls.append(inside.sum(1))
        held += groups[rows].T @ inside
        recalled.append((_squared_distances(theirs[rows], ours) <= our_reach).any(1))
    counts, total = torch.cat(balls), held.sum(0)
    covered = ((total - held) > 0).double().mean(1)  # with each group left out
    return Manifolds(
        precision=mean(counts > 0),
        recall=mean(torch.cat(recalled)),
        density=mean(counts / neighbours),
        coverage=Estimate((total > 0).double().mean().item(), _jackknife_error(covered)),
    )


def class_metrics(classes: Tensor, confidences: Tensor, num_classes: int, *, seed: int) -> Classes:
    """Which classes samples reach, and how evenly.

    - reached: classes that one sample at least belongs to;
    - divergence: KL(p ‖ uniform) = Σ p log(p · num_classes) of their shares p, in nats: 0 is even,
      log(num_classes) is one class only. For even classes it is about (num_classes − 1) / 2n by
      chance alone (Miller 1955);
    - confidence: the mean probability of the likeliest class.

    The standard errors of the first two are by a jackknife.

    **Arguments:**
    - `classes`: int64 `(n,)`, the likeliest class of each sample.
    - `confidences`: float32 `(n,)`, its probability.
    - `num_classes`: how many there are.
    - `seed`: of the groups of the jackknife.
    """
    if len(classes) < 2:
        raise DataError(
            f"The classes of {counted(len(classes), 'sample')} are too few to count: 2 at least."
        )

    def reached(kept: Tensor) -> float:
        return float(len(classes[kept].unique()))

    def divergence(kept: Tensor) -> float:
        shares = torch.bincount(classes[kept], minlength=num_classes).double() / len(kept)
        return float(torch.special.xlogy(shares, shares * num_classes).sum())

    return Classes(
        reached=_jackknife(len(classes), seed, reached),
        divergence=_jackknife(len(classes), seed, divergence),
        confidence=mean(confidences),
    )


def asked_accuracy(classes: Tensor, asked: Tensor) -> Estimate:
    """The share of samples whose class is the one that was asked for; its standard error is
    binomial.

    **Arguments:**
    - `classes`, `asked`: int64 `(n,)`.
    """
    if classes.shape != asked.shape or not len(classes):
        raise DataError(
            f"{len(classes)} samples and {len(asked)} labels asked for: one label for each sample."
        )
    return mean(classes == asked)


def mean(values: Tensor) -> Estimate:
    """The mean over points, and its standard error.

    **Arguments:**
    - `values`: of each point, `(n,)`, of any type.
    """
    values = values.double()
    error = _told(values.std().item() / len(values) ** 0.5, values) if len(values) > 1 else None
    return Estimate(values.mean().item(), error)


def _check(samples: Tensor, reference: Tensor, needed: int) -> None:
    if samples.dim() != 2 or reference.dim() != 2 or samples.shape[1] != reference.shape[1]:
        raise DataError(
            f"Features of shapes {tuple(samples.shape)} and {tuple(reference.shape)} do not "
            "compare: both must be "
            f"(n, d), of one extractor."
        )
    if (n := min(len(samples), len(reference))) < needed:
        raise DataError(
            f"{n} features are too few for this: {needed} at least, of samples and of reference."
        )


class _Given(nn.Module):
    """What torchmetrics takes features from: they are given already."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, features: Tensor) -> Tensor:
        return features


def _squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """(len(a), len(b)), of rows; in float32 and by one matrix product, so it may fall a little
    below 0.
    """
    return (a.square().sum(1, keepdim=True) + b.square().sum(1)).addmm_(a, b.T, alpha=-2)


def kth_neighbour_distance(points: Tensor, neighbours: int) -> Tensor:
    """Squared distance (n,) of each point to its k-th neighbour among the others."""
    reach = []
    for index, rows in enumerate(points.split(ROWS)):
        distances = _squared_distances(rows, points)
        own = torch.arange(len(rows))
        distances[own, index * ROWS + own] = torch.inf  # not its own neighbour
        reach.append(distances.topk(neighbours, largest=False).values[:, -1])
    return torch.cat(reach)


def _jackknife(n: int, seed: int, statistic: Callable[[Tensor], float]) -> Estimate:
    """A statistic of n samples, and its standard error from the values that it has with one group
    of them left out.

    **Arguments:**
    - `statistic`: called with the indices, int64, of the samples that count.
    """
    groups = _groups(n, seed)
    left_out = [statistic((groups != group).nonzero().squeeze(1)) for group in groups.unique()]
    return Estimate(
        statistic(torch.arange(n)), _jackknife_error(torch.tensor(left_out, dtype=torch.float64))
    )


def _jackknife_error(left_out: Tensor) -> float | None:
    """√((g − 1) / g Σ (θ₋ᵢ − mean θ₋)²) of g values, float64 (g,) (Efron & Tibshirani 1993, chapter
    11).
    """
    g = len(left_out)
    return _told(
        ((g - 1) / g * (left_out - left_out.mean()).square().sum()).sqrt().item(), left_out
    )


def _told(error: float, values: Tensor) -> float | None:
    """A standard error; None where all values are equal (but for rounding), from which nobody can
    tell it.
    """
    return error if values.max() - values.min() > 1e-12 * values.abs().max() else None


def _groups(n: int, seed: int) -> Tensor:
    """The group of a jackknife that each of n samples is in, int64 (n,): at random, in equal
    numbers within one.
    """
    return (torch.arange(n) % GROUPS)[
        torch.randperm(n, generator=torch.Generator().manual_seed(seed))
    ]
