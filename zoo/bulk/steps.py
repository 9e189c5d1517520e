"""What is told while shards are made, and who makes them in this very process."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from zoo.bulk.manifest import Record
from zoo.bulk.places import open_place
from zoo.bulk.plan import Plan
from zoo.bulk.worker import Job

if TYPE_CHECKING:
    from zoo.bulk.work import Maker


@dataclass(frozen=True)
class Step:
    """Something that was done.

    **Arguments:**
    - `drawn`: samples that were drawn.
    - `record`: of a shard that is whole now; None when there is none.
    - `worker`: who did it.
    - `seconds`: that the shard took.
    - `lost`: seconds that were spent on a shard whose worker died.
    """

    drawn: int = 0
    record: Record | None = None
    worker: str = ""
    seconds: float = 0.0
    lost: float = 0.0


class Makers(Protocol):
    """Who makes shards: this process, several processes, or a cluster."""

    def survey(self) -> Plan:
        """Fix the plan."""

    def make(self, plan: Plan, numbers: Sequence[int]) -> Iterator[Step]:
        """Make shards."""


class Solo:
    """Makes shards in this process; used in a `with` block, which puts torch's threads back.

    **Arguments:**
    - `job`: what is to be made.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self._maker: Maker | None = None
        self._threads = 0

    def __enter__(self) -> "Solo":
        return self

    def __exit__(self, *_: object) -> None:
        if self._threads:
            import torch

            torch.set_num_threads(self._threads)

    def survey(self) -> Plan:
        """Fix the plan."""
        return self._ready().survey(open_place(self.job.place))

    def make(self, plan: Plan, numbers: Sequence[int]) -> Iterator[Step]:
        """Make shards, one after the other; yields what is done as it is done."""
        place = open_place(self.job.place)
        for number in numbers:
            began = time.monotonic()
            for done in self._ready().make(plan, plan.shard(number), place):
                if isinstance(done, int):
                    yield Step(drawn=done)
                else:
                    yield Step(record=done, worker="worker 1", seconds=time.monotonic() - began)

    def _ready(self) -> "Maker":
        """The model, loaded when it is first needed."""
        if self._maker is None:
            import torch

            from zoo.bulk.work import Maker

            self._threads = torch.get_num_threads()
            self._maker = Maker(self.job.asked, self.job.device, allow_mixed=self.job.mixed)
        return self._maker
