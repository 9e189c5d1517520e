"""zoo import: weights from elsewhere, as a checkpoint of the store."""

import click

from zoo.cli.console import command, print_json
from zoo.cli.options import as_json, hub_options
from zoo.cli.progress import track


@command("import")
@click.argument("source", metavar="SOURCE")
@click.option("--as", "name", required=True, metavar="NAME", help="What to call the checkpoint.")
@click.option(
    "--with",
    "importer",
    metavar="IMPORTER",
    help="The importer to use.  [default: the first that knows the files]",
)
@hub_options
@as_json
def import_(
    source: str,
    name: str,
    importer: str | None,
    endpoint: str | None,
    token: str | None,
    json_: bool,
) -> None:
    """Import weights that were not made by the zoo.

    SOURCE is a file, a folder, or hf:OWNER/REPO[@REVISION]. zoo plugins lists the importers.

    Safetensors are read as they are. Pickles (.pth, .pt, .bin, .ckpt) are opened in a process of
    their own, with bounded memory, and no code in them runs.
    """
    import zoo

    folder = zoo.import_weights(
        source, name, importer=importer, endpoint=endpoint, token=token, watch=track
    )
    if json_:
        print_json({"name": name, "path": str(folder.path), **folder.facts["imported"]})
    else:
        click.echo(folder.path)
