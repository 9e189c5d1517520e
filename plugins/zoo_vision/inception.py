"""Inception-v3 of 2015: the network behind published Fréchet inception distances (FID).

This module downloads nothing, and opens no file that may be a pickle. The original weights are in
torch-fidelity's release v0.2.0, weights-inception-2015-12-05-6726825d.pth. If you trust that file,
`CONVERT` turns it into safetensors.
"""

import io
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from zoo import ZooError

if TYPE_CHECKING:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

CONVERT = (
    'python -c "import sys, torch, safetensors.torch as s; '
    's.save_file(torch.load(sys.argv[1]), sys.argv[2])" '
    "weights-inception-2015-12-05-6726825d.pth inception.safetensors"
)


class Inception(nn.Module):
    """torch-fidelity's Inception-v3 up to its last average pooling, for images in [0, 1].

    **Arguments:**
    - `network`: torch-fidelity's extractor of the features "2048".
    - `weights`: the file of its weights.
    """

    def __init__(self, network: "FeatureExtractorInceptionV3", weights: Path) -> None:
        super().__init__()
        self.network = network
        self.weights = weights

    def forward(self, images: Tensor) -> tuple[Tensor, None]:
        """Compute the features of images.

        The images are rounded to 8 bits and resized to 299 × 299 as TensorFlow does it.

        **Arguments:**
        - `images`: float32 `(n, 1 or 3, height, width)` in [0, 1]; a grey channel is repeated.

        **Returns:** features `(n, 2048)`, and None for the logits.
        """
        if images.dim() != 4 or images.shape[1] not in (1, 3):
            raise ZooError(
                "Inception-v3 takes images of 1 or 3 channels, not samples of "
                f"{tuple(images.shape[1:])}."
            )
        pixels = (images.clamp(0, 1) * 255).round().to(torch.uint8).expand(-1, 3, -1, -1)
        return self.network(pixels)[0], None


def load(weights: Path | None = None) -> Inception:
    """Load Inception-v3, in eval mode.

    **Arguments:**
    - `weights`: safetensors of the state dict of torch-fidelity's `FeatureExtractorInceptionV3`.
        This package does not include them.

    **Raises:** `ZooError` without weights, or if the extra `inception` is not installed.
    """
    if weights is None:
        raise ZooError(
            "The weights of Inception-v3 are not included: name a file with --weights. To make it "
            f"from the weights of torch-fidelity's release v0.2.0: {CONVERT}"
        )
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    except ModuleNotFoundError as error:
        raise ZooError(
            "Inception-v3 needs torch-fidelity: pip install 'genzoo[inception]'"
        ) from error
    # The constructor reads its weights by torch.load: it gets a buffer made here, never a file.
    state = io.BytesIO()
    torch.save(load_file(weights), state)
    state.seek(0)
    network = FeatureExtractorInceptionV3(
        "inception-v3", ["2048"], feature_extractor_weights_path=state
    )
    return Inception(network, weights)
