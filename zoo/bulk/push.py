"""Publish on the Hub: a checkpoint, or a data set of samples."""

import os
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from zoo.bulk import lots, manifest
from zoo.bulk.card import CARD, MARK
from zoo.bulk.manifest import MANIFEST, Record
from zoo.bulk.places import Local, open_place
from zoo.bulk.verify import holds_data
from zoo.checkpoints import Folder
from zoo.common import arguments
from zoo.common.errors import HubError, OutputError
from zoo.hub.push import push_checkpoint

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
    return _push_data(arguments.reference(reference), repository, message, words)


def is_data(reference: Any) -> bool:
    """Whether a reference is a data set of samples and not a checkpoint."""
    return isinstance(reference, str | os.PathLike) and holds_data(arguments.reference(reference))


def _push_data(name: str, repository: str, message: str | None, words: dict[str, Any]) -> "Pushed":
    from zoo.hub.push_data import push_data

    place = open_place(name)
    if not isinstance(place, Local):
        raise HubError(
            f"{name} is not on this machine: copy it to a folder here, and push that folder."
        )
    shards = list(_shards(place))
    names = [called for _, own in shards for called in own.values()]
    # last, so that a push that was stopped has none
    names += [MANIFEST, *(f"{folder}/{MANIFEST}" for folder in lots.folders(place))]
    names += [CARD] if (place.path / CARD).is_file() else []

    def check(digests: Mapping[str, str]) -> None:
        for record, own in shards:
            found = {file: digests[called] for file, called in own.items()}
            if not record.fits(found):
                raise OutputError(
                    f"{record.file} of {name} is missing or damaged. Nothing was sent. See: "
                    f"zoo verify {name}"
                )

    rows = sum(record.rows for record, _ in shards)
    return push_data(
        {one: place.path / one for one in names},
        repository,
        is_own=lambda content: MARK.encode() in content,
        check=check,
        message=message or f"{place.path.absolute().name}, {rows:,} samples",
        **words,
    )


def _shards(place: Local) -> Iterator[tuple[Record, dict[str, str]]]:
    """The shards of a data set and of its extensions: the record of each, and its files that are
    there: what they are called in the data set, by their names in the folder of the record.

    **Raises:** `OutputError` when the data set or an extension is not finished."""
    for folder in ("", *lots.folders(place)):
        lot = place.inner(folder) if folder else place
        whole = manifest.read_manifest(lot)
        if whole is None:
            raise OutputError(
                f"{lot.text} holds no finished data set: give the command that makes it again."
            )
        there = manifest.files_there(lot, whole.plan)
        for one in whole.records:
            names = there.get(one.number, ())
            yield one, {name: f"{folder}/{name}" if folder else name for name in names}
