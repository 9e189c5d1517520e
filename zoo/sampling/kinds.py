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
    - `is_picture`: whether a sample can be shown as a picture.
    - `dtype`: the type of the numbers in an .npz, as numpy calls it.
    - `least`, `greatest`: the range of the numbers; None when they have none.
    - `default_file`: where `zoo sample` writes unless told.
    """

    name: str
    noun: str
    is_picture: bool
    dtype: str
    least: float | None = None
    greatest: float | None = None
    default_file: str

    def wrong_shape(self, shape: Sequence[int]) -> str:
        """What is wrong with the shape of one sample; "" when nothing is."""
        if self.is_picture and (len(shape) != 3 or shape[0] not in (1, 3)):
            return f"{tuple(shape)} is not a shape of an image: (1 or 3 channels, height, width)."
        return ""


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            name="image",
            noun="image",
            is_picture=True,
            dtype="uint8",
            least=0.0,
            greatest=1.0,
            default_file="samples.png",
        ),
        Kind(
            name="array",
            noun="sample",
            is_picture=False,
            dtype="float32",
            default_file="samples.npz",
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
