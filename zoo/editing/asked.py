"""What the commands on latents have in common: who can, which images and labels, the record."""

import shlex
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.checkpoints import Folder, Store
from zoo.common import arguments
from zoo.common.errors import (
    CapabilityError,
    ConfigError,
    DataError,
    LabelError,
    OutputError,
    counted,
)
from zoo.common.words import either
from zoo.registry import installed
from zoo.sampling import Kind, formats, request

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.data import Dataset

# images in a row of a picture of pairs, as `sampling.pictures` has it
COLUMNS = 8
# of the draws that an inversion starts from which nobody asked for by name
SEED = 0
VERBS = {"encode": "encode images", "decode": "decode latents"}


def can(folder: Folder, capability: str) -> bool | None:
    """Whether a checkpoint's model has a capability; None where it can't even decode."""
    spec = installed().models.get(folder.model)
    if spec is None:
        return True
    if capability in spec.capabilities:
        return True
    return False if "decode" in spec.capabilities else None


def refuse_incapable(folder: Folder, capability: str) -> None:
    """Say which models can, before torch is imported.

    **Raises:** `CapabilityError` when the checkpoint's model does not have the capability."""
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
    raise CapabilityError(
        f"{folder.reference} is a {spec.name}, which can't {VERBS[capability]}. Models that can: "
        f"{', '.join(able)}" + (f"; checkpoints: {', '.join(ready)}." if ready else ".")
    )


def checked(
    output: Any, default: str, suffixes: Sequence[str], folder: Folder, force: bool
) -> Path:
    """Where a picture goes, once nothing speaks against it.

    **Raises:** `OutputError`."""
    kind = request.kind_of_folder(folder)
    if not kind.is_picture:
        raise OutputError(
            f"The samples of {folder.reference} are not images: there is nothing to show."
        )
    return checked_file(output, default, suffixes, kind, force)


def checked_file(
    output: Any, default: str, suffixes: Sequence[str], kind: Kind, force: bool
) -> Path:
    """Where a file of samples of a kind goes, once nothing speaks against it.

    **Raises:** `OutputError`."""
    path = request.output_path(output, default)
    if path.suffix.lower() not in suffixes:
        raise OutputError(f"{path} must end in {', '.join(suffixes[:-1])} or {suffixes[-1]}.")
    formats.check_path(path, kind.name, suffixes)
    formats.refuse_foreign(path, force=force)
    return path


def picture_or_latents(output: Any, default: str, folder: Folder, scale: Any, force: bool) -> Path:
    """Where a picture or an .npz with latents goes, once nothing speaks against it.

    **Raises:** `OutputError`; `ConfigError` for a scale of what is no picture."""
    path = request.output_path(output, default)
    suffix = path.suffix.lower()
    if suffix == ".npz":
        formats.check_path(path, "array", (".npz",))
        formats.refuse_foreign(path, force=force)
    elif suffix in formats.PICTURES:
        checked(path, default, formats.PICTURES, folder, force)
    else:
        raise OutputError(f"{path} must end in .npz, {', '.join(formats.PICTURES)}.")
    formats.refuse_layout(None, scale, suffix)
    return path


def are_codes(model: Any) -> bool:
    """Whether the latents of a model are codes, whole numbers with no way from one to the next."""
    import torch

    labels = torch.zeros(1, dtype=torch.int64) if model.config.num_classes else None
    return not model.sample_prior(1, torch.Generator(), labels).is_floating_point()


def refuse_codes(folder: Folder, model: Any) -> None:
    """Raise `CapabilityError` where there is no way between latents, since they are codes."""
    if are_codes(model):
        raise CapabilityError(
            f"The latents of {folder.reference} are codes, whole numbers: there is no way from one "
            "to the next, and no gradient."
        )


def image_paths(images: Any) -> list[Path]:
    """The files that were named, at least one.

    **Raises:** `ConfigError` when none is."""
    named = arguments.paths("images", images)
    if not named:
        raise ConfigError("No image was named: name one file or more.")
    return named


def labels_of_images(classes: Sequence[int], n: int, folder: Folder) -> "Tensor | None":
    """A class for each image, int64 `(n,)`; None for an unconditional checkpoint.

    **Raises:** `LabelError` when there is neither one for all nor one for each."""
    import torch

    if not folder.num_classes:
        return None
    if len(classes) not in (1, n):
        raise LabelError(
            f"{folder.reference} is conditional: pass {either('a --label', 'one of labels')} for "
            f"each of the {counted(n, 'image')}."
        )
    return torch.tensor(list(classes) * (n if len(classes) == 1 else 1))


def samples_of(folder: Folder, model: Any, paths: Sequence[Path], value_range: Any) -> "Tensor":
    """Samples from files as a model takes them: float32 `(n, *sample_shape)`; images in [0, 1].

    **Arguments:**
    - `paths`: image files, or .npz files with `samples`; in the order of their names here.
    - `value_range`: the values of deep images that become black and white; as the checkpoint was
        trained unless given.

    **Raises:** `DataError`."""
    import torch

    shape, is_picture = model.config.sample_shape, request.kind_of_folder(folder).is_picture
    of_arrays = [path for path in paths if path.suffix.lower() == ".npz"]
    if not is_picture and len(of_arrays) < len(paths):
        raise DataError(
            f"The samples of {folder.reference} are not images: name .npz files with 'samples'."
        )
    if not of_arrays:
        return _images(paths, shape, value_range, folder)
    parts = [
        _array(path, shape, request.kind_of_folder(folder))
        if path in of_arrays
        else _images([path], shape, value_range, folder)
        for path in paths
    ]
    return torch.cat(parts)


