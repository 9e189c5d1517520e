"""zoo encode: images to latents in a file."""

from pathlib import Path
from typing import Any

import click

from zoo import editing
from zoo.cli.console import command, print_json, warn_of_plugins
from zoo.cli.options import (
    as_json,
    complete_checkpoints,
    device_option,
    force_option,
    label_option,
    range_option,
    threads_option,
)


@command()
@click.argument("reference", metavar="REF", shell_complete=complete_checkpoints)
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-o", "--output", metavar="PATH", help="Where to write: .npz  [default: latents.npz]")
@label_option
@range_option
@device_option
@threads_option
@force_option
@as_json
def encode(
    reference: str, images: tuple[Path, ...], output: str | None, json_: bool, **asked: Any
) -> None:
    """Encode IMAGES with the model of REF: a latent for each, in an .npz file.

    IMAGES are image files, or .npz files with samples. `zoo decode` turns latents into images.
    """
    warn_of_plugins()
    written = editing.encode(reference, images, output, **asked)
    return print_json(written.to_dict()) if json_ else click.echo(written.path)
