"""Samples to files: the suffix decides between a grid, a folder of PNGs, .npz and .safetensors."""

import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo.common import files
from zoo.common.errors import OutputError
from zoo.sampling import images
from zoo.sampling.provenance import ENTRY, FOLDER_FILE, KEY, SUFFIXES

GRID_LIMIT = 100_000  # samples: they are held in memory
Batches = Iterable[tuple[Tensor, Tensor | None]]


def check_path(path: Path, sample_kind: str) -> None:
    """Raise `OutputError` for a path that samples can't be written to, before any is drawn."""
    if path.suffix and path.suffix not in SUFFIXES and not path.is_dir():
        raise OutputError(
            f"Can't write {path.suffix!r} files: choose {', '.join(SUFFIXES)}, or a folder (no "
            "suffix)."
        )
    if path.suffix in SUFFIXES and path.is_dir():
        raise OutputError(f"{path} is a folder: choose another name.")
    if path.suffix not in SUFFIXES and path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise OutputError(
            f"{path} exists and is no empty folder: remove it or choose another name."
        )
    files.refuse_unwritable(path)
    if sample_kind != "image" and path.suffix not in (".npz", ".safetensors"):
        raise OutputError(
            f"The samples are no images: write them to .npz or .safetensors, not {path.name!r}."
        )


def write(
    path: Path,
    batches: Batches,
    n: int,
    provenance: Mapping[str, Any],
    *,
    sample_kind: str = "image",
    class_names: Sequence[str] = (),
    classes_asked: int = 0,
) -> None:
    """Write samples as the path's suffix says, whole or not at all.

    **Arguments:**
    - `path`: `.png` (a grid), `.npz` (`samples`, uint8 for images else float32, with `labels`,
        `seed` and `provenance`; streamed, so memory is bounded), `.safetensors` (`samples`,
        float32, with `labels`), or a folder: one PNG a sample, named by its index, in sub-folders
        by class when there are labels.
    - `batches`: samples, float32 `(b, *sample_shape)`, and their labels.
    - `n`: how many samples there are in all.
    - `provenance`: how they were made: kept in the file, or in the folder as provenance.json.
    - `sample_kind`: of the model.
    - `class_names`: what the labels mean, for the folder's sub-folders.
    - `classes_asked`: labels go round in a circle of this length, so the grid gets a row for each.

    **Raises:** `OutputError` when it can't be written, or is a grid of more than 100,000 samples.
    """
    check_path(path, sample_kind)
    if path.suffix == ".png" and n > GRID_LIMIT:
        raise OutputError(
            f"{n:,} samples are too many for a grid: {GRID_LIMIT:,} at most. Take .npz or a folder."
        )
    if path.suffix == ".npz":
        _write_npz(path, batches, n, provenance, sample_kind == "image")
    elif path.suffix == ".safetensors":
        _write_safetensors(path, batches, provenance)
    elif path.suffix == ".png":
        samples = torch.cat([images.to_uint8(batch) for batch, _ in batches])
        images.save_png(_grid(samples, classes_asked), path, provenance)
    else:
        _write_folder(path, batches, n, provenance, class_names)


def _grid(samples: Tensor, classes: int) -> Any:
    if classes < 2:
        return images.grid(samples)
    columns = -(-len(samples) // classes)
    padded = torch.zeros(columns * classes, *samples.shape[1:], dtype=torch.uint8)
    padded[: len(samples)] = samples
    by_class = padded.view(columns, classes, *samples.shape[1:]).transpose(
        0, 1
    )  # (classes, columns, …)
    return images.grid(by_class.flatten(0, 1), columns)


def _write_npz(
    path: Path, batches: Batches, n: int, provenance: Mapping[str, Any], as_images: bool
) -> None:
    import numpy as np

    labels: list[Tensor] = []
    with (
        files.replacing(path) as partial,
        zipfile.ZipFile(partial, "w", allowZip64=True) as archive,
    ):
        with archive.open("samples.npy", "w", force_zip64=True) as file:
            for index, (samples, some) in enumerate(batches):
                array = (images.to_uint8(samples) if as_images else samples).numpy()
                if index == 0:
                    header = {
                        "descr": array.dtype.str,
                        "fortran_order": False,
                        "shape": (n, *array.shape[1:]),
                    }
                    np.lib.format.write_array_header_1_0(file, header)
                file.write(array.tobytes())
                labels += [] if some is None else [some]
        arrays = {"labels": torch.cat(labels).numpy()} if labels else {}
        arrays |= {"seed": np.array(provenance["seed"]), ENTRY: np.array(json.dumps(provenance))}
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array(file, array, allow_pickle=False)


def _write_safetensors(path: Path, batches: Batches, provenance: Mapping[str, Any]) -> None:
    from safetensors.torch import save

    pairs = list(batches)
    tensors = {"samples": torch.cat([samples for samples, _ in pairs])}
    if pairs[0][1] is not None:
        tensors["labels"] = torch.cat([labels for _, labels in pairs if labels is not None])
    with files.replacing(path) as partial:
        partial.write_bytes(save(tensors, {KEY: json.dumps(provenance)}))


def _write_folder(
    path: Path, batches: Batches, n: int, provenance: Mapping[str, Any], class_names: Sequence[str]
) -> None:
    index = int(provenance["start"])
    folders = _folder_names(class_names)
    digits = max(6, len(str(index + n - 1)))
    with files.replacing(path) as partial:
        partial.mkdir()
        for samples, labels in batches:
            for position, pixels in enumerate(images.to_uint8(samples)):
                folder = partial
                if labels is not None:
                    label = int(labels[position])
                    folder = partial / (folders[label] if label < len(folders) else str(label))
                    folder.mkdir(exist_ok=True)
                images.to_image(pixels).save(folder / f"{index:0{digits}}.png")
                index += 1
        files.write_json(partial / FOLDER_FILE, provenance)


def _folder_names(class_names: Sequence[str]) -> list[str]:
    """A folder's name for each class, all different."""
    names = [_file_name(name) for name in class_names]
    return [
        f"{name}-{index}" if names.count(name) > 1 else name for index, name in enumerate(names)
    ]


def _file_name(text: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in text) or "_"
