"""draw(): samples start … start + n of one seed, the same whatever the batch size."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from zoo.common import arguments
from zoo.common.compute import PRECISIONS, channels_last, derived_seed, exact_convolutions
from zoo.common.errors import ConfigError
from zoo.models import GenerativeModel, LatentModel
from zoo.sampling.kinds import kind_of

MOST_TRUNCATION = 10
# samples that share one generator; changing it would change every sample of every seed
BLOCK = 64


def draw(
    model: GenerativeModel[Any],
    n: int,
    *,
    seed: int,
    start: int = 0,
    labels: Tensor | None = None,
    batch_size: int | None = None,
    options: Any = None,
    precision: str = "float32",
    truncation: float | None = None,
) -> Tensor:
    """Draw samples `start` … `start + n - 1` of a seed.

    The noise of sample i depends on the seed and on i alone; samples agree within 1e-5 across batch
    sizes and devices, and to the bit on one machine with one batch size. The global generator is
    neither used nor changed. In bf16 the noise is the same, the computing coarser: pixels are some
    0.0005 from float32's on average, single ones up to 0.2, and so across batch sizes and devices;
    on one machine with one batch size samples are equal to the bit again.

    **Arguments:**
    - `model`: in eval mode, as `zoo.load` gives it.
    - `n`: how many, at least 1.
    - `seed`: any whole number from 0.
    - `start`: index of the first sample.
    - `labels`: int64 `(n,)` for a conditional model; drawn uniformly, from a stream of their own,
        when left out, so that asking for a label keeps the noise.
    - `batch_size`: samples decoded at once, 256 unless given.
    - `options`: an instance of the model's `Options`, when it has them.
    - `precision`: "float32", or "bf16" to compute in bfloat16 where that is safe
        (`torch.autocast`), with the convolutions' maps in channels-last order: faster on hardware
        that computes in it (see `emulates_bf16`).
    - `truncation`: of a model with latents: they are drawn to the mean m of the prior, to
        m + ψ (z − m); less than 1 gives samples that are more alike (Karras et al. 2019,
        arXiv:1812.04948, appendix B, where z is the inner latent).

    **Returns:** samples on the CPU, float32 `(n, *sample_shape)`; int64 for text.

    **Raises:** `ConfigError` for an `n`, `seed`, `start`, `batch_size` or `precision` out of range;
    `LabelError`."""
    drawn: Tensor | None = None
    done = 0
    for samples, _ in stream(
        model,
        n,
        seed=seed,
        start=start,
        labels=labels,
        batch_size=batch_size,
        options=options,
        precision=precision,
        truncation=truncation,
    ):
        drawn = _room(n, samples) if drawn is None else drawn
        drawn[done : done + len(samples)] = samples
        done += len(samples)
    assert drawn is not None  # n is 1 at least
    return drawn


def _room(n: int, samples: Tensor) -> Tensor:
    """A tensor for `n` samples, of which the first are known."""
    try:
        return samples.new_empty(n, *samples.shape[1:])
    except (RuntimeError, TypeError, OverflowError) as error:
        size = n * samples[0].numel() * samples.element_size()
        raise ConfigError(
            f"n = {n:,} samples take {size / 1e9:,.0f} GB of memory, more than there is: draw "
            "fewer at once, or write them to a file with zoo.sample."
        ) from error


def stream(
    model: GenerativeModel[Any],
    n: int,
    *,
    seed: int,
    start: int = 0,
    labels: Tensor | None = None,
    batch_size: int | None = None,
    options: Any = None,
    precision: str = "float32",
    truncation: float | None = None,
) -> Iterator[tuple[Tensor, Tensor | None]]:
    """The samples of `draw`, which says the arguments, batch by batch in bounded memory.

    **Returns:** pairs of samples, float32 (int64 for text) `(b, *sample_shape)` on the CPU, and
    their labels, int64 `(b,)` or None."""
    most = max(BLOCK, model.sample_batch)
    batch_size = min(256, most) if batch_size is None else batch_size
    n = arguments.whole("n", n, 1)
    seed = arguments.whole("seed", seed, 0)
    start = arguments.whole("start", start, 0)
    batch_size = min(arguments.whole("batch_size", batch_size, 1), most)
    if precision not in PRECISIONS:
        raise ConfigError(f"precision = {precision!r} is none of {', '.join(PRECISIONS)}.")
    if labels is not None:
        model.check_labels(labels, n)
    refuse_truncation(model, truncation)
    if precision == "bf16":
        model = channels_last(copy.deepcopy(model))
    for first in range(start, start + n, batch_size):
        last = min(first + batch_size, start + n)
        wanted = (
            labels[first - start : last - start]
            if labels is not None
            else _labels(model, seed, first, last)
        )
        autocast = torch.autocast(model.device.type, torch.bfloat16, enabled=precision == "bf16")
        with torch.no_grad(), exact_convolutions(), autocast:
            samples = _batch(model, seed, first, last, wanted, options, truncation)
        yield samples, wanted


def latents(
    model: LatentModel[Any],
    n: int,
    *,
    seed: int,
    start: int = 0,
    labels: Tensor | None = None,
    options: Any = None,
) -> Tensor:
    """The latents that `draw` decodes.

    **Arguments:**
    - `n`, `seed`, `start`: as for `draw`.
    - `labels`: int64 `(n,)`, which a conditional model needs whose prior depends on them.
    - `options`: as for `draw`.

    **Returns:** those of samples `start` … `start + n - 1`, `(n, *latent_shape)` on the CPU."""
    with torch.no_grad():
        return _in_blocks(
            labels,
            start,
            start + n,
            model.device,
            lambda block, wanted: model.sample_prior(
                BLOCK, _generator(seed, block), wanted, options
            ).cpu(),
        )


def truncated(
    model: LatentModel[Any], z: Tensor, truncation: float, labels: Tensor | None = None
) -> Tensor:
    """Latents drawn to the mean m of the prior: m + ψ (z − m).

    **Arguments:**
    - `z`: float32 `(n, *latent_shape)` on the CPU.
    - `truncation`: ψ.
    - `labels`: int64 `(n,)` for a conditional model.
    """
    if type(model).prior is LatentModel.prior:
        return truncation * z
    mean = model.prior(labels).mean.detach().cpu()
    return mean + truncation * (z - mean)


def refuse_truncation(model: GenerativeModel[Any], truncation: Any) -> None:
    """Raise `ConfigError` for a truncation of a model that has no latents, or only codes, and for
    what is no number from 0 to 10.
    """
    if truncation is None:
        return
    is_number = isinstance(truncation, int | float) and not isinstance(truncation, bool)
    if not (is_number and 0 <= truncation <= MOST_TRUNCATION):
        raise ConfigError(
            f"truncation = {str(truncation)[:80]!r} is not a number from 0 to {MOST_TRUNCATION}."
        )
    if not isinstance(model, LatentModel):
        raise ConfigError(
            f"{type(model).__name__} has no latents, so truncation = {truncation:g} has no effect: "
            "leave it out."
        )
    if not model.sample_prior(1, torch.Generator(), _zeros(model)).is_floating_point():
        raise ConfigError(
            f"The latents of {type(model).__name__} are codes, which have no mean: leave "
            "truncation out."
        )


def _zeros(model: GenerativeModel[Any]) -> Tensor | None:
    return torch.zeros(1, dtype=torch.int64) if model.config.num_classes else None


def _batch(
    model: GenerativeModel[Any],
    seed: int,
    first: int,
    last: int,
    labels: Tensor | None,
    options: Any,
    truncation: float | None,
) -> Tensor:
    """Samples `first` … `last - 1`: whole blocks of noise, cut to what is asked for."""
    if isinstance(model, LatentModel):
        z = latents(model, last - first, seed=seed, start=first, labels=labels, options=options)
        given = labels if labels is None else labels.to(model.device)
        if truncation is not None:
            z = truncated(model, z, truncation, labels)
        samples = model.decode(model.placed(z), given)
    else:
        samples = _in_blocks(
            labels,
            first,
            last,
            model.device,
            lambda block, wanted: model.sample(
                BLOCK, wanted, generator=_generator(seed, block), options=options
            ),
        )
    return samples.to(torch.int64 if kind_of(model).is_whole else torch.float32).cpu()


def _in_blocks(
    labels: Tensor | None,
    first: int,
    last: int,
    device: torch.device,
    make: Callable[[int, Tensor | None], Tensor],
) -> Tensor:
    """What is made of each block and of its labels, cut to `first` … `last - 1`."""
    padded = _padded(labels, first)

    def of_block(block: int) -> Tensor:
        if padded is None:
            return make(block, None)
        return make(block, padded[(block - first // BLOCK) * BLOCK :][:BLOCK].to(device))

    return _from_blocks(first, last, of_block)


def _from_blocks(first: int, last: int, make: Callable[[int], Tensor]) -> Tensor:
    blocks = [make(block) for block in range(first // BLOCK, (last - 1) // BLOCK + 1)]
    offset = first % BLOCK
    return torch.cat(blocks)[offset : offset + last - first]


def _padded(labels: Tensor | None, first: int) -> Tensor | None:
    """Labels for whole blocks: those of the samples that are drawn and dropped are 0."""
    if labels is None:
        return None
    before = labels.new_zeros(first % BLOCK)
    after = labels.new_zeros(-(first + len(labels)) % BLOCK)
    return torch.cat([before, labels, after])


def _labels(model: GenerativeModel[Any], seed: int, first: int, last: int) -> Tensor | None:
    classes = model.config.num_classes
    if not classes:
        return None
    return _from_blocks(
        first,
        last,
        lambda block: torch.randint(classes, (BLOCK,), generator=_generator(seed, block, "labels")),
    )


def _generator(seed: int, block: int, purpose: str = "noise") -> torch.Generator:
    """The generator of one block: the blocks of one seed never coincide, and those of two seeds
    hardly ever do.
    """
    return torch.Generator().manual_seed((derived_seed(purpose, seed) + block) % 2**32)
