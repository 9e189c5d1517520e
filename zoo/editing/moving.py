"""edit(): move the latent of an image or of a sample along directions, and decode it."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.checkpoints import Folder, find
from zoo.common import arguments
from zoo.common.errors import ConfigError, LabelError, counted
from zoo.common.words import either
from zoo.editing import asked, coding, kept
from zoo.editing.coding import Latents
from zoo.sampling import request
from zoo.sampling.request import Reference

if TYPE_CHECKING:
    from torch import Tensor

# steps along a direction at most
MOST = 1e6

logger = logging.getLogger("zoo")


def edit(
    reference: Reference,
    output: str | Path | None = None,
    *,
    images: "str | Path | Sequence[str | Path]" = (),
    seed: int | None = None,
    n: int = 1,
    latents: Any = None,
    directions: Any = (),
    plus: "str | Path | Sequence[str | Path]" = (),
    minus: "str | Path | Sequence[str | Path]" = (),
    labels: Any = (),
    value_range: Sequence[float] | None = None,
    scale: int | None = None,
    device: str = "auto",
    threads: int | None = None,
    force: bool = False,
) -> Latents:
    """Edit images or samples in the latent space: z + Σ steps · direction + z(plus) − z(minus).

    **Arguments:**
    - `reference`: a checkpoint whose model has latents.
    - `output`: where to: `.png`, `.jpg` or `.webp` shows what was given above what it becomes;
        `.npz` holds the latents. edited.png unless given.
    - `images`: image files to edit. They are encoded; for a model without encoder they are
        inverted, see `zoo.invert`.
    - `seed`: of the samples to edit, when there are no images; random unless given.
    - `n`: how many samples of the seed.
    - `latents`: an .npz with latents to edit, instead of images and seed.
    - `directions`: texts `NAME=STEPS`, such as "strong-1=1.5", or a dict; `zoo.directions` finds
        and names them.
    - `plus`, `minus`: images whose latents are added and taken away.
    - `labels`: for a conditional model, a class for each, or one for all.
    - `value_range`: for images deeper than 8 bits, the values that become black and white; as the
        checkpoint was trained unless given.
    - `scale`: how many times as wide and as high to draw each pixel.
    - `device`: "auto" (a GPU where there is one), "cpu" or "cuda".
    - `threads`: on the CPU; what `ZOO_THREADS` says unless given, else the cores that this process
        may use.
    - `force`: replace a file that the zoo did not write.

    **Returns:** the edited latents, where they are, and how they were made.

    **Raises:** `NotFoundError` for a direction that is not kept; `ZooError`.
    """
    folder = find(reference)
    asked.refuse_incapable(folder, "decode")
    path = asked.picture_or_latents(output, "edited.png", folder, scale, force)
    named = arguments.paths("images", images)
    steps = steps_of(directions)
    added, taken = arguments.paths("plus", plus), arguments.paths("minus", minus)
    _refuse_unclear(named, seed, latents, bool(steps or added or taken))
    n = arguments.whole("n", n, 1)
    classes = request.class_numbers(labels, folder)
    if known := kept.names(folder):
        kept.refuse_unknown(folder, steps, known)
    fresh = asked.SEED if named or latents is not None else request.seed_or_fresh(seed)
    source = coding.source(latents) if latents is not None else None
    model: Any = request.load(folder, device, threads).requires_grad_(False)
    samples = asked.samples_of(folder, model, named, value_range) if named else None
    if samples is not None:
        some = asked.labels_of_images(classes, len(samples), folder) if classes else None
        z, given = asked.latents_of(model, samples, some)
    elif latents is not None:
        z, held = coding.source_latents(source, latents, model)
        given = coding.labels_of_latents(classes, held, len(z), folder)
    else:
        z, given = _drawn(folder, model, n, fresh, classes)
    moved = z + move(folder, model, steps, (added, taken), value_range)
    whole = [] if named else ["--seed", fresh] if latents is None else ["--latents", source]
    words = [*_each("--image", named), *whole, *([] if n == 1 else ["-n", n])]
    words += _each("--direction", [f"{name}={step:g}" for name, step in steps.items()])
    words += [*_each("--plus", added), *_each("--minus", taken), *asked.label_words(labels)]
    words += [*asked.range_words(value_range), *(["--scale", scale] if scale else [])]
    words += ["-o", path.name] if output is not None else []
    made = asked.made(folder, "edit", words, n=len(z), seed=fresh, directions=steps)
    if latents is not None and source is None:
        # what is passed in Python can't be named in a command
        del made["command"]
    if path.suffix.lower() == ".npz":
        coding.save_latents(path, moved, given, made)
    else:
        upper = _as_samples(model, z, given) if samples is None else samples
        asked.save_pairs(model, upper, moved, given, path, made, scale)
    logger.info(f"Edited {counted(len(z), 'latent')} of {folder.reference}, in {path}")
    return Latents(path, made, asked.rows_of_pairs(len(z)), moved, given)


def _as_samples(model: Any, z: "Tensor", labels: "Tensor | None") -> "Tensor":
    from zoo.editing.batches import all_decoded

    return all_decoded(model, z, labels)


def _each(option: str, values: Iterable[Any]) -> list[Any]:
    return [word for value in values for word in (option, value)]


def steps_of(directions: Any) -> dict[str, float]:
    """How many steps to go along each direction, by name, from texts NAME=STEPS or a dict.

    **Raises:** `ConfigError` for what is no finite number."""
    pairs: list[tuple[Any, Any]] = []
    if isinstance(directions, Mapping):
        pairs = list(directions.items())
    else:
        for text in arguments.names(directions):
            name, equals, number = text.rpartition("=")
            if not equals:
                raise ConfigError(f"{text[:80]!r} is not NAME=STEPS, such as strong-1=1.5")
            pairs.append((name, number))
    steps: dict[str, float] = {}
    for name, number in pairs:
        try:
            value = float(number)
        except (TypeError, ValueError):
            value = float("nan")
        if not abs(value) <= MOST:
            raise ConfigError(
                f"{kept.check_name(name)} = {str(number)[:80]!r} is not a number of steps: pass "
                f"one from {-MOST:g} to {MOST:g}."
            )
        steps[kept.check_name(name)] = steps.get(name, 0.0) + value
    return steps


def move(
    folder: Folder,
    model: Any,
    steps: Mapping[str, float],
    images: tuple[Sequence[Path], Sequence[Path]] = ((), ()),
    value_range: Any = None,
) -> "Tensor":
    """What to add to a latent, float32 `latent_shape`.

    **Arguments:**
    - `steps`: how many steps along each direction that is kept.
    - `images`: those whose latents are added, and those whose latents are taken away.

    **Raises:** `NotFoundError` for a direction that is not kept."""
    import torch

    from zoo.editing.finding import find_all

    asked.refuse_codes(folder, model)
    total = torch.zeros(model.latent_shape)
    if steps:
        known = find_all(folder, model)
        kept.refuse_unknown(folder, steps, known)
        for name, step in steps.items():
            total = total + step * known[name].vector
    for sign, paths in zip((1, -1), images, strict=True):
        if paths:
            samples = asked.samples_of(folder, model, paths, value_range)
            total = total + sign * asked.latents_of(model, samples, None)[0].sum(0)
    return total


def _refuse_unclear(images: Sequence[Path], seed: Any, latents: Any, changed: bool) -> None:
    if bool(images) + (seed is not None) + (latents is not None) > 1:
        raise ConfigError(
            f"Edit {either('--image, --seed or --latents', 'images, a seed or latents')}: one of "
            "them."
        )
    if not changed:
        raise ConfigError(
            "Nothing to change: pass "
            f"{either('--direction NAME=STEPS', 'directions')}, "
            f"{either('--plus IMAGE', 'plus')} or {either('--minus IMAGE', 'minus')}."
        )


def _drawn(
    folder: Folder, model: Any, n: int, seed: int, classes: Sequence[int]
) -> "tuple[Tensor, Tensor | None]":
    """Latents of a seed, as `zoo sample` draws them, and their classes."""
    import torch

    from zoo.sampling import latents

    if not folder.num_classes:
        return latents(model, n, seed=seed), None
    if len(classes) > 1 and len(classes) != n:
        raise LabelError(
            f"{len(classes):,} labels were given for {counted(n, 'sample')}: give one for all, or "
            "one for each."
        )
    chosen = torch.tensor(list(classes) or range(folder.num_classes))
    labels = chosen[torch.arange(n) % len(chosen)]
    return latents(model, n, seed=seed, labels=labels), labels
