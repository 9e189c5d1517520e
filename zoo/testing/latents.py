"""Checks of latents, posteriors and likelihoods, of models that have them."""

import contextlib
import io
import logging
from collections.abc import Iterator
from typing import Any, Literal

import torch
from torch import Tensor
from torch.distributions import Distribution

from zoo.evaluation import has_likelihood
from zoo.models import Autoencoder, GenerativeModel, LatentModel
from zoo.models.capture import METHODS, captured
from zoo.testing.subject import Shortfall, require, some_data, some_labels


@torch.no_grad()
@torch.random.fork_rng(devices=())
def check_latents(model: GenerativeModel[Any]) -> None:
    """If it has latents, the shapes of prior, decode, encode and likelihood agree."""
    if not isinstance(model, LatentModel):
        return
    samples, labels = some_data(model, n=2)
    z_shape, x_shape = tuple(model.latent_shape), tuple(model.config.sample_shape)
    z = model.sample_prior(2, torch.Generator().manual_seed(0), labels)
    _require_shape(f"{_drawn_by(model)} has", z, (2, *z_shape))
    if _has_prior(model):
        prior = model.prior(labels)
        batch = (2,) if labels is not None and prior.batch_shape == (2,) else ()
        _require_distribution("prior()", prior, batch, z_shape)
    decoded = model.decode(z, labels)
    _require_shape("decode() has", decoded, (2, *x_shape))
    drawn = model.sample(2, labels, generator=torch.Generator().manual_seed(0))
    require(
        torch.allclose(drawn, decoded, atol=1e-5),
        "sample() draws other samples than decode(sample_prior(…)): leave sample() alone, and draw "
        "latents in sample_prior()",
    )
    if isinstance(model, Autoencoder):
        _require_distribution("encode()", model.encode(samples, labels), (2,), z_shape)
        if has_likelihood(model):
            _require_distribution("likelihood()", model.likelihood(z, labels), (2,), x_shape)


def _has_prior(model: LatentModel[Any]) -> bool:
    """Whether prior() says what sample_prior() draws from; a model may have the latter alone."""
    own = type(model)
    return own.prior is not LatentModel.prior or own.sample_prior is LatentModel.sample_prior


def _drawn_by(model: LatentModel[Any]) -> str:
    own = type(model).sample_prior is not LatentModel.sample_prior
    return "sample_prior(2, …)" if own else "prior().sample((2,))"


@torch.no_grad()
def check_interpolation(model: GenerativeModel[Any]) -> None:
    """If it has latents, a walk between two of them begins and ends with their own samples."""
    if not isinstance(model, LatentModel):
        return
    _, labels = some_data(model, n=1)
    both = None if labels is None else labels.expand(2)
    z = model.sample_prior(2, torch.Generator().manual_seed(0), both)
    if not z.is_floating_point():
        return  # no line is between codes
    line = model.interpolate(z[:1], z[1:], 5, labels)
    ends = model.decode(z, both)
    require(
        torch.allclose(line[0, [0, -1]], ends, atol=1e-5),
        "an interpolation does not end at its end points: decode() must take each latent by "
        "itself, not with its batch",
    )


@torch.no_grad()
def check_export(model: GenerativeModel[Any]) -> None:
    """If it has latents, `torch.export` captures decode() and encode() for batches of any size."""
    if not isinstance(model, LatentModel):
        return
    generator = torch.Generator().manual_seed(0)
    z = model.sample_prior(5, generator, some_labels(model, 5))
    _require_captured(model, "decode", model.placed(z))
    if isinstance(model, Autoencoder):
        _require_captured(model, "encode", some_data(model, n=5)[0])


def _require_captured(
    model: LatentModel[Any], method: Literal["decode", "encode"], x: Tensor
) -> None:
    advice = (
        f"write x.shape[0] for len(x), view(-1, …) for view(len(x), …), and let no value of a "
        f"tensor decide what {method}() does"
    )
    try:
        with _hushed():
            program = captured(model, method).module()
    except Exception as error:
        said = " ".join(str(error).split())[:200]
        raise Shortfall(
            f"{method}() can't be captured by torch.export with a free batch: {advice} ({said})"
        ) from error
    for n in (1, 5):
        labels = some_labels(model, n)
        same = torch.allclose(
            program(x[:n], labels), METHODS[method](model, x[:n], labels), atol=1e-4
        )
        require(same, f"{method}(), captured by torch.export, gives other numbers: {advice}")


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Keep back what torch prints about a failed capture: the check says it in a line."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        logging.disable(before)


@torch.no_grad()
@torch.random.fork_rng(devices=())
def check_likelihood(model: GenerativeModel[Any]) -> None:
    """If it has a likelihood, it gives one finite value for each sample.

    So it does with any number of importance samples.
    """
    if not has_likelihood(model):
        return
    samples, labels = some_data(model, n=3)
    for draws in (1, 2):
        value = model.log_likelihood(samples, labels, importance_samples=draws)
        _require_shape("log_likelihood() has", value, (3,))
        require(
            bool(value.isfinite().all()),
            "log_likelihood() is not finite for samples in [0, 1]: look for a log of 0",
        )


def _require_shape(what: str, value: Tensor, shape: tuple[int, ...]) -> None:
    given = tuple(value.shape)
    require(
        given == shape,
        f"{what} the shape {given}: with its latent_shape and sample_shape it must be {shape}",
    )


def _require_distribution(
    what: str, one: Distribution, batch: tuple[int, ...], event: tuple[int, ...]
) -> None:
    has = tuple(one.batch_shape), tuple(one.event_shape)
    require(
        has == (batch, event),
        f"{what} has the batch shape {has[0]} and the event shape {has[1]}: it must have {batch} "
        f"and {event}; wrap "
        f"it in Independent(…, {len(event)})",
    )
