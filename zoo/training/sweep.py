"""LIGHT: sweep(), the trainings of a grid: one after the other, or several at a time."""

import contextlib
import dataclasses
import inspect
import itertools
import logging
import shlex
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.common import arguments
from zoo.common.errors import ConfigError, TrainingError, ZooError, counted
from zoo.training import grid as grids
from zoo.training.grid import Combination
from zoo.training.request import SETTINGS, Asked, Request, as_settings
from zoo.training.train import Training, train, understood

if TYPE_CHECKING:
    from zoo.models import GenerativeModel
    from zoo.training.keep import Trained

# trainings at a time, at most
MOST_WORKERS = 256

logger = logging.getLogger("zoo")


class Sweep(list["Trained"]):
    """The checkpoints of a grid, in its order."""

    def __init__(self, made: Sequence["Trained"], grid: Sequence[Combination]) -> None:
        super().__init__(made)
        self._grid = tuple(grid)

    @property
    def names(self) -> list[str]:
        """What the checkpoints are called."""
        return [one.name for one in self._grid]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """A dict for each checkpoint, as `pandas.DataFrame(sweep.rows)` takes them: its name, what
        was varied, and the losses of its last epoch.
        """
        rows = []
        for one, made in zip(self._grid, self, strict=True):
            last = made.history[-1] if made.history else {}
            losses = {**last.get("losses", {}), **last.get("measured", {})}
            losses |= {
                f"held_out_{name}": value for name, value in last.get("held_out", {}).items()
            }
            varied = {field: _value(text) for field, text in one.values.items()}
            rows.append(
                {"checkpoint": made.name, **varied, "seconds": made.facts["seconds"], **losses}
            )
        return rows


def sweep(
    model: "str | type[GenerativeModel[Any]] | None" = None,
    grid: Mapping[str, Sequence[Any]] | Sequence[str] = (),
    *,
    name: str | None = None,
    workers: int = 1,
    **given: Any,
) -> Sweep:
    """Train a model with each combination of some values.

    Each checkpoint is called by its values, such as "s-latent_dim-2-seed-0". The same call goes on
    where it was stopped: what is done stays, and what is unfinished goes on.

    **Arguments:**
    - `model`: as for `zoo.train`.
    - `grid`: values by field, such as `{"latent_dim": [2, 8], "seed": [0, 1, 2]}`. Fields are those
        of the config and the recipe, and "seed", "epochs" and "data".
    - `name`: what each name begins with.
    - `workers`: trainings at a time, each in a process of its own, with its share of the cores.
    - `given`: what else `zoo.train` takes. The seed is 0 unless it is given or varied.

    **Returns:** a list of what `zoo.train` returns; `.rows` are dicts for `pandas.DataFrame`.

    **Raises:** `ZooError` for what can't be trained, before the first training begins;
    `TrainingError` at the end, when some of them failed."""
    if name is None:
        raise ConfigError("Name the trainings of a grid: name='s' (in a command: --name NAME).")
    for refused in ("out", "resume", "minutes"):
        if given.get(refused) is not None:
            raise ConfigError(
                "A grid keeps its checkpoints in the store, goes on by itself and says its epochs: "
                f"leave {refused} out."
            )
    most = arguments.whole("workers", workers, 1, MOST_WORKERS)
    combinations = grids.combinations(name, grid)
    prepared = [_prepared(model, one, given) for one in combinations]
    _refuse_varied(combinations[0].values, given)
    if most > 1 and any(one.request.is_own_class for one in prepared):
        raise ConfigError("A class of your own is trained by one worker: leave workers out.")
    done = [one.is_done for one in prepared]
    for one in prepared:
        one.refuse_taken()
    logger.info(grids.told(len(prepared), sum(done)))
    waiting = [one for one, is_done in zip(prepared, done, strict=True) if not is_done]
    failed = _in_processes(waiting, most) if most > 1 else _in_turn(waiting)
    if failed:
        said = "\n".join(f"{called}: {reason}" for called, reason in failed.items())
        raise TrainingError(
            f"{len(failed)} of {counted(len(prepared), 'training')} failed. The same command goes "
            f"on with them.\n{said}"
        )
    return Sweep([one.made() for one in prepared], combinations)


