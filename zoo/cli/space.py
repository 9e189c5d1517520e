"""zoo space: what the zoo's home holds."""

import click

from zoo.checkpoints import space as measure
from zoo.cli.confirm import confirm
from zoo.cli.console import command, note, print_json, print_table, size
from zoo.cli.options import as_json


@command()
@click.option(
    "--prune",
    is_flag=True,
    help="Remove what can be downloaded or computed again: data sets, features, the runtime of "
    "exported pages, caches.",
)
@click.option("-y", "--yes", is_flag=True, help="Prune without asking.")
@as_json
def space(prune: bool, yes: bool, json_: bool) -> None:
    """Show how much disk space the zoo uses.

    The home of the zoo holds checkpoints, trainings (runs), directions that were found, data,
    features, the runtime of exported pages, and caches. zoo space --prune frees what can be
    downloaded or computed again. To remove checkpoints and trainings, use zoo rm.
    """
    found = measure()
    room = sum(one["size"] for one in found if one["prunable"])
    if prune and room and not yes:
        for one in found:
            if one["prunable"] and one["size"]:
                note(f"{one['what']}: {size(one['size'])} in {one['path']}")
        confirm(f"Remove these ({size(room)})? They are downloaded or computed again when needed.")
    if prune:
        found = measure(prune=True)
    if json_:
        return print_json(found)
    rows = [
        [one["what"], f"{one['number']:,}", size(one["size"] - one["freed"]), one["path"]]
        for one in found
        if one["number"] or one["what"] != "other"
    ]
    print_table(("WHAT", "NUMBER", "SIZE", "PATH"), rows)
    total = sum(one["size"] - one["freed"] for one in found)
    click.echo(f"{size(total)} in total.")
    if prune:
        freed = sum(one["freed"] for one in found)
        note(f"Freed {size(freed)}." if freed else "There was nothing to free.")
    elif room:
        note(
            f"{size(room)} of it can be downloaded or computed again. To free that: zoo space "
            "--prune"
        )
    return None
