"""zoo evaluate: measure a checkpoint."""

from pathlib import Path
from typing import Any

import click

from zoo.checkpoints import FEWEST
from zoo.cli.console import (
    command,
    print_as,
    print_json,
    print_table,
    print_text,
    printable,
    track,
    warn_of_plugins,
)
from zoo.cli.options import (
    as_json,
    complete_checkpoints,
    complete_datasets,
    data_root_option,
    device_option,
    format_option,
    range_option,
    skip_bad_option,
    threads_option,
    together,
    truncation_option,
)
from zoo.evaluation import Evaluations, measure

# the options of whatever measures
measuring = together(
    click.option(
        "--data",
        metavar="NAME|./FOLDER",
        shell_complete=complete_datasets,
        help="Images to compare with  [default: what it was trained on]",
    ),
    click.option(
        "--test",
        metavar="DATA",
        shell_complete=complete_datasets,
        help="Images that were not trained on  [default: the test set, or what was held out]",
    ),
    click.option("-n", "n", type=click.IntRange(FEWEST), help="Samples to draw  [default: 10,000]"),
    click.option(
        "--seed", type=click.IntRange(0, 2**63 - 1), help="Seed of all random numbers  [default: 0]"
    ),
    click.option(
        "--features",
        metavar="NAME",
        help="Network that features come from  [default: the one for the data]",
    ),
    click.option(
        "--weights",
        metavar="FILE",
        type=click.Path(path_type=Path),
        help="Weights for that network, as safetensors  [default: its own]",
    ),
    click.option(
        "-k",
        "--importance-samples",
        metavar="K",
        type=click.IntRange(1),
        help="Importance samples per test image, for the likelihood  [default: 500]",
    ),
    click.option(
        "--set",
        "options",
        multiple=True,
        metavar="NAME=VALUE",
        help="A sampling option of the model. Repeatable.",
    ),
    truncation_option,
    data_root_option,
    device_option,
    threads_option,
    as_json,
)


@command()
@click.argument("reference", metavar="[REF]", required=False, shell_complete=complete_checkpoints)
@click.option(
    "--samples",
    metavar="./FOLDER|./FILE",
    help="Measure these images in place of a checkpoint: a folder, .npz, .npy, .zip and others.",
)
@measuring
@click.option(
    "--test-images",
    metavar="N",
    type=click.IntRange(1),
    help="Test images for the likelihood, chosen by the seed  [default: all]",
)
@click.option(
    "--usefulness",
    is_flag=True,
    help="Also train classifiers on samples, and test them on real images.",
)
@range_option
@skip_bad_option
@format_option
@click.option("--write", is_flag=True, help="Keep the results in facts.json and in the card.")
def evaluate(
    reference: str | None,
    samples: str | None,
    json_: bool,
    format_: str | None,
    **asked: Any,
) -> None:
    """Measure how good the checkpoint REF is, or how good --samples of anything are.

    Its samples are compared with the training images, by the features of a network: distances,
    precision and recall, classes. A model with a likelihood is also measured on the test images.
    The likelihood of a VAE is a bound.

    The column FLOOR shows the value that real test images get. The same command gives the same
    numbers on one machine.
    """
    warn_of_plugins()
    try:
        results = measure.evaluate(reference, samples=samples, watch=track, **asked)
    except measure.NotKeptError as error:
        _print(reference or "", error.results, "json" if json_ else format_)
        raise
    _print(reference or samples or "", results, "json" if json_ else format_)


def _print(reference: str, results: Evaluations, form: str | None) -> None:
    if form not in (None, "json"):
        print_as(str(form), results)
        return
    if form:
        print_json({"name": reference, "evaluations": [one.to_dict() for one in results]})
        return
    print_table(results.HEADERS, results.cells())
    for one in results:
        if one.values:
            values = " ".join(f"{value:.2f}" for value in one.values)
            click.echo()
            about = f"{one.title}, of each dimension, the largest first, 64 at most"
            print_text(f"{printable(about)}: {values}")
