"""The continuous Bernoulli distribution of a pixel in [0, 1], computed from its logit."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

LARGEST = 16.0  # |logit| where the density stops to grow: where float32 hardly tells λ from 0 or 1
SMALL = 0.3  # |logit| below which a series replaces a difference of two large numbers


class ContinuousBernoulli(torch.distributions.ContinuousBernoulli):
    """p(x) = C(λ) λˣ (1 − λ)¹⁻ˣ on [0, 1] (Loaiza-Ganem & Cunningham 2019, arXiv:1907.06845,
    section 3).

    PyTorch computes C and the mean from λ, whose rounding costs up to 0.08 nats and 0.003 of the
    mean in float32; here they come from the logit a = log λ/(1 − λ). Beyond |a| = 16 they stay as
    they are there: else the density of pixels that are always black grows without bound, and the
    digits are lost over it. Held down so, it integrates to 16/|a|, less than 1, and a bound of log
    p(x) stays one."""

    def log_prob(self, value: Tensor) -> Tensor:
        """log C + a·x − log(1 + eᵃ) with C = a / tanh(a/2): nats for each pixel."""
        a, small, safe = self._parts()
        log_constant = torch.where(
            small, math.log(2) + a**2 / 12 - 7 * a**4 / 1440, (safe / (safe / 2).tanh()).log()
        )
        return log_constant + value * self.logits - F.softplus(self.logits)

    @property
    def mean(self) -> Tensor:
        """½ + ½ / tanh(a/2) − 1/a, from 0.0625 to 0.9375."""
        a, small, safe = self._parts()
        return 0.5 + torch.where(
            small, a / 12 - a**3 / 720 + a**5 / 30240, 0.5 / (safe / 2).tanh() - 1 / safe
        )

    def _parts(self) -> tuple[Tensor, Tensor, Tensor]:
        a = self.logits.clamp(-LARGEST, LARGEST)
        small = a.abs() < SMALL
        return (
            a,
            small,
            torch.where(small, 1.0, a),
        )  # safe: the branch not taken must not give a NaN gradient
