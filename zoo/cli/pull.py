"""zoo pull: a checkpoint from a plugin's bundle or from the Hub, verified."""

import click

from zoo.cli.console import command, note, open_store, print_json
from zoo.cli.options import as_json, complete_checkpoints, hub_options
from zoo.cli.progress import track
from zoo.common.errors import HubError


@command()
@click.argument("names", nargs=-1, metavar="NAME...", shell_complete=complete_checkpoints)
@click.option(
    "--from",
    "source",
    type=click.Choice(["bundle", "hub"]),
    help="Where to take it from.  [default: its plugin's bundle, if it has one]",
)
@click.option(
    "--update",
    is_flag=True,
    help="Get again what has changed since. Without NAME: all that were pulled.",
)
@hub_options
@as_json
def pull(
    names: tuple[str, ...],
    source: str | None,
    update: bool,
    endpoint: str | None,
    token: str | None,
    json_: bool,
) -> None:
    """Get checkpoints, verify them, and make the last one current.

    NAME is a name that zoo list shows, or hf:OWNER/REPO[@REVISION]. The last line on standard
    output is the checkpoint's folder.

    zoo waits 60 seconds for an answer of a Hub (ZOO_HUB_TIMEOUT), and gives up a download that is
    slower than 1,000 bytes per second (ZOO_HUB_SPEED).
    """
    from zoo.hub.pull import pull, update_all

    store = open_store()
    if not names and not update:
        raise click.UsageError("Missing argument 'NAME...'.")
    hub = {"endpoint": endpoint, "token": token}
    failed: list[str] = []
    if names:
        paths = {
            name: pull(name, source=source, update=update, watch=track, **hub) for name in names
        }
        note(f"{names[-1]} is now the current checkpoint: zoo sample")
    else:
        paths, failed = update_all(watch=track, **hub)
    if not paths and not failed:
        note("You have no pulled checkpoints: there is nothing to update.")
    if json_:
        states = {entry.name: entry.state for entry in store.entries()}
        print_json(
            [
                {"name": name, "path": str(path), "state": states[name]}
                for name, path in paths.items()
            ]
        )
    else:
        for path in paths.values():
            click.echo(path)
    if failed:
        raise HubError(f"Not updated: {', '.join(failed)}.")
