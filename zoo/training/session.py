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

from zoo.checkpoints import Folder, Store, card, named_losses, weights
from zoo.common import compute, files
from zoo.common.errors import (
    CheckpointError,
    ConfigError,
    OutOfMemoryError,
    OutputError,
    TrainingError,
    counted,
)
from zoo.data import Dataset
from zoo.evaluation import Meter
from zoo.models import GenerativeModel, TrainConfig
from zoo.models.build import build
from zoo.optim import join, was_left
from zoo.sampling import TEXTS, draw, kind_of, picture, told
from zoo.training import parent
from zoo.training.alarms import Watch, alarms
from zoo.training.checks import is_adversarial
from zoo.training.choice import turned
from zoo.training.compiling import as_they_are, compile_networks
from zoo.training.extension import extend
from zoo.training.loop import Progress, fit
from zoo.training.request import Request
from zoo.training.run import LAST_GOOD, Run
from zoo.training.state import TrainingState
from zoo.training.trackers import Trackers
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
    - `extends`: the checkpoint that it made before, when it is to go on for more epochs.
    """

    request: Request
    model_class: type[GenerativeModel[Any]]
    config: Any
    recipe: TrainConfig
    data: Dataset
    exact: dict[str, Any] = field(default_factory=dict)
    extends: Folder | None = None

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        n = max(1, len(self.data) - self.recipe.holdout)
        return n // min(self.recipe.batch_size, n)

    def meter(self, model: GenerativeModel[Any]) -> Meter | None:
        """What takes the metric that epochs are judged by; None where there is none."""
        metric = self.request.choice.metric
        if not metric:
            return None
        trained_on, _ = self.data.split(self.recipe.holdout)
        return Meter(metric, model, trained_on, device=str(model.device))


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
        # of each time that a finished training went on: after which epoch, and from what
        self.went_on: list[dict[str, Any]] = []
        self.choice = plan.request.choice
        self.stopped_early = False
        accelerator = join()
        self.processes = accelerator.num_processes
        self.is_first = accelerator.is_main_process
        self._store = store
        self._warned: set[str] = set()
        self._watch = Watch(plan.data)
        self._trackers = Trackers(
            plan.request.log_with if self.is_first else (), run.folder, plan.request.name
        )
        self._meter = plan.meter(state.model) if self.is_first else None

    @property
    def model(self) -> GenerativeModel[Any]:
        """What was trained, on the CPU: with the weights that are to stay."""
        if self.choice.keep == "best":
            self.state.take_best()
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
            self.went_on = [dict(one) for one in notes.get("went_on", ())]
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(
                f"The record of the training in {self.run.folder} is damaged: {error}"
            ) from error

    def keep(self) -> None:
        """Keep the state in the folder."""
        notes = {"seconds": self.seconds, "history": self.history, "went_on": self.went_on}
        self.run.keep(self.state, notes)

    def close(self) -> None:
        """End what follows the training."""
        self._trackers.close()

    def tell(self, facts: dict[str, Any], digest: str) -> None:
        """Tell those who follow the training what came of it."""
        kept: dict[str, Any] = {key: facts[key] for key in ("kept", "seconds") if key in facts}
        self._trackers.end(self.state.step, {**kept, "sha256": digest})

    @property
    def total(self) -> int:
        """Steps of the whole training."""
        return self.plan.steps * self.plan.recipe.epochs

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
        # a training that was stopped before its checkpoint was written
        if self._is_over:
            self.stopped_early = self.state.step < self.total
            return
        self._refuse_blind_choice()
        reports = fit(self.state, self.plan.data, self.plan.recipe)
        if not self.is_first:
            for report in reports:
                yield report
                if report.epoch_ended and self._agree(False):
                    return
            return
        if not self.resumed:
            self.run.begin({**self.plan.request.record(), "exact": self.plan.exact})
            if self.plan.request.parent:
                self.keep()  # so that going on needs no parent
        self._say_what_begins()
        self._trackers.begin(
            {**self.plan.request.record(), **self.plan.exact, "steps": self.total}, self.state.step
        )
        with _stopping(self.state) as stopped:
            yield from self._follow(reports, stopped)
        if self.choice.keep != "best" and (said := turned(self.history)):
            logger.warning(said)

    @property
    def _is_over(self) -> bool:
        """Whether its patience is at an end, counted from where it went on."""
        since = self.went_on[-1]["epoch"] if self.went_on else 0
        return self.choice.is_spent(self.history, since)

    def _agree(self, over: bool) -> bool:
        """What the first process says: whether the training ends here."""
        if self.processes == 1 or not self.choice.patience:
            return over
        return bool(broadcast_object_list([over])[0])

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
                done = report.step == report.total
                if report.epoch_ended:
                    self._end_epoch(report)
                    self.stopped_early = self._agree(self._is_over) and not done
                    done = done or self.stopped_early
                # several processes are at the same step only where an epoch ends
                can_keep = report.epoch_ended or self.processes == 1
                pause = KEEP_SECONDS if report.epoch_ended else KEEP_SECONDS_WITHIN
                if can_keep and (done or stopped or now - kept > pause):
                    self.keep()
                    # when it was written: that may have taken long
                    kept = time.perf_counter()
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
                if self.stopped_early:
                    best = self.choice.best(self.history) or {}
                    logger.info(
                        f"Stopped early: no better {self.choice.told} than after epoch "
                        f"{best.get('epoch')}."
                    )
                    return
        # what was kept is sound, and can go on where there is more
        except OutOfMemoryError:
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
        if "loss" not in report.held_out and report.held_out:
            epoch["minimised"] = [name for name in report.held_out if name not in report.metrics]
        if self._meter and self.choice.is_measured(report.epoch, self.plan.recipe.epochs):
            epoch["measured"] = {self.choice.metric: self._meter(model)}
        shown, texts = self._samples(model)
        if kind_of(model).is_picture and report.adversarial:
            epoch["watched"] = self._watch.look(model)
        self.history.append(epoch)
        told = "".join(f"  {name} {value:.4g}" for name, value in epoch.get("measured", {}).items())
        logger.info(epoch_line(report, self.plan.recipe.epochs) + told)
        if self.choice.keep == "best" and self.choice.best(self.history) is epoch:
            self.state.note_best()
        if self.choice.every and report.epoch % self.choice.every == 0:
            self._keep_epoch(report.epoch)
        for alarm in alarms(self.history):
            kind = alarm.partition("(")[0]
            if kind not in self._warned:  # once, however the number changes
                self._warned.add(kind)
                logger.warning(f"epoch {report.epoch}: {alarm}")
        if texts:
            logger.info("  " + ", ".join(texts))
        self.run.log(report.step, self.history, shown, texts)
        self._trackers.log(epoch, shown, texts)

    def _samples(self, model: GenerativeModel[Any]) -> tuple[Image.Image | None, list[str]]:
        """What an epoch shows of samples: a picture, or texts."""
        kind = kind_of(model)
        options, _ = told(self.plan.recipe.sample_options)
        if kind.name == "text":
            return None, model.render(draw(model, TEXTS, seed=0, options=options))
        if not kind.is_drawn:
            return None, []
        n = GRID if kind.is_picture else RECORDINGS
        return picture(model, draw(model, n, seed=0, options=options)), []

    def _keep_epoch(self, epoch: int) -> None:
        """Write the model, as it is after an epoch, to the folder of the training."""
        request, data = self.plan.request, self.plan.data
        name = f"{request.name}-epoch-{epoch}"
        place = self.run.folder / name
        facts = {
            "name": name,
            "reference": files.as_reference(place),
            "dataset": data.name,
            "class_names": list(data.class_names),
            "seed": request.seed,
            "epoch": epoch,
            "recipe": self.plan.recipe.to_dict(),
        }
        try:
            files.remove(place)  # which a process wrote that was killed
            with files.replacing(place) as partial:
                weights.write_model(self.state.averaged, partial, facts)
                card.write(partial)
        except OutputError as error:
            raise OutputError(f"{error} Go on from the last state: {self.resume_hint}") from error

    def _refuse_blind_choice(self) -> None:
        """Raise `ConfigError` when nothing would tell which epoch is best."""
        if not self.choice.needs_holdout:
            return
        with as_they_are(self.state.compiled):
            is_blind = is_adversarial(self.state.model, self.plan.data)
        if is_blind:
            raise ConfigError(
                "The losses of this model don't say how good it is. Judge its epochs by a metric: "
                "--measure frechet_distance:5"
            )

    def _keep_last_good(self) -> str:
        """Turn the last state that was kept, before the training broke, into a checkpoint; says
        where it is.
        """
        run, state = self.run, self.state
        try:
            if not run.restore(state):
                return ""
        # nothing to keep: the error that brought us here says more
        except Exception:
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
    request = plan.request
    model = build(plan.model_class, plan.config, request.seed)
    first = accelerator.is_main_process
    with _alone(folder) if first else contextlib.nullcontext():
        run = Run(folder)
        goes_on = (resume and run.has_state) or plan.extends is not None
        if request.parent and not goes_on:
            parent.begin_with(model, request, store, say=first)
        parent.freeze(model, request.freeze)
        state = TrainingState(model.to(where), request.seed)
        state.compiled = request.compile and compile_networks(state.model)
        made = Session(plan, run, state, store, resumed=resume)
        if plan.extends is not None:
            extend(made, plan.extends)
        elif resume:
            made.take_up()
        try:
            yield made
        finally:
            made.close()


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
