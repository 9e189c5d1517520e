"""Any backbone of timm as features: `timm:NAME`, with weights that are safetensors."""

import logging
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn import functional as F

from zoo import ZooError

EXAMPLE = "timm:vit_small_patch14_dinov2.lvd142m"
FILE = "model.safetensors"  # of a repository of weights
# pixels of an edge: larger networks see images of this size where they can
LARGEST = 224

log = logging.getLogger("zoo")


class Backbone(nn.Module):
    """A network of timm up to its last pooling, for images in [0, 1].

    **Arguments:**
    - `network`: as timm makes it, without its classifier.
    - `weights`: the file of its weights.
    - `size`: (height, width) that images are scaled to, bicubic with antialias.
    - `mean`, `std`: of the channels, that images are normalised by.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        network: nn.Module,
        weights: Path,
        size: tuple[int, int],
        mean: tuple[float, ...],
        std: tuple[float, ...],
    ) -> None:
        super().__init__()
        self.network, self.weights, self.size = network, weights, size
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> tuple[Tensor, None]:
        """Compute the features of images.

        **Arguments:**
        - `images`: float32 `(n, 1 or 3, height, width)` in [0, 1]; a grey channel is repeated.

        **Returns:** features `(n, d)`, and None for the logits.
        """
        if images.dim() != 4 or images.shape[1] not in (1, 3):
            raise ZooError(
                "Networks of timm take images of 1 or 3 channels, not samples of "
                f"{tuple(images.shape[1:])}."
            )
        scaled = F.interpolate(images, self.size, mode="bicubic", antialias=True).clamp(0, 1)
        normal = (scaled.expand(-1, len(self.mean.flatten()), -1, -1) - self.mean) / self.std
        return self.network(normal).float(), None


def load(weights: Path | None, variant: str) -> Backbone:
    """Load a backbone, in eval mode.

    **Arguments:**
    - `weights`: safetensors of its state dict; unless given, they are downloaded from the Hub once.
    - `variant`: its name in timm, such as "resnet18.a1_in1k".

    **Raises:** `ZooError` for a name that timm does not have, weights that are no safetensors or
    can't be downloaded, and without timm."""
    try:
        import timm
    except ModuleNotFoundError as error:
        raise ZooError("These features need timm: pip install 'genzoo[features]'") from error
    if not timm.is_model(variant):
        near = timm.list_models(f"*{variant.partition('.')[0]}*")[:3]
        hint = f" Near it: {', '.join(near)}." if near and variant else ""
        raise ZooError(f"timm has no network {variant[:80]!r}.{hint} Name one, such as {EXAMPLE}")
    path = _fetched(timm, variant) if weights is None else weights
    try:
        with safe_open(path, "pt"):
            pass
    except Exception as error:
        raise ZooError(f"{path} holds no safetensors: {error}") from error
    if path.suffix != ".safetensors":
        raise ZooError(f"{path} must be called .safetensors: timm goes by the name. Rename it.")
    network = _made(timm, variant, path)
    config = network.pretrained_cfg
    height, width = getattr(getattr(network, "patch_embed", None), "img_size", None) or tuple(
        config["input_size"][1:]
    )
    return Backbone(network.eval(), path, (height, width), config["mean"], config["std"])


def _made(timm: Any, variant: str, path: Path) -> Any:
    """The network with its weights; one that sees large images is made for smaller ones."""
    create = timm.create_model
    how = {"pretrained": True, "num_classes": 0, "pretrained_cfg_overlay": {"file": str(path)}}
    config = timm.get_pretrained_cfg(variant)
    if config is not None and config.input_size[1] > LARGEST and config.fixed_input_size:
        try:
            return create(variant, img_size=LARGEST, **how)
        except TypeError:  # it can't be made for another size
            pass
    return create(variant, **how)


def _fetched(timm: Any, variant: str) -> Path:
    """The weights of a network, from the Hub, as safetensors; those that are here need no net."""
    from huggingface_hub import hf_hub_download, try_to_load_from_cache

    config = timm.get_pretrained_cfg(variant)
    if config is None or not config.hf_hub_id:
        raise ZooError(
            f"timm publishes no weights of {variant!r} on the Hub: name one with them, such as "
            f"{EXAMPLE}, or a file with --weights."
        )
    here = try_to_load_from_cache(config.hf_hub_id, FILE)
    if isinstance(here, str):
        return Path(here)
    log.info("Downloading the weights of %s from the Hub: %s", variant, config.hf_hub_id)
    try:
        return Path(hf_hub_download(config.hf_hub_id, FILE))
    except Exception as error:
        told = " ".join(str(error).split())[:200].rstrip(".")
        raise ZooError(
            f"The weights of {variant!r} can't be downloaded from {config.hf_hub_id}: {told}. "
            f"Without internet, fetch {FILE} of {config.hf_hub_id} elsewhere, and name "
            "the file: --weights FILE"
        ) from error
