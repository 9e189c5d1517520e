"""LIGHT DOOR: data sets of samples, made in shards on one machine or many."""

from typing import TYPE_CHECKING

from zoo.common import lazy

if TYPE_CHECKING:
    from zoo.bulk.asking import ENGINES
    from zoo.bulk.layouts import LAYOUTS

__all__ = ["ENGINES", "LAYOUTS"]

__getattr__ = lazy.rooms(
    __name__,
    {
        "ENGINES": "zoo.bulk.asking",
        "LAYOUTS": "zoo.bulk.layouts",
    },
)
