"""LIGHT: a grid of settings as the combinations to train, and what each is called."""

import itertools
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.common.errors import ConfigError, counted
from zoo.registry import NAME
from zoo.training.request import as_settings

# trainings of a grid, at most
MOST = 1000
# what a grid may vary besides fields of the config and the recipe
ARGUMENTS = ("data", "epochs", "seed")
# what names a training and can't be varied
FIXED = ("grid", "model", "name", "out", "resume", "workers")


@dataclass(frozen=True)
class Combination:
    """One training of a grid.

    **Arguments:**
    - `name`: what its checkpoint is called, such as "s-latent_dim-2-seed-0".
    - `values`: what is varied, as texts.
    """

    name: str
    values: Mapping[str, str]


def combinations(name: str, grid: Mapping[str, Any] | Sequence[str]) -> list[Combination]:
    """All combinations of a grid, the last field varying fastest.

    **Arguments:**
    - `name`: what each name begins with.
    - `grid`: values by field, or texts such as "latent_dim=2;8".

    **Raises:** `ConfigError` for a grid that is none, that has too many combinations, or names
    that are too long or not told apart."""
    fields = _fields(grid)
    number = math.prod(map(len, fields.values()))
    if number > MOST:
        shape = " × ".join(str(len(values)) for values in fields.values())
        raise ConfigError(
            f"This grid is of {number:,} trainings ({shape}); {MOST:,} are the most. Give fewer "
            "values, or train it in parts."
        )
    found = [
        _combination(name, dict(zip(fields, values, strict=True)))
        for values in itertools.product(*fields.values())
    ]
    names = [one.name for one in found]
    if twice := next((one for one in names if names.count(one) > 1), None):
        raise ConfigError(
            f"Two trainings of this grid would be called {twice!r}: vary their values."
        )
    return found


def _combination(name: str, values: dict[str, str]) -> Combination:
    parts = [f"{field}-{_in_name(value)}" for field, value in values.items()]
    whole = "-".join([name, *parts])
    if not NAME.fullmatch(whole):
        raise ConfigError(
            f"A training of this grid would be called {whole[:120]!r}, which is not a valid name: "
            "lower-case letters, digits, '.', '_' and '-', 64 at most. Choose a shorter --name."
        )
    return Combination(whole, values)


def _fields(grid: Any) -> dict[str, list[str]]:
    """The values of each field, as texts."""
    if isinstance(grid, Mapping):
        pairs = [(str(field), _texts(str(field), values)) for field, values in grid.items()]
    elif isinstance(grid, str) or not isinstance(grid, Sequence):
        raise ConfigError(
            f"grid = {str(grid)[:80]!r}: give a dict, such as {{'latent_dim': [2, 8]}}."
        )
    else:
        pairs = [_pair(text) for text in grid]
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise ConfigError("A grid names each field once, with all of its values.")
    if not fields:
        raise ConfigError("An empty grid has nothing to train: give a field and its values.")
    for field, values in fields.items():
        if field in FIXED:
            raise ConfigError(f"A grid can't vary {field!r}: vary fields, data, epochs or seed.")
        if len(set(values)) < len(values):
            raise ConfigError(f"grid: {field} has the same value twice.")
    return fields


def _pair(text: Any) -> tuple[str, list[str]]:
    """A field and its values, of a text such as "latent_dim=2;8"."""
    field, equals, values = str(text).partition("=")
    field = field.strip().replace("-", "_")
    texts = [value.strip() for value in values.split(";")]
    if not equals or not re.fullmatch("[a-z_][a-z0-9_]*", field) or "" in texts:
        raise ConfigError(
            f"grid = {str(text)[:80]!r} is not of the form FIELD=VALUE;VALUE, such as "
            "'latent_dim=2;8'."
        )
    return field, texts


def _texts(field: str, values: Any) -> list[str]:
    if isinstance(values, str) or not isinstance(values, Sequence) or not values:
        raise ConfigError(f"grid: {field} needs a list of values, such as [2, 8].")
    return [as_settings({field: value})[0].partition("=")[2] for value in values]


def _in_name(value: str) -> str:
    """A value as a part of a name."""
    last = value.rstrip("/").rpartition("/")[2]
    return re.sub("[^a-z0-9.-]+", "_", last.lower()).strip("_.") or "none"


def told(number: int, done: int) -> str:
    """How many trainings a grid has, and how many are there already."""
    rest = f", {done} of them done before" if done else ""
    return f"A grid of {counted(number, 'training')}{rest}."
