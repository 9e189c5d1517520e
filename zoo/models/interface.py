"""The interfaces of a model: it can be sampled, decode latents, encode samples."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, NamedTuple, TypeVar, final

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal
from torch.nn import Parameter
from torch.nn import functional as F

from zoo.common.config import Bounds, Count, Fraction, ModelConfig, Rate, Size, StrictConfig
from zoo.common.errors import CapabilityError, ConfigError, LabelError
from zoo.models.priors import drawn, mean_or_mode, moved, taking_labels
from zoo.models.recipe import TrainConfig
from zoo.models.text import to_texts

__all__ = [
    "Autoencoder",
    "Bounds",
    "ConfigError",
    "Count",
    "Fraction",
    "GenerativeModel",
    "LatentModel",
    "ModelConfig",
    "Objective",
    "Rate",
    "Size",
    "Step",
    "StrictConfig",
    "TrainConfig",
]

C = TypeVar("C", bound=ModelConfig)

# latents decoded at once, more where there are more samples: their maps stay in a CPU's cache
ROWS = 500


class Objective(NamedTuple):
    """What one optimizer step minimises.

    **Arguments:**
    - `loss`: to be minimised: one value a sample, shape `(n,)`, so that the loop can weight them by
        class, or their mean, shape `()`.
    - `optimizer`: name of the parameter group that steps on it.
    - `metrics`: further scalars to report, each of shape `()`. Of an adversarial objective, one
        called "accuracy" (the share of data and samples that the discriminator tells apart) lets
        the loop warn of a game that is over.
    - `adversarial`: its value is not expected to fall.
    """

    loss: Tensor
    optimizer: str = "model"
    metrics: Mapping[str, Tensor] = {}
    adversarial: bool = False


@dataclass(frozen=True)
class Step:
    """Where training stands: the index of this step, from 0, of `total`."""

    index: int
    total: int


class GenerativeModel(nn.Module, ABC, Generic[C]):
    """Something that can be trained on samples and then draws new ones.

    Samples are of shape `(n, *config.sample_shape)` and float32: images in [0, 1], audio in
    [-1, 1]. Text is int64: places in the alphabet (see `zoo.models.TextConfig`). A class is
    abstract (implemented in part) or final (built by users), and each method is implemented once on
    that line.

    **Arguments:**
    - `config`: an instance of the class's own `Config`.
    """

    Config: type[C]
    recipe: ClassVar[TrainConfig] = TrainConfig()
    sample_kind: ClassVar[Literal["image", "array", "text", "audio"]] = "image"
    # attributes: submodules that sampling does not need
    training_only: ClassVar[tuple[str, ...]] = ()
    # sample-time options, set by `zoo sample --set`
    Options: ClassVar[type[StrictConfig] | None] = None

    # checks of the contract that do not fit the model, each with the reason: {"export": "why"}
    unfit: ClassVar[Mapping[str, str]] = {}

    # whether log_likelihood is exact, and no bound that more importance samples raise
    exact_likelihood: ClassVar[bool] = False

    # the most samples that are computed at once; the zoo draws 64 or more, whatever this says
    sample_batch: ClassVar[int] = 65_536

    # what the labels of a conditional model mean, where its checkpoint says so
    class_names: tuple[str, ...] = ()

    def __init__(self, config: C) -> None:
        super().__init__()
        self.config = config

    @abstractmethod
    def sample(
        self,
        n: int,
        labels: Tensor | None = None,
        *,
        generator: torch.Generator,
        options: Any = None,
    ) -> Tensor:
        """Draw new samples, using random numbers of `generator` alone.

        **Arguments:**
        - `n`: how many.
        - `labels`: int64 `(n,)` for a conditional model.
        - `generator`: on the CPU.
        - `options`: an instance of the class's `Options`, when it has them.

        **Returns:** samples, float32 `(n, *sample_shape)`.
        """

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        """Say what to minimise on one batch: one Objective for each optimizer step, in order.

        The loop takes the step before it asks for the next objective. A model that is for sampling
        alone has no training step.

        **Arguments:**
        - `samples`: float32 `(n, *sample_shape)`; images in [0, 1].
        - `labels`: int64 `(n,)` for a conditional model, else None.
        - `step`: where training stands.

        **Returns:** the objectives, each yielded when its loss is computed.

        **Raises:** `CapabilityError` for a model that can't be trained.
        """
        raise CapabilityError(
            f"{type(self).__name__} is for sampling alone: it has no training_step."
        )

    def render(self, samples: Tensor) -> list[str]:
        """The strings that the samples of a text model stand for.

        By `config.alphabet`, as `zoo.models.to_texts` does it, unless overridden.

        **Arguments:**
        - `samples`: int64 `(n, *sample_shape)`, on any device.

        **Raises:** `CapabilityError` for a model of another kind.
        """
        alphabet = getattr(self.config, "alphabet", None)
        if self.sample_kind != "text" or alphabet is None:
            raise CapabilityError(f"{type(self).__name__} does not make text.")
        return to_texts(samples, alphabet)

    @property
    def device(self) -> torch.device:
        """Where its parameters are; the CPU when it has none."""
        return next((parameter.device for parameter in self.parameters()), torch.device("cpu"))

    @property
    def dtype(self) -> torch.dtype:
        """The type of its parameters: float32, unless it was changed, as by `model.double()`."""
        return next((parameter.dtype for parameter in self.parameters()), torch.float32)

    def parameter_groups(self) -> dict[str, Iterable[Parameter]]:
        """The parameters by name of the optimizer that steps on them; one group named "model"
        unless overridden.
        """
        return {"model": self.parameters()}

    def compile(self, **options: Any) -> None:
        """Have torch compile what a training step computes, the first time that it does.

        Compiles each network. A model whose loss takes long beside its networks compiles that too.

        **Arguments:**
        - `options`: those of `torch.compile`.
        """
        for network in self.children():
            network.compile(**options)

    def log_likelihood(
        self, samples: Tensor, labels: Tensor | None = None, *, importance_samples: int = 1
    ) -> Tensor:
        """The log-likelihood log p(x) of each sample, or a lower bound of it.

        **Arguments:**
        - `samples`: float32 `(n, *sample_shape)`; images in [0, 1].
        - `labels`: int64 `(n,)` for a conditional model.
        - `importance_samples`: latents drawn for each sample, 1 at least, where the bound is
            estimated by drawing.

        **Returns:** nats per sample, float32 `(n,)`.

        **Raises:** `CapabilityError` for a model that has no likelihood; `LabelError`.
        """
        raise CapabilityError(f"{type(self).__name__} has no likelihood.")

    @final
    def check_labels(self, labels: Tensor | None, n: int) -> None:
        """Refuse labels that are not what this model needs.

        **Arguments:**
        - `labels`: None for an unconditional model, else int64 `(n,)` in 0 … num_classes - 1.
        - `n`: how many samples they are for.

        **Raises:** `LabelError`.
        """
        classes = self.config.num_classes
        if not classes:
            if labels is not None:
                raise LabelError("This model is unconditional: it takes no labels.")
            return
        if labels is None:
            raise LabelError(
                f"This model is conditional: it needs a label for each sample, 0 to {classes - 1}."
            )
        is_tensor = isinstance(labels, Tensor)
        if not is_tensor or labels.shape != (n,) or labels.dtype != torch.int64:
            given = f"{labels.dtype} {tuple(labels.shape)}" if is_tensor else type(labels).__name__
            raise LabelError(f"Labels must be an int64 tensor of shape ({n},), not {given}.")
        # control flow on values can't be captured, by torch.export or torch.compile
        if torch.compiler.is_compiling():
            return
        if n and not (int(labels.min()) >= 0 and int(labels.max()) < classes):
            bad = next(int(one) for one in labels if not 0 <= one < classes)
            raise LabelError(
                f"Label {bad} is out of range: this model has the classes 0 to {classes - 1}."
            )

    @final
    def with_labels(self, x: Tensor, labels: Tensor | None) -> Tensor:
        """Append the labels to `x` along its second dimension, one-hot: how a network is made
        conditional.

        **Arguments:**
        - `x`: features `(n, d)`, or maps `(n, c, h, w)`, which get one constant map for each class.
        - `labels`: int64 `(n,)`, None for an unconditional model.

        **Returns:** `x` with `num_classes` more channels (`x` itself when that is 0).

        **Raises:** `LabelError`.
        """
        self.check_labels(labels, x.shape[0])  # len() would freeze the batch when captured
        if labels is None:
            return x
        one_hot = F.one_hot(labels, self.config.num_classes).to(x.dtype)  # (n, num_classes)
        maps = one_hot.view(*one_hot.shape, *[1] * (x.dim() - 2)).expand(-1, -1, *x.shape[2:])
        return torch.cat([x, maps], dim=1)


def can_train(model: GenerativeModel[Any] | type[GenerativeModel[Any]]) -> bool:
    """Whether a model, or the models of a class, have a training step; some are to sample alone."""
    kind = model if isinstance(model, type) else type(model)
    return kind.training_step is not GenerativeModel.training_step


class LatentModel(GenerativeModel[C]):
    """A model that draws a latent z from a prior and decodes it: GANs and VAEs.

    A subclass sets `latent_shape`, the shape of one latent. Latents are float32; or they are int64
    codes, where the prior gives such.
    """

    latent_shape: tuple[int, ...]

    def __init_subclass__(cls, **further: Any) -> None:
        super().__init_subclass__(**further)
        if "prior" in vars(cls):
            cls.prior = taking_labels(cls.prior)  # type: ignore[method-assign]

    def prior(self, labels: Tensor | None = None) -> Distribution:
        """p(z), or p(z | y): standard normal unless overridden.

        A prior that is learned is on the model's device, any other on the CPU.

        **Arguments:**
        - `labels`: int64 `(n,)` for a conditional model. Only a prior that depends on the label
            looks at them; it refuses None by `check_labels`.

        **Returns:** a distribution with the event shape `latent_shape`, and the batch shape `()`,
        or `(n,)` where it depends on the label.
        """
        standard = Normal(
            torch.zeros(self.latent_shape), torch.ones(self.latent_shape), validate_args=False
        )
        return Independent(standard, len(self.latent_shape), validate_args=False)

    @abstractmethod
    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Decode latents to samples, without noise: the mean of p(x | z).

        **Arguments:**
        - `z`: latents, float32 `(n, *latent_shape)`.
        - `labels`: int64 `(n,)` for a conditional model.

        **Returns:** float32 `(n, *sample_shape)`; images in [0, 1].
        """

    def sample_prior(
        self,
        n: int,
        generator: torch.Generator,
        labels: Tensor | None = None,
        options: Any = None,
    ) -> Tensor:
        """Draw latents from the prior, using random numbers of `generator` alone.

        A model overrides it to use its options, or where torch can't draw from its prior by the
        global random numbers of the CPU.

        **Arguments:**
        - `n`: how many.
        - `generator`: on the CPU.
        - `labels`, `options`: as in `GenerativeModel.sample`.

        **Returns:** latents, `(n, *latent_shape)`, on the CPU or on the model's device.
        """
        # the same numbers as below, and safe among threads
        if type(self).prior is LatentModel.prior:
            return torch.randn(n, *self.latent_shape, generator=generator)
        prior: Distribution = moved(self.prior(labels), torch.device("cpu"))
        # torch.distributions know only the global generator
        with torch.random.fork_rng(devices=()):
            torch.random.set_rng_state(generator.get_state())
            of_labels = labels is not None and prior.batch_shape == (n,)
            z: Tensor = prior.sample(torch.Size(() if of_labels else (n,)))
            generator.set_state(torch.random.get_rng_state())
        return z

    @final
    def sample(
        self,
        n: int,
        labels: Tensor | None = None,
        *,
        generator: torch.Generator | None = None,
        options: Any = None,
    ) -> Tensor:
        """Draw latents from the prior, then decode them.

        **Arguments:**
        - `n`, `labels`, `options`: as in `GenerativeModel.sample`.
        - `generator`: on the CPU. Without one, a generator is made whose seed comes from torch's
            global random numbers, so that `torch.manual_seed` makes the samples repeatable.

        **Returns:** samples, float32 `(n, *sample_shape)`.
        """
        if generator is None:
            generator = torch.Generator().manual_seed(int(torch.randint(2**32, ())))
        return self.decode(self.placed(self.sample_prior(n, generator, labels, options)), labels)

    @final
    def placed(self, z: Tensor) -> Tensor:
        """Latents as `decode` takes them: on the model's device, and of its dtype unless codes."""
        return z.to(self.device, self.dtype) if z.is_floating_point() else z.to(self.device)

    @final
    def interpolate(
        self, start: Tensor, end: Tensor, steps: int, labels: Tensor | None = None
    ) -> Tensor:
        """Decode points on the straight line between latents.

        **Arguments:**
        - `start`, `end`: latents `(n, *latent_shape)`.
        - `steps`: points on each line, both ends included; at least 2.
        - `labels`: int64 `(n,)` for a conditional model.

        **Returns:** `(n, steps, *sample_shape)`.

        **Raises:** `CapabilityError` for latents that are codes: no line is between them.
        """
        if not start.is_floating_point():
            raise CapabilityError(
                f"The latents of {type(self).__name__} are codes: no line is between two of them."
            )
        along = torch.linspace(0, 1, steps, device=start.device).view(
            1, steps, *[1] * len(self.latent_shape)
        )
        z = torch.lerp(start.unsqueeze(1), end.unsqueeze(1), along)  # (n, steps, *latent_shape)
        repeated = None if labels is None else labels.repeat_interleave(steps)
        samples = self.decode(z.flatten(0, 1), repeated)
        return samples.reshape(-1, steps, *samples.shape[1:])


