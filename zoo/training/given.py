"""LIGHT: the arguments of `zoo.train`, checked one by one before anything heavy is imported."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.common import arguments, files, settings
from zoo.common.errors import ConfigError
from zoo.data import IN_MEMORY
from zoo.registry import installed
from zoo.training.request import as_settings

if TYPE_CHECKING:
    from zoo.models import GenerativeModel


def model_of(model: Any) -> "tuple[str | None, type[GenerativeModel[Any]] | None]":
    """The name of a model, and its class when no plugin offers it.

    **Raises:** `ConfigError` for what is neither a name nor a class of a model."""
    if model is None or isinstance(model, str):
        return model, None
    from zoo.models import GenerativeModel

    if not (isinstance(model, type) and issubclass(model, GenerativeModel)):
        raise ConfigError(
            f"model = {str(model)[:80]!r} is neither the name of a model, such as 'mlp-vae', nor a "
            "class that derives from zoo.models.GenerativeModel."
        )
    for name, spec in installed().models.items():
        module, _, attribute = spec.entry_point.partition(":")
        if getattr(sys.modules.get(module), attribute, None) is model:
            return name, None
    return f"{model.__module__}:{model.__qualname__}", model


def settings_of(
    fields: Any, keywords: Mapping[str, Any], balance: bool, augment: str | Sequence[str]
) -> tuple[str, ...]:
    """All fields that were given, as texts "field=value"."""
    if fields is not None and not isinstance(fields, Mapping | Sequence):
        raise ConfigError(
            f"fields = {str(fields)[:80]!r}: give a dict, such as fields={{'latent_dim': 8}}."
        )
    ways = augment.split(",") if isinstance(augment, str) else augment
    if not isinstance(ways, Sequence):
        raise ConfigError(f"augment = {str(augment)[:80]}: pass ways such as ['shift', 'zoom'].")
    return (
        *as_settings(fields or {}),
        *as_settings(keywords),
        *(("balance=true",) if balance else ()),
        *as_settings({"augment": ways} if augment else {}),
    )


def whole_numbers(given: Mapping[str, Any]) -> dict[str, int | None]:
    """The arguments that are whole numbers, checked.

    **Raises:** `ConfigError` for another type, and for a number that is out of range."""
    return {
        "epochs": arguments.whole_or_none("epochs", given["epochs"], 1, arguments.LARGEST),
        "seed": arguments.whole_or_none("seed", given["seed"], 0, arguments.LARGEST),
        "patience": arguments.whole_or_none("patience", given["patience"], 1, arguments.LARGEST),
        "threads": arguments.whole_or_none("threads", given["threads"], 1, settings.MOST_THREADS),
    }


def refuse_wrong_types(*, name: Any, device: Any, watch: Any) -> None:
    """Raise `ConfigError` for arguments that can't be right, saying what to pass."""
    if name is not None and not isinstance(name, str):
        raise ConfigError(f"name = {name!r} is not a text: pass a name for the checkpoint.")
    if not isinstance(device, str):
        raise ConfigError(f"device = {str(device)[:80]!r}: pass 'auto', 'cpu' or 'cuda'.")
    if watch is not None and watch != "auto" and not callable(watch):
        raise ConfigError(
            f"watch = {str(watch)[:80]!r}: pass 'auto', None, or a function of the reports, the "
            "number of steps and the name."
        )


def data_of(called: str, value: Any) -> str | None:
    """The name or path of data as a command takes it, or what stands for samples themselves."""
    if value is None or isinstance(value, str | os.PathLike):
        return reference_of(called, value)
    return IN_MEMORY


def refuse_wrong_minutes(minutes: Any, epochs: Any, resume: Any) -> None:
    """Raise `ConfigError` for minutes that are no time, and where epochs are known already."""
    if minutes is None:
        return
    arguments.positive("minutes", minutes)
    if epochs is not None or resume is not None:
        known = "epochs" if resume is None else "resume"
        raise ConfigError(f"minutes and {known} both say how long to train: leave one out.")


def refuse_wrong_choice(*, keep: Any, measure: Any) -> None:
    """Raise `ConfigError` for arguments that can't say which epoch is to stay."""
    for called, value in (("keep", keep), ("measure", measure)):
        if value is not None and not isinstance(value, str):
            raise ConfigError(f"{called} = {str(value)[:80]!r}: pass a text.")


def several(called: str, value: Any) -> tuple[str, ...]:
    """One text, or several."""
    texts = value.split(",") if isinstance(value, str) else value
    if not isinstance(texts, Sequence) or not all(isinstance(one, str) and one for one in texts):
        raise ConfigError(f"{called} = {str(value)[:80]!r}: pass a text, or a list of texts.")
    return tuple(texts)


def checkpoint_of(value: Any) -> str | None:
    """The reference of a checkpoint; of what `zoo.train` returned, its path."""
    if value is None:
        return None
    return arguments.reference(value)


def reference_of(called: str, value: Any) -> str | None:
    """A name or a path as a command takes it."""
    if value is None or isinstance(value, str):
        return value
    return (
        files.as_reference(path_of(called, value))
        if called != "out"
        else str(path_of(called, value))
    )


def path_of(called: str, value: Any) -> Path:
    if not isinstance(value, str | os.PathLike):
        raise ConfigError(
            f"{called} is of the type {type(value).__name__}: pass a name or a path, as a text."
        )
    return settings.expand(value, called)
