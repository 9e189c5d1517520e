"""What models with latents can show in a picture: reconstructions and interpolations."""

import logging
import shlex
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.checkpoints import Folder, Store, find
from zoo.common import arguments
from zoo.common.errors import CapabilityError, ConfigError, LabelError, OutputError, counted
from zoo.common.words import either
from zoo.registry import installed
from zoo.sampling import formats, request
from zoo.sampling.request import Reference
from zoo.sampling.save import Written

if TYPE_CHECKING:
    from torch import Tensor

# steps of a line in a picture and in a film
STEPS = 8
FRAMES = 30

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
) -> Written:
    """Encode images and decode them again: a picture with rows of originals above their copies.

    **Arguments:**
    - `reference`: a checkpoint whose model has an encoder.
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

    **Returns:** where the picture is and how it was made.

    **Raises:** `CapabilityError` for a model without encoder; `ZooError`.
    """
    folder = find(reference)
    _refuse_incapable(folder, "encode")
    path = _checked(output, "reconstructions.png", formats.PICTURES, folder, force)
    scale = request.whole_number("scale", 1 if scale is None else scale, 1)
    n = request.whole_number("n", n, 1)
    named = arguments.paths("images", images)
    asked = request.class_numbers(labels, folder)
    if named and folder.num_classes and len(asked) != len(named):
        raise LabelError(
            f"{folder.reference} is conditional: pass {either('a --label', 'one of labels')} for "
            f"each of the {counted(len(named), 'image')}."
        )
    if asked and not named:
        raise LabelError(
            f"{either('--label', 'labels')} is for image files that you name. Test images have "
            "their own labels."
        )
    model: Any = request.load(folder, device, threads)
    import torch

    from zoo.data import as_recorded, load_images, range_text
    from zoo.sampling import pictures
    from zoo.sampling.images import save_picture

    given: Tensor | None
    if named:
        chosen = value_range or as_recorded(folder.facts)["value_range"]
        samples = load_images(named, model.config.sample_shape, chosen)
        given = torch.tensor(asked) if folder.num_classes else None
    else:
        samples, given = _test_images(folder, model, n, data_root)
    words = [*named, *(() if n == 16 else ("-n", n)), *_label_words(labels)]
    words += ["--range", range_text(value_range)] if value_range else []
    words += ["--scale", scale] if scale > 1 else []
    words += ["-o", path.name] if output is not None else []
    made = _made(folder, "reconstruct", words, n=len(samples))
    picture = pictures.reconstructions(model, samples, given, scale)
    save_picture(picture, path, made)
    logger.info(
        f"{counted(len(samples), 'image')} with reconstructions by {folder.reference} below, in "
        f"{path}"
    )
    return Written(path, made, -(-len(samples) // pictures.COLUMNS))


def interpolate(
    reference: Reference,
    output: str | Path | None = None,
    *,
    n: int = 8,
    steps: int | None = None,
    seed: int | None = None,
    labels: Any = (),
    scale: int | None = None,
    device: str = "auto",
    threads: int | None = None,
    force: bool = False,
) -> Written:
    """Draw samples on straight lines between latents.

    Each row of the picture turns one random sample into another: row k turns sample 2k of the seed
    into sample 2k + 1.

    **Arguments:**
    - `reference`: a checkpoint whose model has latents.
    - `output`: where to: `.png`, `.jpg` or `.webp` is a picture, `.gif` an animation;
        interpolation.png unless given.
    - `n`: how many lines.
    - `steps`: images on each line, both ends included; 8 in a picture and 30 in an animation unless
        given.
    - `seed`: random unless given; the file records it.
    - `labels`: for a conditional model, the classes that the lines take in turn.
    - `scale`: how many times as wide and as high to draw each pixel; by default, an animation of
        small images is enlarged.
    - `device`: "auto" (a GPU where there is one), "cpu" or "cuda".
    - `threads`: on the CPU; what `ZOO_THREADS` says unless given, else the cores that this process
        may use.
    - `force`: replace a file that the zoo did not write.

    **Returns:** where the picture is and how it was made.

    **Raises:** `CapabilityError` for a model without latents; `ZooError`.
    """
    folder = find(reference)
    _refuse_incapable(folder, "decode")
    allowed = formats.PICTURES + formats.FILMS
    path = _checked(output, "interpolation.png", allowed, folder, force)
    numbers = request.class_numbers(labels, folder)
    is_film = path.suffix.lower() in formats.FILMS
    n = request.whole_number("n", n, 1)
    given = steps
    steps = request.whole_number(
        "steps", (FRAMES if is_film else STEPS) if given is None else given, 2
    )
    size = None if scale is None else request.whole_number("scale", scale, 1)
    fresh = request.seed_or_fresh(seed)
    model: Any = request.load(folder, device, threads)
    import torch

    from zoo.sampling import images, pictures

    classes = torch.tensor(numbers)[torch.arange(n) % len(numbers)] if numbers else None
    words: list[Any] = ["--seed", fresh]
    words += [] if n == 8 else ["-n", n]
    words += [] if given is None else ["--steps", steps]
    words += [*_label_words(labels), *([] if size is None else ["--scale", size])]
    words += ["-o", path.name] if output is not None else []
    made = _made(folder, "interpolate", words, n=n, steps=steps, seed=fresh)
    if is_film:
        lines = pictures.interpolate(model, fresh, n, steps, classes)
        enlarged = size or images.enlargement(lines.shape)
        frames = [images.grid(lines[:, step], scale=enlarged) for step in range(steps)]
        images.save_gif([*frames, *frames[-2:0:-1]], path, made=made)
    else:
        picture = pictures.interpolation(model, fresh, n, steps, classes, size or 1)
        images.save_picture(picture, path, made)
    logger.info(
        f"Interpolated between random samples of {folder.reference}: {counted(n, 'line')} of "
        f"{steps} images, seed {fresh}, in {path}"
    )
    return Written(path, made, n)


def _test_images(
    folder: Folder, model: Any, n: int, root: str | Path | None
) -> tuple["Tensor", "Tensor | None"]:
    from zoo.data import load_dataset

    if folder.dataset not in installed().datasets:
        name = str(folder.facts.get("dataset"))[:80]
        raise ConfigError(
            f"No plugin offers the data set {name!r}, so there are no test images. Name the image "
            "files to reconstruct."
        )
    data = load_dataset(
        folder.dataset,
        root=None if root is None else Path(root),
        split="test",
        sample_shape=model.config.sample_shape,
    )
    labels = data.labels[:n] if data.labels is not None and folder.num_classes else None
    return data.samples[:n], labels


def _refuse_incapable(folder: Folder, capability: str) -> None:
    """Say which models can, before torch is imported."""
    models = installed().models
    spec = models.get(folder.model)
    if spec is None or capability in spec.capabilities:
        return
    able = sorted(name for name, other in models.items() if capability in other.capabilities)
    ready = [
        entry.name
        for entry in Store(installed().checkpoints).entries()
        if entry.checkpoint and entry.checkpoint.model in able
    ]
    verb = {"encode": "encode images", "decode": "decode latents"}[capability]
    raise CapabilityError(
        f"{folder.reference} is a {spec.name}, which can't {verb}. Models that can: "
        f"{', '.join(able)}" + (f"; checkpoints: {', '.join(ready)}." if ready else ".")
    )


def _checked(
    output: Any, default: str, suffixes: Sequence[str], folder: Folder, force: bool
) -> Path:
    """Where the picture goes, once nothing speaks against it."""
    path = request.output_path(output, default)
    kind = request.kind_of_folder(folder)
    if not kind.is_picture:
        raise OutputError(
            f"The samples of {folder.reference} are not images: there is nothing to show."
        )
    if path.suffix.lower() not in suffixes:
        raise OutputError(f"{path} must end in {', '.join(suffixes[:-1])} or {suffixes[-1]}.")
    formats.check_path(path, kind.name, suffixes)
    formats.refuse_foreign(path, force=force)
    return path


def _label_words(labels: Any) -> list[str]:
    return [word for label in request.as_list(labels) for word in ("--label", str(label))]


def _made(folder: Folder, verb: str, words: Sequence[Any], **numbers: int) -> dict[str, Any]:
    """How a picture is made, as its file records it."""
    command = shlex.join(["zoo", verb, folder.reference, *map(str, words)])
    return {
        "checkpoint": folder.reference,
        "sha256": folder.sha256,
        **numbers,
        "version": version("genzoo"),
        "command": command,
    }
