"""zoo rm, zoo verify: what is kept here."""

from pathlib import Path

import click

from zoo.checkpoints import TRAINING, WEIGHTS
from zoo.cli.console import clean, command, note, open_store, print_json, print_table, size
from zoo.cli.options import as_json, complete_checkpoints
from zoo.common.errors import CheckpointError, NotFoundError, PluginError, ZooError, counted


@command()
@click.argument(
    "names", nargs=-1, required=True, metavar="NAME...", shell_complete=complete_checkpoints
)
@as_json
def rm(names: tuple[str, ...], json_: bool) -> None:
    """Remove checkpoints from your store, with the grids and the history of their training; say the
    bytes freed.
    """
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
    """Hash the files of checkpoints anew (of all that are here, unless named); exit 1 when one is
    damaged.

    Those from the Hub are also loaded: their weights must fit their model and be finite.
    """
    store = open_store()
    here = names or [entry.name for entry in store.entries() if entry.path or entry.origin]
    verdicts = {name: store.verify(name) for name in here}
    for name, found in verdicts.items():
        if set(found.values()) == {"ok"} and store.entry(name).origin.get("source") == "hub":
            found[WEIGHTS] = _load(name, store.find(name))
    if json_:
        print_json([{"name": name, "files": found} for name, found in verdicts.items()])
    else:
        rows = [
            [name, file, verdict]
            for name, found in verdicts.items()
            for file, verdict in found.items()
        ]
        print_table(("NAME", "FILE", "VERDICT"), rows)
    if bad := [name for name, found in verdicts.items() if set(found.values()) != {"ok"}]:
        raise CheckpointError(
            f"Damaged: {', '.join(bad)}. zoo rm NAME removes one; then pull or train it again."
        )


def _load(name: str, directory: Path) -> str:
    """The verdict on weights that a stranger made, by loading them."""
    from zoo.checkpoints import weights

    try:
        weights.read_model(directory, training_parts=(directory / TRAINING).is_file())
    except (
        NotFoundError,
        PluginError,
    ) as error:  # for the want of a plugin: nothing is wrong with the file
        note(f"{name} was not loaded, only hashed: {clean(error)}")
    except ZooError as error:
        note(f"{name}: {clean(error)}")
        return "unfit"
    return "ok"
