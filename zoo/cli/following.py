"""A training in a terminal: progress, warnings, Ctrl-C, and its folder."""

import contextlib
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from accelerate.utils import broadcast_object_list

from zoo.checkpoints import weights
from zoo.cli.console import as_reference, note, progress
from zoo.common import compute, files
from zoo.common.errors import CheckpointError, OutOfMemoryError, TrainingError, counted
from zoo.data import Dataset
from zoo.models import GenerativeModel, TrainConfig
from zoo.models.build import build
from zoo.sampling import images, kind_of, sampler
from zoo.training import LAST_GOOD, Run, alarms, loop
from zoo.training.state import TrainingState

KEEP_SECONDS = (5.0, 30.0)  # between two states kept: at the ends of epochs, within one


@dataclass
class Followed:
    """A training on its way, and what came of it.

    **Arguments:**
    - `run`: its folder.
    - `state`: of the training.
    - `seconds`: spent on it, before a stop too.
    - `history`: of each epoch.
    """

    run: Run
    state: TrainingState
    seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)
    warned: set[str] = field(default_factory=set)

    @property
    def model(self) -> GenerativeModel[Any]:
        """What was trained, on the CPU."""
        return self.state.averaged.eval().cpu()

    @property
    def hardware(self) -> str:
        """What it was trained on."""
        processes = Accelerator().num_processes
        device = self.state.model.device
        name = compute.hardware(device) + (", no bfloat16" if compute.emulates_bf16(device) else "")
        return name if processes == 1 else f"{processes} × {name}"

    def take_up(self, notes: dict[str, Any]) -> None:
        """Go on from what `keep` noted."""
        try:
            self.seconds, self.history = float(notes["seconds"]), list(notes["history"])
        except (LookupError, TypeError, ValueError) as error:
            raise CheckpointError(
                f"What {self.run.folder} notes of its training is damaged: {error}"
            ) from error

    def keep(self) -> None:
        """Keep the state in the run's folder."""
        self.run.keep(self.state, {"seconds": self.seconds, "history": self.history})


@contextlib.contextmanager
def follow(
    folder: Path,
    model_class: type[GenerativeModel[Any]],
    config: Any,
    recipe: TrainConfig,
    data: Dataset,
    settings: dict[str, Any],
    *,
    device: str,
    resume: bool,
    board: bool,
) -> Iterator[Followed | None]:
    """Train to the end, or until it is stopped; no other process goes on with the same folder until
    the block ends.

    **Returns:** what came of it; None in a process that isn't the first of several.

    **Raises:** `TrainingError`, `KeyboardInterrupt`, both after saying how to go on; what `fit`
    raises."""
    compute.keep_freed()
    accelerator = Accelerator()
    if accelerator.num_processes > 1:  # each may have drawn a seed
        settings["seed"] = broadcast_object_list([settings["seed"]])[0]
    where = accelerator.device if accelerator.num_processes > 1 else compute.pick_device(device)
    state = TrainingState(build(model_class, config, settings["seed"]).to(where), settings["seed"])
    first = accelerator.is_main_process
    with files.alone(folder, wait=False) if first else contextlib.nullcontext():
        run = Run(folder, board=board and first)
        followed = Followed(run, state)
        if resume:
            state.prepare(recipe)
            if kept := run.restore(state):
                followed.take_up(kept)
        reports = loop.fit(state, data, recipe)
        if first and not resume:
            run.begin(settings)
        if not first:
            for _ in reports:
                pass
            yield None
            return
        n = len(data) - recipe.holdout
        going = (
            f"on from step {state.step:,}"
            if state.step
            else f"on {counted(n, 'sample')} of {data.name}"
        )
        note(
            f"Training {settings['model']} {going}, seed {state.seed}. Grids and history: {folder}"
        )
        if recipe.precision == "bf16" and compute.emulates_bf16(state.model.device):
            note("It is computed in float32: this hardware has no bfloat16.")
        if kind_of(model_class).is_picture and not find_spec("matplotlib"):
            note("There will be no loss curves: matplotlib draws them, pip install 'genzoo[plots]'")
        with _stopping(state) as stopped:
            _hear(
                reports,
                followed,
                recipe,
                alarms.Watch(data),
                settings["name"],
                stopped,
                accelerator.num_processes,
            )
        yield followed


