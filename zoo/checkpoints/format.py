"""The form of a checkpoint's files, checked before anything heavy opens them."""

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.checkpoints.folder import (
    CARD,
    CONFIG,
    FACTS,
    TRAINING,
    WEIGHTS,
    Folder,
    hint_pickle,
)
from zoo.common.errors import CheckpointError, NotFoundError
from zoo.registry import claimed_maker, installed

LARGEST = 2 << 30  # bytes of a checkpoint's files together
LARGEST_OTHER = 32 << 20  # bytes of a file that holds no weights
MOST_FILES = 100
# what of a checkpoint travels to the Hub and back
LAYOUT = re.compile(
    f"{CONFIG}|{WEIGHTS}|{TRAINING}|{FACTS}|{CARD}|images/[A-Za-z0-9][A-Za-z0-9._-]{{0,99}}\\.png"
)
# bytes; that of a model of 1,000 tensors takes 100 kB
HEADER_LIMIT = 1 << 20
VALUES_LIMIT = 1000  # of a config
DEPTH_LIMIT = 8  # of a config
TEXT_LIMIT = 1000  # characters of a text in a config
BITS = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3"), 8),
    **dict.fromkeys(("I16", "U16", "F16", "BF16"), 16),
    **dict.fromkeys(("I32", "U32", "F32"), 32),
    **dict.fromkeys(("I64", "U64", "F64", "C64"), 64),
}


def refuse_boundless(config: Mapping[str, Any]) -> None:
    """Raise `CheckpointError` for a config.json that no model's config can be in, whichever model
    it is of.
    """
    if _size(config["config"], DEPTH_LIMIT) > VALUES_LIMIT:
        raise CheckpointError(
            f"{CONFIG} can't be the config of a model: it has more than {VALUES_LIMIT:,} values, "
            "is "
            "nested too deeply, or holds a number that is not finite or a very long text."
        )


def refuse_large(whose: str, sizes: Mapping[str, int]) -> None:
    """Raise `CheckpointError` for files, of which `sizes` holds the bytes by name, that are too
    many or too large.
    """
    for name, size in sizes.items():
        if size > (LARGEST if name in (WEIGHTS, TRAINING) else LARGEST_OTHER):
            raise CheckpointError(f"{name} of {whose} is too large: {size:,} bytes.")
    total = sum(sizes.values())
    if total > LARGEST or len(sizes) > MOST_FILES:
        raise CheckpointError(
            f"{whose} is too large: {len(sizes)} files, {total:,} bytes. A checkpoint may have "
            f"{MOST_FILES} files and {LARGEST:,} bytes."
        )


def check(folder: Folder, name: str) -> None:
    """Hold one of a checkpoint's files to its form, if its kind has one. Raises
    `CheckpointError`.
    """
    if name == CONFIG:
        refuse_boundless(folder.config)
    elif name in (WEIGHTS, TRAINING):
        check_weights(folder.file(name), folder)
    elif name == FACTS:
        _ = folder.facts


def refuse_unoffered(folder: Folder) -> None:
    """Raise `NotFoundError` for a checkpoint whose model no installed plugin offers, in words that
    say who does, or which class must be passed. Nothing is imported.
    """
    if folder.own_class:
        name = class_name(folder)
        raise NotFoundError(
            f"{folder.path} needs the class {name!r} ({folder.own_class}), which no plugin offers. "
            f"Load it in Python: zoo.load({folder.reference!r}, model={name})",
            name=name,
        )
    if folder.model in installed().models:
        return
    try:
        installed().model_class(folder.model)
    except NotFoundError as error:
        raise NotFoundError(f"{error}{claimed_maker(folder.config)}", name=folder.model) from error


def class_name(folder: Folder) -> str:
    """The name of the class that a checkpoint needs, without its module; empty when a plugin
    should offer its model.
    """
    return folder.own_class.rpartition(":")[2].rpartition(".")[2][:80]


