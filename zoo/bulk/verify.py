"""Check what lies on the disk against its digests: checkpoints, and data sets of samples."""

import hashlib
from collections.abc import Sequence
from typing import Any

from zoo.bulk import lots, manifest
from zoo.bulk.card import command
from zoo.bulk.layouts import LAYOUTS
from zoo.bulk.manifest import Manifest, Record, digest_of
from zoo.bulk.names import file_names
from zoo.bulk.places import Place, is_remote, open_place
from zoo.checkpoints import refuse_damaged as refuse_damaged_checkpoints
from zoo.checkpoints import verify as verify_checkpoints
from zoo.common import arguments, files
from zoo.common.errors import CheckpointError, OutputError

# bytes of a file that are hashed at once
PIECE = 1 << 20


def verify(names: str | Sequence[str] = ()) -> list[dict[str, Any]]:
    """Check the files of checkpoints and of data sets against their digests.

    zoo also loads checkpoints from a Hub: their weights must fit their model and be finite.

    **Arguments:**
    - `names`: one or several names of checkpoints, patterns such as "*mnist*", or folders and
        addresses of data sets that `zoo.generate` made; by default all checkpoints that are here.

    **Returns:** for each its `name`, `ok`, and `files`: for each file "ok", "damaged", "missing",
    "unreadable" or "unfit" (it does not fit its model). One that can't be read also has `why`; a
    data set has the `commands` that make again what is damaged.

    **Raises:** `NotFoundError` for an unknown name; `OutputError` for a data set that is not
    finished.
    """
    listed = arguments.names(names)
    sets = {name: open_place(name) for name in listed if holds_data(name)}
    others = [name for name in listed if name not in sets]
    verdicts = verify_checkpoints(others) if others or not listed else []
    return [*verdicts, *(_verdict(name, place) for name, place in sets.items())]


def holds_data(name: str) -> bool:
    """Whether a name is the folder or the address of a data set, begun or finished."""
    if is_remote(name):
        return True
    if not files.is_path(name):
        return False
    place = open_place(name)
    return any(place.read(one) is not None for one in (manifest.MANIFEST, manifest.PLAN))


def _verdict(name: str, place: Place) -> dict[str, Any]:
    found: dict[str, str] = {}
    again = []
    for lot in lots.places(place):
        whole = manifest.read_manifest(lot)
        if whole is None:
            raise OutputError(
                f"{lot.text} holds no finished data set: there is no {manifest.MANIFEST}. Give the "
                "command that makes it again.",
                path=lot.text,
            )
        start = lot.text.removeprefix(place.text.rstrip("/")).lstrip("/")
        states = {one.file: _state(lot, whole, one) for one in whole.records}
        if set(states.values()) != {"ok"}:
            asked = whole.plan.asked
            extend = " --extend" if start else ""
            again.append(command(asked, name, n=asked.start + asked.n) + extend)
        found |= {f"{start}/{file}" if start else file: state for file, state in states.items()}
    return {"name": name, "ok": not again, "files": found, "commands": again}


def refuse_damaged(verdicts: Sequence[dict[str, Any]]) -> None:
    """Raise `CheckpointError` when one of the verdicts of `verify` is not "ok"."""
    for one in verdicts:
        if one.get("commands"):
            raise CheckpointError(
                f"Damaged: {one['name']}. Remove its files that are damaged, and make them again: "
                f"{'; '.join(one['commands'])}",
                path=one["name"],
            )
    refuse_damaged_checkpoints(verdicts)


def _state(place: Place, whole: Manifest, record: Record) -> str:
    """What a shard is: "ok", "damaged" or "missing"."""
    try:
        if LAYOUTS[whole.plan.asked.format].one_file:
            digest = _digest(place, record.file)
            return "missing" if digest is None else _compared(digest, record)
        digests = {
            name: digest
            for name in file_names(record.start, record.stop, whole.plan)
            if (digest := _digest(place, name)) is not None
        }
    except OSError:
        return "unreadable"
    if len(digests) < record.rows:
        return "missing"
    return _compared(digest_of(digests), record)


def _compared(digest: str, record: Record) -> str:
    return "ok" if digest == record.sha256 else "damaged"


def _digest(place: Place, name: str) -> str | None:
    """The SHA-256 of a file, read piece by piece; None when it isn't there."""
    digest = hashlib.sha256()
    try:
        with place.open(name) as file:
            while piece := file.read(PIECE):
                digest.update(piece)
    except FileNotFoundError:
        return None
    return digest.hexdigest()
