"""Processes of this machine that make shards side by side; one that dies is replaced."""

import contextlib
import json
import queue
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NoReturn

from zoo.bulk.manifest import Record
from zoo.bulk.plan import Plan
from zoo.bulk.steps import Step
from zoo.bulk.worker import Job
from zoo.common import errors
from zoo.common.errors import OutputError, PluginError, ZooError

# a worker finds the same packages as the process that starts it
START = (
    "import sys, json; sys.path[:] = json.loads(sys.argv[1]); "
    "from zoo.bulk.worker import main; main()"
)
# how often a shard is tried whose worker dies
TRIES = 3


@dataclass(eq=False)
class _Worker:
    """A process that is at work.

    **Arguments:**
    - `name`: for people.
    - `process`: of `bulk.worker`.
    - `listener`: hears what it says.
    - `shard`: the number of the shard that it makes; None when it is idle.
    - `drawn`: samples of that shard that are drawn.
    - `began`: when it began with the shard.
    """

    name: str
    process: subprocess.Popen[str]
    listener: threading.Thread = field(init=False)
    shard: int | None = None
    drawn: int = 0
    began: float = field(default_factory=time.monotonic)

    def tell(self, **values: Any) -> None:
        """Send it a line; one that is dead hears nothing, which its reader notices."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(values) + "\n")
            self.process.stdin.flush()
        except OSError:
            return

    def end(self) -> None:
        """Wait for its end, and close what led to it."""
        self.process.wait()
        self.listener.join()
        with contextlib.suppress(OSError):
            assert self.process.stdin is not None
            self.process.stdin.close()


class Crew:
    """Makes shards by processes; used in a `with` block, which ends them.

    **Arguments:**
    - `job`: what each of them is told.
    - `size`: how many there are.
    """

    def __init__(self, job: Job, size: int) -> None:
        self.job = job
        self.size = size
        self._workers: list[_Worker] = []
        self._started = 0
        self._heard: queue.Queue[tuple[_Worker, dict[str, Any] | None]] = queue.Queue()

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.end()

    def survey(self) -> Plan:
        """Have the first worker fix the plan.

        **Raises:** what it meets."""
        worker = self._start()
        worker.tell(survey=True)
        _, said = self._hear()
        if said is None:
            raise OutputError(f"The first worker ended {_how(worker)} before it could begin.")
        return Plan.from_dict(said["plan"])

    def make(self, plan: Plan, numbers: Sequence[int]) -> Iterator[Step]:
        """Make shards; yields what is done as it is done.

        **Raises:** what a worker meets; `OutputError` for a shard whose workers die again and
        again."""
        waiting = deque(numbers)
        tried: Counter[int] = Counter()
        seen: Counter[int] = Counter()
        while len(self._workers) < min(self.size, len(numbers)):
            self._start()
        for worker in self._workers:
            worker.tell(plan=plan.to_dict())
            self._give(worker, waiting)
        left = len(numbers)
        while left:
            worker, said = self._hear()
            if said is None:
                yield from self._replace(worker, plan, waiting, tried)
            elif "drawn" in said:
                assert worker.shard is not None
                worker.drawn += said["drawn"]
                # a shard that is made again is counted once
                new = max(0, worker.drawn - seen[worker.shard])
                seen[worker.shard] += new
                yield Step(drawn=new, worker=worker.name)
            else:
                left -= 1
                record = Record.from_dict(said["record"])
                seconds = time.monotonic() - worker.began
                self._give(worker, waiting)
                yield Step(record=record, worker=worker.name, seconds=seconds)

    def _start(self) -> _Worker:
        """Start a worker, and listen to it."""
        self._started += 1
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", START, json.dumps(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            # Ctrl-C is for the process that commands
            start_new_session=True,
        )
        worker = _Worker(f"worker {self._started}", process)
        self._workers.append(worker)
        worker.listener = threading.Thread(target=self._listen, args=(worker,), daemon=True)
        worker.listener.start()
        worker.tell(**asdict(self.job))
        return worker

    def _listen(self, worker: _Worker) -> None:
        assert worker.process.stdout is not None
        with worker.process.stdout as lines:
            for line in lines:
                self._heard.put((worker, json.loads(line)))
        worker.process.wait()
        self._heard.put((worker, None))

    def _hear(self) -> tuple[_Worker, dict[str, Any] | None]:
        """What a worker says next; None when it is dead.

        **Raises:** the error that it met."""
        worker, said = self._heard.get()
        if said and "error" in said:
            refuse(said)
        return worker, said

    def _give(self, worker: _Worker, waiting: deque[int]) -> None:
        """Give a worker its next shard, if there is one."""
        worker.shard, worker.drawn = None, 0
        if waiting:
            worker.shard = waiting.popleft()
            worker.began = time.monotonic()
            worker.tell(shard=worker.shard)

    def _replace(
        self, worker: _Worker, plan: Plan, waiting: deque[int], tried: Counter[int]
    ) -> Iterator[Step]:
        """Put another worker in the place of one that died; its shard is made first."""
        worker.end()
        self._workers.remove(worker)
        if worker.shard is None:
            return
        tried[worker.shard] += 1
        if tried[worker.shard] >= TRIES:
            raise OutputError(
                f"{TRIES} workers ended one after the other while they made "
                f"{plan.shard(worker.shard).name}, the last {_how(worker)}. Perhaps there is not "
                "enough memory: use fewer workers or a smaller batch size, and give the same "
                "command again."
            )
        waiting.appendleft(worker.shard)
        yield Step(worker=worker.name, lost=time.monotonic() - worker.began)
        other = self._start()
        other.tell(plan=plan.to_dict())
        self._give(other, waiting)


def refuse(said: dict[str, Any]) -> NoReturn:
    """Raise the error that a worker met."""
    kind = getattr(errors, said["error"], None) if said["error"] else None
    if isinstance(kind, type) and issubclass(kind, ZooError):
        raise kind(said["message"])
    raise PluginError(
        f"A worker failed: {said['message']}. What is whole stays; the lines above show where it "
        "failed."
    )


def _how(worker: _Worker) -> str:
    code = worker.process.returncode
    return f"by signal {-code}" if code and code < 0 else f"with exit code {code}"
