"""The latent whose sample is nearest to an image: the best of many draws, then gradient steps."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from zoo.common.compute import exact_convolutions
from zoo.common.watching import Watch
from zoo.editing.batches import decoded, encoded
from zoo.models import Autoencoder, LatentModel
from zoo.sampling import latents

# latents that are decoded at once with gradients
DESCENDED = 16
# the step of Adam, in standard deviations of the prior: at the beginning, and its last part
RATE = 0.05
LAST = 0.05


@dataclass(frozen=True)
class Found:
    """Latents that were found for images.

    **Arguments:**
    - `latents`: float32 `(n, *latent_shape)`.
    - `labels`: int64 `(n,)` for a conditional model, else None.
    - `errors`: squared error of each, summed over the values of the image, float32 `(n,)`.
    - `before`: the same before the gradient steps.
    """

    latents: Tensor
    labels: Tensor | None
    errors: Tensor
    before: Tensor


def nearest(
    model: LatentModel[Any],
    samples: Tensor,
    labels: Tensor | None = None,
    *,
    seed: int,
    draws: int,
    steps: int,
    watch: Watch | None = None,
) -> Found:
    """The latents whose samples have the least squared error.

    The search starts from the mean of the encoder where there is one, else from the best of
    `draws` latents of the seed, and takes steps of Adam (Kingma & Ba 2014, arXiv:1412.6980) down
    the gradient. The best latent on the way is kept. That of one image does not depend on the
    others.

    **Arguments:**
    - `model`: in eval mode.
    - `samples`: float32 `(n, *sample_shape)`; images in [0, 1].
    - `labels`: int64 `(n,)` for a conditional model; those of the best draws unless given, which
        an encoder can't do.
    - `seed`: of the draws, as for `sampling.latents`.
    - `draws`: latents to choose from.
    - `steps`: gradient steps.
    - `watch`: shows how far it is.

    **Returns:** what was found, on the CPU.
    """
    encodes = isinstance(model, Autoencoder) and (labels is not None or not _classes(model))
    parts = range(0, len(samples), DESCENDED)
    total = len(parts) * steps
    counter: Iterator[Any] = iter(
        watch(range(total), total, "Inverting") if watch else range(total)
    )
    if encodes:
        start, chosen = encoded(model, samples, labels), labels
    else:
        start, chosen = best_draws(model, samples, labels, seed=seed, draws=draws)
    found = []
    for first in parts:
        part = slice(first, first + DESCENDED)
        some = None if chosen is None else chosen[part]
        ticks = (next(counter) for _ in range(steps))
        found.append(descend(model, start[part], some, samples[part], ticks, steps))
    next(counter, None)
    z, errors, before = (torch.cat(one) for one in zip(*found, strict=True))
    return Found(z, chosen, errors, before)


def likeliest_labels(model: Autoencoder[Any], samples: Tensor) -> Tensor:
    """Of a conditional model with a likelihood, the class that makes each sample most likely, given
    the mean of its latents in that class: int64 `(n,)` on the CPU.

    **Arguments:**
    - `samples`: `(n, *sample_shape)`.
    """
    found = []
    for label in range(model.config.num_classes):
        labels = torch.full((len(samples),), label)
        z, there = model.placed(encoded(model, samples, labels)), labels.to(model.device)
        with torch.no_grad():
            found.append(model.likelihood(z, there).log_prob(model.placed(samples)).cpu())
    return torch.stack(found).argmax(0)


def best_draws(
    model: LatentModel[Any],
    samples: Tensor,
    labels: Tensor | None = None,
    *,
    seed: int,
    draws: int,
    start: int = 0,
    weights: Tensor | None = None,
) -> tuple[Tensor, Tensor | None]:
    """Of latents of a seed, the one whose sample is nearest, for each image.

    **Arguments:**
    - `samples`: float32 `(n, *sample_shape)`.
    - `labels`: int64 `(n,)` for a conditional model; unless given, the draws take its classes in
        turn, and the class of the best comes with it.
    - `seed`, `draws`, `start`: latents `start` … `start + draws - 1` of the seed are tried.
    - `weights`: what each value of the images counts, `sample_shape`; 1 unless given.

    **Returns:** latents `(n, *latent_shape)`, and labels `(n,)` for a conditional model.
    """
    if labels is None:
        classes = _classes(model)
        drawn = (torch.arange(draws) + start) % classes if classes else None
        z = latents(model, draws, seed=seed, start=start, labels=drawn)
        best = _nearest_of(model, z, drawn, samples, weights)
        return z[best], None if drawn is None else drawn[best]
    chosen = torch.zeros(len(samples), *model.latent_shape)
    for label in labels.unique():
        of_class, drawn = labels == label, label.expand(draws)
        z = latents(model, draws, seed=seed, start=start, labels=drawn)
        chosen[of_class] = z[_nearest_of(model, z, drawn, samples[of_class], weights)]
    return chosen, labels


def descend(
    model: LatentModel[Any],
    start: Tensor,
    labels: Tensor | None,
    samples: Tensor,
    ticks: Iterable[Any],
    steps: int,
    *,
    weights: Tensor | None = None,
    prior: float = 0.0,
) -> tuple[Tensor, Tensor, Tensor]:
    """Take gradient steps from latents towards samples.

    **Arguments:**
    - `start`: latents `(n, *latent_shape)`.
    - `labels`: int64 `(n,)` for a conditional model.
    - `samples`: float32 `(n, *sample_shape)`.
    - `ticks`: one for each of the `steps`.
    - `weights`: what each value of the samples counts, `sample_shape`; 1 unless given.
    - `prior`: weight of −log p(z) beside the squared error.

    **Returns:** the best latents on the way, their squared errors, and those at the start, all on
    the CPU.
    """
    where, dtype = model.device, model.dtype
    target, given = samples.to(where, dtype), None if labels is None else labels.to(where)
    counts = 1.0 if weights is None else weights.to(where, dtype)
    z = start.to(where, dtype).clone().requires_grad_(True)
    rate = RATE * _spread(model)
    optimizer = torch.optim.Adam([z], lr=rate)
    best, least = z.detach().clone(), torch.full((len(z),), math.inf, device=where)
    errors, before = least.clone(), least.clone()

    def keep_best() -> Tensor:
        nonlocal before, errors, least
        with exact_convolutions():
            error = (counts * (model.decode(z, given) - target).square()).flatten(1).sum(1)
        total = error + prior * _surprise(model, z, given) if prior else error
        better = total.detach() < least
        best[better] = z.detach()[better]
        least = torch.where(better, total.detach(), least)
        errors = torch.where(better, error.detach().float(), errors)
        if before.isinf().all():
            before = error.detach().float()
        return total.sum()

    for step, _ in enumerate(ticks):
        share = (1 + math.cos(math.pi * step / steps)) / 2
        optimizer.param_groups[0]["lr"] = rate * (LAST + (1 - LAST) * share)
        (z.grad,) = torch.autograd.grad(keep_best(), z)
        optimizer.step()
    with torch.no_grad():
        keep_best()
    return best.float().cpu(), errors.cpu(), before.cpu()


def _nearest_of(
    model: LatentModel[Any],
    z: Tensor,
    classes: Tensor | None,
    samples: Tensor,
    weights: Tensor | None,
) -> Tensor:
    """The index of the latent whose sample is nearest to each of `samples`, int64 `(n,)`."""
    root = 1.0 if weights is None else weights.sqrt()
    wanted = (samples * root).flatten(1)
    best, chosen = (
        torch.full((len(samples),), math.inf),
        torch.zeros(len(samples), dtype=torch.int64),
    )
    first = 0
    for drawn, _ in decoded(model, z, classes):
        error, index = torch.cdist(wanted, (drawn * root).flatten(1)).min(1)
        better = error < best
        best[better], chosen[better] = error[better], first + index[better]
        first += len(drawn)
    return chosen


def _classes(model: LatentModel[Any]) -> int:
    number: int = model.config.num_classes
    return number


def _spread(model: LatentModel[Any]) -> float:
    """The standard deviation of the numbers of a latent, over all of them."""
    if type(model).prior is LatentModel.prior:
        return 1.0
    labels = torch.arange(64) % _classes(model) if _classes(model) else None
    return float(latents(model, 64, seed=0, labels=labels).std()) or 1.0


def _surprise(model: LatentModel[Any], z: Tensor, labels: Tensor | None) -> Tensor:
    """−log p(z), `(n,)`, up to a constant where the prior is standard normal."""
    if type(model).prior is LatentModel.prior:
        return z.square().flatten(1).sum(1) / 2
    return -model.prior(labels).log_prob(z.cpu()).to(z.device)
