"""invert(): the latents whose samples are nearest to images, for every model with latents."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.checkpoints import find
from zoo.common import arguments
from zoo.common.errors import counted
from zoo.common.watching import Watch
from zoo.editing import asked, coding
from zoo.editing.coding import Latents
from zoo.sampling import request
from zoo.sampling.request import Reference

# latents that the search chooses from, and steps that it takes from the best
DRAWS = 1000
STEPS = 100


logger = logging.getLogger("zoo")


@dataclass(frozen=True)
class Inversion(Latents):
    """Latents of images, and how near they come.

    **Arguments:**
    - `errors`: squared error of each image, summed over its values, float32 `(n,)`.
    """

    errors: Any = None


def invert(
    reference: Reference,
    images: "str | Path | Sequence[str | Path]",
    output: str | Path | None = None,
    *,
    draws: int = DRAWS,
    steps: int = STEPS,
    seed: int | None = None,
    labels: Any = (),
    value_range: Sequence[float] | None = None,
    scale: int | None = None,
    device: str = "auto",
    threads: int | None = None,
    force: bool = False,
    watch: Watch | None = None,
) -> Inversion:
    """Find the latents whose samples are nearest to images, by squared error.

    The search starts from the encoder's mean where the model has an encoder, else from the best of
    many latents that are drawn from the prior, and takes gradient steps from there.

    **Arguments:**
    - `reference`: a checkpoint whose model has latents.
    - `images`: image files, or .npz files with `samples`, such as `zoo.sample` writes.
    - `output`: where to: `.npz` has `latents`, `errors` and for a conditional model `labels`;
        `.png`, `.jpg` or `.webp` shows the images above their copies. inverted.npz unless given.
    - `draws`: latents of the seed to choose from.
    - `steps`: gradient steps.
    - `seed`: of the draws; random unless given. The file records it.
    - `labels`: for a conditional model, the class of each image, or one for all; unless given, the
        class of the best draw.
    - `value_range`: for images deeper than 8 bits, the values that become black and white; as the
        checkpoint was trained unless given.
    - `scale`: of a picture, how many times as wide and as high to draw each pixel.
    - `device`: "auto" (a GPU where there is one), "cpu" or "cuda".
    - `threads`: on the CPU; what `ZOO_THREADS` says unless given, else the cores that this process
        may use.
    - `force`: replace a file that the zoo did not write.
    - `watch`: gets the steps, how many there are and what is being done, and passes the steps on:
        for a progress bar.

    **Returns:** the latents and their errors, where they are, and how they were made.

    **Raises:** `CapabilityError` for a model without latents; `ZooError`.
    """
    folder = find(reference)
    asked.refuse_incapable(folder, "decode")
    path = asked.picture_or_latents(output, "inverted.npz", folder, scale, force)
    named = asked.image_paths(images)
    classes = request.class_numbers(labels, folder)
    draws = arguments.whole("draws", draws, 1)
    steps = arguments.whole("steps", steps, 0)
    fresh = request.seed_or_fresh(seed)
    model: Any = request.load(folder, device, threads).requires_grad_(False)
    asked.refuse_codes(folder, model)
    from zoo.editing import search

    samples = asked.samples_of(folder, model, named, value_range)
    given = asked.labels_of_images(classes, len(samples), folder) if classes else None
    found = search.nearest(model, samples, given, seed=fresh, draws=draws, steps=steps, watch=watch)
    words: list[Any] = [*named, *([] if draws == DRAWS else ["--draws", draws])]
    words += [*([] if steps == STEPS else ["--steps", steps]), "--seed", fresh]
    words += [*asked.label_words(labels), *asked.range_words(value_range)]
    words += ["--scale", scale] if scale else []
    words += ["-o", path.name] if output is not None else []
    made = asked.made(
        folder,
        "invert",
        words,
        n=len(samples),
        seed=fresh,
        draws=draws,
        steps=steps,
        squared_error=round(float(found.errors.mean()), 4),
    )
    if path.suffix.lower() == ".npz":
        coding.save_latents(path, found.latents, found.labels, made, errors=found.errors)
    else:
        asked.save_pairs(model, samples, found.latents, found.labels, path, made, scale)
    logger.info(
        f"Inverted {counted(len(samples), 'image')} by {folder.reference}, seed {fresh}: squared "
        f"error {found.errors.mean():.3g} an image, {found.before.mean():.3g} before the "
        f"{counted(steps, 'step')}, in {path}"
    )
    rows = asked.rows_of_pairs(len(samples))
    return Inversion(path, made, rows, found.latents, found.labels, found.errors)
