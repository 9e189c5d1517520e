"""zoo export: a checkpoint as a file that other programs run."""

from pathlib import Path
from typing import Any

import click

from zoo import exporters
from zoo.cli.console import command, print_json, warn_of_plugins
from zoo.cli.options import as_json, complete_checkpoints, force_option


@command()
@click.argument("reference", metavar="REF", shell_complete=complete_checkpoints)
@click.option(
    "-o",
    "--output",
    metavar="PATH",
    help="Where to write: .onnx, .pt2, or a folder for --to page  [default: REF.onnx]",
)
@click.option(
    "--to", type=click.Choice(["page"]), help="Write a page that runs the model in the browser."
)
@click.option(
    "--what",
    type=click.Choice(["decode", "encode", "sample"]),
    help="decode: latents to samples; encode: samples to latents; sample: noise to samples  "
    "[default: decode; sample for a model without latents]",
)
@click.option(
    "--precision",
    type=click.Choice(["float32", "float16"]),
    default="float32",
    show_default=True,
    help="float16 stores the weights in half the bytes.",
)
@click.option(
    "--opset",
    type=click.IntRange(18, 23),
    default=20,
    show_default=True,
    help="Version of ONNX's operators.",
)
@click.option(
    "--runtime",
    type=click.Path(path_type=Path),
    help="For a page, a folder with onnxruntime-web  [default: it is fetched once]",
)
@force_option
@as_json
def export(reference: str, output: str | None, json_: bool, **asked: Any) -> None:
    """Write the model of REF as a program that other runtimes execute.

    The suffix of -o decides: .onnx runs in onnxruntime, .pt2 in torch without zoo. Each export is
    run at once and compared with torch; one that differs leaves no file.
    """
    warn_of_plugins()
    written = exporters.export(reference, output, **asked)
    return print_json(written.to_dict()) if json_ else click.echo(written.path)
