"""What a push would change in a repository, and the commit that changes it."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from huggingface_hub import CommitOperationDelete, hf_hub_url
from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils._http import get_session, hf_raise_for_status

from zoo.checkpoints import CARD, LAYOUT
from zoo.checkpoints.card import merged, own_text
from zoo.common import files
from zoo.common.errors import CheckpointError, HubError
from zoo.hub.download import listed
from zoo.hub.endpoint import option
from zoo.hub.history import Branch
from zoo.hub.session import Session
from zoo.hub.upload import Upload

LARGEST_CARD = 1 << 20  # bytes of one to be merged with


@dataclass(frozen=True)
class Plan:
    """What a push would do to a branch.

    **Arguments:**
    - `branch`: where to.
    - `there`: the branch as it is.
    - `private`: whether the repository is private, or would be made so.
    - `sent`: files to send.
    - `removed`: files of an earlier checkpoint to remove.
    - `text`: digest of our own text around the zoo's part of the card.
    - `text_left`: whether that text is not sent, because somebody else wrote there.
    - `mask`: makes names that the Hub sent fit to be shown.
    """

    branch: Branch
    there: "Remote"
    private: bool
    sent: list[Upload]
    removed: list[str]
    text: str
    text_left: bool
    mask: Callable[[str], str]

    @property
    def changes(self) -> list[dict[str, Any]]:
        """What would happen to files: `{"action", "file", "bytes"}` with "add", "replace" or
        "remove".
        """
        there = self.there.files
        told = [
            ("replace" if one.path_in_repo in there else "add", one.path_in_repo, one.size)
            for one in self.sent
        ]
        told += [("remove", self.mask(path), there[path].size) for path in self.removed]
        return [{"action": action, "file": path, "bytes": size} for action, path, size in told]

    @property
    def size(self) -> int:
        """Bytes to send."""
        return sum(one.size for one in self.sent)

    @property
    def kind(self) -> str:
        """Of what kind the repository is: "new public repository"."""
        new = "" if self.there.head else "new "
        return f"{new}{'private' if self.private else 'public'} repository"


@dataclass(frozen=True)
class Remote:
    """A branch as the Hub has it: `head` is empty where there is no repository, and `branched`
    False where there is no such branch yet.
    """

    head: str = ""
    branched: bool = False
    private: bool = False
    files: Mapping[str, RepoFile] = field(default_factory=dict)


def plan(session: Session, own: list[Upload], card: str, branch: Branch, *, private: bool) -> Plan:
    """Compare a checkpoint with a branch; nothing is written there.

    **Arguments:**
    - `own`: the checkpoint's files but its card.
    - `card`: its card, as it is for this branch.
    - `private`: whether a private repository is asked for.

    **Raises:** `HubError` when the repository has changed since it was seen here, or is public
    where a private one is asked for."""
    there = _look(session, branch)
    if private and there.head and not there.private:
        raise HubError(
            f"{branch.repository} exists already, and is public: --private is for new "
            "repositories. "
            f"Change its settings at {session.endpoint}/{branch.repository}/settings, or push to "
            "another name."
        )
    text, text_left = _merged_card(session, card, branch, there)
    own = [Upload.text(CARD, text.encode()), *own]
    sent = [one for one in own if not one.is_there(there.files.get(one.path_in_repo))]
    names = {one.path_in_repo for one in own}
    removed = sorted(path for path in there.files if LAYOUT.fullmatch(path) and path not in names)
    if there.branched and (removed or any(one.path_in_repo != CARD for one in sent)):
        _refuse_unseen(session, branch, there)
    private = there.private if there.head else private
    digest = _digest(card)
    return Plan(branch, there, private, sent, removed, digest, text_left, session.mask)


def carry_out(session: Session, planned: Plan, message: str) -> str:
    """Do what was planned, in one commit, after making the repository and the branch if need be.

    **Returns:** the commit that the branch is at then.

    **Raises:** `HubError` when the repository has changed meanwhile: then it is as it was.
    """
    branch = planned.branch
    if not planned.there.branched:
        planned = replace(planned, there=_make(session, planned))
    operations: list[Any] = [*planned.sent]
    operations += [CommitOperationDelete(path) for path in planned.removed]
    if not operations:
        return planned.there.head
    made = session.api.create_commit(
        branch.repository,
        operations,
        commit_message=message,
        revision=branch.name,
        parent_commit=planned.there.head,
    )
    return str(made.oid)


def _make(session: Session, planned: Plan) -> Remote:
    """Make the repository, or the branch in it, and look at it.

    **Raises:** `HubError` when somebody else made it at the same time, with other files."""
    branch, before = planned.branch, planned.there
    if not before.head:
        session.api.create_repo(branch.repository, private=planned.private, exist_ok=True)
    if branch.name != "main":
        start = before.head or None
        session.api.create_branch(branch.repository, branch=branch.name, revision=start)
    there = _look(session, branch)
    if before.head:
        same = there.head == before.head
    else:
        same = not any(LAYOUT.fullmatch(path) for path in there.files)
    if not same:
        raise HubError(
            f"{branch.repository} on {session.endpoint} changed during the push: nothing was sent. "
            "Push again to see what is there."
        )
    return there


def _look(session: Session, branch: Branch) -> Remote:
    """The branch as it is; where that isn't there, what it would begin as."""
    branched = True
    try:
        info = session.api.model_info(branch.repository, revision=branch.name)
    except RepositoryNotFoundError:
        return Remote()
    except RevisionNotFoundError:
        branched = False
        info = session.api.model_info(branch.repository, revision="main")
    head = str(info.sha)
    return Remote(head, branched, bool(info.private), _files(session, branch.repository, head))


