"""TORCH DOOR: the interfaces that a model implements, and how it is trained."""

from zoo.common.config import Bounds, Count, Fraction, ModelConfig, Rate, Size, StrictConfig
from zoo.common.errors import ConfigError
from zoo.models.interface import Autoencoder, GenerativeModel, LatentModel, Objective, Step
from zoo.models.precision import at_least_float32
from zoo.models.recipe import TrainConfig

__all__ = [
    "Autoencoder",
    "Bounds",
    "ConfigError",
    "Count",
    "Fraction",
    "GenerativeModel",
    "LatentModel",
    "ModelConfig",
    "Objective",
    "Rate",
    "Size",
    "Step",
    "StrictConfig",
    "TrainConfig",
    "at_least_float32",
]
