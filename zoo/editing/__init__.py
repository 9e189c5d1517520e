"""LIGHT DOOR: put images into the latent space, move there, and come back with other images."""

from typing import TYPE_CHECKING

from zoo.common import lazy

if TYPE_CHECKING:
    from zoo.editing.coding import Latents, decode, encode

__all__ = [
    "Latents",
    "decode",
    "encode",
]

__getattr__ = lazy.rooms(
    __name__,
    {
        "Latents": "zoo.editing.coding",
        "decode": "zoo.editing.coding",
        "encode": "zoo.editing.coding",
    },
)
