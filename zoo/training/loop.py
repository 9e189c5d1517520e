"""TrainingState and fit(): one loop for every model, on one process or many."""

import atexit
import contextlib
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

import torch
from accelerate import Accelerator
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import get_total_norm
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from zoo.common.compute import channels_last, derived_seed, emulates_bf16, keep_channels_last
from zoo.common.errors import (
    ConfigError,
    OutOfMemoryError,
    PluginError,
    TrainingError,
    ZooError,
    counted,
)
from zoo.data import Dataset, to_float
from zoo.models import GenerativeModel, Objective, Step, TrainConfig
from zoo.optim import optimizers
from zoo.training.batches import Batches, augmented, check_data, check_sample, class_weights

REPORT_SECONDS = 0.25  # between two reports of progress
STATISTICS_BATCHES = (
    10,
    50,
)  # that averaged weights get their batch-norm statistics from: on the way, at the end
RUNAWAY = (
    10.0  # a loss this many times what it was at first, or the values of a sample, has run away
)
TOO_FEW = "more than 1 value per channel"  # what torch says of batch norm on one sample
NO_MEMORY = (
    "not enough memory",
    "out of memory",
    "DefaultCPUAllocator",
)  # what torch says of it on a CPU


class Progress(NamedTuple):
    """Where training stands.

    **Arguments:**
    - `step`, `total`: steps taken, of how many.
    - `epoch`: epochs completed.
    - `losses`: mean since the epoch began, of each objective (by its optimizer) and each metric.
    - `held_out`: the same on the samples held out, by no class weights, at the end of an epoch of a
        model whose losses are expected to fall.
    - `samples_per_second`: since the epoch began.
    - `epoch_ended`: whether this report closes an epoch.
    - `adversarial`: whether no loss is expected to fall.
    """

    step: int
    total: int
    epoch: int
    losses: dict[str, float]
    held_out: dict[str, float]
    samples_per_second: float
    epoch_ended: bool
    adversarial: bool


@dataclass
class TrainingState:
    """A model on its way: all that going on needs, besides the data and the settings.

    **Arguments:**
    - `model`: the one that takes the steps.
    - `seed`: of everything random in the training.
    - `step`: steps taken so far.
    - `optimizers`: by parameter group; made when training begins.
    - `average`: the running average of the weights, if the recipe averages.
    - `sums`, `counts`: of each loss and metric since the epoch began.
    - `began_at`: each loss at the first report, which tells when it runs away.
    - `report_now`: set it to have the loop report after the step that it is taking.
    """

    model: GenerativeModel[Any]
    seed: int = 0
    step: int = 0
    optimizers: dict[str, Optimizer] = field(default_factory=dict)
    average: AveragedModel | None = None
    sums: dict[str, Tensor] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    began_at: dict[str, float] = field(default_factory=dict)
    report_now: bool = False

    @property
    def averaged(self) -> GenerativeModel[Any]:
        """The model with averaged weights, if the recipe averages: it becomes the checkpoint."""
        return cast("GenerativeModel[Any]", self.average.module) if self.average else self.model

    def prepare(self, settings: TrainConfig) -> None:
        """Make what training by these settings needs and isn't there yet."""
        if not self.optimizers and (
            settings.precision == "bf16" or self.model.device.type == "cuda"
        ):
            keep_channels_last(channels_last(self.model))
        self.optimizers = self.optimizers or optimizers.build(self.model, settings)
        if settings.average and self.average is None:
            self.average = AveragedModel(
                self.model, multi_avg_fn=optimizers.averaging(settings.average)
            )

    @contextlib.contextmanager
    def randomness(self, *purpose: object) -> Iterator[None]:
        """Draw random numbers for one purpose inside the block, the same ones each time; the
        caller's are untouched.
        """
        device, seed = self.model.device, derived_seed(self.seed, *purpose)
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.default_generator.manual_seed(seed)  # torch.manual_seed takes five times as long
            if device.type == "cuda":
                torch.cuda.manual_seed(seed)
            yield


def build(model_class: type[GenerativeModel[Any]], config: Any, seed: int) -> GenerativeModel[Any]:
    """A new model, on the CPU, with weights initialised from a seed; the caller's random numbers
    are not spent.

    **Raises:** `ConfigError` when the class can't be built with this config.
    """
    with torch.random.fork_rng(devices=()):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed GPUs too
        try:
            return model_class(config)
        except ZooError:
            raise
        except Exception as error:  # whatever a network raises for sizes that don't fit
            raise ConfigError(
                f"The model can't be built with this config: {type(error).__name__}: {error}"
            ) from error


