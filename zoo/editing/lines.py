"""interpolate(): lines and arcs between latents of samples, of images or of texts."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.checkpoints import Folder, find
from zoo.common import arguments
from zoo.common.errors import CapabilityError, ConfigError, LabelError, counted
from zoo.common.words import either
from zoo.editing import asked
from zoo.sampling import Kind, Written, formats, kind_of, request
from zoo.sampling.request import Reference

if TYPE_CHECKING:
    from torch import Tensor

# steps of a line in a picture and in a film
STEPS = 8
FRAMES = 30
LINES = 8
PICTURES = (".png", ".jpg", ".jpeg")
# what samples of each kind go to, and where unless told; texts are then printed
TARGETS = {
    "image": ((*PICTURES, *formats.FILMS), "interpolation.png"),
    "audio": ((*PICTURES, ".wav"), "interpolation.png"),
    "text": (formats.READABLE, ""),
}

logger = logging.getLogger("zoo")


@dataclass(frozen=True)
class Walk(Written):
    """Lines that were drawn, and the file that holds them.

    **Arguments:**
    - `path`, `made`, `rows`: as of every file that is written; texts may have no file.
    - `texts`: of a model of text, those of each line, in their order.
    """

    texts: tuple[tuple[str, ...], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The path, the record, and the texts of each line, as JSON values."""
        lines = {"texts": [list(one) for one in self.texts]} if self.texts else {}
        return {**super().to_dict(), **lines}


def interpolate(
    reference: Reference,
    output: str | Path | None = None,
    *,
    images: "str | Path | Sequence[str | Path]" = (),
    texts: str | Sequence[str] = (),
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
) -> Walk:
    """Draw samples on lines between latents.

    Each row of the picture turns one random sample into another: row k turns sample 2k of the seed
    into sample 2k + 1. With images or texts, each row turns one into the next. Recordings are shown
    as waveforms and spectrograms, and texts are a line each.

    **Arguments:**
    - `reference`: a checkpoint whose model has latents.
    - `output`: where to: `.png` or `.jpg` is a picture, `.gif`, `.webp` and `.mp4` are films;
        interpolation.png unless given. `.mp4` needs the extra `video`. Audio goes to a picture or
        to `.wav`; texts go to `.txt` or `.jsonl`, and to no file unless given.
    - `images`: files to go between, two at least, instead of random samples. They are encoded; for
        a model without encoder they are inverted, see `zoo.invert`.
    - `texts`: of a model of text, those to go between, two at least.
    - `n`: how many lines between random samples.
    - `steps`: images on each line, both ends included; 8 in a picture and 30 in a film unless
        given.
    - `spherical`: go along the arc between two latents, so that their length changes evenly
        (Shoemake 1985; White 2016, arXiv:1609.04468), and not along the straight line.
    - `seed`: random unless given; the file records it.
    - `labels`: for a conditional model, the classes that the lines take in turn; with images or
        texts, the class of each, found unless given.
    - `value_range`: for images deeper than 8 bits, the values that become black and white; as the
        checkpoint was trained unless given.
    - `scale`: how many times as wide and as high to draw each pixel; by default, a film of small
        images is enlarged.
    - `options`: sample-time options by name, for a model whose latents depend on some.
    - `device`: "auto" (a GPU where there is one), "cpu" or "cuda".
    - `threads`: on the CPU; what `ZOO_THREADS` says unless given, else the cores that this process
        may use.
    - `force`: replace a file that the zoo did not write.

    **Returns:** where the picture is and how it was made; of texts, these.

    **Raises:** `CapabilityError` for a model without latents, or of arrays; `ZooError`.
    """
    folder = find(reference)
    kind = request.kind_of_folder(folder)
    path = _target(folder, kind, output, scale, force)
    numbers = request.class_numbers(labels, folder)
    is_film = path is not None and path.suffix.lower() in formats.FILMS
    n = arguments.whole("n", n, 1)
    named: list[Any] = [*arguments.paths("images", images)]
    spelt = _texts(texts, kind)
    _refuse_unclear(named, spelt, seed)
    given = steps
    steps = (FRAMES if is_film else STEPS) if steps is None else steps
    steps = arguments.whole("steps", steps, 2)
    size = arguments.whole_or_none("scale", scale, 1)
    fresh = asked.SEED if named or spelt else request.seed_or_fresh(seed)
    model: Any = request.load(folder, device, threads).requires_grad_(False)
    asked.refuse_codes(folder, model)
    chosen, said = request.options_of(type(model), options or None)
    if spelt:
        ends = _of_texts(folder, model, spelt, numbers)
    elif named:
        ends = _of_images(folder, model, named, numbers, value_range)
    else:
        ends = _of_seed(folder, model, n, fresh, numbers, chosen)
    n = len(ends[0])
    words = [*_each("--image", named), *_each("--text", spelt)]
    words += [] if named or spelt else ["--seed", fresh, *([] if n == LINES else ["-n", n])]
    words += [*([] if given is None else ["--steps", steps]), *["--spherical"] * bool(spherical)]
    words += [*asked.label_words(labels), *asked.range_words(value_range)]
    words += [*([] if size is None else ["--scale", size]), *_each("--set", said)]
    words += [] if path is None or output is None else ["-o", path.name]
    made = asked.made(folder, "interpolate", words, n=n, steps=steps, seed=fresh)
    samples = _decoded(model, ends, steps, spherical)
    if path is not None:
        _save(model, samples, steps, path, made, size)
    rendered = tuple(tuple(model.render(one)) for one in samples) if kind.name == "text" else ()
    seeded = "" if named or spelt else f", seed {fresh}"
    logger.info(
        f"Interpolated between {_told(named, spelt)} of {folder.reference}: {counted(n, 'line')} "
        f"of {steps} {kind.noun}s{seeded}{'' if path is None else f', in {path}'}"
    )
    return Walk(path, made, n, rendered)


