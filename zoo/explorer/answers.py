"""Samples and latents as bodies of answers, with headers that say how they were made."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from fastapi import Response
from torch import Tensor

import zoo.sampling as sampling
from zoo.common.errors import OutputError

TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "npz": "application/x-npz",
    "json": "application/json",
    "raw": "application/octet-stream",
    "wav": "audio/wav",
    "txt": "text/plain; charset=utf-8",
    "jsonl": "application/jsonl",
}
# bytes of a header that says how something was made
LONGEST = 4000


def headers_of(made: Mapping[str, Any]) -> dict[str, str]:
    """The record as headers, in ASCII."""
    record = json.dumps(made)
    told = {"Zoo-Checkpoint": _ascii(made["checkpoint"]), "Zoo-Sha256": str(made["sha256"])}
    told |= {"Zoo-Seed": str(made["seed"])} if "seed" in made else {}
    told |= {"Zoo-Command": _ascii(made["command"])} if "command" in made else {}
    told |= {"Zoo-Provenance": record} if len(record) <= LONGEST else {}
    return {name: text for name, text in told.items() if len(text) <= LONGEST}


def _ascii(text: object) -> str:
    return str(text).encode("ascii", "backslashreplace").decode()


@dataclass(frozen=True)
class Drawn:
    """Samples of a model.

    **Arguments:**
    - `samples`: `(n, *sample_shape)`.
    - `labels`: int64 `(n,)`, or None.
    - `model`: it says the kind of the samples.
    - `latents`: of the samples, where JSON is to hold them too.
    """

    samples: Tensor
    labels: Tensor | None
    model: Any
    latents: Tensor | None = None


def of_samples(
    drawn: Drawn,
    made: Mapping[str, Any],
    *,
    format: str,
    classes_asked: int = 0,
    columns: int | None = None,
    scale: int = 1,
) -> Response:
    """Samples in a format.

    **Arguments:**
    - `drawn`: the samples.
    - `made`: how they were made.
    - `format`: one of `TYPES`.
    - the others: as `sampling.write` takes them.

    **Raises:** `OutputError` for a format that can't hold such samples.
    """
    headers = headers_of(made)
    samples, labels, model = drawn.samples, drawn.labels, drawn.model
    kind = sampling.kind_of(model)
    if format in ("json", "raw"):
        stored = (sampling.to_uint8(samples) if kind.dtype == "uint8" else samples).numpy()
        if format == "raw":
            headers["Zoo-Shape"] = ",".join(map(str, stored.shape))
            headers["Zoo-Dtype"] = str(stored.dtype)
            body = np.ascontiguousarray(stored).tobytes()
        else:
            if not np.isfinite(stored).all():
                raise OutputError("These samples hold numbers that JSON has not: use npz.")
            told = {
                "samples": stored.tolist(),
                "labels": None if labels is None else labels.tolist(),
                "provenance": dict(made),
            }
            if drawn.latents is not None:
                told["latents"] = drawn.latents.flatten(1).tolist()
            if kind.name == "text":
                told["texts"] = model.render(samples)
            body = json.dumps(told, allow_nan=False).encode()
        return Response(body, media_type=TYPES[format], headers=headers)
    suffix = f".{format}"
    if kind.name not in sampling.FORMATS[suffix].kinds:
        takes = [one for one in sampling.STREAMS if kind.name in sampling.FORMATS[f".{one}"].kinds]
        raise OutputError(
            f"format = {format!r} can't hold these samples: choose {', '.join(takes)} or json."
        )
    file = io.BytesIO()
    sampling.write(
        file,
        [(samples, labels)],
        len(samples),
        made,
        **sampling.told_by(model),
        suffix=suffix,
        classes_asked=classes_asked,
        columns=columns,
        scale=scale,
    )
    return Response(file.getvalue(), media_type=TYPES[format], headers=headers)


def of_latents(
    z: Tensor, latent_shape: tuple[int, ...], made: Mapping[str, Any], format: str
) -> Response:
    """Latents as JSON, or as an .npz with the array `latents`."""
    headers = headers_of(made)
    if format == "json":
        told = {
            "checkpoint": made["checkpoint"],
            "latent_shape": list(latent_shape),
            "latents": z.flatten(1).tolist(),
        }
        return Response(json.dumps(told), media_type=TYPES["json"], headers=headers)
    file = io.BytesIO()
    np.savez(file, latents=z.numpy(), provenance=np.array(json.dumps(made)))
    return Response(file.getvalue(), media_type=TYPES["npz"], headers=headers)
