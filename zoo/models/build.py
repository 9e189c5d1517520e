"""build(): a new model with fresh weights from a seed."""

from typing import Any

import torch

from zoo.common.errors import ConfigError, ZooError
from zoo.models.interface import GenerativeModel


def build(model_class: type[GenerativeModel[Any]], config: Any, seed: int) -> GenerativeModel[Any]:
    """A new model, on the CPU, with weights initialised from a seed; the caller's random numbers
    are not spent.

    **Raises:** `ConfigError` when the class can't be built with this config.
    """
    with torch.random.fork_rng(devices=()):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed GPUs too
        try:
            return model_class(config)
        except ZooError:
            raise
        # whatever a network raises for sizes that don't fit
        except Exception as error:
            raise ConfigError(
                f"The model can't be built with this config: {type(error).__name__}: {error}"
            ) from error
