"""Words that fit their reader: a command has options, a call in Python has arguments."""

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

_in_command: ContextVar[bool] = ContextVar("in_command", default=False)


@contextlib.contextmanager
def of_commands() -> Iterator[None]:
    """In this block, messages are read at the command line."""
    token = _in_command.set(True)
    try:
        yield
    finally:
        _in_command.reset(token)


def in_command() -> bool:
    """Whether messages are read at the command line."""
    return _in_command.get()


def either(command: str, python: str) -> str:
    """The words for the command line, or those for a caller in Python.

    **Arguments:**
    - `command`: such as "--label".
    - `python`: such as "labels".
    """
    return command if _in_command.get() else python
