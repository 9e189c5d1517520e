"""How each format of shards is written, batch by batch; equal samples give equal bytes."""

import io
import json
import tarfile
import zipfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from zoo.bulk import columns
from zoo.bulk.columns import Batch
from zoo.bulk.names import file_name, key
from zoo.bulk.plan import Plan, Shard
from zoo.common.errors import MissingDependencyError
from zoo.sampling import to_uint8

if TYPE_CHECKING:
    import pyarrow as pa

# rows and bytes of samples after which a row group of Parquet ends
ROWS = 1024
ROOM = 32 * 10**6


Batches = Iterator[Batch]
# how many samples each batch was drawn for, as it is written; then the names of the files
Written = Generator[int, None, list[str]]


def write_parquet(folder: Path, shard: Shard, batches: Batches, plan: Plan) -> Written:
    """A Parquet file with the columns of `columns.schema`, in row groups of some thousand rows."""
    try:
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise MissingDependencyError(
            "The format parquet needs the package pyarrow: pip install 'genzoo[parquet]'. Other "
            "formats are webdataset, npz and folder.",
            name="pyarrow",
        ) from error
    path = _room(folder, shard.name)
    writer = None
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        schema = columns.schema(plan, batch)
        if writer is None:
            # no dictionaries: pictures hardly repeat
            writer = parquet.ParquetWriter(path, schema, use_dictionary=False)
        waiting.append(columns.rows(schema, plan, batch))
        if sum(map(len, waiting)) >= ROWS or sum(one.nbytes for one in waiting) >= ROOM:
            _write_group(writer, waiting)
        yield batch.drawn
    _write_group(writer, waiting)
    assert writer is not None  # a shard has a sample at least
    writer.close()
    return [shard.name]


def _write_group(writer: Any, waiting: "list[pa.RecordBatch]") -> None:
    import pyarrow as pa

    if sum(map(len, waiting)):
        table = pa.Table.from_batches(waiting)
        writer.write_table(table, row_group_size=len(table))
    waiting.clear()


def write_tar(folder: Path, shard: Shard, batches: Batches, plan: Plan) -> Written:
    """A WebDataset: for each sample KEY.png (.wav, .txt), KEY.cls where there are labels, and
    KEY.json.
    """
    with tarfile.open(_room(folder, shard.name), "w", format=tarfile.USTAR_FORMAT) as archive:
        for batch in batches:
            encoded = batch.files
            for position, index in enumerate(batch.indices.tolist()):
                name = key(index)
                facts: dict[str, Any] = {"index": index, "seed": plan.seed}
                _add(archive, f"{name}.{plan.suffix}", encoded[position])
                if batch.labels is not None:
                    label = int(batch.labels[position])
                    facts["label"] = label
                    _add(archive, f"{name}.cls", str(label).encode())
                _add(archive, f"{name}.json", json.dumps(facts).encode())
            yield batch.drawn
    return [shard.name]


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    # a new TarInfo has no time, no owner and plain rights: equal samples give equal bytes
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def write_npz(folder: Path, shard: Shard, batches: Batches, plan: Plan) -> Written:
    """A zip of arrays, as numpy writes it: `samples`, `labels` where there are some, `texts` or
    `sample_rate`, `index` and `seed`.
    """
    kept: dict[str, list[Any]] = {}
    rate = 0
    for batch in batches:
        is_image = plan.asked.kind == "image"
        samples = (to_uint8(batch.samples) if is_image else batch.samples).numpy()
        found: dict[str, Any] = {"samples": samples, "index": batch.indices}
        if plan.asked.kind == "text":
            found["texts"] = np.array([text.decode() for text in batch.files], dtype=np.str_)
        if batch.labels is not None:
            found["labels"] = batch.labels.numpy()
        for name, array in found.items():
            kept.setdefault(name, []).append(array)
        rate = batch.rate
        yield batch.drawn
    arrays = {name: np.concatenate(some) for name, some in sorted(kept.items())}
    arrays["seed"] = np.array(plan.seed)
    if rate:
        arrays["sample_rate"] = np.array(rate)
    with zipfile.ZipFile(_room(folder, shard.name), "w", allowZip64=True) as archive:
        for name, array in arrays.items():
            # a new ZipInfo has the time of 1980: equal samples give equal bytes
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)
    return [shard.name]


def write_folder(folder: Path, shard: Shard, batches: Batches, plan: Plan) -> Written:
    """A file for each sample, in a sub-folder for each class where there are labels."""
    names = []
    for batch in batches:
        encoded = batch.files
        for position, index in enumerate(batch.indices.tolist()):
            label = None if batch.labels is None else int(batch.labels[position])
            name = file_name(index, label, plan)
            _room(folder, name).write_bytes(encoded[position])
            names.append(name)
        yield batch.drawn
    return names


def _room(folder: Path, name: str) -> Path:
    """The path of a file in a folder, which is made."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
