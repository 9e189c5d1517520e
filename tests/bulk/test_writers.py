"""Shards of each kind in each format: what readers find in them."""

import io
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from zoo.bulk import columns, writers
from zoo.bulk.layouts import LAYOUTS
from zoo.bulk.plan import Asked, Plan, Shard
from zoo.bulk.writers import Batch
from zoo.models import to_texts, to_tokens
from zoo.sampling import sounds

ALPHABET = "abnoëz "
TEXTS = ["anna", "bo", "", "zoë", "a b", "bab"]
RATE = 8_000
# what a model of each kind may draw, six samples
SAMPLES = {
    "text": to_tokens(TEXTS, ALPHABET, 5),
    "audio": torch.sin(torch.linspace(0, 400, 6 * 2 * 800).view(6, 2, 800)),
    "array": torch.arange(36.0).view(6, 2, 3),
}
ENCODERS: dict[str, Callable[[Tensor], list[bytes]]] = {
    "text": lambda samples: [text.encode() for text in to_texts(samples, ALPHABET)],
    "audio": lambda samples: [sounds.to_wav(one, RATE) for one in samples],
    "array": lambda samples: [],
}


def plan_of(kind: str, format: str) -> Plan:
    asked = Asked(
        checkpoint="c", sha256="", kind=kind, format=format, n=6, start=3, seed=7,
        classes=(0, 1), class_names=("x", "y"),
    )  # fmt: skip
    return Plan(asked=asked, per_shard=6, environment={})


def batches(kind: str) -> Iterator[Batch]:
    """The samples in batches of 4 and 2, as samples 3 to 8."""
    rate = RATE if kind == "audio" else 0
    for first, last in ((0, 4), (4, 6)):
        yield Batch(
            np.arange(3 + first, 3 + last),
            SAMPLES[kind][first:last],
            torch.arange(3 + first, 3 + last) % 2,
            last - first,
            ENCODERS[kind],
            rate,
        )


def write(folder: Path, kind: str, format: str) -> list[str]:
    """A shard; the names of its files."""
    plan = plan_of(kind, format)
    shard: Shard = plan.shard(0)
    writing = getattr(writers, LAYOUTS[format].writer)(folder, shard, batches(kind), plan)
    drawn = 0
    while True:
        try:
            drawn += next(writing)
        except StopIteration as stop:
            assert drawn == 6
            names: list[str] = stop.value
            return names


@pytest.mark.parametrize(
    ("kind", "format"),
    [
        (kind, format)
        for format, layout in LAYOUTS.items()
        for kind in layout.kinds
        if kind in SAMPLES
    ],
)
def test_equal_samples_give_equal_bytes(kind: str, format: str, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        names = write(tmp_path / folder, kind, format)
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("kind", SAMPLES)
def test_parquet_is_read_by_datasets(kind: str, tmp_path: Path) -> None:
    import datasets

    (name,) = write(tmp_path, kind, "parquet")
    loaded = datasets.load_dataset(
        "parquet", data_files=str(tmp_path / name), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert loaded.features["label"].names == ["x", "y"]
    assert loaded["index"][:] == list(range(3, 9)) and set(loaded["seed"]) == {7}
    assert loaded["label"][:] == [1, 0] * 3
    if kind == "text":
        assert loaded["text"][:] == TEXTS
    elif kind == "array":
        assert loaded["sample"][:] == SAMPLES["array"].tolist()
    else:
        feature = loaded.features["audio"]
        assert isinstance(feature, datasets.Audio) and feature.sampling_rate == RATE
        raw = loaded.cast_column("audio", datasets.Audio(decode=False))[1]["audio"]
        assert raw["path"] == "000000004.wav"
        with wave.open(io.BytesIO(raw["bytes"])) as file:
            assert (file.getnchannels(), file.getnframes()) == (2, 800)


@pytest.mark.parametrize(("kind", "suffix"), [("text", "txt"), ("audio", "wav")])
def test_webdataset_is_read_by_datasets(kind: str, suffix: str, tmp_path: Path) -> None:
    import tarfile

    (name,) = write(tmp_path, kind, "webdataset")
    with tarfile.open(tmp_path / name) as archive:
        members = archive.getnames()
        assert members[:3] == [f"000000003.{end}" for end in (suffix, "cls", "json")]
        content: Any = archive.extractfile(members[3])
        second = ENCODERS[kind](SAMPLES[kind][1:2])[0]
        assert content.read() == second
        assert archive.getmember(members[0]).mtime == 0
    if kind == "text":
        import datasets

        loaded = datasets.load_dataset(
            "webdataset",
            data_files=str(tmp_path / name),
            split="train",
            cache_dir=str(tmp_path / "cache"),
        )
        assert loaded["txt"][:] == TEXTS


def test_npz_holds_strings_and_rates(tmp_path: Path) -> None:
    (name,) = write(tmp_path, "text", "npz")
    with np.load(tmp_path / name) as arrays:
        assert arrays["texts"].tolist() == TEXTS
        assert arrays["samples"].tolist() == SAMPLES["text"].tolist()
        assert arrays["labels"].tolist() == [1, 0] * 3
    (name,) = write(tmp_path, "audio", "npz")
    with np.load(tmp_path / name) as arrays:
        assert int(arrays["sample_rate"]) == RATE
        assert np.array_equal(arrays["samples"], SAMPLES["audio"].numpy())


def test_a_folder_has_a_recording_a_file(tmp_path: Path) -> None:
    names = write(tmp_path, "audio", "folder")
    assert names[:2] == ["train/y/000000003.wav", "train/x/000000004.wav"]
    assert (tmp_path / names[1]).read_bytes() == ENCODERS["audio"](SAMPLES["audio"][1:2])[0]


def test_row_groups_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow.parquet as parquet

    monkeypatch.setattr(writers, "ROWS", 4)
    (name,) = write(tmp_path, "text", "parquet")
    groups = parquet.ParquetFile(tmp_path / name).metadata
    assert [groups.row_group(one).num_rows for one in range(groups.num_row_groups)] == [4, 2]
    assert columns.schema(plan_of("text", "parquet"), next(batches("text"))).names[0] == "text"
