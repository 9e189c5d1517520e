"""How each kind of file is written, batch by batch."""

import json
import struct
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch import Tensor

from zoo.common import files
from zoo.sampling import images, sounds
from zoo.sampling.formats import Job, folder_names
from zoo.sampling.provenance import ENTRY, FOLDER_FILE, KEY, TXT_LINE, marked_chunk

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
    how many images stand in a row. Of audio, waveforms and spectrograms.
    """
    rows, columns = images.layout(job.n, job.columns, job.classes_asked)
    by_class = job.classes_asked > 1 and job.columns is None
    canvas: images.Canvas | None = None
    index = 0
    for samples, _ in batches:
        shown = sounds.tiles(samples, job.rate) if job.rate else images.to_uint8(samples)
        if canvas is None:
            canvas = images.Canvas(rows, columns, shown.shape[1:], job.scale)
            images.refuse_side(canvas.image.size, images.PILLOW[job.suffix])
        for pixels in shown:
            column, row = divmod(index, rows)
            canvas.put(row * columns + column if by_class else index, pixels)
            index += 1
    if canvas is not None:
        images.encode(canvas.image, file, job.suffix, job.made)


def write_npz(file: BinaryIO, batches: Batches, job: Job) -> None:
    """A zip of arrays, as numpy writes it: `samples`, `labels` where there are some, `texts` or
    `sample_rate`, `seed` and `provenance`.
    """
    labels = _Labels(job.n)
    texts: list[str] = []
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
                texts += job.render(samples) if job.render else []
        arrays: dict[str, Any] = {"labels": labels.all} if labels.known else {}
        arrays |= {"texts": np.array(texts)} if texts else {}
        arrays |= {"sample_rate": np.array(job.rate)} if job.rate else {}
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


def write_txt(file: BinaryIO, batches: Batches, job: Job) -> None:
    """A text a line, UTF-8. A file's first line is the provenance; standard output has none."""
    if job.is_file:
        file.write(f"{TXT_LINE}{json.dumps(job.made)}\n".encode())
    for text, _ in _texts(batches, job):
        file.write(f"{' '.join(text.splitlines())}\n".encode())


def write_jsonl(file: BinaryIO, batches: Batches, job: Job) -> None:
    """An object a line: `index`, `text` and, where there are labels, `label`: the class's name, or
    its number without one. The first also holds the provenance, as `zoo`.
    """
    for place, (text, label) in enumerate(_texts(batches, job)):
        row: dict[str, Any] = {"index": int(job.made.get("start", 0)) + place, "text": text}
        if label is not None:
            known = label < len(job.class_names)
            row["label"] = job.class_names[label] if known else label
        row |= {KEY: dict(job.made)} if place == 0 else {}
        file.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")


def _texts(batches: Batches, job: Job) -> Iterator[tuple[str, int | None]]:
    """Each sample as a string, with its label."""
    assert job.render is not None  # given for text
    for samples, labels in batches:
        rendered = job.render(samples)
        known = [None] * len(rendered) if labels is None else labels.tolist()
        yield from zip(rendered, known, strict=True)


def write_wav(file: BinaryIO, batches: Batches, job: Job) -> None:
    """All recordings one after the other, a quarter of a second of silence between two."""
    silence = b""
    for index, (samples, _) in enumerate(batches):
        channels, length = samples.shape[1:]
        if index == 0:
            silence = sounds.pause(channels, job.rate)
            size = job.n * 2 * channels * length + (job.n - 1) * len(silence)
            file.write(sounds.header(channels, job.rate, size, job.made))
        for place, sample in enumerate(samples):
            file.write(silence if index or place else b"")
            file.write(sounds.to_pcm(sample))


def write_folder(folder: Path, batches: Batches, job: Job) -> None:
    """A PNG or WAV for each sample, in a sub-folder for each class where there are labels."""
    folder.mkdir()
    index = int(job.made.get("start", 0))
    names = folder_names(job.class_names)
    digits = max(6, len(str(index + job.n - 1)))
    mark = marked_chunk()
    for samples, labels in batches:
        shown = samples if job.rate else images.to_uint8(samples)
        for position, sample in enumerate(shown):
            place = folder
            if labels is not None:
                label = int(labels[position])
                place = folder / (names[label] if label < len(names) else str(label))
                place.mkdir(exist_ok=True)
            if job.rate:
                (place / f"{index:0{digits}}.wav").write_bytes(sounds.to_wav(sample, job.rate))
            else:
                image = images.to_image(sample)
                image.save(place / f"{index:0{digits}}.png", "PNG", pnginfo=mark)
            index += 1
    files.write_json(folder / FOLDER_FILE, job.made)
