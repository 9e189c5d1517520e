"""Alarms: what an adversarial training looks like from outside, and when it is going wrong."""

import contextlib
import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from zoo.common.errors import ZooError
from zoo.data import Dataset, Extractor, extract, load_features
from zoo.models import GenerativeModel
from zoo.registry import installed
from zoo.sampling import draw

WATCHED = 256  # samples, the same noise each time
# epochs in a row that something must be wrong
PATIENCE = 2
# steps: GANs of 800 digits that turned out well had looked collapsed or beaten for up to 850
WARMING_UP = 1000
# of the data's; a healthy generator has about 1
LEAST_DIVERSITY = 0.6
# share of the classes that 256 samples should reach; 256 digits reach all ten
LEAST_CLASSES = 0.7
# of an even share of the samples, that a class must have; 5 digits of 256
REACHED = 0.2
# share of data and samples told apart; good GANs come to 0.998 as their learning rates fall to 0
TOLD_APART = 0.999
COLLAPSE = (
    "the generator is collapsing. Try a smaller learning rate, averaged weights (--set "
    "ema_decay=0.999), or another objective (zoo show MODEL lists them)."
)


class Watch:
    """Looks at a fixed batch of a model's samples after each epoch.

    **Arguments:**
    - `data`: what the model is trained on; when there are features for it, the classes of the
    samples are counted."""

    def __init__(self, data: Dataset) -> None:
        chosen = torch.linspace(
            0, len(data) - 1, min(WATCHED, len(data)), dtype=torch.float64
        ).long()
        self._spread = _spread(data.inputs(data.samples[chosen]))
        self._dataset, self._shape = data.name, data.sample_shape

    @functools.cached_property
    def _extractor(self) -> Extractor | None:
        """Features that count classes; a training doesn't end because there are none."""
        spec = installed().features_for(self._dataset)
        with contextlib.suppress(ZooError):
            extractor = load_features(spec.name) if spec else None
            if extractor and extractor.sample_shape in ((), self._shape):
                return extractor
        return None

    def look(self, model: GenerativeModel[Any]) -> dict[str, float]:
        """What the samples of a model show.

        **Returns:** `diversity`, the root mean square distance between samples as a share of that
        between data; and, where there are features for the data set, `classes`, the share of its
        classes that the samples reach: with a fifth of an even share at least, so that a stray
        sample is not a class."""
        samples = draw(model, WATCHED, seed=0)
        seen = {"diversity": _spread(samples) / max(self._spread, 1e-12)}
        if self._extractor:
            classes = extract(self._extractor, [samples]).classes
            if classes is not None:
                counts = torch.bincount(classes, minlength=len(self._extractor.class_names))
                seen["classes"] = (
                    (counts >= max(1, REACHED * WATCHED / len(counts))).double().mean().item()
                )
        return seen


def alarms(history: Sequence[Mapping[str, Any]]) -> list[str]:
    """The alarms that the last epochs of a history give, each saying what is wrong and what to try.

    That of a discriminator which tells all apart is for those that judge: Wasserstein's have no
    accuracy.

    **Arguments:**
    - `history`: of each epoch, its last `step`, its `losses` and what `Watch.look` saw, as in
    facts.json."""
    last = [epoch for epoch in history[-PATIENCE:] if epoch.get("step", WARMING_UP) >= WARMING_UP]
    if len(last) < PATIENCE:
        return []

    def always(name: str, wrong: Callable[[float], bool]) -> bool:
        values = [
            {**epoch.get("losses", {}), **epoch.get("watched", {})}.get(name) for epoch in last
        ]
        return all(value is not None and wrong(value) for value in values)

    seen = last[-1].get("watched", {})
    found = []
    if always("diversity", lambda value: value < LEAST_DIVERSITY):
        found.append(
            f"The samples are much alike (diversity {seen['diversity']:.2f} of the data's): "
            f"{COLLAPSE}"
        )
    elif always("classes", lambda value: value < LEAST_CLASSES):
        found.append(f"The samples reach {seen['classes']:.0%} of the classes: {COLLAPSE}")
    if always("accuracy", lambda value: value > TOLD_APART):
        found.append(
            "The discriminator is too strong: it recognises "
            f"{last[-1]['losses']['accuracy']:.1%} of real and generated samples, so the generator "
            "can't learn from it. Try a smaller learning rate for it (--set "
            "learning_rates=NAME:RATE), or a penalty such as r1 (zoo show MODEL lists the fields)."
        )
    return found


def _spread(samples: Tensor) -> float:
    """The root of the total variance, which is the root mean square distance between two samples
    over √2.
    """
    return samples.flatten(1).float().var(0, unbiased=False).sum().sqrt().item()
