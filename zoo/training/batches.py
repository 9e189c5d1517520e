"""The batches of each epoch, in an order that seed, epoch and step decide."""

import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from zoo.common.compute import derived_seed
from zoo.common.errors import DataError
from zoo.data import Dataset
from zoo.models import TrainConfig

# processes that read images which don't fit in memory
LOADERS = 4


@dataclass(frozen=True)
class Batches:
    """The batches of a data set, each process taking its share of each.

    **Arguments:**
    - `data`: what to draw from; its samples are kept on the device when it is a GPU with room for
        them.
    - `settings`: batch size, balance, augmentation.
    - `seed`: of the order.
    - `device`: where batches go.
    - `rank`: index of this process.
    - `world_size`: how many processes there are.
    """

    data: Dataset
    settings: TrainConfig
    seed: int
    device: torch.device
    rank: int = 0
    world_size: int = 1

    def __post_init__(self) -> None:
        if self.settings.balance and self.data.labels is None:
            raise DataError(
                f"--balance draws every class equally often, but {self.data.name} has no labels."
            )
        if self.size % self.world_size:
            raise DataError(
                f"A batch of {self.size} can't be shared evenly among {self.world_size} processes."
            )
        if not isinstance(self.data.samples, Tensor):
            return
        if (
            self.device.type == "cuda"
            and self.data.samples.nbytes < torch.cuda.mem_get_info(self.device)[0] / 2
        ):
            object.__setattr__(self, "data", self.data.to(self.device))

    @property
    def size(self) -> int:
        """Samples of a batch, over all processes."""
        return min(self.settings.batch_size, len(self.data))

    def __len__(self) -> int:
        """Batches of an epoch."""
        return len(self.data) // self.size

    def epoch(self, epoch: int, first: int = 0) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Batches `first` and on of an epoch: samples uint8 `(n, *sample_shape)` on the device,
        labels int64 `(n,)`.
        """
        order = self._order(epoch)[: len(self) * self.size].view(len(self), self.size)
        yield from self._read([chosen[self.rank :: self.world_size] for chosen in order[first:]])

    def subset(self, batches: int) -> Iterator[tuple[Tensor, Tensor | None]]:
        """Batches of samples drawn at random, rare classes as often as an epoch does; the same ones
        at each call.
        """
        generator = torch.Generator().manual_seed(derived_seed(self.seed, "some batches"))
        n = batches * self.size
        if self.settings.balance:
            chosen = self._balanced(n, generator)
        else:
            chosen = torch.randint(len(self.data), (n,), generator=generator)
        yield from self._read(list(chosen.split(self.size)))

    def _order(self, epoch: int) -> Tensor:
        n = len(self.data)
        generator = torch.Generator().manual_seed(derived_seed(self.seed, "order", epoch))
        return (
            self._balanced(n, generator)
            if self.settings.balance
            else torch.randperm(n, generator=generator)
        )

    def _balanced(self, n: int, generator: torch.Generator) -> Tensor:
        """Indices of n samples, every class as likely as the others."""
        assert self.data.labels is not None  # looked at on creation
        frequency = self.data.labels.bincount()[self.data.labels]
        return torch.multinomial(1 / frequency, n, replacement=True, generator=generator)

    def _read(self, choices: list[Tensor]) -> Iterator[tuple[Tensor, Tensor | None]]:
        samples, labels = self.data.samples, self.data.labels
        if isinstance(samples, Tensor):
            read: Iterator[Tensor] = (
                samples.index_select(0, chosen.to(samples.device)) for chosen in choices
            )
        elif not samples.slow:  # arrays that the system maps into memory
            read = (samples[chosen] for chosen in choices)
        # a list of paths: read ahead, by processes of their own
        else:
            workers = min(LOADERS, len(choices), os.cpu_count() or 1)
            loading = DataLoader[Tensor](
                samples,  # type: ignore[arg-type]  # whatever has len() and [] will do
                sampler=choices,
                batch_size=None,
                num_workers=workers,
                generator=torch.Generator(),  # else it draws a number from the global one
            )
            read = _read_ahead(loading)
        for chosen, batch in zip(choices, read, strict=True):
            yield batch.to(self.device), None if labels is None else labels[chosen].to(self.device)


def _read_ahead(loading: "DataLoader[Tensor]") -> Iterator[Tensor]:
    """What processes of their own read; they leave Ctrl-C to this one, and say in a line what they
    can't read.
    """
    batches: Iterator[Tensor]
    if threading.current_thread() is threading.main_thread():
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # which they inherit
        try:
            batches = iter(loading)
        finally:
            signal.signal(signal.SIGINT, before)
    else:
        batches = iter(loading)
    try:
        yield from batches
    except DataError as error:
        # Its message is the whole traceback of the other process, which ends in the true message.
        _, _, message = str(error).strip().rpartition(f"{DataError.__name__}: ")
        raise DataError(message) from None
