"""Names on the line between two names."""

from typing import Any

import torch

import zoo
from zoo import errors
from zoo.models import Autoencoder, to_tokens


@torch.no_grad()
def between(reference: str, start: str, end: str, steps: int) -> list[str]:
    """Encode two texts, and decode points on the straight line between their latents.

    A model that is conditional on the first letter gets that of `start` for the first half, and
    that of `end` for the second.

    **Arguments:**
    - `reference`: a checkpoint of text with an encoder.
    - `start`, `end`: texts of its alphabet.
    - `steps`: how many texts, both ends included; 2 at least.

    **Raises:** `CapabilityError` for another checkpoint; `DataError` for a text that it can't
    encode."""
    model: Any = zoo.load(reference)
    if not isinstance(model, Autoencoder) or model.sample_kind != "text":
        raise errors.CapabilityError(f"{reference} can't encode texts: take text-vae-names.")
    for text in (start, end):
        if not text:
            raise errors.DataError("An empty text has no first letter: give two names.")
    tokens = to_tokens([start, end], model.config.alphabet, model.config.sample_shape[0])
    ends, labels = None, None
    if model.config.num_classes:
        ends = torch.tensor([model.class_names.index(text[0]) for text in (start, end)])
        labels = ends[(torch.arange(steps) >= steps / 2).long()]
    first, last = model.encode(tokens, ends).mean
    along = torch.linspace(0, 1, steps)[:, None]
    texts: list[str] = model.render(model.decode(torch.lerp(first, last, along), labels))
    return texts
