"""zoo card: a checkpoint's card, as its facts make it."""

import click

from zoo.checkpoints import CARD, read_facts
from zoo.cli.console import clean, command, note, open_store, print_json
from zoo.cli.options import as_json, complete_checkpoints
from zoo.evaluation.measure import refuse_foreign


@command()
@click.argument("reference", metavar="REF", shell_complete=complete_checkpoints)
@click.option(
    "--write",
    is_flag=True,
    help="Put it into the checkpoint's README.md, whose path is printed instead.",
)
@as_json
def card(reference: str, write: bool, json_: bool) -> None:
    """Print the card of REF as its config, facts and pictures make it now.

    What its author wrote around the part that the zoo makes stays there.
    """
    store = open_store()
    directory = store.find(reference)
    if write:
        refuse_foreign(store.folder(reference))
    from zoo.checkpoints import card as cards

    facts = read_facts(directory)
    made = cards.made_of(
        directory, cards.called(facts, reference) if reference.startswith("hf:") else facts
    )
    if write:
        cards.write(directory)
        note(f"Kept in {directory / CARD}.")
    if json_:
        print_json({"name": reference, "path": str(directory / CARD), "card": made})
    else:
        click.echo(directory / CARD if write else clean(made))