@dataclasses.dataclass(frozen=True)
class _Prepared:
    """A training of a grid that can begin."""

    training: Training
    asked: Asked
    request: Request

    @property
    def folder(self) -> Path:
        return self.request.run_folder(self.training.store)

    @property
    def is_unfinished(self) -> bool:
        return (self.folder / SETTINGS).is_file()

    @property
    def is_done(self) -> bool:
        from zoo.training.keep import kept_already

        return (
            not self.is_unfinished and kept_already(self.request, self.training.store) is not None
        )

    def refuse_taken(self) -> None:
        """Raise `OutputError` where another checkpoint has its name."""
        if not self.is_unfinished and not self.is_done:
            self.training.store.refuse_taken(self.request.name)

    def train(self) -> None:
        if self.is_unfinished:
            self.training.resume(self.folder, self.asked)
        else:
            self.training.begin(self.asked.begun(self.training.store))

    def made(self) -> "Trained":
        from zoo.training.keep import Trained

        folder = self.training.store.folder(self.request.name)
        return Trained(folder, self.training.own_class)

    def words(self, threads: int) -> list[str]:
        """The command that trains it, or goes on with it."""
        request = self.request
        if self.is_unfinished:
            words = ["train", "--resume", str(self.folder)]
        else:
            words = shlex.split(request.command)[1:]
            words += ["--data-root", request.data_root] if request.data_root else []
        words += [word for name in request.log_with for word in ("--log-with", name)]
        words += ["--save-state"] if request.save_state else []
        words += ["--compile"] if request.compile else []
        return [*words, "--device", self.training.device, "--threads", str(threads)]


def _refuse_varied(varied: Mapping[str, str], given: Mapping[str, Any]) -> None:
    """Raise `ConfigError` for a field that is varied and given as well."""
    settings = {text.partition("=")[0].strip() for text in as_settings(given.get("fields") or ())}
    for field in varied:
        if field in settings or given.get(field) is not None:
            raise ConfigError(
                f"The grid varies {field!r}, and one value is given, too: leave it out."
            )


def _prepared(model: Any, one: Combination, given: Mapping[str, Any]) -> _Prepared:
    """A training of a grid, whose settings are valid."""
    own: dict[str, Any] = {}
    texts = []
    for field, text in one.values.items():
        if field in ("epochs", "seed"):
            if not text.isdecimal():
                raise ConfigError(f"grid: {field} = {text[:80]!r} is no whole number.")
            own[field] = int(text)
        elif field == "data":
            own[field] = text
        else:
            texts.append(f"{field}={text}")
    fields = given.get("fields") or ()
    settings = [*as_settings(fields), *texts]
    named = {"seed": 0, **given, **own, "name": one.name, "fields": settings}
    bound = inspect.signature(train).bind(model, **named)
    bound.apply_defaults()
    training, asked, _ = understood(bound.arguments)
    request = asked.wished(training.store)
    training.chosen(request)
    return _Prepared(training, asked, request)


def _in_turn(waiting: Sequence[_Prepared]) -> dict[str, str]:
    """Train one after the other; returns why some failed, by name."""
    failed = {}
    for number, one in enumerate(waiting, 1):
        logger.info(f"[{number}/{len(waiting)}] {one.request.name}")
        try:
            one.train()
        except ZooError as error:
            failed[one.request.name] = str(error)
            logger.warning(f"{one.request.name} failed: {error}")
    return failed


def _in_processes(waiting: Sequence[_Prepared], workers: int) -> dict[str, str]:
    """Train several at a time, each in a process of its own; returns why some failed, by name.

    A process ends, so that it can go on, when this one does, however it does."""
    from zoo.common import compute

    threads = max(1, compute.usable_cores() // workers)
    going: dict[str, subprocess.Popen[bytes]] = {}
    stopping = threading.Event()
    count = itertools.count(1)

    def run(one: _Prepared) -> str:
        name = one.request.name
        command = [sys.executable, "-m", "zoo.training.worker", *one.words(threads)]
        with tempfile.TemporaryFile() as said:
            if stopping.is_set():
                return "not begun"
            going[name] = process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # so that Ctrl-C reaches this process alone
            )
            code = process.wait()
            assert process.stdin is not None
            process.stdin.close()
            said.seek(0)
            lines = said.read().decode(errors="replace").strip().splitlines()
        if code == 0:
            logger.info(f"[{next(count)}/{len(waiting)}] {name} is trained")
            return ""
        last = next((line for line in reversed(lines) if line.startswith("Error: ")), "")
        reason = last.removeprefix("Error: ") or (lines[-1] if lines else f"exit code {code}")
        if not stopping.is_set():
            logger.warning(f"{name} failed: {reason}")
        return reason

    names = [one.request.name for one in waiting]
    with ThreadPoolExecutor(workers) as pool:
        try:
            reasons = list(pool.map(run, waiting))
        except KeyboardInterrupt:
            stopping.set()
            for process in list(going.values()):
                if process.stdin:
                    process.stdin.close()  # which the worker hears
            logger.info("Stopping. The same command goes on with what is unfinished.")
            raise
    return {name: reason for name, reason in zip(names, reasons, strict=True) if reason}


def _value(text: str) -> Any:
    """A varied value for a table: a number where it is one."""
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return text
