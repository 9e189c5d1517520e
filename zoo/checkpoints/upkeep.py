"""Keeping the home in order: remove and verify checkpoints, and free room."""

import os
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from zoo.checkpoints.folder import ORIGIN, TRAINING, WEIGHTS
from zoo.checkpoints.records import INDEX
from zoo.checkpoints.store import Store
from zoo.common import arguments, files, leftovers, notes
from zoo.common.errors import (
    CheckpointError,
    NotFoundError,
    PluginError,
    ZooError,
)
from zoo.common.tables import Listing
from zoo.registry import installed

# folders of the home, by what is in them
FOLDERS = ("checkpoints", "runs", "directions", "data", "features", "runtime")
# what of the home can be had again: by computing it, or by downloading it
PRUNABLE = ("data", "features", "runtime", "caches")


def remove(names: str | Sequence[str]) -> Listing:
    """Remove checkpoints and unfinished trainings from your store.

    The folder of a finished training is removed with its checkpoint. When a checkpoint and an
    unfinished training have the same name, only the checkpoint is removed.

    **Arguments:**
    - `names`: one or several names, or patterns such as "test-*".

    **Returns:** records that show themselves as a table: what `would_remove` says of each, with
    `bytes_freed` and `stays_bundled` (it still comes with its plugin).

    **Raises:** `NotFoundError` when a name is not in the store: then nothing is removed.
    """
    store = Store(installed().checkpoints)
    removed = []
    for one in would_remove(names, store=store):
        freed = store.remove(one["name"])
        offered = store.catalogue.get(one["name"])
        stays = bool(offered and offered.bundled)
        removed.append({**one, "bytes_freed": freed, "stays_bundled": stays})
    return Listing(removed, ("name", "what", "bytes_freed"))


def would_remove(names: str | Sequence[str], *, store: Store | None = None) -> list[dict[str, Any]]:
    """What `remove` would remove, without doing it.

    **Arguments:**
    - `names`: as for `remove`.
    - `store`: where; the store at the home unless given.

    **Returns:** for each its `name`, `what` ("checkpoint" or "training"), `with_run` (whether the
    folder of its training goes along), `bytes` and `paths`.

    **Raises:** as `remove` does.
    """
    store = store or Store(installed().checkpoints)
    here = [name for name in store.names() if store.holds(name)]
    chosen = []
    for name in _matching(names, sorted({*here, *store.runs()})):
        going = store.going(name)
        checkpoint = store.holds(name)
        chosen.append(
            {
                "name": name,
                "what": "checkpoint" if checkpoint else "training",
                "with_run": checkpoint and len(going) > 1,
                "bytes": sum(map(files.size, going)),
                "paths": [str(one) for one in going],
            }
        )
    return chosen


def verify(names: str | Sequence[str] = ()) -> list[dict[str, Any]]:
    """Check the files of checkpoints against their digests.

    zoo also loads checkpoints from a Hub: their weights must fit their model and be finite.

    **Arguments:**
    - `names`: one or several names, or patterns such as "*mnist*"; by default all checkpoints that
        are here.

    **Returns:** for each its `name`, `ok`, and `files`: for each file "ok", "damaged", "missing",
    "unreadable" or "unfit" (it does not fit its model). One that can't be read also has `why`.

    **Raises:** `NotFoundError` for an unknown name.
    """
    store = Store(installed().checkpoints)
    here = [entry.name for entry in store.entries() if entry.path or entry.origin]
    listed = arguments.names(names)
    chosen = _matching(listed, here) if listed else here
    for name in chosen:
        if files.is_path(name):
            raise NotFoundError(
                f"verify takes names of checkpoints, such as those of zoo list, not the path "
                f"{name}: what lies outside the store has no digests to check it against.",
                name=name,
            )
    unread: dict[str, str] = {}
    verdicts = {name: _hashed(store, name, unread) for name in chosen}
    for name, found in verdicts.items():
        from_hub = store.entry(name).origin.get("source") == "hub"
        if from_hub and set(found.values()) == {"ok"}:
            found[WEIGHTS] = _fits(store, name)
    return [
        {"name": name, "ok": set(found.values()) == {"ok"}, "files": found}
        | ({"why": unread[name]} if name in unread else {})
        for name, found in verdicts.items()
    ]


