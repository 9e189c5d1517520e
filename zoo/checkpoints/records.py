"""Records of checkpoints and of unfinished trainings, as `zoo list` and `zoo show` print them."""

import contextlib
import os
import stat
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from zoo.checkpoints.folder import CONFIG, FACTS, ORIGIN, WEIGHTS, Folder
from zoo.checkpoints.store import Entry, Store
from zoo.common import arguments, files, notes
from zoo.common.errors import CheckpointError, NotFoundError, OutputError, did_you_mean
from zoo.common.tables import Listing
from zoo.registry import NAME, describe, installed

# checkpoints of a store from which on what listing them needs is kept in a file
MANY = 50
INDEX = "cache/listing.json"  # that file, in the home
INDEX_LIMIT = 64 << 20  # bytes


SHOWN = ("name", "model", "dataset", "parameters", "size", "state", "summary")


def list_checkpoints(pattern: str | None = None, *, store: Store | None = None) -> Listing:
    """The checkpoints that are here or can be pulled, by name.

    **Arguments:**
    - `pattern`: only names that match it, such as "*mnist*".
    - `store`: where to look; the store at the home, with the installed catalogue, unless given.

    **Returns:** for each its `name`, `model`, `dataset`, `parameters`, `num_classes`, `license`,
    `summary`, `size` (bytes), `state` ("bundled", "pulled", "trained", "hub" or "damaged"),
    `plugin` (the distribution that offers it or its model) and `path`.
    """
    pattern = arguments.pattern(pattern)
    store = store or Store(installed().checkpoints)
    names = [name for name in store.names() if pattern is None or fnmatchcase(name, pattern)]
    index = _Index(store.root, len(names))
    records = [index.record(store, name) for name in names]
    index.keep()
    return Listing([record for record in records if record], SHOWN)


def list_runs(pattern: str | None = None, *, store: Store | None = None) -> Listing:
    """The trainings in the home that are not finished, by name.

    **Arguments:**
    - `pattern`: only names that match it, such as "*mnist*".
    - `store`: where to look; the store at the home unless given.

    **Returns:** for each its `name`, `model`, `dataset`, `epoch` (how many are done), `epochs`
    (how many were asked for, None when that is not known), `when` (its state was kept last, in ISO
    format), `size` (bytes) and `path`.

    **Raises:** `ConfigError` for a pattern that is no text.
    """
    pattern = arguments.pattern(pattern)
    store = store or Store(installed().checkpoints)
    records = [_run(name, store.run(name)) for name in store.runs()]
    chosen = [one for one in records if pattern is None or fnmatchcase(one["name"], pattern)]
    return Listing(chosen, ("name", "model", "dataset", "epoch", "epochs", "when", "size"))


def info(reference: str | os.PathLike[str] | Folder) -> dict[str, Any]:
    """All that is known of a checkpoint, a model, a data set or features.

    **Arguments:**
    - `reference`: a name, or what else `zoo.load` takes.

    **Returns:** of a checkpoint what `list_checkpoints` says and its `config`, `facts` and `card`;
    of anything else what `zoo show NAME --json` prints.

    **Raises:** `NotFoundError` when nothing has this name; `ConfigError` for another type.
    """
    if isinstance(reference, Folder):
        reference = reference.reference
    reference = arguments.reference(reference)
    store = Store(installed().checkpoints)
    registry = installed()
    offered = {**registry.features, **registry.datasets, **registry.models}
    in_store = not files.is_path(reference) and store.holds(reference)
    if reference in registry.models or (reference in offered and not in_store):
        return describe(reference)
    try:
        folder = store.folder(reference)
    except NotFoundError as error:
        known = {*offered, *store.names()}
        if not NAME.fullmatch(reference) or reference in known or Path(reference).exists():
            raise
        if store.run(reference).is_dir():
            raise
        raise NotFoundError(
            f"Nothing has the name {reference!r}.{did_you_mean(reference, known)}",
            name=reference,
            known=known,
        ) from error
    if folder.has(WEIGHTS):
        from zoo.checkpoints.format import check_weights

        check_weights(folder.file(WEIGHTS), folder)
    entry = None if files.is_path(reference) else store.entry(reference)
    record = _record(entry) if entry else {"name": reference, **_fields(folder)}
    return {
        **record,
        "name": reference,
        "path": str(folder.path),
        "config": folder.config,
        "facts": folder.facts,
        "card": _card(folder),
    }


def _card(folder: Folder) -> str | None:
    """The text of a card; None when there is none, or none that can be read, which is said."""
    try:
        return folder.card or None
    except CheckpointError as error:
        notes.logger().warning("%s", error)
        return None


