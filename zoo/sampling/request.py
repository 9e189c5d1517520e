"""What a person asks for, turned into what the sampler takes, or refused in words that help."""

import operator
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.checkpoints import Folder, find, refuse_unoffered
from zoo.common import arguments, settings
from zoo.common.arguments import SHOWN
from zoo.common.config import StrictConfig, parse_assignments
from zoo.common.errors import ConfigError, LabelError, OutputError, choose_from
from zoo.common.words import either
from zoo.registry import installed
from zoo.sampling.kinds import Kind, kind_called

if TYPE_CHECKING:
    from torch import Tensor

    from zoo.models import GenerativeModel

# seeds that are drawn lie below this
SEEDS = 2**32

Reference = str | os.PathLike[str] | Folder


def seed_or_fresh(seed: Any) -> int:
    """The seed that was asked for; a random one when it is None."""
    import secrets

    return secrets.randbelow(SEEDS) if seed is None else arguments.whole("seed", seed, 0)


def kind_of_folder(folder: Folder) -> Kind:
    """What kind of samples a checkpoint makes, read without importing its model.

    **Raises:** `NotFoundError` when no installed plugin offers its model."""
    spec = installed().models.get(folder.model)
    if spec is not None:
        return kind_called(spec.kind)
    refuse_unoffered(folder)
    return kind_called(folder.facts.get("kind", "image"))


def class_numbers(labels: Any, folder: Folder) -> list[int]:
    """The classes that were asked for, as numbers, in their order.

    **Arguments:**
    - `labels`: one name or number, or several in a list, an array or a tensor.
    - `folder`: the checkpoint, which knows its classes.

    **Raises:** `LabelError` for a class that there is not, and for labels of an unconditional
    checkpoint."""
    asked = as_list(labels)
    if asked and not folder.num_classes:
        raise LabelError(
            f"{folder.reference} is unconditional: it takes no {either('--label', 'labels')}."
            f"{_other(folder)}"
        )
    return numbers_of(asked, folder.class_names, folder.num_classes)


def numbers_of(labels: Sequence[Any], class_names: Sequence[str], num_classes: int) -> list[int]:
    """Classes by name or number, as numbers.

    **Raises:** `LabelError` for one that there is not, or any when there are no classes."""
    if labels and not num_classes:
        raise LabelError(
            "This model is unconditional: it takes no "
            f"{either('--label', 'labels')}.{_train_another()}"
        )
    known = class_names or [str(number) for number in range(num_classes)]
    return [_number(label, class_names, num_classes, known) for label in labels]


def _number(label: Any, class_names: Sequence[str], num_classes: int, known: Sequence[str]) -> int:
    if isinstance(label, str) and label in class_names:
        return list(class_names).index(label)
    if isinstance(label, str) and label.isdecimal() and len(label) < 10:
        label = int(label)
    if isinstance(label, str):
        raise LabelError(f"There is no class {label[:SHOWN]!r}.{choose_from(label[:SHOWN], known)}")
    try:
        number = operator.index(label)
    except TypeError:
        raise LabelError(
            f"{str(label)[:SHOWN]!r} is not a label: pass a class by name or by whole number."
        ) from None
    if isinstance(label, bool) or not 0 <= number < num_classes:
        text = str(label)[:SHOWN]
        raise LabelError(f"There is no class {text!r}.{choose_from(text, known)}")
    return number


def _other(folder: Folder) -> str:
    """The end of a message that offers a conditional checkpoint of the same data, or says how to
    train one.
    """
    own = installed().checkpoints.get(folder.reference)
    dataset = own.dataset if own else folder.dataset
    of_data = [
        one
        for one in installed().checkpoints.values()
        if dataset and one.dataset == dataset and one.num_classes
    ]
    alike = [one.name for one in of_data if one.model == folder.model]
    names = alike or [one.name for one in of_data]
    if names:
        return f" A checkpoint of the same data that takes labels: {' or '.join(sorted(names))}."
    return _train_another()


def _train_another() -> str:
    how = either("--set num_classes=N", "zoo.train(..., num_classes=N)")
    return f" Train another with {how}"


def as_list(labels: Any) -> list[Any]:
    """Labels in any form as a list of names and numbers.

    **Raises:** `LabelError` for what holds no labels."""
    if labels is None:
        return []
    if isinstance(labels, str | int):
        return [labels]
    if hasattr(labels, "tolist"):
        kind = str(getattr(labels, "dtype", ""))
        if "float" in kind or "complex" in kind or kind.endswith("bool"):
            raise LabelError(f"Labels are whole numbers or names, not {kind}: convert them first.")
        labels = labels.tolist()
        return as_list(labels)
    if isinstance(labels, Mapping | bytes) or not isinstance(labels, Iterable):
        raise LabelError(
            f"{str(labels)[:SHOWN]!r} holds no labels: pass a class by name or number, or a list "
            "of them."
        )
    return list(labels)


