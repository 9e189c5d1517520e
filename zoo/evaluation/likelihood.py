"""The likelihood of images that a model has not seen, and how it uses its latents for them."""

import copy
import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal, kl_divergence

from zoo.common.compute import channels_last, exact_convolutions, gpus_of
from zoo.common.errors import DataError, LabelError
from zoo.common.watching import Watch
from zoo.data import Dataset
from zoo.evaluation.asked import unwatched
from zoo.evaluation.metrics import Estimate, bits_per_character, mean
from zoo.models import Autoencoder, GenerativeModel, mean_or_mode

# of each image, at least: their chance is then small beside that of the images
ELBO_LATENTS = 16
# latents decoded at once, as by `Autoencoder.log_likelihood`: so both draw alike
DECODED = 500
# looked at together; changing it would change the random numbers of every likelihood
IMAGES = 250
# least variance of E[z | x] over the images for a latent dimension to count as active
ACTIVE = 0.01
TRIAL_IMAGES = 16  # of the run that the time is estimated from
TRIAL_DRAWS = 100

Batch = tuple[Tensor, Tensor | None]


def has_likelihood(model: GenerativeModel[Any]) -> bool:
    """Whether a model gives a likelihood, or a bound of it."""
    if isinstance(model, Autoencoder):
        return type(model).likelihood is not Autoencoder.likelihood
    return type(model).log_likelihood is not GenerativeModel.log_likelihood


def shares_classes(
    model: GenerativeModel[Any], data: Dataset, class_names: Sequence[str] | None = None
) -> bool:
    """Whether the labels of a model mean the same as those of the data. True for an unconditional
    model, which has no labels.

    **Arguments:**
    - `class_names`: what the labels of the model mean. When they are not given, they are taken to
        be those of the data, if the model has as many classes."""
    classes = model.config.num_classes
    told = data.class_names if class_names is None else tuple(class_names)
    return not classes or (told == data.class_names and len(told) in (0, classes))


def binarises(model: GenerativeModel[Any]) -> bool:
    """Whether a model is for pixels that are 0 or 1: its config then has a field `binarize`, which
    is true.
    """
    return bool(getattr(model.config, "binarize", False))


def family(model: GenerativeModel[Any]) -> str:
    """The distribution p(x | z) of a pixel, such as "Bernoulli"; empty for a model that is no
    autoencoder.
    """
    pixel = _pixel(model)
    return "" if pixel is None else type(pixel).__name__


def levels(model: GenerativeModel[Any]) -> int:
    """How many values of a pixel have a probability each, such as 256; 0 where p(x | z) is a
    density, or of other pixels. The distribution then has an attribute `levels`.
    """
    return int(getattr(_pixel(model), "levels", 0))


def _pixel(model: GenerativeModel[Any]) -> Distribution | None:
    """The distribution p(x | z) at one z; None for a model that is no autoencoder."""
    if not isinstance(model, Autoencoder):
        return None
    z = torch.zeros(1, *model.latent_shape, device=model.device)
    label = (
        torch.zeros(1, dtype=torch.int64, device=model.device) if model.config.num_classes else None
    )
    with torch.no_grad():
        return _inner(model.likelihood(z, label))


