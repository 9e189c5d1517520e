"""Training loops written by hand for speed: data in memory, fused Adam, no look at the losses.

They compute in the precision that is asked for, so a ratio to them holds on any machine.
"""

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import torch
from plain_vae import PlainVAE
from torch import Tensor
from torch.nn import functional as F
from torch.optim import Adam

from zoo.common.compute import channels_last, keep_channels_last
from zoo.models.build import build
from zoo.registry.registry import installed


def batches(data: Tensor, batch_size: int) -> Iterator[Tensor]:
    """An epoch of uint8 images `(n, 1, 28, 28)` as floats in [0, 1], in a random order."""
    order = torch.randperm(len(data))[: len(data) // batch_size * batch_size]
    for chosen in order.view(-1, batch_size):
        yield data.index_select(0, chosen).float().div_(255)


def vae_epochs(
    data: Tensor, precision: str, batch_size: int = 128
) -> Iterator[tuple[float, float]]:
    """Train 784–400–20–400–784: the seconds of each epoch, and its mean loss in nats an image."""
    model = PlainVAE()
    optimizer = Adam(model.parameters(), lr=1e-3, fused=True)
    while True:
        began = time.perf_counter()
        total = torch.zeros(())
        for images in batches(data, batch_size):
            images = images.flatten(1)
            with _in(precision):
                hidden = F.relu(model.hidden_of_image(images))
                mean, log_variance = model.mean(hidden), model.log_variance(hidden)
                z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
                logits = model.image(F.relu(model.hidden_of_latent(z)))
            mean, log_variance = mean.float(), log_variance.float()
            cross_entropy = F.binary_cross_entropy_with_logits(
                logits.float(), images, reduction="sum"
            )
            divergence = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum()
            loss = (cross_entropy + divergence) / len(images)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach()
        seen = len(data) // batch_size
        yield time.perf_counter() - began, total.item() / seen


def gan_steps(
    model: str, data: Tensor, precision: str, steps: int, batch_size: int = 128, **config: Any
) -> Iterator[float]:
    """Train the networks of a GAN with a non-saturating loss: the seconds of so many steps."""
    gan = networks(model, precision, **config)
    discriminator, generator = gan.discriminator, gan.generator
    rates: dict[str, Any] = {"lr": 2e-4, "betas": (0.5, 0.999), "fused": True}
    of_discriminator = Adam(discriminator.parameters(), **rates)
    of_generator = Adam(generator.parameters(), **rates)
    latent_dim = gan.config.latent_dim
    images = endless(data, batch_size)
    while True:
        began = time.perf_counter()
        for _ in range(steps):
            real = next(images) * 2 - 1
            with _in(precision):
                fake = generator(torch.randn(batch_size, latent_dim)).view_as(real)
                on_real, on_fake = discriminator(real).float(), discriminator(fake.detach()).float()
                loss = F.softplus(-on_real).mean() + F.softplus(on_fake).mean()
            of_discriminator.zero_grad()
            loss.backward()
            of_discriminator.step()
            with _in(precision):
                loss = F.softplus(-discriminator(fake).float()).mean()
            of_generator.zero_grad()
            loss.backward(inputs=list(generator.parameters()))
            of_generator.step()
        yield time.perf_counter() - began


def ladder_steps(
    data: Tensor, precision: str, steps: int, batch_size: int = 128
) -> Iterator[float]:
    """Train the networks of ladder-vae with the ELBO: the seconds of so many steps."""
    ladder = networks("ladder-vae", precision)
    optimizer = Adam(ladder.parameters(), lr=2e-3, fused=True)
    images = endless(data, batch_size)
    while True:
        began = time.perf_counter()
        for _ in range(steps):
            real = next(images)
            with _in(precision):
                path = ladder.encode(real).path(
                    lambda mean, std: mean + std * torch.randn_like(mean)
                )
            mean, deviation = path.mean.float(), path.deviation.float()
            cross_entropy = F.binary_cross_entropy_with_logits(
                path.output.float(), real, reduction="sum"
            )
            divergence = 0.5 * (mean.square() + deviation.square() - 1) - deviation.log()
            loss = (cross_entropy + divergence.sum()) / batch_size
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(ladder.parameters(), 200.0)
            optimizer.step()
        yield time.perf_counter() - began


def networks(model: str, precision: str, **config: Any) -> Any:
    """A model of the zoo, for its networks alone."""
    model_class = installed().model_class(model)
    built = build(model_class, model_class.Config(**config), seed=0)
    if precision == "bf16":
        keep_channels_last(channels_last(built))
    return built.train()


def endless(data: Tensor, batch_size: int) -> Iterator[Tensor]:
    """Batches of one epoch after the other."""
    while True:
        yield from batches(data, batch_size)


def _in(precision: str) -> Any:
    if precision == "bf16":
        return torch.autocast("cpu", torch.bfloat16)
    return contextlib.nullcontext()
