"""zoo check: whether installed models keep the contract, and what to change where they don't."""

import contextlib
import time
from typing import Any

import click

from zoo.cli.console import command, note, print_json, print_table, warn_of_plugins
from zoo.cli.options import as_json, complete_models, threads_option
from zoo.common.config import parse_assignments
from zoo.common.errors import ConfigError, PluginError, counted
from zoo.registry import Plugin, installed

# seconds, from which on it is said beforehand how long the checks will take
LONG = 10


@command()
@click.argument("names", nargs=-1, metavar="[MODEL...]", shell_complete=complete_models)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Change a field of the model's config; repeatable.",
)
@threads_option
@as_json
def check(
    names: tuple[str, ...], settings: tuple[str, ...], threads: int | None, json_: bool
) -> None:
    """Test whether models keep the rules for models, and say what to change.

    Without MODEL, all installed models are tested, and broken plugins are reported. A model is
    built with the defaults of its config; make a large one small by --set, such as --set width=4.
    The exit code is 1 when a test fails.
    """
    warn_of_plugins()
    chosen = list(dict.fromkeys(names or sorted(installed().models)))
    for name in chosen:
        if name not in installed().models:
            installed().model_class(name)  # refuses it, with the nearest name
    values = {name: _values(name, settings) for name in chosen}
    if chosen:
        from zoo.common.compute import use_threads  # torch

        use_threads(threads)
    records = [record for name in chosen for record in _checked(name, values[name], json_)]
    mute = (
        []
        if names
        else [plugin for plugin in installed().broken if not plugin.offers.get("models")]
    )
    records += (told := [_told(plugin) for plugin in mute])
    if json_:
        print_json(records)
    elif told:
        _print(told)
    if not chosen:
        note("The installed plugins offer no model.")
    bad = list(
        dict.fromkeys(
            record["model"]
            for record in records
            if record["model"] and record["verdict"] not in ("kept", "waived")
        )
    )
    wrong = [f"{counted(len(bad), 'model')} did not pass: {', '.join(bad)}."] if bad else []
    wrong += [f"T{plugin.called[1:]} is broken and offers no model." for plugin in mute]
    if wrong:
        raise PluginError(" ".join(wrong))


def _checked(name: str, values: dict[str, Any], quiet: bool) -> list[dict[str, Any]]:
    """The verdicts on a model as records; shown as a table too, unless quiet."""
    from zoo.testing import expected, verdicts  # torch

    began = time.perf_counter()
    records: list[dict[str, Any]] = []
    for verdict in verdicts(name, values):
        records.append({"model": name, **verdict._asdict()})
        if verdict.check == "building" and verdict.verdict == "broke":
            note(
                f"{name} can't be built. If its config needs other values, give them with "
                f"--set FIELD=VALUE. See: zoo show {name}"
            )
        elif verdict.check == "building":
            seconds = 0.0
            # which the checks will find, and explain
            with contextlib.suppress(Exception, SystemExit):
                seconds = expected(name, values)
            about = f": about {seconds:.0f} s" if seconds > LONG else ""
            note(f"Checking {name}, {verdict.says}{about}.")
    if not quiet:
        _print(records)
    kept = sum(one["verdict"] == "kept" for one in records)
    took = time.perf_counter() - began
    waived = sum(one["verdict"] == "waived" for one in records)
    besides = f"; {waived} waived by its author" if waived else ""
    note(f"{name} passes {kept} of {counted(len(records), 'check')}, in {took:.0f} s{besides}.")
    return records


def _told(plugin: Plugin) -> dict[str, Any]:
    """What is wrong with a plugin that offers no model, as a record of none."""
    advice = f"Tell the authors of {plugin.distribution}, or: pip uninstall {plugin.distribution}"
    says = f"{'; '.join(plugin.problems)}. {advice}"
    return {
        "model": "",
        "check": plugin.called,
        "verdict": "broke",
        "says": says,
        "seconds": plugin.seconds,
    }


def _print(records: list[dict[str, Any]]) -> None:
    rows, told = [], set[str]()
    for one in records:
        says = " ".join(one["says"].split())
        # one fault breaks many
        rows.append([one["check"], one["verdict"], "as above" if says in told else says])
        told |= {says} - {""}
    print_table(("CHECK", "VERDICT", "WHAT TO CHANGE"), rows)


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
