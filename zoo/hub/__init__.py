"""LIGHT DOOR: the Hugging Face Hub. Enter by the rooms `pull`, `push`, `search` and `session`."""

from typing import TYPE_CHECKING

from zoo.common import lazy

if TYPE_CHECKING:
    from zoo.hub.endpoint import find_endpoint, option
    from zoo.hub.plan import Plan
    from zoo.hub.push_data import DataPlan

__all__ = ["DataPlan", "Plan", "find_endpoint", "option"]

__getattr__ = lazy.rooms(
    __name__,
    {
        "DataPlan": "zoo.hub.push_data",
        "Plan": "zoo.hub.plan",
        "find_endpoint": "zoo.hub.endpoint",
        "option": "zoo.hub.endpoint",
    },
)
