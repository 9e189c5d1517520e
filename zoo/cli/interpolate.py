"""zoo interpolate: one random sample turns into another."""

from pathlib import Path
from typing import Any

import click

from zoo import editing
from zoo.cli.console import command, print_written, warn_of_plugins
from zoo.cli.options import (
    as_json,
    complete_checkpoints,
    device_option,
    force_option,
    label_option,
    range_option,
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
    help="Samples on each line  [default: 8; 30 in a film]",
)
@click.option(
    "--image",
    "images",
    multiple=True,
    type=click.Path(path_type=Path),
    help="An image to go from and to, two at least, instead of random samples.",
)
@click.option(
    "--text",
    "texts",
    multiple=True,
    help="A text to go from and to, two at least, for a model of text.",
)
@click.option("--spherical", is_flag=True, help="Go along the arc between two latents.")
@seed_option
@label_option
@range_option
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    help="Where to write: .png or .jpg is a picture; .gif, .webp and .mp4 are films; .wav holds "
    "audio, .txt and .jsonl text  [default: interpolation.png; text is printed]",
)
@scale_option
@click.option(
    "--set",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="A sampling option of the model. Repeatable.",
)
@device_option
@threads_option
@force_option
@as_json
def interpolate(reference: str, output: str | None, json_: bool, **asked: Any) -> None:
    """Turn one random sample of REF into another, step by step.

    Each row of the picture is a straight line between the latents of two random samples, or of two
    images that follow each other. Texts are printed, and recordings shown as spectrograms.
    """
    warn_of_plugins()
    written = editing.interpolate(reference, output, **asked)
    if written.path is None and not json_:
        for place, walk in enumerate(written.texts):
            click.echo("\n".join(["", *walk] if place else walk))
        return
    print_written(written, json_)