def _target(folder: Folder, kind: Kind, output: Any, scale: Any, force: bool) -> Path | None:
    """Where the lines go, once nothing speaks against it; None for texts that go to no file."""
    asked.refuse_incapable(folder, "decode")
    if kind.name not in TARGETS:
        raise CapabilityError(
            f"The samples of {folder.reference} are arrays, which nothing shows. From Python: "
            "model.interpolate(start, end, steps)"
        )
    suffixes, default = TARGETS[kind.name]
    path = None
    if output is not None or default:
        path = asked.checked_file(output, default, suffixes, kind, force)
        formats.require(path.suffix.lower())
    if kind.name != "image":
        formats.refuse_layout(None, scale, "" if path is None else path.suffix.lower())
    return path


def _each(option: str, values: Sequence[Any]) -> list[Any]:
    """Values of an option as words of a command."""
    return [word for value in values for word in (option, value)]


def _told(named: Sequence[Path], spelt: Sequence[str]) -> str:
    """What the lines go between, in words."""
    if named:
        return counted(len(named), "image")
    return counted(len(spelt), "text") if spelt else "random samples"


def _texts(texts: Any, kind: Kind) -> list[str]:
    """The texts that were named."""
    named = [texts] if isinstance(texts, str) else list(texts)
    if named and kind.name != "text":
        raise ConfigError(f"A line between texts needs a model of text, not of {kind.name}.")
    if wrong := [one for one in named if not isinstance(one, str) or not one]:
        raise ConfigError(f"texts = {wrong[0]!r}: give texts that are not empty.")
    return named


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


def _refuse_unclear(named: Sequence[Path], spelt: Sequence[str], seed: Any) -> None:
    if named and spelt:
        raise ConfigError("Go between images or between texts, not both.")
    if (named or spelt) and seed is not None:
        option, what = ("--text words", "texts") if spelt else ("--image files", "images")
        both = either(f"{option} or samples of a --seed", f"{what} or samples")
        raise ConfigError(f"Go between {both}, not both.")
    if len(named) == 1 or len(spelt) == 1:
        what = "images" if named else "texts"
        raise ConfigError(f"Name two {what} at least: a line goes from one to the next.")


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
) -> Ends:
    samples = asked.samples_of(folder, model, named, value_range)
    if len(samples) < 2:
        raise ConfigError("Name two images at least: a line goes from one to the next.")
    return _of_samples(folder, model, samples, numbers, "image")


def _of_texts(folder: Folder, model: Any, spelt: Sequence[str], numbers: Sequence[int]) -> Ends:
    from zoo.models import Autoencoder, to_tokens

    alphabet = getattr(model.config, "alphabet", None)
    if not isinstance(model, Autoencoder) or alphabet is None:
        raise CapabilityError(
            f"{folder.reference} can't encode texts: go between samples of a seed instead."
        )
    tokens = to_tokens(spelt, alphabet, model.config.sample_shape[0])
    return _of_samples(folder, model, tokens, numbers, "text")


def _of_samples(
    folder: Folder, model: Any, samples: "Tensor", numbers: Sequence[int], noun: str
) -> Ends:
    """From each sample to the next."""
    if numbers and len(numbers) not in (1, len(samples)):
        raise LabelError(
            f"{counted(len(numbers), 'label')} for {counted(len(samples), noun)}: give one for "
            "all, or one for each."
        )
    given = asked.labels_of_images(numbers, len(samples), folder) if numbers else None
    z, labels = asked.latents_of(model, samples, given)
    if labels is None:
        return z[:-1], z[1:], None, None
    return z[:-1], z[1:], labels[:-1], labels[1:]


def _decoded(model: Any, ends: Ends, steps: int, spherical: bool) -> "Tensor":
    """The samples on each line, `(n, steps, *sample_shape)`."""
    import torch

    from zoo.editing import batches

    start, end, first, last = ends
    z = between(start, end, steps, spherical)  # (n, steps, *latent_shape)
    labels = None
    if first is not None and last is not None:
        # each half of the way has the class of its end
        is_late = torch.arange(steps) * 2 >= steps
        labels = torch.where(is_late, last.unsqueeze(1), first.unsqueeze(1)).flatten()
    samples = batches.all_decoded(model, z.flatten(0, 1), labels)
    lines: Tensor = samples.unflatten(0, (len(start), steps))
    return lines


def _save(
    model: Any,
    rows: "Tensor",
    steps: int,
    path: Path,
    made: dict[str, Any],
    scale: int | None,
) -> None:
    from zoo.sampling import films, images

    if not kind_of(model).is_picture:
        formats.write(
            path,
            [(rows.flatten(0, 1), None)],
            rows.shape[0] * steps,
            made,
            **formats.told_by(model),
            columns=steps,
            scale=scale or 1,
        )
        return
    if path.suffix.lower() not in formats.FILMS:
        images.save_picture(images.grid(rows.flatten(0, 1), steps, scale or 1), path, made)
        return
    enlarged = scale or images.enlargement(rows.shape)
    frames = [images.grid(rows[:, step], scale=enlarged) for step in range(steps)]
    films.save([*frames, *frames[-2:0:-1]], path, made)
