"""The base class of GANs (Goodfellow et al. 2014, arXiv:1406.2661): training, without networks."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from zoo.models import (
    ConfigError,
    LatentModel,
    ModelConfig,
    Objective,
    Rate,
    Size,
    Step,
    at_least_float32,
)
from zoo_gan.augment import augmented
from zoo_gan.objectives import LOSSES, gradient_penalty, slope_penalty

Game = Literal[
    "non-saturating", "saturating", "wasserstein", "hinge", "least-squares", "relativistic"
]


@dataclass(frozen=True, kw_only=True)
class GANConfig(ModelConfig):
    """The settings that every GAN has. `zoo_gan.objectives` has the formulas.

    **Arguments:**
    - `latent_dim`: dimensions of the latent vector z.
    - `objective`: the losses: "non-saturating" or "saturating" (Goodfellow et al. 2014),
        "wasserstein" (Arjovsky et al. 2017, arXiv:1701.07875), "hinge" (Lim & Ye 2017,
        arXiv:1705.02894), "least-squares" (Mao et al. 2017, arXiv:1611.04076) or "relativistic"
        (Jolicoeur-Martineau 2018, arXiv:1807.00734; with `r1` and `r2`: Huang et al. 2025,
        arXiv:2501.05441).
    - `gradient_penalty`: weight λ of the gradient penalty, with objective=wasserstein only.
        Gulrajani et al. 2017, arXiv:1704.00028, use 10, with `discriminator_steps=5`, a learning
        rate of 1e-4 and betas of 0 and 0.9.
    - `r1`: weight γ of the R1 penalty, 0 for none; not with objective=wasserstein. It penalises
        the discriminator's gradient at real images (Mescheder et al. 2018, arXiv:1801.04406).
    - `r2`: weight γ of the R2 penalty, 0 for none; not with objective=wasserstein. It is the same
        penalty at generated images.
    - `diff_augment`: differentiable augmentation of real and generated images, for small data
        sets: "color", "translation", "cutout" (Zhao et al. 2020, arXiv:2006.10738). The generator
        does not learn these changes.
    - `discriminator_steps`: steps of the discriminator for each step of the generator. Each step
        takes a new batch.
    - `spectral_norm`: use spectral normalisation in the discriminator (Miyato et al. 2018,
        arXiv:1802.05957).
    """

    latent_dim: Size = 100
    objective: Game = "non-saturating"
    gradient_penalty: Rate = 10.0
    r1: Rate = 0.0
    r2: Rate = 0.0
    diff_augment: tuple[Literal["color", "translation", "cutout"], ...] = ()
    discriminator_steps: Size = 1
    spectral_norm: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.objective != "wasserstein":
            if self.gradient_penalty != GANConfig.gradient_penalty:
                raise ConfigError(
                    f"gradient_penalty = {self.gradient_penalty:g} has no effect with objective="
                    f"{self.objective}: leave it out, set r1 instead, or set objective=wasserstein."
                )
        elif self.r1 or self.r2:
            name, value = ("r1", self.r1) if self.r1 else ("r2", self.r2)
            raise ConfigError(
                f"{name} = {value:g} does not fit objective=wasserstein, which needs gradients of "
                f"norm 1: set {name}=0, and use gradient_penalty instead."
            )
        elif not self.gradient_penalty and not self.spectral_norm:
            raise ConfigError(
                "objective=wasserstein with gradient_penalty = 0 does not limit the gradients of "
                "the discriminator: raise gradient_penalty, or set spectral_norm=true."
            )

    @property
    def bounds_slope(self) -> bool:
        """Whether the discriminator's gradient is limited; batch norm there would undo that."""
        return self.objective == "wasserstein" or self.r1 + self.r2 > 0 or self.spectral_norm


C = TypeVar("C", bound=GANConfig)


