"""From a model and data to trained weights: the loop, its state, its folder and what is kept."""

from typing import TYPE_CHECKING

from zoo.common import lazy

if TYPE_CHECKING:
    from zoo.training.loop import Progress, fit
    from zoo.training.run import LAST_GOOD, Run
    from zoo.training.state import TrainingState

__all__ = [
    "LAST_GOOD",
    "Progress",
    "Run",
    "TrainingState",
    "fit",
]

__getattr__ = lazy.rooms(
    __name__,
    {
        "LAST_GOOD": "zoo.training.run",
        "Progress": "zoo.training.loop",
        "Run": "zoo.training.run",
        "TrainingState": "zoo.training.state",
        "fit": "zoo.training.loop",
    },
)