def labels_of_all(labels: Any, n: int, class_names: Sequence[str], num_classes: int) -> "Tensor":
    """A label for each of `n` samples, int64 `(n,)`.

    **Arguments:**
    - `labels`: one for all, or one for each.

    **Raises:** `LabelError`."""
    import torch

    numbers = numbers_of(as_list(labels), class_names, num_classes)
    if len(numbers) not in (1, n):
        raise LabelError(
            f"{len(numbers):,} labels were given for {n:,} samples: give one for all, or one for "
            "each."
        )
    return torch.tensor(numbers * (n if len(numbers) == 1 else 1), dtype=torch.int64)


def in_turn(asked: Sequence[int], start: int, n: int) -> "Tensor | None":
    """The labels of samples, int64 `(n,)`: sample i has the class asked[i mod len(asked)], whatever
    the start. None when no class is asked for.
    """
    import torch

    if not asked:
        return None
    return torch.tensor(asked)[(torch.arange(n) + start % len(asked)) % len(asked)]


def options_of(model_class: Any, options: Any) -> tuple[Any, list[str]]:
    """Sample-time options as an instance of the model's `Options`, and as texts `name=value`.

    **Arguments:**
    - `options`: such an instance, values by name, a list of texts, or None.

    **Raises:** `ConfigError` for options that the model does not have."""
    texts, values = told(options)
    own = model_class.Options
    if own is None:
        if texts:
            raise ConfigError(
                f"This model has no sample-time options: it does not take {texts[0]!r}."
            )
        return None, []
    if values is None:
        (values,) = parse_assignments(texts, own)
    return own.from_dict(values), texts


def told(options: Any) -> tuple[list[str], Mapping[str, Any] | None]:
    """Options as texts, and as values by name where they came so."""
    if isinstance(options, StrictConfig):
        options = options.to_dict()
    if isinstance(options, Mapping):
        return [f"{name}={_text(value)}" for name, value in options.items()], options
    if options is None:
        return [], None
    if isinstance(options, str):
        return [options], None
    if isinstance(options, Iterable):
        texts = list(options)
        if all(isinstance(text, str) for text in texts):
            return texts, None
    raise ConfigError(
        f"{str(options)[:SHOWN]!r} are not options: pass a dict of values by name, such as "
        '{"steps": 50}, or a list of texts such as "steps=50".'
    )


def _text(value: Any) -> str:
    """A value as it is typed at the command line."""
    if isinstance(value, list | tuple):
        return ",".join(map(_text, value))
    return str(value).lower() if isinstance(value, bool | None) else str(value)


def load(
    folder: Folder, device: Any = "auto", threads: int | None = None
) -> "GenerativeModel[Any]":
    """The model of a checkpoint, in a process that is there to use it.

    **Arguments:**
    - `device`, `threads`: as `compute.pick_device` and `compute.use_threads` take them.
    """
    from zoo.checkpoints import weights
    from zoo.common import compute

    compute.keep_freed()
    compute.use_threads(threads)
    return weights.read_model(folder, device)


def model_of(model: Any, device: Any = "auto") -> tuple["GenerativeModel[Any]", tuple[str, ...]]:
    """A model, from itself or from a checkpoint's reference, and what its labels mean.

    **Raises:** `ConfigError` for what is neither; what loading raises."""
    if isinstance(model, str | os.PathLike | Folder):
        folder = find(model)
        return load(folder, device), folder.class_names
    from zoo.models import GenerativeModel

    if not isinstance(model, GenerativeModel):
        raise ConfigError(
            f"{type(model).__name__} is not a model: pass what zoo.load returns, or the name of a "
            "checkpoint."
        )
    if device not in ("auto", None) and model.device.type != str(device).partition(":")[0]:
        raise ConfigError(
            f"device = {str(device)[:SHOWN]!r}, but the model is on {str(model.device)!r}: move it "
            f"there first, with model.to({str(device)[:SHOWN]!r})."
        )
    return model, tuple(getattr(model, "class_names", ()))


def output_path(output: Any, default: str) -> Path:
    """The path that `output` means; `default` for None."""
    if output is not None and not isinstance(output, str | os.PathLike):
        raise OutputError(
            f"output = {str(output)[:SHOWN]!r} is not a path: pass a text such as {default!r}."
        )
    return Path(default) if output is None else settings.expand(output, "output")
