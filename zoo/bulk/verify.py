"""Check what lies on the disk against its digests: checkpoints, and data sets of samples."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from zoo.bulk import lots, manifest
from zoo.bulk.card import command
from zoo.bulk.layouts import LAYOUTS
from zoo.bulk.manifest import Record
from zoo.bulk.places import Place, is_remote, open_place
from zoo.bulk.plan import Plan
from zoo.checkpoints import refuse_damaged as refuse_damaged_checkpoints
from zoo.checkpoints import verify as verify_checkpoints
from zoo.common import arguments, files
from zoo.common.errors import CheckpointError, OutputError, counted

# bytes of a file that are hashed at once
PIECE = 1 << 20


def verify(names: str | Sequence[str] = ()) -> list[dict[str, Any]]:
    """Check the files of checkpoints and of data sets against their digests.

    zoo also loads checkpoints from a Hub: their weights must fit their model and be finite.

    **Arguments:**
    - `names`: one or several names of checkpoints, patterns such as "*mnist*", or folders and
        addresses of data sets that `zoo.generate` made; by default all checkpoints that are here.

    **Returns:** for each its `name`, `ok`, and `files`: for each file "ok", "damaged", "missing",
    "unreadable", "unfit" (it does not fit its model) or "stray" (it lies among the shards of a data
    set and is none of them, so a reader would take it for samples). One that can't be read also has
    `why`; a data set has the `commands` that make again what is damaged.

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
        there = manifest.files_there(lot, whole.plan)
        states = {
            one.file: _state(lot, whole.plan, one, there.get(one.number, ()))
            for one in whole.records
        }
        if set(states.values()) != {"ok"}:
            asked = whole.plan.asked
            extend = " --extend" if start else ""
            again.append(command(asked, name, n=asked.start + asked.n) + extend)
        states |= dict.fromkeys(sorted(there.get(None, ())), "stray")
        found |= {f"{start}/{file}" if start else file: state for file, state in states.items()}
    ok = set(found.values()) <= {"ok"}
    return {"name": name, "ok": ok, "files": found, "commands": again}


def refuse_damaged(verdicts: Sequence[dict[str, Any]]) -> None:
    """Raise `CheckpointError` when one of the verdicts of `verify` is not "ok"."""
    for one in verdicts:
        if one.get("commands"):
            raise CheckpointError(
                f"Damaged: {one['name']}. Remove its files that are damaged, and make them again: "
                f"{'; '.join(one['commands'])}",
                path=one["name"],
            )
        if strays := [file for file, state in one["files"].items() if state == "stray"]:
            raise CheckpointError(
                f"{one['name']} has {counted(len(strays), 'file')} that no shard has, such as "
                f"{strays[0]}: a reader would take it for samples. Move them elsewhere.",
                path=one["name"],
            )
    refuse_damaged_checkpoints(verdicts)


def _state(place: Place, plan: Plan, record: Record, names: Iterable[str]) -> str:
    """What a shard is whose files have these names: "ok", "damaged", "missing" or "unreadable"."""
    try:
        digests = {name: _digest(place, name) for name in names}
    except OSError:
        return "unreadable"
    if record.fits(digests):
        return "ok"
    made = 1 if LAYOUTS[plan.asked.format].one_file else record.rows
    return "missing" if len(digests) < made else "damaged"


def _digest(place: Place, name: str) -> str:
    """The SHA-256 of a file, read piece by piece."""
    digest = hashlib.sha256()
    with place.open(name) as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()
