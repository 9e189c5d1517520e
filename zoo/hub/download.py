"""Download a checkpoint: listed first, fetched into scratch, verified before use."""

import functools
import shutil
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx2
from huggingface_hub.hf_api import RepoFile
from huggingface_hub.utils.tqdm import tqdm

from zoo.checkpoints import CONFIG, LAYOUT, WEIGHTS, Folder, check, refuse_large
from zoo.common import files
from zoo.common.errors import CheckpointError, HubError, OutputError
from zoo.common.watching import Watch
from zoo.hub.guard import COMMIT
from zoo.hub.session import Session, connected
from zoo.registry import NAME

MOST_LISTED = 1000  # files of a repository
TRIES = 3  # at a file, when the connection is lost


def download(
    repository: str,
    revision: str | None,
    folder: Folder,
    expected: Mapping[str, str],
    *,
    endpoint: str | None = None,
    token: str | None = None,
    watch: Watch | None = None,
) -> None:
    """Download the files of a checkpoint's layout, and no others, into a folder, and verify them.
    Where they came from is written into its origin.json.

    **Arguments:**
    - `repository`, `revision`: which repository; its default branch unless a revision is given.
    - `folder`: an empty one, in scratch.
    - `expected`: digests that files must have besides those that the Hub states, by name.
    - `endpoint`, `token`: as `connected` takes them.
    - `watch`: as `pull` takes it.

    **Raises:** `HubError` when the Hub can't be reached, refuses, or sends something else than it
    announced; `OutputError` when there is no room for the files."""
    doing = f"pull {repository} from"
    with connected(doing, repository, revision, endpoint=endpoint, token=token) as session:
        commit = commit_of(session, repository, revision)
        wanted = _checkpoint_files(session, repository, commit)
        refuse_full_disk(folder.path, sum(one.size for one in wanted))
        digests = {}
        # what the config says may end the matter
        for one in sorted(wanted, key=lambda one: one.path != CONFIG):
            fetch_file(session, one, commit, folder.path, watch)
            digests[one.path] = _digest(repository, folder, one, expected.get(one.path))
            _refuse_malformed(repository, folder, one.path)
    files.remove(folder.path / ".cache")
    folder.write_origin(
        {
            "source": "hub",
            "endpoint": session.endpoint,
            "repo_id": repository,
            "commit": commit,
            "sha256": digests,
        }
    )


def commit_of(session: Session, repository: str, revision: str | None) -> str:
    """The commit that a revision is at: by one request, or by none where it is a commit itself."""
    if revision and COMMIT.fullmatch(revision):
        return revision
    commit = session.api.model_info(repository, revision=revision).sha
    if not isinstance(commit, str) or not COMMIT.fullmatch(commit):
        raise HubError(
            f"{session.endpoint} gave no commit of {repository}: it does not answer like a "
            "Hugging Face Hub."
        )
    return commit


def listed(session: Session, repository: str, commit: str) -> list[Any]:
    """All that a repository lists at a commit, files and folders.

    **Raises:** `HubError` when the list is longer than that of any checkpoint."""
    entries: list[Any] = []
    with session.guard.one_answer():
        for one in session.api.list_repo_tree(repository, revision=commit, recursive=True):
            entries.append(one)
            if len(entries) > MOST_LISTED:
                raise HubError(
                    f"{repository} is not a checkpoint of the zoo: it lists more than "
                    f"{MOST_LISTED:,} files."
                )
    return entries


def _checkpoint_files(session: Session, repository: str, commit: str) -> list[RepoFile]:
    """The files of the layout in a repository. One that is not a checkpoint, or too large, is
    refused by its list alone.
    """
    entries = listed(session, repository, commit)
    wanted = [one for one in entries if isinstance(one, RepoFile) and LAYOUT.fullmatch(one.path)]
    have = {one.path for one in wanted}
    if missing := [name for name in (CONFIG, WEIGHTS) if name not in have]:
        names = [str(one.path) for one in entries]
        raise HubError(
            f"{repository} is not a checkpoint of the zoo: it has no {missing[0]}{_instead(names)}."
        )
    if any(type(one.size) is not int or one.size < 0 for one in wanted) or len(have) < len(wanted):
        raise HubError(
            f"{session.endpoint} lists files of {repository} without their sizes, or twice: it "
            "can't be trusted."
        )
    try:
        refuse_large(repository, {one.path: one.size for one in wanted})
    except CheckpointError as error:
        raise HubError(f"{error} Nothing was downloaded.") from error
    return wanted


