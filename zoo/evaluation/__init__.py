"""How good samples and likelihoods are, in numbers that say how they came about."""

from typing import TYPE_CHECKING

from zoo.common import lazy

if TYPE_CHECKING:
    from zoo.evaluation.likelihood import has_likelihood
    from zoo.evaluation.meter import Meter
    from zoo.evaluation.spread import Spread
    from zoo.evaluation.tables import Comparison, Evaluations

__all__ = [
    "Comparison",
    "Evaluations",
    "Meter",
    "Spread",
    "has_likelihood",
]

__getattr__ = lazy.rooms(
    __name__,
    {
        "Comparison": "zoo.evaluation.tables",
        "Evaluations": "zoo.evaluation.tables",
        "Meter": "zoo.evaluation.meter",
        "Spread": "zoo.evaluation.spread",
        "has_likelihood": "zoo.evaluation.likelihood",
    },
)
