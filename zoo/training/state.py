"""TrainingState: a model on its way, with all that going on needs."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.swa_utils import AveragedModel

from zoo.common.compute import channels_last, derived_seed, keep_channels_last
from zoo.models import GenerativeModel, TrainConfig
from zoo.optim import optimizers


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
    - `first_steps`: the first step of each optimizer, from which its warm-up and schedule count.
    - `began_at`: each loss at the first report, which tells when it runs away.
    - `best`: the tensors of the averaged model after its best epoch, on the CPU, where epochs are
        judged.
    - `compiled`: whether torch compiles the networks.
    - `report_now`: set it to have the loop report after the step that it is taking.
    """

    model: GenerativeModel[Any]
    seed: int = 0
    step: int = 0
    optimizers: dict[str, Optimizer] = field(default_factory=dict)
    average: AveragedModel | None = None
    sums: dict[str, Tensor] = field(default_factory=dict)
    counts: dict[str, float] = field(default_factory=dict)
    first_steps: dict[str, int] = field(default_factory=dict)
    began_at: dict[str, float] = field(default_factory=dict)
    best: dict[str, Tensor] | None = None
    compiled: bool = False
    report_now: bool = False

    @property
    def averaged(self) -> GenerativeModel[Any]:
        """The model with averaged weights, if the recipe averages: it becomes the checkpoint."""
        return cast("GenerativeModel[Any]", self.average.module) if self.average else self.model

    def note_best(self) -> None:
        """Remember the averaged weights as they are now."""
        tensors = self.averaged.state_dict()
        self.best = {key: tensor.detach().cpu().clone() for key, tensor in tensors.items()}

    def take_best(self) -> None:
        """Put the weights that were remembered into the averaged model."""
        if self.best is not None:
            self.averaged.load_state_dict(self.best)

    def prepare(self, settings: TrainConfig) -> None:
        """Make what training by these settings needs and isn't there yet."""
        if not self.optimizers and (
            settings.precision == "bf16" or self.model.device.type == "cuda"
        ):
            keep_channels_last(channels_last(self.model))
        self.optimizers = self.optimizers or optimizers.build(self.model, settings)
        if settings.ema_decay and self.average is None:
            self.average = AveragedModel(
                self.model,
                multi_avg_fn=optimizers.averaging(settings.ema_decay),
                use_buffers=settings.ema_buffers,
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
