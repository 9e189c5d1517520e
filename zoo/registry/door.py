"""The door: what plugins hand over comes in as plain, bounded records, or not at all.

A plugin's record may be of a subclass, and its texts and numbers of subclasses of `str` and
`int`, whose methods do as they please. The core keeps copies of the plain types only.
"""

from collections.abc import Mapping
from dataclasses import fields
from itertools import islice
from pathlib import Path
from typing import Any

from zoo.common.errors import PluginError

# characters of a summary, an address, a citation
LONGEST_TEXT = 1000
# of a tuple or a mapping; ImageNet-21k has 21,841 classes
MOST_ENTRIES = 50_000
# so that every reader of JSON agrees about it
LARGEST_NUMBER = 2**53


def admitted(record: Any, kind: type[Any]) -> Any:
    """A copy of a record, made of plain types and held to its form anew.

    **Arguments:**
    - `record`: what a plugin handed over.
    - `kind`: the class that it must be of, such as `ModelSpec`.

    **Raises:** `PluginError` when it is of another class, or holds what no such record may hold.
    Whatever its own methods raise is raised too.
    """
    if not issubclass(type(record), kind):
        raise PluginError(f"{shown(record)}, which is not a {kind.__name__}")
    values = {field.name: _plain(getattr(record, field.name), field.name) for field in fields(kind)}
    try:
        return kind(**values)
    except PluginError as error:
        raise PluginError(f"{shown(values['name'])}: {error}") from error


def shown(value: Any) -> str:
    """A value of unknown origin in a few characters, for a message; its own methods may fail."""
    try:
        text = str(value)
    except Exception:
        return f"something of the type {type(value).__name__[:80]}"
    return repr(_text(text)[:80])


def _text(value: str) -> str:
    """The plain text of an instance of a subclass of `str`."""
    return str.__str__(value)


def _plain(value: Any, field: str) -> Any:
    """A value of a record as plain types; what is of another type its form will refuse."""
    kind = type(value)
    if issubclass(kind, str):
        return _short(_text(value), field)
    if issubclass(kind, bool):
        return bool(value)
    if issubclass(kind, int):
        return _moderate(int.__int__(value), field)
    if issubclass(kind, tuple):
        return tuple(_plain(one, field) for one in _few(tuple.__iter__(value), field))
    if issubclass(kind, list):
        return tuple(_plain(one, field) for one in _few(list.__iter__(value), field))
    if issubclass(kind, Mapping):
        items = _few(iter(value.items()), field)
        return {_plain(key, field): _plain(one, field) for key, one in items}
    if issubclass(kind, Path):
        return Path(_short(_text(value.__fspath__()), field))
    return value


def _short(text: str, field: str) -> str:
    if len(text) > LONGEST_TEXT:
        raise PluginError(
            f"a record whose {field} has {len(text):,} characters; {LONGEST_TEXT:,} are the most"
        )
    return text


def _moderate(number: int, field: str) -> int:
    if not 0 <= number <= LARGEST_NUMBER:
        size = f"a number of {number.bit_length():,} bits" if number > 0 else "below 0"
        raise PluginError(
            f"a record whose {field} is {size}; it must be from 0 to {LARGEST_NUMBER:,}"
        )
    return number


def _few(items: Any, field: str) -> list[Any]:
    found = list(islice(items, MOST_ENTRIES + 1))
    if len(found) > MOST_ENTRIES:
        raise PluginError(f"a record whose {field} has more than {MOST_ENTRIES:,} entries")
    return found
