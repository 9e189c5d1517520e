"""LIGHT DOOR: everything that users and authors of plugins call. Importing it imports no torch."""

from typing import TYPE_CHECKING, Any

from zoo import errors as errors
from zoo.common import lazy
from zoo.common.errors import ZooError

if TYPE_CHECKING:
    from zoo.bulk.generate import generate
    from zoo.bulk.push import push
    from zoo.bulk.verify import verify
    from zoo.checkpoints import info, list_runs, remove, space
    from zoo.checkpoints.card import card
    from zoo.checkpoints.weights import load, save
    from zoo.editing import (
        decode,
        directions,
        edit,
        encode,
        inpaint,
        interpolate,
        invert,
        reconstruct,
    )
    from zoo.evaluation.compare import compare
    from zoo.evaluation.measure import evaluate
    from zoo.evaluation.overview import overview
    from zoo.explorer import play, serve
    from zoo.exporters import export
    from zoo.hub.listing import list_checkpoints
    from zoo.hub.pull import pull
    from zoo.hub.search import search
    from zoo.importers import import_weights
    from zoo.registry.hookspecs import (
        Checkpoint,
        DatasetSpec,
        FeatureSpec,
        ImporterSpec,
        MetricSpec,
        ModelSpec,
        Suit,
        bundled,
        hookimpl,
    )
    from zoo.registry.records import list_data, list_features, list_models
    from zoo.registry.registry import refresh
    from zoo.sampling import display, draw, grid, sample
    from zoo.training.sweep import sweep
    from zoo.training.train import train

__all__ = [
    "Checkpoint",
    "DatasetSpec",
    "FeatureSpec",
    "ImporterSpec",
    "MetricSpec",
    "ModelSpec",
    "Suit",
    "ZooError",
    "bundled",
    "card",
    "compare",
    "decode",
    "directions",
    "display",
    "draw",
    "edit",
    "encode",
    "evaluate",
    "export",
    "generate",
    "grid",
    "hookimpl",
    "import_weights",
    "info",
    "inpaint",
    "interpolate",
    "invert",
    "list_checkpoints",
    "list_data",
    "list_features",
    "list_models",
    "list_runs",
    "load",
    "overview",
    "play",
    "pull",
    "push",
    "reconstruct",
    "refresh",
    "remove",
    "sample",
    "save",
    "search",
    "serve",
    "space",
    "sweep",
    "train",
    "verify",
]

# Where each name lives: its module is imported when the name is first used.
_find = lazy.rooms(
    __name__,
    {
        "Checkpoint": "zoo.registry.hookspecs",
        "DatasetSpec": "zoo.registry.hookspecs",
        "FeatureSpec": "zoo.registry.hookspecs",
        "ImporterSpec": "zoo.registry.hookspecs",
        "MetricSpec": "zoo.registry.hookspecs",
        "ModelSpec": "zoo.registry.hookspecs",
        "Suit": "zoo.registry.hookspecs",
        "bundled": "zoo.registry.hookspecs",
        "card": "zoo.checkpoints.card",
        "compare": "zoo.evaluation.compare",
        "decode": "zoo.editing",
        "directions": "zoo.editing",
        "display": "zoo.sampling.showing",
        "draw": "zoo.sampling.save",
        "edit": "zoo.editing",
        "encode": "zoo.editing",
        "evaluate": "zoo.evaluation.measure",
        "export": "zoo.exporters",
        "generate": "zoo.bulk.generate",
        "grid": "zoo.sampling.images",
        "import_weights": "zoo.importers",
        "info": "zoo.checkpoints",
        "hookimpl": "zoo.registry.hookspecs",
        "inpaint": "zoo.editing",
        "invert": "zoo.editing",
        "interpolate": "zoo.editing",
        "list_checkpoints": "zoo.hub.listing",
        "list_data": "zoo.registry.records",
        "list_features": "zoo.registry.records",
        "list_models": "zoo.registry.records",
        "list_runs": "zoo.checkpoints",
        "load": "zoo.checkpoints.weights",
        "play": "zoo.explorer",
        "overview": "zoo.evaluation.overview",
        "pull": "zoo.hub.pull",
        "push": "zoo.bulk.push",
        "reconstruct": "zoo.editing",
        "remove": "zoo.checkpoints",
        "refresh": "zoo.registry.registry",
        "sample": "zoo.sampling.save",
        "save": "zoo.checkpoints.weights",
        "search": "zoo.hub.search",
        "serve": "zoo.explorer",
        "space": "zoo.checkpoints",
        "sweep": "zoo.training.sweep",
        "train": "zoo.training.train",
        "verify": "zoo.bulk.verify",
    },
)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("genzoo")
    return _find(name)


def __dir__() -> list[str]:
    return __all__
