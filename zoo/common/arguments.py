"""Guards for the arguments of the light door: a value of the wrong type is a `ConfigError`."""

import math
import operator
import os
from collections.abc import Iterable
from numbers import Real
from pathlib import Path
from typing import Any

from zoo.common.errors import ConfigError

REFERENCE = 'a checkpoint\'s name, a path such as "./mine", or "hf:OWNER/REPO"'
NAME = 'a checkpoint\'s name, or "hf:OWNER/REPO"'
NAMES = 'a name, a pattern such as "test-*", or a list of them'

# the largest whole number that torch takes as a seed, and a file as a number
LARGEST = 2**63 - 1
# characters of a value that a message repeats
SHOWN = 80


def refusal(called: str, value: Any, wanted: str) -> ConfigError:
    """The error for a value of the wrong type.

    **Arguments:**
    - `called`: the name of the argument.
    - `value`: what was passed.
    - `wanted`: what to pass, such as "a path".
    """
    try:
        shown = repr(value)
    # strangers may raise anything, and Python does for numbers of thousands of digits
    except Exception:
        shown = ""
    # a network, say, is described in many lines
    is_short = 0 < len(shown) <= SHOWN and shown.isprintable()
    said = f"{called} = {shown}" if is_short else called
    return ConfigError(f"{said} is of the type {type(value).__name__}: pass {wanted}.")


def whole(called: str, value: Any, least: int, most: int | None = None) -> int:
    """A whole number; numpy's do as well.

    **Raises:** `ConfigError` for another type, and for a number that is out of range."""
    span = f"from {least} to {most}" if most not in (None, LARGEST) else f"of {least} or more"
    try:
        number = None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = None
    if number is None:
        raise refusal(called, value, f"a whole number {span}")
    if most is not None and number > most == LARGEST:
        raise ConfigError(f"{called} is out of range: pass a whole number of {LARGEST:,} or less.")
    if number < least or (most is not None and number > most):
        # Python refuses to print numbers of thousands of digits
        said = f"{called} = {number}" if abs(number) <= LARGEST else called
        raise ConfigError(f"{said} is out of range: pass a whole number {span}.")
    return number


def whole_or_none(called: str, value: Any, least: int, most: int | None = None) -> int | None:
    """The same, or None where it was not given.

    **Raises:** `ConfigError` as `whole` does."""
    return None if value is None else whole(called, value, least, most)


def positive(called: str, value: Any, most: float = math.inf) -> float:
    """A finite number above 0, `most` at most.

    **Raises:** `ConfigError` for another type, and for a number that is out of range."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise refusal(called, value, "a number above 0")
    try:
        number = float(value)
    # of a whole number of hundreds of digits
    except OverflowError:
        number = math.inf
    if not 0 < number <= most or number == math.inf:
        raise ConfigError(f"{called} = {number:g} is out of range: pass a number above 0.")
    return number


def reference(value: Any) -> str:
    """A reference as text. A path object, and anything with a `path`, such as what `zoo.train`
    returns, become a path that begins with `.`, `/` or `~`.

    **Raises:** `ConfigError` for another type."""
    if isinstance(value, str):
        return value
    path = value if isinstance(value, os.PathLike) else getattr(value, "path", None)
    text = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(text, str):
        wanted = f"{REFERENCE}. For a model in memory, first write a folder with zoo.save"
        raise refusal("reference", value, wanted if hasattr(value, "config") else REFERENCE)
    # with what it imports, only this guard needs it
    from zoo.common import files

    return files.as_reference(Path(text))


def name(value: Any) -> str:
    """The name of a checkpoint that can be pulled.

    **Raises:** `ConfigError` for another type, such as a path."""
    if not isinstance(value, str):
        raise refusal("reference", value, NAME)
    return value


def pattern(value: Any) -> str | None:
    """A pattern of names; None means all names.

    **Raises:** `ConfigError` for another type."""
    if value is not None and not isinstance(value, str):
        raise refusal("pattern", value, 'a text such as "*mnist*", or None for all')
    return value


def names(value: Any) -> list[str]:
    """One or several names or patterns, as a list.

    **Raises:** `ConfigError` for another type, and for a list that holds another type."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, Iterable):
        raise refusal("names", value, NAMES)
    listed = list(value)
    for index, one in enumerate(listed):
        if not isinstance(one, str):
            raise refusal(f"names[{index}]", one, "a name, or a pattern, as a text")
    return listed


def path(called: str, value: Any) -> Path:
    """A path, from a text or a path object.

    **Raises:** `ConfigError` for another type."""
    if not isinstance(value, str | os.PathLike):
        raise refusal(called, value, "a path")
    return Path(value)


def paths(called: str, value: Any) -> list[Path]:
    """One or several paths, as a list; none for None.

    **Raises:** `ConfigError` for another type, and for a list that holds another type."""
    if value is None:
        return []
    if isinstance(value, str | os.PathLike):
        return [Path(value)]
    if not isinstance(value, Iterable):
        raise refusal(called, value, "a path, or a list of paths")
    return [path(f"{called}[{index}]", one) for index, one in enumerate(value)]
