"""What is to be made: which samples in which shard, fixed before the first shard is made."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from zoo.bulk.layouts import LAYOUTS
from zoo.bulk.typed import read
from zoo.common.errors import ConfigError, OutputError, counted
from zoo.common.words import either

# of plans and manifests; one with another number is not read
FORMAT = 1
# samples that the size of a shard is estimated by
SURVEYED = 1024
BATCH_SIZE = 256
UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9}
# bytes of a shard: below it Hubs and object stores take a file in one piece
LARGEST = 5 * 10**9
SHARD_SIZE = 100 * 10**6
# the names of shards have five digits
MOST_SHARDS = 100_000
# of a file with one sample, by its kind
SUFFIXES = {"image": "png", "audio": "wav", "text": "txt"}
# what may differ between two commands into one folder: how the checkpoint is called; a seed that is
# not given is the one of the plan
FREE = ("checkpoint", "seed")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a person asked for.

    **Arguments:**
    - `checkpoint`: how it is called; `sha256`: the digest of its weights.
    - `kind`: of its samples; `format`: of the shards.
    - `n`: how many samples are drawn; `start`: the index of the first.
    - `seed`: None when any will do.
    - `labels`: the classes that were asked for, by name or number, as texts.
    - `classes`: the same as numbers, which the samples take in turn; all classes when none was
        asked for; empty for an unconditional checkpoint.
    - `class_names`: what all labels mean.
    - `options`: of the model, as texts `name=value`.
    - `precision`, `batch_size`, `threads`: how to compute.
    - `shard_size`: bytes of a shard; `per_shard`: samples of a shard. At most one is given.
    - `where`: filters, as texts; `features`: the network that they ask, "" without filters.
    """

    checkpoint: str
    sha256: str
    kind: str
    format: str
    n: int
    start: int = 0
    seed: int | None = None
    labels: tuple[str, ...] = ()
    classes: tuple[int, ...] = ()
    class_names: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    precision: str = "float32"
    batch_size: int = BATCH_SIZE
    threads: int = 1
    shard_size: int | None = None
    per_shard: int | None = None
    where: tuple[str, ...] = ()
    features: str = ""

    @classmethod
    def from_dict(cls, values: Any) -> "Asked":
        """The same from JSON values.

        **Raises:** `ValueError` for values that are none."""
        asked = read(cls, values)
        if asked.format not in LAYOUTS or asked.kind not in LAYOUTS[asked.format].kinds:
            raise ValueError(f"format = {asked.format[:40]!r}, kind = {asked.kind[:40]!r}")
        if min(asked.n, asked.batch_size, asked.threads) < 1:
            raise ValueError("numbers out of range")
        if any(one < 0 for one in (asked.start, *asked.classes)):
            raise ValueError("numbers out of range")
        return asked


