"""LIGHT DOOR: a model as a program that runs elsewhere: ONNX, torch.export, a page in a browser."""

from typing import TYPE_CHECKING

from zoo.common import lazy

if TYPE_CHECKING:
    from zoo.exporters.exporting import Exported, export

__all__ = ["Exported", "export"]

__getattr__ = lazy.rooms(
    __name__,
    {
        "Exported": "zoo.exporters.exporting",
        "export": "zoo.exporters.exporting",
    },
)
