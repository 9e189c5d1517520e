"""zoo edit: images or samples, moved along directions of the latent space."""

from pathlib import Path
from typing import Any

import click

from zoo import editing
from zoo.cli.console import command, print_written, warn_of_plugins
from zoo.cli.options import complete_checkpoints, picture_options, seed_option


@command()
@click.argument("reference", metavar="REF", shell_complete=complete_checkpoints)
@click.option(
    "--image",
    "images",
    multiple=True,
    type=click.Path(path_type=Path),
    help="An image to edit; repeatable.",
)
@seed_option
@click.option(
    "-n", "n", type=click.IntRange(1), default=1, show_default=True, help="Samples of the seed."
)
@click.option(
    "--latents",
    type=click.Path(path_type=Path),
    help="Latents to edit, an .npz such as zoo encode writes.",
)
@click.option(
    "--direction",
    "directions",
    multiple=True,
    metavar="NAME=STEPS",
    help="Go so many steps along a direction; repeatable. zoo directions finds them.",
)
@click.option(
    "--plus",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Add the latent of this image; repeatable.",
)
@click.option(
    "--minus",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Take away the latent of this image; repeatable.",
)
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    help="Where to write: .png, .jpg, .webp (before above after), .npz (latents)  "
    "[default: edited.png]",
)
@picture_options
def edit(reference: str, output: str | None, json_: bool, **asked: Any) -> None:
    """Edit images or samples of REF in the latent space.

    Each moves along directions, and the latents of other images are added or taken away. The
    picture shows what was given above what it becomes.
    """
    warn_of_plugins()
    written = editing.edit(reference, output, **asked)
    print_written(written, json_)
