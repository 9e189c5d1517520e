"""Importers of VAEs that tutorials and libraries have published."""

from typing import Any

import torch
from torch import Tensor

from zoo.models import Converted, Foreign


def pytorch_vae(foreign: Foreign) -> Converted | None:
    """The VAE of pytorch/examples (https://github.com/pytorch/examples, vae), of MNIST."""
    names = {"fc1": "encoder.0", "fc3": "decoder.0", "fc4": "decoder.2"}
    halves = ("fc21", "fc22")
    file = next(iter(foreign.weights), "")
    found, left_out = _found(foreign, file, "fc1.weight")
    if not {"fc1.weight", *(f"{half}.weight" for half in halves)} <= found.keys():
        return None
    latent_dim, hidden = found["fc21.weight"].shape
    return Converted(
        config={"sample_shape": [1, 28, 28], "latent_dim": latent_dim, "hidden_dims": [hidden]},
        tensors=_renamed(found, names, halves),
        dataset="mnist",
        left_out=left_out,
    )


def pythae_vae(foreign: Foreign) -> Converted | None:
    """pythae's VAE with its default networks (https://github.com/clementchadebec/benchmark_VAE).

    `model.pt` and `model_config.json` are read; `encoder.pkl` and `decoder.pkl` hold code, and are
    never opened."""
    file = next((one for one in foreign.weights if one.rpartition("/")[2] == "model.pt"), "")
    folder = file.removesuffix("model.pt")
    told = foreign.config(f"{folder}model_config.json")
    found, left_out = _found(foreign, file, "encoder.layers.0.0.weight")
    if told.get("name") != "VAEConfig" or "encoder.log_var.weight" not in found:
        return None
    names = {"encoder.layers.0.0": "encoder.0"}
    names |= {"decoder.layers.0.0": "decoder.0", "decoder.layers.1.0": "decoder.2"}
    config: dict[str, Any] = {
        "sample_shape": told.get("input_dim") or [1, 28, 28],
        "latent_dim": found["encoder.log_var.weight"].shape[0],
        "hidden_dims": [found["encoder.layers.0.0.weight"].shape[0]],
    }
    if told.get("reconstruction_loss") == "mse":  # half the squared error
        config |= {"likelihood": "gaussian", "sigma": 1.0}
    halves = ("encoder.embedding", "encoder.log_var")
    tensors = _renamed(found, names, halves)
    return Converted(config=config, tensors=tensors, left_out=left_out)


def _found(foreign: Foreign, file: str, key: str) -> tuple[dict[str, Tensor], list[str]]:
    """The tensors of the network in a file that has a tensor of this name, without what stands
    before their names, such as "model_state_dict."; and the names of all other tensors.
    """
    tensors = foreign.tensors(file)
    named = next((name for name in tensors if name == key or name.endswith(f".{key}")), key)
    before = named.removesuffix(key)
    found = {
        name.removeprefix(before): one for name, one in tensors.items() if name.startswith(before)
    }
    left_out = [
        f"{name} of {one}"
        for one in foreign.weights
        for name in foreign.tensors(one)
        if one != file or not name.startswith(before)
    ]
    return found, left_out


def _renamed(
    found: dict[str, Tensor], names: dict[str, str], halves: tuple[str, str]
) -> dict[str, Tensor]:
    """The tensors by the names of an mlp-vae, whose encoder gives mean and log-variance at once."""
    tensors = {}
    for key, tensor in found.items():
        layer, _, leaf = key.rpartition(".")
        if layer in halves:
            both = [found.get(f"{half}.{leaf}") for half in halves]
            if all(one is not None for one in both):
                tensors[f"encoder.2.{leaf}"] = torch.cat([one for one in both if one is not None])
        else:
            tensors[f"{names.get(layer, layer)}.{leaf}"] = tensor
    return tensors
