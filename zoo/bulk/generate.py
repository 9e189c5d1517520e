"""Make a data set of samples in shards, on one machine or many, and go on where it was stopped."""

import contextlib
import logging
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from zoo.bulk import asking, card, lots, manifest
from zoo.bulk import plan as plans
from zoo.bulk.crew import Crew
from zoo.bulk.manifest import Manifest
from zoo.bulk.places import WORK, Local, Place, open_place
from zoo.bulk.plan import Asked, Plan
from zoo.bulk.steps import Makers, Solo, Step
from zoo.bulk.worker import Job
from zoo.common import arguments, files, settings, words
from zoo.common.errors import ConfigError, OutputError, counted
from zoo.common.watching import Watch
from zoo.common.words import either
from zoo.sampling import request
from zoo.sampling.request import Reference

LOG = logging.getLogger("zoo")


@dataclass(frozen=True, kw_only=True)
class Generated:
    """What a call of `generate` did.

    **Arguments:**
    - `path`: the folder or address of the data set.
    - `finished`: whether the data set is whole.
    - `shards`, `draws`, `rows`: of what it was to make: all, or a part of it. Rows are the samples
        that are there; without filters as many as were drawn.
    - `made`: samples that this call drew.
    - `seconds`: that it took.
    - `workers`: for each worker its `name`, `shards`, `samples` and `seconds`.
    - `lost`: seconds that workers spent who died.
    """

    path: str
    finished: bool
    shards: int
    draws: int
    rows: int
    made: int = 0
    seconds: float = 0.0
    workers: list[dict[str, Any]] = field(default_factory=list)
    lost: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        return dict(vars(self))


def generate(
    reference: Reference,
    output: str | os.PathLike[str],
    *,
    n: int | None = None,
    per_class: int | None = None,
    format: str = "parquet",
    shard_size: str | int | None = None,
    per_shard: int | None = None,
    seed: int | None = None,
    labels: Any = (),
    where: Any = (),
    features: str | None = None,
    extend: bool = False,
    workers: int | None = None,
    part: str | None = None,
    engine: str = "local",
    address: str | None = None,
    mixed: bool = False,
    options: Any = (),
    batch_size: int | None = None,
    precision: str = "float32",
    device: str = "auto",
    threads: int = 1,
    watch: Watch | None = None,
) -> Generated:
    """Make a data set of samples, in shards.

    The same call goes on where it was stopped. It gives the same bytes, whatever the number of
    workers.

    **Arguments:**
    - `reference`: the checkpoint: its name, a path such as "./mine", or "hf:OWNER/REPO".
    - `output`: the folder of the data set, or an address that fsspec opens, such as
        "s3://bucket/digits".
    - `n`: how many samples to draw; or `per_class`: how many of each class.
    - `format`: "parquet", "webdataset", "npz", or "folder" with a file for each sample.
    - `shard_size`: bytes of a shard, such as "100MB", which is the default; or `per_shard`: samples
        of a shard.
    - `seed`: random unless given; it is kept.
    - `labels`: classes by name or number, which the samples take in turn; all unless given.
    - `where`: filters such as "confidence>0.9": only samples that pass all of them are kept.
    - `features`: the network that filters ask; the one for the checkpoint's data unless given.
    - `extend`: make further samples, until there are `n` in all.
    - `workers`: processes on this machine, 1 unless given; with Ray, how many tasks at once: as
        many as the cluster takes unless given.
    - `part`: such as "2/4": make the second quarter of the shards, here. When all parts are made,
        the same call without it checks them and writes the manifest.
    - `engine`: "local", or "ray" for a cluster; `address`: of the cluster, Ray's own unless given.
    - `mixed`: work also where versions or processor are not those of the first worker.
    - `options`: sample-time options of the model, by name or as texts `name=value`.
    - `batch_size`: samples computed at once; 256 unless given.
    - `precision`: "float32", or "bf16", which is faster on some hardware and coarser.
    - `device`: "auto" (a GPU where there is one), "cpu" or "cuda".
    - `threads`: of each worker, on the CPU.
    - `watch`: gets steps, their number in samples and what is being done, and passes them on: for a
        progress bar.

    **Returns:** what was made, by whom, and how fast.

    **Raises:** `ZooError`; what can be refused is refused before torch is imported."""
    if workers is not None:
        workers = arguments.whole("workers", workers, 1)
    if engine not in asking.ENGINES:
        raise ConfigError(f"engine = {str(engine)[:80]!r} is none of {', '.join(asking.ENGINES)}.")
    if address is not None and engine != "ray":
        raise ConfigError(f"{either('--address', 'address')} is for the engine ray only.")
    share = plans.part_of(part)
    asked = asking.asked(
        reference,
        n=n,
        per_class=per_class,
        format=format,
        shard_size=shard_size,
        per_shard=per_shard,
        seed=seed,
        labels=labels,
        where=where,
        features=features,
        options=options,
        batch_size=batch_size,
        precision=precision,
        threads=threads,
    )
    if share and asked.seed is None:
        raise ConfigError(
            f"{either('--part', 'part')} needs {either('--seed', 'seed')}: all parts must draw "
            "samples of the same seed."
        )
    root = place = open_place(output)
    if extend:
        place, asked = lots.extension(root, asked)
    task = Task(root, place, asked, share, mixed)
    done = task.finished()
    if done is not None:
        LOG.info(f"{place.text} is finished: {_told(done)}. Nothing was left to make.")
        return _result(done, task)
    place.prepare()
    with _alone(place, share):
        plan = task.begun()
        task.asked = plan.asked if plan else replace(asked, seed=request.seed_or_fresh(asked.seed))
        with _makers(task, engine, workers, device, address) as makers:
            return _make(task, plan, makers, watch)