class Autoencoder(LatentModel[C]):
    """A latent model with an encoder q(z | x), and in most cases a likelihood p(x | z): VAEs.

    A subclass gives `likelihood`, or `decode` where it has none.
    """

    @abstractmethod
    def encode(self, samples: Tensor, labels: Tensor | None = None) -> Distribution:
        """Encode samples: the distribution q(z | x) of their latents, not the latents themselves.

        Take latents from it with `encode(x).mean`, which is the usual choice for embeddings and
        interpolation, or draw them with `encode(x).rsample()`. Both have the shape
        `(n, *latent_shape)`, and `decode` takes either.

        **Arguments:**
        - `samples`: float32 `(n, *sample_shape)`; images in [0, 1].
        - `labels`: int64 `(n,)` for a conditional model.

        **Returns:** a `torch.distributions.Distribution` with batch shape `(n,)` and event shape
        `latent_shape`, in which the numbers of one latent are independent. One of codes, such as
        `Independent(Categorical(logits=…), 1)`, has no mean: `zoo.models.mean_or_mode` takes the
        most likely ones then.
        """

    def likelihood(self, z: Tensor, labels: Tensor | None = None) -> Distribution:
        """The distribution p(x | z) of samples given latents. Its mean is what `decode` returns.

        **Arguments:**
        - `z`: latents, float32 `(n, *latent_shape)`.
        - `labels`: int64 `(n,)` for a conditional model.

        **Returns:** a distribution of batch shape `(n,)` and event shape `sample_shape`.

        **Raises:** `CapabilityError` for a model that has none.
        """
        raise CapabilityError(f"{type(self).__name__} has no likelihood.")

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """The mean of p(x | z), `(n, *sample_shape)`; of codes, such as tokens, the most likely."""
        return mean_or_mode(self.likelihood(z, labels))

    @final
    def reconstruct(self, samples: Tensor, labels: Tensor | None = None) -> Tensor:
        """Encode samples, take the mean of q(z | x), of codes the most likely, and decode it.

        **Arguments:**
        - `samples`: float32 `(n, *sample_shape)`; images in [0, 1].
        - `labels`: int64 `(n,)` for a conditional model.

        **Returns:** float32 `(n, *sample_shape)`.
        """
        return self.decode(mean_or_mode(self.encode(samples, labels)), labels)

    @final
    def log_likelihood(
        self, samples: Tensor, labels: Tensor | None = None, *, importance_samples: int = 1
    ) -> Tensor:
        """A lower bound of log p(x) by importance sampling, in nats per sample, shape `(n,)`; see
        `GenerativeModel`.

        log 1/K Σₖ p(x | zₖ) p(zₖ) / q(zₖ | x) with zₖ ~ q(z | x) (Burda et al. 2015,
        arXiv:1509.00519, eq. 8), on average too low: by KL(q(z | x) ‖ p(z | x)) for K = 1, the
        ELBO, by less the larger K (theorem 1). Samples are taken as they are: draw binary ones for
        a model of binary pixels. Uses torch's global random numbers."""
        posterior = self.encode(samples, labels)
        bound = torch.full((len(samples),), -torch.inf, device=samples.device)
        at_once = max(1, ROWS // len(samples))
        for start in range(0, importance_samples, at_once):
            draws = min(at_once, importance_samples - start)
            bound = torch.logaddexp(
                bound, self.log_weights(posterior, draws, samples, labels).logsumexp(0)
            )
        return bound - math.log(importance_samples)

    @final
    def log_weights(
        self, posterior: Distribution, draws: int, samples: Tensor, labels: Tensor | None = None
    ) -> Tensor:
        """Importance weights: log p(x | z) p(z) / q(z | x) of latents z drawn from q(z | x).

        Their mean over the draws estimates the ELBO; log of the mean of their exponentials is the
        bound that `log_likelihood` returns. Uses torch's global random numbers.

        **Arguments:**
        - `posterior`: q(z | x) of the samples, as `encode` returns it.
        - `draws`: latents drawn for each sample.
        - `samples`: float32 `(n, *sample_shape)`.
        - `labels`: int64 `(n,)` for a conditional model.

        **Returns:** nats, float32 `(draws, n)`.
        """
        z = drawn(posterior, draws)  # (draws, n, *latent_shape)
        likelihood = self.likelihood(
            z.flatten(0, 1), None if labels is None else labels.repeat(draws)
        )
        log_likelihood = likelihood.log_prob(
            samples.expand(draws, *samples.shape).flatten(0, 1)
        ).view(draws, -1)
        if type(self).prior is LatentModel.prior:  # spares a GPU the way to the CPU
            log_prior: Tensor = Normal(0.0, 1.0, validate_args=False).log_prob(z).flatten(2).sum(2)
        else:
            log_prior = moved(self.prior(labels), z.device).log_prob(z)
        return log_prior + log_likelihood - posterior.log_prob(z)
