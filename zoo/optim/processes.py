"""Several processes that train one model: the means over all of what each of them has."""

import atexit
import functools
from collections.abc import Iterable

import torch

# Its functions take the group of processes as a default argument. Imported once there is a group,
# as torch itself may do in the middle of a training, they would hold it for ever: its threads would
# outlive the interpreter, which aborts the process.
import torch.distributed.nn
from accelerate import Accelerator
from torch import Tensor


def join() -> Accelerator:
    """This process among those that train together; it leaves them before its interpreter ends,
    however it ends.
    """
    accelerator = Accelerator()
    if accelerator.num_processes > 1:
        _leave_at_the_end()
    return accelerator


@functools.cache
def _leave_at_the_end() -> None:
    atexit.register(_leave)


def _leave() -> None:
    """Leave the group, if there still is one: that ends the threads it computes means with."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def was_left(error: BaseException) -> bool:
    """Whether an error says that another process is gone, or its machine can't be reached."""
    return isinstance(error, torch.distributed.DistError) or "gloo" in str(error)


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
