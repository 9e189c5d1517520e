"""reconstruct(): images above what is left of them after they went through the latent space."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.checkpoints import find
from zoo.common import arguments
from zoo.common.errors import LabelError, counted
from zoo.common.watching import Watch
from zoo.common.words import either
from zoo.editing import asked
from zoo.sampling import Written, formats, request
from zoo.sampling.request import Reference

if TYPE_CHECKING:
    from torch import Tensor

logger = logging.getLogger("zoo")


def reconstruct(
    reference: Reference,
    images: Sequence[str | Path] = (),
    output: str | Path | None = None,
    *,
    n: int = 16,
    data_root: str | Path | None = None,
    labels: Any = (),
    value_range: Sequence[float] | None = None,
    scale: int | None = None,
    device: str = "auto",
    threads: int | None = None,
    force: bool = False,
    watch: Watch | None = None,
) -> Written:
    """Encode images and decode them again: a picture with rows of originals above their copies.

    For a model without an encoder, the latents are found by `zoo.invert`.

    **Arguments:**
    - `reference`: a checkpoint whose model has latents.
    - `images`: files; test images of the checkpoint's data set when there are none.
    - `output`: where to, `.png`, `.jpg` or `.webp`; reconstructions.png unless given.
    - `n`: how many test images, when no files are named.
    - `data_root`: the folder of the data set, when no files are named.
    - `labels`: for a conditional model, the class of each image that is named.
    - `value_range`: for named images deeper than 8 bits, the values that become black and white; as
        the checkpoint was trained unless given.
    - `scale`: how many times as wide and as high to draw each pixel.
    - `device`: "auto" (a GPU where there is one), "cpu" or "cuda".
    - `threads`: on the CPU; what `ZOO_THREADS` says unless given, else the cores that this process
        may use.
    - `force`: replace a file that the zoo did not write.
    - `watch`: gets the steps of an inversion, how many there are and what is being done, and passes
        the steps on: for a progress bar.

    **Returns:** where the picture is and how it was made.

    **Raises:** `CapabilityError` for a model without latents; `ZooError`.
    """
    folder = find(reference)
    encodes = asked.can(folder, "encode")
    asked.refuse_incapable(folder, "encode" if encodes is None else "decode")
    path = asked.checked(output, "reconstructions.png", formats.PICTURES, folder, force)
    scale = arguments.whole("scale", 1 if scale is None else scale, 1)
    n = arguments.whole("n", n, 1)
    named = arguments.paths("images", images)
    classes = request.class_numbers(labels, folder)
    if named and folder.num_classes and len(classes) != len(named):
        raise LabelError(
            f"{folder.reference} is conditional: pass {either('a --label', 'one of labels')} for "
            f"each of the {counted(len(named), 'image')}."
        )
    if classes and not named:
        raise LabelError(
            f"{either('--label', 'labels')} is for image files that you name. Test images have "
            "their own labels."
        )
    model: Any = request.load(folder, device, threads).requires_grad_(False)
    if not encodes:
        asked.refuse_codes(folder, model)
    import torch

    given: Tensor | None
    if named:
        samples = asked.samples_of(folder, model, named, value_range)
        given = torch.tensor(classes) if folder.num_classes else None
    else:
        data = asked.data_of(folder, model, data_root)
        samples = asked.as_float(data.samples[:n])
        given = data.labels[:n] if data.labels is not None and folder.num_classes else None
    words = [*named, *(() if n == 16 else ("-n", n)), *asked.label_words(labels)]
    words += asked.range_words(value_range)
    words += ["--scale", scale] if scale > 1 else []
    words += ["-o", path.name] if output is not None else []
    z, found = asked.latents_of(model, samples, given, watch)
    further = {} if encodes else {"seed": asked.SEED, "by": "inversion"}
    made = asked.made(folder, "reconstruct", words, n=len(samples), **further)
    asked.save_pairs(model, samples, z, found, path, made, scale)
    logger.info(
        f"{counted(len(samples), 'image')} with reconstructions by {folder.reference} below, in "
        f"{path}"
    )
    return Written(path, made, asked.rows_of_pairs(len(samples)))
