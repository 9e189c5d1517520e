"""Precision, recall, density and coverage, over disjoint parts of the reference."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from zoo.evaluation.metrics import ROWS, Estimate, check_features, told_error

NEIGHBOURS = 5  # a ball reaches to this neighbour
PARTS = 6  # of the reference, at least
MOST_PARTS = 60
POINTS = 10_000  # of a part, and of the samples, at most
# of the samples; a variance from them is known to √(2 / 10) = 45 %
HALVINGS = 10


class Manifolds(NamedTuple):
    """How samples and reference lie in one another's manifolds; see `manifolds`."""

    precision: Estimate
    recall: Estimate
    density: Estimate
    coverage: Estimate


class Plan(NamedTuple):
    """How many points are compared with how many.

    **Arguments:**
    - `size`: points of a block of samples, and of a part of the reference.
    - `blocks`: disjoint blocks of samples.
    - `parts`: disjoint parts of the reference.
    """

    size: int
    blocks: int
    parts: int


def manifolds(
    samples: Tensor, reference: Tensor, *, seed: int, neighbours: int = NEIGHBOURS
) -> Manifolds:
    """How samples lie among the reference and the reference among samples, by balls that reach to
    the k-th neighbour.

    With balls around each point, to its k-th nearest neighbour in its own set (k = 5, itself not
    counted):

    - precision: the share of samples in any ball of the reference; recall: the share of the
      reference in any ball of the samples (Kynkäänniemi et al. 2019, arXiv:1904.06991, eqs. 1 and
      2, where k = 3);
    - density: how many balls of the reference a sample lies in, on average, / k, which may exceed
      1; coverage: the share of balls of the reference that hold a sample (Naeem et al. 2020,
      arXiv:2002.09797, section 3).

    **Parts.** All four depend on the number of points, and the choice of a reference moves them by
    more than the choice of samples does. So the reference is split at random into disjoint parts of
    m points, m = min(n, a sixth of the reference, 10,000), 6 to 60 of them. Of the samples,
    disjoint blocks of m points are taken, 10,000 points at most. Each value is the mean over all
    pairs of a block and a part. Each pair compares m points with m.

    **Errors.** They are for both sets drawn anew. With P parts, write the value of sample i in part
    p as y_ip = μ + a_i + b_p + c_ip.

    - Precision and density are means of such y over samples and parts. Their variance is
      (σ_a² / n + σ_b² / P + σ_c² / nP), by a two-way analysis of variance: its mean squares
      estimate the three without bias.
    - Recall, given the samples, is a mean over independent points of the reference: the first part
      of its variance is that of a mean. The second, that of the samples' balls, is by halving:
      split the samples at random into halves A and B, each with its own balls, and let D be the
      difference of their recalls. Halves have twice the variance of the whole, and D twice that of
      a half, so D² / 4 estimates the variance; the part of D² that the finite reference adds is
      taken off. The mean is over 10 random halvings, looked at from 10,000 points of the reference.
    - Coverage: the variance over parts / P, plus D² / 4 of halves of the samples among halves of
      the parts, so that balls hold as many samples as before. (A jackknife over samples alone
      leaves balls the size they are, and gave up to 1.6 times the true error.)

    They are themselves known to about a third, since P is small.

    **Arguments:**
    - `samples`, `reference`: features, `(n, d)` and `(m, d)`; more than `neighbours`.
    - `seed`: of the parts, the blocks and the halvings.
    - `neighbours`: k.
    """
    check_features(samples, reference, needed=neighbours + 1)
    plan = planned(len(samples), len(reference), neighbours)
    generator = torch.Generator().manual_seed(seed)
    # taken off: it says nothing, and costs float32 digits
    centre = reference.mean(0)
    blocks, parts = (
        (some[torch.randperm(len(some), generator=generator)[: plan.size * count]] - centre).split(
            plan.size
        )
        for some, count in ((samples, plan.blocks), (reference, plan.parts))
    )
    halves = torch.stack(
        [torch.randperm(plan.size, generator=generator) % 2 == 0 for _ in range(HALVINGS)]
    )
    ours = [_Ours.of(block, halves, neighbours) for block in blocks]
    # parts whose points look at the halves' balls
    looking = -(-POINTS // plan.size)
    pairs = []
    for index, part in enumerate(parts):
        theirs = _Theirs.of(part, neighbours)
        pairs.append([_compared(own, theirs, halves, index < looking) for own in ours])
    return _estimates(plan, pairs, neighbours)


def planned(samples: int, reference: int, neighbours: int) -> Plan:
    """How many points are compared, of so many samples and so many of the reference. A reference
    that is too small for 6 parts gets fewer.
    """
    parts = max(1, min(PARTS, reference // (neighbours + 1)))
    size = min(samples, reference // parts, POINTS)
    return Plan(size, blocks=min(samples, POINTS) // size, parts=min(reference // size, MOST_PARTS))


def values_of(
    samples: Tensor, reference: Tensor, neighbours: int = NEIGHBOURS
) -> tuple[float, float, float, float]:
    """Precision, recall, density and coverage of all samples against all of the reference, as they
    are defined: one comparison, without errors.
    """
    halves = torch.ones(0, len(samples), dtype=torch.bool)
    pair = _compared(
        _Ours.of(samples, halves, neighbours), _Theirs.of(reference, neighbours), halves, False
    )
    return (
        (pair.counts > 0).double().mean().item(),
        pair.recalled.double().mean().item(),
        pair.counts.double().mean().item() / neighbours,
        pair.covered,
    )


def kth_neighbour_distance(points: Tensor, neighbours: int) -> Tensor:
    """The squared distance, `(n,)`, of each point to its k-th neighbour among the others; -1, which
    no distance is below, where there are too few.
    """
    if len(points) <= neighbours:
        return points.new_full((len(points),), -1.0)
    reach = []
    for index, rows in enumerate(points.split(ROWS)):
        distances = squared_distances(rows, points)
        own = torch.arange(len(rows))
        distances[own, index * ROWS + own] = torch.inf  # not its own neighbour
        reach.append(distances.topk(neighbours, largest=False).values[:, -1])
    return torch.cat(reach)


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """(len(a), len(b)), of rows; in float32 and by one matrix product, so it may fall a little
    below 0.
    """
    return (a.square().sum(1, keepdim=True) + b.square().sum(1)).addmm_(a, b.T, alpha=-2)


class _Ours(NamedTuple):
    """A block of samples, and how far their balls reach: among all, and among their half."""

    points: Tensor  # (m, d)
    reach: Tensor  # (m,)
    reach_in_half: Tensor  # (halvings, m)

    @classmethod
    def of(cls, points: Tensor, halves: Tensor, neighbours: int) -> "_Ours":
        in_half = torch.empty(len(halves), len(points))
        for chosen, reach in zip(halves, in_half, strict=True):
            for half in (chosen, ~chosen):
                reach[half] = kth_neighbour_distance(points[half], neighbours)
        return cls(points, kth_neighbour_distance(points, neighbours), in_half)


class _Theirs(NamedTuple):
    """A part of the reference, and how far its balls reach: among all, and among their half."""

    points: Tensor  # (m, d)
    reach: Tensor  # (m,)
    reach_in_half: Tensor  # (m,)

    @classmethod
    def of(cls, points: Tensor, neighbours: int) -> "_Theirs":
        middle = len(points) // 2
        halves = points[:middle], points[middle:]
        in_half = torch.cat([kth_neighbour_distance(half, neighbours) for half in halves])
        return cls(points, kth_neighbour_distance(points, neighbours), in_half)


class _Pair(NamedTuple):
    """What one block of samples and one part of the reference give.

    **Arguments:**
    - `counts`: balls of the part that hold each sample, `(m,)`.
    - `recalled`: whether each point of the part is in a ball of the samples, `(m,)`.
    - `covered`: the share of balls of the part that hold a sample.
    - `recalled_apart`: of each halving, whether a point is in a ball of the one half, less whether
        it is in one of the other, `(halvings, m)`; None where that was not looked at.
    - `covered_apart`: of each halving, the share of balls that the one half covers, less that of
        the other, `(halvings,)`.
    """

    counts: Tensor
    recalled: Tensor
    covered: float
    recalled_apart: Tensor | None
    covered_apart: Tensor


def _compared(ours: _Ours, theirs: _Theirs, halves: Tensor, look: bool) -> _Pair:
    """Compare a block with a part, some rows of distances at a time.

    **Arguments:**
    - `halves`: which samples are in the one half, `(halvings, m)`.
    - `look`: whether to find `recalled_apart`, which takes most of the time.
    """
    halvings, m = len(halves), len(theirs.points)
    counts = []
    covered, recalled = torch.zeros(m, dtype=torch.bool), torch.zeros(m, dtype=torch.bool)
    # samples of the one half, and of both, in each ball
    held = torch.zeros(2, halvings, m)
    found = torch.zeros(2, halvings, m, dtype=torch.bool)  # points in a ball of each half
    for rows, distances in _distances(ours.points, theirs.points):
        inside = distances <= theirs.reach
        counts.append(inside.sum(1))
        covered |= inside.any(0)
        recalled |= (distances <= ours.reach[rows, None]).any(0)
        if halvings:
            inside_half = (distances <= theirs.reach_in_half).float()
            held[0] += halves[:, rows].float() @ inside_half
            held[1] += inside_half.sum(0)
        if look:
            for index, (chosen, reach) in enumerate(zip(halves, ours.reach_in_half, strict=True)):
                within = distances <= reach[rows, None]
                found[0, index] |= within[chosen[rows]].any(0)
                found[1, index] |= within[~chosen[rows]].any(0)
    one, both = held
    covered_apart = ((one > 0).double() - (both > one).double()).mean(1)
    return _Pair(
        torch.cat(counts),
        recalled,
        covered.double().mean().item(),
        found[0].double() - found[1].double() if look else None,
        covered_apart,
    )


def _distances(a: Tensor, b: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Squared distances of some rows of `a` to all of `b`, and which rows."""
    for rows in torch.arange(len(a)).split(ROWS):
        yield rows, squared_distances(a[rows], b)


def _estimates(plan: Plan, pairs: list[list[_Pair]], neighbours: int) -> Manifolds:
    """The four metrics from all pairs, `pairs[part][block]`."""
    counts = torch.stack([torch.cat([pair.counts for pair in part]) for part in pairs], dim=1)
    # of each point of the reference, the share of blocks
    recalled = torch.cat(
        [torch.stack([pair.recalled for pair in part]).double().mean(0) for part in pairs]
    )
    covered = torch.tensor([[pair.covered for pair in part] for part in pairs]).double().mean(1)
    halved = plan.size // 2 > neighbours
    recall_error = coverage_error = None
    if halved and plan.parts > 1:
        seen = [
            [one for pair in part if (one := pair.recalled_apart) is not None] for part in pairs
        ]
        apart = torch.cat([torch.stack(one).mean(0) for one in seen if one], dim=1)
        # (halvings, points)
        by_chance = apart.var(1) / apart.shape[1]
        balls = (apart.mean(1).square() - by_chance).mean().clamp(min=0) / 4
        recall_error = (balls + recalled.var() / len(recalled)).sqrt().item()
        covered_apart = torch.stack([pair.covered_apart for part in pairs for pair in part]).mean(0)
        coverage_error = (
            (covered_apart.square().mean() / 4 + covered.var() / plan.parts).sqrt().item()
        )
    return Manifolds(
        precision=_crossed((counts > 0).double()),
        recall=Estimate(recalled.mean().item(), recall_error or None),
        density=_crossed(counts.double() / neighbours),
        coverage=Estimate(covered.mean().item(), coverage_error or None),
    )


def _crossed(values: Tensor) -> Estimate:
    """The mean of values of each sample in each part, `(n, parts)`, and its standard error when
    both are drawn anew (a two-way analysis of variance with one value a cell; each component is
    held to 0 at least).
    """
    n, parts = values.shape
    if min(n, parts) < 2:
        return Estimate(values.mean().item(), None)
    mean, of_samples, of_parts = values.mean(), values.mean(1), values.mean(0)
    rest = values - of_samples[:, None] - of_parts + mean
    by_sample = parts * of_samples.var()
    by_part = n * of_parts.var()
    by_both = rest.square().sum() / ((n - 1) * (parts - 1))
    total = (by_sample - by_both).clamp(min=0) + (by_part - by_both).clamp(min=0) + by_both
    return Estimate(mean.item(), told_error((total / (n * parts)).sqrt().item(), values))
