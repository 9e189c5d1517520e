"""fit(): one training loop for every model, on one process or many."""

import math
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import get_total_norm

from zoo.checkpoints import LOSS
from zoo.common.compute import emulates_bf16
from zoo.common.errors import (
    ConfigError,
    OutOfMemoryError,
    PluginError,
    TrainingError,
    ZooError,
    counted,
)
from zoo.data import Dataset
from zoo.models import GenerativeModel, Objective, Step, TrainConfig
from zoo.optim import average_statistics, join, mean_of_all, optimizers
from zoo.training.augment import augmented
from zoo.training.batches import Batches
from zoo.training.checks import check_data, check_sample, class_weights
from zoo.training.compiling import as_they_are
from zoo.training.state import TrainingState

# seconds between two reports of progress
REPORT_SECONDS = 0.25
# batches that the batch-norm statistics of averaged weights are taken from: after an epoch
BATCHES_ON_THE_WAY = 10
# the same for the weights that stay
BATCHES_AT_THE_END = 50
# a loss diverged if it is this many times the first loss, or this many times a sample's values
RUNAWAY = 10.0
# an adversarial loss above this diverged
ADVERSARIAL_RUNAWAY = 1e5
# what torch says of batch norm on one sample
TOO_FEW = "more than 1 value per channel"
# what torch says on a CPU that has no memory left
NO_MEMORY = ("not enough memory", "out of memory", "DefaultCPUAllocator")


class Progress(NamedTuple):
    """Where training stands.

    **Arguments:**
    - `step`, `total`: steps taken, of how many.
    - `epoch`: epochs completed.
    - `losses`: the mean since the epoch began, of each objective (by the name of its optimizer;
        `loss` when there is one optimizer only) and of each metric.
    - `held_out`: the same on the samples held out, without class weights, at the end of an epoch of
        a model whose losses should fall.
    - `samples_per_second`: since the epoch began.
    - `epoch_ended`: whether this report closes an epoch.
    - `adversarial`: whether no loss is expected to fall.
    - `metrics`: which of the losses are metrics, that no optimizer lowers.
    """

    step: int
    total: int
    epoch: int
    losses: dict[str, float]
    held_out: dict[str, float]
    samples_per_second: float
    epoch_ended: bool
    adversarial: bool
    metrics: tuple[str, ...] = ()


def fit(state: TrainingState, data: Dataset, settings: TrainConfig) -> Iterator[Progress]:
    """Train from where the state stands to the end, and report a few times a second.

    The caller prints, saves and stops. What does not fit is refused at once, before the first step.
    Under `accelerate launch` each process takes its share of every batch, and all take the same
    steps.

    **Arguments:**
    - `state`: the model to train; changed in place, and complete at each report.
    - `data`: what to train on.
    - `settings`: how.

    **Returns:** reports; the last of each epoch has `epoch_ended`, and `state.averaged` can then be
    sampled.

    **Raises:** `DataError` when the data doesn't fit the model; `ConfigError` when the settings
    don't; `TrainingError` when a loss is no longer finite or runs away, or memory runs out;
    `PluginError` when the model breaks its promise."""
    return _Loop(state, data, settings).epochs()


