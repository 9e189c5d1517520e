"""zoo reconstruct: images, and what is left of them after encoding and decoding."""

from pathlib import Path
from typing import Any

import click

from zoo import editing
from zoo.cli.console import command, print_written, track, warn_of_plugins
from zoo.cli.options import complete_checkpoints, data_root_option, picture_options


@command()
@click.argument("reference", metavar="REF", shell_complete=complete_checkpoints)
@click.argument("images", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "-n",
    "n",
    type=click.IntRange(1),
    default=16,
    show_default=True,
    help="How many test images, when you name no IMAGES.",
)
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    help="Where to write: .png, .jpg or .webp  [default: reconstructions.png]",
)
@data_root_option
@picture_options
def reconstruct(
    reference: str, images: tuple[Path, ...], output: str | None, json_: bool, **asked: Any
) -> None:
    """Encode IMAGES with the model of REF and decode them again.

    The picture shows rows of originals, each above a row of reconstructions. Without IMAGES, test
    images of the checkpoint's data set are taken. For a model without encoder, the nearest latents
    are searched, as zoo invert does.
    """
    warn_of_plugins()
    written = editing.reconstruct(reference, images, output, watch=track, **asked)
    print_written(written, json_)
