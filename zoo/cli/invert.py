"""zoo invert: the latents whose samples are nearest to images."""

from pathlib import Path
from typing import Any

import click

from zoo import editing
from zoo.cli.console import command, print_json, show_preview, track, warn_of_plugins
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
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    help="Where to write: .npz (latents), .png, .jpg or .webp (images above their copies)  "
    "[default: inverted.npz]",
)
@click.option(
    "--draws",
    type=click.IntRange(1),
    default=1000,
    show_default=True,
    help="Latents to choose the start from, for a model without encoder.",
)
@click.option(
    "--steps", type=click.IntRange(0), default=100, show_default=True, help="Gradient steps."
)
@seed_option
@label_option
@range_option
@scale_option
@device_option
@threads_option
@force_option
@as_json
def invert(
    reference: str, images: tuple[Path, ...], output: str | None, json_: bool, **asked: Any
) -> None:
    """Find the latents of REF whose samples are nearest to IMAGES.

    The search starts from the encoder where the model has one, else from the best of many random
    latents, and takes gradient steps. `zoo decode` turns the latents into images.
    """
    warn_of_plugins()
    written = editing.invert(reference, images, output, watch=track, **asked)
    if json_:
        return print_json(written.to_dict())
    show_preview(written.path, written.rows)
    return click.echo(written.path)
