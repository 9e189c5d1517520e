"""Get a checkpoint, from a plugin's bundle or from the Hub, and verify it."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.checkpoints import ORIGIN, Entry, Folder, Store, parse_hub
from zoo.common import arguments, files
from zoo.common.errors import CheckpointError, ConfigError, HubError, NotFoundError
from zoo.common.watching import Watch
from zoo.hub.endpoint import refuse_broken
from zoo.registry import Checkpoint, claimed_maker, installed

SOURCES = ("bundle", "hub")


_log = logging.getLogger("zoo")


@dataclass(frozen=True)
class _Wish:
    """How to pull: as `pull` takes it."""

    source: str | None
    update: bool
    endpoint: str | None
    token: str | None
    watch: Watch | None


def pull(
    reference: str,
    *,
    source: str | None = None,
    update: bool = False,
    endpoint: str | None = None,
    token: str | None = None,
    watch: Watch | None = None,
) -> Path:
    """Get a checkpoint, verify it, and make it the current one.

    One that is here already is not fetched again.

    **Arguments:**
    - `reference`: a name that `zoo list` shows, or `hf:OWNER/REPO[@REVISION]`.
    - `source`: "bundle" or "hub", where to take it from. Unless given, a checkpoint that comes with
        a plugin is taken from there.
    - `update`: get it again if it has changed at its source since.
    - `endpoint`: address of the Hub; `HF_ENDPOINT` or https://huggingface.co unless given.
    - `token`: access token of the Hub; `HF_TOKEN` unless given, and for huggingface.co the stored
        login.
    - `watch`: shows progress. It is called with batches of bytes, how many bytes there are in all
        and the name of the file, and passes the batches on.

    **Returns:** the checkpoint's folder.

    **Raises:** `NotFoundError` for an unknown name; `HubError` when the Hub can't be reached,
    refuses, or sends something else than it announced; `CheckpointError` when a bundled checkpoint
    is damaged; `OutputError` when the store can't be written."""
    reference = arguments.name(reference)
    if source not in (None, *SOURCES):
        raise ConfigError(f"source is 'bundle' or 'hub', not {source!r}.")
    store = Store(installed().checkpoints)
    path = _pull(store, reference, _Wish(source, update, endpoint, token, watch))
    store.make_current(reference)
    return path


def update_all(
    *,
    endpoint: str | None = None,
    token: str | None = None,
    watch: Watch | None = None,
) -> tuple[dict[str, Path], list[str]]:
    """Get all that were pulled and have changed since. One that fails keeps no other from its
    update.

    **Arguments:** as `pull` takes them.

    **Returns:** the folders by name, and the names of those that could not be updated."""
    store = Store(installed().checkpoints)
    wish = _Wish(None, True, endpoint, token, watch)
    updated, failed = {}, []
    for name in [entry.name for entry in store.entries() if entry.state == "pulled"]:
        try:
            updated[name] = _pull(store, name, wish)
        except HubError as error:
            _log.info("%s", error)
            failed.append(name)
    return updated, failed


def outdated(entry: Entry, *, endpoint: str | None = None, token: str | None = None) -> bool:
    """Whether a pulled checkpoint has changed at its source: in its plugin, or on the Hub that it
    came from.

    That takes one request at most, and none where the catalogue or the reference names a commit.
    """
    if entry.origin.get("source") != "hub":
        return bool(entry.checkpoint and entry.checkpoint.sha256 != entry.origin.get("sha256"))
    refuse_broken()
    from zoo.hub.download import commit_of
    from zoo.hub.session import connected

    repository, revision = _repository_of(entry)
    endpoint = endpoint or entry.origin.get("endpoint")
    doing = f"look up {repository} on"
    with connected(doing, repository, revision, endpoint=endpoint, token=token) as session:
        return commit_of(session, repository, revision) != entry.origin.get("commit")


def _pull(store: Store, name: str, wish: _Wish) -> Path:
    entry = store.entry(name)
    source, endpoint = wish.source, wish.endpoint
    here = entry.path if entry.origin and entry.state != "damaged" else None
    if here and source is None and not wish.update:
        _log.info("%s is here already (%s).", name, _whence(entry))
        return here
    if entry.state == "trained":
        raise NotFoundError(f"{name} was trained here: it can't be pulled.")
    if here and source is None:
        if entry.origin.get("source") == "hub":
            source, endpoint = "hub", endpoint or entry.origin.get("endpoint")
        if not outdated(entry, endpoint=endpoint, token=wish.token):
            _log.info("%s is up to date.", name)
            return here
    if entry.checkpoint and entry.checkpoint.bundled and source != "hub":
        return _pull_bundled(store, entry.checkpoint, entry.checkpoint.bundled)
    if source == "bundle":
        raise NotFoundError(f"{name} is not bundled with any plugin.")
    return _pull_hub(store, entry, endpoint, wish)


def _whence(entry: Entry) -> str:
    endpoint = entry.origin.get("endpoint")
    return f"{entry.state} from {endpoint}" if endpoint else entry.state


def _pull_bundled(store: Store, checkpoint: Checkpoint, bundled: Path) -> Path:
    """Verify a bundled checkpoint against the catalogue and record it; its files stay where they
    are.
    """
    store.refuse_gone_bundle(checkpoint.name, bundled)
    folder = Folder(bundled)
    for file, digest in checkpoint.sha256.items():
        if folder.digest(file) != digest:
            raise CheckpointError(
                f"{bundled / file} is damaged: its sha256 is not the one in the catalogue. "
                "Reinstall its plugin."
            )
    plugin = installed().offered_by("checkpoints", checkpoint.name)
    origin: dict[str, Any] = {"source": "bundle", "sha256": dict(checkpoint.sha256)}
    if plugin:
        origin |= {"distribution": plugin.distribution, "version": plugin.version}
    with store.adding(checkpoint.name, replace=True) as scratch:
        files.write_json(scratch / ORIGIN, origin)
    _say_pulled(checkpoint.name, files.size(bundled))
    return bundled


def _pull_hub(store: Store, entry: Entry, endpoint: str | None, wish: _Wish) -> Path:
    refuse_broken()
    from zoo.hub.download import download

    repository, revision = _repository_of(entry)
    with store.adding(entry.name, replace=True) as scratch:
        folder = Folder(scratch, entry.name)
        download(
            repository,
            revision,
            folder,
            entry.checkpoint.sha256 if entry.checkpoint else {},
            endpoint=endpoint,
            token=wish.token,
            watch=wish.watch,
        )
        taken = files.size(scratch)
    _say_pulled(entry.name, taken)
    if folder.model not in installed().models:
        _log.info(
            "No installed plugin offers its model %r.%s",
            folder.model,
            claimed_maker(folder.config),
        )
    # not looked for in the store: another process may be replacing it with the same
    return store.directory(entry.name)


def _say_pulled(name: str, size: int) -> None:
    _log.info("Pulled %s: %s, verified.", name, files.readable_size(size))


def _repository_of(entry: Entry) -> tuple[str, str | None]:
    """The repository that a checkpoint is pulled from, and its revision: None for the newest of the
    default branch.
    """
    if not entry.checkpoint:
        return parse_hub(entry.name)
    if not entry.checkpoint.repo_id:
        raise NotFoundError(f"The plugin of {entry.name} names no Hub to pull it from.")
    return entry.checkpoint.repo_id, entry.checkpoint.revision or None
