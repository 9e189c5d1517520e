"""The terms that a VAE minimises: divergence, free bits, warm-up, weighted bound."""

import math

import torch
from torch import Tensor

from zoo.models import Step


def kl_to_prior(mean: Tensor, deviation: Tensor) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, 1)) = ½ (μ² + σ² − 1 − log σ²) (Kingma & Welling 2013, arXiv:1312.6114,
    appendix B).

    **Arguments:**
    - `mean`, `deviation`: μ and σ of q(z | x), each `(n, *latent_shape)`.

    **Returns:** nats for each latent dimension, `(n, latent dimensions)`.
    """
    # of σ, not of σ²: float32 still holds a σ whose square is 0
    return 0.5 * (mean**2 + deviation**2 - 1 - 2 * deviation.log()).flatten(1)


def with_free_bits(kl: Tensor, least: float) -> Tensor:
    """Σⱼ max(λ, KLⱼ), with KLⱼ the batch's mean of dimension j (Kingma et al. 2016,
    arXiv:1606.04934, eq. 15).

    A dimension whose mean is below λ costs λ whatever it encodes, and gets no gradient.

    **Arguments:**
    - `kl`: nats for each latent dimension, `(n, latent dimensions)`.
    - `least`: λ, nats for each latent dimension; 0 gives the plain sum.

    **Returns:** nats per image, `(n,)`; their mean is the formula.
    """
    return (torch.where(kl.mean(0) < least, least, kl) if least else kl).sum(1)


def warm_up(step: Step, share: float) -> float:
    """The factor of β: from 0 in a straight line to 1 after `share` of the training.

    So the encoder has found something to say before the prior is held against it (Sønderby et al.
    2016, arXiv:1602.02282).

    **Arguments:**
    - `step`: where training stands.
    - `share`: 0 to 1; with 0 the factor is 1 from the first step on.
    """
    steps = share * step.total
    return min(1.0, step.index / steps) if steps else 1.0


def importance_weighted_bound(log_weights: Tensor) -> Tensor:
    """log 1/K Σₖ wₖ with wₖ = p(x, zₖ) / q(zₖ | x) (Burda et al. 2015, arXiv:1509.00519, eq. 8).

    **Arguments:**
    - `log_weights`: log wₖ in nats, `(K, n)`.

    **Returns:** nats per image, `(n,)`: at most log p(x) on average, and closer to it the larger K.
    """
    return log_weights.logsumexp(0) - math.log(len(log_weights))
