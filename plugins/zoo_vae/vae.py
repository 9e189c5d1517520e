"""The variational autoencoder (Kingma & Welling 2013, arXiv:1312.6114) without its networks."""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

import torch
from torch import Tensor
from torch.distributions import Bernoulli, Distribution, Independent, Normal

from zoo.models import (
    Autoencoder,
    Bounds,
    ConfigError,
    Fraction,
    ModelConfig,
    Objective,
    Rate,
    Size,
    Step,
)
from zoo_vae.likelihoods import ContinuousBernoulli
from zoo_vae.objectives import importance_weighted_bound, kl_to_prior, warm_up, with_free_bits


@dataclass(frozen=True, kw_only=True)
class VAEConfig(ModelConfig):
    """What every VAE's Config has: its likelihood, and the bound that it is trained by.

    **Arguments:**
    - `likelihood`: p(x | z) of a pixel. "bernoulli": binary; a grey pixel counts as a probability,
        as in the tutorials, and its "log-likelihood" is then the negative cross-entropy.
        "continuous-bernoulli" (Loaiza-Ganem & Cunningham 2019, arXiv:1907.06845) and "gaussian":
        densities over grey values, not to be compared with the first. The mean of a continuous
        Bernoulli pixel stays within 0.0625 to 0.9375: black comes out dark grey.
    - `sigma`: standard deviation of the gaussian likelihood, in units of the pixel range. About the
        root mean squared error of a reconstruction is best (Rybkin et al. 2021, arXiv:2006.13202);
        √½ is the tutorials' summed squared error, but for a constant of ½ log π a pixel.
    - `binarize`: train on binary pixels, drawn with their grey values as probabilities each time
        that a batch is seen (Salakhutdinov & Murray 2008; Burda et al. 2015, section 5), for the
        bernoulli likelihood alone. Outside of training, samples are taken as they are: an
        evaluation draws binary ones beforehand, by a seed that it states.
    - `beta`: weight of the KL term (β-VAE: Higgins et al. 2017); 1 is the evidence lower bound.
    - `beta_warmup`: share of the training over which that weight rises from 0, linearly (Sønderby
        et al. 2016, arXiv:1602.02282).
    - `free_bits`: least KL that is charged for a latent dimension, in nats (Kingma et al. 2016,
        arXiv:1606.04934).
    - `importance_samples`: latents drawn for each image while training; with 2 and more the
        importance weighted bound takes the place of the evidence lower bound (Burda et al. 2015,
        arXiv:1509.00519)."""

    likelihood: Literal["bernoulli", "continuous-bernoulli", "gaussian"] = "bernoulli"
    sigma: Annotated[float, Bounds(1e-3, 1e3)] = 0.1
    binarize: bool = False
    beta: Rate = 1.0
    beta_warmup: Fraction = 0.0
    free_bits: Rate = 0.0
    importance_samples: Size = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.sigma != type(self).sigma and self.likelihood != "gaussian":
            raise ConfigError(
                f"sigma = {self.sigma:g} would have no effect: it belongs to likelihood=gaussian, "
                "and this is "
                f"{self.likelihood}."
            )
        if self.binarize and self.likelihood != "bernoulli":
            raise ConfigError(
                f"binarize = true makes pixels binary, but likelihood = {self.likelihood} is a "
                "density over grey "
                "values: set binarize=false, or likelihood=bernoulli."
            )
        if self.importance_samples > 1 and (self.beta != 1 or self.beta_warmup or self.free_bits):
            raise ConfigError(
                f"importance_samples = {self.importance_samples} trains by the importance weighted "
                "bound, which has no "
                "KL term for beta, beta_warmup or free_bits to change: leave those out, or set "
                "importance_samples=1."
            )


C = TypeVar("C", bound=VAEConfig)


class VAE(Autoencoder[C]):
    """Encoder q(z | x) = N(z; μ(x), σ²(x)), likelihood p(x | z) as configured, prior p(z) = N(0,
    I).

    A subclass sets `latent_shape`, gives the two networks and derives its Config from `VAEConfig`;
    the prior is N(0, I), as the KL term assumes."""

    @abstractmethod
    def encoder_output(self, samples: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
        """The encoder network: mean and log-variance of q(z | x), each `(n, *latent_shape)`."""

    @abstractmethod
    def decoder_output(self, z: Tensor, labels: Tensor | None) -> Tensor:
        """The decoder network: logits of the pixels, `(n, *sample_shape)`."""

    def encode(self, samples: Tensor, labels: Tensor | None = None) -> "Independent[Normal]":
        """q(z | x): a normal distribution with a mean and a variance for each latent dimension."""
        mean, log_variance = self.encoder_output(samples, labels)
        deviation = (0.5 * log_variance.float()).exp()
        # unchecked: the training loop says better what a NaN means
        return Independent(Normal(mean.float(), deviation, validate_args=False), mean.dim() - 1)

    def likelihood(self, z: Tensor, labels: Tensor | None = None) -> Distribution:
        """p(x | z), independent over the pixels, with λ(z) the sigmoid of the logits.

        Its logarithm (Kingma & Welling 2013, appendix C) is Σ x log λ + (1 − x) log(1 − λ) for
        "bernoulli" (eq. 11), Σ −(x − λ)² / 2σ² − ½ log 2πσ² for "gaussian" (eq. 12, with one σ for
        all), and that of `ContinuousBernoulli` for the third."""
        logits = self.decoder_output(z, labels).float()
        pixels: Distribution
        if self.config.likelihood == "gaussian":
            pixels = Normal(logits.sigmoid(), self.config.sigma, validate_args=False)
        elif self.config.likelihood == "continuous-bernoulli":
            pixels = ContinuousBernoulli(logits=logits, validate_args=False)
        else:  # unchecked: a Bernoulli would refuse grey pixels
            pixels = Bernoulli(logits=logits, validate_args=False)
        return Independent(pixels, logits.dim() - 1, validate_args=False)

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        """Minimise the negative evidence lower bound, in nats per image (Kingma & Welling 2013, eq.
        3 and 10).

        −ELBO = E_q[−log p(x | z)] + β KL(q(z | x) ‖ p(z)), the expectation over one z = μ + σ·ε
        with ε ~ N(0, I), β and the KL as configured; or the importance weighted bound. The metrics
        are the two terms of the plain −ELBO."""
        config = self.config
        if config.binarize:
            samples = (
                torch.rand_like(samples) < samples
            ).float()  # torch.bernoulli takes three times as long
        posterior = self.encode(samples, labels)
        kl = kl_to_prior(posterior.mean, posterior.base_dist.stddev)  # (n, latent dimensions)
        if config.importance_samples == 1:
            z = posterior.rsample()  # the reparameterisation trick
            reconstruction = -self.likelihood(z, labels).log_prob(samples)
            beta = config.beta * warm_up(step, config.beta_warmup)
            loss = reconstruction + beta * with_free_bits(kl, config.free_bits)
        else:
            log_weights = self.log_weights(posterior, config.importance_samples, samples, labels)
            loss = -importance_weighted_bound(log_weights)
            reconstruction = -log_weights.mean(0) - kl.sum(
                1
            )  # a mean log-weight estimates the ELBO
        yield Objective(
            loss, metrics={"reconstruction": reconstruction.mean(), "kl": kl.sum(1).mean()}
        )
