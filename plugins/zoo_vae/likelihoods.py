"""Distributions of pixels, computed from their logits: Bernoulli, and continuous Bernoulli."""

import math

import torch
from torch import Tensor
from torch.distributions import Independent
from torch.distributions.utils import broadcast_all
from torch.nn import functional as F

# |logit| where the density stops growing: float32 hardly tells λ from 0 or 1 there
LARGEST = 16.0
# below this |logit|, a series replaces the difference of two large numbers
SMALL = 0.3


class IndependentBernoulli(Independent):  # type: ignore[type-arg]  # in older torch it takes none
    """Independent Bernoulli pixels of images: adds up negative log-likelihoods, then changes the
    sign of the sums, which saves two passes over all pixels of a training step.
    """

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(x), in nats for each image; a grey pixel counts as a probability."""
        logits = self.base_dist.logits
        if value.shape != logits.shape:
            logits, value = broadcast_all(logits, value)
        losses = F.binary_cross_entropy_with_logits(logits, value, reduction="none")
        return -losses.flatten(-self.reinterpreted_batch_ndims).sum(-1)


class ContinuousBernoulli(torch.distributions.ContinuousBernoulli):
    """The continuous Bernoulli distribution: p(x) = C(λ) λˣ (1 − λ)¹⁻ˣ on [0, 1].

    Loaiza-Ganem & Cunningham 2019, arXiv:1907.06845, section 3.

    PyTorch computes C and the mean from λ. In float32, its rounding errors cost up to 0.08 nats,
    and 0.003 of the mean. We compute both from the logit a = log λ/(1 − λ).

    Beyond |a| = 16, C and the mean keep their values at 16. Otherwise the density of pixels that
    are always black grows without limit, and the model neglects the digits. The limited density
    integrates to 16/|a|, which is less than 1. So a lower bound of log p(x) stays a lower bound.
    """

    def log_prob(self, value: Tensor) -> Tensor:
        """log C + a·x − log(1 + eᵃ), where C = a / tanh(a/2), in nats for each pixel."""
        a, small, safe = self._parts()
        log_constant = torch.where(
            small, math.log(2) + a**2 / 12 - 7 * a**4 / 1440, (safe / (safe / 2).tanh()).log()
        )
        return log_constant + value * self.logits - F.softplus(self.logits)

    @property
    def mean(self) -> Tensor:
        """½ + ½ / tanh(a/2) − 1/a, between 0.0625 and 0.9375."""
        a, small, safe = self._parts()
        return 0.5 + torch.where(
            small, a / 12 - a**3 / 720 + a**5 / 30240, 0.5 / (safe / 2).tanh() - 1 / safe
        )

    def _parts(self) -> tuple[Tensor, Tensor, Tensor]:
        a = self.logits.clamp(-LARGEST, LARGEST)
        small = a.abs() < SMALL
        # torch.where computes both branches: the one not taken must not give a NaN gradient
        safe = torch.where(small, 1.0, a)
        return a, small, safe
