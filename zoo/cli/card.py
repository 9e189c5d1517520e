"""zoo card: a checkpoint's card, as its facts make it."""

import click

from zoo.checkpoints import CARD, find
from zoo.cli.console import clean, command, note, print_json, warn_of_plugins
from zoo.cli.options import as_json, complete_checkpoints


@command()
@click.argument("reference", metavar="REF", shell_complete=complete_checkpoints)
@click.option(
    "--write",
    is_flag=True,
    help="Put it into the checkpoint's README.md, and print the path of that file.",
)
@as_json
def card(reference: str, write: bool, json_: bool) -> None:
    """Print the model card of REF, made anew from its facts.

    The card is made from the config, the facts and the pictures of the checkpoint. What people
    wrote above or below the zoo's part stays.
    """
    from zoo.checkpoints.card import card as make_card

    warn_of_plugins()
    folder = find(reference)
    made = make_card(folder, write=write)
    path = folder.file(CARD)
    if write:
        note(f"Kept in {path}.")
    if json_:
        print_json({"name": reference, "path": str(path), "card": made})
    else:
        click.echo(path if write else clean(made))
