"""zoo check: whether installed models keep the contract, and what to change where they don't."""

import time
from typing import Any

import click

from zoo.cli.output import as_json, command, complete_models, note, print_json, print_table, warn_of_plugins
from zoo.config import parse_assignments
from zoo.errors import ConfigError, PluginError, counted
from zoo.registry import installed

BUILDINGS = 60  # times that the checks take as long as building the model and showing it some data
LONG = 10  # seconds, from which on it is said beforehand how long the checks will take


@command()
@click.argument("names", nargs=-1, metavar="[MODEL...]", shell_complete=complete_models)
@click.option("--set", "settings", multiple=True, metavar="FIELD=VALUE", help="Field of the config; repeatable.")
@as_json
def check(names: tuple[str, ...], settings: tuple[str, ...], json_: bool) -> None:
    """Check models (all that are installed, unless named) as their plugins' tests would; exit 1 when one falls short.

    Each is checked with its config's defaults: --set makes a large one small, such as --set width=4.
    """
    warn_of_plugins()
    chosen = list(dict.fromkeys(names or sorted(installed().models)))
    for name in chosen:
        if name not in installed().models:
            installed().model_class(name)  # refuses it, with the nearest name
    values = {name: _values(name, settings) for name in chosen}
    records = [record for name in chosen for record in _checked(name, values[name], json_)]
    if json_:
        print_json(records)
    if not chosen:
        note("No model is offered by the installed plugins.")
    if bad := list(dict.fromkeys(record["model"] for record in records if record["verdict"] != "kept")):
        raise PluginError(f"The contract is not kept by {counted(len(bad), 'model')}: {', '.join(bad)}.")


def _checked(name: str, values: dict[str, Any], quiet: bool) -> list[dict[str, Any]]:
    """The verdicts on a model as records; shown as a table too, unless quiet."""
    from zoo.testing import verdicts  # torch

    began = time.perf_counter()
    records: list[dict[str, Any]] = []
    for verdict in verdicts(name, values):
        records.append({"model": name, **verdict._asdict()})
        if verdict.check == "building" and verdict.verdict == "broke":
            note(f"{name} can't be built. If its config wants other values: --set FIELD=VALUE; see: zoo show {name}")
        elif verdict.check == "building":
            seconds = BUILDINGS * verdict.seconds
            note(f"Checking {name}, {verdict.says}{f': about {seconds:.0f} s' if seconds > LONG else ''}.")
    if not quiet:
        rows = [[one["check"], one["verdict"], " ".join(one["says"].split())] for one in records]
        print_table(("CHECK", "VERDICT", "WHAT TO CHANGE"), rows)
    kept = sum(one["verdict"] == "kept" for one in records)
    took = time.perf_counter() - began
    note(f"{name} keeps {kept} of {counted(len(records), 'check')}; that took {took:.0f} s.")
    return records


def _values(name: str, settings: tuple[str, ...]) -> dict[str, Any]:
    if not settings:
        return {}
    try:
        config_class = installed().model_class(name).Config
    except (PluginError, AttributeError):  # what is wrong the checks will say
        return {}
    try:
        (values,) = parse_assignments(settings, config_class)
        config_class.from_dict(values)
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from error
    return values
