"""Publish a data set on the Hub: many files, in commits of some dozens each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import hf_hub_url
from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils._http import get_session, hf_raise_for_status

from zoo.common.errors import HubError
from zoo.hub.push import Pushed, refuse_misnamed
from zoo.hub.session import Session, connected
from zoo.hub.upload import Upload

# files of one commit: with more, a Hub may not answer in time
AT_ONCE = 50
# what the Hub takes: files of a repository, and of one folder
MOST_FILES = 100_000
MOST_IN_A_FOLDER = 10_000
CARD = "README.md"
# what a Hub puts into a new repository by itself
OF_THE_HUB = (".gitattributes",)


@dataclass(frozen=True)
class DataPlan:
    """What a push of a data set would do.

    **Arguments:**
    - `url`: address of the repository; `new`: whether it would be made.
    - `private`: whether it is private, or would be made so.
    - `sent`: files to send, by name, with their sizes; `replaced`: those that are there already.
    """

    url: str
    new: bool
    private: bool
    sent: Mapping[str, int]
    replaced: frozenset[str] = frozenset()

    @property
    def changes(self) -> list[dict[str, Any]]:
        """What would happen to files: `{"action", "file", "bytes"}`."""
        return [
            {"action": "replace" if name in self.replaced else "add", "file": name, "bytes": size}
            for name, size in self.sent.items()
        ]

    @property
    def size(self) -> int:
        """Bytes to send."""
        return sum(self.sent.values())

    @property
    def kind(self) -> str:
        """Of what kind the repository is: "new public data set"."""
        return f"{'new ' if self.new else ''}{'private' if self.private else 'public'} data set"


def push_data(
    files: Mapping[str, Path],
    repository: str,
    *,
    is_own: Callable[[bytes], bool],
    check: Callable[[Mapping[str, str]], None],
    private: bool = False,
    revision: str = "main",
    message: str = "",
    dry_run: bool = False,
    endpoint: str | None = None,
    token: str | None = None,
    agree: Callable[[DataPlan, str], bool] | None = None,
) -> Pushed:
    """Publish files as a data set. What is there already is not sent again, so that a push that was
    stopped goes on.

    **Arguments:**
    - `files`: by their names there, in the order in which they are sent.
    - `repository`: where to, as "OWNER/NAME".
    - `is_own`: whether a card that is there may be replaced by ours; called with its bytes.
    - `check`: is called with the SHA-256 of each file before the Hub is asked anything.
    - the others: as for `zoo.push`.

    **Raises:** `HubError` when the Hub refuses, or holds another data set there; what `check`
    raises."""
    refuse_misnamed(repository, revision)
    _refuse_many(files)
    ours = {name: Upload(name, str(path)) for name, path in files.items()}
    check({name: one.sha256 for name, one in ours.items()})
    where: dict[str, Any] = {"endpoint": endpoint, "token": token}
    doing = f"push to {repository} on"
    with connected(doing, repository, revision, **where) as session:
        if not (session.token or dry_run):
            raise HubError(session.unknown)
        there = _look(session, repository, revision)
        sent = _missing(session, ours, there or {}, repository, revision, is_own)
        url = f"{session.endpoint}/datasets/{repository}"
        known = frozenset(there or {})
        sizes = {name: one.size for name, one in sent.items()}
        planned = DataPlan(url, there is None, private, sizes, known & frozenset(sizes))
        agreed = agree(planned, url) if sent and not dry_run and agree else True
        if dry_run or not agreed:
            return Pushed(url, None, agreed, planned)
        if there is None:
            session.api.create_repo(repository, repo_type="dataset", private=private, exist_ok=True)
            if revision != "main":
                session.api.create_branch(repository, branch=revision, repo_type="dataset")
    commit = None
    waiting = list(sent.values())
    for start in range(0, len(waiting), AT_ONCE):
        some = waiting[start : start + AT_ONCE]
        done = f"{min(start + AT_ONCE, len(waiting))} of {len(waiting)} files"
        # each commit has a session of its own, which allows so many requests
        with connected(doing, repository, revision, **where) as session:
            made = session.api.create_commit(
                repository,
                some,
                commit_message=f"{message} ({done})" if len(waiting) > AT_ONCE else message,
                revision=revision,
                repo_type="dataset",
            )
            commit = str(made.oid)
    return Pushed(url, commit, True, planned)


def _look(session: Session, repository: str, revision: str) -> dict[str, RepoFile] | None:
    """The files that are there; None where there is no such data set."""
    try:
        listed = session.api.list_repo_tree(
            repository, revision=revision, recursive=True, repo_type="dataset"
        )
        return {one.path: one for one in listed if isinstance(one, RepoFile)}
    except RepositoryNotFoundError:
        return None
    except RevisionNotFoundError:
        return {}


def _missing(
    session: Session,
    ours: Mapping[str, Upload],
    there: Mapping[str, RepoFile],
    repository: str,
    revision: str,
    is_own: Callable[[bytes], bool],
) -> dict[str, Upload]:
    """The files to send: those that are not there.

    **Raises:** `HubError` when files are there that are not ours."""
    for name in there:
        if name in OF_THE_HUB or name == CARD:
            continue
        if name not in ours or not ours[name].is_there(there[name]):
            raise HubError(
                f"{repository} on {session.endpoint} holds another data set: its "
                f"{session.mask(name)} is not the one here. Nothing was sent; choose another name."
            )
    missing = {name: one for name, one in ours.items() if not one.is_there(there.get(name))}
    if CARD in missing and CARD in there:
        url = hf_hub_url(
            repository, CARD, revision=revision, repo_type="dataset", endpoint=session.endpoint
        )
        answer = get_session().get(url, headers=session.headers)
        hf_raise_for_status(answer)
        if not is_own(answer.content):
            # people wrote it
            del missing[CARD]
    return missing


def _refuse_many(files: Mapping[str, Path]) -> None:
    """Refuse more files than a Hub takes."""
    folders: dict[str, int] = {}
    for name in files:
        folder = name.rpartition("/")[0]
        folders[folder] = folders.get(folder, 0) + 1
    if len(files) > MOST_FILES or max(folders.values()) > MOST_IN_A_FOLDER:
        raise HubError(
            f"A Hub takes {MOST_FILES:,} files and {MOST_IN_A_FOLDER:,} in a folder, and there are "
            f"{len(files):,} here: make shards, with --format parquet or webdataset."
        )
