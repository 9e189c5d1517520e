"""A directory <-> a model: config.json, model.safetensors, training.safetensors, facts.json."""

import json
import os
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from zoo.checkpoints.folder import CONFIG, FACTS, FORMAT, TRAINING, WEIGHTS, Folder
from zoo.checkpoints.format import check_weights, class_name, refuse_unoffered
from zoo.checkpoints.store import find
from zoo.common import arguments, files, settings
from zoo.common.compute import pick_device
from zoo.common.errors import (
    CheckpointError,
    ConfigError,
    PluginError,
    ZooError,
    counted,
)
from zoo.models import GenerativeModel
from zoo.registry import installed


def load(
    reference: str | os.PathLike[str] | Folder | None = None,
    device: str | torch.device = "cpu",
    *,
    model: type[GenerativeModel[Any]] | None = None,
) -> GenerativeModel[Any]:
    """Load a checkpoint as a model in eval mode, without spending the caller's random numbers.

    The parameters need no gradient, so what the model computes can be used at once, as in
    `model.decode(z).numpy()`. Gradients with respect to an input still flow: give
    `z.requires_grad_(True)`. To train the model further, call `model.requires_grad_(True)`.

    **Arguments:**
    - `reference`: a checkpoint's name (bundled, pulled or trained), a path, or a pulled
        `hf:OWNER/REPO[@REVISION]`. In a string, a path begins with `.`, `/` or `~`.
    - `device`: where the model goes: "cpu", "cuda", "cuda:1", or "auto" for a GPU where there is
        one.
    - `model`: the class of the model, when no plugin offers it. The checkpoint says which class it
        needs.

    **Returns:** the model; `model.class_names` says what its labels mean.

    **Raises:** `NotFoundError` for an unknown reference, or a model that no installed plugin
    offers; `CheckpointError` for a damaged checkpoint; `ConfigError` for an argument that can't be
    right."""
    if reference is None:
        names = ", ".join(sorted(installed().checkpoints)) or "none is offered"
        raise ConfigError(
            "Which checkpoint? Pass its name or its path first, as in zoo.load('NAME', "
            f"device='auto'). Names: {names}. All that are here: zoo.list_checkpoints()"
        )
    loaded = read_model(find(reference), device, model=model)
    return loaded.requires_grad_(False)


