"""zoo list: checkpoints, and the models, data sets and features that plugins offer."""

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

import click

from zoo.checkpoints import CONFIG, FACTS, Entry
from zoo.cli.console import (
    clean,
    command,
    note,
    open_store,
    print_json,
    print_table,
    size,
    warn_of_plugins,
)
from zoo.cli.options import as_json
from zoo.common import files
from zoo.common.errors import CheckpointError, HubError
from zoo.registry import installed, list_data, list_features, list_models


@command("list")
@click.argument("pattern", required=False)
@click.option("--models", is_flag=True, help="List the models that you can train.")
@click.option("--data", is_flag=True, help="List the data sets that you can train on.")
@click.option("--features", is_flag=True, help="List the features for comparing samples.")
@click.option(
    "--outdated",
    is_flag=True,
    help="List only pulled checkpoints that have changed on the Hub since.",
)
@as_json
def list_(
    pattern: str | None, models: bool, data: bool, features: bool, outdated: bool, json_: bool
) -> None:
    """List the checkpoints that you have or can pull.

    PATTERN chooses names, with * and ?: '*vae*'. A checkpoint is bundled (it comes with its
    plugin), pulled or trained (it is in your store), hub (you can pull it) or damaged."""
    chosen = [models, data, features, outdated]
    if sum(chosen) > 1:
        raise click.UsageError("Give only one of --models, --data, --features, --outdated.")
    warn_of_plugins()
    if models:
        return _print(list_models(pattern), _model_table, pattern, json_)
    if data:
        return _print(list_data(pattern), _data_table, pattern, json_)
    if features:
        return _print(list_features(pattern), _feature_table, pattern, json_)
    entries = open_store().entries()
    records = [_checkpoint(one) for one in (_outdated(entries) if outdated else entries)]
    if pattern:
        records = [record for record in records if fnmatchcase(record["name"], pattern)]
    if outdated and not records and not json_:
        return note("Everything that was pulled is up to date.")
    return _print(records, _checkpoint_table, pattern, json_)


def _print(
    records: list[dict[str, Any]],
    table: Callable[[list[dict[str, Any]]], None],
    pattern: str | None,
    json_: bool,
) -> None:
    if json_:
        return print_json(records)
    if records:
        return table(records)
    if not pattern:
        return note("Nothing is offered by the installed plugins.")
    hint = "" if set(pattern) & set("*?[") else f" Try '*{pattern}*'."
    return note(f"Nothing is called {clean(repr(pattern))}.{hint}")


def _model_table(records: list[dict[str, Any]]) -> None:
    rows = [
        [one["name"], ", ".join(one["capabilities"]), one["plugin"], one["summary"]]
        for one in records
    ]
    print_table(("NAME", "CAN", "PLUGIN", "SUMMARY"), rows, drop=("PLUGIN",), short=True)


def _data_table(records: list[dict[str, Any]]) -> None:
    rows = [
        [
            one["name"],
            " × ".join(map(str, one["sample_shape"])),
            f"{len(one['class_names'])}" if one["class_names"] else "",
            one["license"],
            one["plugin"],
            one["homepage"],
        ]
        for one in records
    ]
    headers = ("NAME", "SHAPE", "CLASSES", "LICENCE", "PLUGIN", "HOMEPAGE")
    print_table(headers, rows, drop=("PLUGIN", "HOMEPAGE", "LICENCE"))


def _feature_table(records: list[dict[str, Any]]) -> None:
    rows = [
        [one["name"], ", ".join(one["datasets"]), one["plugin"], one["summary"]] for one in records
    ]
    print_table(("NAME", "DEFAULT FOR", "PLUGIN", "SUMMARY"), rows, drop=("PLUGIN",), short=True)


def _checkpoint_table(records: list[dict[str, Any]]) -> None:
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
    headers = ("NAME", "MODEL", "DATA", "PARAMETERS", "SIZE", "STATE", "PLUGIN", "SUMMARY")
    print_table(headers, rows, drop=("PLUGIN", "PARAMETERS", "SIZE", "DATA"), short=True)


def _outdated(entries: list[Entry]) -> list[Entry]:
    """Those that were pulled and have changed since; raises when the Hub does not tell of one,
    having named it.
    """
    from zoo.hub.pull import outdated

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
