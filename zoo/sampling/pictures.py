"""Pictures of a model: reconstructions, interpolations, traversals, manifolds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from zoo.common.errors import CapabilityError
from zoo.models import Autoencoder, GenerativeModel, LatentModel
from zoo.sampling import images
from zoo.sampling.kinds import kind_of
from zoo.sampling.sampler import latents

COLUMNS = 8  # images in a row of a pair of rows
PAIR_GAP = 4  # pixels of grey between two pairs of rows
TRAVERSED = 16  # rows of a traversal at most
STEPS = 11  # images in a row of it
# of the latents of what is written for a checkpoint
SEED = 0
SIDE = 20  # images along each side of a manifold
AT_ONCE = 256  # latents decoded together


def write_all(
    model: GenerativeModel[Any],
    directory: Path,
    made: Mapping[str, Any],
    *,
    samples: Tensor | None = None,
    labels: Tensor | None = None,
) -> list[str]:
    """Write the pictures that fit a model to `directory/images`, each whole or not at all.

    **Arguments:**
    - `model`: in eval mode; one whose samples are not images gets no pictures.
    - `directory`: of the checkpoint.
    - `made`: how the model was made, kept in each PNG beside the picture's own seed.
    - `samples`, `labels`: images to reconstruct, for a model that can; a conditional one needs the
        labels.

    **Returns:** the names of the files, of reconstructions.png, interpolation.png, traversal.png
    and manifold.png; a picture from before that no longer fits is left where it is."""
    if not kind_of(model).is_picture:
        return []
    pictures: dict[str, tuple[Image.Image, dict[str, Any]]] = {}
    given = labels if model.config.num_classes else None
    fit = given is not None or not model.config.num_classes
    if isinstance(model, Autoencoder) and samples is not None and fit:
        pictures["reconstructions"] = reconstructions(model, samples, given), {"n": len(samples)}
    if isinstance(model, LatentModel):
        pictures["interpolation"] = interpolation(model, SEED), {"seed": SEED}
        if _is_standard_normal(model):
            pictures["traversal"] = traversal(model, SEED), {"seed": SEED}
            if model.latent_shape == (2,):
                pictures["manifold"] = manifold(model), {}
    for name, (picture, further) in pictures.items():
        record = {**made, "picture": name, **further}
        images.save_png(picture, directory / "images" / f"{name}.png", record)
    return [f"{name}.png" for name in pictures]


def reconstructions(
    model: Autoencoder[Any], samples: Tensor, labels: Tensor | None = None, scale: int = 1
) -> Image.Image:
    """Images above their reconstructions: pairs of rows, 8 images in a row.

    **Arguments:**
    - `samples`: uint8 or float32 in [0, 1], `(n, channels, height, width)`.
    - `labels`: int64 `(n,)` for a conditional model.
    """
    given = None if labels is None else labels.to(model.device)
    with torch.no_grad():
        copies = model.reconstruct(_unit(samples).to(model.device), given).cpu()
    return pairs(samples, copies, scale)


def interpolation(
    model: LatentModel[Any],
    seed: int,
    n: int = 8,
    steps: int = 8,
    labels: Tensor | None = None,
    scale: int = 1,
    options: Any = None,
) -> Image.Image:
    """The images of `interpolate`, a line in each row, from left to right."""
    lines = interpolate(model, seed, n, steps, labels, options)
    return images.grid(lines.flatten(0, 1), steps, scale)


def interpolate(
    model: LatentModel[Any],
    seed: int,
    n: int,
    steps: int,
    labels: Tensor | None = None,
    options: Any = None,
) -> Tensor:
    """Draw samples on straight lines between latents.

    Each line turns one random sample into another: line k turns sample 2k of the seed into sample
    2k + 1.

    **Arguments:**
    - `seed`: as for `sampling.draw`.
    - `n`: how many lines.
    - `steps`: points on each line, both ends included; 2 at least.
    - `labels`: int64 `(n,)`, for each line of a conditional model; its classes in turn unless
        given.
    - `options`: of drawing latents, an instance of the model's `Options`.

    **Returns:** uint8 `(n, steps, channels, height, width)` on the CPU.
    """
    given = _in_turn(model, n) if labels is None else labels
    of_ends = None if given is None else given.repeat_interleave(2)
    drawn = latents(model, 2 * n, seed=seed, labels=of_ends, options=options)
    ends = drawn.to(model.device)
    with torch.no_grad():
        lines: Tensor = model.interpolate(
            ends[0::2], ends[1::2], steps, None if given is None else given.to(model.device)
        )
    return images.to_uint8(lines.cpu())


def traversal(model: LatentModel[Any], seed: int) -> Image.Image:
    """What single latent dimensions do: each row varies one of them from −3 to 3, the others stay
    as drawn.

    The rows are the dimensions that change the pixels most between −3 and 3, that first; 16 at
    most. In the rows of a conditional model its classes take turns.

    **Arguments:**
    - `model`: with a standard normal prior, of which −3 to 3 holds 99.7 %.
    - `seed`: of the latent that is varied, the first that `sampling.draw` decodes.

    **Raises:** `CapabilityError` for another prior.
    """
    if not _is_standard_normal(model):
        raise CapabilityError(
            f"{type(model).__name__} has a prior that is not standard normal, so a range of −3 "
            "to 3 "
            "may not fit it."
        )
    (start,) = latents(model, 1, seed=seed).flatten(1)  # (dimensions,)
    strongest = _by_effect(model, start)[:TRAVERSED]
    labels = _in_turn(model, len(strongest))
    repeated = None if labels is None else labels.repeat_interleave(STEPS)
    return images.grid(
        _decode(model, _varied(start, strongest, torch.linspace(-3, 3, STEPS)), repeated), STEPS
    )


def manifold(model: LatentModel[Any]) -> Image.Image:
    """All that a model with two latents makes: 20 × 20 images whose latents are z = Φ⁻¹((i + ½) /
    20) on each axis.

    Φ is the standard normal distribution function, so each image stands for an equal share of the
    samples (Kingma & Welling 2013, arXiv:1312.6114, appendix A, figure 4). The first latent grows
    to the right, the second upwards.

    **Arguments:**
    - `model`: with two latents and a standard normal prior; of a conditional one the first class is
        shown.

    **Raises:** `CapabilityError` for another model.
    """
    if model.latent_shape != (2,) or not _is_standard_normal(model):
        raise CapabilityError(
            f"A manifold needs two latents with a standard normal prior, not {model.latent_shape}."
        )
    quantiles = torch.special.ndtri((torch.arange(SIDE) + 0.5) / SIDE)
    z = torch.cartesian_prod(quantiles.flip(0), quantiles).flip(1)  # rows from the top, (400, 2)
    labels = torch.zeros(len(z), dtype=torch.int64) if model.config.num_classes else None
    pixels = images.to_uint8(_decode(model, z, labels)).unflatten(0, (SIDE, SIDE))
    # no gaps, as in the paper
    return images.to_image(pixels.permute(2, 0, 3, 1, 4).flatten(3, 4).flatten(1, 2))


def _is_standard_normal(model: LatentModel[Any]) -> bool:
    """Whether latents are drawn as `LatentModel` does it, and not by a model's own prior."""
    own = type(model)
    return own.prior is LatentModel.prior and own.sample_prior is LatentModel.sample_prior


