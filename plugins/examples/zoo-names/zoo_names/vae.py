"""text-vae: a recurrent VAE of short texts (Bowman et al. 2016, arXiv:1511.06349)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal
from torch.nn import functional as F

from zoo.models import (
    Autoencoder,
    Fraction,
    Objective,
    Rate,
    Size,
    Step,
    TextConfig,
    TrainConfig,
    at_least_float32,
)


class TextVAE(Autoencoder["TextVAE.Config"]):
    """q(z | x) is normal, p(x | z) spells a text character by character, p(z) is standard normal.

    Recurrent networks (GRU, Cho et al. 2014, arXiv:1406.1078) read the text in both directions and
    spell it. A strong decoder ignores z. Two things keep it from that: in training it does not see
    some of the characters before (word dropout, Bowman et al. 2016), and the first `free_nats` of
    the KL term are free (Kingma et al. 2016, arXiv:1606.04934).
    """

    sample_kind = "text"
    recipe = TrainConfig(
        epochs=16,
        batch_size=128,
        optimizer="adamw",
        learning_rate=2e-3,
        weight_decay=0.01,
        max_grad_norm=1.0,
        warmup=0.04,
        schedule="cosine",
        ema_decay=0.999,
    )

    @dataclass(frozen=True, kw_only=True)
    class Config(TextConfig):
        """The sizes of the networks, and how the KL term counts.

        **Arguments:**
        - `latent_dim`: dimensions of z.
        - `embedding_dim`: numbers for each character.
        - `encoder_dim`: state of each of the two networks that read.
        - `decoder_dim`: state of the network that spells.
        - `free_nats`: nats of KL, on average over a batch, that cost nothing.
        - `kl_warmup`: part of the training, 0 to 1, in which the weight of the KL term grows from
            0 to 1.
        - `word_dropout`: share of the characters before that the decoder does not see in training.
        - `dropout`: share of the decoder's outputs that are left out in training.
        """

        latent_dim: Size = 32
        embedding_dim: Size = 32
        encoder_dim: Size = 128
        decoder_dim: Size = 256
        free_nats: Rate = 9.0
        kl_warmup: Fraction = 0.2
        word_dropout: Fraction = 0.2
        dropout: Fraction = 0.2

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        known, numbers = config.num_classes, config.embedding_dim
        self.latent_shape = (config.latent_dim,)
        # 0 is the end, and the last one stands for a character that is not shown
        self.characters = nn.Embedding(len(config.alphabet) + 2, numbers)
        self.forwards = nn.GRU(numbers, config.encoder_dim, batch_first=True)
        self.backwards = nn.GRU(numbers, config.encoder_dim, batch_first=True)
        self.posterior = nn.Sequential(
            nn.Linear(2 * config.encoder_dim + known, config.decoder_dim),
            nn.SiLU(),
            nn.Linear(config.decoder_dim, 2 * config.latent_dim),
        )
        context = config.latent_dim + known
        self.start = nn.Linear(context, config.decoder_dim)
        self.speller = nn.GRU(numbers + context, config.decoder_dim, batch_first=True)
        self.head = nn.Sequential(
            nn.Dropout(config.dropout),
            nn.Linear(config.decoder_dim + context, config.decoder_dim // 2),
            nn.SiLU(),
            nn.Linear(config.decoder_dim // 2, len(config.alphabet) + 1),
        )

    def encode(self, samples: Tensor, labels: Tensor | None = None) -> Distribution:
        """q(z | x), for tokens int64 `(n, length)`."""
        lengths = (samples > 0).sum(1, keepdim=True)  # (n, 1)
        places = torch.arange(samples.shape[1], device=samples.device)
        last = (lengths - 1).clamp(min=0)
        reversed_ = samples.gather(1, (last - places).clamp(min=0))
        silent = self.start.weight.new_zeros(samples.shape[0], self.config.encoder_dim)
        states = [
            _state_at(_states(network, self.characters(tokens), silent), last)
            for network, tokens in ((self.forwards, samples), (self.backwards, reversed_))
        ]
        read = self.with_labels(torch.cat(states, 1), labels)
        mean, log_variance = at_least_float32(self.posterior(read)).chunk(2, dim=1)
        deviation = (0.5 * log_variance.clamp(-8, 2)).exp()
        return Independent(Normal(mean, deviation, validate_args=False), 1, validate_args=False)

    def likelihood(self, z: Tensor, labels: Tensor | None = None) -> "Spelling":
        """p(x | z)."""
        return Spelling(self, self.with_labels(z, labels))

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        """Minimise −log p(x | z) + KL(q(z | x) ‖ p(z)), in nats per text."""
        # what is padding in all of the batch is not computed
        samples = samples[:, : int((samples > 0).sum(1).max()) + 1]
        posterior = self.encode(samples, labels)
        spelling = self.likelihood(posterior.rsample(), labels)
        error = -spelling.log_prob(samples, hidden=self.config.word_dropout).mean()
        prior = Independent(Normal(0.0, 1.0).expand(self.latent_shape), 1)
        kl = torch.distributions.kl_divergence(posterior, prior).mean()
        warmup = self.config.kl_warmup * step.total
        weight = min(1.0, step.index / warmup) if warmup else 1.0
        loss = error + weight * kl.clamp(min=self.config.free_nats)
        yield Objective(loss, metrics={"spelling": error.detach(), "kl": kl.detach()})

    def states(self, before: Tensor, context: Tensor) -> Tensor:
        """Logits of each character `(n, length, characters)`, given those before it.

        **Arguments:**
        - `before`: int64 `(n, length)`: at each place the character before, 0 at the first.
        - `context`: z and the one-hot label, `(n, d)`.
        """
        repeated = context[:, None].expand(-1, before.shape[1], -1)
        seen = torch.cat([self.characters(before), repeated], 2)
        states = _states(self.speller, seen, self.start(context).tanh())
        return self.logits(states, repeated)

    def logits(self, states: Tensor, context: Tensor) -> Tensor:
        """Logits of the next character, for states `(…, decoder_dim)`."""
        logits: Tensor = at_least_float32(self.head(torch.cat([states, context], -1)))
        return logits

    def spell(self, context: Tensor) -> Tensor:
        """The most likely character at each place, given those chosen before: int64
        `(n, length)`.
        """
        weights = _weights(self.speller)
        state = self.start(context).tanh()
        token = torch.zeros_like(context[:, 0], dtype=torch.int64)
        running = torch.ones_like(token)
        spelt = []
        for _ in range(self.config.sample_shape[0]):
            seen = torch.cat([self.characters(token), context], 1)
            state = torch.gru_cell(seen, state, *weights)
            token = self.logits(state, context).argmax(1) * running
            running = running * (token > 0)
            spelt.append(token)
        return torch.stack(spelt, 1)


class Spelling(Distribution):
    """p(x | z) of texts: each character depends on z and on those before it.

    **Arguments:**
    - `model`: it computes the probabilities.
    - `context`: z and the one-hot label, `(n, d)`.
    """

    arg_constraints = {}  # noqa: RUF012  # as torch has it

    def __init__(self, model: TextVAE, context: Tensor) -> None:
        self.model, self.context = model, context
        super().__init__(
            context.shape[:1], torch.Size(model.config.sample_shape), validate_args=False
        )

    @property
    def mean(self) -> Tensor:
        """The text of the most likely characters, int64 `(n, length)`."""
        return self.model.spell(self.context)

    def log_prob(self, value: Tensor, hidden: float = 0.0) -> Tensor:
        """log p(x | z) in nats, `(n,)`, the end included.

        **Arguments:**
        - `value`: tokens, int64 `(n, length)`; the last may be left out where all are padding.
        - `hidden`: share of the characters before that are not shown.
        """
        before = F.pad(value[:, :-1], (1, 0))
        if hidden:
            unseen = len(self.model.config.alphabet) + 1
            before = torch.where(
                torch.rand(before.shape, device=before.device) < hidden, unseen, before
            )
        logits = self.model.states(before, self.context)
        told = -F.cross_entropy(logits.flatten(0, 1), value.flatten(), reduction="none")
        # the first 0 ends the text; what is behind it has no probability of its own
        counts = F.pad(value[:, :-1] > 0, (1, 0), value=True)
        return (told.view(value.shape) * counts).sum(1)


def _weights(network: Any) -> list[Tensor]:
    return [
        network.weight_ih_l0,
        network.weight_hh_l0,
        network.bias_ih_l0,
        network.bias_hh_l0,
    ]


def _states(network: nn.GRU, seen: Tensor, start: Tensor) -> Tensor:
    """The states of a network at each place, `(n, length, d)`: what calling it gives, in a form
    that torch.export can capture.

    **Arguments:**
    - `seen`: its inputs, `(n, length, inputs)`.
    - `start`: its state before the first, `(n, d)`.
    """
    states: Tensor
    states, _ = torch.gru(
        seen,
        start[None],
        _weights(network),
        has_biases=True,
        num_layers=1,
        dropout=0.0,
        train=False,
        bidirectional=False,
        batch_first=True,
    )
    return states


def _state_at(states: Tensor, place: Tensor) -> Tensor:
    """Of states `(n, length, d)` the one at a place `(n, 1)`."""
    return states.gather(1, place[:, :, None].expand(-1, -1, states.shape[2]))[:, 0]
