"""TrainingState and fit(): one loop for every model."""

import contextlib
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parameter import Parameter
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from zoo.data import Dataset
from zoo.errors import ConfigError, DataError, ZooError
from zoo.models import GenerativeModel, Objective, Step, TrainConfig

REPORT_SECONDS = 0.25  # between two reports of progress
STATISTICS_BATCHES = 50  # that the averaged model's batch-norm statistics are taken over
OPTIMIZERS: dict[str, type[torch.optim.Adam]] = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


class Progress(NamedTuple):
    """Where training stands.

    **Arguments:**
    - `step`, `total`: steps taken, of how many.
    - `epoch`: epochs completed.
    - `losses`: mean since the epoch began, of each objective (by its optimizer) and each metric.
    - `samples_per_second`: since the epoch began.
    - `epoch_ended`: whether this report closes an epoch.
    """

    step: int
    total: int
    epoch: int
    losses: dict[str, float]
    samples_per_second: float
    epoch_ended: bool


@dataclass
class TrainingState:
    """A model on its way.

    **Arguments:**
    - `model`: the one that takes the steps.
    - `seed`: of everything random in the training.
    - `step`: steps taken so far.
    """

    model: GenerativeModel[Any]
    seed: int = 0
    step: int = 0
    _average: AveragedModel | None = field(default=None, repr=False)
    _random: tuple[Tensor, list[Tensor]] | None = field(default=None, repr=False)  # of the CPU, of its GPU if any

    @property
    def averaged(self) -> GenerativeModel[Any]:
        """The model with averaged weights, if the recipe averages: this one becomes the checkpoint."""
        return cast("GenerativeModel[Any]", self._average.module) if self._average else self.model

    @contextlib.contextmanager
    def randomness(self) -> Iterator[None]:
        """Draw from the training's own random numbers inside the block; the caller's are as before after it."""
        gpus = _gpus(self.model)
        with torch.random.fork_rng(devices=gpus):
            if self._random is None:
                torch.manual_seed(self.seed)
            else:
                torch.random.set_rng_state(self._random[0])
                for gpu, kept in zip(gpus, self._random[1], strict=True):
                    torch.cuda.set_rng_state(kept, gpu)
            yield
            self._random = torch.random.get_rng_state(), [torch.cuda.get_rng_state(gpu) for gpu in gpus]


def build(model_class: type[GenerativeModel[Any]], config: Any, seed: int) -> GenerativeModel[Any]:
    """A new model, on the CPU, with weights initialised from a seed; the caller's random numbers are not spent.

    **Raises:** `ConfigError` when the class can't be built with this config.
    """
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        try:
            return model_class(config)
        except ZooError:
            raise
        except Exception as error:  # whatever a network raises for sizes that don't fit
            raise ConfigError(f"The model can't be built with this config: {type(error).__name__}: {error}") from error


def trainable(model: GenerativeModel[Any]) -> dict[str, list[Parameter]]:
    """The parameter groups of a model, without the parameters that are frozen."""
    groups = model.parameter_groups().items()
    return {name: [parameter for parameter in group if parameter.requires_grad] for name, group in groups}


def fit(state: TrainingState, data: Dataset, settings: TrainConfig) -> Iterator[Progress]:
    """Train, reporting a few times a second; the caller prints, saves and stops.

    **Arguments:**
    - `state`: the model to train; changed in place, and complete at each report.
    - `data`: what to train on.
    - `settings`: how.

    **Returns:** reports; the last of each epoch has `epoch_ended`, and `state.averaged` is then fit to be sampled.

    **Raises:** `DataError` when the data doesn't fit the model; `ZooError` when a loss is no longer finite.
    """
    model = state.model
    _check_data(model, data)
    batch_size = min(settings.batch_size, len(data.samples))
    steps_per_epoch = len(data.samples) // batch_size
    total = steps_per_epoch * settings.epochs
    optimizers = _optimizers(model, settings)
    rates = {name: optimizer.param_groups[0]["lr"] for name, optimizer in optimizers.items()}
    if settings.average and state._average is None:
        state._average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(settings.average))
    for epoch in range(1, settings.epochs + 1):
        model.train()
        began = reported = time.perf_counter()
        sums: dict[str, Tensor] = {}
        with state.randomness():
            order = torch.randperm(len(data.samples))
        for index in range(steps_per_epoch):
            samples, labels = _batch(model, data, order[index * batch_size :][:batch_size])
            _set_rates(optimizers, rates, settings.schedule, state.step / total)
            with state.randomness():
                losses = _step(model, samples, labels, Step(state.step, total), optimizers, settings)
            state.step += 1
            if state._average:
                state._average.update_parameters(model)
            for name, value in losses.items():
                sums[name] = sums[name] + value if name in sums else value
            now = time.perf_counter()
            ended = index + 1 == steps_per_epoch
            if ended or now - reported >= REPORT_SECONDS:
                reported = now
                means = {name: float(value) / (index + 1) for name, value in sums.items()}
                _refuse_runaway(means, state.step)
                if ended:
                    _settle(state, data, settings, batch_size)
                    model.eval()
                speed = (index + 1) * batch_size / (now - began)
                yield Progress(state.step, total, epoch if ended else epoch - 1, means, speed, ended)


