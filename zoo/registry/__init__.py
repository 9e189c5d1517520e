"""LIGHT DOOR: what the installed plugins offer."""

from typing import TYPE_CHECKING

from zoo.common import lazy

if TYPE_CHECKING:
    from zoo.registry.discovery import HEAVY, UNKNOWN, Plugin, found, off_stdout
    from zoo.registry.hookspecs import (
        ENTRY_POINT,
        NAME,
        OFFERS,
        Checkpoint,
        DatasetSpec,
        FeatureSpec,
        ImporterSpec,
        MetricSpec,
        ModelSpec,
        Offer,
        Suit,
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
    "ImporterSpec",
    "MetricSpec",
    "ModelSpec",
    "Offer",
    "Plugin",
    "Suit",
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

__getattr__ = lazy.rooms(
    __name__,
    {
        "Checkpoint": "zoo.registry.hookspecs",
        "DISTRIBUTION": "zoo.registry.registry",
        "DatasetSpec": "zoo.registry.hookspecs",
        "ENTRY_POINT": "zoo.registry.hookspecs",
        "FeatureSpec": "zoo.registry.hookspecs",
        "ImporterSpec": "zoo.registry.hookspecs",
        "MetricSpec": "zoo.registry.hookspecs",
        "HEAVY": "zoo.registry.discovery",
        "ModelSpec": "zoo.registry.hookspecs",
        "Suit": "zoo.registry.hookspecs",
        "NAME": "zoo.registry.hookspecs",
        "OFFERS": "zoo.registry.hookspecs",
        "Offer": "zoo.registry.hookspecs",
        "Plugin": "zoo.registry.discovery",
        "UNKNOWN": "zoo.registry.discovery",
        "bundled": "zoo.registry.hookspecs",
        "claimed_maker": "zoo.registry.registry",
        "describe": "zoo.registry.records",
        "found": "zoo.registry.discovery",
        "hookimpl": "zoo.registry.hookspecs",
        "installed": "zoo.registry.registry",
        "list_data": "zoo.registry.records",
        "list_features": "zoo.registry.records",
        "list_models": "zoo.registry.records",
        "off_stdout": "zoo.registry.discovery",
        "refresh": "zoo.registry.registry",
    },
)
