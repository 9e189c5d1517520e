"""The generative adversarial network (Goodfellow et al. 2014, arXiv:1406.2661), short of its two networks."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from torch import Tensor, nn
from torch.nn import Parameter
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from zoo.models import LatentModel, ModelConfig, Objective, Step

C = TypeVar("C", bound=ModelConfig)


class GAN(LatentModel[C]):
    """A generator G against a discriminator D that tells samples from data.

    A subclass sets `latent_shape` and two networks:

    - `generator`: `(n, latent_dim + num_classes, …)` to images in [-1, 1], `(n, *sample_shape)`, ending in tanh;
    - `discriminator`: images in [-1, 1], class maps appended, to one logit each, `(n, 1)`: positive means data.
    """

    training_only = ("discriminator",)
    generator: nn.Module
    discriminator: nn.Module

    def parameter_groups(self) -> dict[str, Iterable[Parameter]]:
        """Each network has an optimizer of its own."""
        return {"discriminator": self.discriminator.parameters(), "generator": self.generator.parameters()}

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """G(z), moved from [-1, 1] to [0, 1]."""
        return self.generate(z, labels).float().add(1).div(2)

    def generate(self, z: Tensor, labels: Tensor | None) -> Tensor:
        """G(z), in [-1, 1]."""
        images: Tensor = self.generator(self.with_labels(z, labels))
        return images.view(len(z), *self.config.sample_shape)

    def discriminate(self, images: Tensor, labels: Tensor | None) -> Tensor:
        """D's logit for images in [-1, 1]: log D(x) − log(1 − D(x)), shape `(n,)`."""
        logits: Tensor = self.discriminator(self.with_labels(images, labels))
        return logits.flatten().float()

    def training_step(self, samples: Tensor, labels: Tensor | None, step: Step) -> Iterator[Objective]:
        """One step of the discriminator, then one of the generator.

        The discriminator maximises log D(x) + log(1 − D(G(z))) (Goodfellow 2014, eq. 1); the generator maximises
        log D(G(z)), the non-saturating form (section 3). With D = sigmoid(logit), −log D is softplus(−logit) and
        −log(1 − D) is softplus(logit).
        """
        z = self.prior().sample((len(samples),)).to(samples.device)
        fake = self.generate(z, labels)
        on_data = self.discriminate(samples * 2 - 1, labels)
        on_fake = self.discriminate(fake.detach(), labels)
        yield Objective(
            F.softplus(-on_data).mean() + F.softplus(on_fake).mean(),
            optimizer="discriminator",
            metrics={"D(x)": on_data.sigmoid().mean(), "D(G(z))": on_fake.sigmoid().mean()},
            adversarial=True,
        )
        yield Objective(F.softplus(-self.discriminate(fake, labels)).mean(), optimizer="generator", adversarial=True)


def bounded(layer: nn.Module, spectral: bool) -> nn.Module:
    """The layer, its slope bounded by spectral normalisation (Miyato et al. 2018, arXiv:1802.05957) when asked for."""
    return spectral_norm(layer) if spectral else layer
