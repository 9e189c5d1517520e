"""Shards made by a Ray cluster: a task for each, tried again elsewhere when its node is lost."""

import contextlib
import functools
import logging
import os
import platform
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from zoo.bulk.crew import TRIES, refuse
from zoo.bulk.manifest import Record
from zoo.bulk.places import open_place
from zoo.bulk.plan import Plan
from zoo.bulk.steps import Step
from zoo.bulk.work import Maker
from zoo.bulk.worker import Job
from zoo.common import words
from zoo.common.errors import MissingDependencyError, OutputError, ZooError
from zoo.registry import off_stdout

# tasks that wait at once: a cluster that grows finds work, and memory does not grow with shards
WAITING = 500
# seconds until the head of a cluster must answer
PATIENCE = 10


class RayCrew:
    """Makes shards by the tasks of a Ray cluster; used in a `with` block.

    **Arguments:**
    - `job`: what each task is told.
    - `size`: how many tasks there may be at once; None for as many as the cluster takes.
    - `address`: of the cluster; None for the one that Ray finds, or starts on this machine.
    """

    def __init__(self, job: Job, size: int | None, address: str | None) -> None:
        self.job = job
        self.size = size or WAITING
        self.address = address
        self._ours = False

    def __enter__(self) -> "RayCrew":
        try:
            import ray
        except ImportError as error:
            raise MissingDependencyError(
                "The engine ray needs the package ray: pip install 'genzoo[ray]'", name="ray"
            ) from error
        self._ray: Any = ray
        if not ray.is_initialized():
            self._ours = True
            try:
                _knock(self.address or "")
                ray.init(address=self.address, logging_level=logging.ERROR, log_to_driver=False)
            except (OSError, ValueError, RuntimeError) as error:
                raise OutputError(
                    f"No Ray cluster answers at {self.address or 'the usual address'}: "
                    f"{str(error).strip().splitlines()[0][:200]}. Start one with ray start --head."
                ) from error
        has_gpus = self._ray.cluster_resources().get("GPU", 0) >= 1
        gpus = self.job.device == "cuda" or (self.job.device == "auto" and has_gpus)
        # a task without a GPU must not find one that others use
        device = "cuda" if gpus else "cpu"
        self.job = replace(self.job, device=device)
        task = ray.remote(
            num_cpus=self.job.asked.threads,
            num_gpus=1 if gpus else 0,
            max_retries=TRIES,
            scheduling_strategy="SPREAD",
        )
        self._survey, self._make = task(_survey), task(_make)
        return self

    def __exit__(self, *_: object) -> None:
        if self._ours:
            # what Ray still has to say of lost nodes, it prints to standard output
            with off_stdout():
                self._ray.shutdown()

    def survey(self) -> Plan:
        """Have a node fix the plan."""
        return Plan.from_dict(self._result(self._survey.remote(self.job))["plan"])

    def make(self, plan: Plan, numbers: Sequence[int]) -> Iterator[Step]:
        """Make shards; yields what is done as it is done.

        **Raises:** what a task meets; `OutputError` for nodes that are lost again and again."""
        waiting = list(reversed(numbers))
        asked = self._ray.put(plan)
        tasks: list[Any] = []
        while waiting or tasks:
            while waiting and len(tasks) < self.size:
                tasks.append(self._make.remote(self.job, asked, waiting.pop()))
            done, tasks = self._ray.wait(tasks)
            for one in done:
                said = self._result(one)
                record = Record.from_dict(said["record"])
                drawn = record.stop - record.start
                yield Step(drawn, record, said["worker"], said["seconds"])

    def _result(self, task: Any) -> dict[str, Any]:
        """What a task returned; raises the error that it met."""
        try:
            said: dict[str, Any] = self._ray.get(task)
        except self._ray.exceptions.RayError as error:
            reason = str(error).strip().splitlines() or [type(error).__name__]
            raise OutputError(
                f"The cluster lost a task {TRIES + 1} times, or can't run it: {reason[-1][:300]} "
                "What is whole stays; give the same command again. Each node needs the zoo and "
                "the same plugins."
            ) from error
        if "error" in said:
            refuse(said)
        return said


def _knock(address: str) -> None:
    """Connect to HOST:PORT, and leave again: Ray itself would try for minutes.

    **Raises:** `OSError` when nobody answers."""
    host, _, port = address.rpartition(":")
    if host and "/" not in host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=PATIENCE).close()


@functools.lru_cache(maxsize=1)
def _maker(job: Job) -> Maker:
    """The model, loaded once in each of Ray's processes."""
    return Maker(job.asked, job.device, allow_mixed=job.mixed)


def _survey(job: Job) -> dict[str, Any]:
    return _told(job, lambda: {"plan": _maker(job).survey(open_place(job.place)).to_dict()})


def _make(job: Job, plan: Plan, number: int) -> dict[str, Any]:
    def work() -> dict[str, Any]:
        began = time.monotonic()
        *_, record = _maker(job).make(plan, plan.shard(number), open_place(job.place))
        assert isinstance(record, Record)
        worker = f"{platform.node()}, process {os.getpid()}"
        seconds = time.monotonic() - began
        return {"record": record.to_dict(), "worker": worker, "seconds": seconds}

    return _told(job, work)


def _told(job: Job, work: Any) -> dict[str, Any]:
    """What work gives, or the error that it met and where."""
    try:
        with words.of_commands() if job.in_command else contextlib.nullcontext():
            result: dict[str, Any] = work()
            return result
    except ZooError as error:
        return {"error": type(error).__name__, "message": f"{error} (on {platform.node()})"}
