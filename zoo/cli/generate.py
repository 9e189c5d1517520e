"""zoo generate: a data set of samples, in shards."""

from typing import Any

import click

from zoo.bulk import ENGINES, LAYOUTS
from zoo.bulk.generate import generate as generate_shards
from zoo.cli.console import command, print_json, track, warn_of_plugins
from zoo.cli.options import (
    as_json,
    complete_checkpoints,
    device_option,
    label_option,
    seed_option,
)
from zoo.common import settings


@command()
@click.argument("reference", metavar="REF", shell_complete=complete_checkpoints)
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    required=True,
    help="Folder of the data set, or an address such as s3://BUCKET/FOLDER.",
)
@click.option("-n", "n", type=click.IntRange(1), help="How many samples to draw.")
@click.option("--per-class", type=click.IntRange(1), help="How many of each class, in place of -n.")
@click.option(
    "--format",
    type=click.Choice(list(LAYOUTS)),
    default="parquet",
    show_default=True,
    help="Files of the shards; a folder has one file for each sample.",
)
@click.option("--shard-size", metavar="SIZE", help="Size of a shard  [default: 100MB]")
@click.option("--per-shard", type=click.IntRange(1), help="Samples of a shard, in place of a size.")
@seed_option
@label_option
@click.option(
    "--where",
    multiple=True,
    metavar="FILTER",
    help="Keep the samples that pass, such as 'confidence>0.9'; repeatable.",
)
@click.option(
    "--features",
    metavar="NAME",
    help="Network that filters ask  [default: the one for the checkpoint's data]",
)
@click.option("--extend", is_flag=True, help="Make further samples, until there are -n in all.")
@click.option(
    "--workers",
    type=click.IntRange(1),
    help="Processes on this machine; with Ray, tasks at once  [default: 1; with Ray, all that fit]",
)
@click.option("--part", metavar="I/K", help="Make part I of K here, such as 2/4.")
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    default="local",
    show_default=True,
    help="Who makes the shards: processes of this machine, or a Ray cluster.",
)
@click.option("--address", metavar="ADDRESS", help="Address of the Ray cluster  [default: Ray's]")
@click.option("--mixed", is_flag=True, help="Allow workers of other versions or processors.")
@click.option(
    "--batch-size", type=click.IntRange(1), help="Samples computed at once  [default: 256]"
)
@click.option(
    "--precision",
    type=click.Choice(["float32", "bf16"]),
    default="float32",
    show_default=True,
    help="bf16 is faster on some hardware, and less exact.",
)
@device_option
@click.option(
    "--threads",
    type=click.IntRange(1, settings.MOST_THREADS),
    default=1,
    show_default=True,
    help="Threads of each worker on the CPU.",
)
@click.option(
    "--set",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="A sampling option of the model. Repeatable.",
)
@as_json
def generate(reference: str, output: str, json_: bool, **asked: Any) -> None:
    """Make a data set of samples of the checkpoint REF, in shards.

    The same command goes on where it was stopped. It gives the same bytes, whatever the number of
    workers. DIR gets a manifest with the digest of each shard, which zoo verify checks, and a card.
    zoo push DIR OWNER/NAME publishes it.
    """
    warn_of_plugins()
    made = generate_shards(reference, output, watch=track, **asked)
    if json_:
        return print_json(made.to_dict())
    return click.echo(made.path)
