"""TORCH DOOR: the interfaces that a model implements, and how it is trained."""

from zoo.common.config import Bounds, Count, Fraction, Json, ModelConfig, Rate, Size, StrictConfig
from zoo.common.errors import CheckpointError, ConfigError
from zoo.models.audio import AudioConfig
from zoo.models.foreign import Converted, Foreign
from zoo.models.interface import (
    Autoencoder,
    GenerativeModel,
    LatentModel,
    Objective,
    Step,
    can_train,
)
from zoo.models.precision import at_least_float32
from zoo.models.priors import are_codes, mean_or_mode
from zoo.models.progress import progress
from zoo.models.recipe import TrainConfig
from zoo.models.text import TextConfig, to_texts, to_tokens

# The version of the doors: of what a plugin may rely on. A plugin made for version 1 (zoo 0.1) goes
# on working; plugins/README.md says what it meets.
API = 2

__all__ = [
    "API",
    "AudioConfig",
    "Autoencoder",
    "Bounds",
    "CheckpointError",
    "ConfigError",
    "Converted",
    "Count",
    "Foreign",
    "Fraction",
    "GenerativeModel",
    "Json",
    "LatentModel",
    "ModelConfig",
    "Objective",
    "Rate",
    "Size",
    "Step",
    "StrictConfig",
    "TextConfig",
    "TrainConfig",
    "are_codes",
    "at_least_float32",
    "can_train",
    "mean_or_mode",
    "progress",
    "to_texts",
    "to_tokens",
]