def _instead(names: Sequence[str]) -> str:
    pickles = [name for name in names if name.endswith((".bin", ".pt", ".pth", ".ckpt", ".pkl"))]
    if pickles:
        return f", but {pickles[0][:80]!r}, which may be a pickle: the zoo never opens one"
    return f" (but {', '.join(names[:5])[:200]!r})" if names else ", nor anything else"


def refuse_full_disk(directory: Path, needed: int) -> None:
    """Raise `OutputError` where a folder has no room for so many bytes."""
    free = shutil.disk_usage(directory).free
    if needed > free:
        raise OutputError(
            f"There is no room in {directory}: {needed:,} bytes are needed, {free:,} are free."
        )


class _Bar(tqdm):
    """In place of the client's progress bar: it shows nothing, and hands on what it is told."""

    def __init__(self, *arguments: Any, watch: Watch | None, called: str, **keywords: Any) -> None:
        super().__init__(*arguments, **{**keywords, "disable": True})  # type: ignore[no-untyped-call]
        self._piece = 0
        self._seen: Iterator[Any] | None = None
        # of the two bars for Xet that of what is on the disk counts
        if watch and not str(keywords.get("desc")).endswith("downloading bytes"):
            self._seen = watch(self._pieces(), int(keywords.get("total") or 0), called)

    def update(self, n: float | None = 1) -> None:
        self._piece = int(n or 0)
        if self._seen and self._piece > 0:
            next(self._seen, None)

    def close(self) -> None:
        if self._seen and isinstance(self._seen, Generator):
            # what came last is counted when it is asked for more
            self._piece = 0
            next(self._seen, None)
            self._seen.close()
        super().close()

    def _pieces(self) -> Iterator[tuple[range, None]]:
        """A batch of as many bytes as have come, each time when some have."""
        while True:
            yield range(self._piece), None


def fetch_file(
    session: Session, one: RepoFile, commit: str, directory: Path, watch: Watch | None
) -> None:
    """Download one file of a repository into a folder, by its name there."""
    called = session.mask(one.path.rpartition("/")[2])
    bar: Any = functools.partial(_Bar, watch=watch, called=called)
    with session.guard.downloading(one.size):
        for left in reversed(range(TRIES)):
            try:
                session.api.hf_hub_download(
                    session.repository,
                    one.path,
                    revision=commit,
                    local_dir=directory,
                    tqdm_class=bar,
                )
                break
            except httpx2.NetworkError:
                # the one bad weather after which the client does not try again
                if not left:
                    raise
                time.sleep(1)


def _refuse_malformed(repository: str, folder: Folder, name: str) -> None:
    try:
        check(folder, name)
        if name == CONFIG and not NAME.fullmatch(folder.model):
            raise CheckpointError(
                f"{folder.path / name} names the model {folder.model!r}, which is not a "
                "valid name of a model."
            )
    except CheckpointError as error:
        said = str(error).replace(f"{folder.path}/", f"{repository}/")
        raise HubError(f"{said} Nothing was kept.") from error


def _digest(repository: str, folder: Folder, one: RepoFile, expected: str | None) -> str:
    """The SHA-256 of a downloaded file; refuses one that is not what the Hub, and the catalogue,
    said it would be.
    """
    digest = folder.digest(one.path)
    if one.lfs:
        announced = digest == one.lfs.sha256
    else:
        announced = files.blob_id(folder.content(one.path)) == one.blob_id
    if not announced or expected not in (None, digest):
        raise HubError(
            f"{one.path} of {repository} is not the file that was announced: its digest differs. "
            "Nothing was kept. Pull again; if it happens again, tell the publisher."
        )
    return digest
