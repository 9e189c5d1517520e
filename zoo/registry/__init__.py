"""LIGHT DOOR: what the installed plugins offer."""

from zoo.registry.discovery import HEAVY, UNKNOWN, Plugin, found, off_stdout
from zoo.registry.hookspecs import (
    ENTRY_POINT,
    NAME,
    OFFERS,
    Checkpoint,
    DatasetSpec,
    FeatureSpec,
    ModelSpec,
    Offer,
    bundled,
    hookimpl,
)
from zoo.registry.records import describe, list_data, list_features, list_models
from zoo.registry.registry import DISTRIBUTION, claimed_maker, installed, refresh

__all__ = [
    "DISTRIBUTION",
    "ENTRY_POINT",
    "HEAVY",
    "NAME",
    "OFFERS",
    "UNKNOWN",
    "Checkpoint",
    "DatasetSpec",
    "FeatureSpec",
    "ModelSpec",
    "Offer",
    "Plugin",
    "bundled",
    "claimed_maker",
    "describe",
    "found",
    "hookimpl",
    "installed",
    "list_data",
    "list_features",
    "list_models",
    "off_stdout",
    "refresh",
]
