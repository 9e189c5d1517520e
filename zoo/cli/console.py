"""What commands print: JSON, sizes, notes on standard error; tables are in `zoo.cli.tables`."""

import functools
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo.checkpoints import Store
from zoo.cli import start, streams
from zoo.cli.progress import progress as progress
from zoo.cli.progress import track as track
from zoo.cli.tables import print_table as print_table
from zoo.cli.tables import print_text as print_text
from zoo.common import files, notes, settings
from zoo.common.errors import DataError, counted
from zoo.common.files import as_reference as as_reference
from zoo.common.text import clean as clean
from zoo.common.text import printable as printable
from zoo.registry import installed

if TYPE_CHECKING:
    from PIL.Image import Image

size = files.readable_size


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
        note(f"Warning: ZOO_LOAD_PLUGINS names plugins that are not installed: {names}.")


def _hear(quiet: bool) -> None:
    from zoo.cli.hearing import hear_notes  # which imports logging

    hear_notes(quiet)


def debugging(ctx: click.Context) -> bool:
    """Whether --debug was given, before the command or after it."""
    return bool(ctx.params.get("debug") or ctx.meta.get("zoo.debug"))


def note(text: str) -> None:
    """Say something to the person, on standard error."""
    click.echo(clean(text), err=True)


def print_json(value: object) -> None:
    """Print data for programs, in ASCII: nothing in it can steer a terminal or fail to encode."""
    import json

    text = json.dumps(value, indent=2, ensure_ascii=True, default=str)
    click.echo(text, file=streams.for_data())


def print_as(form: str, table: Any) -> None:
    """Print a table as CSV, LaTeX or Markdown.

    **Arguments:**
    - `form`: "csv", "latex" or "markdown".
    - `table`: what has `to_csv`, `to_latex` and `to_markdown`.
    """
    text: str = getattr(table, f"to_{form}")()
    click.echo(text.rstrip("\n"), file=streams.for_data())


class Command(click.Command):
    """A command of ours, whose help ends with its examples, and whose data stand alone."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it; with `--json` or `--format`, standard output is for data."""
        if ctx.params.get("json_") or ctx.params.get("format_"):
            streams.keep_for_data(ctx)
        return super().invoke(ctx)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples below the options."""
        from zoo.cli.examples import EXAMPLES  # for the help alone

        if examples := EXAMPLES.get(self.name or ""):
            with formatter.section("Examples"):
                for example in examples:
                    formatter.write(f"{'':{formatter.current_indent}}{example}\n")
        super().format_epilog(ctx, formatter)


def command(
    name: str | None = None, *, cls: type[Command] = Command, short: bool = False
) -> Callable[[Callable[..., Any]], Command]:
    """A click command that also takes --debug and --quiet, wherever on the line they stand.

    **Arguments:**
    - `name`: of the command; that of the function unless given. Its examples are in
        `zoo.cli.examples`.
    - `cls`: the class of the command.
    - `short`: whether it is over before `logging` could be imported; it hears notes when a room
        says the first by `zoo.common.notes`.
    """

    def keep(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
        if value:
            ctx.meta["zoo.debug"] = True

    def hear(ctx: click.Context, parameter: click.Parameter, value: bool) -> None:
        ctx.meta["zoo.quiet"] = value or ctx.meta.get("zoo.quiet", False)
        start.begin(short)
        if short:
            notes.hear_later(functools.partial(_hear, ctx.meta["zoo.quiet"]))
        else:
            _hear(ctx.meta["zoo.quiet"])

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


def print_address(address: str, json_: bool) -> None:
    """Say where a server listens, in a line that programs can wait for."""
    import json

    text = json.dumps({"address": address}) if json_ else address
    click.echo(text, file=streams.for_data())


def print_written(written: Any, json_: bool) -> None:
    """Say where a file is: its path, after a preview of what it shows, or all of it as JSON.

    **Arguments:**
    - `written`: what a function that writes files returns.
    """
    if json_:
        print_json(written.to_dict())
        return
    show_preview(written.path, written.rows)
    click.echo(written.path)


def show_preview(path: Path | None, rows: int = 1) -> None:
    """Show the upper part of a picture that was written, as `show_picture` does.

    **Arguments:**
    - `path`: a picture; for anything else there is no preview.
    - `rows`: how many rows of images it has.
    """
    if path is None or not _shows_colours():
        return
    from zoo.data import open_image
    from zoo.sampling import PICTURES

    if path.suffix.lower() not in PICTURES:
        return
    try:
        with open_image(path) as image:
            show_picture(image, rows)
    except DataError:
        # The picture is too large to be opened again; it is written all the same.
        return


def show_picture(image: "Image", rows: int = 1) -> None:
    """Show the upper part of a picture in coloured blocks, when standard output goes to a person
    whose terminal has colours.

    **Arguments:**
    - `image`: the picture.
    - `rows`: how many rows of images it has.
    """
    if not _shows_colours():
        return
    from zoo.sampling import preview, upper_rows

    columns, lines = shutil.get_terminal_size()
    columns = min(columns, 120)
    part, shown = upper_rows(image, rows, columns, min(lines - 4, 24))
    click.echo(preview(part, columns))
    if shown < rows:
        notes.logger().info(f"The preview shows {shown} of {counted(rows, 'row')}.")


def _shows_colours() -> bool:
    return sys.stdout.isatty() and not settings.no_color() and not settings.dumb_terminal()
