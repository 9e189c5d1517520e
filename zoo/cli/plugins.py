"""zoo plugins: what is installed, what it offers, and what is wrong with it."""

import click

from zoo.cli.console import command, note, print_json, print_text, printable
from zoo.cli.options import as_json
from zoo.registry import UNKNOWN, Plugin, installed

SHOWN = 20  # names or problems of a plugin


@command()
@as_json
def plugins(json_: bool) -> None:
    """Show the installed plugins, and what is wrong with them.

    For each, zoo shows what it offers and how long its import took. To test the models of plugins
    too, use zoo doctor and zoo check.
    """
    root = click.get_current_context().find_root()
    if isinstance(root.command, click.Group):
        # so that what goes wrong in zoo_commands is known too
        root.command.list_commands(root)
    found = installed().plugins
    if json_:
        return print_json([vars(plugin) for plugin in found])
    for plugin in found:
        _tell(plugin)
    if not found:
        note("No plugin is installed, or ZOO_LOAD_PLUGINS leaves all of them out.")
    return None


def _tell(plugin: Plugin) -> None:
    """Print what a plugin offers, what it costs, what is wrong with it, and whom to tell."""
    offers = (
        "; ".join(f"{kind}: {', '.join(_first(names))}" for kind, names in plugin.offers.items())
        or "nothing"
    )
    milliseconds = f"({plugin.seconds * 1000:.0f} ms)"
    _say("", f"{plugin.name}  {plugin.distribution} {plugin.version}  {milliseconds}")
    _say("  file    ", plugin.file or "not found")
    _say("  offers  ", offers)
    heavy = ", ".join(plugin.heavy)
    if heavy:
        _say("  SLOW    ", f"importing it brings in {heavy}, which every command waits for", "red")
    for problem in _first(plugin.problems):
        _say("  WRONG   ", problem, "red")
    if (heavy or plugin.problems) and plugin.distribution != UNKNOWN:
        distribution = plugin.distribution
        _say(" " * 10, f"Tell the authors of {distribution}, or: pip uninstall {distribution}")


def _say(start: str, text: str, colour: str | None = None) -> None:
    print_text(printable(text), start, colour=colour)


def _first(texts: list[str]) -> list[str]:
    """The first of many texts, and how many more there are."""
    more = len(texts) - SHOWN
    return texts if more <= 0 else [*texts[:SHOWN], f"and {more:,} more"]
