"""zoo invert: the latents whose samples are nearest to images."""

from pathlib import Path
from typing import Any

import click

from zoo import editing
from zoo.cli.console import command, print_written, track, warn_of_plugins
from zoo.cli.options import complete_checkpoints, picture_options, search_options


@command()
@click.argument("reference", metavar="REF", shell_complete=complete_checkpoints)
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    help="Where to write: .npz (latents), .png, .jpg or .webp (images above their copies)  "
    "[default: inverted.npz]",
)
@search_options
@picture_options
def invert(
    reference: str, images: tuple[Path, ...], output: str | None, json_: bool, **asked: Any
) -> None:
    """Find the latents of REF whose samples are nearest to IMAGES.

    The search starts from the encoder where the model has one, else from the best of many random
    latents, and takes gradient steps. `zoo decode` turns the latents into images.
    """
    warn_of_plugins()
    written = editing.invert(reference, images, output, watch=track, **asked)
    print_written(written, json_)
