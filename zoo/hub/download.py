"""Download a checkpoint: listed first, fetched into scratch, verified before use."""

import hashlib
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx2
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils.tqdm import tqdm

from zoo.checkpoints import CONFIG, LAYOUT, WEIGHTS, Entry, check, parse_hub, refuse_large
from zoo.common import files
from zoo.common.errors import CheckpointError, HubError, NotFoundError, OutputError
from zoo.hub.session import COMMIT, LARGEST_ANSWER, Session, connected

MOST_LISTED = 1000  # files of a repository
TRIES = 3  # at a file, when the connection is lost


def download(
    repo_id: str,
    revision: str | None,
    directory: Path,
    expected: Mapping[str, str],
    *,
    endpoint: str | None = None,
    token: str | None = None,
) -> dict[str, Any]:
    """Download a checkpoint's files, and only files of a checkpoint's layout, into a directory, and
    verify them.

    **Arguments:**
    - `repo_id`, `revision`: which repository; the default branch unless a revision is given.
    - `directory`: an empty one, in scratch.
    - `expected`: digests that the files must have besides those that the Hub states, by name.
    - `endpoint`, `token`: as `hub.connected` takes them.

    **Returns:** where it came from, as origin.json has it: endpoint, repository, commit, digests.

    **Raises:** `HubError` when the Hub can't be reached, refuses, or sends something else than it
    announced; `OutputError` when there is no room for it."""
    with connected(
        f"pull {repo_id} from", repo_id, revision, endpoint=endpoint, token=token
    ) as session:
        commit = _commit(session, repo_id, revision)
        wanted = _listed(session, repo_id, commit)
        _refuse_full_disk(directory, sum(one.size for one in wanted))
        digests = {}
        for one in sorted(
            wanted, key=lambda one: one.path != CONFIG
        ):  # what it says may end the matter
            _fetch(session, repo_id, one, commit, directory)
            digests[one.path] = _digest(repo_id, directory / one.path, one, expected.get(one.path))
            _refuse_malformed(repo_id, directory / one.path)
    files.remove(directory / ".cache")
    return {
        "source": "hub",
        "endpoint": session.endpoint,
        "repo_id": repo_id,
        "commit": commit,
        "sha256": digests,
    }


def repository_of(entry: Entry) -> tuple[str, str | None]:
    """The repository that a checkpoint is pulled from and its revision, None for the default
    branch's newest.
    """
    if not entry.checkpoint:
        return parse_hub(entry.name)
    if not entry.checkpoint.repo_id:
        raise NotFoundError(f"{entry.name} is on no Hub that its plugin names.")
    return entry.checkpoint.repo_id, entry.checkpoint.revision or None


def outdated(entry: Entry, *, endpoint: str | None = None, token: str | None = None) -> bool:
    """Whether a pulled checkpoint is another at its source by now: its plugin, or the Hub that it
    came from.

    That takes one request at most, and none where the catalogue or the reference names a commit.
    """
    if entry.origin.get("source") != "hub":
        return bool(entry.checkpoint and entry.checkpoint.sha256 != entry.origin.get("sha256"))
    repo_id, revision = repository_of(entry)
    endpoint = endpoint or entry.origin.get("endpoint")
    with connected(
        f"look up {repo_id} on", repo_id, revision, endpoint=endpoint, token=token
    ) as session:
        return _commit(session, repo_id, revision) != entry.origin.get("commit")


def _commit(session: Session, repo_id: str, revision: str | None) -> str:
    """The commit that a revision is at: by one request, or none when it is a commit itself."""
    if revision and COMMIT.fullmatch(revision):
        return revision
    commit = session.api.model_info(repo_id, revision=revision).sha
    if not isinstance(commit, str) or not COMMIT.fullmatch(commit):
        raise HubError(
            f"{session.endpoint} names no commit of {repo_id}: it does not answer like a Hugging "
            "Face Hub."
        )
    return commit


def _listed(session: Session, repo_id: str, commit: str) -> list[RepoFile]:
    """The files of the layout in a repository; refuses one that is no checkpoint, or too large, by
    its list alone.
    """
    names, wanted = [], []
    for one in session.api.list_repo_tree(repo_id, revision=commit, recursive=True):
        names.append(str(one.path))
        if len(names) > MOST_LISTED:
            raise HubError(
                f"{repo_id} is no checkpoint of the zoo: it lists more than {MOST_LISTED:,} files."
            )
        if isinstance(one, RepoFile) and LAYOUT.fullmatch(one.path):
            wanted.append(one)
    have = {one.path for one in wanted}
    if missing := [name for name in (CONFIG, WEIGHTS) if name not in have]:
        raise HubError(
            f"{repo_id} is no checkpoint of the zoo: it has no {missing[0]}{_instead(names)}."
        )
    if any(type(one.size) is not int or one.size < 0 for one in wanted) or len(have) < len(wanted):
        raise HubError(
            f"{session.endpoint} lists files of {repo_id} without their sizes, or twice: it can't "
            "be trusted."
        )
    try:
        refuse_large(repo_id, {one.path: one.size for one in wanted})
    except CheckpointError as error:
        raise HubError(f"{error} Nothing was downloaded.") from error
    return wanted


def _instead(names: Sequence[str]) -> str:
    pickles = [name for name in names if name.endswith((".bin", ".pt", ".pth", ".ckpt", ".pkl"))]
    if pickles:
        return f", but {pickles[0][:80]!r}, which may be a pickle: the zoo never opens one"
    return f" (but {', '.join(names[:5])[:200]!r})" if names else ", nor anything else"


def _refuse_full_disk(directory: Path, needed: int) -> None:
    free = shutil.disk_usage(directory).free
    if needed > free:
        raise OutputError(
            f"There is no room in {directory}: {needed:,} bytes are needed, {free:,} are free."
        )


class _Bar(tqdm):
    """The client's progress bar, named as the file alone and gone when that is here."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        name = str(keywords.get("desc")).rpartition("/")[2]
        super().__init__(*arguments, **{**keywords, "desc": name, "leave": False})  # type: ignore[no-untyped-call]


def _fetch(session: Session, repo_id: str, one: RepoFile, commit: str, directory: Path) -> None:
    session.largest = max(one.size, 1 << 16)  # room for an error in words
    for left in reversed(range(TRIES)):
        try:
            session.api.hf_hub_download(
                repo_id, one.path, revision=commit, local_dir=directory, tqdm_class=_Bar
            )
            break
        except httpx2.NetworkError:  # the one bad weather after which the client does not try again
            if not left:
                raise
            time.sleep(1)
    session.largest = LARGEST_ANSWER


def _refuse_malformed(repo_id: str, path: Path) -> None:
    try:
        check(path)
    except CheckpointError as error:
        said = str(error).replace(f"{path.parent}/", f"{repo_id}/")
        raise HubError(f"{said} Nothing was kept.") from error


def _digest(repo_id: str, path: Path, one: RepoFile, expected: str | None) -> str:
    """The SHA-256 of a downloaded file; refuses one that is not what the Hub, and the catalogue,
    said it would be.
    """
    sha256 = hashlib.sha256()
    git_blob = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            sha256.update(block)
            if not one.lfs:
                git_blob.update(block)
    digest = sha256.hexdigest()
    announced = digest == one.lfs.sha256 if one.lfs else git_blob.hexdigest() == one.blob_id
    if not announced or expected not in (None, digest):
        raise HubError(
            f"{one.path} of {repo_id} is not what was announced: its digest differs. Nothing was "
            "kept; pull again, "
            f"and if it happens again tell the publisher."
        )
    return digest
