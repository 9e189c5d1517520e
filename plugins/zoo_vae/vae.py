"""The base class of VAEs (Kingma & Welling 2013, arXiv:1312.6114): losses, without networks."""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

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
    at_least_float32,
)
from zoo_vae.likelihoods import ContinuousBernoulli, IndependentBernoulli
from zoo_vae.mixture import LogisticMixture, parameters_per_pixel
from zoo_vae.objectives import importance_weighted_bound, kl_to_prior, warm_up, with_free_bits


@dataclass(frozen=True, kw_only=True)
class VAEConfig(ModelConfig):
    """The settings that every VAE has: the likelihood, and the bound that training maximises.

    **Arguments:**
    - `likelihood`: distribution p(x | z) of a pixel. "bernoulli" is for binary pixels; a grey pixel
        counts as a probability, as in most tutorials, and its log-likelihood is the negative
        cross-entropy. "gaussian" and "continuous-bernoulli" (Loaiza-Ganem & Cunningham 2019,
        arXiv:1907.06845) are densities of grey values; do not compare them with the first. The
        mean of a continuous Bernoulli pixel stays between 0.0625 and 0.9375, so black becomes dark
        grey. "logistic-mixture" (Salimans et al. 2017, arXiv:1701.05517) gives a probability to
        each of 256 levels, in grey or colour. Divide its nats per image by ln 2 and by the number
        of values for bits per dimension.
    - `components`: logistic distributions in the mixture of a pixel.
    - `sigma`: standard deviation of the gaussian likelihood; pixels range from 0 to 1. The best
        value is about the root mean squared error of a reconstruction (Rybkin et al. 2021,
        arXiv:2006.13202). With √½ the loss is the summed squared error of most tutorials, up to a
        constant of ½ log π for each pixel.
    - `binarize`: train on binary pixels, for likelihood=bernoulli only. Each time a batch is used,
        every pixel is drawn anew with its grey value as the probability (Salakhutdinov & Murray
        2008; Burda et al. 2015, section 5). An evaluation draws the test images once, with a seed
        that it states.
    - `beta`: weight of the KL term; 1 gives the ELBO, another value a β-VAE (Higgins et al. 2017).
    - `beta_warmup`: part of the training, 0 to 1, in which the weight of the KL term grows from 0
        (Sønderby et al. 2016, arXiv:1602.02282).
    - `free_bits`: nats of KL that each latent dimension may use at no cost (Kingma et al. 2016,
        arXiv:1606.04934).
    - `importance_samples`: latents drawn for each image in training; 2 or more give an importance
        weighted autoencoder (Burda et al. 2015, arXiv:1509.00519).
    """

    likelihood: Literal["bernoulli", "continuous-bernoulli", "gaussian", "logistic-mixture"] = (
        "bernoulli"
    )
    components: Size = 10
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
                f"sigma = {self.sigma:g} has no effect with likelihood={self.likelihood}: leave it "
                "out, or set likelihood=gaussian."
            )
        if self.binarize and self.likelihood != "bernoulli":
            raise ConfigError(
                f"binarize = true makes pixels binary, but likelihood = {self.likelihood} is a "
                "distribution of grey values: set binarize=false, or likelihood=bernoulli."
            )
        if self.importance_samples > 1 and (self.beta != 1 or self.beta_warmup or self.free_bits):
            raise ConfigError(
                f"importance_samples = {self.importance_samples} trains with the importance "
                "weighted bound, which has no KL term: leave out beta, beta_warmup and free_bits, "
                "or set importance_samples=1."
            )

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of what the decoder network gives for one image: a number for each value, or the
        parameters of a mixture for each pixel."""
        if self.likelihood != "logistic-mixture":
            return self.sample_shape
        if len(self.sample_shape) != 3:
            raise ConfigError("likelihood = logistic-mixture is of images: (channels, h, w).")
        channels, *size = self.sample_shape
        return (parameters_per_pixel(self.components, channels), *size)


C = TypeVar("C", bound=VAEConfig)


class VAE(Autoencoder[C]):
    """A VAE: encoder q(z | x) = N(z; μ(x), σ²(x)), likelihood p(x | z), prior p(z) = N(0, I).

    A subclass derives its Config from `VAEConfig`, sets `latent_shape`, and gives two networks:
    `encoder_output` and `decoder_output`. The prior must be N(0, I): the KL term assumes it.
    """

    def __init__(self, config: C) -> None:
        super().__init__(config)
        self._terms = terms

    @abstractmethod
    def encoder_output(self, samples: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor]:
        """The encoder: mean and log-variance of q(z | x), each `(n, *latent_shape)`."""

    @abstractmethod
    def decoder_output(self, z: Tensor, labels: Tensor | None) -> Tensor:
        """The decoder: logits of the pixels, `(n, *sample_shape)`."""

    def encode(self, samples: Tensor, labels: Tensor | None = None) -> Distribution:
        """Encode samples: the distribution q(z | x) of their latents.

        **Arguments:**
        - `samples`: float32 in [0, 1], `(n, *sample_shape)`.
        - `labels`: int64 `(n,)`, if the model is conditional.

        **Returns:** a normal distribution for each sample, not a tensor. `.mean` has shape
        `(n, *latent_shape)`; `.rsample()` draws latents, through which gradients flow.
        """
        mean, log_variance = self.encoder_output(samples, labels)
        deviation = (0.5 * at_least_float32(log_variance)).exp()
        # not validated: the training loop reports a NaN in better words
        normal = Normal(at_least_float32(mean), deviation, validate_args=False)
        return Independent(normal, mean.dim() - 1, validate_args=False)

    def likelihood(self, z: Tensor, labels: Tensor | None = None) -> Distribution:
        """The distribution p(x | z) of images; pixels are independent given z.

        With λ = sigmoid(logits), log p(x | z) is (Kingma & Welling 2013, appendix C):

        - "bernoulli": Σ x log λ + (1 − x) log(1 − λ) (eq. 11),
        - "gaussian": Σ −(x − λ)² / 2σ² − ½ log 2πσ² (eq. 12, with the same σ for all pixels),
        - "continuous-bernoulli": see `ContinuousBernoulli`,
        - "logistic-mixture": see `LogisticMixture`.
        """
        return self.pixels(self.decoder_output(z, labels))

    def likelihood_and_kl(
        self, samples: Tensor, labels: Tensor | None
    ) -> tuple[Distribution, Tensor]:
        """p(x | z) for one z ~ q(z | x) an image, and the KL of each latent dimension, `(n, d)`."""
        posterior = self.encode(samples, labels)
        z = posterior.rsample()  # the reparameterisation trick
        return self.likelihood(z, labels), self.divergence(posterior)

    def divergence(self, posterior: Distribution) -> Tensor:
        """KL(q(z | x) ‖ p(z)) of each latent dimension: nats, `(n, latent dimensions)`."""
        assert isinstance(posterior, Independent)
        return kl_to_prior(posterior.mean, posterior.base_dist.stddev)

    def pixels(self, output: Tensor) -> Distribution:
        """p(x | z) from the output of the decoder network, `(n, *config.output_shape)`."""
        logits = at_least_float32(output)
        pixels: Distribution
        dimensions = logits.dim() - 1
        if self.config.likelihood == "bernoulli":
            # not validated: a Bernoulli distribution refuses grey pixels
            pixels = Bernoulli(logits=logits, validate_args=False)
            return IndependentBernoulli(pixels, dimensions, validate_args=False)
        if self.config.likelihood == "logistic-mixture":
            return LogisticMixture(logits, self.config.components, self.config.sample_shape[0])
        if self.config.likelihood == "gaussian":
            pixels = Normal(logits.sigmoid(), self.config.sigma, validate_args=False)
        else:
            pixels = ContinuousBernoulli(logits=logits, validate_args=False)
        return Independent(pixels, dimensions, validate_args=False)

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        """Minimise the negative ELBO, in nats per image (Kingma & Welling 2013, eq. 3 and 10).

        −ELBO = E_q[−log p(x | z)] + β KL(q(z | x) ‖ p(z)). The expectation is estimated with one
        z = μ + σ·ε, where ε ~ N(0, I). With several importance samples, the importance weighted
        bound takes its place. The metrics are the two terms of the −ELBO with β = 1.
        """
        config = self.config
        if config.binarize:
            # torch.bernoulli takes three times as long
            samples = (torch.rand_like(samples) < samples).to(samples.dtype)
        if config.importance_samples == 1:
            reconstruction, kl, costs = self._terms(self, samples, labels)
            beta = config.beta * warm_up(step, config.beta_warmup)
            loss = reconstruction + (costs if beta == 1 else beta * costs)
        else:
            posterior = self.encode(samples, labels)
            log_weights = self.log_weights(posterior, config.importance_samples, samples, labels)
            loss = -importance_weighted_bound(log_weights)
            kl = self.divergence(posterior).sum(1)
            # the mean of the log-weights estimates the ELBO
            reconstruction = -log_weights.mean(0) - kl
        with torch.no_grad():
            metrics = {"reconstruction": reconstruction.mean(), "kl": kl.mean()}
        yield Objective(loss, metrics=metrics)

    def compile(self, **options: Any) -> None:
        """Have torch compile the networks, and the terms of the −ELBO with them as one piece.

        **Arguments:**
        - `options`: those of `torch.compile`.
        """
        super().compile(**options)
        # of the class, not of this model: a copy of the model computes with its own weights
        self._terms = torch.compile(terms, **options)


def terms(model: VAE[Any], samples: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """The terms of the −ELBO of each image: −log p(x | z) and KL(q(z | x) ‖ p(z)) in nats, and the
    KL after free bits, which training minimises; each `(n,)`.
    """
    likelihood, divergences = model.likelihood_and_kl(samples, labels)
    kl, free = divergences.sum(1), model.config.free_bits
    costs = with_free_bits(divergences, free) if free else kl
    return -likelihood.log_prob(samples), kl, costs
