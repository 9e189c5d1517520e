"""Samples and latents through a model, batch by batch, without gradients."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from zoo.common.compute import exact_convolutions
from zoo.models import Autoencoder, LatentModel, mean_or_mode
from zoo.sampling import kind_of

# images or latents that go through a network at once
AT_ONCE = 256


def encoded(model: LatentModel[Any], samples: Tensor, labels: Tensor | None) -> Tensor:
    """The means of the encoder, or its likeliest codes.

    **Arguments:**
    - `samples`: float32 `(n, *sample_shape)`.
    - `labels`: int64 `(n,)` for a conditional model.

    **Returns:** `(n, *latent_shape)` on the CPU.
    """
    assert isinstance(model, Autoencoder)
    means = []
    for part in torch.arange(len(samples)).split(AT_ONCE):
        some = None if labels is None else labels[part].to(model.device)
        with torch.no_grad(), exact_convolutions():
            given = model.placed(samples[part])
            z = mean_or_mode(model.encode(given, some))
        means.append((z.float() if z.is_floating_point() else z).cpu())
    return torch.cat(means)


def decoded(
    model: LatentModel[Any], z: Tensor, labels: Tensor | None
) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Samples of latents.

    **Arguments:**
    - `z`: `(n, *latent_shape)`.
    - `labels`: int64 `(n,)` for a conditional model.

    **Returns:** samples, float32 `(b, *sample_shape)`, int64 for text, on the CPU, and their
    labels.
    """
    dtype = torch.int64 if kind_of(model).is_whole else torch.float32
    for first in range(0, len(z), AT_ONCE):
        part = slice(first, first + AT_ONCE)
        some = None if labels is None else labels[part]
        with torch.no_grad(), exact_convolutions():
            samples = model.decode(
                model.placed(z[part]), None if some is None else some.to(model.device)
            )
        yield samples.to(dtype).cpu(), some


def all_decoded(model: LatentModel[Any], z: Tensor, labels: Tensor | None) -> Tensor:
    """The same at once: `(n, *sample_shape)`."""
    return torch.cat([samples for samples, _ in decoded(model, z, labels)])
