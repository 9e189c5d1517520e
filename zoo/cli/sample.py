"""zoo sample: draw from a checkpoint."""

import sys
from typing import Any

import click

from zoo import sampling
from zoo.cli import start, streams
from zoo.cli.console import command, print_json, show_preview, track, warn_of_plugins
from zoo.cli.options import (
    as_json,
    complete_checkpoints,
    device_option,
    force_option,
    label_option,
    scale_option,
    seed_option,
    threads_option,
    truncation_option,
)


@command()
@click.argument("reference", required=False, metavar="[REF]", shell_complete=complete_checkpoints)
@click.option(
    "-n",
    "n",
    type=click.IntRange(1),
    help="How many samples  [default: 64; 8 of each class for a conditional model]",
)
@seed_option
@click.option(
    "--start",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Index of the first sample of the seed.",
)
@label_option
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    help="Where to write: .png, .jpg, .webp (a grid), .npz, .safetensors (arrays), .txt, .jsonl "
    "(text), .wav (audio), a folder, or - for standard output  [default: samples.png; samples.wav "
    "for audio; text is printed]",
)
@click.option(
    "--format",
    type=click.Choice(sampling.STREAMS),
    help="Format of standard output, for -o -  [default: npz; txt for text]",
)
@click.option("--columns", type=click.IntRange(1), help="Images in a row of the grid.")
@scale_option
@click.option(
    "--batch-size",
    type=click.IntRange(1),
    help="Samples computed at once  [default: 256]",
)
@click.option(
    "--precision",
    type=click.Choice(["float32", "bf16"]),
    default="float32",
    show_default=True,
    help="bf16 is faster on some hardware, and less exact.",
)
@truncation_option
@device_option
@threads_option
@click.option(
    "--set",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="A sampling option of the model. Repeatable.",
)
@force_option
@as_json
def sample(reference: str | None, output: str | None, json_: bool, **asked: Any) -> None:
    """Draw samples from the checkpoint REF, or from the current one.

    The samples go to samples.png, or to the file or folder that -o names. The suffix decides the
    format. Text is printed. A file that zoo did not write is not replaced without --force.

    The same seed gives the same samples. `zoo show samples.png` says how a picture was made.
    """
    start.end_soon()
    warn_of_plugins()
    if json_ and output == "-":
        raise click.UsageError("--json and -o - both write to standard output: choose one.")
    printed = output == "-" or (output is None and sampling.prints(reference))
    if json_ and printed:
        raise click.UsageError("--json and the texts both go to standard output: name a file (-o).")
    if printed and not sys.stdout.isatty():
        streams.keep_for_data(click.get_current_context())
    target: Any = streams.Bytes() if printed else output
    written = sampling.sample(reference, target, watch=track, **asked)
    if json_:
        return print_json(written.to_dict())
    if written.path is None:
        return None
    show_preview(written.path, written.rows)
    return click.echo(written.path)
