"""What a training refuses before its first step: data, samples or class weights that don't fit."""

from typing import Any

import torch
from torch import Tensor

from zoo.common.config import ModelConfig
from zoo.common.errors import ConfigError, DataError, PluginError, counted
from zoo.data import Dataset
from zoo.models import GenerativeModel, Step, TrainConfig
from zoo.sampling import kind_of


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
        known = len(data.class_names) or found
        if config.num_classes > known:
            raise DataError(
                f"The data has {counted(known, 'class')}, the model {config.num_classes}: no image "
                f"shows the others, so the model can't learn them. Say --set num_classes={known}"
            )


def check_sample(model: GenerativeModel[Any]) -> None:
    """Refuse a model whose samples aren't what its config and its kind say, before any time is
    spent on it.

    **Raises:** `ConfigError` for images of a shape that none has, `PluginError` for another shape
    than the config's."""
    said = tuple(model.config.sample_shape)
    if kind_of(model).wrong_shape(said):
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


def is_adversarial(model: GenerativeModel[Any], data: Dataset) -> bool:
    """Whether no loss of a model is expected to fall; it is tried on two samples, and stays as it
    is.

    **Arguments:**
    - `model`: where it is.
    - `data`: what it is to be trained on.
    """
    few = data.part(slice(2))
    samples = few.inputs(few.samples[:].to(model.device))
    given = few.labels if model.config.num_classes else None
    labels = None if given is None else given.to(model.device)
    devices = [model.device] if model.device.type == "cuda" else []
    model.eval()
    with torch.no_grad(), torch.random.fork_rng(devices=devices):
        return all(
            objective.adversarial for objective in model.training_step(samples, labels, Step(0, 1))
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
