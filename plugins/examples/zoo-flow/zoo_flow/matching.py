"""flow-matching: noise flows to images along the velocities that a network has learned."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import torch
from torch import Tensor
from torch.nn import functional as F

from zoo.models import (
    Bounds,
    ConfigError,
    Fraction,
    GenerativeModel,
    ModelConfig,
    Objective,
    Size,
    Step,
    StrictConfig,
    TrainConfig,
    at_least_float32,
)
from zoo_flow.unet import UNet


class FlowMatching(GenerativeModel["FlowMatching.Config"]):
    """A flow from noise to images, trained by matching (Lipman et al. 2023, arXiv:2210.02747).

    On the line x_t = (1 − t) x₀ + t x₁ from noise x₀ ~ N(0, I) to an image x₁, the velocity is
    x₁ − x₀. A network v(x, t) learns its mean over all lines through x (eq. 22 and 23, with
    σ_min = 0). To sample, zoo solves dx/dt = v(x, t) from noise at t = 0 to t = 1.
    """

    recipe = TrainConfig(
        epochs=20,
        batch_size=128,
        learning_rate=1e-3,
        warmup=0.02,
        schedule="cosine",
        ema_decay=0.999,
        max_grad_norm=1.0,
        precision="bf16",
    )

    @dataclass(frozen=True, kw_only=True)
    class Config(ModelConfig):
        """The sizes of the network.

        **Arguments:**
        - `channels`: feature maps at each resolution, half that of the image first; multiples of 8.
        - `blocks`: residual blocks at each resolution, on the way down and on the way up.
        - `unlabelled`: part of the labels that a conditional model does not see in training, 0 to
            1. It learns to draw without a label, too, which `guidance` needs.
        """

        channels: tuple[Size, ...] = (32, 64, 128)
        blocks: Size = 1
        unlabelled: Fraction = 0.1

        def __post_init__(self) -> None:
            super().__post_init__()
            shape = self.sample_shape
            if len(shape) != 3 or shape[1] % 2 or shape[2] % 2:
                raise ConfigError(
                    f"sample_shape = {','.join(map(str, shape))} must be channels,height,width, "
                    "where height and width are even: the network works on patches of 2×2 pixels."
                )
            if not self.channels or any(width % 8 for width in self.channels):
                raise ConfigError(
                    f"channels = {','.join(map(str, self.channels)) or 'none'} must be multiples "
                    "of 8, one for each resolution."
                )
            if min(shape[1:]) < 2 ** len(self.channels):
                raise ConfigError(
                    f"{len(self.channels)} resolutions are too many for images of {shape[1]} × "
                    f"{shape[2]} pixels: give fewer channels, such as --set channels=32."
                )

    @dataclass(frozen=True, kw_only=True)
    class Options(StrictConfig):
        """The options of `zoo sample --set`.

        **Arguments:**
        - `steps`: steps from noise to image. The network runs twice in each; with a guidance other
            than 1, four times.
        - `guidance`: weight w of the label in a conditional model (Ho & Salimans 2022,
            arXiv:2207.12598): v(x) + w (v(x, label) − v(x)). 1 takes the label as learned, in half
            the time. More gives clearer images that differ less.
        """

        steps: Annotated[int, Bounds(1, 1000)] = 20
        guidance: Annotated[float, Bounds(0.0, 10.0)] = 1.5

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.network = UNet(
            config.sample_shape[0], config.channels, config.blocks, config.num_classes
        )

    def sample(
        self,
        n: int,
        labels: Tensor | None = None,
        *,
        generator: torch.Generator,
        options: Any = None,
    ) -> Tensor:
        """Draw noise, and follow the velocities by Heun's method."""
        options = options or self.Options()
        one_hot = self.one_hot(n, labels)
        x = torch.randn(n, *self.config.sample_shape, generator=generator)
        x = x.to(self.device, self.dtype)
        step = 1 / options.steps
        for index in range(options.steps):
            here = self.velocity(x, index * step, one_hot, options.guidance)
            ahead = self.velocity(x + step * here, (index + 1) * step, one_hot, options.guidance)
            x = x + step / 2 * (here + ahead)
        return ((x + 1) / 2).clamp(0, 1)

    def velocity(self, x: Tensor, time: float, one_hot: Tensor, guidance: float = 1.0) -> Tensor:
        """v(x, t), guided by the label, `(n, *sample_shape)`.

        **Arguments:**
        - `x`: `(n, *sample_shape)`.
        - `time`: t, the same for all.
        - `one_hot`: `(n, num_classes)`.
        - `guidance`: see `Options`.
        """
        now = x.new_full((x.shape[0],), time)
        told: Tensor = at_least_float32(self.network(x, now, one_hot))
        if guidance == 1 or not self.config.num_classes:
            return told
        untold = at_least_float32(self.network(x, now, torch.zeros_like(one_hot)))
        return torch.lerp(untold, told, guidance)

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        """Minimise the squared error of the velocity, the mean over all values of an image.

        The times are logit-normal: the middle of the way is harder than its ends (Esser et al.
        2024, arXiv:2403.03206, section 3.1).
        """
        data = samples * 2 - 1
        noise = torch.randn_like(data)
        time = torch.randn(len(data)).to(data).sigmoid()
        t = time.view(-1, 1, 1, 1)
        one_hot = self.one_hot(len(data), labels)
        seen = torch.rand(len(data), 1).to(data) >= self.config.unlabelled
        found = at_least_float32(
            self.network(torch.lerp(noise, data, t), time, one_hot * seen.to(one_hot.dtype))
        )
        yield Objective((found - (data - noise)).square().flatten(1).mean(1))

    def one_hot(self, n: int, labels: Tensor | None) -> Tensor:
        """The labels as the network takes them, `(n, num_classes)`."""
        self.check_labels(labels, n)
        if labels is None:
            return torch.zeros(n, 0, device=self.device, dtype=self.dtype)
        return F.one_hot(labels, self.config.num_classes).to(self.device, self.dtype)
