"""Progress within one batch, for models that take many steps to draw samples."""

import logging
import time
from collections.abc import Collection, Iterator
from typing import TypeVar

T = TypeVar("T")

INTERVAL = 20.0  # seconds between two notes

logger = logging.getLogger("zoo")


def progress(steps: Collection[T], doing: str = "Sampling a batch") -> Iterator[T]:
    """Pass on the steps of one batch, and note every 20 seconds how far it is.

    Ctrl-C ends the batch between two steps.

    **Arguments:**
    - `steps`: what the model goes through, such as the times of a diffusion.
    - `doing`: what they are for, in words.
    """
    said = time.monotonic()
    for index, step in enumerate(steps):
        yield step
        if time.monotonic() - said > INTERVAL:
            said = time.monotonic()
            logger.info("%s: step %s of %s", doing, f"{index + 1:,}", f"{len(steps):,}")
