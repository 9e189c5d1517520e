"""Mutants whose latents, posteriors and likelihoods don't fit together."""

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Uniform

from mutants.samples import Odd
from mutants.sound import Bell, Coder, Painter, found_by


@found_by("latents", r"prior\(\).sample\(\(2,\)\) has the shape \(2, 5\): .* it must be \(2, 2\)")
class Wide(Painter):
    """Its prior has other dimensions than it says."""

    def prior(self) -> Distribution:
        return Independent(Uniform(torch.zeros(5), torch.ones(5)), 1)

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().decode(z[:, :2], labels)


@found_by(
    "latents",
    r"prior\(\) has the batch shape \(2,\) and the event shape \(\): .*wrap it in Independent\(…, 1\)",
)
class Apart(Painter):
    """Its prior is one of two batches."""

    def prior(self) -> Distribution:
        return Uniform(torch.zeros(2), torch.ones(2))


@found_by(
    "latents",
    r"encode\(\) has the batch shape \(2, 2\) and the event shape \(\): it must have \(2,\) and \(2,\)",
)
class Separate(Coder):
    """Its posterior is not independent over z."""

    def encode(self, samples: Tensor, labels: Tensor | None = None) -> Distribution:
        return super().encode(samples, labels).base_dist


@found_by("latents", r"likelihood\(\) has the batch shape \(2, 1\) and the event shape \(2, 2\)")
class Rows(Coder):
    """Its likelihood leaves the channels out."""

    def likelihood(self, z: Tensor, labels: Tensor | None = None) -> Distribution:
        return Independent(super().likelihood(z, labels).base_dist, 2)


@found_by(
    "interpolation", r"does not end at its end points: decode\(\) must take each latent by itself"
)
class Following(Odd):
    """Lets the first of a batch of five show through, which no batch of another size does."""

    def spoil(self, samples: Tensor) -> Tensor:
        return (samples + samples[:1]) / 2 if len(samples) == 5 else samples


@found_by("interpolation", r"does not end at its end points")
class Tiring(Painter):
    """Stops a step short."""

    def interpolate(  # type: ignore[misc]  # final
        self, start: Tensor, end: Tensor, steps: int, labels: Tensor | None = None
    ) -> Tensor:
        return super().interpolate(start, torch.lerp(start, end, 1 - 1 / steps), steps, labels)


@found_by(
    "export", r"decode\(\) can't be captured by torch.export with a free batch: write x.shape"
)
class Counting(Painter):
    """Fixes the number of latents as a number."""

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return super().decode(z, labels).view(int(z.shape[0]), 1, 2, 2)


@found_by(
    "export", r"encode\(\) can't be captured by torch.export .* let no value of a tensor decide"
)
class Choosing(Coder):
    """Looks at what it encodes before it does."""

    def encode(self, samples: Tensor, labels: Tensor | None = None) -> Distribution:
        return super().encode(samples / 2 if samples.max() > 1 else samples, labels)


@found_by("likelihood", r"log_likelihood\(\) has the shape \(\): .* it must be \(3,\)")
class Mean(Bell):
    def log_likelihood(
        self, samples: Tensor, labels: Tensor | None = None, *, importance_samples: int = 1
    ) -> Tensor:
        return super().log_likelihood(samples, labels).mean()


@found_by(
    "likelihood", r"log_likelihood\(\) is not finite for samples in \[0, 1\]: look for a log of 0"
)
class Doubtful(Bell):
    """Finds everything impossible, except while it learns."""

    def log_likelihood(
        self, samples: Tensor, labels: Tensor | None = None, *, importance_samples: int = 1
    ) -> Tensor:
        value = super().log_likelihood(samples, labels)
        return value if self.training else value - torch.inf
