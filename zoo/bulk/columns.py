"""What a sample becomes in a shard: the bytes of a file, or a cell of a table."""

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image
from torch import Tensor

from zoo.bulk.names import key
from zoo.bulk.plan import Plan
from zoo.models import GenerativeModel
from zoo.sampling import as_media, kind_of, to_uint8
from zoo.sampling.provenance import marked_chunk

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


@dataclass(frozen=True)
class Batch:
    """Samples that are to be kept; there may be none.

    **Arguments:**
    - `indices`: int64 `(b,)`.
    - `samples`: `(b, *sample_shape)`, as `draw` gives them.
    - `labels`: int64 `(b,)`, or None.
    - `drawn`: how many were drawn for it.
    - `encode`: makes the bytes of files of them: PNG, WAV, or a text in UTF-8.
    - `rate`: of audio, samples a second; else 0.
    """

    indices: "np.ndarray[Any, Any]"
    samples: Tensor
    labels: Tensor | None
    drawn: int
    encode: Callable[[Tensor], list[bytes]]
    rate: int = 0

    @property
    def files(self) -> list[bytes]:
        """Each sample as the bytes of a file."""
        return self.encode(self.samples)


def encoder(model: GenerativeModel[Any]) -> Callable[[Tensor], list[bytes]]:
    """What turns samples of a model into the bytes of files.

    PNGs carry the mark of generated content, as all pictures of the zoo do."""
    if not kind_of(model).is_picture:
        return lambda samples: [as_media(model, sample) for sample in samples]
    mark = marked_chunk()

    def encode(samples: Tensor) -> list[bytes]:
        # all at once: of small pictures, a tensor's operations would take as long as their encoding
        pixels = to_uint8(samples).permute(0, 2, 3, 1).contiguous().numpy()
        height, width, channels = pixels.shape[1:]
        files = []
        for one in pixels:
            buffer = io.BytesIO()
            image = Image.frombytes("L" if channels == 1 else "RGB", (width, height), one.tobytes())
            image.save(buffer, "PNG", pnginfo=mark)
            files.append(buffer.getvalue())
        return files

    return encode


def schema(plan: Plan, batch: Batch) -> "pa.Schema":
    """The columns of a table: the sample, `label` where there are classes, `seed` and `index`.

    **Arguments:**
    - `batch`: which says the shape of a sample, and the rate of audio.

    **Returns:** a schema whose metadata tells the package `datasets`, and the Hub, what the columns
    are.
    """
    import pyarrow as pa

    whole: dict[str, Any] = {"dtype": "int64", "_type": "Value"}
    file = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    kept: list[tuple[str, Any, Any]] = []
    if plan.asked.kind == "image":
        kept.append(("image", file, {"_type": "Image"}))
    elif plan.asked.kind == "audio":
        kept.append(("audio", file, {"sampling_rate": batch.rate, "_type": "Audio"}))
    elif plan.asked.kind == "text":
        kept.append(("text", pa.string(), {"dtype": "string", "_type": "Value"}))
    else:
        kept.append(("sample", *_nested(batch.samples.shape[1:])))
    if plan.asked.classes:
        names = list(plan.asked.class_names)
        meaning = {"names": names, "_type": "ClassLabel"} if names else whole
        kept.append(("label", pa.int64(), meaning))
    kept += [("seed", pa.int64(), whole), ("index", pa.int64(), whole)]
    features = {name: meaning for name, _, meaning in kept}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    return pa.schema([(name, type_) for name, type_, _ in kept], metadata)


def _nested(shape: Sequence[int]) -> tuple[Any, dict[str, Any]]:
    """Lists of fixed length for each dimension: as Arrow has them, and as `datasets` does."""
    import pyarrow as pa

    type_: Any = pa.float32()
    meaning: dict[str, Any] = {"dtype": "float32", "_type": "Value"}
    for length in reversed(shape):
        type_ = pa.list_(type_, length)
        meaning = {"feature": meaning, "length": length, "_type": "List"}
    return type_, meaning


def rows(schema: "pa.Schema", plan: Plan, batch: Batch) -> "pa.RecordBatch":
    """A batch as rows of a table."""
    import pyarrow as pa

    first = schema.names[0]
    arrays: dict[str, Any] = {}
    if first == "text":
        arrays[first] = pa.array([text.decode() for text in batch.files], pa.string())
    elif first == "sample":
        array: Any = pa.array(batch.samples.reshape(-1).numpy(), pa.float32())
        for length in reversed(batch.samples.shape[1:]):
            array = pa.FixedSizeListArray.from_arrays(array, length)
        arrays[first] = array
    else:
        names = [f"{key(index)}.{plan.suffix}" for index in batch.indices.tolist()]
        parts = [pa.array(batch.files, pa.binary()), pa.array(names, pa.string())]
        arrays[first] = pa.StructArray.from_arrays(parts, names=["bytes", "path"])
    if batch.labels is not None:
        arrays["label"] = pa.array(batch.labels.numpy(), pa.int64())
    arrays["seed"] = pa.array([plan.seed] * len(batch.indices), pa.int64())
    arrays["index"] = pa.array(batch.indices, pa.int64())
    return pa.RecordBatch.from_arrays([arrays[name] for name in schema.names], schema=schema)