def bounds(
    model: GenerativeModel[Any],
    data: Dataset,
    *,
    importance_samples: int,
    seed: int,
    watch: Watch = unwatched,
) -> dict[str, Estimate]:
    """The negative log-likelihood, in nats per image; of an autoencoder, its bounds.

    An autoencoder's log-likelihood is bounded from below by importance sampling (Burda, Grosse &
    Salakhutdinov 2015, arXiv:1509.00519, eq. 8), with the weights w = p(x | z) p(z) / q(z | x) of K
    latents z of each image. Another model gives it exactly. The ELBO (Kingma & Welling 2013,
    arXiv:1312.6114, eq. 3) is the mean of log w over all latents drawn: these K, one drawn before
    them, and as many more as make 16. So the numbers of an image are the mean of 16 draws at least.
    Each image has its own latents: the standard error over images holds for the draws, too.

    A bound does not show how loose it is. The effective sample size (Σ w)² / Σ w² (Kong 1992) says
    how many of the K latents count: where it is small, few latents make up the estimate, and more
    of them still raise it by tenths of a nat.

    **Arguments:**
    - `model`: in eval mode, one that has a likelihood.
    - `data`: images that it was not trained on; binarised as `binarises` says.
    - `importance_samples`: K.
    - `seed`: of the latents and of the binarisation.

    **Returns:** "nll", and for text "bits_per_character", where the end of a text counts as one;
    and for an autoencoder "elbo" and "effective_samples", whose value is the median over the
    images.

    **Raises:** `DataError`, `LabelError` when the data doesn't fit the model.
    """
    found: dict[str, list[Tensor]] = {}
    model = channels_last(copy.deepcopy(model))  # convolves faster
    with torch.no_grad(), torch.random.fork_rng(gpus_of(model)):
        torch.manual_seed(seed)
        for samples, labels in watch(batches(model, data, seed), len(data), "Likelihood"):
            with exact_convolutions():
                if isinstance(model, Autoencoder):
                    values = _bounds_of(model, samples, labels, importance_samples)
                else:
                    values = {
                        "nll": -model.log_likelihood(
                            samples, labels, importance_samples=importance_samples
                        )
                    }
            for name, one in values.items():
                found.setdefault(name, []).append(one.double().cpu())
    whole = {name: torch.cat(parts) for name, parts in found.items()}
    estimates = {
        name: Estimate(values.quantile(0.5).item(), None)
        if name == "effective_samples"
        else mean(values)
        for name, values in whole.items()
    }
    if model.sample_kind == "text":
        tokens = data.samples[:]
        spelt = torch.tensor([len(text) for text in model.render(tokens)])
        ended = (tokens == 0).flatten(1).any(1)  # a text of the greatest length has no end
        estimates["bits_per_character"] = bits_per_character(whole["nll"], spelt + ended)
    return estimates


def latents_of_elbo(importance_samples: int) -> int:
    """How many latents an image the ELBO is the mean of."""
    return max(1 + importance_samples, ELBO_LATENTS)


