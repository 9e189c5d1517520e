"""Spectral normalisation of a discriminator (Miyato et al. 2018, arXiv:1802.05957)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrize import register_parametrization


class SpectralNorm(nn.Module):
    """A weight over its largest singular value, W / σ(W), as a parametrization (Miyato et al. 2018,
    eq. 8).

    σ(W) = uᵀ W v by power iteration, one a call, kept while training (algorithm 1). Not torch's
    own, which iterates as it is built: on the meta device, where checkpoints are loaded, that has
    torch import its compiler, which doubles the time to the first sample of a model that samples
    without this.

    **Arguments:**
    - `weight`: `(outputs, …)`, as of linear and convolutional layers; only its shape is read.
    """

    u: Tensor  # (outputs,), the first left singular vector as far as it is known

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.register_buffer("u", torch.empty(len(weight)).uniform_(-1, 1))

    def forward(self, weight: Tensor) -> Tensor:
        """W / σ(W), in float32 under autocast too."""
        with torch.autocast(weight.device.type, enabled=False):
            matrix = weight.flatten(1)
            with torch.no_grad():
                v = F.normalize(matrix.T @ self.u, dim=0)
                u = F.normalize(matrix @ v, dim=0)
                if self.training:
                    self.u.copy_(u)
            return weight / (u @ (matrix @ v))


def normalise(network: nn.Module) -> None:
    """Normalise the weight of every linear and convolutional layer of a network, in place."""
    for layer in list(network.modules()):
        if isinstance(layer, nn.Linear | nn.Conv2d):
            # unsafe: without a trial run, which would compute as the layer is built
            register_parametrization(layer, "weight", SpectralNorm(layer.weight), unsafe=True)
