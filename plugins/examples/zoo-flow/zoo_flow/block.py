"""One block of the flow: an affine map of each token that depends on the tokens before it."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zoo.models import at_least_float32

# The largest |log scale|: a token is stretched at most 55 times, so no sample becomes infinite.
LARGEST = 4.0


class Block(nn.Module):
    """z_t = (x_t − μ_t) exp(−α_t), where μ_t and α_t depend on x_1 … x_{t−1} only.

    Papamakarios et al. 2017, arXiv:1705.07057, eq. 3 to 5.

    **Arguments:**
    - `tokens`: number of tokens.
    - `dim`: numbers in each token.
    - `context`: numbers that every token sees, such as a one-hot label.
    - `width`, `layers`, `heads`: sizes of the transformer.
    """

    def __init__(
        self, tokens: int, dim: int, context: int, width: int, layers: int, heads: int
    ) -> None:
        super().__init__()
        self.embed = nn.Linear(dim + context, width)
        self.positions = nn.Parameter(torch.zeros(tokens, width))
        self.layers = nn.Sequential(*(Layer(width, heads) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 2 * dim)
        nn.init.zeros_(self.head.weight)  # the block begins as the identity
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Map all tokens at once.

        **Arguments:**
        - `x`: `(n, tokens, dim)`.
        - `context`: `(n, context)`.

        **Returns:** z, `(n, tokens, dim)`, and log |det ∂z/∂x|, `(n,)`.
        """
        shift, log_scale = self.affine(x, context)
        return (x - shift) * (-log_scale).exp(), -log_scale.flatten(1).sum(1)

    def inverse(self, z: Tensor, context: Tensor) -> Tensor:
        """Find x for a given z, both `(n, tokens, dim)`, one token after the other."""
        x = z[:, :0]
        for t in range(z.shape[1]):
            token = z[:, t : t + 1]
            # the last token is a placeholder: affine() does not look at it
            shift, log_scale = self.affine(torch.cat([x, token], 1), context)
            x = torch.cat([x, token * log_scale[:, -1:].exp() + shift[:, -1:]], 1)
        return x

    def affine(self, x: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """μ and α of the first t tokens, each `(n, t, dim)`, for `x` of that shape."""
        before = F.pad(x[:, :-1], (0, 0, 1, 0))  # token t sees x_1 … x_{t−1}
        seen = torch.cat([before, context[:, None].expand(-1, x.shape[1], -1)], 2)
        h = self.layers(self.embed(seen) + self.positions[: x.shape[1]])
        shift, log_scale = at_least_float32(self.head(self.norm(h))).chunk(2, dim=2)
        return shift, LARGEST * (log_scale / LARGEST).tanh()


class Layer(nn.Module):
    """A layer of the transformer: causal self-attention, then two fully connected layers.

    Both take a normalised input and are added to it.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.joined = nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )

    def forward(self, h: Tensor) -> Tensor:
        """`(n, tokens, width)` to the same shape."""
        split = self.queries_keys_values(self.attention_norm(h)).unflatten(2, (3, self.heads, -1))
        q, k, v = split.permute(2, 0, 3, 1, 4)  # (n, heads, tokens, width / heads)
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        h = h + self.joined(attended.transpose(1, 2).flatten(2))
        mixed: Tensor = h + self.mlp(h)
        return mixed
