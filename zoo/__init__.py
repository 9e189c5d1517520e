"""LIGHT DOOR: everything that users and authors of plugins call. Importing it imports no torch."""

from typing import TYPE_CHECKING

from zoo.common import lazy
from zoo.common.errors import ZooError
from zoo.registry import (
    Checkpoint,
    DatasetSpec,
    FeatureSpec,
    ModelSpec,
    bundled,
    hookimpl,
    refresh,
)

if TYPE_CHECKING:
    from zoo.checkpoints.weights import load, save
    from zoo.hub.pull import pull
    from zoo.hub.push import push
    from zoo.hub.search import search

__all__ = [
    "Checkpoint",
    "DatasetSpec",
    "FeatureSpec",
    "ModelSpec",
    "ZooError",
    "bundled",
    "hookimpl",
    "load",
    "pull",
    "push",
    "refresh",
    "save",
    "search",
]

# Where each function lives: its module is imported when the function is first used.
__getattr__ = lazy.rooms(
    __name__,
    {
        "load": "zoo.checkpoints.weights",
        "pull": "zoo.hub.pull",
        "push": "zoo.hub.push",
        "save": "zoo.checkpoints.weights",
        "search": "zoo.hub.search",
    },
)


def __dir__() -> list[str]:
    return __all__
