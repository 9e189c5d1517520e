"""Directions that were found for a checkpoint, kept in the zoo's home under its weights' digest."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.checkpoints import Folder
from zoo.common import files, settings
from zoo.common.errors import CheckpointError, ConfigError, NotFoundError, choose_from

# what a direction may be called
NAME = re.compile(r"[^\W_][\w.+-]{0,59}")
# the name of the record in the metadata of the file
KEY = "zoo"


@dataclass(frozen=True)
class Direction:
    """A direction of a latent space.

    **Arguments:**
    - `name`: what the user calls it.
    - `by`: how it was found: "sefa", "jacobian", "encodings", "mean", "classifier" or "images".
    - `strength`: the mean absolute difference of the values of samples one step along it and one
        against it.
    - `vector`: what one step adds to a latent, float32 `(*latent_shape,)`.
    - `made`: how it was found, as JSON values.
    """

    name: str
    by: str
    strength: float
    vector: Any
    made: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            "name": self.name,
            "by": self.by,
            "strength": self.strength,
            "vector": self.vector.tolist(),
            **self.made,
        }


def place(folder: Folder) -> Path:
    """The file that holds a checkpoint's directions, whether it is there or not."""
    return settings.home() / "directions" / f"{folder.sha256}.safetensors"


def names(folder: Folder) -> list[str]:
    """The names of the directions that are kept, in their order; torch is not imported.

    **Raises:** `CheckpointError` for a damaged file."""
    return list(_record(place(folder)))


def read(folder: Folder) -> dict[str, Direction]:
    """The directions that are kept, by name, in their order.

    **Raises:** `CheckpointError` for a damaged file."""
    path = place(folder)
    record = _record(path)
    if not record:
        return {}
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        tensors = load(bytes(files.mapped(path)))
        return {
            name: Direction(
                name, str(one["by"]), float(one["strength"]), tensors[name], one["made"]
            )
            for name, one in record.items()
        }
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise _damaged(path, error) from error


def add(folder: Folder, found: Iterable[Direction]) -> None:
    """Keep directions beside those that are kept; one of the same name is replaced."""
    with files.alone(place(folder).parent):
        _write(folder, {**read(folder), **{one.name: one for one in found}})


def rename(folder: Folder, old: str, new: str) -> None:
    """Give a direction another name.

    **Raises:** `NotFoundError`; `ConfigError` for a name that is taken or none."""
    check_name(new)
    with files.alone(place(folder).parent):
        known = read(folder)
        refuse_unknown(folder, [old], known)
        if new in known:
            raise ConfigError(f"There is a direction {new!r} already: choose another name.")
        changed = {(new if name == old else name): one for name, one in known.items()}
        one = known[old]
        changed[new] = Direction(new, one.by, one.strength, one.vector, one.made)
        _write(folder, changed)


def remove(folder: Folder, name: str) -> None:
    """Forget a direction.

    **Raises:** `NotFoundError`."""
    with files.alone(place(folder).parent):
        known = read(folder)
        refuse_unknown(folder, [name], known)
        del known[name]
        _write(folder, known)


def check_name(name: str) -> str:
    """A name of a direction; raises `ConfigError` for what can't be one."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ConfigError(
            f"{str(name)[:80]!r} can't be the name of a direction: use letters, digits, '-', '_', "
            "'.' and '+', 60 at most, a letter or digit first."
        )
    return name


def refuse_unknown(folder: Folder, asked: Iterable[str], known: Iterable[str]) -> None:
    """Raise `NotFoundError` for a name that no kept direction has."""
    known = list(known)
    for name in asked:
        if name not in known:
            raise NotFoundError(
                f"{folder.reference} has no direction {name[:80]!r}.{choose_from(name[:80], known)}"
                f" To find some: zoo directions {folder.reference}",
                name=name,
                known=known,
            )


def _record(path: Path) -> dict[str, Any]:
    """What the file says of each direction, by name; empty when there is no file."""
    if not files.is_file(path):
        return {}
    content = files.mapped(path)
    try:
        length = int.from_bytes(content[:8], "little")
        if length > files.JSON_LIMIT:
            raise ValueError("its header is too long")
        header = json.loads(content[8 : 8 + length])
        record = json.loads(header["__metadata__"][KEY])
        if not all(NAME.fullmatch(name) and isinstance(record[name], dict) for name in record):
            raise ValueError("its names are wrong")
        return dict(record)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _damaged(path, error) from error


def _write(folder: Folder, directions: Mapping[str, Direction]) -> None:
    from safetensors.torch import save

    record = {
        name: {"by": one.by, "strength": one.strength, "made": dict(one.made)}
        for name, one in directions.items()
    }
    tensors = {name: one.vector.contiguous() for name, one in directions.items()}
    content = save(tensors, {KEY: json.dumps(record)})
    path = place(folder)
    if not directions:
        files.remove(path)
        return
    with files.replacing(path) as partial:
        partial.write_bytes(content)


def _damaged(path: Path, error: Exception) -> CheckpointError:
    reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
    return CheckpointError(
        f"{path} is damaged: {reason}. Remove it, and find the directions again.", path=path
    )
