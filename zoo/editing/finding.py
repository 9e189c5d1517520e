"""directions(): find directions of a latent space, name them, keep them, show what they do."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.checkpoints import Folder, find
from zoo.common import arguments
from zoo.common.errors import CapabilityError, ConfigError, DataError, LabelError, choose_from
from zoo.common.words import either
from zoo.editing import asked, kept
from zoo.editing.kept import Direction
from zoo.registry import installed
from zoo.sampling import formats, request
from zoo.sampling.request import Reference

if TYPE_CHECKING:
    from torch import Tensor

# how directions are found without labels, and with
UNLABELLED = ("sefa", "jacobian", "encodings")
LABELLED = ("mean", "classifier")
# of the draws that show, measure and label what directions do
SEED = 0
# images that are encoded, and latents that are drawn and labelled
LOOKED_AT = 2000
# columns of a picture: from this many steps against a direction to as many along it
STEPS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)

logger = logging.getLogger("zoo")


def directions(
    reference: Reference,
    output: str | Path | None = None,
    *,
    by: str | None = None,
    n: int = 8,
    start: str | int | None = None,
    end: str | int | None = None,
    plus: "str | Path | Sequence[str | Path]" = (),
    minus: "str | Path | Sequence[str | Path]" = (),
    name: str | None = None,
    rename: Any = (),
    remove: Any = (),
    data_root: str | Path | None = None,
    scale: int | None = None,
    device: str = "auto",
    threads: int | None = None,
    force: bool = False,
) -> list[Direction]:
    """Find directions of a checkpoint's latent space and keep them, or list those that are kept.

    Without `by`, `start` and `plus`, the kept directions are listed; where there are none, they are
    found first. They are kept in the zoo's home, under the digest of the weights.

    **Arguments:**
    - `reference`: a checkpoint whose model has latents.
    - `output`: a picture of what the directions do, `.png`, `.jpg` or `.webp`: a row for each, from
        three steps against it to three along it.
    - `by`: how to find them. "sefa" takes the weights of the first layer, where it is linear (Shen
        & Zhou 2021, arXiv:2007.06600); "jacobian" the derivatives of the decoder; "encodings" the
        principal components of encoded test images. With `start` and `end`: "mean" or "classifier".
        Unless given: "sefa" where it can be, else "jacobian"; "mean" for classes.
    - `n`: how many directions that change the sample most, `strong-1`, …, and as many that change
        it least, `weak-1`, ….
    - `start`, `end`: two classes: the direction leads from the first to the second. One step is the
        way from the mean latent of one class to that of the other; for "classifier" it is along
        the normal of a linear classifier. Test images are encoded; of a model without encoder,
        drawn samples are classified by the network that measures the data set's classes.
    - `plus`, `minus`: images that have something and images that lack it: the mean latent of the
        first minus that of the second.
    - `name`: what to call the direction of `start` and `end`, or of `plus` and `minus`.
    - `rename`: texts `OLD=NEW`, or a dict.
    - `remove`: names of directions to forget.
    - `data_root`: the folder of the data set.
    - `scale`: how many times as wide and as high to draw each pixel.
    - `device`: "auto" (a GPU where there is one), "cpu" or "cuda".
    - `threads`: on the CPU; what `ZOO_THREADS` says unless given, else the cores that this process
        may use.
    - `force`: replace a file that the zoo did not write.

    **Returns:** the directions that are kept now.

    **Raises:** `CapabilityError` for a model without latents; `ZooError`.
    """
    folder = find(reference)
    asked.refuse_incapable(folder, "decode")
    path = None
    if output is not None:
        path = asked.checked(output, "", formats.PICTURES, folder, force)
    n = arguments.whole("n", n, 1)
    of_images = [arguments.paths("plus", plus), arguments.paths("minus", minus)]
    how = _how(folder, by, start, end, of_images, name)
    for old, new in _pairs(rename):
        kept.rename(folder, old, new)
    for one in arguments.names(remove):
        kept.remove(folder, one)
    changed = bool(_pairs(rename) or arguments.names(remove))
    model: Any = None
    if how or (not changed and not kept.names(folder)):
        model = request.load(folder, device, threads)
        if of_images[0]:
            found = _of_images(folder, model, of_images, name)
        elif start is not None:
            found = _of_classes(folder, model, how, (start, end), name, data_root)
        else:
            found = _of_latents(folder, model, how, n, data_root)
        kept.add(folder, found)
        logger.info(
            f"Kept for {folder.reference}: {', '.join(one.name for one in found)} (by "
            f"{found[0].by}), in {kept.place(folder)}"
        )
    known = list(kept.read(folder).values())
    if path is not None:
        model = model or request.load(folder, device, threads)
        _show(folder, model, known, path, scale or 1)
    return known


def find_all(folder: Folder, model: Any) -> dict[str, Direction]:
    """The directions that are kept for a checkpoint; found and kept first where there are none.

    **Arguments:**
    - `folder`: the checkpoint.
    - `model`: the same, loaded.
    """
    known = kept.read(folder)
    if not known:
        kept.add(folder, _of_latents(folder, model, "", 8, None))
        known = kept.read(folder)
    return known


def _how(
    folder: Folder,
    by: str | None,
    start: Any,
    end: Any,
    of_images: Sequence[Sequence[Path]],
    name: str | None,
) -> str:
    """How directions are to be found, once nothing speaks against it; "" when that is left open."""
    if (start is None) != (end is None):
        raise ConfigError(
            f"Name two classes: {either('--from A --to B', 'start and end')} lead from the first "
            "to the second."
        )
    if bool(of_images[0]) != bool(of_images[1]):
        raise ConfigError(
            f"Name images of both kinds: {either('--plus', 'plus')} has what "
            f"{either('--minus', 'minus')} lacks."
        )
    if start is not None and of_images[0]:
        raise ConfigError("Name two classes or two kinds of images, not both.")
    if name is not None:
        kept.check_name(name)
        if start is None and not of_images[0]:
            raise ConfigError(
                f"{either('--name', 'name')} is for a direction between classes or images. To name "
                f"others: {either('--rename OLD=NEW', 'rename')}"
            )
    if of_images[0]:
        if by:
            raise ConfigError(f"{either('--by', 'by')} is not for directions between images.")
        if name is None:
            raise ConfigError(
                f"A direction between images needs a name: {either('--name NAME', 'name')}"
            )
        return "images"
    allowed = UNLABELLED if start is None else LABELLED
    if by is not None and by not in allowed:
        raise ConfigError(
            f"by = {str(by)[:80]!r} is none of {', '.join(allowed)}, which are "
            f"{'for directions without classes' if start is None else 'for two classes'}."
        )
    if by == "encodings":
        asked.refuse_incapable(folder, "encode")
    if start is not None and folder.num_classes:
        raise CapabilityError(
            f"{folder.reference} is conditional: the class is not in its latent, so no direction "
            f"leads from one to another. Choose the class with {either('--label', 'labels')}."
        )
    return by or ("" if start is None else "mean")


def _pairs(rename: Any) -> list[tuple[str, str]]:
    """Old names and new ones, from a dict or from texts OLD=NEW."""
    if isinstance(rename, Mapping):
        return [(str(old), str(new)) for old, new in rename.items()]
    pairs = []
    for text in arguments.names(rename):
        old, equals, new = text.partition("=")
        if not equals:
            raise ConfigError(f"{text[:80]!r} is not OLD=NEW, the old name and the new one.")
        pairs.append((old, new))
    return pairs


def _of_latents(folder: Folder, model: Any, by: str, n: int, data_root: Any) -> list[Direction]:
    """The strongest and the weakest directions that need no labels."""
    from zoo.editing import factors

    asked.refuse_codes(folder, model)
    vectors: Tensor | None = None
    if by in ("", "sefa"):
        vectors = factors.by_first_layer(model)
        if vectors is None and by == "sefa":
            raise CapabilityError(
                f"The first layer of {folder.reference} is not a linear one of the latent: use "
                f"{either('--by jacobian', 'by=' + repr('jacobian'))}"
            )
        by = "jacobian" if vectors is None else "sefa"
    if by == "encodings":
        vectors = factors.by_encodings(_encodings(folder, model, data_root)[0])
    if vectors is None:
        vectors = factors.by_jacobian(model, SEED)
    n = min(n, len(vectors))
    chosen = [(f"strong-{index + 1}", vectors[index]) for index in range(n)]
    rest = min(n, len(vectors) - n)
    chosen += [(f"weak-{index + 1}", vectors[-1 - index]) for index in range(rest)]
    return [_direction(model, name, by, vector.view(model.latent_shape)) for name, vector in chosen]


def _of_classes(
    folder: Folder, model: Any, by: str, ends: tuple[Any, Any], name: str | None, data_root: Any
) -> list[Direction]:
    """The direction from one class to another."""
    from zoo.editing import factors
    from zoo.models import Autoencoder

    if isinstance(model, Autoencoder):
        z, labels, names = _encodings(folder, model, data_root)
        if labels is None:
            raise LabelError(f"The data of {folder.reference} has no classes.")
    else:
        z, labels, names = _classified(folder, model)
    numbers = []
    for end in ends:
        if str(end) not in names and not str(end).isdecimal():
            raise LabelError(f"There is no class {str(end)[:80]!r}.{choose_from(str(end), names)}")
        numbers += request.numbers_of([end], names, len(names))
    parts = [z[labels == number] for number in numbers]
    shown = [names[number] for number in numbers]
    if numbers[0] == numbers[1]:
        raise LabelError(f"Name two classes: both are {shown[0]!r}.")
    factors.refuse_few({name: len(part) for name, part in zip(shown, parts, strict=True)})
    find = factors.between_means if by == "mean" else factors.normal
    given = name or kept.check_name(f"{shown[0]}-to-{shown[1]}".replace(" ", "-"))
    return [_direction(model, given, by, find(*parts), classes=shown)]


def _of_images(
    folder: Folder, model: Any, of_images: Sequence[Sequence[Path]], name: str | None
) -> list[Direction]:
    """The direction from images that lack something to images that have it."""
    from zoo.editing import factors

    model.requires_grad_(False)
    ends = []
    for paths in of_images:
        samples = asked.samples_of(folder, model, paths, None)
        ends.append(asked.latents_of(model, samples, None)[0])
    return [_direction(model, str(name), "images", factors.between_means(ends[1], ends[0]))]


def _direction(model: Any, name: str, by: str, vector: "Tensor", **made: Any) -> Direction:
    from zoo.editing import factors

    return Direction(name, by, round(factors.strength(model, vector, SEED), 6), vector, made)


def _encodings(
    folder: Folder, model: Any, data_root: Any
) -> "tuple[Tensor, Tensor | None, list[str]]":
    """Latents of test images, their labels, and what these mean."""
    from zoo.editing import batches

    data = asked.data_of(folder, model, data_root)
    samples = asked.as_float(data.samples[:LOOKED_AT])
    labels = None if data.labels is None else data.labels[:LOOKED_AT]
    names = list(data.class_names)
    given = labels if model.config.num_classes else None
    return batches.encoded(model, samples, given), labels, names


def _classified(folder: Folder, model: Any) -> "tuple[Tensor, Tensor, list[str]]":
    """Latents that are drawn, the classes of their samples, and what these mean."""
    from zoo.data import extract, load_features
    from zoo.editing import batches
    from zoo.sampling import latents

    able = [
        name
        for name, spec in installed().features.items()
        if folder.dataset in spec.datasets and spec.class_names
    ]
    if not able:
        raise DataError(
            f"Nothing here tells the classes of {folder.dataset or 'its data'!r} apart, and "
            f"{folder.reference} has no encoder. Name images instead: "
            f"{either('--plus and --minus', 'plus and minus')}."
        )
    z = latents(model, LOOKED_AT, seed=SEED)
    extractor = load_features(able[0], device=model.device)
    seen = extract(extractor, (samples for samples, _ in batches.decoded(model, z, None)))
    assert seen.classes is not None
    return z, seen.classes, list(extractor.class_names)


def _show(folder: Folder, model: Any, known: Sequence[Direction], path: Path, scale: int) -> None:
    """A picture: a row for each direction, from three steps against it to three along it."""
    import torch

    from zoo.editing import batches
    from zoo.sampling import images, latents

    label = torch.zeros(1, dtype=torch.int64) if folder.num_classes else None
    (z,) = latents(model, 1, seed=SEED, labels=label)
    along = torch.tensor(STEPS).view(-1, *[1] * z.dim())
    rows = torch.cat([z + along * one.vector for one in known])
    labels = torch.zeros(len(rows), dtype=torch.int64) if folder.num_classes else None
    grid = images.grid(batches.all_decoded(model, rows, labels), len(STEPS), scale)
    made = asked.made(
        folder,
        "directions",
        [*(["--scale", scale] if scale > 1 else []), "-o", path.name],
        rows=[one.name for one in known],
        seed=SEED,
    )
    images.save_picture(grid, path, made)
