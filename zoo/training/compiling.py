"""Networks that torch compiles, where it can."""

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

import torch

from zoo.models import GenerativeModel

logger = logging.getLogger("zoo")


def compile_networks(model: GenerativeModel[Any]) -> bool:
    """Have torch compile the networks of a model, each in the first step of the training. What
    can't be compiled runs as it is. Random numbers stay those of a seed.

    **Returns:** whether torch can compile here; where not, a note says why."""
    try:
        torch.compile(_twice)(torch.ones(2, device=model.device))
    # no compiler, a Python that is too new, a disk that is full
    except Exception as error:
        reason = " ".join(str(error).split())[:160]
        logger.warning(
            f"torch can't compile here ({type(error).__name__}: {reason}). The training goes on "
            "without --compile."
        )
        return False
    torch._dynamo.config.suppress_errors = True
    model.compile(dynamic=False, options={"fallback_random": True})
    return True


@contextlib.contextmanager
def as_they_are(compiled: bool) -> Iterator[None]:
    """Run networks as they are in this block: batches of another size than that of a step would
    have them compiled again, which takes longer than they do.

    **Arguments:**
    - `compiled`: whether there are compiled ones; where not, torch's compiler is not imported."""
    if not compiled:
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield


def _twice(x: torch.Tensor) -> torch.Tensor:
    return x + x
