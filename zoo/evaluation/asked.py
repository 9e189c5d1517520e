"""What a measurement is asked for: arguments that are checked before torch is imported."""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from zoo.checkpoints import FEWEST, Folder, find
from zoo.common import arguments, files
from zoo.common.errors import CheckpointError, ConfigError, NotFoundError, choose_from
from zoo.common.words import either
from zoo.data import IN_MEMORY, Record, is_own, recalled, refuse_unknown
from zoo.registry import installed

Reference = str | os.PathLike[str] | Folder


VARIANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")  # of features


def unwatched(batches: Iterable[Any], n: int, doing: str) -> Iterator[Any]:
    """Pass on batches; a command passes them on with a progress bar instead."""
    yield from batches


def checkpoint(reference: Reference) -> Folder:
    """The checkpoint that a reference means.

    **Arguments:**
    - `reference`: a checkpoint's name, its path, its `Folder`, or anything with a `path`, such as
        what `zoo.train` returns.

    **Raises:** `ConfigError` for another type, and what `zoo.checkpoints.find` raises."""
    if isinstance(reference, Folder):
        return reference
    return find(arguments.reference(reference))


def own_class(reference: object, folder: Folder, given: Any) -> Any:
    """The class of a model that no plugin offers: the one given, else that of what `zoo.train`
    returned; None for a model of a plugin.
    """
    if "class" not in folder.config:
        return None
    if given is None and not isinstance(reference, str | Folder) and hasattr(reference, "model"):
        return type(reference.model)
    return given


def text(name: str, value: object) -> str:
    """A text that an argument must be.

    **Raises:** `ConfigError` for another type."""
    if not isinstance(value, str):
        raise arguments.refusal(name, value, "a text")
    return value


def conditions(
    n: int | None, seed: int | None, importance_samples: int | None, test_images: int | None = None
) -> dict[str, int | None]:
    """How to measure, each number checked.

    **Raises:** `ConfigError` as `arguments.whole` does."""
    given = {
        "n": (n, FEWEST),
        "seed": (seed, 0),
        "importance_samples": (importance_samples, 1),
        "test_images": (test_images, 1),
    }
    return {
        name: arguments.whole_or_none(name, value, least, arguments.LARGEST)
        for name, (value, least) in given.items()
    }


def called(data: Any) -> str:
    """What data is called: its reference, or what stands for samples that were given in Python."""
    return data if isinstance(data, str) else IN_MEMORY


def data_for(data: Any, folder: Folder) -> Any:
    """The images to measure against: those asked for, else those that a checkpoint was trained on.

    **Arguments:**
    - `data`: the name of a data set, or the path of data of one's own; or samples themselves.
    - `folder`: the checkpoint.

    **Returns:** a reference; samples as they were given.

    **Raises:** `NotFoundError` for a name that no plugin offers; `DataError` for data that is not
    there; `ConfigError` when nothing is asked for and the facts name no known data set."""
    if data is None:
        return _trained_on(folder)
    if isinstance(data, os.PathLike):
        data = files.as_reference(Path(data))
    if isinstance(data, bool | int | float | bytes):
        raise ConfigError(
            f"data must be the name of a data set, or the path of a folder of images, not "
            f"{_described(data)}."
        )
    if not isinstance(data, str):
        return data
    if data not in installed().datasets and not is_own(data) and not Path(data).exists():
        raise NotFoundError(
            f"No installed plugin offers a data set {data[:80]!r}."
            f"{choose_from(data[:80], installed().datasets)}"
        )
    refuse_unknown(data)
    return data


def _trained_on(folder: Folder) -> str:
    name = folder.facts.get("dataset")
    if isinstance(name, str) and name in installed().datasets:
        return name
    record = Record.of(folder.facts)
    if record and is_own(record.reference):
        return recalled(record, folder.reference)
    known = f": no plugin offers {name[:80]!r}" if isinstance(name, str) else ""
    raise ConfigError(
        f"Say which data to measure {folder.reference} with{known}. Use "
        f"{either('--data NAME', 'data=NAME')} "
        f"({', '.join(installed().datasets) or 'none offered'}) "
        f"or {either('--data ./FOLDER', 'data=./FOLDER')}"
    )


def features_for(features: str | None, data: str) -> str | None:
    """The features to compare by: those asked for, else those meant for the data; None when there
    are none.

    **Raises:** `NotFoundError` for features that no plugin offers."""
    offered = installed().features
    if features is None:
        meant = installed().features_for(data) or installed().features_that_suit("image")
        return meant.name if meant else None
    if not isinstance(features, str):
        raise ConfigError(f"features must be a name, not {_described(features)}.")
    base, _, variant = features.partition(":")
    if base in offered and offered[base].has_variants:
        if not VARIANT.fullmatch(variant):
            raise ConfigError(
                f"features = {features[:80]!r} must name a network: {base}:NAME, of letters, "
                "digits, '.', '_' and '-'."
            )
        return features
    if features not in offered:
        raise NotFoundError(
            f"No installed plugin offers features {features[:80]!r}."
            f"{choose_from(features[:80], offered)}"
        )
    return features


def weights_of_features(weights: str | os.PathLike[str] | None) -> Path | None:
    """The file of weights that features are to use; None when they bring their own.

    **Raises:** `CheckpointError` when there is no such file."""
    if weights is None:
        return None
    if not isinstance(weights, str | os.PathLike):
        raise ConfigError(f"weights must be the path of a file, not {_described(weights)}.")
    path = Path(weights)
    if not path.is_file():
        raise CheckpointError(
            f"{path} is not a file: {either('--weights', 'weights')} names the safetensors file "
            "of the features."
        )
    return path


def folder_of_data(data_root: str | os.PathLike[str] | None) -> Path | None:
    """The folder that holds the data; None when it was not given."""
    if data_root is not None and not isinstance(data_root, str | os.PathLike):
        raise ConfigError(f"data_root must be the path of a folder, not {_described(data_root)}.")
    return None if data_root is None else Path(data_root)


def _described(value: object) -> str:
    """A value's type and, of a short one, the value: "float 1.5", "Tensor"."""
    shown = repr(value) if isinstance(value, int | float | str | bytes) else ""
    return f"{type(value).__name__} {shown[:40]}".rstrip()
