"""Directions of a latent space that change samples most or least, or lead from class to class."""

import math
from typing import Any

import torch
from torch import Tensor, nn

from zoo.common.errors import DataError, counted
from zoo.editing.batches import all_decoded
from zoo.models import LatentModel
from zoo.sampling import latents

# latents around which a decoder is looked at, and decodings that this may take
AROUND = 16
DECODINGS = 4000
# how far a latent is moved to see what a direction does
STEP = 0.5
# steps of the linear classifier, and what it pays for the size of its weights
FITTED = 300
PENALTY = 1e-2


def by_first_layer(model: LatentModel[Any]) -> Tensor | None:
    """SeFa: eigenvectors of AᵀA, where A are the weights of the first layer, A z + b.

    Shen & Zhou 2021, arXiv:2007.06600, eq. 7. The sum of squares by which the layer's output
    changes is the eigenvalue.

    **Returns:** unit vectors, strongest first, `(d, d)`; None where the first layer is not linear.
    """
    weights = _first_weights(model)
    if weights is None:
        return None
    return eigenvectors(weights.double().T @ weights.double())


def by_jacobian(model: LatentModel[Any], seed: int) -> Tensor:
    """Eigenvectors of the mean of JᵀJ, where J are the derivatives of a sample by its latent.

    Ramesh et al. 2018, arXiv:1812.01161, section 3. J is taken by central differences around
    latents of the seed.

    **Returns:** unit vectors, strongest first, `(d, d)`.
    """
    dimensions = math.prod(model.latent_shape)
    around = max(1, min(AROUND, DECODINGS // (2 * dimensions)))
    identity = torch.eye(dimensions)
    total = torch.zeros(dimensions, dimensions, dtype=torch.float64)
    for index, z in enumerate(_drawn(model, around, seed).flatten(1)):
        labels = _labels(model, dimensions, index)
        up = _decoded(model, z + STEP * identity, labels)
        down = _decoded(model, z - STEP * identity, labels)
        jacobian = ((up - down) / (2 * STEP)).flatten(1).double()  # (d, values of a sample)
        total += jacobian @ jacobian.T
    return eigenvectors(total / around)


def by_encodings(encodings: Tensor) -> Tensor:
    """Principal components of encodings.

    **Arguments:**
    - `encodings`: float32 `(n, *latent_shape)`, n at least 2.

    **Returns:** unit vectors, those of the largest variance first, `(d, d)`.
    """
    flat = encodings.flatten(1).double()
    centred = flat - flat.mean(0)
    return eigenvectors(centred.T @ centred / (len(flat) - 1))


def eigenvectors(symmetric: Tensor) -> Tensor:
    """Unit eigenvectors of a matrix `(d, d)`, in rows, that of the largest eigenvalue first; the
    largest number of each is positive.
    """
    vectors: Tensor = torch.linalg.eigh(symmetric).eigenvectors.flip(1).T
    signs = vectors.gather(1, vectors.abs().argmax(1, keepdim=True)).sign()
    unit: Tensor = (vectors * signs).float()
    return unit


def between_means(start: Tensor, end: Tensor) -> Tensor:
    """The mean of some latents minus the mean of others, `(*latent_shape,)`.

    **Arguments:**
    - `start`, `end`: float32 `(n, *latent_shape)` and `(m, *latent_shape)`.
    """
    return end.mean(0) - start.mean(0)


def normal(start: Tensor, end: Tensor) -> Tensor:
    """The normal of a linear classifier that tells two groups of latents apart.

    The classifier is a logistic regression with a penalty of ½λ‖w‖². The normal is as long as the
    way between the means of the groups is along it.

    **Arguments:**
    - `start`, `end`: float32 `(n, *latent_shape)` and `(m, *latent_shape)`.

    **Returns:** `(*latent_shape,)`.
    """
    x = torch.cat([start, end]).flatten(1).double()
    y = torch.cat([torch.zeros(len(start)), torch.ones(len(end))]).double()
    # one spread for all: a dimension that the model does not use would else decide
    centre, spread = x.mean(0), x.std().clamp(min=1e-6)
    w = torch.zeros(x.shape[1], dtype=torch.float64, requires_grad=True)
    b = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([w, b], max_iter=FITTED, line_search_fn="strong_wolfe")
    standard = (x - centre) / spread

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = nn.functional.binary_cross_entropy_with_logits(standard @ w + b, y)
        value = value + PENALTY * w.square().sum() / 2
        value.backward()
        return value

    optimizer.step(loss)
    unit = w.detach() / w.detach().norm()
    length = unit @ between_means(start, end).flatten().double()
    scaled: Tensor = (unit * length).float()
    return scaled.view(start.shape[1:])


def strength(model: LatentModel[Any], vector: Tensor, seed: int) -> float:
    """How much a step along a direction and one against it differ: the mean absolute difference of
    the samples' values, of latents of the seed.
    """
    z, labels = _drawn(model, AROUND, seed), _labels(model, AROUND, 0)
    up, down = _decoded(model, z + vector, labels), _decoded(model, z - vector, labels)
    return float((up - down).abs().mean())


def _decoded(model: LatentModel[Any], z: Tensor, labels: Tensor | None) -> Tensor:
    """Samples of latents `(n, d)`, float32 also of texts: how far they differ is measured."""
    return all_decoded(model, z.view(-1, *model.latent_shape), labels).float()


def refuse_few(groups: dict[str, int]) -> None:
    """Raise `DataError` for a group of latents that is too small to have a mean.

    **Arguments:**
    - `groups`: how many latents there are of each class.
    """
    for name, number in groups.items():
        if number < 2:
            raise DataError(
                f"Only {counted(number, 'latent')} of the class {name!r} was found: a direction "
                "needs 2 of each class at least."
            )


def _drawn(model: LatentModel[Any], n: int, seed: int) -> Tensor:
    """Latents of a seed; of a conditional model, as its first class has them."""
    return latents(model, n, seed=seed, labels=_labels(model, n, 0))


def _labels(model: LatentModel[Any], n: int, label: int) -> Tensor | None:
    classes = model.config.num_classes
    return torch.full((n,), label % classes) if classes else None


def _first_weights(model: LatentModel[Any]) -> Tensor | None:
    """The weights of the first layer, by which it multiplies a latent, `(outputs, d)`; None where
    the first layer that is used is not linear, or does not take the latent itself.
    """
    if len(model.latent_shape) != 1:
        return None
    z = _drawn(model, 2, 0)
    found: list[Tensor | None] = []

    def look(layer: nn.Module, given: tuple[Any, ...]) -> None:
        if found or next(layer.children(), None) is not None or not given:
            return
        x = given[0]
        fits = isinstance(layer, nn.Linear) and x.dim() == 2 and x.shape[1] >= z.shape[1]
        same = fits and torch.equal(x[:, : z.shape[1]].float().cpu(), z)
        weights = layer.weight if isinstance(layer, nn.Linear) else None
        found.append(
            weights[:, : z.shape[1]].detach().cpu() if same and weights is not None else None
        )

    hooks = [layer.register_forward_pre_hook(look) for layer in model.modules()]
    try:
        _decoded(model, z, _labels(model, 2, 0))
    finally:
        for hook in hooks:
            hook.remove()
    return found[0] if found else None
