"""Values of JSON as dataclasses: a file of a stranger holds what it should, or is refused."""

import types
from collections.abc import Mapping
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")


def read(cls: type[T], values: Any) -> T:
    """A dataclass from JSON values; lists become tuples.

    **Arguments:**
    - `cls`: its fields are numbers, texts, optional ones, tuples, mappings, or dataclasses.
    - `values`: an object with a value for each field that has no default.

    **Raises:** `ValueError` for another field, and for a value of another type."""
    if not isinstance(values, dict):
        raise ValueError("no object")
    hints = get_type_hints(cls)
    found: dict[str, Any] = {}
    for name, value in values.items():
        if name not in hints:
            raise ValueError(f"unknown field {name[:40]!r}")
        found[name] = tuple(value) if isinstance(value, list) else value
        if not _fits(found[name], hints[name]):
            raise ValueError(f"{name} = {str(value)[:40]!r}")
    try:
        return cls(**found)
    except TypeError:
        raise ValueError("a field is missing") from None


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of a type; a whole number is no truth value."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin is types.UnionType:
        return any(_fits(value, one) for one in inner)
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(one, inner[0]) for one in value)
    if origin is Mapping:
        return isinstance(value, dict) and all(
            _fits(name, inner[0]) and _fits(one, inner[1]) for name, one in value.items()
        )
    return type(value) is hint
