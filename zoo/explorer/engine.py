"""One thread that computes what waits in a bounded queue, requests that are alike together."""

import collections
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from zoo.checkpoints import Folder, weights
from zoo.common import compute
from zoo.editing import all_decoded, encoded
from zoo.explorer.shelf import Stamp, stamp_of

# samples computed at once; as many as `zoo sample` takes, so that one request gives the same bytes
TOGETHER = 256
# models that are kept in memory
KEPT = 8

Inputs = tuple[Tensor, Tensor | None]


class BusyError(Exception):
    """The queue is full: `seconds` says when to come back."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"come back in {seconds} s")
        self.seconds = seconds


@dataclass(eq=False)
class Job:
    """Something to be computed with a model.

    **Arguments:**
    - `folder`: the checkpoint.
    - `step`: "decode" or "encode", which are computed for several jobs at once, or "call".
    - `inputs`: gives what the step takes of the model: latents or samples, and labels.
    - `call`: for the step "call", what to do with the model.
    - `result`: what comes of it: of "decode" and "encode" samples or latents, labels and the model;
        of "call" what it returns.
    """

    folder: Folder
    step: str
    inputs: Callable[[Any], Inputs] | None = None
    call: Callable[[Any], Any] | None = None
    result: Future[Any] = field(default_factory=Future)

    @property
    def stamp(self) -> Stamp:
        """Which weights it needs: it changes when they are replaced."""
        return stamp_of(self.folder)


class Engine:
    """Computes jobs one after the other, those of one step and one model together.

    **Arguments:**
    - `device`: "auto", "cpu" or "cuda".
    - `threads`: on the CPU, as `compute.use_threads` takes them.
    - `most_waiting`: jobs that may wait.
    """

    def __init__(
        self, device: str = "auto", threads: int | None = None, most_waiting: int = 64
    ) -> None:
        self.device = device
        self.threads = threads
        self.most_waiting = most_waiting
        # seconds that a job took lately, for the answer to those who come too early
        self.seconds_each = 0.1
        self._models: collections.OrderedDict[Stamp, Any] = collections.OrderedDict()
        self._waiting: collections.deque[Job] = collections.deque()
        self._changed = threading.Condition()
        self._ending = False
        self._thread = threading.Thread(target=self._work, name="zoo-engine", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many jobs wait."""
        return len(self._waiting)

    def submit(self, job: Job) -> "Future[Any]":
        """Queue a job; the result comes as a future.

        **Raises:** `BusyError` when too many wait already."""
        with self._changed:
            if self._ending or len(self._waiting) >= self.most_waiting:
                raise BusyError(max(1, round(self.seconds_each * len(self._waiting))))
            self._waiting.append(job)
            self._changed.notify()
        return job.result

    def load(self, folder: Folder) -> None:
        """Load a model before it is asked for; raises what loading it raises."""
        self.submit(Job(folder, "call", call=lambda model: None)).result()

    def close(self) -> None:
        """End the thread, once it has computed what waits."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        self._thread.join(timeout=30)

    def _work(self) -> None:
        compute.keep_freed()
        compute.use_threads(self.threads)
        while True:
            with self._changed:
                while not self._waiting and not self._ending:
                    self._changed.wait()
                if not self._waiting:
                    return
                jobs = self._alike()
            began = time.perf_counter()
            self._compute([job for job in jobs if job.result.set_running_or_notify_cancel()])
            each = (time.perf_counter() - began) / len(jobs)
            self.seconds_each += 0.2 * (each - self.seconds_each)

    def _alike(self) -> list[Job]:
        """The first job, and those that can be computed with it; called with the lock held."""
        first = self._waiting.popleft()
        if first.step == "call":
            return [first]
        alike = [
            job
            for job in self._waiting
            if job.step == first.step and job.folder.path == first.folder.path
        ]
        for job in alike:
            self._waiting.remove(job)
        return [first, *alike]

    def _compute(self, jobs: list[Job]) -> None:
        if not jobs:
            return
        try:
            model = self._model(jobs[0])
        except Exception as error:
            for job in jobs:
                job.result.set_exception(error)
            return
        with compute.exact_convolutions():
            if jobs[0].step == "call":
                _settle(jobs[0], jobs[0].call, model)
            else:
                _together(jobs, model)

    def _model(self, job: Job) -> Any:
        """The model of a job; those used last stay in memory."""
        stamp = job.stamp
        if stamp not in self._models:
            # another model at the same place is of weights that are gone
            for old in [one for one in self._models if one[0] == stamp[0]]:
                del self._models[old]
            while len(self._models) >= KEPT:
                self._models.popitem(last=False)
            # read anew: the folder may hold what it read of files that were replaced
            fresh = Folder(job.folder.path, job.folder.reference)
            self._models[stamp] = weights.load(fresh, self.device)
        self._models.move_to_end(stamp)
        return self._models[stamp]


def _settle(job: Job, call: Callable[[Any], Any] | None, model: Any) -> None:
    assert call is not None
    try:
        job.result.set_result(call(model))
    except Exception as error:
        job.result.set_exception(error)


def _together(jobs: Sequence[Job], model: Any) -> None:
    """Decode or encode the inputs of several jobs in as few steps as can be."""
    ready: list[tuple[Job, Inputs]] = []
    for job in jobs:
        assert job.inputs is not None
        try:
            inputs = job.inputs(model)
            model.check_labels(inputs[1], len(inputs[0]))
            ready.append((job, inputs))
        except Exception as error:
            job.result.set_exception(error)
    for part in _parts(ready):
        try:
            result = _step(model, jobs[0].step, [inputs for _, inputs in part])
        except Exception as error:
            for job, _ in part:
                job.result.set_exception(error)
            continue
        for (job, inputs), own in zip(
            part, result.split([len(inputs[0]) for _, inputs in part]), strict=True
        ):
            # a copy: the whole batch would stay in memory as long as one request's share
            job.result.set_result((own.clone(), inputs[1], model))


def _parts(ready: list[tuple[Job, Inputs]]) -> list[list[tuple[Job, Inputs]]]:
    """Jobs in groups of at most `TOGETHER` samples; a larger job stands alone."""
    parts: list[list[tuple[Job, Inputs]]] = []
    room = 0
    for job, inputs in ready:
        n = len(inputs[0])
        if not parts or n > room:
            parts.append([])
            room = TOGETHER
        parts[-1].append((job, inputs))
        room -= n
    return parts


def _step(model: Any, step: str, inputs: Sequence[Inputs]) -> Tensor:
    x = torch.cat([one for one, _ in inputs])
    labels = [some for _, some in inputs if some is not None]
    y = torch.cat(labels) if labels else None
    return encoded(model, x, y) if step == "encode" else all_decoded(model, x, y)