def fit(state: TrainingState, data: Dataset, settings: TrainConfig) -> Iterator[Progress]:
    """Train from where the state stands to the end, reporting a few times a second; the caller
    prints, saves and stops.

    Under `accelerate launch` each process takes its share of every batch, and all take the same
    steps.

    **Arguments:**
    - `state`: the model to train; changed in place, and complete at each report.
    - `data`: what to train on.
    - `settings`: how.

    **Returns:** reports; the last of each epoch has `epoch_ended`, and `state.averaged` is then fit
    to be sampled.

    **Raises:** `DataError` when the data doesn't fit the model; `ConfigError` when the settings
    don't; `TrainingError` when a loss is no longer finite or runs away, or memory runs out;
    `PluginError` when the model breaks its promise."""
    return _Loop(
        state, data, settings
    ).epochs()  # what doesn't fit is refused at once, before the first step


class _Loop:
    def __init__(self, state: TrainingState, data: Dataset, settings: TrainConfig) -> None:
        check_data(data, state.model.config)
        check_sample(state.model)
        self.state, self.settings, self.accelerator = state, settings, Accelerator()
        train, self.held_out = data.split(settings.holdout)
        self.rank, share = self.accelerator.process_index, self.accelerator.num_processes
        if share > 1:  # gloo's threads abort a process whose interpreter ends before them
            atexit.register(self.accelerator.end_training)
        self.batches = Batches(train, settings, state.seed, state.model.device, (self.rank, share))
        self.total = len(self.batches) * settings.epochs
        self.weights = class_weights(train, settings)
        self.adversarial: dict[str, bool] = {}  # by objective
        self.bf16 = settings.precision == "bf16" and not emulates_bf16(state.model.device)
        state.prepare(settings)

    def epochs(self) -> Iterator[Progress]:
        """Those that are still to be run."""
        for epoch in range(self.state.step // len(self.batches), self.settings.epochs):
            yield from self._epoch(epoch)

    def _epoch(self, epoch: int) -> Iterator[Progress]:
        """The steps of an epoch that are still to be taken."""
        state, steps = self.state, len(self.batches)
        first = state.step % steps
        if first == 0:
            state.sums, state.counts = {}, {}
        began = reported = time.perf_counter()
        state.model.train()
        for index, (samples, labels) in enumerate(self.batches.epoch(epoch, first), first + 1):
            self._step(samples, labels)
            now = time.perf_counter()
            ended = index == steps
            if ended or state.report_now or now - reported >= REPORT_SECONDS:
                reported, state.report_now = now, False
                losses = {
                    name: total.item() / state.counts[name] for name, total in state.sums.items()
                }
                if ended:  # where alone several processes are at the same step
                    losses = optimizers.mean_of_all(losses, self.accelerator)
                if self.rank == 0:  # which keeps what is good; the others end with it
                    self._refuse_runaway(losses)
                held_out = self._end_epoch() if ended else {}
                speed = (index - first) * self.batches.size / (now - began)
                game = all(self.adversarial.values())
                yield Progress(
                    state.step, self.total, epoch + ended, losses, held_out, speed, ended, game
                )
                state.model.train()

    def _step(self, samples: Tensor, labels: Tensor | None) -> None:
        """One batch: a step of an optimizer for each objective."""
        state = self.state
        try:
            with state.randomness("step", state.step, self.rank):
                samples = augmented(to_float(samples), self.settings.augment)
                for objective in self._objectives(state.model, samples, labels):
                    optimizer = optimizers.chosen(state.optimizers, objective)
                    loss = self._mean(objective, labels)
                    group = optimizer.param_groups[0]
                    group["lr"] = optimizers.rate(
                        self.settings, objective.optimizer, state.step, self.total
                    )
                    optimizers.take_step(optimizer, loss, self.settings, self.accelerator)
                    self.adversarial[objective.optimizer] = objective.adversarial
                    _add(state.sums, state.counts, {objective.optimizer: loss, **objective.metrics})
        except (RuntimeError, ValueError) as error:
            if TOO_FEW in str(error):
                raise ConfigError(
                    "Batch norm needs two samples at least in the batch of a process: this is one."
                ) from error
            if isinstance(error, torch.OutOfMemoryError) or any(
                words in str(error) for words in NO_MEMORY
            ):
                raise OutOfMemoryError(_less_memory(self.batches.size)) from error
            raise
        state.step += 1
        if state.average:
            state.average.update_parameters(state.model)

    def _objectives(
        self, model: GenerativeModel[Any], samples: Tensor, labels: Tensor | None
    ) -> Iterator[Objective]:
        """The model's objectives, each computed under autocast when the settings ask; the caller
        never is.
        """
        given = labels if model.config.num_classes else None
        objectives = model.training_step(samples, given, Step(self.state.step, self.total))
        if not isinstance(objectives, Iterator):
            raise PluginError(
                f"training_step returned {type(objectives).__name__}: it must yield each Objective."
            )
        while True:
            with torch.autocast(samples.device.type, torch.bfloat16, enabled=self.bf16):
                objective = next(objectives, None)
            if objective is None:
                return
            yield objective

    def _mean(self, objective: Objective, labels: Tensor | None) -> Tensor:
        """The mean over a batch, each sample by the weight of its class."""
        if self.weights is None or labels is None:
            return objective.loss.mean()
        if objective.loss.dim() == 0:
            raise ConfigError("class_weights need one loss a sample; this model gives their mean.")
        return (objective.loss * self.weights.to(labels.device)[labels]).mean()

    def _refuse_runaway(self, losses: dict[str, float]) -> None:
        hint = (
            f"Try a smaller learning_rate than {self.settings.learning_rate:g}, or --set "
            "clip_norm=1"
        )
        for name, value in losses.items():
            if name not in self.adversarial:  # a metric, which may be as large as it likes
                continue
            if not math.isfinite(value):
                raise TrainingError(
                    f"Training broke down by step {self.state.step}: {name} is {value}. {hint}"
                )
            began = self.state.began_at.setdefault(name, value)
            usual = max(
                math.prod(self.state.model.config.sample_shape), abs(began)
            )  # which may be 0 by chance
            if value > (1e5 if self.adversarial[name] else RUNAWAY * usual):
                raise TrainingError(
                    f"Training ran away by step {self.state.step}: {name} is {value:.4g}; it began "
                    f"at {began:.4g}. "
                    f"{hint}"
                )
        if not get_total_norm(self.state.model.parameters()).isfinite():
            raise TrainingError(
                f"Training broke down by step {self.state.step}: weights are no numbers. {hint}"
            )

    def _end_epoch(self) -> dict[str, float]:
        """Make the averaged model fit to be sampled; returns its losses on the samples held out."""
        optimizers.agree(self.state.model, self.accelerator)
        self._settle()
        averaged = self.state.averaged.eval()
        if not len(self.held_out) or all(self.adversarial.values()):
            return {}
        n, size, sums = len(self.held_out), self.settings.batch_size, dict[str, float]()
        with torch.no_grad(), self.state.randomness("held out"):
            for chosen in (slice(first, first + size) for first in range(0, n, size)):
                samples = to_float(self.held_out.samples[chosen].to(averaged.device))
                labels = (
                    None
                    if self.held_out.labels is None
                    else self.held_out.labels[chosen].to(averaged.device)
                )
                for objective in self._objectives(averaged, samples, labels):
                    for name, value in {
                        objective.optimizer: objective.loss.mean(),
                        **objective.metrics,
                    }.items():
                        sums[name] = sums.get(name, 0.0) + value.item() * len(samples)
        return {name: total / n for name, total in sums.items()}

    def _settle(self) -> None:
        """Take the averaged model's batch-norm statistics anew, so that they fit its weights."""
        averaged = self.state.averaged
        layers = [layer for layer in averaged.modules() if isinstance(layer, _BatchNorm)]
        if averaged is self.state.model or not layers:
            return
        momenta = [layer.momentum for layer in layers]
        for layer in layers:
            layer.reset_running_stats()
            layer.momentum = None  # a plain mean over the batches
        averaged.train()
        fewest, most = STATISTICS_BATCHES
        n = max(fewest, min(most, len(self.batches))) if self.state.step == self.total else fewest
        with torch.no_grad(), self.state.randomness("settle"):
            for samples, labels in self.batches.some(n):
                for _ in self._objectives(averaged, to_float(samples), labels):
                    pass  # going through the networks is all that is wanted
        averaged.eval()
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum


def _add(sums: dict[str, Tensor], counts: dict[str, int], values: dict[str, Tensor]) -> None:
    for name, value in values.items():
        sums[name] = sums[name] + value.detach() if name in sums else value.detach()
        counts[name] = counts.get(name, 0) + 1


def _less_memory(batch_size: int) -> str:
    if batch_size == 1:
        return "Out of memory with a batch of one sample: take a smaller model."
    return (
        f"Out of memory with a batch of {counted(batch_size, 'sample')}. Try --set "
        f"batch_size={batch_size // 2}"
    )