@dataclass
class Task:
    """One call's work.

    **Arguments:**
    - `root`: the data set; `place`: the same, or its extension that is made.
    - `asked`: what is asked for.
    - `share`: which part, and of how many; None for all.
    - `mixed`: whether environments may differ.
    """

    root: Place
    place: Place
    asked: Asked
    share: tuple[int, int] | None
    mixed: bool

    def finished(self) -> Manifest | None:
        """The manifest of a data set that is whole already; None when something is to be made.

        **Raises:** `OutputError` when another command made it."""
        done = manifest.read_manifest(self.place)
        if done is None:
            return None
        plans.refuse_other(done.plan, self.asked, self.place.text)
        there = manifest.whole(self.place, done.plan, done.records)
        # a command that was killed at its very end has more to do
        ended = WORK not in self.place.names()
        return done if ended and len(there) == done.plan.count else None

    def begun(self) -> Plan | None:
        """The plan of what is there already. A data set that was finished has records again.

        **Raises:** `OutputError` when another command began it."""
        done = manifest.read_manifest(self.place)
        if done is not None:
            plans.refuse_other(done.plan, self.asked, self.place.text)
            for one in manifest.whole(self.place, done.plan, done.records):
                replace(one, environment=one.environment or done.plan.environment).write(self.place)
            manifest.write_plan(self.place, done.plan)
            self.place.remove(manifest.MANIFEST)
        plan = manifest.read_plan(self.place)
        if plan is not None:
            plans.refuse_other(plan, self.asked, self.place.text)
        return plan

    def numbers(self, plan: Plan) -> list[int]:
        """The shards of this part."""
        number, count = self.share or (1, 1)
        return list(range(number - 1, plan.count, count))


def _make(task: Task, plan: Plan | None, makers: Makers, watch: Watch | None) -> Generated:
    """Make what is missing, and join it when it is all that there is to be."""
    place = task.place
    if plan is None:
        fixed = replace(makers.survey(), asked=task.asked)
        # of parts that begin at once, the plan of the first is everybody's
        plan = task.begun() or fixed
        if plan is fixed:
            manifest.write_plan(place, plan)
    if not plan.deterministic:
        LOG.warning(
            "This model does not draw the same samples twice. What is made after an interruption "
            "will differ from what an uninterrupted run would have made."
        )
    there = manifest.whole(place, plan, manifest.recorded(place, plan))
    whole = {one.number for one in there}
    missing = [number for number in task.numbers(plan) if number not in whole]
    samples = sum(plan.shard(number).stop - plan.shard(number).start for number in missing)
    if whole and missing:
        LOG.info(f"{len(whole):,} of {counted(plan.count, 'shard')} are there already.")
    began = time.monotonic()
    tally = _Tally()
    steps = tally.counted(makers.make(plan, missing))
    for _ in watch(steps, samples, "Generating") if watch and missing else steps:
        pass
    seconds = time.monotonic() - began
    result = _part(task, plan) if task.share else _result(_join(task, plan), task)
    result = replace(
        result, made=samples, seconds=seconds, workers=list(tally.workers.values()), lost=tally.lost
    )
    _say(result, task)
    return result


class _Tally:
    """Counts what each worker does.

    - `workers`: by name; `lost`: seconds.
    """

    def __init__(self) -> None:
        self.workers: dict[str, dict[str, Any]] = {}
        self.lost = 0.0

    def counted(self, steps: Iterable[Step]) -> Iterator[range]:
        """Pass on the steps, each as long as the samples that it drew."""
        for step in steps:
            self.lost += step.lost
            if step.record is not None:
                new = {"name": step.worker, "shards": 0, "samples": 0, "seconds": 0.0}
                one = self.workers.setdefault(step.worker, new)
                one["shards"] += 1
                one["samples"] += step.record.stop - step.record.start
                one["seconds"] += step.seconds
            yield range(step.drawn)


