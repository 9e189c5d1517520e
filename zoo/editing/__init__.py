"""LIGHT DOOR: put images into the latent space, move there, and come back with other images."""

from typing import TYPE_CHECKING

from zoo.common import lazy

if TYPE_CHECKING:
    from zoo.editing.batches import all_decoded, encoded
    from zoo.editing.coding import Latents, decode, encode
    from zoo.editing.filling import fill
    from zoo.editing.finding import directions, find_all
    from zoo.editing.inpainting import Inpainted, inpaint
    from zoo.editing.inversion import Inversion, invert
    from zoo.editing.kept import Direction
    from zoo.editing.lines import interpolate
    from zoo.editing.moving import edit, move
    from zoo.editing.reconstruction import reconstruct
    from zoo.editing.search import nearest

__all__ = [
    "Direction",
    "Inpainted",
    "Inversion",
    "Latents",
    "all_decoded",
    "decode",
    "directions",
    "edit",
    "encode",
    "encoded",
    "fill",
    "find_all",
    "inpaint",
    "interpolate",
    "invert",
    "move",
    "nearest",
    "reconstruct",
]

__getattr__ = lazy.rooms(
    __name__,
    {
        "Direction": "zoo.editing.kept",
        "Inpainted": "zoo.editing.inpainting",
        "Inversion": "zoo.editing.inversion",
        "Latents": "zoo.editing.coding",
        "all_decoded": "zoo.editing.batches",
        "decode": "zoo.editing.coding",
        "directions": "zoo.editing.finding",
        "edit": "zoo.editing.moving",
        "encode": "zoo.editing.coding",
        "encoded": "zoo.editing.batches",
        "fill": "zoo.editing.filling",
        "find_all": "zoo.editing.finding",
        "interpolate": "zoo.editing.lines",
        "reconstruct": "zoo.editing.reconstruction",
        "inpaint": "zoo.editing.inpainting",
        "invert": "zoo.editing.inversion",
        "move": "zoo.editing.moving",
        "nearest": "zoo.editing.search",
    },
)
