"""The losses of GANs, and the penalties on the gradient of a discriminator."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from zoo.models import at_least_float32

# A loss of the discriminator takes its logits for real and for generated images. A loss of the
# generator takes the same in the other order. Logits and losses have shape (n,).


def classification(on_data: Tensor, on_fake: Tensor) -> Tensor:
    """Binary cross-entropy: −log D(x) − log(1 − D(G(z))), where D = sigmoid(logit).

    Goodfellow et al. 2014, arXiv:1406.2661, eq. 1.
    """
    return F.softplus(-on_data) + F.softplus(on_fake)


def saturating(on_fake: Tensor, on_data: Tensor) -> Tensor:
    """The minimax loss of the generator: log(1 − D(G(z))) (Goodfellow et al. 2014, eq. 1)."""
    return -F.softplus(on_fake)


def non_saturating(on_fake: Tensor, on_data: Tensor) -> Tensor:
    """The usual loss of the generator: −log D(G(z)) (Goodfellow et al. 2014, section 3).

    Its gradient does not vanish when D is sure.
    """
    return F.softplus(-on_fake)


def critic(on_data: Tensor, on_fake: Tensor) -> Tensor:
    """The loss of a Wasserstein critic: D(G(z)) − D(x), minus the estimated distance.

    Arjovsky et al. 2017, arXiv:1701.07875, eq. 3.
    """
    return on_fake - on_data


def hinge(on_data: Tensor, on_fake: Tensor) -> Tensor:
    """The hinge loss: max(0, 1 − D(x)) + max(0, 1 + D(G(z))).

    Lim & Ye 2017, arXiv:1705.02894; Miyato et al. 2018, arXiv:1802.05957, eq. 16.
    """
    return F.relu(1 - on_data) + F.relu(1 + on_fake)


def linear(on_fake: Tensor, on_data: Tensor) -> Tensor:
    """The loss of the generator for `critic` and `hinge`: −D(G(z)).

    Arjovsky et al. 2017; Miyato et al. 2018, arXiv:1802.05957, eq. 17.
    """
    return -on_fake


def least_squares(on_data: Tensor, on_fake: Tensor) -> Tensor:
    """Least squares: ½ (D(x) − b)² + ½ (D(G(z)) − a)², where a = −1 and b = 1.

    Mao et al. 2017, arXiv:1611.04076, eq. 2 and 8.
    """
    return 0.5 * (on_data - 1) ** 2 + 0.5 * (on_fake + 1) ** 2


def squared(on_fake: Tensor, on_data: Tensor) -> Tensor:
    """The loss of the generator for `least_squares`: ½ (D(G(z)) − c)², where c = 0.

    With b − c = 1 and b − a = 2, it minimises a Pearson χ² divergence (Mao et al. 2017, eq. 2 and
    8).
    """
    return 0.5 * on_fake**2


def relativistic(on_one: Tensor, on_other: Tensor) -> Tensor:
    """The loss of either player: log(1 + e⁻ᵗ) with t = D(one) − D(other).

    The discriminator wants D to prefer the real image of a pair, the generator its own
    (Jolicoeur-Martineau 2018, arXiv:1807.00734, eq. 5 and 6; Huang et al. 2025, arXiv:2501.05441,
    eq. 2).
    """
    return F.softplus(on_other - on_one)


LOSSES = {  # by objective: (loss of the discriminator, loss of the generator)
    "non-saturating": (classification, non_saturating),
    "saturating": (classification, saturating),
    "wasserstein": (critic, linear),
    "hinge": (hinge, linear),
    "least-squares": (least_squares, squared),
    "relativistic": (relativistic, relativistic),
}


def gradient_penalty(
    discriminate: Callable[[Tensor], Tensor], data: Tensor, fake: Tensor
) -> Tensor:
    """The gradient penalty (‖∇D(x̂)‖₂ − 1)²: it keeps the norm of a critic's gradient near 1.

    Gulrajani et al. 2017, arXiv:1704.00028, eq. 3.

    **Arguments:**
    - `discriminate`: D, from images to logits `(n,)`. Each logit must depend on its own image
        only, so D has no batch norm.
    - `data`, `fake`: real and generated images, `(n, …)`. x̂ is a random point on the line between
        the two of a pair.

    **Returns:** `(n,)`, float32 even under autocast.
    """
    share = torch.rand(len(data), *[1] * (data.dim() - 1)).to(data)
    gradients = _gradients(discriminate, torch.lerp(at_least_float32(fake), data, share))
    slopes: Tensor = torch.linalg.vector_norm(gradients, dim=1)
    return (slopes - 1) ** 2


def slope_penalty(discriminate: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """The penalty ½ ‖∇D(x)‖²: it makes the gradient of D small at the images.

    At real images it is called R1, at generated ones R2 (Mescheder et al. 2018, arXiv:1801.04406,
    eq. 9 and 10, with γ = 1).

    **Arguments:**
    - `discriminate`: D, from images to logits `(n,)`. Each logit must depend on its own image
        only, so D has no batch norm.
    - `images`: `(n, …)`.

    **Returns:** `(n,)`, float32 even under autocast.
    """
    return 0.5 * _gradients(discriminate, images).square().sum(1)


def _gradients(discriminate: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """The gradient of D at each image, flattened to `(n, d)`.

    It is computed in float32: second derivatives in bfloat16 are mostly rounding errors.
    """
    with torch.enable_grad(), torch.autocast(images.device.type, enabled=False):
        images = at_least_float32(images.detach()).requires_grad_()
        # each logit depends on its own image only, so the gradient of the sum holds that of each
        (gradients,) = torch.autograd.grad(discriminate(images).sum(), images, create_graph=True)
        return gradients.flatten(1)
