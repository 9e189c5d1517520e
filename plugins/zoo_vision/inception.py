"""Inception-v3 of 2015: the 2,048 features of published Fréchet distances.

Nothing is downloaded, and no file that may be a pickle is opened. The weights are those of
torch-fidelity's release v0.2.0, weights-inception-2015-12-05-6726825d.pth; whoever trusts that file
makes safetensors of it by `CONVERT`.
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
    """torch-fidelity's network, its final average pool, for images in [0, 1] of one or three
    channels.

    **Arguments:**
    - `network`: the extractor, asked for its features "2048".
    - `weights`: the file that its weights came from.
    """

    def __init__(self, network: "FeatureExtractorInceptionV3", weights: Path) -> None:
        super().__init__()
        self.network = network
        self.weights = weights

    def forward(self, images: Tensor) -> tuple[Tensor, None]:
        """The features of images, which are rounded to 8 bits and scaled to 299×299 as TensorFlow
        did.

        **Arguments:**
        - `images`: float32 `(n, 1 or 3, height, width)` in [0, 1]; grey is repeated.

        **Returns:** features `(n, 2048)`, and no logits.
        """
        if images.dim() != 4 or images.shape[1] not in (1, 3):
            raise ZooError(
                "Inception-v3 takes images of 1 or 3 channels, not samples of "
                f"{tuple(images.shape[1:])}."
            )
        pixels = (images.clamp(0, 1) * 255).round().to(torch.uint8).expand(-1, 3, -1, -1)
        return self.network(pixels)[0], None


def load(weights: Path | None = None) -> Inception:
    """Inception-v3 with the weights of a file.

    **Arguments:**
    - `weights`: safetensors of the state dict of torch-fidelity's `FeatureExtractorInceptionV3`; it
        ships none.

    **Raises:** `ZooError` without weights, or without the extra `inception`.
    """
    if weights is None:
        raise ZooError(
            "Inception-v3 comes without weights: name a file of them with --weights. To make one: "
            f"{CONVERT}"
        )
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    except ModuleNotFoundError as error:
        raise ZooError(
            "Inception-v3 needs torch-fidelity: pip install 'genzoo[inception]'"
        ) from error
    state = (
        io.BytesIO()
    )  # its constructor takes only what torch.load reads: a buffer made here, never a file
    torch.save(load_file(weights), state)
    state.seek(0)
    network = FeatureExtractorInceptionV3(
        "inception-v3", ["2048"], feature_extractor_weights_path=state
    )
    return Inception(network, weights)
