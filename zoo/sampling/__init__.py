"""From a model to samples, and from samples to files and pictures."""

from typing import TYPE_CHECKING

from zoo.common import lazy

if TYPE_CHECKING:
    from zoo.sampling.images import preview, save_png
    from zoo.sampling.pictures import pairs
    from zoo.sampling.provenance import FOLDER_FILE, SUFFIXES, UNREADABLE
    from zoo.sampling.sampler import (
        BLOCK,
        draw,
        latents,
        stream,
    )

__all__ = [
    "BLOCK",
    "FOLDER_FILE",
    "SUFFIXES",
    "UNREADABLE",
    "draw",
    "latents",
    "pairs",
    "preview",
    "save_png",
    "stream",
]

__getattr__ = lazy.rooms(
    __name__,
    {
        "BLOCK": "zoo.sampling.sampler",
        "FOLDER_FILE": "zoo.sampling.provenance",
        "SUFFIXES": "zoo.sampling.provenance",
        "UNREADABLE": "zoo.sampling.provenance",
        "draw": "zoo.sampling.sampler",
        "latents": "zoo.sampling.sampler",
        "pairs": "zoo.sampling.pictures",
        "preview": "zoo.sampling.images",
        "save_png": "zoo.sampling.images",
        "stream": "zoo.sampling.sampler",
    },
)
