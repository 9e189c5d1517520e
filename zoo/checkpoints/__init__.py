"""LIGHT DOOR: a checkpoint at rest. Tensors are read in `weights`, which imports torch."""

from zoo.checkpoints.folder import (
    CARD,
    CONFIG,
    FACTS,
    FORMAT,
    ORIGIN,
    TRAINING,
    WEIGHTS,
    Folder,
    read_config,
    read_facts,
)
from zoo.checkpoints.format import LAYOUT, check, refuse_large, refuse_unoffered
from zoo.checkpoints.history import LOSS, named_losses
from zoo.checkpoints.records import info, list_checkpoints, list_runs
from zoo.checkpoints.results import (
    BOUNDED,
    FEWEST,
    IMPORTANCE_SAMPLES,
    METRICS,
    SAMPLES,
    SEED,
    Evaluation,
    merged,
    recorded,
    side_by_side,
)
from zoo.checkpoints.store import STATE, UNSAVED, Entry, Store, find, parse_hub, refuse_foreign
from zoo.checkpoints.upkeep import refuse_damaged, remove, space, verify, would_remove
from zoo.common.files import is_path
from zoo.common.settings import home

__all__ = [
    "BOUNDED",
    "CARD",
    "CONFIG",
    "FACTS",
    "FEWEST",
    "FORMAT",
    "IMPORTANCE_SAMPLES",
    "LAYOUT",
    "LOSS",
    "METRICS",
    "ORIGIN",
    "SAMPLES",
    "SEED",
    "STATE",
    "TRAINING",
    "UNSAVED",
    "WEIGHTS",
    "Entry",
    "Evaluation",
    "Folder",
    "Store",
    "check",
    "find",
    "home",
    "info",
    "is_path",
    "list_checkpoints",
    "list_runs",
    "merged",
    "named_losses",
    "parse_hub",
    "read_config",
    "read_facts",
    "recorded",
    "refuse_damaged",
    "refuse_foreign",
    "refuse_large",
    "refuse_unoffered",
    "remove",
    "side_by_side",
    "space",
    "verify",
    "would_remove",
]
