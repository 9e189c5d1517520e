"""Publish on the Hub: a checkpoint, or a data set of samples."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.bulk import lots, manifest
from zoo.bulk.card import CARD, MARK
from zoo.bulk.layouts import LAYOUTS
from zoo.bulk.names import file_names
from zoo.bulk.places import Local, is_remote, open_place
from zoo.bulk.verify import holds_data
from zoo.checkpoints import Folder
from zoo.common import arguments
from zoo.common.errors import HubError, OutputError
from zoo.hub.push import push as push_checkpoint

if TYPE_CHECKING:
    from zoo.hub.push import Pushed


def push(
    reference: str | os.PathLike[str] | Folder,
    repository: str,
    *,
    private: bool = False,
    revision: str = "main",
    message: str | None = None,
    dry_run: bool = False,
    endpoint: str | None = None,
    token: str | None = None,
    agree: Callable[[Any, str], bool] | None = None,
) -> "Pushed":
    """Publish a checkpoint, or a data set of samples, in a repository of the Hub.

    The repository is made if there is none. A checkpoint is sent in one commit: only its own files,
    and what people wrote into the README.md on the Hub stays there. A repository with changes that
    this machine has not seen is not written to. A data set is sent in commits of 50 files; what is
    there already is not sent again.

    **Arguments:**
    - `reference`: a checkpoint's name, the path of its folder, or `hf:OWNER/REPO[@REVISION]`; or
        the folder of a data set that `zoo.generate` made.
    - `repository`: where to, as "OWNER/REPO".
    - `private`: make a new repository a private one.
    - `revision`: which branch; a new one is made from main.
    - `message`: what the commit is called.
    - `dry_run`: find out what would be sent, and send nothing.
    - `endpoint`: address of the Hub; `HF_ENDPOINT` or https://huggingface.co unless given.
    - `token`: access token of the Hub; `HF_TOKEN` unless given, and for huggingface.co the stored
        login.
    - `agree`: is called with the plan and the address before anything is sent; nothing is sent
        when it returns False.

    **Returns:** the address, the commit and what was changed.

    **Raises:** `NotFoundError` and `CheckpointError` as for any reference; `OutputError` for a data
    set that is not whole; `HubError` when the Hub can't be reached, refuses, or holds something
    that was never seen here."""
    words: dict[str, Any] = {
        "private": private,
        "revision": revision,
        "dry_run": dry_run,
        "endpoint": endpoint,
        "token": token,
        "agree": agree,
    }
    if isinstance(reference, Folder) or not is_data(reference):
        return push_checkpoint(reference, repository, message=message, **words)
    from zoo.hub.push_data import push_data

    name = arguments.reference(reference)
    files, told = _files(name)
    return push_data(
        files,
        repository,
        is_own=lambda content: MARK.encode() in content,
        message=message or told,
        **words,
    )


def is_data(reference: Any) -> bool:
    """Whether a reference is a data set of samples and not a checkpoint."""
    return isinstance(reference, str | os.PathLike) and holds_data(arguments.reference(reference))


def _files(name: str) -> tuple[dict[str, Path], str]:
    """The files of a data set by their names, the manifests and the card last, and a title.

    **Raises:** `OutputError` when a file is missing."""
    if is_remote(name):
        raise HubError(
            f"{name} is not on this machine: copy it to a folder here, and push that folder."
        )
    place = open_place(name)
    assert isinstance(place, Local)
    shards: dict[str, Path] = {}
    ends: dict[str, Path] = {}
    rows = 0
    for lot in lots.places(place):
        whole = manifest.read_manifest(lot)
        if whole is None:
            raise OutputError(
                f"{lot.text} holds no finished data set: give the command that makes it again."
            )
        assert isinstance(lot, Local)
        before = "" if lot.path == place.path else f"{lot.path.name}/"
        rows += whole.rows
        for one in whole.records:
            names = [one.file]
            if not LAYOUTS[whole.plan.asked.format].one_file:
                names = list(file_names(one.start, one.stop, whole.plan))
            found = {f"{before}{file}": lot.path / file for file in names}
            there = {file: path for file, path in found.items() if path.is_file()}
            if sum(path.stat().st_size for path in there.values()) != one.bytes:
                raise OutputError(
                    f"{one.file} of {lot.text} is missing or damaged. See: zoo verify {name}"
                )
            shards |= there
        ends[f"{before}{manifest.MANIFEST}"] = lot.path / manifest.MANIFEST
    if (place.path / CARD).is_file():
        ends[CARD] = place.path / CARD
    noun = place.path.absolute().name
    return shards | ends, f"{noun}, {rows:,} samples"