class _Loop:
    def __init__(self, state: TrainingState, data: Dataset, settings: TrainConfig) -> None:
        check_data(data, state.model.config)
        with as_they_are(state.compiled):
            check_sample(state.model)
        self.state, self.settings, self.accelerator = state, settings, join()
        train, self.held_out = data.split(settings.holdout)
        self.rank = self.accelerator.process_index
        world_size = self.accelerator.num_processes
        self.batches = Batches(
            train, settings, state.seed, state.model.device, self.rank, world_size
        )
        self.total = len(self.batches) * settings.epochs
        self.weights = class_weights(train, settings)
        self.adversarial: dict[str, bool] = {}  # by objective
        self.bf16 = settings.precision == "bf16" and not emulates_bf16(state.model.device)
        self.still = frozen_norms(state.model)
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
        self._to_train(state.model)
        for index, (samples, labels) in enumerate(self.batches.epoch(epoch, first), first + 1):
            self._step(samples, labels)
            now = time.perf_counter()
            ended = index == steps
            if ended or state.report_now or now - reported >= REPORT_SECONDS:
                reported, state.report_now = now, False
                speed = (index - first) * self.batches.size / (now - began)
                with as_they_are(state.compiled):
                    yield self._report(epoch + ended, ended, speed)
                    self._to_train(state.model)

    def _to_train(self, model: Any) -> None:
        """Training mode, but for frozen batch norm: its statistics stay as they are, too."""
        model.train()
        for name in self.still:
            model.get_submodule(name).eval()

    def _report(self, epoch: int, ended: bool, speed: float) -> Progress:
        """Where the training stands, after `epoch` whole epochs."""
        losses = self._mean_losses(ended)
        held_out = self._end_epoch() if ended else {}
        return Progress(
            self.state.step,
            self.total,
            epoch,
            self._named(losses),
            self._named(held_out),
            speed,
            ended,
            all(self.adversarial.values()),
            tuple(name for name in losses if name not in self.adversarial),
        )

    def _mean_losses(self, ended: bool) -> dict[str, float]:
        """The means since the epoch began, by objective and metric; refuses those that diverged."""
        state = self.state
        losses = {name: total.item() / state.counts[name] for name, total in state.sums.items()}
        # only there several processes are at the same step
        if ended:
            losses = mean_of_all(losses, self.accelerator)
        # the first process keeps what is good; the others end with it
        if self.rank == 0:
            self._refuse_runaway(losses)
        return losses

    def _named(self, values: dict[str, float]) -> dict[str, float]:
        """Losses as they are shown and kept: one that is alone is called `loss`."""
        return {self._shown(name): value for name, value in values.items()}

    def _shown(self, name: str) -> str:
        alone = len(self.state.optimizers) == 1 and name in self.state.optimizers
        return LOSS if alone else name

    def _step(self, samples: Tensor, labels: Tensor | None) -> None:
        """One batch: a step of an optimizer for each objective."""
        state = self.state
        try:
            with state.randomness("step", state.step, self.rank):
                samples = augmented(self.batches.data.inputs(samples), self.settings.augment)
                parts = self._parts(samples, labels)
                going = [self._objectives(state.model, *part) for part in parts]
                while self._minimise(going, parts):
                    pass
        except (RuntimeError, ValueError) as error:
            told = _in_words(error, self.batches.size)
            if told is None:
                raise
            raise told from error
        state.step += 1
        if state.average:
            state.average.update_parameters(state.model)

    def _parts(self, samples: Tensor, labels: Tensor | None) -> list[tuple[Tensor, Tensor | None]]:
        """A batch in the parts that it is computed in."""
        n = self.settings.accumulate
        if n == 1:
            return [(samples, labels)]
        given = [None] * n if labels is None else labels.chunk(n)
        return list(zip(samples.chunk(n), given, strict=False))

    def _minimise(
        self, going: list[Iterator[Objective]], parts: list[tuple[Tensor, Tensor | None]]
    ) -> bool:
        """A step on the next objective of all parts of a batch.

        **Returns:** whether there was one."""
        state, n = self.state, sum(len(samples) for samples, _ in parts)
        optimizer = None
        for objectives, (samples, labels) in zip(going, parts, strict=True):
            objective = next(objectives, None)
            if objective is None:
                return False
            if optimizer is None:
                optimizer = optimizers.chosen(state.optimizers, objective)
                optimizers.clear(optimizer)
            loss, share = self._mean(objective, labels), len(samples) / n
            optimizers.add_gradients(optimizer, loss if share == 1 else loss * share)
            values = {objective.optimizer: loss, **objective.metrics}
            _add(state.sums, state.counts, values, share)
            self.adversarial[objective.optimizer] = objective.adversarial
            name = objective.optimizer
        assert optimizer is not None
        first = state.first_steps.setdefault(name, state.step)
        optimizer.param_groups[0]["lr"] = optimizers.rate(
            self.settings, name, state.step - first, self.total - first
        )
        optimizers.step(optimizer, self.settings, self.accelerator)
        return True

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
            raise ConfigError(
                "class_weights need one loss for each sample; this model gives only their mean."
            )
        return (objective.loss * self.weights.to(labels.device)[labels]).mean()

    def _refuse_runaway(self, losses: dict[str, float]) -> None:
        """Raise `TrainingError` when a loss or a weight is no number, or a loss is far too large.

        A metric may be as large as it likes."""
        for name, value in losses.items():
            if name in self.adversarial:
                self._refuse_loss(name, value)
        if not get_total_norm(self.state.model.parameters()).isfinite():
            raise TrainingError(
                f"Training failed by step {self.state.step}: weights are NaN or infinite. "
                f"{self._hint()}"
            )

    def _refuse_loss(self, name: str, value: float) -> None:
        step, shown = self.state.step, self._shown(name)
        if not math.isfinite(value):
            raise TrainingError(
                f"Training failed by step {step}: {shown} is {value}. {self._hint()}"
            )
        began = self.state.began_at.setdefault(name, value)
        # a loss may begin near 0 by chance
        usual = max(math.prod(self.state.model.config.sample_shape), abs(began))
        limit = ADVERSARIAL_RUNAWAY if self.adversarial[name] else RUNAWAY * usual
        if value > limit:
            raise TrainingError(
                f"Training diverged by step {step}: {shown} is {value:.4g}; it began at "
                f"{began:.4g}. {self._hint()}"
            )

    def _hint(self) -> str:
        return (
            f"Try a smaller learning_rate than {self.settings.learning_rate:g}, or --set "
            "max_grad_norm=1"
        )

    def _end_epoch(self) -> dict[str, float]:
        """Make the averaged model fit to be sampled; returns its losses on the samples held out."""
        average_statistics(self.state.model, self.accelerator)
        self._recalibrate_batch_norm()
        averaged = self.state.averaged.eval()
        if not len(self.held_out) or all(self.adversarial.values()):
            return {}
        n, size, sums = len(self.held_out), self.settings.batch_size, dict[str, float]()
        with torch.no_grad(), self.state.randomness("held out"):
            for first in range(0, n, size):
                part = self.held_out.part(slice(first, first + size))
                samples = part.inputs(part.samples[:].to(averaged.device))
                labels = None if part.labels is None else part.labels.to(averaged.device)
                for objective in self._objectives(averaged, samples, labels):
                    values = {objective.optimizer: objective.loss.mean(), **objective.metrics}
                    for name, value in values.items():
                        sums[name] = sums.get(name, 0.0) + value.item() * len(samples)
        return {name: total / n for name, total in sums.items()}

    def _recalibrate_batch_norm(self) -> None:
        """Take the averaged model's batch-norm statistics anew, so that they fit its weights."""
        averaged = self.state.averaged
        layers = [
            layer
            for name, layer in averaged.named_modules()
            if isinstance(layer, _BatchNorm) and name not in self.still
        ]
        if averaged is self.state.model or not layers:
            return
        momenta = [layer.momentum for layer in layers]
        for layer in layers:
            layer.reset_running_stats()
            layer.momentum = None  # a plain mean over the batches
        self._to_train(averaged)
        batches = BATCHES_ON_THE_WAY
        if self.state.step == self.total:
            batches = max(batches, min(BATCHES_AT_THE_END, len(self.batches)))
        with torch.no_grad(), self.state.randomness("settle"):
            for samples, labels in self.batches.subset(batches):
                inputs = self.batches.data.inputs(samples)
                for _ in self._objectives(averaged, inputs, labels):
                    # going through the networks is all that is wanted
                    pass
        averaged.eval()
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum


