"""Notes to people, which go to the logger "zoo".

`logging` is imported when the first is said: `zoo list` mostly says none, and should not wait.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging

_unheard: list[Callable[[], None]] = []


def logger() -> "logging.Logger":
    """The logger "zoo", for a room that is imported for a light command."""
    import logging

    while _unheard:
        _unheard.pop()()
    return logging.getLogger("zoo")


def hear_later(prepare: Callable[[], None]) -> None:
    """Call `prepare` before the first note is said, in place of what was to be called so far."""
    _unheard[:] = [prepare]
