"""What of a model can be captured: a program of its decoder or encoder, for batches of any size."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.distributions import Distribution
from torch.export import Dim, ExportedProgram

from zoo.models.interface import Autoencoder, LatentModel
from zoo.models.priors import mean_or_mode

# of the batch that a program is captured by; 0 and 1 would be taken for constants
ROWS = 3


def captured(
    model: LatentModel[Any], method: Literal["decode", "encode"] = "decode"
) -> ExportedProgram:
    """A program of the decoder, or of the encoder's means, by `torch.export`.

    **Arguments:**
    - `model`: in eval mode.
    - `method`: "decode" goes from latents `(n, *latent_shape)` to samples, "encode" from samples
        to latents. Each takes labels, int64 `(n,)`, too, where the model is conditional.

    **Returns:** a program with the inputs `x` and, of a conditional model, `labels`; n is free.

    **Raises:** whatever torch does where the code can't be captured."""
    labels = None
    if model.config.num_classes:
        labels = torch.zeros(ROWS, dtype=torch.int64, device=model.device)
    if method == "decode":
        x = model.placed(model.sample_prior(ROWS, torch.Generator(), labels))
    else:
        dtype = torch.int64 if model.sample_kind == "text" else model.dtype
        x = torch.zeros(ROWS, *model.config.sample_shape, device=model.device, dtype=dtype)
    rows = {0: Dim("n")}
    with torch.no_grad(), unvalidated():
        return torch.export.export(
            _Captured(model, METHODS[method]),
            (x, labels),
            dynamic_shapes={"x": rows, "labels": None if labels is None else rows},
        )


@contextlib.contextmanager
def unvalidated() -> Iterator[None]:
    """Distributions don't validate their arguments: that is control flow on values."""
    before = Distribution._validate_args
    Distribution.set_default_validate_args(False)
    try:
        yield
    finally:
        Distribution.set_default_validate_args(before)


def _means(model: LatentModel[Any], samples: Tensor, labels: Tensor | None) -> Tensor:
    assert isinstance(model, Autoencoder)
    return mean_or_mode(model.encode(samples, labels))


METHODS: dict[str, Callable[[LatentModel[Any], Tensor, Tensor | None], Tensor]] = {
    "decode": lambda model, z, labels: model.decode(z, labels),
    "encode": _means,
}


class _Captured(nn.Module):
    """One method of a model as a module of its own."""

    def __init__(
        self,
        model: LatentModel[Any],
        method: Callable[[LatentModel[Any], Tensor, Tensor | None], Tensor],
    ) -> None:
        super().__init__()
        self.model, self.method = model, method

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.method(self.model, x, labels)
