"""zoo inpaint: what a mask hides of an image, filled in."""

from pathlib import Path
from typing import Any

import click

from zoo import editing
from zoo.cli.console import command, print_written, track, warn_of_plugins
from zoo.cli.options import complete_checkpoints, picture_options, search_options


@command()
@click.argument("reference", metavar="REF", shell_complete=complete_checkpoints)
@click.argument("image", type=click.Path(path_type=Path))
@click.option(
    "--mask",
    required=True,
    type=click.Path(path_type=Path),
    help="A picture of the same size: white is filled in.",
)
@click.option(
    "-n", "n", type=click.IntRange(1), default=4, show_default=True, help="How many answers."
)
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    help="Where to write: .png, .jpg, .webp (image, what is seen, answers) or .npz  "
    "[default: inpainted.png]",
)
@search_options
@picture_options
def inpaint(
    reference: str, image: Path, mask: Path, output: str | None, json_: bool, **asked: Any
) -> None:
    """Fill in what a mask hides of IMAGE with the model of REF.

    There are several answers. Answer k depends on the seed and on k alone.
    """
    warn_of_plugins()
    written = editing.inpaint(reference, image, mask, output, watch=track, **asked)
    print_written(written, json_)
