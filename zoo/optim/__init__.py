"""Optimizers as a recipe asks for them, and means over processes that train together."""

from typing import TYPE_CHECKING

from zoo.common import lazy

if TYPE_CHECKING:
    from zoo.optim.processes import average_statistics, join, mean_of_all, was_left

__all__ = ["average_statistics", "join", "mean_of_all", "was_left"]

__getattr__ = lazy.rooms(
    __name__,
    {
        "average_statistics": "zoo.optim.processes",
        "join": "zoo.optim.processes",
        "mean_of_all": "zoo.optim.processes",
        "was_left": "zoo.optim.processes",
    },
)
