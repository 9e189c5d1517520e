"""LIGHT: which epoch's weights become the checkpoint, and when a training ends early."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from zoo.checkpoints import LOSS, METRICS
from zoo.common.errors import ConfigError, did_you_mean

# metrics that features give: those that can be taken after an epoch
MEASURABLE = (
    *("frechet_distance", "kernel_distance", "precision", "recall", "density", "coverage"),
    *("memorisation", "classes_reached", "class_kl", "label_accuracy"),
)
# what a held-out loss must have risen by, as a share of its best value, to be worth a word
RISE = 0.005
# epochs that must have passed since the best one, for the same
SINCE = 2


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which epoch's weights become the checkpoint, and when to stop early.

    **Arguments:**
    - `keep`: "last", "best", or "every", which keeps the last and writes others on the way.
    - `every`: for "every", so many epochs from one to the next.
    - `metric`: what epochs are judged by; empty for the loss of the samples held out.
    - `period`: the metric is taken once in so many epochs.
    - `patience`: end after so many judged epochs without a better one; 0 never does.
    """

    keep: str = "last"
    every: int = 0
    metric: str = ""
    period: int = 1
    patience: int = 0

    @classmethod
    def of(cls, keep: str | None, measure: str | None, patience: int | None) -> Self:
        """What the options say.

        **Arguments:**
        - `keep`: "last", "best" or "every:N".
        - `measure`: "METRIC" or "METRIC:N".
        - `patience`: how many epochs.

        **Raises:** `ConfigError` for anything else."""
        kind, every = _keep(keep or "last")
        metric, period = _measure(measure) if measure else ("", 1)
        return cls(keep=kind, every=every, metric=metric, period=period, patience=patience or 0)

    @property
    def judges(self) -> bool:
        """Whether some epoch is to be found better than others."""
        return self.keep == "best" or self.patience > 0

    @property
    def needs_holdout(self) -> bool:
        """Whether it judges by samples that are held out."""
        return self.judges and not self.metric

    @property
    def told(self) -> str:
        """What it judges by, in words."""
        return METRICS[self.metric].title if self.metric else "held-out loss"

    def is_measured(self, epoch: int, last: int) -> bool:
        """Whether the metric is taken after an epoch, of which `last` is the last."""
        return bool(self.metric) and (epoch % self.period == 0 or epoch == last)

    def value(self, entry: Mapping[str, Any]) -> float | None:
        """What an entry of a history is judged by, the less the better; None where it is not."""
        if not self.metric:
            return held_out_loss(entry)
        value = entry.get("measured", {}).get(self.metric)
        if value is None or not math.isfinite(value):
            return None
        return float(-value if METRICS[self.metric].better == "↑" else value)

    def best(self, history: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
        """The best entry of a history so far, the first of equals; None where none is judged."""
        judged = [(value, entry) for entry in history if (value := self.value(entry)) is not None]
        return min(judged, key=lambda pair: pair[0])[1] if judged else None

    def is_spent(self, history: Sequence[Mapping[str, Any]], since: int = 0) -> bool:
        """Whether its patience is at an end.

        **Arguments:**
        - `since`: the epoch after which it is counted; the best one may be earlier."""
        best = self.best(history)
        if not self.patience or best is None:
            return False
        later = [one for one in history if one["epoch"] > max(best["epoch"], since)]
        return sum(self.value(one) is not None for one in later) >= self.patience


def held_out_loss(entry: Mapping[str, Any]) -> float | None:
    """The loss of the samples held out, of an entry of a history; None where there is none.

    Of several losses that are minimised it is the sum."""
    held_out = entry.get("held_out", {})
    names = [LOSS] if LOSS in held_out else entry.get("minimised", ())
    values = [held_out[name] for name in names if name in held_out]
    return sum(values) if values and all(map(math.isfinite, values)) else None


def turned(history: Sequence[Mapping[str, Any]]) -> str:
    """What to say of a training whose held-out loss fell and then rose; empty for others."""
    best = Choice().best(history)
    last = held_out_loss(history[-1]) if history else None
    if best is None or last is None:
        return ""
    lowest, epoch = held_out_loss(best) or 0.0, best["epoch"]
    if history[-1]["epoch"] - epoch < SINCE or last - lowest <= RISE * abs(lowest):
        return ""
    return (
        f"The held-out loss was best after epoch {epoch} ({lowest:.4g}) and rose to {last:.4g}: "
        f"the model learns its training data by heart. Train again with --keep best, or with "
        f"--epochs {epoch}."
    )


def _keep(text: str) -> tuple[str, int]:
    kind, _, number = text.partition(":")
    if text in ("last", "best"):
        return text, 0
    if kind == "every" and re.fullmatch("[1-9][0-9]{0,8}", number):
        return kind, int(number)
    raise ConfigError(f"keep = {text[:80]!r} is none of last, best and every:N, such as every:5.")


def _measure(text: str) -> tuple[str, int]:
    metric, colon, number = text.partition(":")
    if metric not in MEASURABLE:
        raise ConfigError(
            f"measure = {text[:80]!r}: no metric that samples can be measured by is called so."
            f"{did_you_mean(metric, MEASURABLE)} Take METRIC or METRIC:EPOCHS, such as "
            f"frechet_distance:5. Metrics: {', '.join(MEASURABLE)}."
        )
    if colon and not re.fullmatch("[1-9][0-9]{0,8}", number):
        raise ConfigError(
            f"measure = {text[:80]!r}: after the colon stands a number of epochs, such as "
            f"{metric}:5."
        )
    return metric, int(number or 1)
