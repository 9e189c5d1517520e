"""encode() and decode(): images to latents in a file, and latents in a file to images."""

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.checkpoints import Folder, find
from zoo.common import arguments, files
from zoo.common.errors import ConfigError, DataError, LabelError, OutputError, counted
from zoo.common.words import either
from zoo.editing import asked
from zoo.sampling import Written, formats, request
from zoo.sampling.request import Reference

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.models import LatentModel

# the name of the latents in an .npz
LATENTS = "latents"

logger = logging.getLogger("zoo")


@dataclass(frozen=True)
class Latents(Written):
    """Latents that were found, and the file that holds them.

    **Arguments:**
    - `path`, `made`, `rows`: as of every file that is written.
    - `latents`: float32 `(n, *latent_shape)` on the CPU.
    - `labels`: int64 `(n,)` for a conditional model, else None.
    """

    latents: Any = None
    labels: Any = None


def encode(
    reference: Reference,
    images: "str | Path | Sequence[str | Path]",
    output: str | Path | None = None,
    *,
    labels: Any = (),
    value_range: Sequence[float] | None = None,
    device: str = "auto",
    threads: int | None = None,
    force: bool = False,
) -> Latents:
    """Encode images: an .npz with a latent for each, the mean of q(z | x).

    **Arguments:**
    - `reference`: a checkpoint whose model has an encoder.
    - `images`: image files, or .npz files with `samples`, such as `zoo.sample` writes.
    - `output`: where to, `.npz`; latents.npz unless given. It holds `latents`, float32
        `(n, *latent_shape)`, and for a conditional model `labels`.
    - `labels`: for a conditional model, the class of each image: one for all, or one for each.
    - `value_range`: for images deeper than 8 bits, the values that become black and white; as the
        checkpoint was trained unless given.
    - `device`: "auto" (a GPU where there is one), "cpu" or "cuda".
    - `threads`: on the CPU; what `ZOO_THREADS` says unless given, else the cores that this process
        may use.
    - `force`: replace a file that the zoo did not write.

    **Returns:** the latents, where they are, and how they were made.

    **Raises:** `CapabilityError` for a model without encoder; `ZooError`.
    """
    folder = find(reference)
    asked.refuse_incapable(folder, "encode")
    path = latents_path(output, force)
    named = asked.image_paths(images)
    classes = request.class_numbers(labels, folder)
    model: Any = request.load(folder, device, threads)
    samples = asked.samples_of(folder, model, named, value_range)
    given = asked.labels_of_images(classes, len(samples), folder)
    from zoo.editing import batches

    latents = batches.encoded(model, samples, given)
    words = [*named, *asked.label_words(labels), *asked.range_words(value_range)]
    words += ["-o", path.name] if output is not None else []
    made = asked.made(folder, "encode", words, n=len(samples))
    save_latents(path, latents, given, made)
    logger.info(f"{counted(len(samples), 'latent')} by {folder.reference}, in {path}")
    return Latents(path, made, 1, latents, given)


def decode(
    reference: Reference,
    latents: Any,
    output: str | Path | None = None,
    *,
    labels: Any = (),
    columns: int | None = None,
    scale: int | None = None,
    device: str = "auto",
    threads: int | None = None,
    force: bool = False,
) -> Written:
    """Decode latents into a file or a folder of samples.

    **Arguments:**
    - `reference`: a checkpoint whose model has latents.
    - `latents`: an .npz file with `latents`, and for a conditional model `labels`, such as
        `zoo.encode` writes; in Python also a tensor or an array, `(n, *latent_shape)`.
    - `output`: where to, as for `zoo.sample`; decoded.png unless given, decoded.npz for samples
        that are not images.
    - `labels`: for a conditional model, a class for all, or one for each; what the file says unless
        given.
    - `columns`: images in a row of a grid.
    - `scale`: how many times as wide and as high to draw each pixel of a grid.
    - `device`: "auto" (a GPU where there is one), "cpu" or "cuda".
    - `threads`: on the CPU; what `ZOO_THREADS` says unless given, else the cores that this process
        may use.
    - `force`: replace a file that the zoo did not write.

    **Returns:** where the samples are and how they were made.

    **Raises:** `CapabilityError` for a model without latents; `DataError` for latents that do not
    fit it; `ZooError`.
    """
    folder = find(reference)
    asked.refuse_incapable(folder, "decode")
    kind = request.kind_of_folder(folder)
    path = request.output_path(output, f"decoded{Path(kind.default_file).suffix}")
    formats.check_path(path, kind.name)
    formats.refuse_foreign(path, force=force)
    formats.refuse_layout(columns, scale, path.suffix.lower())
    classes = request.class_numbers(labels, folder)
    named = source(latents)
    model: Any = request.load(folder, device, threads)
    z, kept = source_latents(named, latents, model)
    given = labels_of_latents(classes, kept, len(z), folder)
    words: list[Any] = [*([] if named is None else [named]), *asked.label_words(labels)]
    words += ["--columns", columns] if columns else []
    words += ["--scale", scale] if scale else []
    words += ["-o", path.name] if output is not None else []
    made = asked.made(folder, "decode", words, n=len(z))
    if named is None:
        # what is passed in Python can't be named in a command
        del made["command"]
    else:
        made["latents_sha256"] = files.sha256(named)
    from zoo.editing import batches

    formats.write(
        path,
        batches.decoded(model, z, given),
        len(z),
        made,
        sample_kind=kind.name,
        class_names=folder.class_names,
        columns=columns,
        scale=scale or 1,
    )
    logger.info(f"{counted(len(z), 'sample')} of {folder.reference}, in {path}")
    from zoo.sampling import images

    return Written(path, made, images.layout(len(z), columns)[0])