def _join(task: Task, plan: Plan) -> Manifest:
    """Check that all shards are there, and write what says so."""
    place = task.place
    records = manifest.whole(place, plan, manifest.recorded(place, plan))
    if len(records) < plan.count:
        raise OutputError(
            f"{plan.count - len(records):,} of {counted(plan.count, 'shard')} vanished from "
            f"{place.text} during the work. Give the same command again to make them."
        )
    _refuse_mixed(records, plan, task)
    manifest.refuse_strays(place, plan)
    told = [
        replace(one, environment={} if one.environment == plan.environment else one.environment)
        for one in records
    ]
    whole = Manifest(plan, told)
    whole.write(place)
    card.write(task.root)
    place.remove(WORK)
    return whole


def _refuse_mixed(records: Sequence[manifest.Record], plan: Plan, task: Task) -> None:
    """Refuse to join shards of different environments."""
    others = [one for one in records if one.environment != plan.environment]
    if not others or task.mixed:
        return
    first = others[0].environment
    name = next(one for one in first if first[one] != plan.environment.get(one))
    raise OutputError(
        f"{counted(len(others), 'shard')} were made with {name} {first[name]!r}, the others with "
        f"{plan.environment.get(name)!r}, so they agree within 1e-5 only. "
        f"{either('--mixed', 'mixed=True')} joins them all the same."
    )


def _part(task: Task, plan: Plan) -> Generated:
    """What there is of this part."""
    own = set(task.numbers(plan))
    records = manifest.whole(task.place, plan, manifest.recorded(task.place, plan))
    mine = [one for one in records if one.number in own]
    return Generated(
        path=task.place.text,
        finished=False,
        shards=len(mine),
        draws=sum(one.stop - one.start for one in mine),
        rows=sum(one.rows for one in mine),
    )


def _result(whole: Manifest, task: Task) -> Generated:
    return Generated(
        path=task.place.text,
        finished=True,
        shards=len(whole.records),
        draws=whole.plan.asked.n,
        rows=whole.rows,
    )


def _told(whole: Manifest) -> str:
    return (
        f"{counted(whole.rows, 'sample')} in {counted(len(whole.records), 'shard')}, "
        f"{files.readable_size(whole.bytes)}"
    )


def _say(result: Generated, task: Task) -> None:
    """What was made, how fast, and by whom."""
    kept = "" if result.rows == result.draws else f", of which {result.rows:,} passed the filters"
    LOG.info(
        f"{counted(result.draws, 'sample')} in {counted(result.shards, 'shard')}{kept}: "
        f"{result.path}"
    )
    if result.made:
        speed = result.made / max(result.seconds, 1e-9)
        lost = f"; {result.lost:,.1f} s were lost with workers that died" if result.lost else ""
        LOG.info(f"{result.made:,} in {result.seconds:,.1f} s: {speed:,.0f} a second{lost}")
    if len(result.workers) > 1:
        for one in result.workers:
            speed = one["samples"] / max(one["seconds"], 1e-9)
            LOG.info(
                f"{one['name']}: {counted(one['samples'], 'sample')} in "
                f"{counted(one['shards'], 'shard')}, {speed:,.0f} a second"
            )
    if task.share:
        number, count = task.share
        LOG.info(
            f"This is part {number} of {count}. When all parts are made, give the command without "
            f"{either('--part', 'part')}: it checks them and writes {manifest.MANIFEST}."
        )


@contextlib.contextmanager
def _alone(place: Place, share: tuple[int, int] | None) -> Iterator[None]:
    """Keep a second command off that would make the same shards. Where files can't be locked,
    nothing is lost but time: both write the same bytes.
    """
    if not isinstance(place, Local):
        yield
        return
    number, count = share or (0, 0)
    lock = place.path / WORK / f"at-work-{number}-of-{count}"
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(files.alone(lock, wait=False))
        except OutputError as error:
            if error.path is not None:
                raise OutputError(
                    f"Another process is making samples in {place.text}: wait until it is done, or "
                    "choose another folder.",
                    path=place.path,
                ) from error
        yield


@contextlib.contextmanager
def _makers(
    task: Task, engine: str, workers: int | None, device: str, address: str | None
) -> Iterator[Makers]:
    place = task.place
    where = str(place.path.absolute()) if isinstance(place, Local) else place.text
    asked = task.asked
    if files.is_path(asked.checkpoint):
        # a worker may work in another folder
        checkpoint = str(settings.expand(asked.checkpoint).absolute())
        asked = replace(asked, checkpoint=checkpoint)
    job = Job(asked, where, device, task.mixed, words.in_command())
    if engine == "ray":
        from zoo.bulk.ray_crew import RayCrew

        with RayCrew(job, workers, address) as crew:
            yield crew
        return
    with Crew(job, workers) if workers and workers > 1 else Solo(job) as makers:
        yield makers
