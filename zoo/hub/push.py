"""Push a checkpoint to the Hub: its own files only, in one commit."""

import hashlib
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
    constants,
    hf_hub_url,
)
from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils._http import get_session, hf_raise_for_status
from huggingface_hub.utils.sha import git_hash

from zoo.checkpoints import (
    CARD,
    CONFIG,
    FACTS,
    LAYOUT,
    TRAINING,
    WEIGHTS,
    Store,
    check,
    is_path,
    read_facts,
    refuse_large,
)
from zoo.checkpoints import card as cards
from zoo.checkpoints.merging import BEGIN, merged, own_text
from zoo.common import files
from zoo.common.errors import CheckpointError, HubError
from zoo.hub.endpoint import HOME, option
from zoo.hub.history import Target
from zoo.hub.session import Session

LARGEST_CARD = 1 << 20  # bytes of one to be merged with


@dataclass(frozen=True)
class Source:
    """A checkpoint to push, as `source` reads it.

    **Arguments:**
    - `directory`: where it lies.
    - `files`: all that would be sent but its card.
    - `facts`: what its facts.json holds.
    - `offered`: whether a plugin offers it, so that its card names it as anybody may.
    """

    directory: Path
    files: list[CommitOperationAdd]
    facts: dict[str, Any]
    offered: bool = False


@dataclass(frozen=True)
class Remote:
    """A repository as it is: `head` is empty when it isn't there, and `branched` False when its
    branch isn't yet.
    """

    head: str = ""
    branched: bool = False
    private: bool = False
    listed: Mapping[str, RepoFile] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """What a push would do: files to send, and files of an earlier checkpoint to remove.

    `text` is the digest of our text around the zoo's part of the card; `text_left` says that it is
    not sent, because somebody wrote one there."""

    remote: Remote
    private: bool
    sent: list[CommitOperationAdd]
    removed: list[str]
    text: str
    text_left: bool

    @property
    def changes(self) -> list[dict[str, Any]]:
        """What would happen to files: `{"action", "file", "bytes"}` with "add", "replace" or
        "remove".
        """
        there = self.remote.listed
        sizes = {one.path_in_repo: one.upload_info.size for one in self.sent}
        sent = [("replace" if path in there else "add", path, size) for path, size in sizes.items()]
        removed = [("remove", path, there[path].size) for path in self.removed]
        return [
            {"action": action, "file": path, "bytes": size} for action, path, size in sent + removed
        ]

    @property
    def size(self) -> int:
        return sum(one.upload_info.size for one in self.sent)


def source(store: Store, reference: str) -> Source:
    """Read the checkpoint that a reference means; raises `CheckpointError` when it is not whole."""
    directory = store.find(reference)
    entry = None if is_path(reference) else store.entry(reference)
    sent = [
        CommitOperationAdd(path, str(file))
        for path, file in _own_files(directory).items()
        if path != CARD
    ]
    for one in sent:
        recorded = entry.sha256.get(one.path_in_repo) if entry else None
        if recorded and one.upload_info.sha256.hex() != recorded:
            raise CheckpointError(
                f"{one.path_in_repo} of {reference} is damaged: its digest is not the recorded "
                "one. Nothing was sent. "
                f"See: zoo verify {reference}"
            )
    return Source(directory, sent, read_facts(directory), offered=bool(entry and entry.checkpoint))


def paths_told(checkpoint: Source) -> list[str]:
    """The paths of this machine that a checkpoint's facts name, for all who pull it to read."""
    words = [
        word
        for key in ("command", "reference")
        for word in _words(str(checkpoint.facts.get(key, "")))
    ]
    return sorted({word for word in words if word.startswith(("/", "~"))})


def plan(session: Session, checkpoint: Source, target: Target) -> Plan:
    """Compare a checkpoint with a repository; nothing is written there.

    **Raises:** `HubError` when the repository moved on since it was seen here, or is public where a
    private one is asked for."""
    remote = _look(session, target)
    if target.private and remote.head and not remote.private:
        raise HubError(
            f"{target.repo_id} is there already, and public: --private makes new ones. Its "
            "settings are at "
            f"{session.endpoint}/{target.repo_id}/settings; or push to another name."
        )
    mine = _made_card(checkpoint, target)
    card, text_left = _card(session, mine, target, remote)
    own = [CommitOperationAdd(CARD, card.encode()), *checkpoint.files]
    sent = [one for one in own if not _is_there(one, remote.listed.get(one.path_in_repo))]
    names = {one.path_in_repo for one in own}
    removed = sorted(path for path in remote.listed if LAYOUT.fullmatch(path) and path not in names)
    if remote.branched and (removed or any(one.path_in_repo != CARD for one in sent)):
        _refuse_unseen(session, target, remote)
    return Plan(
        remote,
        remote.private if remote.head else target.private,
        sent,
        removed,
        _digest(mine),
        text_left,
    )


def carry_out(
    session: Session, checkpoint: Source, target: Target, planned: Plan, message: str
) -> str:
    """Do what `plan` found, in one commit, after making the repository and the branch if need be.

    **Returns:** the commit that the branch is at then.

    **Raises:** `HubError` when the repository changed meanwhile: then it is as it was.
    """
    if session.endpoint != HOME:
        constants.HF_HUB_DISABLE_XET = (
            True  # such a server could name any local folder for Xet to write to
        )
    if not planned.remote.branched:
        start = planned.remote.head or None
        if not start:
            session.api.create_repo(target.repo_id, private=target.private, exist_ok=True)
        if target.branch != "main":
            session.api.create_branch(target.repo_id, branch=target.branch, revision=start)
            target = replace(
                target, seen=target.seen | {start or ""}
            )  # a branch of one's own has nothing to lose
        planned = plan(session, checkpoint, target)  # others may have made it at the same time
    deletions = [CommitOperationDelete(path) for path in planned.removed]
    operations: list[CommitOperationAdd | CommitOperationCopy | CommitOperationDelete] = [
        *planned.sent,
        *deletions,
    ]
    if not operations:
        return planned.remote.head
    made = session.api.create_commit(
        target.repo_id,
        operations,
        commit_message=message,
        revision=target.branch,
        parent_commit=planned.remote.head,
    )
    return made.oid


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:  # a quotation without its end, which the zoo never wrote
        return command.split()