def latents_path(output: Any, force: bool) -> Path:
    """Where latents go, once nothing speaks against it.

    **Raises:** `OutputError` for a suffix other than .npz, and a place that can't be written."""
    path = request.output_path(output, f"{LATENTS}.npz")
    if path.suffix.lower() != ".npz":
        raise OutputError(f"{path} must end in .npz: latents are numbers.")
    formats.check_path(path, "array", (".npz",))
    formats.refuse_foreign(path, force=force)
    return path


def save_latents(
    path: Path,
    latents: "Tensor",
    labels: "Tensor | None",
    made: Mapping[str, Any],
    **further: "Tensor",
) -> None:
    """Write latents to an .npz, whole or not at all.

    **Arguments:**
    - `latents`: float32 `(n, *latent_shape)`.
    - `labels`: int64 `(n,)` for a conditional model.
    - `made`: how they were made.
    - `further`: other arrays by name.
    """
    from zoo.editing import arrays

    held = {LATENTS: latents, **({} if labels is None else {"labels": labels}), **further}
    arrays.write(path, {name: tensor.numpy() for name, tensor in held.items()}, made)


def source_latents(
    source: Path | None, given: Any, model: "LatentModel[Any]"
) -> "tuple[Tensor, Any]":
    """Latents from a file, or from what was passed, held to fit a model; and the file's labels.

    **Raises:** `DataError`."""
    import numpy as np
    import torch

    from zoo.editing import arrays

    found: dict[str, Any]
    if source is not None:
        found = arrays.read(source, LATENTS, ("labels",))
    else:
        try:
            tensor = given.detach().cpu() if isinstance(given, torch.Tensor) else given
            found = {LATENTS: np.asarray(tensor, np.float32)}
        except (TypeError, ValueError) as error:
            wanted = "a path, or a tensor or array of numbers"
            raise arguments.refusal("latents", given, wanted) from error
    z = arrays.finite(found[LATENTS], model.latent_shape, LATENTS, source or "latents")
    held = torch.tensor(z)
    return held.long() if asked.are_codes(model) else held, found.get("labels")


def source(latents: Any) -> Path | None:
    """The file that was named; None for an array."""
    if not isinstance(latents, str | os.PathLike):
        return None
    path = Path(latents)
    if path.suffix.lower() != ".npz":
        raise DataError(f"{path} is no .npz file with latents: zoo encode writes one.", path=path)
    # refused here, before torch is imported
    if not files.is_file(path):
        raise DataError(f"There is no file {path}.", path=path)
    return path


def labels_of_latents(classes: Sequence[int], kept: Any, n: int, folder: Folder) -> "Tensor | None":
    """A class for each latent, int64 `(n,)`: those that were asked for, else those of the file.

    **Raises:** `LabelError` where a conditional checkpoint has none."""
    import torch

    if not folder.num_classes:
        return None
    if not classes and kept is None:
        raise LabelError(
            f"{folder.reference} is conditional, and the latents come without labels: pass "
            f"{either('--label', 'labels')}, one for all or one for each."
        )
    if classes:
        return request.labels_of_all(list(classes), n, (), folder.num_classes)
    if kept.shape != (n,) or kept.dtype.kind not in "iu":
        raise ConfigError(
            f"The labels of the latents have the shape {str(kept.shape)[:80]}: one whole number is "
            "needed for each latent."
        )
    return torch.tensor(request.numbers_of(kept.tolist(), (), folder.num_classes))
