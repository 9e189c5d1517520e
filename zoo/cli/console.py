"""What commands print: tables, JSON, sizes, notes on standard error."""

import functools
import json
import logging
import shutil
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from zoo.checkpoints import Store
from zoo.cli.progress import progress as progress
from zoo.cli.progress import track as track
from zoo.common import files, settings
from zoo.common.errors import DataError, counted
from zoo.common.files import as_reference as as_reference
from zoo.common.text import clean as clean
from zoo.common.text import printable as printable
from zoo.registry import installed

size = files.in_words
GAP = "  "  # between two columns of a table
NARROWEST = 24  # columns that the last column of a table gets at least, while others can be dropped


def open_store() -> Store:
    """The user's store, with the catalogue of the installed plugins; says when a plugin has a
    problem.
    """
    warn_of_plugins()
    return Store(installed().checkpoints)


@functools.cache
def warn_of_plugins() -> None:
    """One line on standard error, once, when something is wrong with a plugin."""
    if broken := installed().broken:
        names = ", ".join(sorted({plugin.name for plugin in broken}))
        which = f"{counted(len(broken), 'plugin')} ({printable(names)})"
        note(f"Warning: something is wrong with {which}. See: zoo plugins")
    if absent := installed().absent:
        names = printable(", ".join(sorted(absent)))
        note(f"Warning: ZOO_LOAD_PLUGINS names what is not installed: {names}.")


class Notes(logging.Handler):
    """Says what the rooms log: notes and warnings as lines on standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        warning = "Warning: " if record.levelno >= logging.WARNING else ""
        note(warning + record.getMessage())


def hear_notes(quiet: bool = False) -> None:
    """Print what is logged to "zoo"; when `quiet`, warnings alone."""
    logger = logging.getLogger("zoo")
    if not any(isinstance(handler, Notes) for handler in logger.handlers):
        logger.addHandler(Notes())
    logger.setLevel(logging.WARNING if quiet else logging.INFO)
    logger.propagate = False


def debugging(ctx: click.Context) -> bool:
    """Whether --debug was given, before the command or after it."""
    return bool(ctx.params.get("debug") or ctx.meta.get("zoo.debug"))


def note(text: str) -> None:
    """Say something to the person, on standard error."""
    click.echo(clean(text), err=True)


def print_json(value: object) -> None:
    """Print data for programs, in ASCII: nothing in it can steer a terminal or fail to encode."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=True, default=str))


def print_table(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    below: Sequence[str] = (),
    *,
    drop: Sequence[str] = (),
    short: bool = False,
) -> None:
    """Print rows in columns. No line breaks inside a word.

    Where standard output is no terminal, and COLUMNS is not set, the table is as wide as it needs
    to be. Else it keeps to the width of the terminal: columns are dropped in the order of `drop`
    until the last column has room, and the last column is wrapped at its spaces.

    **Arguments:**
    - `headers`: the names of the columns.
    - `rows`: the cells of each row.
    - `below`: for each row a text to stand under it, cut to the width of the terminal; "" is none.
    - `drop`: names of the columns that a narrow terminal can do without, the first to go first.
    - `short`: cut the last column to one line in place of wrapping it.
    """
    names = list(headers)
    table = [[printable(cell) for cell in row] for row in rows]
    width = _terminal_width()
    for name in drop:
        if width is None or _width_needed(names, table) <= width:
            break
        at = names.index(name)
        names.pop(at)
        table = [row[:at] + row[at + 1 :] for row in table]
    widths = _column_widths(names, table)
    for row, text in zip([names, *table], ["", *(below or [""] * len(rows))], strict=True):
        for line in _lines(row, widths, width, short):
            click.echo(click.style(line, bold=True) if row is names else line)
        if text:
            left = (width or 80) - 4
            cut = textwrap.shorten(printable(text), left, placeholder=" …")
            click.echo(click.style(f"    {cut}", dim=True))


