"""zoo list: checkpoints, and the models, data sets and features that plugins offer."""

from collections.abc import Callable
from typing import Any

import click

from zoo.checkpoints import list_runs
from zoo.cli.console import (
    clean,
    command,
    note,
    print_as,
    print_json,
    print_table,
    size,
    warn_of_plugins,
)
from zoo.cli.options import as_json, format_option
from zoo.hub.listing import list_checkpoints
from zoo.registry import list_data, list_features, list_models


@command("list", short=True)
@click.argument("pattern", required=False)
@click.option("--models", is_flag=True, help="List the models that you can train.")
@click.option("--data", is_flag=True, help="List the data sets that you can train on.")
@click.option("--features", is_flag=True, help="List the features for comparing samples.")
@click.option("--runs", is_flag=True, help="List the trainings that are not finished.")
@click.option(
    "--outdated",
    is_flag=True,
    help="List only pulled checkpoints that have changed on the Hub since.",
)
@format_option
@as_json
def list_(
    pattern: str | None,
    models: bool,
    data: bool,
    features: bool,
    runs: bool,
    outdated: bool,
    format_: str | None,
    json_: bool,
) -> None:
    """List the checkpoints that you have or can pull.

    PATTERN chooses names, with * and ?: '*vae*'. The state of a checkpoint is bundled (it comes
    with its plugin), pulled, trained, hub (you can pull it) or damaged.
    """
    chosen = [models, data, features, runs, outdated]
    if sum(chosen) > 1:
        raise click.UsageError("Give only one of --models, --data, --features, --runs, --outdated.")
    warn_of_plugins()
    form = "json" if json_ else format_
    if models:
        return _print(list_models(pattern), _model_table, pattern, form)
    if data:
        return _print(list_data(pattern), _data_table, pattern, form)
    if features:
        return _print(list_features(pattern), _feature_table, pattern, form)
    if runs:
        found = list_runs(pattern)
        if not found and not pattern and not form:
            return note("There are no unfinished trainings.")
        return _print(found, _run_table, pattern, form)
    records = list_checkpoints(pattern, outdated=outdated)
    if outdated and not records and not form:
        return note("Everything that was pulled is up to date.")
    return _print(records, _checkpoint_table, pattern, form)


def _print(
    records: list[dict[str, Any]],
    table: Callable[[list[dict[str, Any]]], None],
    pattern: str | None,
    form: str | None,
) -> None:
    if form == "json":
        return print_json(records)
    if form and records:
        return print_as(form, records)
    if records:
        return table(records)
    if not pattern:
        return note("The installed plugins offer nothing of this kind.")
    hint = "" if set(pattern) & set("*?[") else f" Try '*{pattern}*'."
    return note(f"Nothing matches {clean(repr(pattern))}.{hint}")


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


def _run_table(records: list[dict[str, Any]]) -> None:
    rows = [
        [
            one["name"],
            one["model"],
            one["dataset"],
            f"{one['epoch']} of {one['epochs']}" if one["epochs"] else f"{one['epoch']}",
            (one["when"] or "").replace("T", " ").removesuffix("+00:00"),
            size(one["size"]),
            one["path"],
        ]
        for one in records
    ]
    headers = ("NAME", "MODEL", "DATA", "EPOCH", "WHEN (UTC)", "SIZE", "FOLDER")
    print_table(headers, rows, drop=("SIZE", "DATA", "FOLDER"))
    note("Continue one: zoo train --resume NAME. Remove one: zoo rm NAME")
