"""zoo push: a checkpoint or a data set to the Hub."""

import sys
from typing import TYPE_CHECKING

import click

from zoo.cli.console import command, note, open_store, print_json, print_table, size
from zoo.cli.options import as_json, complete_checkpoints, hub_options
from zoo.common.errors import HubError

if TYPE_CHECKING:
    from zoo.hub import DataPlan, Plan
    from zoo.hub.push import Pushed


@command()
@click.argument("reference", metavar="REF", shell_complete=complete_checkpoints)
@click.argument("repository", metavar="OWNER/REPO")
@click.option("--private", is_flag=True, help="Make a new repository private.  [default: public]")
@click.option(
    "--revision", metavar="BRANCH", default="main", show_default=True, help="Branch to push to."
)
@click.option("--message", help="Title of the commit.  [default: the checkpoint's name]")
@click.option("--dry-run", is_flag=True, help="List what would be sent, and send nothing.")
@click.option("--yes", is_flag=True, help="Publish without asking.")
@hub_options
@as_json
def push(
    reference: str,
    repository: str,
    private: bool,
    revision: str,
    message: str | None,
    dry_run: bool,
    yes: bool,
    endpoint: str | None,
    token: str | None,
    json_: bool,
) -> None:
    """Publish the checkpoint REF on the Hub as OWNER/REPO, and print its address.

    The repository is created if it does not exist. Only the files of the checkpoint are sent, in
    one commit. What people wrote into the README.md on the Hub stays. A push is refused if the
    repository has changes that this machine has not seen.

    REF may also be the folder of a data set that zoo generate made, such as ./digits.
    """
    from zoo.bulk.push import is_data, push

    if not (dry_run or yes or sys.stdin.isatty()):
        # a wrong name is the more urgent thing to say
        if not is_data(reference):
            open_store().folder(reference)
        raise HubError(
            "Nothing was sent: zoo could not ask you, because there is no terminal. Add --yes to "
            "publish without a question, or --dry-run."
        )
    open_store()
    pushed = push(
        reference,
        repository,
        private=private,
        revision=revision,
        message=message,
        dry_run=dry_run,
        endpoint=endpoint,
        token=token,
        agree=None if yes else _ask,
    )
    if not pushed.agreed:
        note("Nothing was sent.")
        raise click.exceptions.Exit(1)
    _say(pushed, json_)


def _ask(plan: "Plan | DataPlan", url: str) -> bool:
    for one in plan.changes:
        note(f"  {one['action']:8}{one['file']:30}{size(one['bytes']):>10}")
    try:
        return click.confirm(f"Publish this as {url}, a {plan.kind}?", err=True)
    except click.Abort:
        # Ctrl-C, or no answer
        raise KeyboardInterrupt("before anything was sent.") from None


def _say(pushed: "Pushed", json_: bool) -> None:
    plan = pushed.plan
    if json_:
        return print_json(
            {
                "url": pushed.url,
                "commit": pushed.commit,
                "private": plan.private,
                "files": plan.changes,
            }
        )
    if not plan.changes:
        note("Nothing to change: the repository has all files already.")
    elif pushed.commit:
        note(f"Pushed {size(plan.size)} in commit {pushed.commit[:8]}.")
    else:
        rows = [[one["action"], one["file"], size(one["bytes"])] for one in plan.changes]
        print_table(("ACTION", "FILE", "SIZE"), rows)
        note(f"Nothing was sent. Without --dry-run it would go to a {plan.kind}.")
    click.echo(pushed.url)
    return None