def _terminal_width() -> int | None:
    """The columns that a table has; None when nobody watches."""
    if settings.columns() or sys.stdout.isatty():
        return max(40, shutil.get_terminal_size().columns)
    return None


def _column_widths(names: list[str], table: list[list[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(names, *table, strict=True)]


def _width_needed(names: list[str], table: list[list[str]]) -> int:
    """How wide a terminal must be, when the last column may be wrapped but not squeezed."""
    *fixed, last = _column_widths(names, table)
    longest_word = max(
        (len(word) for row in table for word in row[-1].split()), default=len(names[-1])
    )
    return sum(one + len(GAP) for one in fixed) + max(min(last, NARROWEST), longest_word)


def _lines(row: list[str], widths: list[int], width: int | None, short: bool) -> list[str]:
    """A row as lines: one, or as many as its last column is wrapped into."""
    *cells, last = row
    start = "".join(cell.ljust(size) + GAP for cell, size in zip(cells, widths[:-1], strict=True))
    room = None if width is None else max(width - len(start), NARROWEST)
    if room is None or len(last) <= room:
        return [(start + last).rstrip()]
    longest_word = max(map(len, last.split()), default=1)
    if short:
        cut = textwrap.shorten(last, max(room, longest_word), placeholder=" …")
        return [(start + cut).rstrip()]
    wrapped = textwrap.wrap(
        last, max(room, longest_word), break_long_words=False, break_on_hyphens=False
    )
    return [
        ((start if index == 0 else " " * len(start)) + line).rstrip()
        for index, line in enumerate(wrapped)
    ]


class Command(click.Command):
    """A command of ours, whose help ends with its examples."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples below the options."""
        from zoo.cli.examples import EXAMPLES  # for the help alone

        if examples := EXAMPLES.get(self.name or ""):
            with formatter.section("Examples"):
                for example in examples:
                    formatter.write(f"{'':{formatter.current_indent}}{example}\n")
        super().format_epilog(ctx, formatter)


def command(
    name: str | None = None, *, cls: type[Command] = Command
) -> Callable[[Callable[..., Any]], Command]:
    """A click command that also takes --debug and --quiet, wherever on the line they stand.

    **Arguments:**
    - `name`: of the command; that of the function unless given. Its examples are in
        `zoo.cli.examples`.
    - `cls`: the class of the command.
    """

    def keep(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
        if value:
            ctx.meta["zoo.debug"] = True

    def hear(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
        ctx.meta["zoo.quiet"] = value or ctx.meta.get("zoo.quiet", False)
        hear_notes(quiet=ctx.meta["zoo.quiet"])

    def decorate(function: Callable[..., Any]) -> Command:
        debug = click.option(
            "--debug", is_flag=True, expose_value=False, callback=keep, hidden=True
        )
        quiet = click.option(
            "-q",
            "--quiet",
            is_flag=True,
            expose_value=False,
            callback=hear,
            help="Print results and warnings only.",
        )
        made = click.command(name, cls=cls)
        return made(quiet(debug(function)))

    return decorate


def show_preview(path: Path | None, rows: int = 1) -> None:
    """Show the upper part of a picture in coloured blocks, when standard output goes to a person
    whose terminal has colours.

    **Arguments:**
    - `path`: a picture; for anything else there is no preview.
    - `rows`: how many rows of images it has.
    """
    if path is None or not sys.stdout.isatty() or settings.no_color() or settings.dumb_terminal():
        return
    from zoo.data import open_image
    from zoo.sampling import PICTURES, preview, upper_rows

    if path.suffix.lower() not in PICTURES:
        return
    columns, lines = shutil.get_terminal_size()
    columns = min(columns, 120)
    try:
        with open_image(path) as image:
            part, shown = upper_rows(image, rows, columns, min(lines - 4, 24))
    except DataError:
        # The picture is too large to be opened again; it is written all the same.
        return
    click.echo(preview(part, columns))
    if shown < rows:
        logging.getLogger("zoo").info(f"The preview shows {shown} of {counted(rows, 'row')}.")
