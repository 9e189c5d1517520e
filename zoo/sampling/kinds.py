"""What samples can be: one table, with a row for each kind."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from zoo.common.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What is true of all samples of one kind.

    **Arguments:**
    - `name`: as in a model's `sample_kind` and a `ModelSpec`'s `kind`.
    - `noun`: what one sample is called.
    - `is_picture`: whether a sample is a picture.
    - `is_drawn`: whether a picture shows samples: themselves, or what is drawn of them.
    - `dtype`: the type of the numbers in an .npz, as numpy calls it.
    - `least`, `greatest`: the range of the numbers; None when they have none.
    - `is_whole`: whether a model draws whole numbers, int64; else float32.
    - `default_file`: where `zoo sample` writes unless told, where it writes to a file.
    - `prints`: whether `zoo sample` prints the samples unless told where to write.
    - `stream`: the format of standard output unless told, without the dot.
    - `media`: what one sample is for a page, a notebook or a table, as
        `zoo.sampling.showing.as_media` makes it; "" where there is nothing to show.
    - `dimensions`: how many a sample has; None when it may have any.
    - `channels`: how many there may be, where the first dimension is channels.
    - `form`: such a shape in words.
    """

    name: str
    noun: str
    is_picture: bool = False
    is_drawn: bool = False
    dtype: str
    least: float | None = None
    greatest: float | None = None
    is_whole: bool = False
    default_file: str
    prints: bool = False
    stream: str = "npz"
    media: str = ""
    dimensions: int | None = None
    channels: tuple[int, ...] = ()
    form: str = ""

    def wrong_shape(self, shape: Sequence[int]) -> str:
        """What is wrong with the shape of one sample; "" when nothing is."""
        right = self.dimensions in (None, len(shape)) and (
            not self.channels or shape[0] in self.channels
        )
        article = "an" if self.noun[0] in "aeiou" else "a"
        return (
            "" if right else f"{tuple(shape)} is not a shape of {article} {self.noun}: {self.form}."
        )


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            name="image",
            noun="image",
            is_picture=True,
            is_drawn=True,
            dtype="uint8",
            least=0.0,
            greatest=1.0,
            default_file="samples.png",
            media="image/png",
            dimensions=3,
            channels=(1, 3),
            form="(1 or 3 channels, height, width)",
        ),
        Kind(
            name="array",
            noun="sample",
            dtype="float32",
            default_file="samples.npz",
        ),
        Kind(
            name="text",
            noun="text",
            dtype="int64",
            # a character's place in the alphabet, from 1; 0 stands behind the last one
            least=0.0,
            is_whole=True,
            default_file="samples.txt",
            prints=True,
            stream="txt",
            media="text/plain",
            dimensions=1,
            form="(characters)",
        ),
        Kind(
            name="audio",
            noun="recording",
            is_drawn=True,
            dtype="float32",
            least=-1.0,
            greatest=1.0,
            default_file="samples.wav",
            media="audio/wav",
            dimensions=2,
            channels=(1, 2),
            form="(1 or 2 channels, samples in time)",
        ),
    )
}


def kind_called(name: object) -> Kind:
    """The row of a kind; raises `ConfigError` for a name that is none."""
    if not isinstance(name, str) or name not in KINDS:
        raise ConfigError(
            f"{str(name)[:80]!r} is not a kind of samples: there are {', '.join(KINDS)}."
        )
    return KINDS[name]


def kind_of(model: Any) -> Kind:
    """The kind of a model's samples (of a model or of its class)."""
    return kind_called(model.sample_kind)
