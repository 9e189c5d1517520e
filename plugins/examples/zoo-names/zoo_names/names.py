"""names: 29,494 different first names, of 2 to 15 letters."""

import hashlib
import urllib.request
from pathlib import Path

import torch
from torch import Tensor

from zoo.models import to_tokens
from zoo_names import ALPHABET

LENGTH = 16
HELD_OUT = 3_000
ADDRESS = (
    "https://raw.githubusercontent.com/karpathy/makemore/"
    "988aa59e4d8fefa526d06f3b453ad116258398d4/names.txt"
)
SHA256 = "0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d"
SECONDS = 30


def load(root: Path, split: str) -> tuple[Tensor, Tensor]:
    """Read `names.txt` in `root` or in `root/names`; it is downloaded when it is not there.

    A name that the file holds twice counts once. The 3,000 names whose SHA-256 is lowest are the
    test set: no name is in both parts.

    **Arguments:**
    - `root`: the folder of the data.
    - `split`: "train" or "test".

    **Returns:** tokens, int64 `(n, 16)`; and labels, int64 `(n,)`: the first letter, a is 0.
    """
    names = sorted(set(_file(root).read_text("ascii").split()), key=_place)
    chosen = names[:HELD_OUT] if split == "test" else names[HELD_OUT:]
    labels = torch.tensor([ALPHABET.index(name[0]) for name in chosen])
    return to_tokens(chosen, ALPHABET, LENGTH), labels


def _place(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


def _file(root: Path) -> Path:
    known = next(
        (path for path in (root / "names.txt", root / "names/names.txt") if path.is_file()), None
    )
    if known:
        return known
    with urllib.request.urlopen(ADDRESS, timeout=SECONDS) as answer:
        content = answer.read(1 << 20)
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise OSError(f"{ADDRESS} is not the file that is known: its SHA-256 differs")
    path = root / "names" / "names.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_bytes(content)
    partial.replace(path)
    return path