def space(*, prune: bool = False) -> Listing:
    """Show how much disk space the zoo uses, or free some of it.

    **Arguments:**
    - `prune`: remove what can be downloaded or computed again: data sets, features, caches and the
        runtime of exported pages. Checkpoints, trainings and directions stay.

    **Returns:** for each kind of thing its `what` ("checkpoints", "runs", "directions", "data",
    "features", "runtime", "caches" or "other"), `number`, `size` (bytes), `prunable`, `freed`
    (bytes) and `path`.

    **Raises:** `OutputError` for what can't be removed; `ConfigError` for a user without a home.
    """
    root = Store({}).root
    records = []
    for what, places in _kinds(root).items():
        there = [one for one in places if _exists(one)]
        size = sum(map(files.size, there))
        freed = 0
        if prune and what in PRUNABLE:
            for one in there:
                freed += files.size(one)
                with files.writing(one):
                    files.remove(one)
        records.append(
            {
                "what": what,
                "number": len(there),
                "size": size,
                "prunable": what in PRUNABLE,
                "freed": freed,
                "path": str(root if what in ("caches", "other") else root / what),
            }
        )
    return Listing(records, ("what", "number", "size", "path"))


def _kinds(root: Path) -> dict[str, list[Path]]:
    """What lies in the home, by kind."""
    kinds = {what: _inside(root / what) for what in FOLDERS}
    kinds["caches"] = [
        root / INDEX,
        *_inside(root / "caches"),
        *(one for one in _inside(root / "scratch") if leftovers.is_abandoned(one)),
    ]
    known = {*kinds, "scratch", "locks", "places", Path(INDEX).parts[0]}
    kinds["other"] = [one for one in _inside(root) if one.name not in known]
    return kinds


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(one for one in folder.iterdir() if one.name != files.LOCK)
    except OSError:
        return []


def _exists(path: Path) -> bool:
    try:
        path.lstat()
    except OSError:
        return False
    return True


def _matching(names: str | Sequence[str], known: Iterable[str]) -> list[str]:
    """The names that are asked for: patterns are matched against those that are known."""
    chosen: dict[str, None] = {}
    for name in arguments.names(names):
        if set(name) & set("*?["):
            found = [one for one in known if fnmatchcase(one, name)]
            if not found:
                raise NotFoundError(f"Nothing here matches {name!r}. See: zoo list", name=name)
            chosen |= dict.fromkeys(found)
        else:
            chosen[name] = None
    return list(chosen)


def _hashed(store: Store, name: str, unread: dict[str, str]) -> dict[str, str]:
    """The verdicts on the files of a checkpoint. One that can't be read hides none of the others:
    `unread` gets the reason.
    """
    try:
        return store.verify(name)
    except CheckpointError as error:
        unread[name] = str(error)
        return {ORIGIN: "unreadable"}


def _fits(store: Store, name: str) -> str:
    """The verdict on weights that a stranger made, by loading them."""
    from zoo.checkpoints import weights

    folder = store.folder(name)
    try:
        weights.read_model(folder, training_parts=folder.has(TRAINING))
    except (NotFoundError, PluginError) as error:
        # for the want of a plugin: nothing is wrong with the file
        notes.logger().warning("%s was not loaded, only hashed: %s", name, error)
    except ZooError as error:
        notes.logger().warning("%s: %s", name, error)
        return "unfit"
    return "ok"


def refuse_damaged(verdicts: Sequence[dict[str, Any]]) -> None:
    """Raise `CheckpointError` when one of the verdicts of `verify` is not "ok"."""
    bad = [one["name"] for one in verdicts if not one["ok"] and "why" not in one]
    told = [f"{one['name']} was not checked. {one['why']}" for one in verdicts if "why" in one]
    if bad:
        told.insert(
            0, f"Damaged: {', '.join(bad)}. Remove each (zoo rm NAME), then pull or train it again."
        )
    if told:
        raise CheckpointError(
            "\n".join(told), known=[one["name"] for one in verdicts if not one["ok"]]
        )


def left_behind(*, remove: bool = False) -> list[Path]:
    """What killed processes left half-written, in the home and in the folder that one works in.
    What a living process is writing is not among it.

    **Arguments:**
    - `remove`: remove it.

    **Returns:** the files and folders, or those that were removed.
    """
    store = Store({})
    found = [one for one in _inside(store.root / "scratch") if leftovers.is_abandoned(one)]
    if remove and found:
        store.clean()
        found = [one for one in found if not _exists(one)]
    for folder in [Path.cwd(), *_folders_below(store.root)]:
        own = folder != Path.cwd()
        if remove:
            found += leftovers.sweep(folder, all_partials=own)
        else:
            found += leftovers.in_folder(folder, all_partials=own)
    return found


def _folders_below(root: Path) -> Iterator[Path]:
    """The folders of the home, those of scratch aside."""
    for folder, inner, _ in os.walk(root):
        if Path(folder) == root and "scratch" in inner:
            inner.remove("scratch")
        inner[:] = [one for one in inner if not one.endswith(".partial")]
        yield Path(folder)
