"""LIGHT DOOR: from a model and data to a checkpoint. `train` is the whole way, `fit` the loop."""

from typing import TYPE_CHECKING

from zoo.common import lazy

if TYPE_CHECKING:
    from zoo.training.keep import Trained
    from zoo.training.loop import Progress, fit
    from zoo.training.request import refuse_unknown_model
    from zoo.training.run import LAST_GOOD, Run
    from zoo.training.state import TrainingState
    from zoo.training.watching import in_fewer_words, in_words

__all__ = [
    "LAST_GOOD",
    "Progress",
    "Run",
    "Trained",
    "TrainingState",
    "fit",
    "in_fewer_words",
    "in_words",
    "refuse_unknown_model",
]

__getattr__ = lazy.rooms(
    __name__,
    {
        "LAST_GOOD": "zoo.training.run",
        "Progress": "zoo.training.loop",
        "Run": "zoo.training.run",
        "Trained": "zoo.training.keep",
        "TrainingState": "zoo.training.state",
        "fit": "zoo.training.loop",
        "in_fewer_words": "zoo.training.watching",
        "in_words": "zoo.training.watching",
        "refuse_unknown_model": "zoo.training.request",
    },
)
