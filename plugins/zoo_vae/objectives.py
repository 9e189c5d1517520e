"""The terms of the loss of a VAE: KL divergence, free bits, warm-up, importance weighted bound."""

import math

import torch
from torch import Tensor

from zoo.models import Step


def kl_to_prior(mean: Tensor, deviation: Tensor) -> Tensor:
    """The KL divergence from the prior: KL(N(μ, σ²) ‖ N(0, 1)) = ½ (μ² + σ² − 1 − log σ²).

    Kingma & Welling 2013, arXiv:1312.6114, appendix B.

    **Arguments:**
    - `mean`, `deviation`: μ and σ of q(z | x), each `(n, *latent_shape)`.

    **Returns:** nats for each latent dimension, `(n, latent dimensions)`.
    """
    # log σ, not log σ²: the square of a small σ is 0 in float32
    return 0.5 * (mean**2 + deviation**2 - 1 - 2 * deviation.log()).flatten(1)


def with_free_bits(kl: Tensor, least: float) -> Tensor:
    """Free bits: Σⱼ max(λ, KLⱼ), where KLⱼ is the mean over the batch for latent dimension j.

    Kingma et al. 2016, arXiv:1606.04934, eq. 15. A dimension with a mean below λ costs λ, whatever
    it encodes, and gets no gradient.

    **Arguments:**
    - `kl`: nats for each latent dimension, `(n, latent dimensions)`.
    - `least`: λ, nats for each latent dimension; 0 gives the plain sum.

    **Returns:** nats per image, `(n,)`; their mean is the formula.
    """
    return (torch.where(kl.mean(0) < least, least, kl) if least else kl).sum(1)


def warm_up(step: Step, share: float) -> float:
    """The factor of β during warm-up: it grows linearly from 0 to 1.

    So the encoder learns to use the latents before the KL term pulls them to the prior (Sønderby et
    al. 2016, arXiv:1602.02282).

    **Arguments:**
    - `step`: the current step of the training.
    - `share`: part of the training that the warm-up takes, 0 to 1; with 0 the factor is always 1.
    """
    steps = share * step.total
    return min(1.0, step.index / steps) if steps else 1.0


def importance_weighted_bound(log_weights: Tensor) -> Tensor:
    """The importance weighted bound log 1/K Σₖ wₖ, where wₖ = p(x, zₖ) / q(zₖ | x).

    Burda et al. 2015, arXiv:1509.00519, eq. 8.

    **Arguments:**
    - `log_weights`: log wₖ in nats, `(K, n)`.

    **Returns:** nats per image, `(n,)`. On average it is at most log p(x); a larger K brings it
    closer.
    """
    return log_weights.logsumexp(0) - math.log(len(log_weights))
