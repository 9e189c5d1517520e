"""LIGHT DOOR: everything that users and authors of plugins call. Importing it imports no torch."""

from typing import TYPE_CHECKING, Any

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
    from zoo.models import GenerativeModel

__all__ = [
    "Checkpoint",
    "DatasetSpec",
    "FeatureSpec",
    "ModelSpec",
    "ZooError",
    "bundled",
    "hookimpl",
    "load",
    "refresh",
]

# Where each function lives: its module is imported when the function is first used.
__getattr__ = lazy.rooms(__name__, {})


def __dir__() -> list[str]:
    return __all__


def load(reference: str, device: str = "cpu") -> "GenerativeModel[Any]":
    """Load a checkpoint as a model in eval mode, without spending the caller's random numbers.

    **Arguments:**
    - `reference`: a checkpoint's name (bundled, pulled or trained), a path that begins with `.`,
        `/` or `~`, or a pulled `hf:OWNER/REPO[@REVISION]`.
    - `device`: where the model goes, such as "cpu" or "cuda".

    **Raises:** `ZooError`: unknown reference, damaged checkpoint, model of no installed plugin.
    """
    from zoo.checkpoints import Store, weights
    from zoo.registry import installed

    return weights.load(Store(installed().checkpoints).find(reference), device)
