"""What is there of a data set: a record of each shard, and one manifest of all."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from typing import Any

from zoo.bulk.layouts import LAYOUTS
from zoo.bulk.names import shard_of
from zoo.bulk.places import WORK, Place
from zoo.bulk.plan import FORMAT, Plan, Shard
from zoo.bulk.typed import read
from zoo.common import files
from zoo.common.errors import OutputError

MANIFEST = "manifest.json"
PLAN = f"{WORK}/plan.json"
RECORDS = f"{WORK}/shards"


@dataclass(frozen=True, kw_only=True)
class Record:
    """A shard that is whole.

    **Arguments:**
    - `number`, `file`, `start`, `stop`: as the plan has them.
    - `rows`: samples that are kept; `classes`: the same by class.
    - `bytes`, `sha256`: of its file, or of all its files.
    - `environment`: where it was made; in a manifest, only where it is not the plan's.
    """

    number: int
    file: str
    start: int
    stop: int
    rows: int
    bytes: int
    sha256: str
    classes: Mapping[int, int] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON values, without what is empty."""
        classes = {str(label): count for label, count in self.classes.items()}
        values = {**asdict(self), "classes": classes, "environment": dict(self.environment)}
        return {name: value for name, value in values.items() if value != {}}

    @classmethod
    def from_dict(cls, values: Any) -> "Record":
        """A record from JSON values.

        **Raises:** `ValueError` for what is none."""
        if isinstance(values, dict) and isinstance(values.get("classes"), dict):
            # JSON has no whole numbers as names
            classes = {int(label): count for label, count in values["classes"].items()}
            values = {**values, "classes": classes}
        record = read(cls, values)
        if not 0 <= record.rows <= record.stop - record.start or record.bytes < 0:
            raise ValueError("numbers out of range")
        return record

    def is_of(self, shard: Shard) -> bool:
        """Whether it records this shard of a plan."""
        own = (self.number, self.file, self.start, self.stop)
        return own == (shard.number, shard.name, shard.start, shard.stop)

    def fits(self, digests: Mapping[str, str]) -> bool:
        """Whether its files are those that were made.

        **Arguments:**
        - `digests`: the SHA-256 of each that is there, by name.
        """
        return digests.get(self.file, digest_of(digests)) == self.sha256

    def write(self, place: Place) -> None:
        """Record that the shard is whole."""
        place.write(f"{RECORDS}/{self.number:05}.json", _bytes(self.to_dict()))


@dataclass(frozen=True)
class Manifest:
    """A data set that is whole.

    **Arguments:**
    - `plan`: what was to be made.
    - `records`: one for each shard, in order.
    """

    plan: Plan
    records: list[Record]

    @property
    def rows(self) -> int:
        """How many samples it holds."""
        return sum(one.rows for one in self.records)

    @property
    def bytes(self) -> int:
        """How large its shards are."""
        return sum(one.bytes for one in self.records)

    @property
    def classes(self) -> dict[int, int]:
        """How many samples of each class it holds."""
        counts: dict[int, int] = {}
        for one in self.records:
            for label, count in one.classes.items():
                counts[label] = counts.get(label, 0) + count
        return dict(sorted(counts.items()))

    def write(self, place: Place) -> None:
        """Write manifest.json: a line for each shard."""
        head = {
            "format": FORMAT,
            "made_by": f"genzoo {version('genzoo')}",
            "plan": self.plan.to_dict(),
            "draws": self.plan.asked.n,
            "rows": self.rows,
            "bytes": self.bytes,
            "classes": {str(label): count for label, count in self.classes.items()},
        }
        text = _text(head, indent=2).removesuffix("\n}")
        lines = ",\n".join(f"    {_text(one.to_dict())}" for one in self.records)
        place.write(MANIFEST, f'{text},\n  "shards": [\n{lines}\n  ]\n}}\n'.encode())


def read_manifest(place: Place) -> Manifest | None:
    """The manifest of a data set that is whole; None where there is none.

    **Raises:** `OutputError` for one that can't be read."""
    values = _read(place, MANIFEST)
    if values is None:
        return None
    try:
        records = [Record.from_dict(one) for one in values["shards"]]
        plan = Plan.from_dict(values["plan"])
        # its names of files are opened and sent, so they are those of the plan and no others
        if not all(map(Record.is_of, records, plan.shards())) or len(records) != plan.count:
            raise ValueError("other shards than planned")
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable(place, MANIFEST) from error
    return Manifest(plan, records)


def read_plan(place: Place) -> Plan | None:
    """The plan of a data set that is not whole yet; None where there is none."""
    values = _read(place, PLAN)
    return None if values is None else Plan.from_dict(values)


def write_plan(place: Place, plan: Plan) -> None:
    """Keep a plan before its first shard is made."""
    place.write(PLAN, _bytes(plan.to_dict()))


def recorded(place: Place, plan: Plan) -> Iterator[Record]:
    """The records of shards that were made; of those that another plan made, none."""
    known = {f"{number:05}.json": number for number in range(plan.count)}
    for name in place.names(RECORDS):
        if name not in known:
            continue
        try:
            record = Record.from_dict(_read(place, f"{RECORDS}/{name}"))
        except (OutputError, ValueError):
            # it was cut off by a power cut: the shard is made again
            continue
        if record.is_of(plan.shard(known[name])):
            yield record


def whole(place: Place, plan: Plan, records: Iterable[Record]) -> list[Record]:
    """The records whose files are there with the size that they had."""
    there = files_there(place, plan)
    return [one for one in records if sum(there.get(one.number, {}).values()) == one.bytes]


def files_there(place: Place, plan: Plan) -> dict[int | None, dict[str, int]]:
    """The files among the shards that are there: by the number of the shard, their sizes by name.

    Those of None are strays: no shard has them, and a reader would take them for samples.
    """
    found: dict[int | None, dict[str, int]] = {}
    for name, size in place.sizes(LAYOUTS[plan.asked.format].files.partition("/")[0]).items():
        found.setdefault(shard_of(name, plan), {})[name] = size
    return found


def refuse_strays(place: Place, plan: Plan) -> None:
    """Refuse files that lie among the shards and are not of them.

    **Raises:** `OutputError` that names the first."""
    if LAYOUTS[plan.asked.format].one_file and (strays := files_there(place, plan).get(None)):
        raise OutputError(
            f"{place.text}/{min(strays)} is not of this data set, and a reader would take it for a "
            "part of it. Move it elsewhere and give the same command again."
        )


def digest_of(digests: Mapping[str, str]) -> str:
    """One digest of many files: the SHA-256 of the lines that sha256sum prints of them, by name."""
    lines = [f"{digest}  {name}\n" for name, digest in sorted(digests.items())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _read(place: Place, name: str) -> dict[str, Any] | None:
    content = place.read(name)
    if content is None:
        return None
    try:
        values = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _unreadable(place, name) from error
    if not isinstance(values, dict):
        raise _unreadable(place, name)
    return values


def _unreadable(place: Place, name: str) -> OutputError:
    return OutputError(
        f"{place.text}/{name} can't be read: it is damaged, or the zoo did not write it. Remove it "
        "and give the same command again."
    )


def _bytes(value: object) -> bytes:
    return f"{_text(value, indent=2)}\n".encode()


def _text(value: object, indent: int | None = None) -> str:
    """A value as JSON; names of files that are no UTF-8 are read back as they were."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return text if files.is_utf8(text) else json.dumps(value, indent=indent)
