"""What the two players of a GAN minimise, and the penalties on a discriminator's slope."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

# The discriminator's losses take its logits for data and for generated images, the generator's the
# latter alone. All are of shape (n,), and so is what is returned: one loss a pair.


def classification(on_data: Tensor, on_fake: Tensor) -> Tensor:
    """−log D(x) − log(1 − D(G(z))), with D = sigmoid(logit) (Goodfellow et al. 2014,
    arXiv:1406.2661, eq. 1).
    """
    return F.softplus(-on_data) + F.softplus(on_fake)


def saturating(on_fake: Tensor) -> Tensor:
    """log(1 − D(G(z))): the generator's minimax loss (Goodfellow et al. 2014, eq. 1)."""
    return -F.softplus(on_fake)


def non_saturating(on_fake: Tensor) -> Tensor:
    """−log D(G(z)), whose gradient does not vanish where D is sure (Goodfellow et al. 2014, section
    3).
    """
    return F.softplus(-on_fake)


def critic(on_data: Tensor, on_fake: Tensor) -> Tensor:
    """D(G(z)) − D(x), the negative of the distance it estimates (Arjovsky et al. 2017,
    arXiv:1701.07875, eq. 3).
    """
    return on_fake - on_data


def hinge(on_data: Tensor, on_fake: Tensor) -> Tensor:
    """max(0, 1 − D(x)) + max(0, 1 + D(G(z))) (Lim & Ye 2017, arXiv:1705.02894; Miyato et al. 2018,
    eq. 16).
    """
    return F.relu(1 - on_data) + F.relu(1 + on_fake)


def linear(on_fake: Tensor) -> Tensor:
    """−D(G(z)), against a critic (Arjovsky et al. 2017) or a hinge (Miyato et al. 2018,
    arXiv:1802.05957, eq. 17).
    """
    return -on_fake


def least_squares(on_data: Tensor, on_fake: Tensor) -> Tensor:
    """½ (D(x) − b)² + ½ (D(G(z)) − a)² with a = −1, b = 1 (Mao et al. 2017, arXiv:1611.04076, eq. 2
    and 8).
    """
    return 0.5 * (on_data - 1) ** 2 + 0.5 * (on_fake + 1) ** 2


def squared(on_fake: Tensor) -> Tensor:
    """½ (D(G(z)) − c)² with c = 0: b − c = 1 and b − a = 2 make it a Pearson χ² (Mao et al. 2017,
    eq. 2 and 8).
    """
    return 0.5 * on_fake**2


LOSSES = {  # by objective: the discriminator's, the generator's
    "non-saturating": (classification, non_saturating),
    "saturating": (classification, saturating),
    "wasserstein": (critic, linear),
    "hinge": (hinge, linear),
    "least-squares": (least_squares, squared),
}


def gradient_penalty(
    discriminate: Callable[[Tensor], Tensor], data: Tensor, fake: Tensor
) -> Tensor:
    """(‖∇D(x̂)‖₂ − 1)², which holds a critic's slope to 1 (Gulrajani et al. 2017, arXiv:1704.00028,
    eq. 3).

    **Arguments:**
    - `discriminate`: D, from images to logits `(n,)`, each of its own image alone: without batch
        norm.
    - `data`, `fake`: `(n, …)`; x̂ is a point drawn evenly from the line between a pair of them.

    **Returns:** `(n,)`, float32 under autocast too.
    """
    share = torch.rand(len(data), *[1] * (data.dim() - 1)).to(data.device)
    gradients = _gradients(discriminate, torch.lerp(fake.float(), data, share))
    slopes: Tensor = torch.linalg.vector_norm(gradients, dim=1)
    return (slopes - 1) ** 2


def r1(discriminate: Callable[[Tensor], Tensor], data: Tensor) -> Tensor:
    """½ ‖∇D(x)‖², which flattens D at the data (Mescheder et al. 2018, arXiv:1801.04406, eq. 9,
    with γ = 1).

    **Arguments:**
    - `discriminate`: D, from images to logits `(n,)`, each of its own image alone: without batch
        norm.
    - `data`: `(n, …)`.

    **Returns:** `(n,)`, float32 under autocast too.
    """
    return 0.5 * _gradients(discriminate, data).square().sum(1)


def _gradients(discriminate: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """∇D at each image, flat, `(n, d)`; in float32, since a slope of a slope in bfloat16 is mostly
    rounding.
    """
    with torch.enable_grad(), torch.autocast(images.device.type, enabled=False):
        images = images.detach().requires_grad_()
        # each logit is of its own image alone, so the gradient of their sum holds the gradient of
        # each
        (gradients,) = torch.autograd.grad(discriminate(images).sum(), images, create_graph=True)
        return gradients.flatten(1)
