"""The variational autoencoder (Kingma & Welling 2013, arXiv:1312.6114), short of its two networks."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import TypeVar

import torch
from torch import Tensor
from torch.distributions import Bernoulli, Distribution, Independent, Normal, kl_divergence

from zoo.models import Autoencoder, ModelConfig, Objective, Step

C = TypeVar("C", bound=ModelConfig)


class VAE(Autoencoder[C]):
    """Encoder q(z | x) = N(z; μ(x), σ²(x)), likelihood p(x | z) = ∏ Bernoulli(x; p(z)), prior p(z) = N(0, I).

    Pixels between 0 and 1 count as probabilities, as in the tutorials: the "log-likelihood" of a grey pixel is then the
    negative binary cross-entropy. A subclass sets `latent_shape` and gives the two networks; the prior is N(0, I), as
    the KL term assumes.
    """

    @abstractmethod
    def encoder_output(self, samples: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
        """The encoder network: mean and log-variance of q(z | x), each `(n, *latent_shape)`."""

    @abstractmethod
    def decoder_output(self, z: Tensor, labels: Tensor | None) -> Tensor:
        """The decoder network: logits of the pixels, `(n, *sample_shape)`."""

    def encode(self, samples: Tensor, labels: Tensor | None = None) -> Distribution:
        """q(z | x), a normal distribution with its own mean and variance for each latent dimension."""
        mean, log_variance = self.encoder_output(samples, labels)
        deviation = (0.5 * log_variance.float()).exp()
        # unchecked: the training loop says better what a NaN means
        return Independent(Normal(mean.float(), deviation, validate_args=False), mean.dim() - 1)

    def likelihood(self, z: Tensor, labels: Tensor | None = None) -> Distribution:
        """p(x | z), an independent Bernoulli distribution for each pixel."""
        logits = self.decoder_output(z, labels).float()
        # unchecked: a Bernoulli would refuse grey pixels
        return Independent(Bernoulli(logits=logits, validate_args=False), logits.dim() - 1, validate_args=False)

    def training_step(self, samples: Tensor, labels: Tensor | None, step: Step) -> Iterator[Objective]:
        """Minimise the negative evidence lower bound, in nats per image (Kingma & Welling 2013, eq. 3 and 10).

        −ELBO = E_q[−log p(x | z)] + KL(q(z | x) ‖ p(z)), the expectation over one z = μ + σ·ε with ε ~ N(0, I).
        """
        posterior = self.encode(samples, labels)
        z = posterior.rsample()  # the reparameterisation trick
        reconstruction = -self.likelihood(z, labels).log_prob(samples).mean()
        kl = kl_divergence(posterior, _standard_normal(z)).mean()
        yield Objective(reconstruction + kl, metrics={"reconstruction": reconstruction, "kl": kl})


def _standard_normal(z: Tensor) -> Distribution:
    return Independent(Normal(torch.zeros_like(z), torch.ones_like(z), validate_args=False), z.dim() - 1)
