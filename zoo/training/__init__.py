"""From a model and data to trained weights: the loop, its state and its folder."""

from typing import TYPE_CHECKING

from zoo.common import lazy

if TYPE_CHECKING:
    from zoo.training.loop import Progress, TrainingState, build, fit
    from zoo.training.run import LAST_GOOD, Run

__all__ = [
    "LAST_GOOD",
    "Progress",
    "Run",
    "TrainingState",
    "build",
    "fit",
]

__getattr__ = lazy.rooms(
    __name__,
    {
        "LAST_GOOD": "zoo.training.run",
        "Progress": "zoo.training.loop",
        "Run": "zoo.training.run",
        "TrainingState": "zoo.training.loop",
        "build": "zoo.training.loop",
        "fit": "zoo.training.loop",
    },
)