class GAN(LatentModel[C]):
    """A generator G draws images; a discriminator D learns to tell them from real ones.

    A subclass derives its Config from `GANConfig` and sets two networks:

    - `generator`: takes z with the one-hot label, `(n, latent_dim + num_classes)`, and returns
        images in [-1, 1]. It ends in tanh.
    - `discriminator`: takes images in [-1, 1], `(n, *sample_shape)`, and returns logits
        `(n, 1 + num_classes)`. The first logit is for every image. Of the others, the one of the
        image's class is added to it. A positive logit means "real".
    """

    training_only = ("discriminator",)
    generator: nn.Module
    discriminator: nn.Module

    def __init__(self, config: C) -> None:
        super().__init__(config)
        self.latent_shape = (config.latent_dim,)

    def parameter_groups(self) -> dict[str, Iterable[Parameter]]:
        """Two groups: each network has its own optimizer."""
        return {
            "discriminator": self.discriminator.parameters(),
            "generator": self.generator.parameters(),
        }

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images G(z) in [0, 1], `(n, *sample_shape)`, of latents `(n, latent_dim)`."""
        return at_least_float32(self.generate(z, labels)).add(1).div(2)

    def generate(self, z: Tensor, labels: Tensor | None) -> Tensor:
        """Images G(z) in [-1, 1], as the discriminator takes them."""
        images: Tensor = self.generator(self.with_labels(z, labels))
        return images.reshape(-1, *self.config.sample_shape)

    def discriminate(self, images: Tensor, labels: Tensor | None) -> Tensor:
        """The logits D(x), `(n,)`, for images in [-1, 1].

        With labels y, this is a projection discriminator (Miyato & Koyama 2018, arXiv:1802.05637,
        eq. 3): ψ(φ(x)) + v_yᵀ φ(x), where φ is the last hidden layer. We also add a bias for each
        class, which the paper does not have.
        """
        self.check_labels(labels, images.shape[0])
        logits = at_least_float32(self.discriminator(images))
        if labels is None:
            return logits[:, 0]
        return logits[:, 0] + logits.gather(1, 1 + labels.unsqueeze(1)).squeeze(1)

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        """Train the discriminator for `discriminator_steps` steps, then the generator for one."""
        config = self.config
        discriminator_loss, generator_loss = LOSSES[config.objective]

        def discriminate(images: Tensor) -> Tensor:
            return self.discriminate(augmented(images, config.diff_augment), labels)

        data = samples * 2 - 1
        generators_turn = (step.index + 1) % config.discriminator_steps == 0
        # Both networks use the same generated batch. Goodfellow et al. (algorithm 1) draw a new
        # one for the generator.
        with torch.set_grad_enabled(generators_turn and torch.is_grad_enabled()):
            fake = self.generate(self.prior().sample((len(samples),)).to(samples), labels)
        on_data, on_fake = discriminate(data), discriminate(fake.detach())
        loss = discriminator_loss(on_data, on_fake)
        if config.objective == "wasserstein" and config.gradient_penalty:
            loss = loss + config.gradient_penalty * gradient_penalty(discriminate, data, fake)
        if config.r1:
            loss = loss + config.r1 * slope_penalty(discriminate, data)
        if config.r2:
            loss = loss + config.r2 * slope_penalty(discriminate, fake)
        if config.objective == "wasserstein":
            # its logits are no probabilities, so there is no accuracy
            metrics = {"wasserstein": (on_data - on_fake).mean()}
        elif config.objective == "relativistic":
            # it says which of a pair is real
            metrics = {"accuracy": (on_data > on_fake).float().mean()}
        else:
            metrics = {"accuracy": ((on_data > 0).float() + (on_fake < 0).float()).mean() / 2}
        yield Objective(loss, "discriminator", metrics, adversarial=True)

        if generators_turn:
            on_fake = discriminate(fake)
            # its pair: the data as the discriminator, one step on, sees them
            on_data = discriminate(data) if config.objective == "relativistic" else on_data
            yield Objective(generator_loss(on_fake, on_data), "generator", adversarial=True)