def _own_files(directory: Path) -> dict[str, Path]:
    """The files of a checkpoint by their names in a repository: no links, and nothing beside the
    layout.
    """
    pictures = directory / "images"
    found = [directory / name for name in (CONFIG, WEIGHTS, TRAINING, FACTS, CARD)]
    found += [] if pictures.is_symlink() else sorted(pictures.glob("*"))
    own = {
        str(one.relative_to(directory)): one
        for one in found
        if one.is_file() and not one.is_symlink()
    }
    own = {path: one for path, one in own.items() if LAYOUT.fullmatch(path)}
    for name in (CONFIG, WEIGHTS):
        if name not in own:
            what = (
                "is a link, and links are never sent"
                if (directory / name).is_symlink()
                else "is missing"
            )
            raise CheckpointError(f"{directory} can't be pushed: its {name} {what}.")
    refuse_large(
        str(directory), {path: files.size(file) for path, file in own.items()}
    )  # nobody could pull it
    for file in own.values():
        check(file)
    return own


def _look(session: Session, target: Target) -> Remote:
    """The branch as it is; where that isn't there, what it would begin as."""
    branched = True
    try:
        info = session.api.model_info(target.repo_id, revision=target.branch)
    except RepositoryNotFoundError:
        return Remote()
    except RevisionNotFoundError:
        branched = False
        info = session.api.model_info(target.repo_id, revision="main")
    head = str(info.sha)
    return Remote(head, branched, bool(info.private), _listed(session, target.repo_id, head))


def _listed(session: Session, repo_id: str, commit: str) -> dict[str, RepoFile]:
    tree = session.api.list_repo_tree(repo_id, revision=commit, recursive=True)
    return {one.path: one for one in tree if isinstance(one, RepoFile)}


def _is_there(one: CommitOperationAdd, remote: RepoFile | None) -> bool:
    """Whether a repository holds the very same file; a digest is computed once, and the client goes
    on using it.
    """
    if remote is None or remote.size != one.upload_info.size:
        return False
    if remote.lfs:
        return one.upload_info.sha256.hex() == remote.lfs.sha256
    with one.as_file() as file:
        content = file.read()
    return git_hash(content) == remote.blob_id


def _card(session: Session, card: str, target: Target, remote: Remote) -> tuple[str, bool]:
    """The card to send, and whether it leaves out text of our own.

    What stands around the zoo's part there is somebody's, unless this zoo sent it: then it stays.
    """
    there = remote.listed.get(CARD)
    if not there or there.blob_id == git_hash(card.encode()):
        return card, False
    if there.size > LARGEST_CARD:
        raise HubError(
            f"The {CARD} of {target.repo_id} has {there.size:,} bytes: too many to merge ours with "
            "it."
        )
    url = hf_hub_url(target.repo_id, CARD, revision=remote.head, endpoint=session.endpoint)
    answer = get_session().get(url, headers=session.headers)
    hf_raise_for_status(answer)
    try:
        other = answer.content.decode().replace("\r\n", "\n")
        mine, theirs = own_text(card), own_text(other)
        stays = any(theirs) and theirs != mine and _digest(other) != target.text
        return merged(card, other, text_of_other=stays), stays and any(mine)
    except (CheckpointError, UnicodeDecodeError) as error:
        raise HubError(
            f"The {CARD} of {target.repo_id} can't be merged with ours: {error}"
        ) from error


def _digest(card: str) -> str:
    return hashlib.sha256("\0".join(own_text(card)).encode()).hexdigest()


def _made_card(checkpoint: Source, target: Target) -> str:
    """The card of a checkpoint, which calls it by the reference that people will pull."""
    path = checkpoint.directory / CARD
    if (
        checkpoint.offered
        and path.is_file()
        and BEGIN in (card := path.read_text(encoding="utf-8"))
    ):
        return card
    return cards.made_of(checkpoint.directory, cards.called(checkpoint.facts, target.reference))


def _refuse_unseen(session: Session, target: Target, remote: Remote) -> None:
    """Raise `HubError` when a repository has unseen changes, other than an edited card."""
    if remote.head in target.seen:
        return

    def others(listed: Mapping[str, RepoFile]) -> dict[str, str]:
        return {name: one.blob_id for name, one in listed.items() if name != CARD}

    if not any(LAYOUT.fullmatch(name) for name in others(remote.listed)):
        return  # a repository that was just made, perhaps with a card and a licence
    for commit in target.seen:
        try:
            before = _listed(session, target.repo_id, commit)
        except RevisionNotFoundError:  # its history was rewritten
            continue
        if others(before) == others(remote.listed):
            return
    known = (
        "has changed since it was pulled or pushed here"
        if target.seen
        else "holds what this zoo has never seen"
    )
    raise HubError(
        f"{target.repo_id} on {session.endpoint} {known}: nothing was sent. Look at what is there "
        "with "
        f"zoo pull --update {target.reference}{option(session.endpoint)}; a push after that "
        "replaces it."
    )
