"""zoo play: a page in the browser, to see and touch what models make."""

from typing import Any

import click

from zoo import explorer
from zoo.cli.console import command, print_address, warn_of_plugins
from zoo.cli.options import as_json, complete_checkpoints, device_option, threads_option


@command()
@click.argument("references", nargs=-1, metavar="[REF]...", shell_complete=complete_checkpoints)
@click.option("--port", type=click.IntRange(0, 65_535), help="Of the server  [default: a free one]")
@click.option("--no-browser", is_flag=True, help="Print the address, and open no browser.")
@device_option
@threads_option
@as_json
def play(references: tuple[str, ...], json_: bool, **asked: Any) -> None:
    """Open a page in the browser to play with the checkpoints REF, or with all.

    The page has sliders for the latent space, classes, lines between samples, drawing, and films
    of trainings. It works without a network: the server listens at this machine alone, and its
    address holds a token. Ctrl-C stops it.
    """
    warn_of_plugins()
    explorer.play(references, ready=lambda url: print_address(url, json_), **asked)
