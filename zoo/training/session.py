"""A training on its way: it reports, keeps its state, warns, and stops so that it can go on."""

import contextlib
import logging
import signal
import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from accelerate.utils import broadcast_object_list
from PIL import Image

from zoo.checkpoints import Store, named_losses, weights
from zoo.common import compute, files
from zoo.common.errors import CheckpointError, OutOfMemoryError, TrainingError, counted
from zoo.data import Dataset
from zoo.models import GenerativeModel, TrainConfig
from zoo.models.build import build
from zoo.optim import join, was_left
from zoo.sampling import TEXTS, draw, kind_of, picture
from zoo.training.alarms import Watch, alarms
from zoo.training.loop import Progress, fit
from zoo.training.request import Request
from zoo.training.run import LAST_GOOD, Run
from zoo.training.state import TrainingState
from zoo.training.watching import in_words

# seconds between two states that are kept: at the ends of epochs
KEEP_SECONDS = 5.0
# the same within an epoch
KEEP_SECONDS_WITHIN = 30.0
# samples of the grid that is written after each epoch, and of one of waveforms and spectrograms
GRID = 64
RECORDINGS = 16

logger = logging.getLogger("zoo")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All that a training needs.

    **Arguments:**
    - `request`: what was asked for.
    - `model_class`, `config`: of the model.
    - `recipe`: how it is trained.
    - `data`: what it is trained on.
    - `exact`: what must be the same when the training goes on, as JSON values.
    """

    request: Request
    model_class: type[GenerativeModel[Any]]
    config: Any
    recipe: TrainConfig
    data: Dataset
    exact: dict[str, Any] = field(default_factory=dict)


class Session:
    """A training in its folder, which no other process works in meanwhile.

    **Arguments:**
    - `plan`: what is trained, and how.
    - `run`: the folder.
    - `state`: of the training; where it goes on from.
    - `store`: where the checkpoint will be, for the words that say how to go on.
    - `resumed`: whether the folder held an unfinished training, which goes on.
    """

    def __init__(
        self, plan: Plan, run: Run, state: TrainingState, store: Store, *, resumed: bool = False
    ) -> None:
        self.plan, self.run, self.state = plan, run, state
        self.resumed = resumed
        self.seconds = 0.0
        self.history: list[dict[str, Any]] = []
        accelerator = join()
        self.processes = accelerator.num_processes
        self.is_first = accelerator.is_main_process
        self._store = store
        self._warned: set[str] = set()
        self._watch = Watch(plan.data)

    @property
    def model(self) -> GenerativeModel[Any]:
        """What was trained, on the CPU."""
        return self.state.averaged.eval().cpu()

    @property
    def hardware(self) -> str:
        """What it was trained on."""
        device = self.state.model.device
        emulated = ", no bfloat16" if compute.emulates_bf16(device) else ""
        name = compute.hardware(device) + emulated
        return name if self.processes == 1 else f"{self.processes} × {name}"

    @property
    def resume_hint(self) -> str:
        """The command that goes on with it."""
        return self.plan.request.resume_hint(self._store, self.run.folder)

    def take_up(self) -> None:
        """Go on from the state that the folder keeps, if it keeps one."""
        self.state.prepare(self.plan.recipe)
        notes = self.run.restore(self.state)
        if not notes:
            return
        try:
            self.seconds = float(notes["seconds"])
            self.history = named_losses(notes["history"])
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(
                f"The record of the training in {self.run.folder} is damaged: {error}"
            ) from error

    def keep(self) -> None:
        """Keep the state in the folder."""
        self.run.keep(self.state, {"seconds": self.seconds, "history": self.history})

    @property
    def total(self) -> int:
        """Steps of the whole training."""
        recipe = self.plan.recipe
        n = max(1, len(self.plan.data) - recipe.holdout)
        return n // min(recipe.batch_size, n) * recipe.epochs

    def reports(self) -> Generator[Progress]:
        """Train to the end, or until it is stopped; reports come a few times a second.

        A Ctrl-C, or the end of whoever takes the reports, leaves a state that can go on.

        **Raises:** `TrainingError`, `KeyboardInterrupt`, both after saying how to go on; what `fit`
        raises."""
        try:
            yield from self._reports()
        except RuntimeError as error:
            if self.processes == 1 or not was_left(error):
                raise
            raise TrainingError(
                "Another process of this training ended, or its machine can't be reached. The "
                "state of the last epoch that was kept is safe. Start all processes again, as "
                f"before, with: {self.resume_hint}"
            ) from error

    def _reports(self) -> Generator[Progress]:
        reports = fit(self.state, self.plan.data, self.plan.recipe)
        if not self.is_first:
            yield from reports
            return
        if not self.resumed:
            self.run.begin({**self.plan.request.record(), "exact": self.plan.exact})
        self._say_what_begins()
        with _stopping(self.state) as stopped:
            yield from self._follow(reports, stopped)

    def _say_what_begins(self) -> None:
        request, recipe, data = self.plan.request, self.plan.recipe, self.plan.data
        n = len(data) - recipe.holdout
        going = f"on {counted(n, 'sample')} of {data.name}"
        if self.state.step:
            going = f"on from step {self.state.step:,}"
        logger.info(
            f"Training {request.model} {going}, seed {request.seed}. Grids and history: "
            f"{self.run.folder}"
        )
        if recipe.precision == "bf16" and compute.emulates_bf16(self.state.model.device):
            logger.info("Computing in float32: this hardware has no bfloat16.")
        if kind_of(self.plan.model_class).is_drawn and not find_spec("matplotlib"):
            logger.info(
                "There will be no loss curves: matplotlib draws them, pip install 'genzoo[plots]'"
            )

    def _follow(self, reports: Iterator[Progress], stopped: list[int]) -> Iterator[Progress]:
        """Keep what the reports bring, and pass them on."""
        before, began = self.seconds, time.perf_counter()
        kept = began
        try:
            for report in reports:
                now = time.perf_counter()
                self.seconds = before + now - began
                if report.epoch_ended:
                    self._end_epoch(report)
                done = report.step == report.total
                # several processes are at the same step only where an epoch ends
                can_keep = report.epoch_ended or self.processes == 1
                pause = KEEP_SECONDS if report.epoch_ended else KEEP_SECONDS_WITHIN
                if can_keep and (done or stopped or now - kept > pause):
                    self.keep()
                    kept = time.perf_counter()  # when it was written: that may have taken long
                if can_keep and stopped and not done:
                    self._say_stopped()
                    raise KeyboardInterrupt
                try:
                    yield report
                except GeneratorExit:
                    if can_keep and not done:
                        self.keep()
                        self._say_stopped()
                    raise
        except OutOfMemoryError:  # what was kept is sound, and can go on where there is more
            raise
        except TrainingError as error:
            raise TrainingError(f"{error}{self._keep_last_good()}") from error

    def _say_stopped(self) -> None:
        logger.info(f"\nStopped after step {self.state.step:,}. Continue with: {self.resume_hint}")

    def _end_epoch(self, report: Progress) -> None:
        """Write down an epoch, and say what alarms it gives."""
        model = self.state.averaged.eval()
        epoch: dict[str, Any] = {
            "epoch": report.epoch,
            "step": report.step,
            "losses": report.losses,
        }
        epoch |= {"held_out": report.held_out} if report.held_out else {}
        shown, texts = self._samples(model)
        if kind_of(model).is_picture and report.adversarial:
            epoch["watched"] = self._watch.look(model)
        self.history.append(epoch)
        logger.info(epoch_line(report, self.plan.recipe.epochs))
        for alarm in alarms(self.history):
            kind = alarm.partition("(")[0]
            if kind not in self._warned:  # once, however the number changes
                self._warned.add(kind)
                logger.warning(f"epoch {report.epoch}: {alarm}")
        if texts:
            logger.info("  " + ", ".join(texts))
        self.run.log(report.step, self.history, shown, texts)

    def _samples(self, model: GenerativeModel[Any]) -> tuple[Image.Image | None, list[str]]:
        """What an epoch shows of samples: a picture, or texts."""
        kind = kind_of(model)
        if kind.name == "text":
            return None, model.render(draw(model, TEXTS, seed=0))
        if not kind.is_drawn:
            return None, []
        return picture(model, draw(model, GRID if kind.is_picture else RECORDINGS, seed=0)), []

    def _keep_last_good(self) -> str:
        """Turn the last state that was kept, before the training broke, into a checkpoint; says
        where it is.
        """
        run, state = self.run, self.state
        try:
            if not run.restore(state):
                return ""
        except Exception:  # nothing to keep: the error that brought us here says more
            return ""
        place = run.folder / LAST_GOOD
        weights.write_model(
            state.averaged.eval().cpu(), place, {"recipe": self.plan.recipe.to_dict()}
        )
        run.finish()
        return (
            f"\nThe last good state, of step {state.step:,}, is kept: zoo sample "
            f"{files.as_reference(place)}"
        )


@contextlib.contextmanager
def session(
    plan: Plan,
    folder: Path,
    store: Store,
    *,
    device: str,
    resume: bool,
    threads: int | None = None,
) -> Iterator[Session]:
    """Prepare a training in its folder; no other process goes on with the same folder until the
    block ends.

    **Arguments:**
    - `plan`: what is trained, and how.
    - `folder`: where its state, history and grids are kept.
    - `store`: where the checkpoint will be.
    - `device`: where to compute.
    - `resume`: whether the folder holds an unfinished training that goes on.
    - `threads`: on the CPU, as `compute.use_threads` takes them.

    **Returns:** the session; under `accelerate launch`, one in each process."""
    compute.keep_freed()
    compute.use_threads(threads)
    accelerator = join()
    where: Any = compute.pick_device(device)
    if accelerator.num_processes > 1:
        where = accelerator.device
        # each process may have drawn a seed
        seed = broadcast_object_list([plan.request.seed])[0]
        plan = replace(plan, request=replace(plan.request, seed=seed))
    model = build(plan.model_class, plan.config, plan.request.seed).to(where)
    first = accelerator.is_main_process
    with _alone(folder) if first else contextlib.nullcontext():
        run = Run(folder, board=plan.request.tensorboard and first)
        made = Session(plan, run, TrainingState(model, plan.request.seed), store, resumed=resume)
        if resume:
            made.take_up()
        try:
            yield made
        finally:
            run.close()


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Let no other process work in the folder of a training. A training that is refused before it
    begins leaves no folder that holds nothing but the lock.
    """
    with files.alone(folder, wait=False):
        try:
            yield
        finally:
            if folder.is_dir() and {path.name for path in folder.iterdir()} <= {files.LOCK}:
                files.remove(folder)


def epoch_line(report: Progress, epochs: int) -> str:
    """Where a training stands, in a line for people."""
    number = min(report.epoch + (not report.epoch_ended), epochs)
    return f"epoch {number}/{epochs}  {in_words(report)}"


@contextlib.contextmanager
def _stopping(state: TrainingState) -> Iterator[list[int]]:
    """Inside the block the first Ctrl-C asks the loop to finish its step, and fills the list; the
    second ends it. Only the main thread hears signals.
    """
    stopped: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return

    def stop(number: int, frame: Any) -> None:
        stopped.append(number)
        state.report_now = True
        logger.info(
            "\nStopping after this step. Ctrl-C again stops at once and loses what is not saved."
        )
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, before)
