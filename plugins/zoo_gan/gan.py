"""The GAN (Goodfellow et al. 2014, arXiv:1406.2661) without its networks."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from zoo.models import ConfigError, LatentModel, ModelConfig, Objective, Rate, Size, Step
from zoo_gan.objectives import LOSSES, gradient_penalty, r1


@dataclass(frozen=True, kw_only=True)
class GANConfig(ModelConfig):
    """What every GAN's Config has: the game and its rules. The formulas are in
    `zoo_gan.objectives`.

    **Arguments:**
    - `latent_dim`: dimensions of z.
    - `objective`: what the two minimise: "non-saturating" or "saturating" (Goodfellow et al. 2014),
        "wasserstein" (Arjovsky et al. 2017, arXiv:1701.07875), "hinge" (Lim & Ye 2017,
        arXiv:1705.02894) or "least-squares" (Mao et al. 2017, arXiv:1611.04076).
    - `gradient_penalty`: λ of the critic's penalty, for "wasserstein" (Gulrajani et al. 2017,
        arXiv:1704.00028, who train with `discriminator_steps=5`, a learning rate of 1e-4 and betas
        of 0 and 0.9).
    - `r1`: γ of the penalty on the discriminator's slope at the data, for the others (Mescheder et
        al. 2018, arXiv:1801.04406); 0 is none.
    - `discriminator_steps`: steps of the discriminator, each on a batch of its own, to one of the
        generator.
    - `spectral_norm`: bound the discriminator's slope by its weights (Miyato et al. 2018,
    arXiv:1802.05957)."""

    latent_dim: Size = 100
    objective: Literal["non-saturating", "saturating", "wasserstein", "hinge", "least-squares"] = (
        "non-saturating"
    )
    gradient_penalty: Rate = 10.0
    r1: Rate = 0.0
    discriminator_steps: Size = 1
    spectral_norm: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.objective != "wasserstein":
            if self.gradient_penalty != GANConfig.gradient_penalty:
                raise ConfigError(
                    f"gradient_penalty = {self.gradient_penalty:g} would have no effect: it "
                    "belongs to "
                    f"objective=wasserstein, and this is {self.objective}, whose penalty is r1."
                )
        elif self.r1:
            raise ConfigError(
                f"r1 = {self.r1:g} flattens the discriminator where objective=wasserstein wants a "
                "slope of 1: "
                "set r1=0, and gradient_penalty instead."
            )
        elif not self.gradient_penalty and not self.spectral_norm:
            raise ConfigError(
                "objective=wasserstein with gradient_penalty = 0 leaves the critic's slope without "
                "a bound: "
                "raise gradient_penalty, or set spectral_norm=true."
            )

    @property
    def bounds_slope(self) -> bool:
        """Whether the discriminator's slope is bounded or penalised; batch norm there would defeat
        it.
        """
        return self.objective == "wasserstein" or self.r1 > 0 or self.spectral_norm


C = TypeVar("C", bound=GANConfig)


class GAN(LatentModel[C]):
    """A generator G against a discriminator D that tells samples from data.

    A subclass derives its Config from `GANConfig` and sets two networks:

    - `generator`: `(n, latent_dim + num_classes)`, z and the label one-hot, to images in [-1, 1],
        ending in tanh;
    - `discriminator`: images in [-1, 1], `(n, *sample_shape)`, to logits `(n, 1 + num_classes)`:
        the first for any image, the others added to it for an image of their class. Positive means
        data."""

    training_only = ("discriminator",)
    generator: nn.Module
    discriminator: nn.Module

    def __init__(self, config: C) -> None:
        super().__init__(config)
        self.latent_shape = (config.latent_dim,)

    def parameter_groups(self) -> dict[str, Iterable[Parameter]]:
        """Each network has an optimizer of its own."""
        return {
            "discriminator": self.discriminator.parameters(),
            "generator": self.generator.parameters(),
        }

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """G(z), moved from [-1, 1] to [0, 1]."""
        return self.generate(z, labels).float().add(1).div(2)

    def generate(self, z: Tensor, labels: Tensor | None) -> Tensor:
        """G(z), in [-1, 1]."""
        images: Tensor = self.generator(self.with_labels(z, labels))
        return images.view(len(z), *self.config.sample_shape)

    def discriminate(self, images: Tensor, labels: Tensor | None) -> Tensor:
        """D's logit for images in [-1, 1], shape `(n,)`.

        With labels y it is ψ(φ(x)) + v_yᵀ φ(x), φ being the last hidden layer (a projection
        discriminator: Miyato & Koyama 2018, arXiv:1802.05637, eq. 3), and a bias for each class,
        which theirs has not."""
        self.check_labels(labels, len(images))
        logits: Tensor = self.discriminator(images).float()
        if labels is None:
            return logits[:, 0]
        return logits[:, 0] + logits.gather(1, 1 + labels.unsqueeze(1)).squeeze(1)

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        """One step of the discriminator; then, each `discriminator_steps`-th time, one of the
        generator.
        """
        config = self.config
        discriminator_loss, generator_loss = LOSSES[config.objective]

        def discriminate(images: Tensor) -> Tensor:
            return self.discriminate(images, labels)

        data = samples * 2 - 1
        generators_turn = (step.index + 1) % config.discriminator_steps == 0
        # one batch of fakes for both players, where Goodfellow et al. (algorithm 1) draw anew for
        # the generator
        with torch.set_grad_enabled(generators_turn and torch.is_grad_enabled()):
            fake = self.generate(self.prior().sample((len(samples),)).to(samples.device), labels)
        on_data, on_fake = discriminate(data), discriminate(fake.detach())
        loss = discriminator_loss(on_data, on_fake)
        if config.objective == "wasserstein" and config.gradient_penalty:
            loss = loss + config.gradient_penalty * gradient_penalty(discriminate, data, fake)
        if config.r1:
            loss = loss + config.r1 * r1(discriminate, data)
        if config.objective == "wasserstein":  # its logits have no zero to be right about
            metrics = {"wasserstein": (on_data - on_fake).mean()}
        else:
            metrics = {"accuracy": ((on_data > 0).float() + (on_fake < 0).float()).mean() / 2}
        yield Objective(loss, "discriminator", metrics, adversarial=True)

        if generators_turn:
            yield Objective(generator_loss(discriminate(fake)), "generator", adversarial=True)
