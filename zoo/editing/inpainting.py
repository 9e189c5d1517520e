"""inpaint(): what a mask hides of an image is filled in by a model."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.checkpoints import find
from zoo.common import arguments
from zoo.common.errors import DataError, LabelError, counted
from zoo.common.watching import Watch
from zoo.common.words import either
from zoo.editing import asked
from zoo.editing.coding import Latents
from zoo.editing.inversion import DRAWS, STEPS
from zoo.sampling import request
from zoo.sampling.request import Reference

if TYPE_CHECKING:
    from torch import Tensor

# answers unless told
ANSWERS = 4
# the grey of what is hidden, in a picture
HIDDEN = 0.5

logger = logging.getLogger("zoo")


@dataclass(frozen=True)
class Inpainted(Latents):
    """Answers to what is hidden.

    **Arguments:**
    - `samples`: the image with each answer filled in, float32 `(n, *sample_shape)`.
    """

    samples: Any = None


def inpaint(
    reference: Reference,
    image: str | Path,
    mask: str | Path,
    output: str | Path | None = None,
    *,
    n: int = ANSWERS,
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
) -> Inpainted:
    """Fill in what a mask hides of an image: several answers.

    **Arguments:**
    - `reference`: a checkpoint whose model has latents.
    - `image`: a file.
    - `mask`: a picture of the image's size: white is filled in, black stays.
    - `output`: where to: `.png`, `.jpg` or `.webp` shows the image, what is seen of it, and the
        answers; `.npz` holds `samples`, `latents` and for a conditional model `labels`.
        inpainted.png unless given.
    - `n`: answers.
    - `draws`: latents of the seed that each answer is begun with.
    - `steps`: gradient steps.
    - `seed`: of the draws; random unless given. Answer k depends on the seed and on k alone.
    - `labels`: for a conditional model, the class; that of the best draw unless given.
    - `value_range`: for images deeper than 8 bits, the values that become black and white; as the
        checkpoint was trained unless given.
    - `scale`: of a picture, how many times as wide and as high to draw each pixel.
    - `device`: "auto" (a GPU where there is one), "cpu" or "cuda".
    - `threads`: on the CPU; what `ZOO_THREADS` says unless given, else the cores that this process
        may use.
    - `force`: replace a file that the zoo did not write.
    - `watch`: gets the steps, how many there are and what is being done, and passes the steps on:
        for a progress bar.

    **Returns:** the answers, their latents, where they are, and how they were made.

    **Raises:** `DataError` for a mask that does not fit; `CapabilityError` for a model without
    latents; `ZooError`.
    """
    folder = find(reference)
    asked.refuse_incapable(folder, "decode")
    path = asked.picture_or_latents(output, "inpainted.png", folder, scale, force)
    paths = [arguments.path("image", image), arguments.path("mask", mask)]
    classes = request.class_numbers(labels, folder)
    if len(classes) > 1:
        raise LabelError(f"An image has one class: {len(classes)} were given.")
    n = arguments.whole("n", n, 1)
    draws = arguments.whole("draws", draws, 1)
    steps = arguments.whole("steps", steps, 0)
    fresh = request.seed_or_fresh(seed)
    model: Any = request.load(folder, device, threads).requires_grad_(False)
    asked.refuse_codes(folder, model)
    sample, hidden = _read(folder, model, paths[0], paths[1], value_range)
    from zoo.editing import filling

    label = classes[0] if classes else None
    answers, z, given = filling.fill(
        model, sample, hidden, label, n=n, seed=fresh, draws=draws, steps=steps, watch=watch
    )
    words: list[Any] = [paths[0], "--mask", paths[1], *([] if n == ANSWERS else ["-n", n])]
    words += [] if draws == DRAWS else ["--draws", draws]
    words += [*([] if steps == STEPS else ["--steps", steps]), "--seed", fresh]
    words += [*asked.label_words(labels), *asked.range_words(value_range)]
    words += ["--scale", scale] if scale else []
    words += ["-o", path.name] if output is not None else []
    made = asked.made(folder, "inpaint", words, n=n, seed=fresh, draws=draws, steps=steps)
    _save(path, sample, hidden, answers, z, given, made, scale)
    logger.info(f"{counted(n, 'answer')} by {folder.reference}, seed {fresh}, in {path}")
    return Inpainted(path, made, 1, z, given, answers)


def _read(
    folder: Any, model: Any, image: Path, mask: Path, value_range: Any
) -> "tuple[Tensor, Tensor]":
    """The image, and what of it is hidden.

    **Raises:** `DataError` for a mask of another size, and one that hides nothing or all."""
    from zoo.data import open_image

    sizes = []
    for path in (image, mask):
        with open_image(path, decode=False) as opened:
            sizes.append(opened.size)
    if sizes[0] != sizes[1]:
        shown = [f"{width}×{height}" for width, height in sizes]
        raise DataError(
            f"{mask} is {shown[1]} and {image} is {shown[0]}: a mask must have the image's size."
        )
    (sample,) = asked.samples_of(folder, model, [image], value_range)
    (painted,) = asked.samples_of(folder, model, [mask], None)
    hidden = (painted.mean(0, keepdim=True) > HIDDEN).expand_as(sample)
    if not hidden.any():
        raise DataError(f"{mask} hides nothing: what is to be filled in must be white.")
    if hidden.all():
        raise DataError(
            f"{mask} hides all of {image}: nothing is left to go by. "
            f"{either('zoo sample', 'zoo.sample')} draws new images."
        )
    return sample, hidden


def _save(
    path: Path,
    sample: "Tensor",
    hidden: "Tensor",
    answers: "Tensor",
    z: "Tensor",
    labels: "Tensor | None",
    made: dict[str, Any],
    scale: int | None,
) -> None:
    import torch

    from zoo.editing import coding
    from zoo.sampling import images

    if path.suffix.lower() == ".npz":
        coding.save_latents(path, z, labels, made, samples=images.to_uint8(answers.clone()))
        return
    seen = torch.where(hidden, torch.full_like(sample, HIDDEN), sample)
    row = torch.cat([sample[None], seen[None], answers])
    images.save_picture(images.grid(row, len(row), scale or 1), path, made)