class _Index:
    """What listing needs of each checkpoint in the store, kept in a file where there are many: a
    record is read again when one of the files that it comes from has changed.
    """

    def __init__(self, root: Path, number: int) -> None:
        self.path = root / INDEX
        self.kept: dict[str, Any] = _read_index(self.path) if number >= MANY else {}
        self.new: dict[str, Any] = {}
        self.changed = False
        self.number = number

    def record(self, store: Store, name: str) -> dict[str, Any] | None:
        """The record of a checkpoint; None when another process removed it just now."""
        if name in store.catalogue:
            return _record_of(store, name)
        directory = store.directory(name)
        try:
            size, stamp = _measure(directory)
        except OSError:
            return _record_of(store, name)
        known = self.kept.get(name)
        if not isinstance(known, list) or len(known) != 2 or known[0] != stamp:
            self.changed = True
            record = _record_of(store, name)
            if record is None or record["state"] == "damaged":
                return record
            own = {key: record[key] for key in record if key not in ("size", "plugin", "path")}
            known = [stamp, own]
        self.new[name] = known
        plugin = _distribution("models", known[1]["model"])
        return {**known[1], "size": size, "plugin": plugin, "path": str(directory)}

    def keep(self) -> None:
        """Write the file anew, where that is worth it."""
        if self.changed and self.number >= MANY:
            # a home that can't be written costs time only
            with contextlib.suppress(OutputError):
                files.write_json(self.path, {**self.kept, **self.new})


def _read_index(path: Path) -> dict[str, Any]:
    try:
        import json

        with files.open_regular(path) as file:
            found = json.loads(file.read(INDEX_LIMIT))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _measure(directory: Path) -> tuple[int, str]:
    """The bytes of a checkpoint's files, and a text that changes when a file that its record comes
    from does.
    """
    total = 0
    stamps = []
    with os.scandir(directory) as found:
        for one in found:
            status = one.stat(follow_symlinks=False)
            if stat.S_ISDIR(status.st_mode):
                total += files.size(Path(one.path))
                continue
            total += status.st_size
            if one.name in (CONFIG, FACTS, ORIGIN):
                stamps.append(f"{one.name}:{status.st_size}:{status.st_mtime_ns}")
    return total, " ".join(sorted(stamps))


def _record_of(store: Store, name: str) -> dict[str, Any] | None:
    try:
        return _record(store.entry(name))
    except NotFoundError:
        return None


def _record(entry: Entry) -> dict[str, Any]:
    offered = entry.checkpoint
    if offered:
        known: dict[str, Any] = {
            "model": offered.model,
            "dataset": offered.dataset,
            "parameters": offered.parameters,
            "num_classes": offered.num_classes,
            "license": offered.license,
            "summary": offered.summary,
        }
        plugin = _distribution("checkpoints", entry.name)
    else:
        known = _fields(Folder(entry.path) if entry.path else None)
        plugin = _distribution("models", known["model"])
    taken = 0
    if entry.path:
        # one that can't be read is damaged, which its state says
        with contextlib.suppress(OSError):
            taken = files.size(entry.path)
    path = str(entry.path) if entry.path else None
    return {
        "name": entry.name,
        **known,
        "size": taken,
        "state": entry.state,
        "plugin": plugin,
        "path": path,
    }


def _fields(folder: Folder | None) -> dict[str, Any]:
    """What the files of a checkpoint outside the catalogue say; nothing where they are damaged."""
    config: dict[str, Any] = {}
    facts: dict[str, Any] = {}
    if folder:
        try:
            config = folder.config
            facts = folder.facts
        except CheckpointError:
            pass
    inner = config.get("config")
    return {
        "model": str(config.get("model", "")),
        "dataset": str(facts.get("dataset", "")),
        "parameters": _whole(facts.get("parameters")),
        "num_classes": _whole(inner.get("num_classes")) if isinstance(inner, dict) else 0,
        "license": str(facts.get("license", "")),
        "summary": str(facts.get("summary", "")),
    }


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and 0 <= value < 1 << 63 else 0


def _run(name: str, folder: Path) -> dict[str, Any]:
    """The record of an unfinished training, by what its folder says."""
    settings = _read_run(folder / "run.json")
    asked = settings.get("epochs")
    done, when = 0, None
    with contextlib.suppress(OSError), files.open_regular(folder / "history.jsonl") as file:
        done = sum(1 for line in file if line.strip())
    for kept in ("state.safetensors", "run.json"):
        try:
            seconds = (folder / kept).stat().st_mtime
        except OSError:
            continue
        when = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
        break
    try:
        size = files.size(folder)
    except OSError:
        size = 0
    return {
        "name": name,
        "model": str(settings.get("model", "")),
        "dataset": str(settings.get("data", "")),
        "epoch": done,
        "epochs": asked if isinstance(asked, int) else None,
        "when": when,
        "size": size,
        "path": str(folder),
    }


def _read_run(path: Path) -> dict[str, Any]:
    try:
        return files.read_json(path)
    except CheckpointError:
        return {}


def _distribution(kind: str, name: str) -> str:
    plugin = installed().offered_by(kind, name)
    return plugin.distribution if plugin else ""
