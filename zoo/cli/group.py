"""The group of commands: imports each when it is asked for, and translates errors once."""

import contextlib
import errno
import importlib
import os
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

import click

from zoo.cli import start, streams
from zoo.cli.console import clean, debugging, printable, warn_of_plugins
from zoo.common import words
from zoo.common.errors import OutputError, ZooError
from zoo.registry import installed


class ZooGroup(click.Group):
    """Imports a command when asked for, lets plugins add theirs, translates errors once.

    **Arguments:**
    - `sections`: for each title of the help the commands below it, each with where its function
        is: "package.module:function".
    - `aliases`: other names of commands.
    """

    def __init__(
        self,
        *arguments: Any,
        sections: Mapping[str, Mapping[str, str]] | None = None,
        aliases: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(*arguments, **options)
        self.sections = dict(sections or {})
        self.aliases = dict(aliases or {})
        self.places = {name: at for some in self.sections.values() for name, at in some.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Ours in the order of use, then those of plugins."""
        self._add_plugin_commands()
        return [*self.places, *self._of_plugins()]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by name or alias."""
        name = self.aliases.get(cmd_name, cmd_name)
        if name in self.places:
            return self._ours(name)
        self._add_plugin_commands()
        return self.commands.get(name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that is asked for; name the one that is meant where there is none."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            if args[0].startswith("-"):
                raise
            from zoo.cli.verbs import instead_of  # only wanted on the way out

            name = printable(args[0][:80])
            hint = instead_of(name, self.list_commands(ctx))
            raise click.UsageError(f"There is no command {name!r}.{hint}", ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands below the titles of their sections, each with its whole summary."""
        self._add_plugin_commands()
        titles: dict[str, list[str]] = {title: list(some) for title, some in self.sections.items()}
        titles["From plugins"] = self._of_plugins()
        widest = max(len(name) for names in titles.values() for name in names)
        for title, names in titles.items():
            rows = []
            for name in names:
                command = self.get_command(ctx, name)
                if command and not command.hidden:
                    rows.append((name.ljust(widest), command.get_short_help_str(limit=1000)))
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """Parse the command line; `--help` and `--version` print here."""
        with streams.guarded():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a ZooError becomes one line and exit code 1, Ctrl-C becomes 130."""
        try:
            _refuse_nowhere()
            with streams.guarded(), words.of_commands():
                return super().invoke(ctx)
        except (ZooError, OSError) as error:
            if debugging(ctx):
                raise
            said = error if isinstance(error, ZooError) else _refusal(error)
            raise click.ClickException(clean(said)) from error
        except KeyboardInterrupt as stop:
            if debugging(ctx):
                import traceback  # only wanted on the way out

                traceback.print_exc()
            _leave(stop)

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run a command line; with none given, the one that this process was started with."""
        streams.take_any_text()
        with contextlib.ExitStack() as stack:
            if not arguments and "args" not in options:
                stack.enter_context(streams.owned())
            # an error may be printed to a closed pipe, too
            stack.enter_context(streams.guarded())
            return super().main(*arguments, **options)

    def _of_plugins(self) -> list[str]:
        return sorted(self.commands.keys() - self.places.keys() - self.aliases.keys())

    def _ours(self, name: str) -> click.Command:
        module, _, attribute = self.places[name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def _add_plugin_commands(self) -> None:
        if not self.commands:
            start.begin(short=False)
            names = (*self.places, *self.aliases)
            reserved = click.Group(
                commands={name: self._ours(self.aliases.get(name, name)) for name in names}
            )
            try:
                installed().add_commands(reserved)
            # outside of invoke, when help or a completion asks
            except ZooError as error:
                raise click.ClickException(clean(error)) from error
            except KeyboardInterrupt as stop:  # as above
                _leave(stop)
            self.commands = reserved.commands
            warn_of_plugins()


def _refusal(error: OSError) -> str:
    """What the system refused, in words, where no room has better ones."""
    reason = error.strerror or str(error)
    named = [os.fspath(one) for one in (error.filename, error.filename2) if one is not None]
    where = " and ".join(os.fsdecode(one)[:300] for one in named if not isinstance(one, int))
    too_long = error.errno == errno.ENAMETOOLONG
    advice = "Choose a shorter name." if too_long else "--debug shows where."
    return f"The system refused {where or 'an operation'}: {reason}. {advice}"


def _refuse_nowhere() -> None:
    """Refuse to work in a folder that was deleted: relative paths mean nothing there."""
    try:
        os.getcwd()  # noqa: PTH109  # the same as Path.cwd(), and pathlib is not needed here
    except OSError as error:
        raise OutputError(
            "The folder that you work in no longer exists. Change to another one: cd ~"
        ) from error


def _leave(stop: KeyboardInterrupt) -> NoReturn:
    """End as Ctrl-C ends; what was waited for is said, where that is known."""
    click.echo(f"\nInterrupted{' ' if str(stop) else '.'}{printable(str(stop))}", err=True)
    sys.exit(130)
