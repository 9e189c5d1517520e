"""CIFAR-10 from its official binary files; the archive is downloaded when it is first needed."""

import hashlib
import logging
import tarfile
import urllib.request
from pathlib import Path

import torch
from torch import Tensor

from zoo import ZooError
from zoo_vision.idx import refuse_irregular

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
ARCHIVE = "cifar-10-binary.tar.gz"
FOLDER = "cifar-10-batches-bin"
BATCHES = {
    "train": tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
    "test": ("test_batch.bin",),
}
# bytes: the label, then the pixels, channel by channel and row by row
RECORD = 1 + 3 * 32 * 32
CLASSES = 10
LARGEST = 200_000_000  # bytes; the archive has 170,052,171
AT_ONCE = 1 << 20  # bytes

log = logging.getLogger("zoo")


def cifar10(root: Path, split: str) -> tuple[Tensor, Tensor]:
    """Small photographs: samples uint8 `(50000 or 10000, 3, 32, 32)`, labels int64.

    **Arguments:**
    - `root`: the folder that has `cifar-10-batches-bin`, or `cifar-10-binary.tar.gz`, or gets both.
    - `split`: "train" or "test".

    **Raises:** `ZooError` when a batch is missing or damaged, `OSError` when the archive can't be
    downloaded."""
    folder = root / FOLDER
    paths = [folder / name for name in BATCHES[split]]
    for path in paths:
        refuse_irregular(path)
    missing = [path.name for path in paths if not path.exists()]
    if missing and folder.is_dir() and not (root / ARCHIVE).exists():
        raise ZooError(
            f"{folder} has no {', '.join(missing)}, so the {split} images are missing. Put them "
            "there, or remove the folder, and the whole data set is downloaded."
        )
    if missing:
        _unpack(_archive(root), folder)
    records = _read(paths)
    # a view: a copy would take longer than reading
    return records[:, 1:].unflatten(1, (3, 32, 32)), records[:, 0].long()


def _read(paths: list[Path]) -> Tensor:
    """The records of all batches, uint8 `(n, 3073)`."""
    sizes = [path.stat().st_size for path in paths]
    for path, size in zip(paths, sizes, strict=True):
        if not size or size % RECORD:
            raise _damaged(path, f"{size:,} bytes are no whole number of records of {RECORD:,}")
    records = torch.empty(sum(sizes) // RECORD, RECORD, dtype=torch.uint8)
    parts = records.split([size // RECORD for size in sizes])
    for path, part in zip(paths, parts, strict=True):
        with path.open("rb", buffering=0) as file:
            if file.readinto(part.numpy().data.cast("B")) != part.numel():
                raise _damaged(path, "it ended while it was read")
        if part[:, 0].max() >= CLASSES:
            raise _damaged(path, f"there is a label {part[:, 0].max()}, and the classes are 0 to 9")
    return records


def _damaged(path: Path, why: str) -> ZooError:
    return ZooError(
        f"{path} is damaged: {why}. Remove the folder {path.parent}, and the data set is "
        "downloaded anew."
    )


def _archive(root: Path) -> Path:
    """The archive, which is downloaded when it is missing; its digest is right."""
    path = root / ARCHIVE
    refuse_irregular(path)
    if path.exists():
        found = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(AT_ONCE):
                found.update(block)
        _check(path, found.hexdigest(), "Remove it, and it is downloaded anew.")
        return path
    log.info("Downloading CIFAR-10 (170 MB) to %s", path)
    partial = root / f".{ARCHIVE}.partial"
    try:
        digest = _download(partial)
        _check(partial, digest, f"What {URL} sends is not the data set: try again later.")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def _download(target: Path) -> str:
    """Download the archive; returns its SHA-256."""
    digest, taken = hashlib.sha256(), 0
    with urllib.request.urlopen(URL, timeout=30) as answer, target.open("wb") as file:
        while block := answer.read(AT_ONCE):
            taken += len(block)
            if taken > LARGEST:
                raise OSError(f"{URL} sends more than {LARGEST:,} bytes")
            digest.update(block)
            file.write(block)
    return digest.hexdigest()


def _check(path: Path, digest: str, advice: str) -> None:
    if digest != SHA256:
        raise ZooError(
            f"{path} is not the archive of CIFAR-10: its SHA-256 is {digest}, not {SHA256}. "
            f"{advice}"
        )


def _unpack(archive: Path, folder: Path) -> None:
    """Write the batches of the archive to the folder, each whole or not at all."""
    folder.mkdir(exist_ok=True)
    with tarfile.open(archive) as opened:
        members = opened.getmembers()
        for name in (name for names in BATCHES.values() for name in names):
            if (folder / name).exists():
                continue
            member = next((one for one in members if one.name == f"{FOLDER}/{name}"), None)
            stored = opened.extractfile(member) if member else None
            if stored is None:
                raise ZooError(f"{archive} holds no file {FOLDER}/{name}.")
            partial = folder / f".{name}.partial"
            with stored, partial.open("wb") as file:
                while block := stored.read(AT_ONCE):
                    file.write(block)
            partial.replace(folder / name)
