"""zoo search: checkpoints on the Hub."""

import click

from zoo.cli.console import command, note, print_json, print_table
from zoo.cli.options import as_json, hub_options

SHOWN = (
    "frechet_distance",
    "precision",
    "recall",
    "nll",
)  # metrics that tell most; --json has all of them


@command()
@click.argument("text", default="")
@click.option(
    "--limit", default=20, show_default=True, type=click.IntRange(1, 1000), help="How many at most."
)
@hub_options
@as_json
def search(text: str, limit: int, endpoint: str | None, token: str | None, json_: bool) -> None:
    """List the checkpoints on the Hub whose names hold TEXT, the most downloaded first."""
    from zoo.hub.endpoint import find_endpoint, option
    from zoo.hub.search import search

    found = search(text, limit=limit, endpoint=endpoint, token=token)
    if json_:
        return print_json(found)
    if not found:
        return note(
            f"No checkpoint on the Hub has {text!r} in its name."
            if text
            else "The Hub has no checkpoint yet."
        )
    rows = []
    for one in found:
        values = {metric["metric"]: metric["value"] for metric in one["metrics"]}
        names = [name for name in SHOWN if name in values] or list(values)[: len(SHOWN)]
        metrics = ", ".join(f"{name} {values[name]:.4g}" for name in names)
        told = [
            one["name"],
            one["model"],
            one["dataset"],
            f"{one['downloads']:,}",
            one["license"],
            metrics,
        ]
        rows.append(told)
    print_table(("NAME", "MODEL", "DATA", "DOWNLOADS", "LICENCE", "METRICS"), rows)
    return note(f"Get one with: zoo pull {found[0]['name']}{option(find_endpoint(endpoint))}")
