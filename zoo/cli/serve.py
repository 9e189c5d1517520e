"""zoo serve: samples, latents and reconstructions over HTTP."""

from typing import Any

import click

from zoo import explorer
from zoo.cli.console import command, print_address, warn_of_plugins
from zoo.cli.options import as_json, complete_checkpoints, device_option, threads_option


@command()
@click.argument("references", nargs=-1, metavar="[REF]...", shell_complete=complete_checkpoints)
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    metavar="ADDRESS",
    help="Where to listen; 0.0.0.0 is reached by other machines.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8000,
    show_default=True,
    help="Where to listen; 0 takes a free one.",
)
@click.option("--token", help="What requests must bring as a bearer token  [default: ZOO_TOKEN]")
@click.option(
    "--max-n",
    type=click.IntRange(1),
    default=1024,
    show_default=True,
    help="Samples in one request.",
)
@click.option(
    "--max-body",
    type=click.IntRange(1),
    default=8 << 20,
    show_default=True,
    help="Bytes in the body of a request.",
)
@click.option(
    "--max-queue",
    type=click.IntRange(1),
    default=64,
    show_default=True,
    help="Requests that may wait; others are answered 429.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=60.0,
    show_default=True,
    help="Seconds until a request must be answered.",
)
@device_option
@threads_option
@as_json
def serve(references: tuple[str, ...], json_: bool, **asked: Any) -> None:
    """Answer requests over HTTP for the checkpoints REF, or for all that are here.

    /docs describes the API. Requests for the same model that come at the same time are computed
    together. SIGTERM and Ctrl-C let running requests end first.
    """
    warn_of_plugins()
    explorer.serve(references, ready=lambda url: print_address(url, json_), **asked)
