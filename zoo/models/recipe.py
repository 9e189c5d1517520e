"""TrainConfig: how a model is trained, as data."""

import dataclasses
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from zoo.common.config import Bounds, Count, Fraction, Rate, Size, StrictConfig
from zoo.common.errors import ConfigError


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig(StrictConfig):
    """How a model is trained: its `recipe`. `zoo train --set` changes it.

    **Arguments:**
    - `epochs`: passes over the data.
    - `batch_size`: samples in a step, over all processes. The order is new in each epoch; an
        incomplete batch at the end is left out.
    - `accumulate`: parts that each batch is computed in, one after the other, so that it takes less
        memory. The gradient is that of the whole batch; statistics of batch norm are those of the
        parts. Of a GAN what the generator computes of all parts waits for its turn, so that four
        parts take about half of the memory, not a quarter.
    - `optimizer`: "adam" (Kingma & Ba 2015, arXiv:1412.6980), "adamw" (Loshchilov & Hutter 2019,
        arXiv:1711.05101), "sgd" or "rmsprop" (Tieleman & Hinton 2012).
    - `learning_rate`: learning rate of every parameter group that `learning_rates` does not name.
    - `learning_rates`: learning rates by parameter group, such as generator:1e-4.
    - `betas`: decay rates of the first and the second moment, for adam and adamw.
    - `momentum`: momentum, for sgd and rmsprop.
    - `weight_decay`: weight λ of the L2 penalty λ/2·‖w‖². adamw shrinks the weights directly and
        does not add the penalty to the gradient.
    - `l1`: weight λ of the L1 penalty λ·‖w‖₁.
    - `max_grad_norm`: greatest norm of an optimizer's gradient; a larger one is scaled down to it;
        0 clips nothing. (`clip_norm` is the old name; it still works.)
    - `warmup`: part of the training, 0 to 1, in which the learning rate grows from 0 (Goyal et al.
        2017, arXiv:1706.02677).
    - `warmups`: warm-up by parameter group, such as prior:0.1.
    - `schedule`: learning rate over time: "constant", or "cosine", which falls to 0 at the end
        (Loshchilov & Hutter 2017, arXiv:1608.03983). Warm-up and schedule of a parameter group
        begin with its first step, so one that begins to learn late has both in what is left.
    - `schedules`: schedule by parameter group, such as prior:cosine.
    - `ema_decay`: decay of the moving average of the weights, which becomes the checkpoint; 0 takes
        the last weights. After n steps the decay is min(ema_decay, (1 + n) / (10 + n)). (`average`
        is the old name; it still works.)
    - `ema_buffers`: average the buffers as well; else they are copied from the model after each
        step. Whole numbers are always copied, and statistics of batch norm are taken anew.
    - `precision`: "float32", or "bf16" to compute the networks in bfloat16 where the hardware
        supports it.
    - `balance`: draw every class equally often, however few samples it has.
    - `class_weights`: weight of each class in the loss; only their ratios matter.
    - `augment`: random changes of each sample: "shift" by up to 2 pixels in 28, "rotate" by up to
        10°, "zoom" by up to 10 %, "flip" left and right. The model learns to draw changed samples
        too.
    - `holdout`: samples at the end of the data that are not used for training. Their losses are
        reported after each epoch.
    - `sample_options`: sample-time options of the model for the samples that each epoch and the
        card show, such as steps:50.
    """

    epochs: Size = 10
    batch_size: Size = 128
    accumulate: Size = 1
    optimizer: Literal["adam", "adamw", "sgd", "rmsprop"] = "adam"
    learning_rate: Rate = 1e-3
    learning_rates: dict[str, Rate] = dataclasses.field(default_factory=dict)
    betas: tuple[Fraction, ...] = (0.9, 0.999)
    momentum: Fraction = 0.0
    weight_decay: Rate = 0.0
    l1: Rate = 0.0
    max_grad_norm: Rate = 0.0
    warmup: Fraction = 0.0
    warmups: dict[str, Fraction] = dataclasses.field(default_factory=dict)
    schedule: Literal["constant", "cosine"] = "constant"
    schedules: dict[str, Literal["constant", "cosine"]] = dataclasses.field(default_factory=dict)
    ema_decay: Annotated[float, Bounds(0.0, 0.99999)] = 0.0
    ema_buffers: bool = False
    precision: Literal["float32", "bf16"] = "float32"
    balance: bool = False
    class_weights: tuple[Rate, ...] = ()
    augment: tuple[Literal["shift", "rotate", "zoom", "flip"], ...] = ()
    holdout: Count = 0
    sample_options: dict[str, str] = dataclasses.field(default_factory=dict)
    average: dataclasses.InitVar[float | None] = None
    clip_norm: dataclasses.InitVar[float | None] = None

    aliases: ClassVar[Mapping[str, str]] = {"average": "ema_decay", "clip_norm": "max_grad_norm"}

    def __post_init__(self, average: float | None, clip_norm: float | None) -> None:
        for old, value in (("average", average), ("clip_norm", clip_norm)):
            if value is not None:
                object.__setattr__(self, self.aliases[old], value)
        super().__post_init__()
        if not self.learning_rate:
            raise ConfigError(
                "learning_rate = 0 trains nothing: give a number above 0, such as 1e-3."
            )
        if len(self.betas) != 2 or max(self.betas) >= 1:
            raise ConfigError(
                f"betas = {self.betas} must be two numbers below 1, such as 0.9,0.999."
            )
        if self.momentum and self.optimizer.startswith("adam"):
            raise ConfigError(
                f"momentum = {self.momentum:g} is for sgd and rmsprop. {self.optimizer} has betas: "
                "the first one is its momentum."
            )
        if self.class_weights and not any(self.class_weights):
            raise ConfigError(
                "class_weights are all 0, so nothing is learnt: give at least one above 0."
            )
