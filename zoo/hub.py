"""Pull a checkpoint directory from the Hub."""

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from zoo import files
from zoo.errors import HubError, counted
from zoo.store import CARD, CONFIG, FACTS, TRAINING, WEIGHTS

LAYOUT = re.compile(f"{CONFIG}|{WEIGHTS}|{TRAINING}|{FACTS}|{CARD}|images/[A-Za-z0-9][A-Za-z0-9._-]{{0,99}}\\.png")
LARGEST = 2 << 30  # bytes of all files together


def download(repo_id: str, revision: str | None, directory: Path, expected: Mapping[str, str]) -> dict[str, Any]:
    """Download a checkpoint's files, and only files of a checkpoint's layout, into a directory, and verify them.

    **Arguments:**
    - `repo_id`, `revision`: which repository; the default branch unless a revision is given.
    - `directory`: an empty one, in scratch.
    - `expected`: digests that the files must have besides those that the Hub states, by name.

    **Returns:** where it came from, as origin.json has it: endpoint, repository, commit, digests.

    **Raises:** `HubError` when the Hub can't be reached, refuses, or sends something else than it announced.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

    api = HfApi(library_name="genzoo")
    if api.endpoint != "https://huggingface.co":
        api.token = os.environ.get("HF_TOKEN") or False  # the stored login is for huggingface.co alone
    with _said_plainly(repo_id, revision, api.endpoint):
        info = api.model_info(repo_id, revision=revision, timeout=30)
        tree = [
            one for one in api.list_repo_tree(repo_id, revision=info.sha, recursive=True) if isinstance(one, RepoFile)
        ]
        wanted = [one for one in tree if LAYOUT.fullmatch(one.path)]
        _refuse_layout(repo_id, [one.path for one in tree], wanted)
        for one in wanted:
            api.hf_hub_download(repo_id, one.path, revision=info.sha, local_dir=directory)
    files.remove(directory / ".cache")
    digests = {one.path: files.sha256(directory / one.path) for one in wanted}
    for one in wanted:
        announced = expected.get(one.path) or (one.lfs.sha256 if one.lfs else None)
        as_announced = digests[one.path] == announced if announced else _git_blob(directory / one.path) == one.blob_id
        if not as_announced:
            raise HubError(
                f"{one.path} of {repo_id} is not what was announced: its digest differs. Nothing was kept; pull again, "
                f"and if it happens again tell the publisher."
            )
    return {"source": "hub", "endpoint": api.endpoint, "repo_id": repo_id, "commit": info.sha, "sha256": digests}


@contextlib.contextmanager
def _said_plainly(repo_id: str, revision: str | None, endpoint: str) -> Iterator[None]:
    """Say the client's exceptions in words that mend them."""
    import httpx2
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

    try:
        yield
    except GatedRepoError as error:  # before RepositoryNotFoundError, which it is a kind of
        raise HubError(f"{repo_id} is gated: accept its terms at {endpoint}/{repo_id}, log in, and retry.") from error
    except RepositoryNotFoundError as error:
        raise HubError(
            f"{repo_id} does not exist on {endpoint}, or is private and your token (HF_TOKEN, hf auth login) has no "
            f"access to it."
        ) from error
    except RevisionNotFoundError as error:
        raise HubError(f"{repo_id} on {endpoint} has no revision {revision!r}.") from error
    except (HfHubHTTPError, httpx2.HTTPError, OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise HubError(f"Can't pull {repo_id} from {endpoint}: {reason}") from error


def _git_blob(path: Path) -> str:
    """The digest by which git, and so the Hub, knows a file that is not in LFS."""
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _refuse_layout(repo_id: str, names: list[str], wanted: list[Any]) -> None:
    have = {one.path for one in wanted}
    if missing := [name for name in (CONFIG, WEIGHTS) if name not in have]:
        raise HubError(
            f"{repo_id} is no checkpoint of the zoo: it has no {missing[0]} (but {', '.join(names[:5])[:200]!r})."
        )
    total = sum(one.size for one in wanted)
    if total > LARGEST or len(wanted) > 100:
        raise HubError(f"{repo_id} is too large: {counted(len(wanted), 'file')}, {counted(total, 'byte')}.")