def frozen_norms(model: GenerativeModel[Any]) -> tuple[str, ...]:
    """The names of the batch-norm layers that have parameters, and train none of them."""
    return tuple(
        name
        for name, layer in model.named_modules()
        if isinstance(layer, _BatchNorm)
        and layer.affine
        and not any(parameter.requires_grad for parameter in layer.parameters())
    )


def _add(
    sums: dict[str, Tensor], counts: dict[str, float], values: dict[str, Tensor], share: float
) -> None:
    """Add values to sums, of a share of a batch."""
    for name, value in values.items():
        part = value.detach() if share == 1 else value.detach() * share
        sums[name] = sums[name] + part if name in sums else part
        counts[name] = counts.get(name, 0) + share


def _in_words(error: Exception, batch_size: int) -> ZooError | None:
    """An error of a step in words, when it is one that the person who trains can mend."""
    if TOO_FEW in str(error):
        return ConfigError(
            "Batch norm needs at least two samples in the batch of each process, and there is one."
        )
    told = any(words in str(error) for words in NO_MEMORY)
    if not told and not isinstance(error, torch.OutOfMemoryError):
        return None
    if batch_size == 1:
        return OutOfMemoryError("Out of memory with a batch of one sample: take a smaller model.")
    return OutOfMemoryError(
        f"Out of memory with a batch of {counted(batch_size, 'sample')}. Try --set "
        f"batch_size={batch_size // 2}"
    )
