"""zoo pull: a checkpoint from a plugin's bundle or from the Hub, verified."""

from pathlib import Path
from typing import Any

import click

from zoo.checkpoints import ORIGIN, Entry, Store, read_config
from zoo.cli.console import clean, command, note, open_store, print_json, printable, size
from zoo.cli.options import as_json, complete_checkpoints, hub_options
from zoo.common import files
from zoo.common.errors import CheckpointError, HubError, NotFoundError
from zoo.registry import Checkpoint, claimed_maker, installed


@command()
@click.argument("names", nargs=-1, metavar="NAME...", shell_complete=complete_checkpoints)
@click.option(
    "--from",
    "source",
    type=click.Choice(["bundle", "hub"]),
    help="Where from; a bundled one first unless given.",
)
@click.option(
    "--update",
    is_flag=True,
    help="Get those anew that have changed since; all that were pulled, unless named.",
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
    """Get checkpoints by NAME or hf:OWNER/REPO[@REVISION], verify them, and make the last one
    current.

    The last line on standard output is its path.
    """
    store = open_store()
    if not names and not update:
        raise click.UsageError("Missing argument 'NAME...'.")
    wanted = names or [entry.name for entry in store.entries() if entry.state == "pulled"]
    results, failed = [], []
    for name in wanted:
        try:
            results.append(
                _pull(store, name, source, update, {"endpoint": endpoint, "token": token})
            )
        except HubError as error:
            if names:
                raise
            note(clean(error))  # one that is gone keeps no other from its update
            failed.append(name)
    if names:
        store.make_current(names[-1])
        note(f"{names[-1]} is now the current checkpoint: zoo sample")
    elif not wanted:
        note("Nothing here was pulled: there is nothing to update.")
    if json_:
        print_json(results)
    else:
        for result in results:
            click.echo(result["path"])
    if failed:
        raise HubError(f"Not updated: {', '.join(failed)}.")


def _pull(
    store: Store, name: str, source: str | None, update: bool, hub: dict[str, str | None]
) -> dict[str, Any]:
    entry = store.entry(name)
    here = {"name": name, "path": str(entry.path), "state": entry.state}
    pulled_before = entry.origin and entry.path and entry.state != "damaged"
    if pulled_before and source is None and not update:
        note(f"{name} is here already ({_whence(entry)}).")
        return here
    if entry.state == "trained":
        raise NotFoundError(f"{name} was trained here: it can't be pulled.")
    if pulled_before and source is None:
        if entry.origin.get("source") == "hub":
            source, hub = (
                "hub",
                {**hub, "endpoint": hub["endpoint"] or entry.origin.get("endpoint")},
            )
        from zoo.hub.download import outdated

        if not outdated(entry, **hub):
            note(f"{name} is up to date.")
            return here
    if entry.checkpoint and entry.checkpoint.bundled and source != "hub":
        path = _pull_bundled(store, entry.checkpoint, entry.checkpoint.bundled)
    elif source == "bundle":
        raise NotFoundError(f"{name} is not bundled with any plugin.")
    else:
        path = _pull_hub(store, entry, hub)
    return {"name": name, "path": str(path), "state": "pulled"}


def _whence(entry: Entry) -> str:
    endpoint = entry.origin.get("endpoint")
    return f"{entry.state} from {endpoint}" if endpoint else entry.state


def _pull_bundled(store: Store, checkpoint: Checkpoint, bundled: Path) -> Path:
    """Verify a bundled checkpoint against the catalogue and record it; its files stay where they
    lie.
    """
    for file, digest in checkpoint.sha256.items():
        if files.sha256(bundled / file) != digest:
            raise CheckpointError(
                f"{bundled / file} is damaged: its sha256 is not the catalogue's. Reinstall its "
                "plugin."
            )
    plugin = installed().offered_by("checkpoints", checkpoint.name)
    origin: dict[str, Any] = {"source": "bundle", "sha256": dict(checkpoint.sha256)}
    if plugin:
        origin |= {"distribution": plugin.distribution, "version": plugin.version}
    with store.adding(checkpoint.name, replace=True) as scratch:
        files.write_json(scratch / ORIGIN, origin)
    note(f"Pulled {checkpoint.name}: {size(files.size(bundled))}, verified.")
    return bundled


def _pull_hub(store: Store, entry: Entry, hub: dict[str, str | None]) -> Path:
    from zoo.hub.download import download, repository_of

    repo_id, revision = repository_of(entry)
    with store.adding(entry.name, replace=True) as scratch:
        expected = entry.checkpoint.sha256 if entry.checkpoint else {}
        origin = download(repo_id, revision, scratch, expected, **hub)
        files.write_json(scratch / ORIGIN, origin)
        taken, config = files.size(scratch), read_config(scratch)
    note(f"Pulled {entry.name}: {size(taken)}, verified.")
    if config["model"] not in installed().models:
        note(
            printable(
                f"No installed plugin offers its model {config['model']!r}.{claimed_maker(config)}"
            )
        )
    return store.directory(
        entry.name
    )  # not looked for: another process may be replacing it with the same
