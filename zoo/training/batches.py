"""The batches of each epoch, in an order that seed, epoch and step decide."""

import math
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader

from zoo.common.compute import derived_seed
from zoo.common.config import ModelConfig
from zoo.common.errors import ConfigError, DataError, PluginError, counted
from zoo.data import Dataset
from zoo.models import GenerativeModel, TrainConfig

LOADERS = 4  # processes that read images which don't fit in memory
SHIFT, ANGLE, ZOOM = (
    2 / 28,
    10.0,
    0.1,
)  # the greatest changes of an augmentation: share of the edge, degrees, share


@dataclass(frozen=True)
class Batches:
    """The batches of a data set, each process taking its share of each.

    **Arguments:**
    - `data`: what to draw from; its samples are kept on the device when it is a GPU with room for
        them.
    - `settings`: batch size, balance, augmentation.
    - `seed`: of the order.
    - `device`: where batches go.
    - `share`: index of this process, and how many there are.
    """

    data: Dataset
    settings: TrainConfig
    seed: int
    device: torch.device
    share: tuple[int, int] = (0, 1)

    def __post_init__(self) -> None:
        if self.settings.balance and self.data.labels is None:
            raise DataError(
                f"--balance draws every class equally often, but {self.data.name} has no labels."
            )
        if self.size % self.share[1]:
            raise DataError(
                f"A batch of {self.size} can't be shared evenly among {self.share[1]} processes."
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
        yield from self._read([chosen[self.share[0] :: self.share[1]] for chosen in order[first:]])

    def some(self, batches: int) -> Iterator[tuple[Tensor, Tensor | None]]:
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
        else:  # a list of paths: read ahead, by processes of their own
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
    except DataError as error:  # its message is the whole traceback of the other process
        raise DataError(str(error).strip().splitlines()[-1].partition(": ")[2]) from None


def check_data(data: Dataset, config: ModelConfig) -> None:
    """Refuse data that a model of this config can't be trained on.

    **Raises:** `DataError`.
    """
    if tuple(config.sample_shape) != data.sample_shape:
        raise DataError(
            f"The model takes samples of shape {tuple(config.sample_shape)}, the data has "
            f"{data.sample_shape}: "
            f"resize the data with --set sample_shape={','.join(map(str, config.sample_shape))}"
        )
    if config.num_classes:
        if data.labels is None:
            raise DataError(
                f"The model is conditional (num_classes = {config.num_classes}) but the data has "
                "no labels: put images "
                "in a sub-folder for each class, or --set num_classes=0"
            )
        found = int(data.labels.max()) + 1
        if found > config.num_classes:
            raise DataError(
                f"The data has {found} classes, the model {config.num_classes}: --set "
                f"num_classes={found}"
            )


def check_sample(model: GenerativeModel[Any]) -> None:
    """Refuse a model whose samples aren't what its config and its kind say, before any time is
    spent on it.

    **Raises:** `ConfigError` for images of a shape that none has, `PluginError` for another shape
    than the config's."""
    said = tuple(model.config.sample_shape)
    if model.sample_kind == "image" and (len(said) != 3 or said[0] not in (1, 3)):
        raise ConfigError(
            f"{type(model).__name__} draws images, (1 or 3, height, width), which samples of shape "
            f"{said} are not: "
            "take other data, or a model of other samples (zoo list --models)."
        )
    labels = (
        torch.zeros(1, dtype=torch.int64, device=model.device) if model.config.num_classes else None
    )
    with torch.no_grad():
        sample = model.eval().sample(1, labels, generator=torch.Generator())
    drawn = getattr(sample, "shape", None)
    if drawn != (1, *said):
        got = type(sample).__name__ if drawn is None else str(tuple(drawn))
        raise PluginError(
            f"The model draws one sample as {got}, not {(1, *said)}, as its config says. Tell its "
            "authors."
        )


def class_weights(data: Dataset, settings: TrainConfig) -> Tensor | None:
    """The weights of the classes, scaled so that the mean over the data is 1.

    **Returns:** float32 `(classes,)`; None when the settings give no weights.

    **Raises:** `DataError` for data without labels, `ConfigError` for another number of weights
    than of classes."""
    if not settings.class_weights:
        return None
    if data.labels is None:
        raise DataError(f"class_weights are given, but {data.name} has no labels.")
    classes = int(data.labels.max()) + 1
    if len(settings.class_weights) != classes:
        raise ConfigError(
            f"class_weights has {counted(len(settings.class_weights), 'value')}; {data.name} has "
            f"{counted(classes, 'class')}."
        )
    weights = torch.tensor(settings.class_weights)
    return weights / weights[data.labels].mean()


def augmented(samples: Tensor, changes: tuple[str, ...]) -> Tensor:
    """Images, each changed at random in the ways that `TrainConfig.augment` names; draws from
    torch's global generator.

    **Arguments:**
    - `samples`: float32 `(n, channels, height, width)`.
    - `changes`: of "shift", "rotate", "zoom", "flip".

    **Returns:** the same shape; what comes in from outside an image repeats its border.
    """
    if not changes:
        return samples
    if samples.dim() != 4:
        raise DataError(
            f"Samples of shape {tuple(samples.shape[1:])} are no images: they can't be augmented."
        )
    n = len(samples)

    def spread(greatest: float, change: str) -> Tensor:
        return greatest * (2 * torch.rand(n) - 1) if change in changes else torch.zeros(n)

    angle, zoom = math.radians(1) * spread(ANGLE, "rotate"), 1 + spread(ZOOM, "zoom")
    mirror = 1 - 2 * (torch.rand(n) < 0.5).float() if "flip" in changes else torch.ones(n)
    shift = [2 * spread(SHIFT, "shift") for _ in range(2)]  # grid_sample counts from -1 to 1
    edges = samples.shape[2] / samples.shape[3]  # both of which it counts as 2
    rows = [
        [angle.cos() / zoom * mirror, -angle.sin() / zoom * edges, shift[0]],
        [angle.sin() / zoom * mirror / edges, angle.cos() / zoom, shift[1]],
    ]
    moves = torch.stack([torch.stack(row, 1) for row in rows], 1).to(samples.device)  # (n, 2, 3)
    grid = F.affine_grid(moves, list(samples.shape), align_corners=False)
    return F.grid_sample(samples, grid, padding_mode="border", align_corners=False)
