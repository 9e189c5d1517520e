"""zoo list, zoo plugins: what there is."""

from dataclasses import replace
from fnmatch import fnmatch
from typing import Any

import click

from zoo.checkpoints import CONFIG, FACTS, Entry
from zoo.cli.console import (
    as_json,
    clean,
    command,
    note,
    open_store,
    print_json,
    print_table,
    printable,
    size,
    warn_of_plugins,
)
from zoo.common import files
from zoo.common.errors import CheckpointError, HubError
from zoo.registry import UNKNOWN, Plugin, installed

SHOWN = 20  # names or problems of a plugin


@command("list")
@click.argument("pattern", required=False)
@click.option("--models", is_flag=True, help="List the models that you can train instead.")
@click.option(
    "--outdated",
    is_flag=True,
    help="Only those that have changed since you pulled them; asks the Hub.",
)
@as_json
def list_(pattern: str | None, models: bool, outdated: bool, json_: bool) -> None:
    """List the checkpoints you have or can have (PATTERN as in '*vae*').

    States: bundled (comes with its plugin), pulled, trained (both in your store), hub (can be
    pulled), damaged."""
    if models and outdated:
        raise click.UsageError("--outdated is of checkpoints: leave out --models.")
    entries = [] if models else open_store().entries()
    records = (
        _models()
        if models
        else [_checkpoint(one) for one in (_outdated(entries) if outdated else entries)]
    )
    if pattern:
        records = [record for record in records if fnmatch(record["name"], pattern)]
    if json_:
        return print_json(records)
    if not records:
        if outdated:
            return note("Everything that was pulled is up to date.")
        if not pattern:
            return note("Nothing is offered by the installed plugins.")
        hint = "" if set(pattern) & set("*?[") else f" Try '*{pattern}*'."
        return note(f"Nothing is called {pattern!r}.{hint}")
    if models:
        rows = [
            [one["name"], ", ".join(one["capabilities"]), one["plugin"], one["summary"]]
            for one in records
        ]
        return print_table(("NAME", "CAN", "PLUGIN", "SUMMARY"), rows)
    rows = [
        [
            one["name"],
            one["model"],
            one["dataset"],
            f"{one['parameters']:,}" if one["parameters"] else "",
            size(one["size"]) if one["size"] else "",
            one["state"],
            one["plugin"],
            one["summary"],
        ]
        for one in records
    ]
    return print_table(
        ("NAME", "MODEL", "DATA", "PARAMETERS", "SIZE", "STATE", "PLUGIN", "SUMMARY"), rows
    )


@command()
@as_json
def plugins(json_: bool) -> None:
    """Show the installed plugins: what they offer, how long they took to import, and what is wrong
    with them.
    """
    root = click.get_current_context().find_root()
    if isinstance(root.command, click.Group):
        root.command.list_commands(root)  # so that what goes wrong in zoo_commands is known too
    found = [
        replace(plugin, problems=plugin.problems + _faults(plugin))
        for plugin in installed().plugins
    ]
    if json_:
        return print_json([vars(plugin) for plugin in found])
    for plugin in found:
        _tell(plugin)
    return (
        None
        if found
        else note("No plugin is installed, or ZOO_LOAD_PLUGINS leaves all of them out.")
    )


def _faults(plugin: Plugin) -> list[str]:
    """What is wrong with the source of its models, none of which is imported for that."""
    from zoo.registry import source

    models = installed().models
    faults = {
        name: source.fault(models[name].entry_point) for name in plugin.offers.get("models", [])
    }
    return [f"the model {name!r}: {said}" for name, said in faults.items() if said]


def _tell(plugin: Plugin) -> None:
    """Print what a plugin offers, what it costs, what is wrong with it, and whom to tell."""
    offers = (
        "; ".join(f"{kind}: {', '.join(_first(names))}" for kind, names in plugin.offers.items())
        or "nothing"
    )
    slow = (
        f"  SLOW    importing it brings in {', '.join(plugin.heavy)}, which every command waits for"
    )
    wrong = [slow] if plugin.heavy else []
    wrong += [f"  WRONG   {problem}" for problem in _first(plugin.problems)]
    click.echo(
        printable(
            f"{plugin.name}  {plugin.distribution} {plugin.version}  ({plugin.seconds * 1000:.0f} "
            "ms)"
        )
    )
    click.echo(printable(f"  file    {plugin.file or 'not found'}"))
    click.echo(printable(f"  offers  {offers}"))
    for line in wrong:
        click.echo(click.style(printable(line), fg="red"))
    if wrong and plugin.distribution != UNKNOWN:
        distribution = printable(plugin.distribution)
        click.echo(
            f"          Tell the authors of {distribution}, or: pip uninstall {distribution}"
        )


def _first(texts: list[str]) -> list[str]:
    """The first of many texts, and how many more there are."""
    more = len(texts) - SHOWN
    return texts if more <= 0 else [*texts[:SHOWN], f"and {more:,} more"]


def _outdated(entries: list[Entry]) -> list[Entry]:
    """Those that were pulled and have changed since; raises when the Hub does not tell of one,
    having named it.
    """
    from zoo.hub.download import outdated

    found, unknown = [], []
    for entry in entries:
        try:
            if entry.state == "pulled" and outdated(entry):
                found.append(entry)
        except HubError as error:
            note(clean(error))
            unknown.append(entry.name)
    if unknown:
        known = ", ".join(entry.name for entry in found) or "none"
        raise HubError(
            f"It is not known whether {', '.join(unknown)} changed. Of the others, outdated: "
            f"{known}."
        )
    return found


def _models() -> list[dict[str, Any]]:
    warn_of_plugins()
    registry = installed()
    return [
        {
            "name": name,
            "summary": spec.summary,
            "capabilities": list(spec.capabilities),
            "reference": spec.reference,
            "plugin": _distribution("models", name),
        }
        for name, spec in sorted(registry.models.items())
    ]


def _checkpoint(entry: Entry) -> dict[str, Any]:
    offered = entry.checkpoint
    if offered:
        known: dict[str, Any] = {
            "model": offered.model,
            "dataset": offered.dataset,
            "parameters": offered.parameters,
            "num_classes": offered.num_classes,
            "license": offered.license,
            "summary": offered.summary,
        }
    else:
        known = _read(entry)
    plugin = (
        _distribution("checkpoints", entry.name)
        if offered
        else _distribution("models", known["model"])
    )
    taken = files.size(entry.path) if entry.path else 0
    path = str(entry.path) if entry.path else None
    return {
        "name": entry.name,
        **known,
        "size": taken,
        "state": entry.state,
        "plugin": plugin,
        "path": path,
    }


def _read(entry: Entry) -> dict[str, Any]:
    """What the files of a checkpoint outside the catalogue say; nothing where they are damaged."""
    config: dict[str, Any] = {}
    facts: dict[str, Any] = {}
    try:
        if entry.path:
            config = files.read_json(entry.path / CONFIG)
            facts = files.read_json(entry.path / FACTS)
    except CheckpointError:
        pass
    inner = config.get("config")
    return {
        "model": str(config.get("model", "")),
        "dataset": str(facts.get("dataset", "")),
        "parameters": facts["parameters"] if isinstance(facts.get("parameters"), int) else 0,
        "num_classes": inner.get("num_classes", 0) if isinstance(inner, dict) else 0,
        "license": str(facts.get("license", "")),
        "summary": str(facts.get("summary", "")),
    }


def _distribution(kind: str, name: str) -> str:
    plugin = installed().offered_by(kind, name)
    return plugin.distribution if plugin else ""
