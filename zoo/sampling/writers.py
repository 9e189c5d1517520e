"""How each kind of file is written, batch by batch."""

import json
import struct
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

from zoo.common import files
from zoo.sampling import images
from zoo.sampling.formats import Job
from zoo.sampling.provenance import ENTRY, FOLDER_FILE, KEY, marked_chunk

Batches = Iterable[tuple[Tensor, Tensor | None]]


class _Labels:
    """The labels of all samples, in one array from the beginning: many small tensors that are kept
    would lie between the large ones that are freed, and memory would grow with every batch.
    """

    def __init__(self, n: int) -> None:
        self.all = np.zeros(n, dtype=np.int64)
        self.known = 0

    def add(self, labels: Tensor | None) -> None:
        """Take the labels of the next batch."""
        if labels is not None:
            self.all[self.known : self.known + len(labels)] = labels.numpy()
            self.known += len(labels)


def write_grid(file: BinaryIO, batches: Batches, job: Job) -> None:
    """One picture of all samples; a row for each class that was asked for, unless `columns` says
    how many images stand in a row.
    """
    rows, columns = images.layout(job.n, job.columns, job.classes_asked)
    by_class = job.classes_asked > 1 and job.columns is None
    canvas: images.Canvas | None = None
    index = 0
    for samples, _ in batches:
        if canvas is None:
            canvas = images.Canvas(rows, columns, samples.shape[1:], job.scale)
            images.refuse_side(canvas.image.size, images.PILLOW[job.suffix])
        for pixels in images.to_uint8(samples):
            column, row = divmod(index, rows)
            canvas.put(row * columns + column if by_class else index, pixels)
            index += 1
    if canvas is not None:
        images.encode(canvas.image, file, job.suffix, job.made)


def write_npz(file: BinaryIO, batches: Batches, job: Job) -> None:
    """A zip of arrays, as numpy writes it: `samples`, `labels` where there are some, `seed` and
    `provenance`.
    """
    labels = _Labels(job.n)
    with zipfile.ZipFile(file, "w", allowZip64=True) as archive:
        with archive.open("samples.npy", "w", force_zip64=True) as entry:
            for index, (samples, some) in enumerate(batches):
                stored = images.to_uint8(samples) if job.kind.dtype == "uint8" else samples
                array = stored.numpy()
                if index == 0:
                    shape = (job.n, *array.shape[1:])
                    header = {"descr": array.dtype.str, "fortran_order": False, "shape": shape}
                    np.lib.format.write_array_header_1_0(entry, header)
                entry.write(array.tobytes())
                labels.add(some)
        arrays: dict[str, Any] = {"labels": labels.all} if labels.known else {}
        arrays |= {"seed": np.array(job.made["seed"])} if "seed" in job.made else {}
        arrays[ENTRY] = np.array(json.dumps(job.made))
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)


def write_safetensors(file: BinaryIO, batches: Batches, job: Job) -> None:
    """A header that says where each tensor lies, the labels where there are some, the samples.

    The labels come first: whole numbers of 8 bytes, they must begin at a multiple of 8. They are
    known last, so their place is left free until then."""
    labels = _Labels(job.n)
    begin = 0
    for index, (samples, some) in enumerate(batches):
        if index == 0:
            begin = _write_header(file, samples.shape[1:], some is not None, job)
        file.write(samples.float().contiguous().numpy().astype("<f4", copy=False).tobytes())
        labels.add(some)
    if labels.known:
        file.seek(begin)
        file.write(labels.all.astype("<i8", copy=False).tobytes())


def _write_header(file: BinaryIO, shape: Sequence[int], with_labels: bool, job: Job) -> int:
    """Write the header, and leave room for the labels; returns where the tensors begin."""
    start = 8 * job.n if with_labels else 0
    end = start + 4 * job.n * torch.Size(shape).numel()
    header: dict[str, Any] = {"__metadata__": {KEY: json.dumps(job.made)}}
    if with_labels:
        header["labels"] = {"dtype": "I64", "shape": [job.n], "data_offsets": [0, start]}
    header["samples"] = {
        "dtype": "F32",
        "shape": [job.n, *shape],
        "data_offsets": [start, end],
    }
    text = json.dumps(header).encode()
    # the tensors begin at a multiple of 8 bytes
    text += b" " * (-len(text) % 8)
    file.write(struct.pack("<Q", len(text)) + text)
    begin = file.tell()
    file.seek(begin + start)
    return begin


def write_folder(folder: Path, batches: Batches, job: Job) -> None:
    """A PNG for each sample, in a sub-folder for each class where there are labels."""
    folder.mkdir()
    index = int(job.made.get("start", 0))
    names = _folder_names(job.class_names)
    digits = max(6, len(str(index + job.n - 1)))
    mark = marked_chunk()
    for samples, labels in batches:
        for position, pixels in enumerate(images.to_uint8(samples)):
            place = folder
            if labels is not None:
                label = int(labels[position])
                place = folder / (names[label] if label < len(names) else str(label))
                place.mkdir(exist_ok=True)
            image = images.to_image(pixels)
            image.save(place / f"{index:0{digits}}.png", "PNG", pnginfo=mark)
            index += 1
    files.write_json(folder / FOLDER_FILE, job.made)


def _folder_names(class_names: Sequence[str]) -> list[str]:
    """A folder's name for each class, all different."""
    names = [_file_name(name) for name in class_names]
    return [
        f"{name}-{index}" if names.count(name) > 1 else name for index, name in enumerate(names)
    ]


def _file_name(text: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in text) or "_"
