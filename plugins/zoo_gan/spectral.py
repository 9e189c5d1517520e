"""Spectral normalisation of a discriminator (Miyato et al. 2018, arXiv:1802.05957)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrize import register_parametrization

# power iterations of the first call: the spectrum of new weights is dense at its edge
FIRST = 100


class SpectralNorm(nn.Module):
    """A weight divided by its largest singular value: W / σ(W) (Miyato et al. 2018, eq. 8).

    σ(W) = uᵀ W v is estimated by one power iteration in each call. While training, u is kept for
    the next call (algorithm 1). The first call of a new layer iterates 100 times, so that σ is
    within 1 % from the beginning.

    We do not use torch's own parametrization: it iterates while it is built. On the meta device,
    where checkpoints are loaded, torch would then import its compiler, and the first sample would
    take twice as long.

    **Arguments:**
    - `weight`: `(outputs, …)`, of a linear or convolutional layer. Only its shape is read.
    """

    # (outputs,), the current estimate of the first left singular vector
    u: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        # longer than 1, by which `_is_new` tells it from what an iteration has kept
        self.register_buffer("u", torch.empty(len(weight)).uniform_(1, 2))
        self._iterated = False

    def forward(self, weight: Tensor) -> Tensor:
        """W / σ(W), in float32 even under autocast."""
        with torch.autocast(weight.device.type, enabled=False):
            matrix = weight.flatten(1)
            with torch.no_grad():
                u, v = self.u, matrix[0]
                for _ in range(FIRST if self._is_new() else 1):
                    v = F.normalize(matrix.T @ u, dim=0)
                    u = F.normalize(matrix @ v, dim=0)
                if self.training:
                    self.u.copy_(u)
                    self._iterated = True
            return weight / (u @ (matrix @ v))

    def _is_new(self) -> bool:
        """Whether u is still what it was drawn as: all that an iteration keeps has the length 1."""
        return not self._iterated and bool((self.u.norm() - 1).abs() > 1e-2)


def normalise(network: nn.Module) -> None:
    """Apply spectral normalisation to every linear and convolutional layer, in place."""
    for layer in list(network.modules()):
        if isinstance(layer, nn.Linear | nn.Conv2d):
            # unsafe: skip the test call, which would compute while the layer is built
            register_parametrization(layer, "weight", SpectralNorm(layer.weight), unsafe=True)
