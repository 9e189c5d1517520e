"""diffusers-unet: a diffusion model by the U-Net and the schedulers of the diffusers library."""

import dataclasses
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from diffusers import DDIMScheduler, DDPMScheduler, UNet2DModel
from torch import Tensor

from zoo.models import (
    ConfigError,
    Fraction,
    GenerativeModel,
    Json,
    ModelConfig,
    Objective,
    Size,
    Step,
    StrictConfig,
    TrainConfig,
    progress,
)

SCHEDULERS = {"ddpm": DDPMScheduler, "ddim": DDIMScheduler}
STEPS = {"ddpm": 1000, "ddim": 50}  # as the library's pipelines take them
# what no file may ask for more of: steps and channels; layers in a block, and blocks
LARGEST = 65_536
MOST_LAYERS = 64
SMALL = {
    "block_out_channels": [32, 64, 64],
    "down_block_types": ["DownBlock2D", "DownBlock2D", "AttnDownBlock2D"],
    "up_block_types": ["AttnUpBlock2D", "UpBlock2D", "UpBlock2D"],
    "layers_per_block": 1,
    "norm_num_groups": 8,
}


class DiffusersUNet(GenerativeModel["DiffusersUNet.Config"]):
    """A denoising diffusion model (Ho et al. 2020, arXiv:2006.11239), with labels or without."""

    recipe = TrainConfig(
        epochs=20, batch_size=128, learning_rate=1e-3, schedule="cosine", ema_decay=0.999
    )
    sample_batch = 64

    @dataclass(frozen=True, kw_only=True)
    class Config(ModelConfig):
        """The network and the noise, as the library's own files say them.

        **Arguments:**
        - `unet`: arguments of `UNet2DModel`. Size, channels and classes are those of the samples.
        - `scheduler`: arguments of the scheduler that the model was published with, and its
            `_class_name`.
        """

        unet: Json = dataclasses.field(default_factory=lambda: dict(SMALL))
        scheduler: Json = dataclasses.field(
            default_factory=lambda: {"_class_name": "DDPMScheduler", "clip_sample": True}
        )

        def __post_init__(self) -> None:
            super().__post_init__()
            if len(self.sample_shape) != 3:
                raise ConfigError(
                    "diffusers-unet needs images, with sample_shape=channels,height,width (given: "
                    f"{self.sample_shape})."
                )
            if wrong := _too_large(self.unet) or _too_large(self.scheduler):
                raise ConfigError(f"{wrong} is out of bounds for diffusers-unet.")
            called = self.scheduler.get("_class_name", DDPMScheduler.__name__)
            if called not in [one.__name__ for one in SCHEDULERS.values()]:
                raise ConfigError(
                    f"The scheduler is {str(called)[:80]}: diffusers-unet has DDPMScheduler and "
                    "DDIMScheduler, and a model of another noise draws nonsense by them."
                )

    @dataclass(frozen=True, kw_only=True)
    class Options(StrictConfig):
        """The options of `zoo sample --set`.

        **Arguments:**
        - `scheduler`: how noise is removed: "ddpm" (Ho et al. 2020), "ddim" (Song et al. 2021,
            arXiv:2010.02502), or "own", with which the model was published.
        - `steps`: how many times the network is asked; 1000 by ddpm and 50 by ddim unless given.
        - `eta`: how much fresh noise ddim adds, 0 to 1.
        """

        scheduler: Literal["own", "ddpm", "ddim"] = "own"
        steps: Size | None = None
        eta: Fraction = 0.0

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        channels, height, width = config.sample_shape
        known = inspect.signature(UNet2DModel.__init__).parameters
        given = {key: value for key, value in config.unet.items() if key in known}
        given |= {"sample_size": (height, width), "in_channels": channels}
        given.setdefault("out_channels", channels)
        if config.num_classes:
            given["num_class_embeds"] = config.num_classes
        try:
            self.unet: Any = UNet2DModel(**given)
        # whatever the library raises for arguments that do not fit
        except Exception as error:
            raise ConfigError(
                f"unet can't be built of these arguments: {type(error).__name__}: "
                f"{' '.join(str(error).split())[:200]}"
            ) from error
        try:
            with torch.device("cpu"):
                _made(SCHEDULERS[_name_of(config.scheduler)], config.scheduler)
        except Exception as error:
            raise ConfigError(
                f"scheduler can't be made of these arguments: {type(error).__name__}: "
                f"{' '.join(str(error).split())[:200]}"
            ) from error

    def sample(
        self,
        n: int,
        labels: Tensor | None = None,
        *,
        generator: torch.Generator,
        options: Any = None,
    ) -> Tensor:
        """Begin with noise and remove some of it in each step."""
        self.check_labels(labels, n)
        options = options or self.Options()
        name = options.scheduler if options.scheduler != "own" else _name_of(self.config.scheduler)
        scheduler = _made(SCHEDULERS[name], self.config.scheduler)
        most = scheduler.config.num_train_timesteps
        scheduler.set_timesteps(min(options.steps or STEPS[name], most))
        x = torch.randn(n, *self.config.sample_shape, generator=generator).to(self.device)
        further = {"eta": options.eta} if name == "ddim" else {}
        for t in progress(scheduler.timesteps.tolist()):
            predicted = self.unet(x, t, class_labels=labels).sample.float()
            x = scheduler.step(predicted, t, x, generator=generator, **further).prev_sample
        return (x / 2 + 0.5).clamp(0, 1)

    def training_step(
        self, samples: Tensor, labels: Tensor | None, step: Step
    ) -> Iterator[Objective]:
        """Minimise the squared error of what the network says of noisy images (eq. 14)."""
        scheduler = _made(DDPMScheduler, self.config.scheduler)
        x, noise = 2 * samples - 1, torch.randn_like(samples)
        n = len(samples)
        t = torch.randint(scheduler.config.num_train_timesteps, (n,), device=samples.device)
        noisy = scheduler.add_noise(x, noise, t)
        predicted = self.unet(noisy, t, class_labels=labels).sample[:, : x.shape[1]]
        kind = scheduler.config.prediction_type
        wanted = noise if kind == "epsilon" else x
        if kind == "v_prediction":
            wanted = scheduler.get_velocity(x, noise, t)
        yield Objective((predicted.float() - wanted).square().flatten(1).mean(1))


def _too_large(given: Mapping[str, Any]) -> str:
    """What of a config asks for more than a model needs, in words; "" when nothing does."""
    for key, value in given.items():
        each = value if isinstance(value, list) else [value]
        most = MOST_LAYERS if key == "layers_per_block" else LARGEST
        numbers = [one for one in each if isinstance(one, int | float)]
        if len(each) > MOST_LAYERS and key != "trained_betas":
            return f"{key[:80]}, of {len(each):,} entries,"
        if any(not -most <= one <= most for one in numbers):
            return f"{key[:80]} = {str(value)[:80]}"
    return ""


def _name_of(published: Mapping[str, Any]) -> str:
    """Which of the schedulers here a model was published with; "ddpm" where that is not said."""
    called = published.get("_class_name")
    return next((name for name, one in SCHEDULERS.items() if one.__name__ == called), "ddpm")


def _made(kind: Any, published: Mapping[str, Any]) -> Any:
    """A scheduler of the noise that a model was trained with."""
    known = inspect.signature(kind.__init__).parameters
    return kind(**{key: value for key, value in published.items() if key in known})
