"""A mixture of discretised logistic distributions over grey levels (Salimans et al. 2017)."""

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints
from torch.nn import functional as F

from zoo.models import at_least_float32

# values of a channel of a pixel: 0, 1/255, …, 1
LEVELS = 256
# in units of half the range: much narrower than one level
SMALLEST_LOG_SCALE = -7.0


def parameters_per_pixel(components: int, channels: int) -> int:
    """How many numbers describe one pixel: weights, means, scales and links between channels."""
    return components * (1 + 2 * channels + channels * (channels - 1) // 2)


class LogisticMixture(Distribution):
    """The distribution of images with 256 levels (arXiv:1701.05517, sections 2.1 and 2.2).

    A pixel is a mixture of K components. In each, a channel is logistic with mean μ and scale s,
    rounded to the nearest level: P(x) = σ((x + ½ − μ)/s) − σ((x − ½ − μ)/s), where the lowest and
    the highest level take the tails. The mean of a later channel is linear in the earlier ones:
    μ_g + α x_r, and μ_b + β x_r + γ x_g (eq. 3). Its logarithm is a probability's, not a
    density's: −log₂ p(x) / (number of values) is bits per dimension.

    **Arguments:**
    - `parameters`: `(n, parameters_per_pixel, h, w)`, any numbers.
    - `components`: the number K of components.
    - `channels`: channels of the images.
    """

    arg_constraints: ClassVar[dict[str, constraints.Constraint]] = {}
    levels: ClassVar[int] = LEVELS
    support = constraints.independent(constraints.unit_interval, 3)

    def __init__(self, parameters: Tensor, components: int, channels: int) -> None:
        n, _, height, width = parameters.shape
        links = channels * (channels - 1) // 2
        sizes = [components, components * channels, components * channels, components * links]
        weights, means, scales, linear = at_least_float32(parameters).split(sizes, dim=1)
        self.log_weights = weights.log_softmax(dim=1)  # (n, K, h, w)
        self.means = means.view(n, components, channels, height, width)
        self.log_scales = scales.view_as(self.means).clamp(min=SMALLEST_LOG_SCALE)
        self.links = linear.tanh().view(n, components, links, height, width)
        super().__init__(
            torch.Size((n,)), torch.Size((channels, height, width)), validate_args=False
        )

    def log_prob(self, value: Tensor) -> Tensor:
        """Σ over pixels of log Σₖ πₖ Pₖ(x): nats per image, `(n,)`.

        **Arguments:**
        - `value`: images in [0, 1], `(n, channels, h, w)`; each value is rounded to its level.
        """
        level = (value * (LEVELS - 1)).round()
        x = (level / (LEVELS - 1) * 2 - 1).unsqueeze(1)  # (n, 1, c, h, w), in [-1, 1]
        centred = x - self._linked(x)
        inverse = (-self.log_scales).exp()
        half = 1 / (LEVELS - 1)
        upper, lower = inverse * (centred + half), inverse * (centred - half)
        inside = (upper.sigmoid() - lower.sigmoid()).clamp(min=1e-12).log()
        # For a very unlikely level, the difference is only rounding error: take density × width.
        middle = inverse * centred
        density = middle - self.log_scales - 2 * F.softplus(middle) + math.log(2 * half)
        inside = torch.where(upper.sigmoid() - lower.sigmoid() > 1e-5, inside, density)
        level = level.unsqueeze(1)
        each = torch.where(level < 0.5, F.logsigmoid(upper), inside)
        each = torch.where(level > LEVELS - 1.5, -F.softplus(lower), each)
        pixel: Tensor = (self.log_weights + each.sum(dim=2)).logsumexp(dim=1)  # (n, h, w)
        return pixel.flatten(1).sum(1)

    @property
    def mean(self) -> Tensor:
        """E[x] in [0, 1], `(n, channels, h, w)`, up to effects of rounding and of the tails."""
        means = self._linked(None).clamp(-1, 1)
        weighted: Tensor = (self.log_weights.exp().unsqueeze(2) * means).sum(dim=1)
        return (weighted + 1) / 2

    @torch.no_grad()
    def sample(self, sample_shape: "torch.Size | list[int] | tuple[int, ...]" = ()) -> Tensor:
        """Images of the 256 levels, `(*sample_shape, n, channels, h, w)`."""
        draws = [self._sample() for _ in range(math.prod(sample_shape))]
        return torch.stack(draws).view(*sample_shape, *self.batch_shape, *self.event_shape)

    def _sample(self) -> Tensor:
        """Draw one image each: first a component for each pixel, then one channel after another."""
        gumbel = -(-torch.rand_like(self.log_weights).clamp(1e-7, 1 - 1e-7).log()).log()
        chosen = (self.log_weights + gumbel).argmax(dim=1)[:, None, None]  # (n, 1, 1, h, w)

        def of_component(values: Tensor) -> Tensor:
            return values.gather(1, chosen.expand(-1, 1, values.shape[2], -1, -1)).squeeze(1)

        means, scales, links = map(of_component, (self.means, self.log_scales, self.links))
        x = torch.zeros_like(means)
        for channel in range(means.shape[1]):
            first = channel * (channel - 1) // 2
            before = links[:, first : first + channel] * x[:, :channel]
            u = torch.rand_like(means[:, channel]).clamp(1e-5, 1 - 1e-5)
            drawn = means[:, channel] + before.sum(1) + scales[:, channel].exp() * u.logit()
            x[:, channel] = drawn.clamp(-1, 1)
        levels = ((x + 1) / 2 * (LEVELS - 1)).round()
        return levels / (LEVELS - 1)

    def _linked(self, x: Tensor | None) -> Tensor:
        """The means given the earlier channels of x in [-1, 1]; without x, given their means."""
        means: list[Tensor] = []
        for channel in range(self.means.shape[2]):
            mean = self.means[:, :, channel]
            first = channel * (channel - 1) // 2
            for earlier in range(channel):
                given = means[earlier] if x is None else x[:, :, earlier]
                mean = mean + self.links[:, :, first + earlier] * given
            means.append(mean)
        return torch.stack(means, dim=2)
