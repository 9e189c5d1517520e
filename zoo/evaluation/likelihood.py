"""Likelihoods of images that a model has not seen, and what its latents tell of them."""

import copy
import time
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal, kl_divergence

from zoo.common.compute import channels_last, exact_convolutions, gpus_of
from zoo.common.errors import DataError, LabelError
from zoo.data import Dataset, to_float
from zoo.evaluation.asked import Watch, unwatched
from zoo.evaluation.metrics import Estimate, mean
from zoo.models import Autoencoder, GenerativeModel

IMAGES = 250  # looked at together; changing it would change the random numbers of every likelihood
ACTIVE = (
    0.01  # least variance of E[z | x] over the images for a latent dimension to count as active
)
TRIAL = 16, 100  # images and importance samples of the run that the time is estimated from

Batch = tuple[Tensor, Tensor | None]


def has_likelihood(model: GenerativeModel[Any]) -> bool:
    """Whether a model gives a likelihood, or a bound of it."""
    return type(model).log_likelihood is not GenerativeModel.log_likelihood


def shares_classes(
    model: GenerativeModel[Any], data: Dataset, class_names: Sequence[str] | None = None
) -> bool:
    """Whether a model's labels mean what those of the data mean; true of an unconditional model,
    which takes none.

    **Arguments:**
    - `class_names`: what the model's labels mean; those of the data, if it has so many classes,
    when not given."""
    classes = model.config.num_classes
    told = data.class_names if class_names is None else tuple(class_names)
    return not classes or (told == data.class_names and len(told) in (0, classes))


def binarises(model: GenerativeModel[Any]) -> bool:
    """Whether a model is one of pixels that are 0 or 1: its config then has a field `binarize`,
    which is true.
    """
    return bool(getattr(model.config, "binarize", False))


def family(model: GenerativeModel[Any]) -> str:
    """The distribution p(x | z) of a pixel, such as "Bernoulli"; empty for a model that is no
    autoencoder.
    """
    if not isinstance(model, Autoencoder):
        return ""
    z = torch.zeros(1, *model.latent_shape, device=model.device)
    label = (
        torch.zeros(1, dtype=torch.int64, device=model.device) if model.config.num_classes else None
    )
    with torch.no_grad():
        return type(_inner(model.likelihood(z, label))).__name__


def bounds(
    model: GenerativeModel[Any],
    data: Dataset,
    *,
    importance_samples: int,
    seed: int,
    watch: Watch = unwatched,
) -> dict[str, Estimate]:
    """The ELBO and the negative log-likelihood, in nats per image.

    The ELBO (Kingma & Welling 2013, arXiv:1312.6114, eq. 3), of autoencoders, takes one latent an
    image; the log-likelihood is bounded from below by importance sampling (Burda, Grosse &
    Salakhutdinov 2015, arXiv:1509.00519, eq. 8), or exact for a model that knows it. The standard
    errors are those of a mean over the images.

    **Arguments:**
    - `model`: in eval mode, one that has a likelihood.
    - `data`: images that it was not trained on; binarised as `binarises` says.
    - `importance_samples`: latents drawn for each image.
    - `seed`: of the latents and of the binarisation.

    **Returns:** "nll", and "elbo" for an autoencoder.

    **Raises:** `DataError`, `LabelError` when the data doesn't fit the model.
    """
    names = (
        {"elbo": 1, "nll": importance_samples}
        if isinstance(model, Autoencoder)
        else {"nll": importance_samples}
    )
    found: dict[str, list[Tensor]] = {name: [] for name in names}
    model = channels_last(copy.deepcopy(model))  # convolves faster
    with torch.no_grad(), torch.random.fork_rng(gpus_of(model)):
        torch.manual_seed(seed)
        for samples, labels in watch(batches(model, data, seed), len(data), "Likelihood"):
            for name, k in names.items():
                with exact_convolutions():
                    values = model.log_likelihood(samples, labels, importance_samples=k)
                found[name].append(values.double().cpu())
    return {
        name: mean(torch.cat(parts) * (-1 if name == "nll" else 1)) for name, parts in found.items()
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
    images, k = min(TRIAL[0], len(data)), min(TRIAL[1], importance_samples)
    samples, labels = next(batches(model, data, seed))
    few = samples[:images], labels if labels is None else labels[:images]
    model = channels_last(copy.deepcopy(model))  # convolves faster
    with torch.no_grad(), torch.random.fork_rng(gpus_of(model)):
        model.log_likelihood(*few, importance_samples=k).cpu()  # what comes first takes longer
        began = time.perf_counter()
        model.log_likelihood(*few, importance_samples=k).cpu()  # a GPU has then computed it
        return (time.perf_counter() - began) * len(data) / images * importance_samples / k


def latents(
    model: Autoencoder[Any], data: Dataset, *, seed: int
) -> tuple[Estimate, dict[str, Estimate], tuple[float, ...]]:
    """What the latents of an autoencoder tell of images.

    **Arguments:**
    - `model`, `data`, `seed`: as for `bounds`.

    **Returns:** how many latent dimensions are active: Var_x E[z | x] > 0.01 over the images (Burda
    et al. 2015, section 5); and, where posterior and prior are normal distributions, KL(q(z | x) ‖
    p(z)) in nats per image ("kl"), with its mean over the images for each latent dimension, in
    falling order."""
    means, divergences = [], []
    with torch.no_grad():
        for samples, labels in batches(model, data, seed):
            with exact_convolutions():
                posterior = model.encode(samples, labels)
            means.append(posterior.mean.flatten(1).double().cpu())
            divergences.append(_kl(posterior, model.prior()))
    active = Estimate(float((torch.cat(means).var(0) > ACTIVE).sum()), None)
    if divergences[0] is None:
        return active, {}, ()
    kl = torch.cat([one for one in divergences if one is not None])  # (images, latent dimensions)
    return active, {"kl": mean(kl.sum(1))}, tuple(kl.mean(0).sort(descending=True).values.tolist())


def batches(model: GenerativeModel[Any], data: Dataset, seed: int) -> Iterator[Batch]:
    """Images as the model's likelihood takes them, and their labels if it is conditional, on its
    device.

    **Arguments:**
    - `seed`: of the binarisation x ~ Bernoulli(grey value), which is the same at each call.

    **Raises:** `DataError`, `LabelError` when the data doesn't fit the model.
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
        samples = to_float(data.samples[first : first + IMAGES])
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
