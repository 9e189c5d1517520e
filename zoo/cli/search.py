"""zoo search: checkpoints on the Hub."""

from typing import Any

import click

from zoo.cli.console import command, note, print_json, print_table
from zoo.cli.options import as_json, hub_options

# metrics that tell most; --json has all of them
SHOWN = ("frechet_distance", "precision", "recall", "nll")


@command()
@click.argument("query", metavar="[TEXT]", default="")
@click.option(
    "--limit",
    default=20,
    show_default=True,
    type=click.IntRange(1, 1000),
    help="Most checkpoints to list.",
)
@hub_options
@as_json
def search(query: str, limit: int, endpoint: str | None, token: str | None, json_: bool) -> None:
    """Find checkpoints on the Hub whose names contain TEXT.

    The most downloaded come first. Without TEXT, all checkpoints are listed.
    """
    from zoo.hub import find_endpoint, option
    from zoo.hub.search import search

    found = search(query, limit=limit, endpoint=endpoint, token=token)
    if json_:
        return print_json(found)
    if not found:
        return note(
            f"No checkpoint on the Hub has {query!r} in its name."
            if query
            else "The Hub has no checkpoint yet."
        )
    headers = ("NAME", "MODEL", "DATA", "DOWNLOADS", "LICENCE", "METRICS")
    print_table(headers, [_row(one) for one in found], drop=("LICENCE", "DATA"))
    return note(f"Get one with: zoo pull {found[0]['name']}{option(find_endpoint(endpoint))}")


def _row(one: dict[str, Any]) -> list[str]:
    values = {metric["metric"]: metric["value"] for metric in one["metrics"]}
    names = [name for name in SHOWN if name in values] or list(values)[: len(SHOWN)]
    metrics = ", ".join(f"{name} {values[name]:.4g}" for name in names)
    return [
        one["name"],
        one["model"],
        one["dataset"],
        f"{one['downloads']:,}",
        one["license"],
        metrics,
    ]
