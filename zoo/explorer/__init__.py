"""LIGHT DOOR: the page of `zoo play` and the server of `zoo serve`, one application."""

from typing import TYPE_CHECKING

from zoo.common import lazy

if TYPE_CHECKING:
    from zoo.explorer.guard import Limits
    from zoo.explorer.launch import play, serve

__all__ = ["Limits", "play", "serve"]

__getattr__ = lazy.rooms(
    __name__,
    {
        "Limits": "zoo.explorer.guard",
        "play": "zoo.explorer.launch",
        "serve": "zoo.explorer.launch",
    },
)
