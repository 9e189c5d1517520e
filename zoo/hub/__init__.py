"""LIGHT DOOR: the Hugging Face Hub. Enter by the rooms `pull`, `push`, `search` and `session`."""

from zoo.hub.endpoint import find_endpoint, option

__all__ = ["find_endpoint", "option"]