@dataclass(frozen=True)
class Shard:
    """A range of samples that are made together.

    **Arguments:**
    - `number`: from 0.
    - `start`, `stop`: the index of the first sample, and of the one after the last.
    - `name`: of its file, below the folder of the data set.
    """

    number: int
    start: int
    stop: int
    name: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is asked for, and what was fixed at the start.

    **Arguments:**
    - `asked`: its seed is given.
    - `per_shard`: samples in a shard; the last may have fewer.
    - `environment`: what the samples' last bits depend on: versions, processor, threads.
    - `deterministic`: whether the model drew the same samples twice.
    """

    asked: Asked
    per_shard: int
    environment: Mapping[str, str]
    deterministic: bool = True

    @property
    def seed(self) -> int:
        """The seed of all samples."""
        assert self.asked.seed is not None
        return self.asked.seed

    @property
    def suffix(self) -> str:
        """Of a file with one sample."""
        return SUFFIXES.get(self.asked.kind, "")

    @property
    def count(self) -> int:
        """How many shards there are."""
        return -(-self.asked.n // self.per_shard)

    def shard(self, number: int) -> Shard:
        """A shard by its number."""
        first = number * self.per_shard
        stop = min(first + self.per_shard, self.asked.n)
        name = LAYOUTS[self.asked.format].name(number, self.count)
        return Shard(number, self.asked.start + first, self.asked.start + stop, name)

    def shards(self) -> Iterator[Shard]:
        """All shards in their order."""
        return map(self.shard, range(self.count))

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON values."""
        return {"format": FORMAT, **asdict(self), "environment": dict(self.environment)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Plan":
        """A plan from JSON values.

        **Raises:** `OutputError` for what is not a plan of this version."""
        try:
            if values["format"] != FORMAT:
                raise ValueError(f"format {str(values['format'])[:20]}")
            asked = Asked.from_dict(values["asked"])
            others = {name: values[name] for name in values if name not in ("format", "asked")}
            plan = read(cls, {**others, "asked": asked})
            if plan.per_shard < 1 or plan.count > MOST_SHARDS or plan.asked.seed is None:
                raise ValueError("numbers out of range")
            return plan
        except (KeyError, TypeError, ValueError) as error:
            raise OutputError(
                f"The plan there can't be read ({error}): a version of the zoo that this one does "
                "not know wrote it, or it is damaged. Choose another folder."
            ) from error


def fix(asked: Asked, bytes_a_sample: float, **fixed: Any) -> Plan:
    """The plan for what is asked.

    **Arguments:**
    - `asked`: its seed is given.
    - `bytes_a_sample`: what a sample takes in a shard, as the first samples show.
    - `fixed`: the plan's environment and whether the model is deterministic.

    **Raises:** `ConfigError` when there would be too many shards."""
    per_shard = asked.per_shard
    if per_shard is None:
        fitting = int((asked.shard_size or SHARD_SIZE) / bytes_a_sample)
        # whole batches: their noise is drawn in blocks
        per_shard = max(1, fitting - fitting % asked.batch_size or fitting)
    plan = Plan(asked=asked, per_shard=min(per_shard, asked.n), **fixed)
    if plan.count > MOST_SHARDS:
        raise ConfigError(
            f"That makes {plan.count:,} shards, and {MOST_SHARDS:,} are possible: make them "
            f"larger, with {either('--shard-size or --per-shard', 'shard_size or per_shard')}."
        )
    return plan


def refuse_other(plan: Plan, asked: Asked, where: str) -> None:
    """Refuse to mix what is asked for with what was planned in a folder.

    **Raises:** `OutputError` that names the first difference."""
    names = [one.name for one in fields(Asked) if one.name not in FREE]
    differing = [
        (name, getattr(plan.asked, name), getattr(asked, name))
        for name in names
        if getattr(plan.asked, name) != getattr(asked, name)
    ]
    if asked.seed is not None and asked.seed != plan.seed:
        differing.append(("seed", plan.seed, asked.seed))
    if not differing:
        return
    name, before, now = differing[0]
    extend = either("--extend", "extend=True")
    advice = "Choose another folder, or give the same command again"
    if name == "n" and asked.n > plan.asked.n:
        advice = f"To make further samples, add {extend}"
    called = "checkpoint (the digest of its weights)" if name == "sha256" else name
    raise OutputError(
        f"{where} holds samples of another command: there {called} is {_shown(before)}, here it is "
        f"{_shown(now)}. {advice}."
    )


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value[:10])) or "none"
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return text[:80] or "none"


def shard_bytes(size: Any) -> int:
    """A size such as "100MB" in bytes; a megabyte is a million bytes.

    **Raises:** `ConfigError` for what is none, for 0, and for more than a file may have."""
    found = re.fullmatch(r"(\d{1,15}(?:\.\d{1,6})?) ?([kKMG]?B?)", str(size).strip())
    unit = found[2].upper() if found else ""
    number = float(found[1]) * UNITS.get(unit, UNITS.get(f"{unit}B", 1)) if found else 0
    name = either("--shard-size", "shard_size")
    if not found or isinstance(size, bool) or number < 1:
        raise ConfigError(
            f"{name} = {str(size)[:80]!r} is not a size: give a number above 0 with a unit, such "
            "as 100MB, 500kB or 1GB."
        )
    if number > LARGEST:
        raise ConfigError(
            f"{name} = {str(size)[:80]!r} is too large: a shard may have 5 GB at most. Shards of "
            "100MB to 500MB are usual."
        )
    return int(number)


def part_of(part: Any) -> tuple[int, int] | None:
    """A part such as "2/4": its number from 1, and how many there are.

    **Raises:** `ConfigError` for what is none."""
    if part is None:
        return None
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", str(part))
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise ConfigError(
            f"{either('--part', 'part')} = {str(part)[:80]!r} is not a part: give its number and "
            "how many there are, such as 1/4, 2/4, 3/4 and 4/4."
        )
    return int(found[1]), int(found[2])


def extended(plan: Plan, total: int) -> Asked:
    """What is asked for by more samples than a plan has: the indices that follow.

    **Arguments:**
    - `plan`: the last one that is there.
    - `total`: how many samples there shall be in all.

    **Raises:** `ConfigError` when there are as many already."""
    there = plan.asked.start + plan.asked.n
    if total < there:
        raise ConfigError(
            f"n = {total:,}, but {counted(there, 'sample')} are there already: with "
            f"{either('--extend', 'extend=True')}, give the number that there shall be in all."
        )
    return replace(plan.asked, n=total - there, start=there)
