"""Download the files of a repository that is no checkpoint of the zoo, for an import."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from huggingface_hub.hf_api import RepoFile

from zoo.common import files
from zoo.common.errors import HubError
from zoo.common.watching import Watch
from zoo.hub.download import commit_of, fetch_file, listed, refuse_full_disk
from zoo.hub.endpoint import refuse_broken
from zoo.hub.session import connected

PATH = re.compile(r"[\w+-][\w.+-]*(/[\w+-][\w.+-]*)*")
LARGEST = 20 << 30  # bytes of a repository
MOST_FILES = 1000


def fetch(
    repository: str,
    revision: str | None,
    folder: Path,
    suffixes: Sequence[str],
    *,
    endpoint: str | None = None,
    token: str | None = None,
    watch: Watch | None = None,
) -> tuple[str, list[str]]:
    """Download the files that end in one of some suffixes, and verify what the Hub says of them.

    A file that may be a pickle is left where a .safetensors lies beside it.

    **Arguments:**
    - `repository`, `revision`: which; the newest of the default branch unless given.
    - `folder`: an empty one.
    - `suffixes`: such as ".json".
    - `endpoint`, `token`, `watch`: as `pull` takes them.

    **Returns:** the commit, and the names of the files.

    **Raises:** `HubError` when the Hub can't be reached, refuses, or sends something else than it
    announced; `OutputError` when there is no room for the files."""
    refuse_broken()
    doing = f"import {repository} from"
    with connected(doing, repository, revision, endpoint=endpoint, token=token) as session:
        commit = commit_of(session, repository, revision)
        wanted = _wanted(listed(session, repository, commit), suffixes)
        if len(wanted) > MOST_FILES:
            raise HubError(
                f"{repository} holds {len(wanted):,} files of weights and configs; {MOST_FILES:,} "
                "are the most that are imported."
            )
        size = sum(one.size for one in wanted)
        if size > LARGEST:
            raise HubError(
                f"{repository} holds {files.readable_size(size)} of weights; "
                f"{files.readable_size(LARGEST)} are the most that are imported."
            )
        refuse_full_disk(folder, size)
        for one in wanted:
            fetch_file(session, one, commit, folder, watch)
            _verify(repository, one, folder / one.path)
    files.remove(folder / ".cache")
    return commit, [one.path for one in wanted]


def _wanted(entries: Sequence[Any], suffixes: Sequence[str]) -> list[RepoFile]:
    found = [
        one
        for one in entries
        if isinstance(one, RepoFile)
        and one.path.endswith(tuple(suffixes))
        and PATH.fullmatch(one.path)
        and type(one.size) is int
        and one.size >= 0
    ]
    safe = {one.path.rpartition("/")[0] for one in found if one.path.endswith(".safetensors")}
    plain = (".json", ".safetensors", ".md")
    return [
        one for one in found if one.path.endswith(plain) or one.path.rpartition("/")[0] not in safe
    ]


def _verify(repository: str, one: RepoFile, path: Path) -> None:
    if one.lfs:
        announced = files.sha256(path) == one.lfs.sha256
    else:
        announced = files.blob_id(path.read_bytes()) == one.blob_id
    if not announced:
        raise HubError(
            f"{one.path} of {repository} is not the file that was announced: its digest differs. "
            "Nothing was kept."
        )
