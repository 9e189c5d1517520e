"""Standard output and standard error: what they can't take is said in a line, or not at all."""

import codecs
import contextlib
import errno
import io
import os
import sys
import traceback
from collections.abc import Iterator

import click

READER_LEFT = 141  # the exit code of a program whose reader closed the pipe, as shells count it


def take_any_text() -> None:
    """Let standard output and standard error take every text, whatever their encoding.

    Bytes of file names that are no text come out as they were; what the encoding lacks becomes
    "?".
    """
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
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(frame.f_code is click.echo.__code__ for frame in frames)


def _forget(*descriptors: int) -> None:
    """Throw away what is printed from now on, and what waits in a buffer to be."""
    with contextlib.suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for one in descriptors:
            os.dup2(nowhere, one)
        os.close(nowhere)
