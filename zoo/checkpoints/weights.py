"""A directory <-> a model: config.json, model.safetensors, training.safetensors, facts.json."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from zoo.checkpoints.folder import CONFIG, FACTS, FORMAT, TRAINING, WEIGHTS, read_config
from zoo.checkpoints.format import check_weights
from zoo.common import files
from zoo.common.compute import pick_device
from zoo.common.errors import (
    CheckpointError,
    ConfigError,
    NotFoundError,
    PluginError,
    ZooError,
    counted,
)
from zoo.models import GenerativeModel
from zoo.registry import claimed_maker, installed


def save(model: GenerativeModel[Any], directory: Path, facts: Mapping[str, Any]) -> None:
    """Write a model as a checkpoint directory.

    **Arguments:**
    - `model`: of an installed plugin.
    - `directory`: where; made when it isn't there. Each file is written whole or not at all.
    - `facts`: what is known of the training, as JSON values; the number of parameters is added.
    """
    name, plugin = _registered(type(model))
    state = _first_names(model)
    training = {
        key: tensor for key, tensor in state.items() if key.partition(".")[0] in model.training_only
    }
    sampling = {key: tensor for key, tensor in state.items() if key not in training}
    config = {
        "format": FORMAT,
        "model": name,
        "config": model.config.to_dict(),
        "made_by": {"distribution": plugin.distribution, "version": plugin.version},
    }
    _write_tensors(directory / WEIGHTS, sampling)
    if training:
        _write_tensors(directory / TRAINING, training)
    # a name that a parameter has but the file lacks is tied to one that it has
    count = sum(tensor.numel() for key, tensor in model.named_parameters() if key in sampling)
    files.write_json(directory / FACTS, {"parameters": count, **facts})
    files.write_json(directory / CONFIG, config)


def load(
    directory: Path, device: str | torch.device = "cpu", *, training_parts: bool = False
) -> GenerativeModel[Any]:
    """Read a checkpoint directory as a model in eval mode. Never reads a pickle, nor imports what a
    file names.

    **Arguments:**
    - `directory`: of the checkpoint.
    - `device`: where the model goes.
    - `training_parts`: also load what sampling doesn't need (a GAN's discriminator).

    **Raises:** `CheckpointError` when a file is missing, damaged or doesn't fit the model;
    `ConfigError` on a config that the model refuses and on a GPU that isn't there; `NotFoundError`
    when no installed plugin offers the model."""
    device = pick_device(device)
    config = read_config(directory)
    model = _build(config, directory)
    for part in () if training_parts else model.training_only:
        delattr(model, part)
    tensors = _read_tensors(directory / WEIGHTS)
    if training_parts and model.training_only:
        further = _read_tensors(directory / TRAINING)
        if wrong := [key for key in further if key.partition(".")[0] not in model.training_only]:
            raise CheckpointError(
                f"{directory / TRAINING} holds {wrong[0][:80]!r}, which belongs in {WEIGHTS}."
            )
        tensors |= further
    _fill(model, tensors, directory / WEIGHTS)
    return model.to(device).eval()


def model_class(name: str) -> type[GenerativeModel[Any]]:
    """The class of a model, held to being one.

    **Raises:** `NotFoundError` for an unknown name, `PluginError` when it can't be imported or is
    no GenerativeModel."""
    found = installed().model_class(name)
    if isinstance(found, type) and issubclass(found, GenerativeModel):
        return found
    plugin = installed().offered_by("models", name)
    raise PluginError(
        f"The class of the model {name!r} is no GenerativeModel. This is a fault of "
        f"{plugin.called if plugin else 'its plugin'}: tell its authors."
    )


def _build(config: dict[str, Any], directory: Path) -> GenerativeModel[Any]:
    """The model on the meta device: no memory is taken, and no random number of the caller's is
    spent.
    """
    try:
        chosen = model_class(config["model"])
    except NotFoundError as error:
        raise NotFoundError(f"{error}{claimed_maker(config)}") from error
    try:
        values = chosen.Config.from_dict(config["config"])
        with torch.device("meta"):
            return chosen(values)
    except ConfigError as error:
        raise ConfigError(f"{directory / CONFIG}: {error}{_made_by_newer(config)}") from error
    except ZooError:
        raise
    except Exception as error:
        raise CheckpointError(
            f"{directory / CONFIG} can't be built: {type(error).__name__}: {error}"
        ) from error


def _fill(model: GenerativeModel[Any], tensors: dict[str, Tensor], path: Path) -> None:
    """Give a model on the meta device its tensors, all of them and no others."""
    expected = model.state_dict(keep_vars=True)
    first_names = {id(tensor): key for key, tensor in reversed(expected.items())}
    tensors |= {
        key: tensors[first]
        for key, t in expected.items()
        if (first := first_names[id(t)]) in tensors
    }
    if missing := [key for key in expected if key not in tensors]:
        raise CheckpointError(
            f"{path} lacks {len(missing)} of the model's tensors, {missing[0]!r} first."
        )
    if extra := [key for key in tensors if key not in expected]:
        more = counted(len(extra), "tensor")
        raise CheckpointError(f"{path} has {more} that the model has not, {extra[0][:80]!r} first.")
    for key, tensor in tensors.items():
        if tensor.shape != expected[key].shape or tensor.dtype != expected[key].dtype:
            raise CheckpointError(
                f"{path}: {key!r} is {tensor.dtype} {str(tuple(tensor.shape))[:80]}; "
                f"the model has {expected[key].dtype} {tuple(expected[key].shape)}."
            )
        if not tensor.isfinite().all():
            raise CheckpointError(f"{path}: {key!r} holds NaN or infinite values.")
    model.load_state_dict(tensors, strict=True, assign=True)
    for key, tensor in expected.items():
        if (
            isinstance(tensor, nn.Parameter) and first_names[id(tensor)] != key
        ):  # tie again what was tied
            owner, _, leaf = key.rpartition(".")
            setattr(model.get_submodule(owner), leaf, model.get_parameter(first_names[id(tensor)]))
    plain = [(key, value) for module in model.modules() for key, value in vars(module).items()]
    for key, value in [*model.named_buffers(), *plain]:
        if isinstance(value, Tensor) and value.is_meta:
            raise PluginError(
                f"The tensor {key!r} is not in the state dict: its model must register it as a "
                "persistent buffer."
            )


def _read_tensors(path: Path) -> dict[str, Tensor]:
    check_weights(path)
    try:
        return dict(load_file(path))
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        reason = str(error).splitlines()[0][:200]
        raise CheckpointError(f"{path} is damaged: {reason}. Pull or train it again.") from error


def _write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    with files.replacing(path) as partial:
        # contiguous: a channels_last weight is not, and is refused; one metadata key: several come
        # in random order
        plain = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
        # not save_file, which makes the file 0600 whatever the umask and hides a full disk in an
        # error of its own
        partial.write_bytes(to_bytes(plain, {"format": "pt"}))


def _first_names(model: nn.Module) -> dict[str, Tensor]:
    """The state dict with each tensor once: of tied weights, the first name."""
    seen: dict[int, str] = {}
    state = model.state_dict(keep_vars=True)
    return {key: tensor for key, tensor in state.items() if seen.setdefault(id(tensor), key) == key}


def _registered(model_class: type) -> tuple[str, Any]:
    registry = installed()
    for name, spec in registry.models.items():
        module, _, attribute = spec.entry_point.partition(":")
        if getattr(sys.modules.get(module), attribute, None) is model_class:
            return name, registry.offered_by("models", name)
    raise PluginError(
        f"No installed plugin offers {model_class.__module__}:{model_class.__name__}; see: zoo "
        "plugins"
    )


def _made_by_newer(config: dict[str, Any]) -> str:
    made_by = config.get("made_by")
    plugin = installed().offered_by("models", config["model"])
    if (
        not isinstance(made_by, dict)
        or not plugin
        or made_by.get("version") in (None, plugin.version)
    ):
        return ""
    made_with = f"{str(made_by.get('distribution'))[:80]} {str(made_by.get('version'))[:80]}"
    return (
        f" It was made by {made_with}, this is {plugin.version}; if that is newer: pip install -U "
        f"{plugin.distribution}"
    )
