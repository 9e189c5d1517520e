"""From a model to samples, and from samples to files and pictures."""

from typing import TYPE_CHECKING

from zoo.common import lazy

if TYPE_CHECKING:
    from zoo.sampling.formats import (
        FORMATS,
        PICTURES,
        STREAMS,
        SUFFIXES,
        check_path,
        folder_names,
        refuse_foreign,
        write,
    )
    from zoo.sampling.images import (
        grid,
        preview,
        save_gif,
        save_picture,
        save_png,
        to_image,
        to_uint8,
        upper_rows,
    )
    from zoo.sampling.kinds import KINDS, Kind, kind_called, kind_of
    from zoo.sampling.pictures import pairs, write_all
    from zoo.sampling.provenance import FOLDER_FILE
    from zoo.sampling.request import class_numbers, kind_of_folder, options_of, seed_or_fresh
    from zoo.sampling.sampler import BLOCK, latents, refuse_truncation, stream, truncated
    from zoo.sampling.save import STDOUT, Written, draw, draw_to, how_made, prints, sample
    from zoo.sampling.showing import TEXTS, as_media, display, picture

__all__ = [
    "BLOCK",
    "FOLDER_FILE",
    "FORMATS",
    "KINDS",
    "PICTURES",
    "STDOUT",
    "STREAMS",
    "SUFFIXES",
    "TEXTS",
    "Kind",
    "Written",
    "as_media",
    "check_path",
    "class_numbers",
    "display",
    "draw",
    "draw_to",
    "folder_names",
    "grid",
    "how_made",
    "kind_called",
    "kind_of",
    "kind_of_folder",
    "latents",
    "options_of",
    "pairs",
    "picture",
    "preview",
    "prints",
    "refuse_foreign",
    "refuse_truncation",
    "sample",
    "save_gif",
    "save_picture",
    "save_png",
    "seed_or_fresh",
    "stream",
    "to_image",
    "to_uint8",
    "truncated",
    "upper_rows",
    "write",
    "write_all",
]

__getattr__ = lazy.rooms(
    __name__,
    {
        "STDOUT": "zoo.sampling.save",
        "seed_or_fresh": "zoo.sampling.request",
        "class_numbers": "zoo.sampling.request",
        "how_made": "zoo.sampling.save",
        "kind_of_folder": "zoo.sampling.request",
        "options_of": "zoo.sampling.request",
        "to_uint8": "zoo.sampling.images",
        "refuse_truncation": "zoo.sampling.sampler",
        "truncated": "zoo.sampling.sampler",
        "write": "zoo.sampling.formats",
        "BLOCK": "zoo.sampling.sampler",
        "FOLDER_FILE": "zoo.sampling.provenance",
        "FORMATS": "zoo.sampling.formats",
        "KINDS": "zoo.sampling.kinds",
        "Kind": "zoo.sampling.kinds",
        "PICTURES": "zoo.sampling.formats",
        "STREAMS": "zoo.sampling.formats",
        "SUFFIXES": "zoo.sampling.formats",
        "TEXTS": "zoo.sampling.showing",
        "Written": "zoo.sampling.save",
        "as_media": "zoo.sampling.showing",
        "check_path": "zoo.sampling.formats",
        "display": "zoo.sampling.showing",
        "draw": "zoo.sampling.save",
        "draw_to": "zoo.sampling.save",
        "folder_names": "zoo.sampling.formats",
        "grid": "zoo.sampling.images",
        "kind_called": "zoo.sampling.kinds",
        "kind_of": "zoo.sampling.kinds",
        "latents": "zoo.sampling.sampler",
        "pairs": "zoo.sampling.pictures",
        "picture": "zoo.sampling.showing",
        "preview": "zoo.sampling.images",
        "prints": "zoo.sampling.save",
        "refuse_foreign": "zoo.sampling.formats",
        "sample": "zoo.sampling.save",
        "save_gif": "zoo.sampling.images",
        "save_picture": "zoo.sampling.images",
        "save_png": "zoo.sampling.images",
        "stream": "zoo.sampling.sampler",
        "to_image": "zoo.sampling.images",
        "upper_rows": "zoo.sampling.images",
        "write_all": "zoo.sampling.pictures",
    },
)
