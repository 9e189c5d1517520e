"""The `zoo` command: a lazy group; commands import torch only when they run."""

import importlib
import sys
import traceback
from typing import Any, NoReturn

import click

from zoo.cli.console import clean, debugging, printable, warn_of_plugins
from zoo.common import settings
from zoo.common.errors import ZooError
from zoo.registry import installed

COMMANDS = {
    "list": "zoo.cli.list:list_",
    "show": "zoo.cli.show:show",
    "pull": "zoo.cli.pull:pull",
    "search": "zoo.cli.search:search",
    "sample": "zoo.cli.sample:sample",
    "reconstruct": "zoo.cli.latents:reconstruct",
    "interpolate": "zoo.cli.latents:interpolate",
    "train": "zoo.cli.train:train",
    "evaluate": "zoo.cli.evaluate:evaluate",
    "compare": "zoo.cli.compare:compare",
    "card": "zoo.cli.card:card",
    "push": "zoo.cli.push:push",
    "rm": "zoo.cli.store:rm",
    "verify": "zoo.cli.store:verify",
    "plugins": "zoo.cli.plugins:plugins",
    "check": "zoo.cli.check:check",
    "new": "zoo.cli.new:new",
    "doctor": "zoo.cli.doctor:doctor",
}
ALIASES = {"ls": "list"}


class ZooGroup(click.Group):
    """Imports a command when asked for, lets plugins add theirs, translates errors once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Ours in the order of use, then those of plugins."""
        self._add_plugin_commands()
        return [*COMMANDS, *sorted(self.commands.keys() - COMMANDS.keys() - ALIASES.keys())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by name or alias."""
        name = ALIASES.get(cmd_name, cmd_name)
        if name in COMMANDS:
            return self._ours(name)
        self._add_plugin_commands()
        return self.commands.get(name)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; a ZooError becomes one line and exit code 1, Ctrl-C becomes 130."""
        try:
            return super().invoke(ctx)
        except ZooError as error:
            if debugging(ctx):
                raise
            raise click.ClickException(clean(error)) from error
        except KeyboardInterrupt as stop:
            if debugging(ctx):
                traceback.print_exc()
            _leave(stop)

    def _ours(self, name: str) -> click.Command:
        module, _, attribute = COMMANDS[name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def _add_plugin_commands(self) -> None:
        if not self.commands:
            reserved = click.Group(
                commands={
                    name: self._ours(ALIASES.get(name, name)) for name in (*COMMANDS, *ALIASES)
                }
            )
            try:
                installed().add_commands(reserved)
            except ZooError as error:  # outside of invoke, when help or a completion asks
                raise click.ClickException(clean(error)) from error
            except KeyboardInterrupt as stop:  # as above
                _leave(stop)
            self.commands = reserved.commands
            warn_of_plugins()


def _leave(stop: KeyboardInterrupt) -> NoReturn:
    """End as Ctrl-C ends; what was waited for is said, where that is known."""
    click.echo(f"\nInterrupted{' ' if str(stop) else '.'}{printable(str(stop))}", err=True)
    sys.exit(130)


@click.group(cls=ZooGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="genzoo", prog_name="zoo")
def main(debug: bool) -> None:
    """A zoo of generative models: pull one, sample it, train your own.

    \b
    zoo pull vae-mnist && zoo sample
    """
    if settings.no_color():
        click.get_current_context().color = False
