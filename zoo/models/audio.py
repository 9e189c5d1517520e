"""Audio: a model's config keeps the sample rate of its waveforms."""

import dataclasses
from typing import Annotated

from zoo.common.config import Bounds, ModelConfig, Size
from zoo.common.errors import ConfigError

# samples a second: what telephones to studios use
SampleRate = Annotated[int, Bounds(1_000, 192_000)]


@dataclasses.dataclass(frozen=True, kw_only=True)
class AudioConfig(ModelConfig):
    """What the Config of a model of audio has besides: the sample rate, which a checkpoint keeps.

    **Arguments:**
    - `sample_shape`: (channels, samples in time); 1 channel is mono, 2 are stereo.
    - `sample_rate`: samples a second.
    """

    sample_shape: tuple[Size, ...] = (1, 8_000)
    sample_rate: SampleRate = 8_000

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.sample_shape) != 2 or self.sample_shape[0] > 2:
            raise ConfigError(
                f"sample_shape = {','.join(map(str, self.sample_shape))} is not the shape of a "
                "recording: give 1 or 2 channels and the number of samples, such as 1,8000."
            )
