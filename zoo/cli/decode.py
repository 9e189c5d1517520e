"""zoo decode: latents in a file to images."""

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
    scale_option,
    threads_option,
)


@command()
@click.argument("reference", metavar="REF", shell_complete=complete_checkpoints)
@click.argument("latents", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    help="Where to write: .png, .jpg, .webp (a grid), .npz, .safetensors (arrays) or a folder  "
    "[default: decoded.png]",
)
@label_option
@click.option("--columns", type=click.IntRange(1), help="Images in a row of the grid.")
@scale_option
@device_option
@threads_option
@force_option
@as_json
def decode(reference: str, latents: Path, output: str | None, json_: bool, **asked: Any) -> None:
    """Decode the latents in the .npz file LATENTS with the model of REF.

    `zoo encode` writes such a file. The suffix of -o decides what is written.
    """
    warn_of_plugins()
    written = editing.decode(reference, latents, output, **asked)
    print_written(written, json_)
