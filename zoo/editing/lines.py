"""interpolate(): lines and arcs between latents of samples or of images."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.checkpoints import Folder, find
from zoo.common import arguments
from zoo.common.errors import ConfigError, LabelError, counted
from zoo.common.words import either
from zoo.editing import asked, coding
from zoo.sampling import Written, formats, request
from zoo.sampling.request import Reference

if TYPE_CHECKING:
    from torch import Tensor

# steps of a line in a picture and in a film
STEPS = 8
FRAMES = 30
LINES = 8
# of the draws that an inversion starts from
SEED = 0
PICTURES = (".png", ".jpg", ".jpeg")

logger = logging.getLogger("zoo")


def interpolate(
    reference: Reference,
    output: str | Path | None = None,
    *,
    images: "str | Path | Sequence[str | Path]" = (),
    n: int = LINES,
    steps: int | None = None,
    spherical: bool = False,
    seed: int | None = None,
    labels: Any = (),
    value_range: Sequence[float] | None = None,
    scale: int | None = None,
    options: Any = (),
    device: str = "auto",
    threads: int | None = None,
    force: bool = False,
) -> Written:
    """Draw samples on lines between latents.

    Each row of the picture turns one random sample into another: row k turns sample 2k of the seed
    into sample 2k + 1. With images, each row turns one into the next.

    **Arguments:**
    - `reference`: a checkpoint whose model has latents.
    - `output`: where to: `.png` or `.jpg` is a picture, `.gif`, `.webp` and `.mp4` are films;
        interpolation.png unless given. `.mp4` needs the extra `video`.
    - `images`: files to go between, two at least, instead of random samples. They are encoded; for
        a model without encoder they are inverted, see `zoo.invert`.
    - `n`: how many lines between random samples.
    - `steps`: images on each line, both ends included; 8 in a picture and 30 in a film unless
        given.
    - `spherical`: go along the arc between two latents, so that their length changes evenly
        (Shoemake 1985; White 2016, arXiv:1609.04468), and not along the straight line.
    - `seed`: random unless given; the file records it.
    - `labels`: for a conditional model, the classes that the lines take in turn; with images, the
        class of each, found unless given where there is no encoder.
    - `value_range`: for images deeper than 8 bits, the values that become black and white; as the
        checkpoint was trained unless given.
    - `scale`: how many times as wide and as high to draw each pixel; by default, a film of small
        images is enlarged.
    - `options`: sample-time options by name, for a model whose latents depend on some.
    - `device`: "auto" (a GPU where there is one), "cpu" or "cuda".
    - `threads`: on the CPU; what `ZOO_THREADS` says unless given, else the cores that this process
        may use.
    - `force`: replace a file that the zoo did not write.

    **Returns:** where the picture is and how it was made.

    **Raises:** `CapabilityError` for a model without latents; `ZooError`.
    """
    folder = find(reference)
    asked.refuse_incapable(folder, "decode")
    allowed = (*PICTURES, *formats.FILMS)
    path = asked.checked(output, "interpolation.png", allowed, folder, force)
    numbers = request.class_numbers(labels, folder)
    is_film = path.suffix.lower() in formats.FILMS
    n = request.whole_number("n", n, 1)
    named = arguments.paths("images", images)
    _refuse_unclear(named, seed)
    given = steps
    steps = (FRAMES if is_film else STEPS) if steps is None else steps
    steps = request.whole_number("steps", steps, 2)
    size = None if scale is None else request.whole_number("scale", scale, 1)
    fresh = SEED if named else request.seed_or_fresh(seed)
    formats.require(path.suffix.lower())
    model: Any = request.load(folder, device, threads).requires_grad_(False)
    asked.refuse_codes(folder, model)
    chosen, texts = request.options_of(type(model), options or None)
    if named:
        ends = _of_images(folder, model, named, numbers, value_range, fresh)
    else:
        ends = _of_seed(folder, model, n, fresh, numbers, chosen)
    n = len(ends[0])
    words: list[Any] = [word for one in named for word in ("--image", one)]
    words += [] if named else ["--seed", fresh, *([] if n == LINES else ["-n", n])]
    words += [] if given is None else ["--steps", steps]
    words += ["--spherical"] if spherical else []
    words += [*asked.label_words(labels), *asked.range_words(value_range)]
    words += [*([] if size is None else ["--scale", size])]
    words += [word for text in texts for word in ("--set", text)]
    words += ["-o", path.name] if output is not None else []
    made = asked.made(folder, "interpolate", words, n=n, steps=steps, seed=fresh)
    _save(model, ends, steps, spherical, path, made, size)
    between = counted(len(named), "image") if named else "random samples"
    end = "" if named else f", seed {fresh}"
    logger.info(
        f"Interpolated between {between} of {folder.reference}: {counted(n, 'line')} of {steps} "
        f"images{end}, in {path}"
    )
    return Written(path, made, n)


def between(start: "Tensor", end: "Tensor", steps: int, spherical: bool) -> "Tensor":
    """Points on the way between latents.

    **Arguments:**
    - `start`, `end`: float32 `(n, *latent_shape)`.
    - `steps`: points on each way, both ends included.
    - `spherical`: along the arc: sin((1 − t)Ω)/sin Ω · start + sin(tΩ)/sin Ω · end, where Ω is the
        angle between them (Shoemake 1985, eq. 2). Where that is 0 or π, along the line.

    **Returns:** `(n, steps, *latent_shape)`.
    """
    import torch

    along = torch.linspace(0, 1, steps).view(1, steps, 1)
    one, other = start.flatten(1).unsqueeze(1), end.flatten(1).unsqueeze(1)  # (n, 1, d)
    points = torch.lerp(one, other, along)
    if spherical:
        cosine = torch.cosine_similarity(one, other, dim=-1).unsqueeze(-1)  # (n, 1, 1)
        angle = cosine.clamp(-1, 1).acos()
        sine = angle.sin()
        safe = torch.where(sine < 1e-3, 1.0, sine)
        arc = ((1 - along) * angle).sin() / safe * one + (along * angle).sin() / safe * other
        points = torch.where(sine < 1e-3, points, arc)
    shaped: Tensor = points.unflatten(2, start.shape[1:])
    return shaped


# the two ends of each line, and the class at each of them
Ends = tuple["Tensor", "Tensor", "Tensor | None", "Tensor | None"]


def _refuse_unclear(named: Sequence[Path], seed: Any) -> None:
    if named and seed is not None:
        raise ConfigError(
            f"Go between {either('--image files or samples of a --seed', 'images or samples')}, "
            "not both."
        )
    if len(named) == 1:
        raise ConfigError("Name two images at least: a line goes from one to the next.")


def _of_seed(
    folder: Folder, model: Any, n: int, seed: int, numbers: Sequence[int], options: Any
) -> Ends:
    import torch

    from zoo.sampling import latents

    classes = None
    if folder.num_classes:
        classes = torch.tensor(numbers or range(folder.num_classes))
        classes = classes[torch.arange(n) % len(classes)]
    both = None if classes is None else classes.repeat_interleave(2)
    z = latents(model, 2 * n, seed=seed, labels=both, options=options)
    return z[0::2], z[1::2], classes, classes


def _of_images(
    folder: Folder,
    model: Any,
    named: Sequence[Path],
    numbers: Sequence[int],
    value_range: Any,
    seed: int,
) -> Ends:
    samples = asked.samples_of(folder, model, named, value_range)
    if len(samples) < 2:
        raise ConfigError("Name two images at least: a line goes from one to the next.")
    if numbers and len(numbers) not in (1, len(samples)):
        raise LabelError(
            f"{counted(len(numbers), 'label')} for {counted(len(samples), 'image')}: give one for "
            "all, or one for each."
        )
    given = asked.labels_of_images(numbers, len(samples), folder) if numbers else None
    z, labels = asked.latents_of(model, samples, given, seed)
    if labels is None:
        return z[:-1], z[1:], None, None
    return z[:-1], z[1:], labels[:-1], labels[1:]


def _save(
    model: Any,
    ends: Ends,
    steps: int,
    spherical: bool,
    path: Path,
    made: dict[str, Any],
    scale: int | None,
) -> None:
    import torch

    from zoo.sampling import films, images

    start, end, first, last = ends
    z = between(start, end, steps, spherical)  # (n, steps, *latent_shape)
    labels = None
    if first is not None and last is not None:
        # each half of the way has the class of its end
        is_late = torch.arange(steps) * 2 >= steps
        labels = torch.where(is_late, last.unsqueeze(1), first.unsqueeze(1)).flatten()
    samples = coding.all_decoded(model, z.flatten(0, 1), labels)
    if path.suffix.lower() not in formats.FILMS:
        images.save_picture(images.grid(samples, steps, scale or 1), path, made)
        return
    rows = samples.unflatten(0, (len(start), steps))
    enlarged = scale or images.enlargement(rows.shape)
    frames = [images.grid(rows[:, step], scale=enlarged) for step in range(steps)]
    films.save([*frames, *frames[-2:0:-1]], path, made)