def save(
    model: GenerativeModel[Any],
    folder: str | os.PathLike[str],
    *,
    dataset: str | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Folder:
    """Save a model as a complete checkpoint: its config, weights, facts and card.

    The class need not be in a plugin. Such a checkpoint names its class, and whoever loads it
    passes the class: `zoo.load(path, model=MyModel)`.

    **Arguments:**
    - `model`: any GenerativeModel.
    - `folder`: where; it must not be there yet, or be empty. It is written whole or not at all.
    - `dataset`: the name of the data set that the model was trained on.
    - `facts`: what else is known, as JSON values: "class_names", "license", "seed", …

    **Returns:** the checkpoint.

    **Raises:** `ConfigError` for what is not a model or no JSON; `OutputError` when it can't be
    written."""
    if not isinstance(model, GenerativeModel):
        raise ConfigError(
            f"model is of the type {type(model).__name__}: zoo.save takes an instance of a class "
            "that derives from zoo.models.GenerativeModel."
        )
    path = settings.expand(folder, "folder")
    if facts is not None and not isinstance(facts, Mapping):
        raise arguments.refusal("facts", facts, 'a dict, such as {"license": "MIT"}')
    known: dict[str, Any] = {"name": path.name, "reference": files.as_reference(path)}
    known |= {"dataset": dataset} if dataset else {}
    known |= dict(facts or {})
    with files.replacing(path) as partial:
        from zoo.checkpoints import card

        write_model(model, partial, known)
        card.write(partial)
    return Folder(path)


def write_model(
    model: GenerativeModel[Any], directory: Path, facts: Mapping[str, Any] | None = None
) -> Folder:
    """Write a model's config, tensors and facts to a folder.

    **Arguments:**
    - `model`: its class may be of an installed plugin or of the user's own.
    - `directory`: where; made when it isn't there. Each file is written whole or not at all.
    - `facts`: what is known of the training, as JSON values; the number of parameters is added.

    **Returns:** the checkpoint, which knows the digests of its tensors already."""
    state = _first_names(model)
    training = {
        key: tensor for key, tensor in state.items() if key.partition(".")[0] in model.training_only
    }
    sampling = {key: tensor for key, tensor in state.items() if key not in training}
    # a name that a parameter has but the file lacks is tied to one that it has
    count = sum(tensor.numel() for key, tensor in model.named_parameters() if key in sampling)
    known = {"parameters": count, **(facts or {})}
    config = _config_of(model)
    _refuse_unwritable(known, directory / FACTS)
    digests = {WEIGHTS: _write_tensors(directory / WEIGHTS, sampling)}
    if training:
        digests[TRAINING] = _write_tensors(directory / TRAINING, training)
    written = Folder(directory, digests=digests)
    written.write_facts(known)
    written.write_config(config)
    return written


def read_model(
    folder: Folder | Path,
    device: str | torch.device = "cpu",
    *,
    training_parts: bool = False,
    model: type[GenerativeModel[Any]] | None = None,
) -> GenerativeModel[Any]:
    """Read a checkpoint as a model in eval mode, its parameters ready to be trained. Never reads a
    pickle, nor imports what a file names.

    **Arguments:**
    - `folder`: the checkpoint.
    - `device`: where the model goes, as for `load`.
    - `training_parts`: also load what sampling doesn't need (a GAN's discriminator).
    - `model`: the class of the model, when no plugin offers it.

    **Raises:** `CheckpointError` when a file is missing, damaged or doesn't fit the model;
    `ConfigError` on a config that the model refuses and on a GPU that isn't there; `NotFoundError`
    when no installed plugin offers the model."""
    folder = folder if isinstance(folder, Folder) else Folder(folder)
    device = pick_device(device)
    built = _build(folder, model)
    for part in () if training_parts else built.training_only:
        delattr(built, part)
    tensors = _read_tensors(folder, WEIGHTS)
    if training_parts and built.training_only:
        further = _read_tensors(folder, TRAINING)
        if wrong := [key for key in further if key.partition(".")[0] not in built.training_only]:
            raise CheckpointError(
                f"{folder.file(TRAINING)} holds {wrong[0][:80]!r}, which belongs in {WEIGHTS}."
            )
        tensors |= further
    _fill(built, tensors, folder.file(WEIGHTS))
    built.class_names = folder.class_names if built.config.num_classes else ()
    return built.to(device).eval()


def read_tensors(folder: Folder) -> dict[str, Tensor]:
    """All tensors of a checkpoint by name, those that only training needs included, whatever model
    they are of.

    **Raises:** `CheckpointError` when a file is missing or damaged."""
    tensors = _read_tensors(folder, WEIGHTS)
    if folder.has(TRAINING):
        tensors |= _read_tensors(folder, TRAINING)
    return tensors


def assembled(
    model_class: type[GenerativeModel[Any]],
    values: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    path: Path,
) -> GenerativeModel[Any]:
    """A model of tensors that were not written by the zoo, in eval mode on the CPU.

    **Arguments:**
    - `model_class`: of the model.
    - `values`: of its config.
    - `tensors`: by their names in the model's state dict. Of the parts that only training needs,
        those without any tensor are left out of the model. Numbers get the model's dtype.
    - `path`: of the file, for messages.

    **Raises:** `CheckpointError` for missing, extra, misshaped and infinite tensors, and where no
    model can be built; `ConfigError` on a config that the model refuses."""
    config = model_class.Config.from_dict(values)
    try:
        with torch.device("meta"):
            built = model_class(config)
    except ZooError:
        raise
    # whatever a network raises for sizes that do not fit
    except Exception as error:
        raise CheckpointError(
            f"{path}: no model can be built of its config: {type(error).__name__}: "
            f"{' '.join(str(error).split())[:200]}"
        ) from error
    given = {key.partition(".")[0] for key in tensors}
    for part in built.training_only:
        if part not in given:
            delattr(built, part)
    expected = built.state_dict()
    as_model = {
        key: one.to(expected[key].dtype) if key in expected else one for key, one in tensors.items()
    }
    _fill(built, as_model, path)
    return built.eval()


def model_class(name: str) -> type[GenerativeModel[Any]]:
    """The class of a model, held to being one.

    **Raises:** `NotFoundError` for an unknown name, `PluginError` when it can't be imported or is
    no GenerativeModel."""
    found = installed().model_class(name)
    if isinstance(found, type) and issubclass(found, GenerativeModel):
        return found
    plugin = installed().offered_by("models", name)
    raise PluginError(
        f"The class of the model {name!r} is not a GenerativeModel. This is a fault of "
        f"{plugin.called if plugin else 'its plugin'}: tell its authors."
    )


def _config_of(model: GenerativeModel[Any]) -> dict[str, Any]:
    """What config.json says of a model. The class of a user's own is named, and never imported."""
    config: dict[str, Any] = {"format": FORMAT}
    if found := _registered(type(model)):
        name, plugin = found
        config["model"] = name
        made_by = {"distribution": plugin.distribution, "version": plugin.version}
    else:
        config["model"] = type(model).__name__[:80]
        config["class"] = f"{type(model).__module__}:{type(model).__qualname__}"[:200]
        made_by = {"distribution": "genzoo", "version": version("genzoo")}
    return {**config, "config": model.config.to_dict(), "made_by": made_by}


def _class_of(folder: Folder, given: type[GenerativeModel[Any]] | None) -> Any:
    """The class of a checkpoint's model: the one given, else the one that a plugin offers."""
    if given is None:
        refuse_unoffered(folder)
        return model_class(folder.model)
    if not (isinstance(given, type) and issubclass(given, GenerativeModel)):
        raise ConfigError(
            f"model = {str(given)[:80]!r} is no class of a model: pass the class itself, which "
            "derives from zoo.models.GenerativeModel."
        )
    if folder.own_class and given.__name__ != class_name(folder):
        raise ConfigError(
            f"{folder.path} needs the class {class_name(folder)!r} ({folder.own_class}), and "
            f"{given.__name__!r} was passed."
        )
    return given


def _build(folder: Folder, given: type[GenerativeModel[Any]] | None) -> GenerativeModel[Any]:
    """The model on the meta device: no memory is taken, and no random number of the caller's is
    spent.
    """
    config = folder.config
    chosen = _class_of(folder, given)
    try:
        values = chosen.Config.from_dict(config["config"])
        with torch.device("meta"):
            built: GenerativeModel[Any] = chosen(values)
            return built
    except ConfigError as error:
        raise ConfigError(f"{folder.file(CONFIG)}: {error}{_made_by_newer(config)}") from error
    except ZooError:
        raise
    except Exception as error:
        raise CheckpointError(
            f"{folder.file(CONFIG)} can't be built: {type(error).__name__}: {error}"
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
        # tie again what was tied
        if isinstance(tensor, nn.Parameter) and first_names[id(tensor)] != key:
            owner, _, leaf = key.rpartition(".")
            setattr(model.get_submodule(owner), leaf, model.get_parameter(first_names[id(tensor)]))
    plain = [(key, value) for module in model.modules() for key, value in vars(module).items()]
    for key, value in [*model.named_buffers(), *plain]:
        if isinstance(value, Tensor) and value.is_meta:
            raise PluginError(
                f"The tensor {key!r} is not in the state dict: its model must register it as a "
                "persistent buffer."
            )


def _read_tensors(folder: Folder, file: str) -> dict[str, Tensor]:
    path = folder.file(file)
    check_weights(path, folder)
    try:
        with files.named_in_utf8(path) as name:
            return dict(load_file(name))
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        reason = str(error).splitlines()[0][:200]
        raise CheckpointError(f"{path} is damaged: {reason}. Pull or train it again.") from error


def _write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> str:
    """Write tensors; returns the SHA-256 of the file."""
    # contiguous: a channels_last weight is not, and is refused; one metadata key: several come in
    # random order
    plain = {key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}
    content = to_bytes(plain, {"format": "pt"})
    with files.replacing(path) as partial:
        # not save_file, which makes the file 0600 whatever the umask and hides a full disk in an
        # error of its own
        partial.write_bytes(content)
    return files.sha256_of(content)


def _refuse_unwritable(facts: Mapping[str, Any], path: Path) -> None:
    """Raise `ConfigError` for facts that are not JSON values, before anything is written."""
    try:
        json.dumps(facts)
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"The facts for {path} must be JSON values: {error}.") from error


def _first_names(model: nn.Module) -> dict[str, Tensor]:
    """The state dict with each tensor once: of tied weights, the first name."""
    seen: dict[int, str] = {}
    state = model.state_dict(keep_vars=True)
    return {key: tensor for key, tensor in state.items() if seen.setdefault(id(tensor), key) == key}


def _registered(model_class: type) -> tuple[str, Any] | None:
    """The name under which an installed plugin offers a class, and the plugin; None when none
    does.
    """
    registry = installed()
    for name, spec in registry.models.items():
        module, _, attribute = spec.entry_point.partition(":")
        if getattr(sys.modules.get(module), attribute, None) is model_class:
            return name, registry.offered_by("models", name)
    return None


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
