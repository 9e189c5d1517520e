"""LIGHT DOOR: put images into the latent space, move there, and come back with other images."""

from typing import TYPE_CHECKING

from zoo.common import lazy

if TYPE_CHECKING:
    from zoo.editing.coding import Latents, decode, encode
    from zoo.editing.invert import Inversion, invert

__all__ = [
    "Inversion",
    "Latents",
    "decode",
    "encode",
    "invert",
]

__getattr__ = lazy.rooms(
    __name__,
    {
        "Inversion": "zoo.editing.invert",
        "Latents": "zoo.editing.coding",
        "decode": "zoo.editing.coding",
        "encode": "zoo.editing.coding",
        "invert": "zoo.editing.invert",
    },
)
