"""LIGHT DOOR: weights from elsewhere, brought into models of the zoo."""

from typing import TYPE_CHECKING

from zoo.common import lazy

if TYPE_CHECKING:
    from zoo.importers.import_weights import import_weights

__all__ = ["import_weights"]

__getattr__ = lazy.rooms(__name__, {"import_weights": "zoo.importers.import_weights"})