def _files(session: Session, repository: str, commit: str) -> dict[str, RepoFile]:
    entries = listed(session, repository, commit)
    return {one.path: one for one in entries if isinstance(one, RepoFile)}


def _merged_card(session: Session, card: str, branch: Branch, there: Remote) -> tuple[str, bool]:
    """The card to send, and whether it leaves out text of our own.

    What stands around the zoo's part there is somebody's, unless this zoo sent it: then it stays.
    """
    known = there.files.get(CARD)
    if not known or known.blob_id == files.blob_id(card.encode()):
        return card, False
    whose = f"The {CARD} of {branch.repository}"
    if type(known.size) is not int or known.size > LARGEST_CARD:
        raise HubError(f"{whose} has {known.size:,} bytes: too many to merge ours into it.")
    url = hf_hub_url(branch.repository, CARD, revision=there.head, endpoint=session.endpoint)
    answer = get_session().get(url, headers=session.headers)
    hf_raise_for_status(answer)
    try:
        other = answer.content.decode().replace("\r\n", "\n")
        mine, theirs = own_text(card), own_text(other)
        stays = any(theirs) and theirs != mine and _digest(other) != branch.text
        return merged(card, other, text_of_other=stays), stays and any(mine)
    except (CheckpointError, UnicodeDecodeError) as error:
        raise HubError(f"{whose} can't be merged with ours: {error}") from error


def _digest(card: str) -> str:
    return hashlib.sha256("\0".join(own_text(card)).encode()).hexdigest()


def _refuse_unseen(session: Session, branch: Branch, there: Remote) -> None:
    """Raise `HubError` when a repository has changes that were never seen here, other than an
    edited card.
    """
    if there.head in branch.seen:
        return
    now = _others(there.files)
    if not any(LAYOUT.fullmatch(name) for name in now):
        # a repository that was just made, perhaps with a card and a licence
        return
    for commit in branch.seen:
        try:
            before = _files(session, branch.repository, commit)
        except RevisionNotFoundError:
            # its history was rewritten
            continue
        if _others(before) == now:
            return
    if branch.seen:
        known = "has changed since it was pulled or pushed here"
    else:
        known = "holds files that this machine has not seen"
    raise HubError(
        f"{branch.repository} on {session.endpoint} {known}: nothing was sent. Look at what is "
        f"there with zoo pull --update {branch.reference}{option(session.endpoint)}; a push after "
        "that replaces it."
    )


def _others(files: Mapping[str, RepoFile]) -> dict[str, str]:
    """What a repository holds beside its card: the blobs by name."""
    return {name: one.blob_id for name, one in files.items() if name != CARD}