def _bounds_of(
    model: Autoencoder[Any], samples: Tensor, labels: Tensor | None, importance_samples: int
) -> dict[str, Tensor]:
    """What `bounds` gives, of each sample of a batch: float64 `(n,)` each."""
    posterior = model.encode(samples, labels)

    def log_weights(draws: int) -> Tensor:
        """Float64 `(draws, n)`, some latents at a time: their maps stay in a processor's cache."""
        at_once = max(1, DECODED // len(samples))
        parts = [
            model.log_weights(posterior, min(at_once, draws - start), samples, labels).double()
            for start in range(0, draws, at_once)
        ]
        return torch.cat(parts) if parts else samples.new_empty(0, len(samples)).double()

    # One latent before the others, as the ELBO had it in version 1: so the others, and with them
    # the negative log-likelihood, are those of version 1.
    first, weights = log_weights(1), log_weights(importance_samples)
    more = log_weights(latents_of_elbo(importance_samples) - 1 - importance_samples)
    total = weights.logsumexp(0)
    return {
        "elbo": torch.cat([first, weights, more]).mean(0),
        "nll": math.log(importance_samples) - total,
        # 0 where no latent can have made the image: all weights are 0 then.
        "effective_samples": (2 * total - (2 * weights).logsumexp(0)).exp().nan_to_num(nan=0.0),
    }


def seconds(
    model: GenerativeModel[Any], data: Dataset, *, importance_samples: int, seed: int
) -> float:
    """How long `bounds` will take, estimated from a few images.

    **Arguments:**
    - as for `bounds`.

    **Returns:** seconds.

    **Raises:** what `bounds` does.
    """
    draws = latents_of_elbo(importance_samples)
    draws = draws if isinstance(model, Autoencoder) else importance_samples
    images, k = min(TRIAL_IMAGES, len(data)), min(TRIAL_DRAWS, draws)
    samples, labels = next(batches(model, data, seed))
    few = samples[:images], labels if labels is None else labels[:images]
    model = channels_last(copy.deepcopy(model))  # convolves faster
    with torch.no_grad(), torch.random.fork_rng(gpus_of(model)):
        model.log_likelihood(*few, importance_samples=k).cpu()  # what comes first takes longer
        began = time.perf_counter()
        model.log_likelihood(*few, importance_samples=k).cpu()  # a GPU has then computed it
        return (time.perf_counter() - began) * len(data) / images * draws / k


def latents(
    model: Autoencoder[Any], data: Dataset, *, seed: int
) -> tuple[Estimate, dict[str, Estimate], tuple[float, ...]]:
    """How an autoencoder uses its latents for images.

    **Arguments:**
    - `model`, `data`, `seed`: as for `bounds`.

    **Returns:** three values:

    - how many latent dimensions are active: those with Var_x E[z | x] > 0.01 over the images (Burda
      et al. 2015, section 5);
    - where posterior and prior are normal distributions, "kl": KL(q(z | x) ‖ p(z)) in nats per
      image; else nothing;
    - the mean of that KL over the images, for each latent dimension, in falling order."""
    means, divergences = [], []
    with torch.no_grad():
        for samples, labels in batches(model, data, seed):
            with exact_convolutions():
                posterior = model.encode(samples, labels)
            means.append(mean_or_mode(posterior).flatten(1).double().cpu())
            divergences.append(_kl(posterior, model.prior(labels)))
    active = Estimate(float((torch.cat(means).var(0) > ACTIVE).sum()), None)
    if divergences[0] is None:
        return active, {}, ()
    kl = torch.cat([one for one in divergences if one is not None])  # (images, latent dimensions)
    return active, {"kl": mean(kl.sum(1))}, tuple(kl.mean(0).sort(descending=True).values.tolist())


def batches(model: GenerativeModel[Any], data: Dataset, seed: int) -> Iterator[Batch]:
    """The images as a model's likelihood takes them, on its device; with labels for a conditional
    model.

    **Arguments:**
    - `seed`: of the binarisation, x ~ Bernoulli(grey value). The same seed gives the same pixels.

    **Raises:** `DataError` and `LabelError` when the data does not fit the model.
    """
    shape, labels = tuple(model.config.sample_shape), None
    if data.sample_shape != shape:
        raise DataError(
            f"The model takes samples of shape {shape}, {data.name} has {data.sample_shape}."
        )
    if model.config.num_classes:
        labels = data.labels
        if labels is None:
            raise LabelError(
                f"The model is conditional, but {data.name} has no labels: its likelihood can't be "
                "taken."
            )
    generator = torch.Generator().manual_seed(seed % 2**63)
    for first in range(0, len(data), IMAGES):
        samples = data.inputs(data.samples[first : first + IMAGES])
        if binarises(model):
            samples = torch.bernoulli(samples, generator=generator)
        some = None if labels is None else labels[first : first + IMAGES].to(model.device)
        yield samples.to(model.device), some


def _kl(posterior: Distribution, prior: Distribution) -> Tensor | None:
    """KL of each image and each latent dimension, `(n, latent dimensions)`; None when there is no
    closed form.
    """
    inner = [_inner(posterior), _inner(prior)]
    if not all(isinstance(one, Normal) for one in inner):
        return None
    on_cpu = [Normal(one.mean.double().cpu(), one.stddev.double().cpu()) for one in inner]
    return kl_divergence(*on_cpu).flatten(1)


def _inner(distribution: Distribution) -> Distribution:
    return distribution.base_dist if isinstance(distribution, Independent) else distribution