def _in_turn(model: GenerativeModel[Any], n: int) -> Tensor | None:
    """A conditional model's classes, one after the other, n labels in all."""
    return torch.arange(n) % model.config.num_classes if model.config.num_classes else None


def _by_effect(model: LatentModel[Any], start: Tensor) -> Tensor:
    """The latent dimensions, `(d,)`, by how far apart the pixels are at −3 and at 3, on average,
    the furthest first.
    """
    effects = []
    for dimensions in torch.arange(len(start)).split(AT_ONCE):
        ends = _varied(start, dimensions, torch.tensor([-3.0, 3.0]))
        labels = torch.zeros(len(ends), dtype=torch.int64) if model.config.num_classes else None
        low, high = _decode(model, ends, labels).unflatten(0, (-1, 2)).unbind(1)
        effects.append((high - low).abs().flatten(1).mean(1))
    return torch.cat(effects).argsort(descending=True, stable=True)


def _varied(start: Tensor, dimensions: Tensor, values: Tensor) -> Tensor:
    """Copies of one latent `(d,)`, `(dimensions · values, d)`: in each, one of the dimensions has
    one of the values.
    """
    z = start.repeat(len(dimensions), len(values), 1)
    z[torch.arange(len(dimensions)), :, dimensions] = values
    return z.flatten(0, 1)


def _decode(model: LatentModel[Any], z: Tensor, labels: Tensor | None) -> Tensor:
    """Decode latents `(n, d)`, however many; the result is on the CPU."""
    where, decoded = model.device, []
    z = z.view(-1, *model.latent_shape)
    for first in range(0, len(z), AT_ONCE):
        given = None if labels is None else labels[first : first + AT_ONCE].to(where)
        with torch.no_grad():
            decoded.append(model.decode(z[first : first + AT_ONCE].to(where), given).cpu())
    return torch.cat(decoded)


def _unit(samples: Tensor) -> Tensor:
    """uint8 images as float32 in [0, 1]."""
    return samples.float().div_(255) if samples.dtype == torch.uint8 else samples


def pairs(upper: Tensor, lower: Tensor, scale: int = 1) -> Image.Image:
    """Rows of 8 images above rows of their partners, with a grey bar between two pairs of rows.

    **Arguments:**
    - `upper`, `lower`: as many of the one as of the other, uint8 or float32 in [0, 1],
        `(n, channels, height, width)`.
    - `scale`: how many times as wide and as high to draw each pixel.
    """
    columns = min(COLUMNS, len(upper))
    missing = upper.new_zeros(-len(upper) % columns, *upper.shape[1:])
    rows = [torch.cat([_bytes(one), _bytes(missing)]).split(columns) for one in (upper, lower)]
    pairs = [images.grid(torch.cat(pair), columns, scale) for pair in zip(*rows, strict=True)]
    width, height = pairs[0].size
    gap = PAIR_GAP * scale
    size = width, len(pairs) * (height + gap) - gap
    canvas = Image.new(pairs[0].mode, size, "grey")
    for index, pair in enumerate(pairs):
        canvas.paste(pair, (0, index * (height + gap)))
    return canvas


def _bytes(samples: Tensor) -> Tensor:
    return samples if samples.dtype == torch.uint8 else images.to_uint8(samples)
