"""zoo push: a checkpoint to the Hub."""

import re
import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

import click

from zoo.cli.console import command, note, open_store, print_json, print_table, printable, size
from zoo.cli.options import as_json, complete_checkpoints, hub_options
from zoo.common.errors import HubError, OutputError

if TYPE_CHECKING:
    from zoo.hub.push import Plan


@command()
@click.argument("reference", metavar="REF", shell_complete=complete_checkpoints)
@click.argument("repo_id", metavar="OWNER/REPO")
@click.option(
    "--private", is_flag=True, help="Make the repository a private one; public unless given."
)
@click.option(
    "--revision",
    "branch",
    metavar="BRANCH",
    default="main",
    help="Which branch; main unless given.",
)
@click.option("--message", help="What the commit is called.")
@click.option("--dry-run", is_flag=True, help="List what would be sent, and send nothing.")
@click.option("--yes", is_flag=True, help="Publish without asking.")
@hub_options
@as_json
def push(
    reference: str,
    repo_id: str,
    private: bool,
    branch: str,
    message: str | None,
    dry_run: bool,
    yes: bool,
    endpoint: str | None,
    token: str | None,
    json_: bool,
) -> None:
    """Publish a checkpoint as OWNER/REPO on the Hub, in one commit, and print its address.

    The repository is made if need be. Only the files of a checkpoint are sent, and what was written
    into the README.md on the Hub stays there."""
    store = open_store()
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repo_id):
        hint = " Leave out hf: here." if repo_id.startswith("hf:") else ""
        raise HubError(f"{repo_id[:80]!r} is not of the form OWNER/REPO.{hint}")
    if not re.fullmatch(r"[\w./-]+", branch):
        raise HubError(f"{branch[:80]!r} is no name of a branch.")
    store.find(reference)  # before anything is imported that takes time
    if not (dry_run or yes or sys.stdin.isatty()):
        raise HubError(
            "zoo push asks before it publishes, and nobody is here to answer: add --yes, or "
            "--dry-run."
        )
    from zoo.hub import history
    from zoo.hub import push as work
    from zoo.hub.session import connected

    source = work.source(store, reference)
    with connected(
        f"push to {repo_id} on", repo_id, branch, endpoint=endpoint, token=token
    ) as session:
        if not (session.token or dry_run):
            raise HubError(f"{session.endpoint} wants to know who you are: {session.login}.")
        target = history.find(store, session.endpoint, repo_id, branch, private)
        planned = work.plan(session, source, target)
        if planned.text_left:
            note(
                "What was written into the README.md on the Hub stays; what you wrote into yours "
                "is not sent."
            )
        if planned.changes and (paths := work.paths_told(source)):
            note(
                printable(
                    "Whoever pulls it reads these paths of this machine in its facts: "
                    f"{', '.join(paths)}"
                )
            )
        agreed = yes or dry_run or not planned.changes or _ask(planned, target.url)
        commit = None
        if agreed and not dry_run:
            commit = work.carry_out(
                session, source, target, planned, message or _message(reference)
            )
    if not agreed:
        note("Nothing was sent.")
        raise click.exceptions.Exit(1)
    if commit:
        try:
            history.remember(store, target, commit, planned.text)
        except OutputError as error:
            note(f"Warning: it was pushed, but a later push won't know: {error}")
    _say(planned, target.url, commit, json_)


def _message(reference: str) -> str:
    return f"{reference.removesuffix('/').rpartition('/')[2]}, by genzoo {version('genzoo')}"


def _ask(planned: "Plan", url: str) -> bool:
    for one in planned.changes:
        note(f"  {one['action']:8}{one['file']:30}{size(one['bytes']):>10}")
    try:
        return click.confirm(f"Publish this as {url}, a {_kind(planned)}?", err=True)
    except click.Abort:  # Ctrl-C, or no answer
        raise KeyboardInterrupt("before anything was sent.") from None


def _kind(planned: "Plan") -> str:
    new = "" if planned.remote.head else "new "
    return f"{new}{'private' if planned.private else 'public'} repository"


def _say(planned: "Plan", url: str, commit: str | None, json_: bool) -> None:
    if json_:
        return print_json(
            {"url": url, "commit": commit, "private": planned.private, "files": planned.changes}
        )
    if not planned.changes:
        note("Nothing to change: all of it is there already.")
    elif commit:
        note(f"Pushed {size(planned.size)} in commit {commit[:8]}.")
    else:
        rows = [[one["action"], one["file"], size(one["bytes"])] for one in planned.changes]
        print_table(("ACTION", "FILE", "SIZE"), rows)
        note(f"Nothing was sent; without --dry-run it goes to a {_kind(planned)}.")
    click.echo(url)
    return None
