"""zoo rm: remove checkpoints and unfinished trainings."""

from collections import Counter

import click

from zoo.checkpoints import remove, would_remove
from zoo.cli.confirm import confirm
from zoo.cli.console import command, note, print_json, size, warn_of_plugins
from zoo.cli.options import as_json, complete_removable
from zoo.common.errors import counted


@command()
@click.argument(
    "names", nargs=-1, required=True, metavar="NAME...", shell_complete=complete_removable
)
@click.option("-y", "--yes", is_flag=True, help="Remove without asking.")
@as_json
def rm(names: tuple[str, ...], yes: bool, json_: bool) -> None:
    """Remove checkpoints and unfinished trainings from your store.

    NAME may be a pattern: 'test-*'. The pictures and the history of a checkpoint's training are
    removed too. zoo shows what it would remove, and asks.
    """
    warn_of_plugins()
    going = would_remove(names)
    if not yes:
        for one in going:
            run = " and the folder of its training" if one["with_run"] else ""
            note(f"{one['name']}: {one['what']}{run}, {size(one['bytes'])}")
        total = size(sum(one["bytes"] for one in going))
        kinds = Counter(one["what"] for one in going)
        named = " and ".join(counted(number, what) for what, number in kinds.items())
        confirm(f"Remove {named} ({total})?")
    removed = remove([one["name"] for one in going])
    if json_:
        return print_json(removed)
    for one in removed:
        run = " and its run" if one["with_run"] else ""
        stays = " It stays bundled with its plugin." if one["stays_bundled"] else ""
        freed = f"{counted(one['bytes_freed'], 'byte')} ({size(one['bytes_freed'])})"
        click.echo(f"Removed {one['name']}{run}: {freed} freed.{stays}")
    return None
