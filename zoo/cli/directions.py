"""zoo directions: directions of a latent space, found, named and kept."""

from pathlib import Path
from typing import Any

import click

from zoo import editing
from zoo.cli.console import command, print_json, print_table, show_preview, warn_of_plugins
from zoo.cli.options import (
    as_json,
    complete_checkpoints,
    data_root_option,
    device_option,
    force_option,
    scale_option,
    threads_option,
)


@command()
@click.argument("reference", metavar="REF", shell_complete=complete_checkpoints)
@click.option(
    "--by",
    type=click.Choice(["sefa", "jacobian", "encodings", "mean", "classifier"]),
    help="How to find them  [default: sefa where the first layer is linear, else jacobian; mean "
    "for classes]",
)
@click.option(
    "-n",
    "n",
    type=click.IntRange(1),
    default=8,
    show_default=True,
    help="How many of the strongest, and of the weakest.",
)
@click.option("--from", "start", metavar="CLASS", help="The class that a direction leads from.")
@click.option("--to", "end", metavar="CLASS", help="The class that it leads to.")
@click.option(
    "--plus",
    multiple=True,
    type=click.Path(path_type=Path),
    help="An image that has something; repeatable.",
)
@click.option(
    "--minus",
    multiple=True,
    type=click.Path(path_type=Path),
    help="An image that lacks it; repeatable.",
)
@click.option("--name", help="What to call a direction between classes or images.")
@click.option("--rename", multiple=True, metavar="OLD=NEW", help="Give one another name.")
@click.option("--remove", multiple=True, metavar="NAME", help="Forget one.")
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    help="Also write a picture of what the directions do: .png, .jpg or .webp.",
)
@data_root_option
@scale_option
@device_option
@threads_option
@force_option
@as_json
def directions(reference: str, output: str | None, json_: bool, **asked: Any) -> None:
    """Find directions in the latent space of REF, name them, and list those that are kept.

    A direction changes something of a picture: `zoo edit` moves along it. Without options, the kept
    directions are listed. If there are none, those that change the picture most and least are
    found.

    With --from and --to, one step leads from the mean latent of one class to that of the other.
    Directions are kept in the zoo's home, under the digest of the weights.
    """
    warn_of_plugins()
    known = editing.directions(reference, output, **asked)
    if json_:
        return print_json([one.to_dict() for one in known])
    rows = [[one.name, one.by, f"{one.strength:.4f}"] for one in known]
    print_table(["name", "found by", "strength"], rows)
    return show_preview(None if output is None else Path(output), len(known))