def _step(
    model: GenerativeModel[Any],
    samples: Tensor,
    labels: Tensor | None,
    step: Step,
    optimizers: dict[str, torch.optim.Optimizer],
    settings: TrainConfig,
) -> dict[str, Tensor]:
    """One batch: a step of an optimizer for each objective. Returns the losses and metrics by name."""
    reported: dict[str, Tensor] = {}
    for objective in _objectives(model, samples, labels, step, settings):
        optimizer = optimizers[objective.optimizer]
        optimizer.zero_grad(set_to_none=True)
        # inputs: the other networks that the loss went through need no gradients
        objective.loss.backward(inputs=optimizer.param_groups[0]["params"])
        optimizer.step()
        reported[objective.optimizer] = objective.loss.detach()
        reported |= {name: value.detach() for name, value in objective.metrics.items()}
    return reported


def _objectives(
    model: GenerativeModel[Any], samples: Tensor, labels: Tensor | None, step: Step, settings: TrainConfig
) -> Iterator[Objective]:
    """The model's objectives, each computed under autocast when the settings ask; the caller never is."""
    objectives = model.training_step(samples, labels, step)
    while True:
        with torch.autocast(samples.device.type, torch.bfloat16, enabled=settings.precision == "bf16"):
            objective = next(objectives, None)
        if objective is None:
            return
        yield objective


def _optimizers(model: GenerativeModel[Any], settings: TrainConfig) -> dict[str, torch.optim.Optimizer]:
    groups = trainable(model)
    if unknown := set(settings.learning_rates) - set(groups):
        raise ConfigError(f"learning_rates names {sorted(unknown)}; the parameter groups are {sorted(groups)}.")
    first, second = settings.betas

    def optimizer(name: str, parameters: list[Parameter]) -> torch.optim.Optimizer:
        rate = settings.learning_rates.get(name, settings.learning_rate)
        return OPTIMIZERS[settings.optimizer](parameters, lr=rate, betas=(first, second), fused=True)

    return {name: optimizer(name, parameters) for name, parameters in groups.items()}


def _set_rates(
    optimizers: dict[str, torch.optim.Optimizer], rates: dict[str, float], schedule: str, done: float
) -> None:
    factor = 0.5 * (1 + math.cos(math.pi * done)) if schedule == "cosine" else 1.0
    for name, optimizer in optimizers.items():
        optimizer.param_groups[0]["lr"] = rates[name] * factor


def _batch(model: GenerativeModel[Any], data: Dataset, chosen: Tensor) -> tuple[Tensor, Tensor | None]:
    labels = data.labels if model.config.num_classes else None
    samples = data.samples[chosen].to(model.device).float().div_(255)
    return samples, None if labels is None else labels[chosen].to(model.device)


def _settle(state: TrainingState, data: Dataset, settings: TrainConfig, batch_size: int) -> None:
    """Take the averaged model's batch-norm statistics anew, so that they fit its weights."""
    averaged = state.averaged
    layers = [layer for layer in averaged.modules() if isinstance(layer, _BatchNorm)]
    if averaged is state.model or not layers:
        return
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # a plain mean over the batches
    averaged.train()
    with torch.random.fork_rng(devices=_gpus(averaged)):
        torch.manual_seed(state.seed)
        for _ in range(min(STATISTICS_BATCHES, max(10, len(data.samples) // batch_size))):
            samples, labels = _batch(averaged, data, torch.randint(len(data.samples), (batch_size,)))
            for _ in _objectives(averaged, samples, labels, Step(state.step, state.step), settings):
                pass  # going through the networks is all that is wanted
    averaged.eval()
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum


def _gpus(model: GenerativeModel[Any]) -> list[torch.device]:
    return [model.device] if model.device.type == "cuda" else []


def _check_data(model: GenerativeModel[Any], data: Dataset) -> None:
    config = model.config
    if tuple(config.sample_shape) != data.sample_shape:
        raise DataError(
            f"The model takes samples of shape {tuple(config.sample_shape)}, the data has {data.sample_shape}: "
            f"resize the data with --set sample_shape={','.join(map(str, config.sample_shape))}"
        )
    if config.num_classes:
        if data.labels is None:
            raise DataError("The model is conditional (num_classes > 0) but the data has no labels.")
        found = int(data.labels.max()) + 1
        if found > config.num_classes:
            raise DataError(f"The data has {found} classes, the model {config.num_classes}: --set num_classes={found}")


def _refuse_runaway(losses: dict[str, float], step: int) -> None:
    for name, value in losses.items():
        if not math.isfinite(value):
            raise ZooError(f"Training broke down at step {step}: {name} is {value}. Try a smaller learning rate.")
