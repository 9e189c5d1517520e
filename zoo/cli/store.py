"""zoo pull, zoo rm, zoo verify: what is kept here."""

from pathlib import Path
from typing import Any

import click

from zoo import files
from zoo.cli.output import as_json, command, complete_checkpoints, note, open_store, print_json, print_table, size
from zoo.errors import CheckpointError, NotFoundError, counted
from zoo.hookspecs import Checkpoint
from zoo.registry import installed
from zoo.store import ORIGIN, Store, parse_hub


@command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=complete_checkpoints)
@click.option(
    "--from", "source", type=click.Choice(["bundle", "hub"]), help="Where from; a bundled one first unless given."
)
@as_json
def pull(names: tuple[str, ...], source: str | None, json_: bool) -> None:
    """Get checkpoints by NAME or hf:OWNER/REPO[@REVISION], verify them, and make the last one current.

    The last line on standard output is its path.
    """
    store = open_store()
    results = [_pull(store, name, source) for name in names]
    store.make_current(names[-1])
    note(f"{names[-1]} is now the current checkpoint: zoo sample")
    if json_:
        return print_json(results)
    for result in results:
        click.echo(result["path"])
    return None


@command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=complete_checkpoints)
@as_json
def rm(names: tuple[str, ...], json_: bool) -> None:
    """Remove checkpoints from your store, with the grids and the history of their training; say the bytes freed."""
    store = open_store()
    for name in names:
        if not store.entry(name).origin:
            store.remove(name)  # raises, saying why, before any other is gone
    trained = [name for name in names if store.run(name).is_dir()]
    freed = {name: store.remove(name) for name in dict.fromkeys(names)}
    if json_:
        return print_json([{"name": name, "bytes_freed": number} for name, number in freed.items()])
    for name, number in freed.items():
        run = " and its run" if name in trained and not store.run(name).is_dir() else ""
        bundled = name in store.catalogue and store.catalogue[name].bundled
        stays = " It stays bundled with its plugin." if bundled else ""
        click.echo(f"Removed {name}{run}: {counted(number, 'byte')} ({size(number)}) freed.{stays}")
    return None


@command()
@click.argument("names", nargs=-1, metavar="[NAME...]", shell_complete=complete_checkpoints)
@as_json
def verify(names: tuple[str, ...], json_: bool) -> None:
    """Hash the files of checkpoints anew (of all that are here, unless named); exit 1 when one is damaged."""
    store = open_store()
    here = names or [entry.name for entry in store.entries() if entry.path or entry.origin]
    verdicts = {name: store.verify(name) for name in here}
    if json_:
        print_json([{"name": name, "files": found} for name, found in verdicts.items()])
    else:
        rows = [[name, file, verdict] for name, found in verdicts.items() for file, verdict in found.items()]
        print_table(("NAME", "FILE", "VERDICT"), rows)
    if bad := [name for name, found in verdicts.items() if set(found.values()) != {"ok"}]:
        raise CheckpointError(f"Damaged: {', '.join(bad)}. zoo rm NAME removes one; then pull or train it again.")


def _pull(store: Store, name: str, source: str | None) -> dict[str, Any]:
    entry = store.entry(name)
    if entry.origin and entry.path and entry.state != "damaged" and source is None:
        note(f"{name} is here already ({entry.state}).")
        return {"name": name, "path": str(entry.path), "state": entry.state}
    if entry.state == "trained":
        raise NotFoundError(f"{name} was trained here: it can't be pulled.")
    if entry.checkpoint and entry.checkpoint.bundled and source != "hub":
        path = _pull_bundled(store, entry.checkpoint, entry.checkpoint.bundled)
    elif source == "bundle":
        raise NotFoundError(f"{name} is not bundled with any plugin.")
    else:
        path = _pull_hub(store, name, entry.checkpoint)
    return {"name": name, "path": str(path), "state": "pulled"}


def _pull_bundled(store: Store, checkpoint: Checkpoint, bundled: Path) -> Path:
    """Verify a bundled checkpoint against the catalogue and record it; its files stay where they lie."""
    for file, digest in checkpoint.sha256.items():
        if files.sha256(bundled / file) != digest:
            raise CheckpointError(
                f"{bundled / file} is damaged: its sha256 is not the catalogue's. Reinstall its plugin."
            )
    plugin = installed().offered_by("checkpoints", checkpoint.name)
    origin: dict[str, Any] = {"source": "bundle", "sha256": dict(checkpoint.sha256)}
    if plugin:
        origin |= {"distribution": plugin.distribution, "version": plugin.version}
    with store.adding(checkpoint.name, replace=True) as scratch:
        files.write_json(scratch / ORIGIN, origin)
    note(f"Pulled {checkpoint.name}: {size(files.size(bundled))}, verified.")
    return bundled


def _pull_hub(store: Store, name: str, checkpoint: Checkpoint | None) -> Path:
    from zoo.pull import download

    if checkpoint and not checkpoint.repo_id:
        raise NotFoundError(f"{name} is on no Hub that its plugin names.")
    repo_id, revision = (checkpoint.repo_id, checkpoint.revision or None) if checkpoint else parse_hub(name)
    with store.adding(name, replace=True) as scratch:
        origin = download(repo_id, revision, scratch, checkpoint.sha256 if checkpoint else {})
        files.write_json(scratch / ORIGIN, origin)
        taken = files.size(scratch)
    note(f"Pulled {name}: {size(taken)}, verified.")
    return store.directory(name)  # not looked for: another process may be replacing it with the same
