"""LIGHT DOOR: what the installed plugins offer."""

from zoo.registry.discovery import HEAVY, UNKNOWN, Plugin, found, off_stdout
from zoo.registry.hookspecs import (
    NAME,
    Checkpoint,
    DatasetSpec,
    FeatureSpec,
    ModelSpec,
    bundled,
    hookimpl,
)
from zoo.registry.registry import installed, refresh

__all__ = [
    "HEAVY",
    "NAME",
    "UNKNOWN",
    "Checkpoint",
    "DatasetSpec",
    "FeatureSpec",
    "ModelSpec",
    "Plugin",
    "bundled",
    "found",
    "hookimpl",
    "installed",
    "off_stdout",
    "refresh",
]
