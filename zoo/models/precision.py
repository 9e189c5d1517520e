"""at_least_float32(): the precision that sums, logarithms and quotients need."""

import torch
from torch import Tensor


def at_least_float32(tensor: Tensor) -> Tensor:
    """A tensor in float32, or as it is when it is more precise.

    What a network gives under autocast may be bfloat16, which is too coarse to sum or to take
    logarithms of. A model that runs in float64 (`model.double()`) stays in float64."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))
