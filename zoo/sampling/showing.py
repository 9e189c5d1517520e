"""How samples of each kind are shown: in pictures, in a notebook, on a page."""

import base64
import html
import io
from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from zoo.common import arguments
from zoo.common.errors import OutputError
from zoo.models import GenerativeModel
from zoo.sampling import images, sounds
from zoo.sampling.kinds import kind_of

# texts that a card, an epoch and a notebook show
TEXTS = 20


def rate_of(model: GenerativeModel[Any]) -> int:
    """Samples a second of a model of audio, as its config says."""
    return int(model.config.sample_rate)


def picture(
    model: GenerativeModel[Any], samples: Tensor, columns: int | None = None, scale: int = 1
) -> Image.Image | None:
    """Samples in one picture: a grid of images, or of waveforms and spectrograms; None for kinds
    that no picture shows.

    **Arguments:**
    - `model`: it says the kind of the samples.
    - `samples`: as `zoo.draw` returns them.
    - `columns`: how many stand in a row.
    - `scale`: how many times as wide and as high to draw each pixel.
    """
    kind = kind_of(model)
    if kind.name == "audio":
        return images.grid(sounds.tiles(samples.cpu(), rate_of(model)), columns, scale)
    return images.grid(samples, columns, scale) if kind.is_picture else None


def as_media(model: GenerativeModel[Any], sample: Tensor) -> bytes:
    """One sample as the bytes of its kind's `media`: a PNG, a WAV file, or UTF-8 text.

    **Arguments:**
    - `model`: it says the kind of the sample.
    - `sample`: `(*sample_shape)`, as `zoo.draw` returns each.

    **Raises:** `OutputError` for arrays, which have no media."""
    kind = kind_of(model)
    if kind.is_picture:
        stream = io.BytesIO()
        images.to_image(images.to_uint8(sample.cpu().float())).save(stream, "PNG")
        return stream.getvalue()
    if kind.name == "audio":
        return sounds.to_wav(sample, rate_of(model))
    if kind.name == "text":
        return model.render(sample[None])[0].encode()
    raise OutputError("Arrays can't be shown: write them to .npz.")


class Shown:
    """Samples as a notebook shows them: a picture, a player for each recording, a list of texts.

    **Arguments:**
    - `model`: it says the kind of the samples.
    - `samples`: `(n, *sample_shape)`, as `zoo.draw` returns them.
    """

    def __init__(self, model: GenerativeModel[Any], samples: Tensor) -> None:
        self.model, self.samples = model, samples

    def __repr__(self) -> str:
        if kind_of(self.model).name == "text":
            return "\n".join(self.model.render(self.samples))
        return f"{len(self.samples)} samples of {type(self.model).__name__}"

    def _repr_html_(self) -> str:
        """What IPython shows."""
        kind = kind_of(self.model)
        if kind.name == "text":
            return texts_html(self.model.render(self.samples))
        if kind.name == "audio":
            return "".join(player(as_media(self.model, one)) for one in self.samples)
        if kind.is_picture:
            stream = io.BytesIO()
            images.grid(self.samples).save(stream, "PNG")
            return f'<img src="data:image/png;base64,{_base64(stream.getvalue())}">'
        return f"<pre>{html.escape(repr(self))}</pre>"


def display(model: GenerativeModel[Any], samples: Any) -> Shown:
    """Show samples in a notebook: a grid of images, a player for each recording, a list of texts.

    **Arguments:**
    - `model`: what `zoo.load` returns; it says the kind of the samples.
    - `samples`: `(n, *sample_shape)`, as `zoo.draw` returns them; one alone does as well.

    **Returns:** an object that a notebook shows; `print` of it prints texts.

    **Raises:** `ConfigError` for what is no model, or no samples; `OutputError` for samples of
    another shape than the model's."""
    if not isinstance(model, GenerativeModel):
        raise arguments.refusal("model", model, "what zoo.load returns")
    try:
        tensor = torch.as_tensor(samples)
    except (TypeError, ValueError, RuntimeError) as error:
        raise arguments.refusal("samples", samples, "what zoo.draw returns") from error
    shape = tuple(model.config.sample_shape)
    if tuple(tensor.shape) == shape:
        tensor = tensor[None]
    if tuple(tensor.shape[1:]) != shape or not len(tensor):
        raise OutputError(
            f"Samples of shape {tuple(tensor.shape)} are not the model's: pass (n, "
            f"{', '.join(map(str, shape))}), as zoo.draw returns them."
        )
    return Shown(model, tensor)


def texts_html(texts: Sequence[str]) -> str:
    """Texts as a list in HTML; every character is escaped."""
    lines = "".join(f"<li>{html.escape(text)}</li>" for text in texts)
    return f"<ol>{lines}</ol>"


def player(wav: bytes) -> str:
    """A player of one WAV file in HTML, which holds it."""
    return f'<audio controls src="data:audio/wav;base64,{_base64(wav)}"></audio>'


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
