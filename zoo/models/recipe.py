"""TrainConfig: how a model is trained, as data."""

import dataclasses
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from zoo.common.config import Bounds, Count, Fraction, Rate, Size, StrictConfig
from zoo.common.errors import ConfigError


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainConfig(StrictConfig):
    """How a model is trained: its `recipe`, which `zoo train` follows unless told otherwise.

    **Arguments:**
    - `epochs`: passes over the data.
    - `batch_size`: samples a step, over all processes; the incomplete batch at an epoch's end is
        left out (the order is new each epoch).
    - `optimizer`: "adam" (Kingma & Ba 2015, arXiv:1412.6980), "adamw" (Loshchilov & Hutter 2019,
        arXiv:1711.05101), "sgd" or "rmsprop" (Tieleman & Hinton 2012).
    - `learning_rate`: of every parameter group that `learning_rates` doesn't name; above 0.
    - `learning_rates`: by parameter group, such as generator:1e-4.
    - `betas`: Adam's decay rates of the first and the second moment.
    - `momentum`: of sgd and rmsprop.
    - `weight_decay`: λ of the L2 penalty λ/2·‖w‖²; adamw takes it off the weights instead of adding
        it to the gradient.
    - `l1`: λ of the L1 penalty λ·‖w‖₁.
    - `max_grad_norm`: greatest norm of an optimizer's gradient; a larger one is scaled down to it;
        0 clips nothing. (`clip_norm` is its old name, and is read still.)
    - `warmup`: share of the steps over which the learning rate rises from 0 (Goyal et al. 2017,
        arXiv:1706.02677).
    - `schedule`: "constant", or "cosine" from the learning rate down to 0 at the end
        (arXiv:1608.03983, eq. 5).
    - `ema_decay`: decay of the exponential moving average of the weights, which becomes the
        checkpoint; after n steps it is min(ema_decay, (1 + n) / (10 + n)). 0 takes the last
        weights. (`average` is its old name, and is read still.)
    - `precision`: "float32", or "bf16" for autocast to bfloat16 in the networks where the hardware
        computes in it.
    - `balance`: draw every class equally often, however rare it is in the data.
    - `class_weights`: weight of each class in the loss, up to a common factor.
    - `augment`: random changes to each sample: "shift" by up to 2 pixels in 28, "rotate" by up to
        10°, "zoom" by up to 10 %, "flip" left and right. The model learns to draw the changed
        samples too.
    - `holdout`: samples at the end of the data that are not trained on; their losses are reported
    after each epoch."""

    epochs: Size = 10
    batch_size: Size = 128
    optimizer: Literal["adam", "adamw", "sgd", "rmsprop"] = "adam"
    learning_rate: Rate = 1e-3
    learning_rates: dict[str, Rate] = dataclasses.field(default_factory=dict)
    betas: tuple[Fraction, ...] = (0.9, 0.999)
    momentum: Fraction = 0.0
    weight_decay: Rate = 0.0
    l1: Rate = 0.0
    max_grad_norm: Rate = 0.0
    warmup: Fraction = 0.0
    schedule: Literal["constant", "cosine"] = "constant"
    ema_decay: Annotated[float, Bounds(0.0, 0.99999)] = 0.0
    precision: Literal["float32", "bf16"] = "float32"
    balance: bool = False
    class_weights: tuple[Rate, ...] = ()
    augment: tuple[Literal["shift", "rotate", "zoom", "flip"], ...] = ()
    holdout: Count = 0
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
                "learning_rate = 0 would train nothing: give one above 0, such as 1e-3."
            )
        if len(self.betas) != 2 or max(self.betas) >= 1:
            raise ConfigError(
                f"betas = {self.betas} must be two numbers below 1, such as 0.9,0.999."
            )
        if self.momentum and self.optimizer.startswith("adam"):
            raise ConfigError(
                f"momentum = {self.momentum:g} is of sgd and rmsprop; {self.optimizer} has betas, "
                "the first of which "
                "is its momentum."
            )
        if self.class_weights and not any(self.class_weights):
            raise ConfigError("class_weights are all 0: there would be nothing to learn.")
