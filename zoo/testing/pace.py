"""expected(): how long the checks of a model will take."""

import time
from collections.abc import Mapping
from typing import Any

import torch

from zoo.sampling import BLOCK, draw
from zoo.testing.subject import built

# what the checks come to, in times that building the model and showing it some data takes, and in
# blocks of samples; and seconds that torch.export and a fresh interpreter take, whatever the model
BUILDINGS = 60
BLOCKS = 30
FIXED = 2.0


def expected(name: str, config: Mapping[str, Any]) -> float:
    """How many seconds the checks of a model will take, from one building and one block of samples.

    **Arguments:**
    - `name`, `config`: as `zoo.testing.verdicts` takes them; it has been built once before.

    **Returns:** seconds, within a factor of two on a quiet machine."""
    began = time.perf_counter()
    model = built(name, config)
    building = time.perf_counter() - began
    with torch.no_grad():
        draw(model, 1, seed=0)  # what comes first takes longer
        began = time.perf_counter()
        draw(model, BLOCK, seed=0)
    return FIXED + BUILDINGS * building + BLOCKS * (time.perf_counter() - began)
