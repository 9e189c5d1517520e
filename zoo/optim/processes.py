"""Several processes that train one model: the means over all of what each of them has."""

from collections.abc import Iterable

import torch
from accelerate import Accelerator
from torch import Tensor


def average_statistics(model: torch.nn.Module, accelerator: Accelerator) -> None:
    """Give every process the mean over processes of the statistics that batch norm keeps."""
    if accelerator.num_processes > 1:
        average((buffer for buffer in model.buffers() if buffer.is_floating_point()), accelerator)


def mean_of_all(values: dict[str, float], accelerator: Accelerator) -> dict[str, float]:
    """The mean over the processes of each of some values; all processes must ask, for the same
    ones.
    """
    if accelerator.num_processes == 1 or not values:
        return values
    means = torch.tensor(list(values.values()), dtype=torch.float64, device=accelerator.device)
    average([means], accelerator)
    return dict(zip(values, means.tolist(), strict=True))


def average(tensors: Iterable[Tensor], accelerator: Accelerator) -> None:
    """Replace tensors by their means over the processes, in one exchange."""
    tensors = list(tensors)
    if tensors:
        joined = accelerator.reduce(
            torch.cat([one.reshape(-1) for one in tensors]), reduction="mean"
        )
        for one, mean in zip(tensors, joined.split([one.numel() for one in tensors]), strict=True):
            one.copy_(mean.view_as(one))
