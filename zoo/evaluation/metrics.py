"""Metrics from features: distances and classes, each with its error.

Precision and recall are in `manifolds`. The Fréchet distance is torchmetrics', which knows no
standard errors.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from zoo.common.errors import DataError, counted

# of a jackknife: its standard error is then itself known to 1 / √(2 · 19) = 16 %
GROUPS = 20
# points of the reference that the kernel distance uses at most
KERNEL_REFERENCE = 60_000
# of a matrix of distances or of a kernel that are held at once
ROWS = 1_000


class Estimate(NamedTuple):
    """A number estimated from samples.

    **Arguments:**
    - `value`: the estimate.
    - `standard_error`: of it, in its own unit; None where the samples say nothing of it: too few,
        or all alike."""

    value: float
    standard_error: float | None


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
    check_features(samples, reference, needed=3)
    # takes a second, which only what measures by features should wait for
    from torchmetrics.image.fid import FrechetInceptionDistance

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
    them / √subsets, the chance of both sets included. They use all samples, and all of the
    reference up to 60,000 points, chosen by the seed (but for what does not divide evenly). So of
    10,000 samples and 60,000 images, each subset compares 1,000 samples with 6,000 images.

    **Arguments:**
    - `samples`, `reference`: features, `(n, d)` and `(m, d)`.
    - `seed`: shuffles both before they are split into subsets.
    - `subsets`: how many at least, 2 for a standard error; more, where each would hold over 1,000
        samples."""
    check_features(samples, reference, needed=2 * subsets)
    used = min(len(reference), KERNEL_REFERENCE)
    count = max(subsets, min(len(samples) // ROWS, used // 2))
    generator = torch.Generator().manual_seed(seed)
    ours, theirs = (
        some[torch.randperm(len(some), generator=generator)[: n - n % count]].double()
        for some, n in ((samples, len(samples)), (reference, used))
    )
    each = torch.tensor(
        [_discrepancy(x, y) for x, y in zip(ours.chunk(count), theirs.chunk(count), strict=True)],
        dtype=torch.float64,
    )
    return Estimate(each.mean().item(), each.std().item() / count**0.5 if count > 1 else None)


def _discrepancy(x: Tensor, y: Tensor) -> float:
    """The unbiased squared maximum mean discrepancy of two sets, float64 `(n, d)` and `(m, d)`."""
    n, m = len(x), len(y)
    within_x = (_kernel_sum(x, x) - _kernel_of_itself(x)) / (n * (n - 1))
    within_y = (_kernel_sum(y, y) - _kernel_of_itself(y)) / (m * (m - 1))
    return within_x + within_y - 2 * _kernel_sum(x, y) / (n * m)


def _kernel_sum(x: Tensor, y: Tensor) -> float:
    """Σ (xᵢ·yⱼ / d + 1)³ over all pairs, some rows at a time."""
    d = x.shape[1]
    return float(sum(((rows @ y.T) / d).add_(1).pow_(3).sum().item() for rows in x.split(ROWS)))


def _kernel_of_itself(x: Tensor) -> float:
    """Σ (xᵢ·xᵢ / d + 1)³."""
    return float((x.square().sum(1) / x.shape[1] + 1).pow(3).sum())


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
            f"The classes of {counted(len(classes), 'sample')} are too few: at least 2 samples "
            "are needed."
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


def bits_per_character(nll: Tensor, characters: Tensor) -> Estimate:
    """Bits for each character of texts: all nats of all texts by all of their characters.

    The standard error is that of a ratio of two means, to first order in 1/n (Cochran 1977,
    Sampling Techniques, chapter 6).

    **Arguments:**
    - `nll`: nats of each text, float64 `(n,)`.
    - `characters`: of each text, `(n,)`.
    """
    bits, length = nll / math.log(2), characters.double().mean()
    ratio = bits.mean() / length
    return Estimate(float(ratio), mean((bits - ratio * characters) / length).standard_error)


def bits_per_dimension(nll: Estimate, values: int) -> Estimate:
    """A negative log-likelihood of discrete values, in bits for each: nll / (values · ln 2).

    Theis et al. 2016, arXiv:1511.01844, section 3.1. It is the size of a file without loss.

    **Arguments:**
    - `nll`: nats per image.
    - `values`: of an image: channels × height × width.
    """
    per_bit = values * math.log(2)
    error = nll.standard_error
    return Estimate(nll.value / per_bit, None if error is None else error / per_bit)


def mean(values: Tensor) -> Estimate:
    """The mean over points, and its standard error.

    **Arguments:**
    - `values`: of each point, `(n,)`, of any type.
    """
    values = values.double()
    error = (
        told_error(values.std().item() / len(values) ** 0.5, values) if len(values) > 1 else None
    )
    return Estimate(values.mean().item(), error)


def check_features(samples: Tensor, reference: Tensor, needed: int) -> None:
    """Raise `DataError` for features of two extractors, and for too few."""
    if samples.dim() != 2 or reference.dim() != 2 or samples.shape[1] != reference.shape[1]:
        raise DataError(
            f"Features of shapes {tuple(samples.shape)} and {tuple(reference.shape)} do not "
            "compare: both must be "
            f"(n, d), of one extractor."
        )
    if (n := min(len(samples), len(reference))) < needed:
        raise DataError(
            f"{n} features are too few for this: pass at least {needed}, of samples and of "
            "reference."
        )


class _Given(nn.Module):
    """What torchmetrics takes features from: they are given already."""

    def __init__(self, num_features: int) -> None:
        super().__init__()
        self.num_features = num_features

    def forward(self, features: Tensor) -> Tensor:
        return features


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
    return told_error(
        ((g - 1) / g * (left_out - left_out.mean()).square().sum()).sqrt().item(), left_out
    )


def told_error(error: float, values: Tensor) -> float | None:
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
