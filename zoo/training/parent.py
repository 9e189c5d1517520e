"""A parent: the checkpoint whose weights a training begins with, and what of it is taken."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor

from zoo.checkpoints import Folder, Store, weights
from zoo.common.errors import CheckpointError, ConfigError, counted
from zoo.models import GenerativeModel
from zoo.training.request import Request

# names of tensors that a note lists
LISTED = 6

logger = logging.getLogger("zoo")


@dataclass(frozen=True)
class Taken:
    """What a model has from its parent.

    **Arguments:**
    - `same`: names of the tensors that were taken.
    - `new`: names of those that the parent has not, or in another shape.
    - `left`: names of the parent's that the model has no use for.
    """

    same: tuple[str, ...]
    new: tuple[str, ...]
    left: tuple[str, ...]


def begin_with(model: GenerativeModel[Any], request: Request, store: Store, *, say: bool) -> None:
    """Give a new model the weights of its parent.

    **Raises:** `CheckpointError` when the parent is not what it was."""
    assert request.parent is not None
    folder = store.folder(request.parent_reference)
    if folder.sha256 != request.parent["sha256"]:
        raise CheckpointError(
            f"{folder.reference} is no longer what it was when this training began: start anew."
        )
    taken = take(model, folder)
    if say:
        _say(taken, request.parent, model)


def take(model: GenerativeModel[Any], folder: Folder) -> Taken:
    """Give a model the tensors of a checkpoint that have the same name and shape.

    **Arguments:**
    - `model`: with fresh weights; changed in place.
    - `folder`: the parent. Its parts that only training needs are taken, too, if it has them.

    **Raises:** `ConfigError` when nothing fits: the parent is of another family;
    `CheckpointError` when the parent's tensors can't be read."""
    found = weights.read_tensors(folder)
    own = model.state_dict(keep_vars=True)
    first = {id(tensor): name for name, tensor in reversed(own.items())}
    same, new = [], []
    with torch.no_grad():
        for name, tensor in own.items():
            other = found.get(name)
            if first[id(tensor)] != name:  # tied to one that is taken or not
                continue
            if other is None or other.shape != tensor.shape or other.dtype != tensor.dtype:
                new.append(name)
                continue
            _refuse_infinite(name, other, folder)
            tensor.copy_(other)
            same.append(name)
    learnt = {name for name, _ in model.named_parameters()}
    if not learnt & set(same):
        raise ConfigError(
            f"{folder.reference} is a checkpoint of {folder.model}, and none of its tensors has "
            f"the name and the shape of one of {type(model).__name__}: take a checkpoint of the "
            "same model, or of one that is built alike."
        )
    return Taken(tuple(same), tuple(new), tuple(name for name in found if name not in own))


def freeze(model: GenerativeModel[Any], patterns: Sequence[str]) -> tuple[str, ...]:
    """Keep parameters as they are: those whose name fits a pattern, such as "encoder.*".

    **Returns:** their names.

    **Raises:** `ConfigError` for a pattern that fits no parameter."""
    frozen: dict[str, None] = {}
    names = [name for name, _ in model.named_parameters()]
    for pattern in patterns:
        fits = [name for name in names if fnmatchcase(name, pattern)]
        if not fits:
            parts = sorted({f"{name.partition('.')[0]}.*" for name in names if "." in name})
            raise ConfigError(
                f"freeze = {pattern[:80]!r} fits no parameter of {type(model).__name__}. Its parts "
                f"are {', '.join(parts) or ', '.join(names)}."
            )
        frozen |= dict.fromkeys(fits)
    for name in frozen:
        model.get_parameter(name).requires_grad_(False)
    return tuple(frozen)


def _say(taken: Taken, parent: Mapping[str, Any], model: GenerativeModel[Any]) -> None:
    """Tell what was taken of a parent, what is new and what was left."""
    own = model.state_dict()
    total = len(taken.same) + len(taken.new)
    logger.info(
        f"From {parent['reference']} ({parent['sha256'][:12]}): {len(taken.same)} of "
        f"{counted(total, 'tensor')}."
    )
    if taken.new:
        shapes = [f"{name} {tuple(own[name].shape)}" for name in taken.new]
        logger.info(f"New, with fresh weights: {_listed(shapes)}.")
    if taken.left:
        logger.info(f"Left behind: {_listed(taken.left)}.")


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"{', '.join(names[:LISTED])}{more}"


def _refuse_infinite(name: str, tensor: Tensor, folder: Folder) -> None:
    if not tensor.isfinite().all():
        raise CheckpointError(f"{folder.path}: {name!r} holds NaN or infinite values.")
