"""Importers of GANs that tutorials and their followers have published."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from zoo.models import CheckpointError, Converted, Foreign

# what the networks of these tutorials call their outermost parts
ROOTS = re.compile(r"^(.*?)((?:main|model|l1|conv_blocks|conv_model|adv_layer)\..+)$")
# of a sequence of layers
LAYER = re.compile(r"\d{1,2}\.[^.]+")
OURS = 1e-5  # the epsilon of batch norm in torch
# that of PyTorch-GAN, which gives it where momentum was meant
THEIRS = 0.8

Tensors = dict[str, Tensor]


@dataclass
class Network:
    """One network of a source.

    **Arguments:**
    - `file`: that holds it.
    - `before`: what stands before its names in the file, such as "netG.".
    - `tensors`: by its own names, such as "main.0.weight".
    """

    file: str
    before: str
    tensors: Tensors = field(default_factory=dict)

    def layers(self, *roots: str) -> Tensors:
        """The tensors of a sequence of layers that has one of these names, by "0.weight"."""
        found = {}
        for key, tensor in self.tensors.items():
            root, _, layer = key.partition(".")
            if root in roots and LAYER.fullmatch(layer):
                found[layer] = tensor
        return found


def dcgan(foreign: Foreign) -> Converted | None:
    """The DCGAN of pytorch/examples and all that copied it; the last layer's maps may differ.

    Radford et al. 2015, arXiv:1511.06434, as in https://github.com/pytorch/examples, dcgan."""
    networks = [(one, one.layers("main", "model")) for one in _networks(foreign)]
    source = next((one for one in networks if _is_dcgan_generator(one[1])), None)
    if source is None:
        return None
    generator = source[1]
    last = max(int(key.partition(".")[0]) for key in generator)
    latent_dim = generator["0.weight"].shape[0]
    width, channels = generator[f"{last}.weight"].shape[:2]
    edge = 4 * 2 ** (last // 3)
    tensors = {}
    for key, tensor in generator.items():
        index, _, leaf = key.partition(".")
        if key == "0.weight":  # of a map of one pixel: a linear layer
            tensors["generator.0.weight"] = tensor.permute(1, 2, 3, 0).flatten(0, 2)
            tensors["generator.0.bias"] = tensor.new_zeros(tensor[0].numel())
            continue
        ours = f"generator.{int(index) + 1}"
        tensors[f"{ours}.{leaf}"] = tensor
        if tensor.dim() == 4:
            tensors.setdefault(f"{ours}.bias", tensor.new_zeros(tensor.shape[1]))
    used = [source]
    for one in networks:
        if _is_dcgan_discriminator(one[1]) and one[1]["0.weight"].shape[:2] == (width, channels):
            tensors |= _dcgan_discriminator(one[1])
            used.append(one)
            break
    config = {"sample_shape": [channels, edge, edge], "latent_dim": latent_dim, "width": width}
    return _converted(config, tensors, networks, used)


def _is_dcgan_generator(network: Tensors) -> bool:
    first, norm = network.get("0.weight"), network.get("1.weight")
    return (
        first is not None
        and norm is not None
        and tuple(first.shape[2:]) == (4, 4)
        and norm.shape == first.shape[1:2]
    )


def _is_dcgan_discriminator(network: Tensors) -> bool:
    first = network.get("0.weight")
    return first is not None and tuple(first.shape[2:]) == (4, 4) and "1.weight" not in network


def _dcgan_discriminator(network: Tensors) -> Tensors:
    last = max(int(key.partition(".")[0]) for key in network)
    tensors = {}
    for key, tensor in network.items():
        index, _, leaf = key.partition(".")
        if int(index) == last:  # of a map of its own size: a linear layer
            tensors[f"discriminator.{last + 1}.weight"] = tensor.flatten(1)
            tensors[f"discriminator.{last + 1}.bias"] = tensor.new_zeros(1)
            continue
        tensors[f"discriminator.{index}.{leaf}"] = tensor
        if tensor.dim() == 4:
            tensors[f"discriminator.{index}.bias"] = tensor.new_zeros(tensor.shape[0])
    return tensors


def pytorch_gan(foreign: Foreign) -> Converted | None:
    """gan.py of PyTorch-GAN (https://github.com/eriklindernoren/PyTorch-GAN)."""
    networks = [(one, one.layers("model")) for one in _networks(foreign)]
    source = next((one for one in networks if _is_linear_generator(one[1])), None)
    if source is None:
        return None
    generator = source[1]
    linear = sorted(
        (key for key, one in generator.items() if one.dim() == 2),
        key=lambda key: int(key.partition(".")[0]),
    )
    dims = [generator[key].shape[0] for key in linear]
    latent_dim, pixels = generator["0.weight"].shape[1], dims[-1]
    tensors = {}
    for key, tensor in generator.items():
        index, _, leaf = key.partition(".")
        moved = int(index) + (1 if int(index) >= 2 else 0)
        tensors[f"generator.{moved}.{leaf}"] = _refolded(leaf, tensor)
    tensors |= _identity_norm("generator.1", dims[0])
    config: dict[str, Any] = {"latent_dim": latent_dim, "generator_dims": dims[:-1]}
    config |= {"sample_shape": _shape_of(pixels), "dropout": 0.0}
    used = [source]
    for network, layers in networks:
        first = layers.get("0.weight")
        if first is not None and first.shape[1:] == (pixels,) and "3.running_var" not in layers:
            rows = [layers[key].shape[0] for key in ("0.weight", "2.weight")]
            config["discriminator_dims"] = rows
            places = {"0": 1, "2": 4, "4": 7}
            for key, tensor in layers.items():
                index, _, leaf = key.partition(".")
                tensors[f"discriminator.{places.get(index, index)}.{leaf}"] = tensor
            used.append((network, layers))
            break
    return _converted(config, tensors, networks, used)


def _is_linear_generator(layers: Tensors) -> bool:
    known = {"0.weight", "2.weight", "3.running_var"} <= layers.keys()
    return known and layers["0.weight"].dim() == 2


def pytorch_gan_dcgan(foreign: Foreign) -> Converted | None:
    """dcgan.py of PyTorch-GAN (https://github.com/eriklindernoren/PyTorch-GAN)."""
    networks = [(one, one.tensors) for one in _networks(foreign)]
    source = next((one for one in networks if "l1.0.weight" in one[1]), None)
    if source is None:
        return None
    body = "conv_model" if "conv_model.2.weight" in source[1] else "conv_blocks"
    generator = _parts(source[1], "l1", body)
    linear = generator["l1.0.weight"]
    width = generator[f"{body}.2.weight"].shape[0]
    channels = generator[f"{body}.9.weight"].shape[0]
    edge = 4 * math.isqrt(linear.shape[0] // width)
    tensors = {}
    for key, tensor in generator.items():
        root, index, leaf = key.split(".", 2)
        place = "0" if root == "l1" else str(int(index) + 2)
        # of the norms, the first has torch's epsilon
        folded = tensor if root == "l1" or index == "0" else _refolded(leaf, tensor)
        tensors[f"generator.{place}.{leaf}"] = folded
    config: dict[str, Any] = {"latent_dim": linear.shape[1], "width": width}
    config |= {"sample_shape": [channels, edge, edge]}
    used = [(source[0], generator)]
    for network, found in networks:
        if "adv_layer.0.weight" in found:
            judge = _parts(found, "model", "adv_layer")
            places = sorted({int(key.split(".")[1]) for key in judge if key.startswith("model.")})
            weights = [judge[f"model.{place}.weight"] for place in places]
            config["discriminator_channels"] = [w.shape[0] for w in weights if w.dim() == 4]
            end = str(places[-1] + 4)
            for key, tensor in judge.items():
                root, index, leaf = key.split(".", 2)
                place = end if root == "adv_layer" else index
                tensors[f"discriminator.{place}.{leaf}"] = _refolded(leaf, tensor)
            used.append((network, judge))
            break
    return _converted(config, tensors, networks, used)


def _parts(tensors: Tensors, *roots: str) -> Tensors:
    """The tensors of sequences of layers that have these names, by "l1.0.weight"."""
    split = {key: key.partition(".") for key in tensors}
    return {
        key: tensors[key]
        for key, (root, _, layer) in split.items()
        if root in roots and LAYER.fullmatch(layer)
    }


def _networks(foreign: Foreign) -> list[Network]:
    """The networks of all files: those of one file may be nested in dicts of their own."""
    found: dict[tuple[str, str], Network] = {}
    others: list[tuple[str, str, Tensor]] = []
    for file in foreign.weights:
        for key, tensor in foreign.tensors(file).items():
            if match := ROOTS.match(key):
                place = file, match[1]
                found.setdefault(place, Network(*place)).tensors[match[2]] = tensor
            else:
                others.append((file, key, tensor))
    for file, key, tensor in others:  # each to the network whose dict it lies in
        near = [one for one in found.values() if one.file == file and key.startswith(one.before)]
        if near:
            owner = max(near, key=lambda one: len(one.before))
            owner.tensors[key.removeprefix(owner.before)] = tensor
        else:
            found[file, key] = Network(file, "", {key: tensor})
    return list(found.values())


def _converted(
    config: Mapping[str, Any],
    tensors: Tensors,
    networks: Sequence[tuple[Network, Tensors]],
    used: Sequence[tuple[Network, Tensors]],
) -> Converted:
    """What was made of some networks. What else these hold is passed on by its own names, which the
    model has not; other networks are left out.
    """
    extra, left_out = {}, []
    taken = {id(tensor) for _, layers in used for tensor in layers.values()}
    for network, _ in networks:
        is_used = any(network is one for one, _ in used)
        for key, tensor in network.tensors.items():
            if is_used and id(tensor) not in taken:
                extra[f"{network.before}{key}"] = tensor
            if not is_used:
                left_out.append(f"{network.before}{key} of {network.file}")
    return Converted(config=config, tensors={**_counted(tensors), **extra}, left_out=left_out)


def _refolded(leaf: str, tensor: Tensor) -> Tensor:
    """A variance that batch norm with torch's epsilon treats as theirs does with its own."""
    return tensor + (THEIRS - OURS) if leaf == "running_var" else tensor


def _identity_norm(name: str, width: int) -> Tensors:
    """Batch norm that does nothing, where a model of the zoo has one and theirs has none."""
    ones, zeros = torch.ones(width), torch.zeros(width)
    tensors = {"weight": ones, "bias": zeros, "running_mean": zeros, "running_var": ones - OURS}
    return {f"{name}.{leaf}": tensor.clone() for leaf, tensor in tensors.items()}


def _counted(tensors: Mapping[str, Tensor]) -> Tensors:
    """Tensors with the count of batches that files from before torch 0.4.1 lack."""
    counts = {
        key.replace("running_mean", "num_batches_tracked"): torch.tensor(0)
        for key in tensors
        if key.endswith("running_mean")
    }
    return {**counts, **tensors}


def _shape_of(pixels: int) -> Iterable[int]:
    """The shape of square images of so many numbers, grey or in colour."""
    for channels in (1, 3):
        edge = math.isqrt(pixels // channels)
        if channels * edge * edge == pixels:
            return [channels, edge, edge]
    raise CheckpointError(f"{pixels} numbers are no square image, grey or in colour.")
