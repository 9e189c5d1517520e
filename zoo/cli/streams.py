"""Standard output and standard error: what they can't take is said in a line, or not at all."""

import codecs
import contextlib
import errno
import io
import os
import sys
import threading
from collections.abc import Iterator
from typing import Any, TextIO, cast

import click

from zoo.common.text import unsteered

# the exit code of a program whose reader closed the pipe, as shells count it
READER_LEFT = 141
# where click keeps standard output for the data of a command
_DATA = "zoo.data"


def take_any_text() -> None:
    """Let standard output and standard error take every text, whatever their encoding.

    Bytes of file names that are not text come out as they were; what the encoding lacks becomes
    "?".
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed: what is printed goes nowhere
            nowhere = os.open(os.devnull, os.O_WRONLY)
            setattr(sys, name, os.fdopen(nowhere, "w", encoding="utf-8"))
    codecs.register_error("zoo", _instead)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="zoo")


def _instead(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    found = error.object[error.start : error.end]
    encoded = bytearray()
    for letter in found:
        number = ord(letter)
        encoded.append(number - 0xDC00 if 0xDC80 <= number <= 0xDCFF else ord("?"))
    return bytes(encoded), error.end


class _Own:
    """Standard output or error as the zoo's own: nothing of strangers steers a terminal by it.

    In a terminal, control characters become "�"; line breaks, tabs and colours stay. What other
    threads than the main one print to standard output, such as those of a plugin, goes to
    standard error.
    """

    def __init__(self, stream: TextIO, *, for_data: bool) -> None:
        self._stream = stream
        self._for_data = for_data
        self._terminal = stream.isatty()
        # rich moves the cursor of its bars, past this guard
        self.rich_proxied_file = stream

    def write(self, text: str) -> int:
        """Write a text, as the class says."""
        if self._for_data and threading.current_thread() is not threading.main_thread():
            return sys.stderr.write(text)
        self._stream.write(unsteered(text) if self._terminal else text)
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Bytes:
    """Standard output for bytes. Errors of its writing count as errors of printing."""

    def __init__(self) -> None:
        self._stream = for_data().buffer

    def write(self, data: bytes) -> int:
        """Write bytes."""
        return self._stream.write(data)

    def flush(self) -> None:
        """Send on what waits in the buffer."""
        self._stream.flush()

    def fileno(self) -> int:
        """None is given, so that everything passes `write`."""
        raise io.UnsupportedOperation("fileno")

    def seekable(self) -> bool:
        """No: what is appended to a file by `>>` can't be changed where it stands."""
        return False

    def tell(self) -> int:
        """None is given: archives then note their places by what was written."""
        raise io.UnsupportedOperation("tell")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def keep_for_data(ctx: click.Context) -> None:
    """Until a command ends, standard output is for its data alone: what models and libraries print
    goes to standard error.
    """
    if _DATA not in ctx.meta:
        ctx.meta[_DATA] = sys.stdout
        ctx.with_resource(contextlib.redirect_stdout(sys.stderr))


def for_data() -> TextIO:
    """Standard output, also while it is kept for data."""
    ctx = click.get_current_context(silent=True)
    kept: TextIO | None = ctx.meta.get(_DATA) if ctx else None
    return kept or sys.stdout


@contextlib.contextmanager
def owned() -> Iterator[None]:
    """Inside `with`, standard output is the zoo's own; after it, nobody's: what plugins print at
    the very end goes to standard error.
    """
    sys.stderr = cast(TextIO, _Own(sys.stderr, for_data=False))
    sys.stdout = cast(TextIO, _Own(sys.stdout, for_data=True))
    try:
        yield
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            os.dup2(2, 1)
        sys.stdout = sys.stderr


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """End as a program ends whose output can't be written.

    A closed pipe, as of `| head`, ends it silently with READER_LEFT; a full disk with a message.
    """
    try:
        yield
    except OSError as error:
        if not _was_printing(error):
            raise
        if error.errno == errno.EPIPE:
            _forget(1, 2)
            sys.exit(READER_LEFT)
        _forget(1)
        raise click.ClickException(
            f"Can't write to standard output: {error.strerror or error}."
        ) from error


def _was_printing(error: OSError) -> bool:
    """Whether an error arose in printing, and not in a file or a connection."""
    printing = (click.echo.__code__, Bytes.write.__code__, Bytes.flush.__code__)
    import traceback  # only wanted on the way out

    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(frame.f_code in printing for frame in frames)


def _forget(*descriptors: int) -> None:
    """Throw away what is printed from now on, and what waits in a buffer to be."""
    with contextlib.suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for one in descriptors:
            os.dup2(nowhere, one)
        os.close(nowhere)