def check_weights(path: Path, folder: Folder | None = None) -> None:
    """Hold a safetensors file to its form: where each tensor lies, of which type and shape; not
    what is in it.

    **Arguments:**
    - `path`: the file.
    - `folder`: its checkpoint, where one is at hand: the file is then opened once only.

    **Raises:** `CheckpointError` when it is missing, damaged, a pickle, or has a header above 1
    MiB."""
    if not path.is_file():
        raise CheckpointError(f"{path} is missing.{hint_pickle(path.parent)}")
    content = (folder or Folder(path.parent)).content(path.name)
    size = len(content)
    length = int.from_bytes(content[:8], "little")
    if size < 8 or length > size - 8:
        wrong: str | None = f"it ends after {size:,} bytes"
    elif length > HEADER_LIMIT:
        wrong = f"its header has {length:,} bytes, and the zoo reads at most {HEADER_LIMIT:,}"
    else:
        wrong = _wrong_in_header(content[8 : 8 + length], size - 8 - length)
    if wrong is None:
        return
    pickled = _looks_pickled(content[:9])
    what = "is a pickle, which the zoo never opens" if pickled else f"is damaged: {wrong}"
    raise CheckpointError(f"{path} {what}. Pull or train it again.")


def _size(value: Any, depth: int) -> int:
    """How many values there are in a JSON value; too many when one of them is out of all bounds."""
    if isinstance(value, dict | list) and depth:
        within = [*value, *value.values()] if isinstance(value, dict) else value
        return 1 + sum(_size(one, depth - 1) for one in within)
    if isinstance(value, str):
        good = len(value) <= TEXT_LIMIT
    elif isinstance(value, int | float):
        good = abs(value) < 1 << 63  # which NaN is not
    else:
        good = value is None
    return 1 if good else VALUES_LIMIT + 1


def _wrong_in_header(header: bytes, room: int) -> str | None:
    """What is wrong with a header, before `room` bytes of tensors; None when nothing is."""
    try:
        entries = json.loads(header)
    except (ValueError, RecursionError):
        return "its header is not JSON"
    if not isinstance(entries, dict) or not header.startswith(b"{"):
        return "its header is not a JSON object"
    metadata = entries.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(
        isinstance(text, str) for text in metadata.values()
    ):
        return "the metadata in its header is not of texts"
    spans = []
    for name, entry in entries.items():
        if not name.isprintable() or not name or len(name) > 500:
            return f"it holds a tensor called {name[:80]!r}"
        if (span := _span(entry)) is None:
            return (
                f"its header does not say where {name[:80]!r} lies, or of which type and shape it "
                "is"
            )
        spans.append(span)
    end = 0
    for begin, after in sorted(spans):
        if begin != end:
            return "its tensors overlap, or leave holes"
        end = after
    return None if end == room else f"its tensors take {end:,} bytes, and {room:,} are there"


def _span(entry: Any) -> tuple[int, int] | None:
    """The first byte of a tensor and the one after its last; None for a damaged entry."""
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        return None
    bits = BITS.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    shape, offsets = entry["shape"], entry["data_offsets"]
    numbers = (
        [*shape, *offsets] if isinstance(shape, list) and isinstance(offsets, list) else [None]
    )
    if not bits or not all(type(one) is int and 0 <= one < 1 << 53 for one in numbers):
        return None
    if (
        len(shape) > 16
        or len(offsets) != 2
        or math.prod(shape) * bits != (offsets[1] - offsets[0]) * 8
    ):
        return None
    return offsets[0], offsets[1]


def _looks_pickled(start: bytes) -> bool:
    """Whether a file that is no safetensors begins like a pickle or torch's zip; the ninth byte of
    ours is `{`.
    """
    return start.startswith(b"PK\x03\x04") or (
        start.startswith(b"\x80") and not start.endswith(b"{")
    )
