"""Doors that import a room only when one of its names is used."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def rooms(package: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """A module's `__getattr__` that finds each public name in its room.

    **Arguments:**
    - `package`: the full name of the package, its `__name__`.
    - `names`: for each public name, the full name of the module that holds it.

    **Returns:** a function that imports the room on first use and keeps the value in the package.
    """

    def find(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(names[name]), name)
        setattr(importlib.import_module(package), name, value)
        return value

    return find
