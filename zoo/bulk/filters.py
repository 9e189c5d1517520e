"""Filters: which samples are kept, by a measure of each."""

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.common.errors import ConfigError, choose_from
from zoo.common.words import either

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.data import Extractor, Features

FORM = re.compile(r"\s*([a-z_]+)\s*(>=|<=|==|>|<)\s*(-?\d{1,12}(?:\.\d{1,12})?)\s*")
COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
}
# what can be measured of one sample, by a network that tells classes apart
MEASURES = {
    "confidence": "the probability that the network gives to the likeliest class",
    "agreement": "1 where the network finds the class that was asked for, else 0",
}


@dataclass(frozen=True)
class Filter:
    """Keeps the samples whose measure compares with a number as it says.

    **Arguments:**
    - `measure`: one of MEASURES; `comparison`: one of COMPARISONS; `number`: a number.
    """

    measure: str
    comparison: str
    number: float


def parse(texts: Sequence[str]) -> list[Filter]:
    """Filters from texts such as "confidence>0.9".

    **Raises:** `ConfigError` for what is none."""
    return [_parsed(text) for text in texts]


def _parsed(text: str) -> Filter:
    found = FORM.fullmatch(str(text))
    if not found:
        raise ConfigError(
            f"{either('--where', 'where')} = {str(text)[:80]!r} is not a filter: write a measure, "
            "a comparison and a number, such as 'confidence>0.9'."
        )
    if found[1] not in MEASURES:
        raise ConfigError(
            f"There is no measure {found[1][:80]!r} of a sample.{choose_from(found[1], MEASURES)}"
        )
    return Filter(found[1], found[2], float(found[3]))


def kept(
    filters: Sequence[Filter],
    extractor: "Extractor",
    samples: "Tensor",
    labels: "Tensor | None",
    class_names: Sequence[str],
) -> "Tensor":
    """Which samples pass all filters, bool `(b,)`.

    **Arguments:**
    - `extractor`: the network that is asked.
    - `samples`: float32 `(b, channels, height, width)`; `labels`: int64 `(b,)`, or None.
    - `class_names`: what the labels mean.
    """
    import torch

    from zoo.data import extract

    seen = extract(extractor, [samples])
    chosen = torch.ones(len(samples), dtype=torch.bool)
    for one in filters:
        values = _measured(one.measure, seen, extractor.class_names, labels, class_names)
        chosen &= COMPARISONS[one.comparison](values, one.number)
    return chosen


def _measured(
    measure: str,
    seen: "Features",
    found_names: Sequence[str],
    labels: "Tensor | None",
    class_names: Sequence[str],
) -> "Tensor":
    import torch

    assert seen.classes is not None and seen.confidences is not None
    if measure == "confidence":
        return seen.confidences
    assert labels is not None
    found = [found_names[one] for one in seen.classes.tolist()]
    asked = [class_names[one] if class_names else str(one) for one in labels.tolist()]
    return torch.tensor([float(a == b) for a, b in zip(found, asked, strict=True)])
