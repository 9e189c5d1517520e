"""zoo interpolate: one random sample turns into another."""

from typing import Any

import click

from zoo import sampling
from zoo.cli.console import command, print_json, show_preview, warn_of_plugins
from zoo.cli.options import (
    as_json,
    complete_checkpoints,
    device_option,
    force_option,
    label_option,
    scale_option,
    seed_option,
    threads_option,
)


@command()
@click.argument("reference", metavar="REF", shell_complete=complete_checkpoints)
@click.option(
    "-n", "n", type=click.IntRange(1), default=8, show_default=True, help="How many lines."
)
@click.option(
    "--steps",
    type=click.IntRange(2),
    help="Images on each line  [default: 8; 30 in a .gif]",
)
@seed_option
@label_option
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    help="Where to write: .png, .jpg or .webp is a picture, .gif an animation "
    "[default: interpolation.png]",
)
@scale_option
@device_option
@threads_option
@force_option
@as_json
def interpolate(reference: str, output: str | None, json_: bool, **asked: Any) -> None:
    """Turn one random sample of REF into another, step by step.

    Each row of the picture is a straight line between the latents of two random samples.
    """
    warn_of_plugins()
    written = sampling.interpolate(reference, output, **asked)
    if json_:
        return print_json(written.to_dict())
    show_preview(written.path, written.rows)
    return click.echo(written.path)
