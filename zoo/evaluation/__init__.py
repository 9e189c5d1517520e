"""How good samples and likelihoods are, in numbers that say how they came about."""

from typing import TYPE_CHECKING

from zoo.common import lazy

if TYPE_CHECKING:
    from zoo.evaluation.evaluator import evaluate
    from zoo.evaluation.likelihood import has_likelihood

__all__ = [
    "evaluate",
    "has_likelihood",
]

__getattr__ = lazy.rooms(
    __name__,
    {"evaluate": "zoo.evaluation.evaluator", "has_likelihood": "zoo.evaluation.likelihood"},
)