def _hear(
    reports: Iterator[loop.Progress],
    followed: Followed,
    recipe: TrainConfig,
    watch: alarms.Watch,
    name: str,
    stopped: list[int],
    processes: int,
) -> None:
    """Show the reports as they come, and keep what they bring."""
    kept = began = time.perf_counter()
    before = followed.seconds
    with progress() if sys.stderr.isatty() else contextlib.nullcontext() as bar:
        task = bar.add_task(name, total=None, losses="") if bar else None
        try:
            for report in reports:
                now = time.perf_counter()
                followed.seconds = before + now - began
                line = _line(report, recipe.epochs)
                if bar and task is not None:
                    speed = f"{report.samples_per_second:,.0f} samples/s"
                    bar.update(task, completed=report.step, total=report.total, losses=speed)
                if bar and report.epoch_ended:
                    bar.console.print(line, highlight=False, markup=False)
                elif report.epoch_ended:
                    note(line)
                if report.epoch_ended:
                    _end_epoch(followed, report, watch)
                done = report.step == report.total
                # several processes are at the same step only where an epoch ends
                if report.epoch_ended or processes == 1:
                    if done or stopped or now - kept > KEEP_SECONDS[not report.epoch_ended]:
                        followed.keep()
                        kept = time.perf_counter()  # when it was written: that may have taken long
                    if stopped and not done:
                        note(
                            f"\nStopped after step {report.step:,}. Go on: zoo train --resume "
                            f"{followed.run.folder}"
                        )
                        raise KeyboardInterrupt
        except OutOfMemoryError:  # what was kept is sound, and can go on where there is more
            raise
        except TrainingError as error:
            raise TrainingError(f"{error}{_keep_last_good(followed, recipe)}") from error


def _end_epoch(followed: Followed, report: loop.Progress, watch: alarms.Watch) -> None:
    """Write down an epoch, and say what alarms it gives."""
    model = followed.state.averaged.eval()
    epoch: dict[str, Any] = {"epoch": report.epoch, "step": report.step, "losses": report.losses}
    epoch |= {"held_out": report.held_out} if report.held_out else {}
    grid = None
    if kind_of(model).is_picture:
        grid = images.grid(sampler.draw(model, 64, seed=0))
        if report.adversarial:
            epoch["watched"] = watch.look(model)
    followed.history.append(epoch)
    for alarm in alarms.alarms(followed.history):
        if alarm.partition("(")[0] not in followed.warned:  # once, however the number changes
            followed.warned.add(alarm.partition("(")[0])
            note(f"Warning: epoch {report.epoch}: {alarm}")
    followed.run.log(report.step, followed.history, grid)


def _line(report: loop.Progress, epochs: int) -> str:
    losses = {
        **report.losses,
        **{f"held-out {name}": value for name, value in report.held_out.items()},
    }
    words = "  ".join(f"{key} {value:.4g}" for key, value in losses.items())
    epoch = min(report.epoch + (not report.epoch_ended), epochs)
    return f"epoch {epoch}/{epochs}  {words}  {report.samples_per_second:,.0f} samples/s"


def _keep_last_good(followed: Followed, recipe: TrainConfig) -> str:
    """Turn the last state that was kept, before the training broke, into a checkpoint; says where
    it is.
    """
    run, state = followed.run, followed.state
    try:
        if not run.restore(state):
            return ""
    except Exception:  # nothing to keep: the error that brought us here says more
        return ""
    weights.write_model(
        state.averaged.eval().cpu(), run.folder / LAST_GOOD, {"recipe": recipe.to_dict()}
    )
    run.finish()
    return (
        f"\nThe last good state, of step {state.step:,}, is kept: zoo sample "
        f"{as_reference(run.folder / LAST_GOOD)}"
    )


@contextlib.contextmanager
def _stopping(state: TrainingState) -> Iterator[list[int]]:
    """Inside the block the first Ctrl-C asks the loop to finish its step, and fills the list; the
    second ends it.
    """
    stopped: list[int] = []

    def stop(number: int, frame: Any) -> None:
        stopped.append(number)
        state.report_now = True
        note("\nStopping after this step. Ctrl-C again gives up what is not kept.")
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, before)
