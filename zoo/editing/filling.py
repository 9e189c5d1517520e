"""What is hidden of an image, filled in by a model: several answers, each from its own draws."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from zoo.common.watching import Watch
from zoo.editing import search
from zoo.editing.batches import all_decoded, encoded
from zoo.models import Autoencoder, LatentModel

# rounds of encoding what is seen with the answer so far
ROUNDS = 10
# 2σ² of the normal likelihood that what is seen has given the latent: a squared error of a pixel
# counts 1 / PRIOR times as much as the square of a number of the latent
PRIOR = 0.04


def fill(
    model: LatentModel[Any],
    image: Tensor,
    hidden: Tensor,
    label: int | None = None,
    *,
    n: int,
    seed: int,
    draws: int,
    steps: int,
    watch: Watch | None = None,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Fill in what is hidden: the maximum of p(z | what is seen), from n starts.

    Answer k starts from the best of latents k · draws … (k + 1) · draws − 1 of the seed, so it
    depends on the seed and on k alone. A model with an encoder first encodes what is seen together
    with its own answer, several times (Rezende et al. 2014, arXiv:1401.4082, appendix F). Steps
    down the gradient of ‖seen · (x − decode(z))‖² / 2σ² − log p(z) follow.

    **Arguments:**
    - `model`: in eval mode.
    - `image`: float32 in [0, 1], `sample_shape`.
    - `hidden`: which of its values are to be filled in, bool `sample_shape`.
    - `label`: of a conditional model; that of the best draw unless given.
    - `n`: answers.
    - `seed`, `draws`, `steps`: as for `search.nearest`.
    - `watch`: shows how far it is.

    **Returns:** answers, float32 `(n, *sample_shape)`, equal to the image where it is seen; their
    latents; their labels, int64 `(n,)`, for a conditional model.
    """
    seen = (~hidden).float()
    starts, classes = [], []
    given = None if label is None else torch.tensor([label])
    for answer in range(n):
        z, labels = search.best_draws(
            model,
            image[None],
            given,
            seed=seed,
            draws=draws,
            start=answer * draws,
            weights=seen,
        )
        starts.append(z)
        classes += [] if labels is None else [labels]
    z, all_labels = torch.cat(starts), torch.cat(classes) if classes else None
    wanted = image.expand(n, *image.shape)
    if isinstance(model, Autoencoder):
        for _ in range(ROUNDS):
            whole = torch.where(hidden, all_decoded(model, z, all_labels), wanted)
            z = encoded(model, whole, all_labels)
    ticks: Iterable[Any] = range(steps)
    ticks = watch(ticks, steps, "Filling in") if watch else ticks
    z, _, _ = search.descend(model, z, all_labels, wanted, ticks, steps, weights=seen, prior=PRIOR)
    return torch.where(hidden, all_decoded(model, z, all_labels), wanted), z, all_labels
