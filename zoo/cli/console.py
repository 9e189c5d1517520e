"""What commands print: tables, JSON, sizes, notes on standard error, progress."""

import functools
import json
import logging
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.checkpoints import Store
from zoo.common import settings
from zoo.common.errors import counted
from zoo.common.files import as_reference as as_reference
from zoo.registry import installed

if TYPE_CHECKING:
    from rich.progress import Progress


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
        note(f"Warning: ZOO_LOAD_PLUGINS names what is not installed: {', '.join(sorted(absent))}.")


class Notes(logging.Handler):
    """Says what the rooms log: notes and warnings as lines on standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        warning = "Warning: " if record.levelno >= logging.WARNING else ""
        note(warning + clean(record.getMessage()))


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
    click.echo(text, err=True)


def print_json(value: object) -> None:
    """Print data for programs."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(
    headers: Sequence[str], rows: Sequence[Sequence[str]], below: Sequence[str] = ()
) -> None:
    """Print rows in columns; the last may be as long as it likes.

    **Arguments:**
    - `below`: for each row a text to stand under it, cut to the width of the terminal; "" is none.
    """
    clean = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(headers, *clean, strict=True)]
    for row, text in zip((headers, *clean), ("", *(below or [""] * len(rows))), strict=True):
        line = "  ".join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        click.echo(click.style(line, bold=True) if row is headers else line)
        if text:
            left = max(40, shutil.get_terminal_size().columns) - 4
            short = textwrap.shorten(printable(text), left, placeholder=" …")
            click.echo(click.style(f"    {short}", dim=True))


def printable(text: str) -> str:
    """A text of unknown origin without control characters, so that it can't steer a terminal."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)


def clean(text: object) -> str:
    """A text or an error's message, which may quote a hostile file, as printable lines."""
    return "\n".join(printable(line) for line in str(text).splitlines())


def size(number: int) -> str:
    """Bytes for people: "2.6 MB"."""
    amount = float(number)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def command(name: str | None = None) -> Callable[[Callable[..., Any]], click.Command]:
    """A click command that also takes --debug and --quiet, wherever on the line they stand."""

    def keep(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
        if value:
            ctx.meta["zoo.debug"] = True

    def hear(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
        ctx.meta["zoo.quiet"] = value
        hear_notes(quiet=value)

    def decorate(function: Callable[..., Any]) -> click.Command:
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
        return click.command(name)(quiet(debug(function)))

    return decorate


def hub_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a command that speaks with the Hub: `endpoint` and `token`."""
    where = click.option(
        "--endpoint", metavar="URL", help="Which Hub; HF_ENDPOINT or huggingface.co unless given."
    )
    who = click.option("--token", help="What to show it, in place of HF_TOKEN or the stored login.")
    return where(who(function))


as_json = click.option("--json", "json_", is_flag=True, help="Print JSON, for programs.")


def complete_checkpoints(
    ctx: click.Context, parameter: click.Parameter, incomplete: str
) -> list[str]:
    """Names of checkpoints for the shell's completion."""
    return [
        entry.name
        for entry in Store(installed().checkpoints).entries()
        if entry.name.startswith(incomplete)
    ]


def complete_models(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names of models for the shell's completion."""
    return [name for name in sorted(installed().models) if name.startswith(incomplete)]


def complete_datasets(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names of data sets for the shell's completion."""
    return [name for name in sorted(installed().datasets) if name.startswith(incomplete)]


def track(batches: Iterable[Any], n: int, doing: str) -> Iterator[Any]:
    """Pass on batches of samples; with thousands of samples and a person watching, show a progress
    bar.
    """
    if n < 2000 or not sys.stderr.isatty():
        yield from batches
        return
    with progress() as bar:
        task = bar.add_task(doing, total=n, losses="")
        done = 0
        for samples, labels in batches:
            yield samples, labels
            done += len(samples)
            bar.update(task, completed=done)


def progress() -> "Progress":
    """A progress bar on standard error: what, how far, time left, losses and samples per second."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[losses]}"),
        console=Console(stderr=True),
    )


def show_preview(path: Path) -> None:
    """The upper part of a picture, in coloured blocks, when standard output goes to a person who
    wants colour.
    """
    if not sys.stdout.isatty() or settings.no_color():
        return
    from PIL import Image

    from zoo.sampling import preview

    columns, lines = shutil.get_terminal_size()
    with Image.open(path) as image:
        scale = min(columns, 120) / image.width
        rows = min(image.height, int(2 * min(lines - 4, 24) / min(scale, 1)))
        click.echo(preview(image.crop((0, 0, image.width, rows)), min(columns, 120)))
