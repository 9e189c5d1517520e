"""Publish a checkpoint on the Hub: its own files only, in one commit."""

import logging
import os
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from zoo.checkpoints import CARD, Folder, Store
from zoo.checkpoints import card as cards
from zoo.checkpoints.card import BEGIN
from zoo.common import arguments
from zoo.common.errors import HubError, OutputError
from zoo.hub import history
from zoo.hub.endpoint import refuse_broken
from zoo.registry import installed

if TYPE_CHECKING:
    from zoo.hub.plan import Plan
    from zoo.hub.push_data import DataPlan

_log = logging.getLogger("zoo")


@dataclass(frozen=True)
class Pushed:
    """What a push did.

    **Arguments:**
    - `url`: address of the repository, or of its branch.
    - `commit`: the commit that the branch is at; None when nothing was sent, because of `dry_run`
        or because it was not agreed to.
    - `agreed`: whether it was agreed to.
    - `plan`: what was to change: `plan.changes` are the files.
    """

    url: str
    commit: str | None
    agreed: bool
    plan: "Plan | DataPlan"


def push_checkpoint(
    reference: str | os.PathLike[str] | Folder,
    repository: str,
    *,
    private: bool = False,
    revision: str = "main",
    message: str | None = None,
    dry_run: bool = False,
    endpoint: str | None = None,
    token: str | None = None,
    agree: Callable[["Plan", str], bool] | None = None,
) -> Pushed:
    """Publish a checkpoint in a repository of the Hub, in one commit.

    **Arguments:**
    - `reference`: a checkpoint's name, the path of its folder, or `hf:OWNER/REPO[@REVISION]`.
    - the others: as for `zoo.push`.

    **Raises:** `NotFoundError` and `CheckpointError` as for any reference; `HubError` when the Hub
    can't be reached, refuses, or holds something that was never seen here."""
    store = Store(installed().checkpoints)
    refuse_misnamed(repository, revision)
    folder = reference
    if not isinstance(folder, Folder):
        folder = store.folder(arguments.reference(reference))
    refuse_broken()
    from zoo.hub.plan import carry_out, plan
    from zoo.hub.session import connected
    from zoo.hub.upload import uploads

    named = folder.reference
    entry = store.entry_of(folder)
    own = uploads(folder, entry.sha256 if entry else {})
    doing = f"push to {repository} on"
    with connected(doing, repository, revision, endpoint=endpoint, token=token) as session:
        if not (session.token or dry_run):
            raise HubError(session.unknown)
        branch = history.find(store, session.endpoint, repository, revision)
        card = _card(folder, branch, offered=bool(entry and entry.checkpoint))
        planned = plan(session, own, card, branch, private=private)
        _say_beforehand(planned, folder)
        asked = planned.changes and not dry_run and agree
        agreed = agree(planned, branch.url) if asked and agree else True
        commit = None
        if agreed and not dry_run:
            commit = carry_out(session, planned, message or _message(named))
    if commit:
        _remember(store, planned, commit)
    return Pushed(branch.url, commit, agreed, planned)


def refuse_misnamed(repository: Any, revision: Any) -> None:
    """Raise `HubError` for what can't be the name of a repository or of a branch."""
    if not isinstance(repository, str) or not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        hint = " Leave out hf: here." if str(repository).startswith("hf:") else ""
        raise HubError(f"{str(repository)[:80]!r} is not of the form OWNER/REPO.{hint}")
    if not isinstance(revision, str) or not re.fullmatch(r"[\w./-]+", revision):
        raise HubError(f"{str(revision)[:80]!r} is not a valid name of a branch.")


def _card(folder: Folder, branch: history.Branch, *, offered: bool) -> str:
    """The card of a checkpoint, which calls it by the reference that people will pull; one that a
    plugin offers is called as anybody may.
    """
    if offered and folder.has(CARD) and BEGIN in folder.card:
        return folder.card
    return cards.made_of(folder, cards.called(folder.facts, branch.reference))


def _say_beforehand(planned: "Plan", folder: Folder) -> None:
    if planned.text_left:
        _log.info(
            "The text that people wrote in the README.md on the Hub stays. The text that you wrote "
            "in yours is not sent."
        )
    if planned.changes and (paths := _paths_told(folder)):
        _log.info(
            "Anyone who pulls it can read these paths of this machine in its facts: %s",
            ", ".join(paths),
        )


def _paths_told(folder: Folder) -> list[str]:
    """The paths of this machine that a checkpoint's facts name, for all who pull it to read."""
    told = (str(folder.facts.get(key, "")) for key in ("command", "reference"))
    words = {word for text in told for word in _words(text)}
    return sorted(word for word in words if word.startswith(("/", "~")))


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        # a quotation without its end, which the zoo never wrote
        return command.split()


def _message(reference: str) -> str:
    name = reference.removesuffix("/").rpartition("/")[2]
    return f"{name}, by genzoo {version('genzoo')}"


def _remember(store: Store, planned: "Plan", commit: str) -> None:
    try:
        history.remember(store, planned.branch, commit, planned.text)
    except OutputError as error:
        _log.warning(
            "The push succeeded, but zoo could not record it, so a later push may be refused: %s",
            error,
        )