def _images(
    paths: Sequence[Path], shape: Sequence[int], value_range: Any, folder: Folder
) -> "Tensor":
    from zoo.data import as_recorded, load_images, to_float

    chosen = value_range or as_recorded(folder.facts)["value_range"]
    return to_float(load_images(paths, shape, chosen))


def _array(path: Path, shape: Sequence[int], kind: Any) -> "Tensor":
    """The samples of an .npz; those of type uint8 are divided by 255."""
    import torch

    from zoo.editing import arrays

    found = arrays.read(path, "samples")["samples"]
    values = arrays.finite(found, shape, "samples", path)
    if kind.is_whole:
        return torch.tensor(found.astype("int64"))
    samples = torch.tensor(values / 255 if found.dtype == "uint8" else values)
    if kind.is_picture and not (samples.min() >= 0 and samples.max() <= 1):
        raise DataError(
            f"{path}: the values of images are from 0 to 1, or whole numbers of the type uint8."
        )
    return samples


def save_pairs(
    model: Any,
    samples: "Tensor",
    latents: "Tensor",
    labels: "Tensor | None",
    path: Path,
    made: Mapping[str, Any],
    scale: int | None,
) -> None:
    """A picture of images above what their latents are decoded to.

    **Arguments:**
    - `samples`: float32 in [0, 1], `(n, channels, height, width)`.
    - `latents`, `labels`: of each.
    """
    from zoo.editing.batches import all_decoded
    from zoo.sampling import images, pictures

    copies = all_decoded(model, latents, labels)
    images.save_picture(pictures.pairs(samples, copies, scale or 1), path, made)


def rows_of_pairs(n: int) -> int:
    """How many pairs of rows a picture of `n` images above their copies has."""
    return -(-n // COLUMNS)


def latents_of(
    model: Any, samples: "Tensor", labels: "Tensor | None", watch: Any = None
) -> "tuple[Tensor, Tensor | None]":
    """Latents of images or texts, float32 `(n, *latent_shape)`, and their classes: by the encoder
    where there is one, else by inversion.

    **Arguments:**
    - `samples`: float32 `(n, *sample_shape)`.
    - `labels`: int64 `(n,)` for a conditional model; found unless given.
    - `watch`: shows how far an inversion is.
    """
    from zoo.editing import search
    from zoo.editing.batches import encoded
    from zoo.editing.inversion import DRAWS, STEPS
    from zoo.models import Autoencoder

    if isinstance(model, Autoencoder) and model.sample_kind == "text" and model.config.num_classes:
        labels = search.likeliest_labels(model, samples) if labels is None else labels
    if isinstance(model, Autoencoder) and (labels is not None or not model.config.num_classes):
        return encoded(model, samples, labels), labels
    found = search.nearest(model, samples, labels, seed=SEED, draws=DRAWS, steps=STEPS, watch=watch)
    return found.latents, found.labels


def data_of(folder: Folder, model: Any, root: Any) -> "Dataset":
    """The test images of the data set that a checkpoint was trained on.

    **Raises:** `ConfigError` when no plugin offers it; `DataError`."""
    from zoo.data import load_dataset

    if folder.dataset not in installed().datasets:
        name = str(folder.facts.get("dataset"))[:80]
        raise ConfigError(
            f"No plugin offers the data set {name!r}, so there are no test images. Name the image "
            "files to reconstruct."
        )
    return load_dataset(
        folder.dataset,
        root=None if root is None else Path(root),
        split="test",
        sample_shape=model.config.sample_shape,
    )


def as_float(samples: "Tensor") -> "Tensor":
    """Samples of a data set as a model takes them: those of type uint8 are divided by 255."""
    import torch

    return samples.float().div_(255) if samples.dtype == torch.uint8 else samples.float()


def label_words(labels: Any) -> list[str]:
    """The classes that were asked for, as words of a command."""
    return [word for label in request.as_list(labels) for word in ("--label", str(label))]


def range_words(value_range: Any) -> list[str]:
    """The range that was asked for, as words of a command."""
    from zoo.data import range_text

    return ["--range", range_text(value_range)] if value_range else []


def made(folder: Folder, verb: str, words: Sequence[Any], **facts: Any) -> dict[str, Any]:
    """How a file is made, as the file records it.

    **Arguments:**
    - `verb`: the command.
    - `words`: its arguments and options after the checkpoint.
    - `facts`: what else the record says."""
    command = shlex.join(["zoo", verb, folder.reference, *map(str, words)])
    return {
        "checkpoint": folder.reference,
        "sha256": folder.sha256,
        **facts,
        "version": version("genzoo"),
        "command": command,
    }
