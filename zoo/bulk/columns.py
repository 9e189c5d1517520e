"""What a sample becomes in a shard: bytes of its kind, and the columns of a table."""

import io
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from torch import Tensor

from zoo.bulk.names import key
from zoo.bulk.plan import Plan
from zoo.sampling import to_image, to_uint8
from zoo.sampling.provenance import marked_chunk

if TYPE_CHECKING:
    import pyarrow as pa

    from zoo.bulk.writers import Batch


def encoded(kind: str, samples: Tensor) -> list[bytes]:
    """Samples as the bytes of files: images are PNGs, marked as made by a trained model."""
    mark = marked_chunk()
    files = []
    for pixels in to_uint8(samples):
        buffer = io.BytesIO()
        to_image(pixels).save(buffer, "PNG", pnginfo=mark)
        files.append(buffer.getvalue())
    return files


def size(kind: str, samples: Tensor) -> int:
    """About how many bytes samples take in a shard."""
    if kind == "image":
        return sum(map(len, encoded(kind, samples)))
    return samples.numel() * samples.element_size()


def schema(kind: str, plan: Plan, shape: Sequence[int]) -> "pa.Schema":
    """The columns of a table: the sample, `label` where there are classes, `seed` and `index`.

    **Arguments:**
    - `shape`: of one sample.

    **Returns:** a schema whose metadata tells the package `datasets`, and the Hub, what the columns
    are.
    """
    import pyarrow as pa

    whole: dict[str, Any] = {"dtype": "int64", "_type": "Value"}
    if kind == "image":
        image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
        kept: list[tuple[str, Any, Any]] = [("image", image, {"_type": "Image"})]
    else:
        kept = [("sample", *_nested(shape))]
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


def rows(schema: "pa.Schema", kind: str, batch: "Batch", plan: Plan) -> "pa.RecordBatch":
    """A batch as rows of a table."""
    import pyarrow as pa

    arrays: dict[str, Any] = {}
    if kind == "image":
        arrays["image"] = pa.StructArray.from_arrays(
            [
                pa.array(encoded(kind, batch.samples), pa.binary()),
                pa.array([f"{key(index)}.png" for index in batch.indices.tolist()]),
            ],
            names=["bytes", "path"],
        )
    else:
        array: Any = pa.array(batch.samples.reshape(-1).numpy(), pa.float32())
        for length in reversed(batch.samples.shape[1:]):
            array = pa.FixedSizeListArray.from_arrays(array, length)
        arrays["sample"] = array
    if batch.labels is not None:
        arrays["label"] = pa.array(batch.labels.numpy(), pa.int64())
    arrays["seed"] = pa.array([plan.seed] * len(batch.indices), pa.int64())
    arrays["index"] = pa.array(batch.indices, pa.int64())
    return pa.RecordBatch.from_arrays([arrays[name] for name in schema.names], schema=schema)
