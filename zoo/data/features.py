"""Features of images by name: the networks that plugins offer, and what they see."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from zoo.common import files
from zoo.common.compute import exact_convolutions
from zoo.common.errors import CheckpointError, DataError, PluginError, ZooError
from zoo.data.foreign import safetensors_of
from zoo.registry import installed

# images that a network sees together: Inception-v3 takes 14 MB for each
AT_ONCE = 100


@dataclass(frozen=True)
class Extractor:
    """A network that features come from. Numbers of two extractors compare only when name and
    digest are equal.

    **Arguments:**
    - `name`: of the features.
    - `sha256`: of the file of weights, as published or shipped, 64 hexadecimal digits.
    - `module`: maps images to (features, logits or None), in eval mode.
    - `sample_shape`: the (channels, height, width) it takes; empty when it takes any image.
    - `class_names`: what its logits mean; empty when classes are not counted.
    """

    name: str
    sha256: str
    module: nn.Module
    sample_shape: tuple[int, ...] = ()
    class_names: tuple[str, ...] = ()


class Features(NamedTuple):
    """What an extractor sees in n images, on the CPU.

    **Arguments:**
    - `vectors`: float32 `(n, d)`.
    - `classes`: int64 `(n,)`, the likeliest class of each; None when the extractor counts none.
    - `confidences`: float32 `(n,)`, the probability of that class; None likewise.
    """

    vectors: Tensor
    classes: Tensor | None = None
    confidences: Tensor | None = None


def load_features(
    name: str, weights: Path | None = None, device: str | torch.device = "cpu"
) -> Extractor:
    """Load the network of features by name.

    **Arguments:**
    - `name`: of features that a plugin offers; of those with variants, "NAME:VARIANT".
    - `weights`: safetensors to use instead of its own weights; needed where it has none.
    - `device`: where the network goes.

    **Raises:** `NotFoundError` for an unknown name, `CheckpointError` for weights that can't be
    read or don't fit, `PluginError` when the plugin breaks, `ZooError` for what it asks for
    (weights, a package)."""
    base, _, variant = name.partition(":")
    load = installed().feature_loader(base)
    spec = installed().features[base]
    if weights is not None and not weights.is_file():
        raise CheckpointError(
            f"{weights} is not a file: --weights names the safetensors file of the features "
            f"{name!r}."
        )
    if weights is not None and not files.is_utf8(str(weights.absolute())):
        raise CheckpointError(
            f"{weights} can't be read: its path is not UTF-8, as --weights must be. Rename it."
        )
    published = weights is None and bool(spec.weights)
    given = safetensors_of(spec) if published else weights
    try:
        module = load(given, variant) if spec.has_variants else load(given)
        # of published weights, the digest that anyone can compare
        digest = spec.weights_sha256 if published else files.sha256(module.weights)
    except ZooError:
        raise
    except Exception as error:
        reason = _reason(error)
        if weights is not None and isinstance(error, SafetensorError | RuntimeError | KeyError):
            raise CheckpointError(
                f"{weights} does not hold the weights of the features {name!r}: {reason}"
            ) from error
        raise PluginError(
            f"The features {name!r} can't be loaded from {spec.entry_point}: {reason}. Tell their "
            "plugin's authors."
        ) from error
    return Extractor(
        name, digest, module.to(device).eval(), tuple(spec.sample_shape), tuple(spec.class_names)
    )


@torch.inference_mode()
def extract(extractor: Extractor, batches: Iterable[Tensor]) -> Features:
    """What an extractor sees in images, batch by batch: no more than one batch of them is held.

    **Arguments:**
    - `batches`: of images, float32 `(n, channels, height, width)` in [0, 1], on any device.

    **Raises:** `DataError` for images that the extractor can't take or that hold NaN, and when
    there are none; `PluginError` when the extractor breaks its promise."""
    device = next(
        (parameter.device for parameter in extractor.module.parameters()), torch.device("cpu")
    )
    vectors, classes, confidences = [], [], []
    for images in (some for batch in batches for some in batch.split(AT_ONCE)):
        _check_images(extractor, images)
        with exact_convolutions():
            seen, logits = _look(extractor, images.to(device))
        vectors.append(seen.cpu())
        if extractor.class_names:
            likeliest = logits.softmax(1).max(1)
            classes.append(likeliest.indices.cpu())
            confidences.append(likeliest.values.cpu())
    if not vectors:
        raise DataError("There are no images to compute features of.")
    if not extractor.class_names:
        return Features(torch.cat(vectors))
    return Features(torch.cat(vectors), torch.cat(classes), torch.cat(confidences))


def check_shape(extractor: Extractor, sample_shape: Iterable[int]) -> None:
    """Refuse samples of a shape that the extractor can't take, before any are drawn. Raises
    `DataError`.
    """
    shape = tuple(sample_shape)
    wanted = extractor.sample_shape
    if (wanted and shape != wanted) or len(shape) != 3:
        takes = f"of {wanted}" if wanted else "(channels, height, width)"
        raise DataError(
            f"The features {extractor.name!r} take images {takes}, not samples of {shape}."
        )


def _check_images(extractor: Extractor, images: Tensor) -> None:
    check_shape(extractor, images.shape[1:])
    if images.dtype != torch.float32:
        raise DataError(
            f"Features need float32 images in [0, 1], not {images.dtype}: divide by 255."
        )
    if not images.isfinite().all():
        bad = (~images.isfinite()).flatten(1).any(1).sum().item()
        raise DataError(
            f"{bad} of {len(images)} samples hold NaN or infinite pixels: nothing to take features "
            "of."
        )


def _look(extractor: Extractor, images: Tensor) -> tuple[Tensor, Any]:
    """The features of a batch and its logits, which are of no use where the extractor counts no
    classes.
    """
    name, n, classes = extractor.name, len(images), len(extractor.class_names)
    try:
        answer = extractor.module(images)
    except (ZooError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        raise PluginError(
            f"The features {name!r} broke: {_reason(error)}. Tell their plugin's authors."
        ) from error
    if (
        not isinstance(answer, tuple | list)
        or len(answer) != 2
        or not isinstance(answer[0], Tensor)
    ):
        got = type(answer).__name__
        raise PluginError(
            f"The features {name!r} gave {got} for {n} images, not the pair (features, logits or "
            "None)."
        )
    vectors, logits = answer
    if vectors.dim() != 2 or len(vectors) != n or vectors.dtype != torch.float32:
        got = f"{vectors.dtype} {tuple(vectors.shape)}"
        raise PluginError(f"The features {name!r} gave {got} for {n} images, not float32 ({n}, d).")
    if classes and (not isinstance(logits, Tensor) or logits.shape != (n, classes)):
        got = str(tuple(logits.shape)) if isinstance(logits, Tensor) else str(logits)[:80]
        raise PluginError(
            f"The features {name!r} name {classes} classes, but gave {got} as logits."
        )
    return vectors, logits


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
