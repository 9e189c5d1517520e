"""Images in tables: Parquet files, and data sets of the Hub by the real library, on loopback."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from PIL import Image

from zoo.common.errors import DataError, MissingDependencyError
from zoo.data import load_dataset
from zoo.sampling.images import to_image

pytestmark = pytest.mark.filterwarnings("ignore")  # of the library

N = 30


def picture(index: int, size: int = 8) -> bytes:
    file = io.BytesIO()
    Image.new("L", (size, size), index * 5).save(file, "PNG")
    return file.getvalue()


def rows(**columns: Any) -> dict[str, Any]:
    return {"image": [{"bytes": picture(index), "path": None} for index in range(N)], **columns}


def save(columns: dict[str, Any], features: Any = None, name: str = "some.parquet") -> str:
    datasets.disable_progress_bars()
    known = datasets.Features(features) if features else None
    datasets.Dataset.from_dict(columns, features=known).to_parquet(name)
    return f"./{name}"


IMAGE = {"image": datasets.Image()}
LABEL = {"label": datasets.ClassLabel(names=["cat", "dog"])}


def test_image_and_label_columns_are_found_by_their_features() -> None:
    data = load_dataset(save(rows(label=[0, 1] * 15), IMAGE | LABEL))
    assert len(data) == N and data.sample_shape == (1, 8, 8)
    assert data.samples[:, 0, 0, 0].tolist() == [index * 5 for index in range(N)]
    assert data.class_names == ("cat", "dog") and data.labels is not None
    assert data.labels.tolist() == [0, 1] * 15 and data.name == "./some.parquet"


def test_real_digits_in_parquet_keep_every_pixel_and_label() -> None:
    digits = load_dataset("mnist").part(slice(300))
    assert digits.labels is not None
    pictures = []
    for one in digits.samples[:]:
        file = io.BytesIO()
        to_image(one).save(file, "PNG")
        pictures.append({"bytes": file.getvalue(), "path": None})
    names = datasets.ClassLabel(names=[str(index) for index in range(10)])
    found = load_dataset(
        save({"image": pictures, "label": digits.labels.tolist()}, {**IMAGE, "label": names})
    )
    assert np.array_equal(found.samples[:].numpy(), digits.samples[:].numpy())
    assert found.labels is not None and found.labels.tolist() == digits.labels.tolist()


def test_columns_without_features_are_found_by_what_they_hold_and_by_their_names() -> None:
    table = pa.table({"png": [picture(index) for index in range(N)], "class": ["b", "a"] * 15})
    parquet.write_table(table, "plain.parquet")
    data = load_dataset("./plain.parquet")
    assert data.class_names == ("a", "b") and data.labels is not None
    assert data.labels.tolist() == [1, 0] * 15


def test_columns_are_named_where_it_is_not_clear_which_are_meant() -> None:
    features = {
        "front": datasets.Image(),
        "back": datasets.Image(),
        "who": datasets.Value("string"),
    }
    pictures = rows()["image"]
    save({"front": pictures, "back": pictures[::-1], "who": ["x", "y"] * 15}, features)
    with pytest.raises(DataError, match=r"several columns of images \(front, back\).*:IMAGE,LABEL"):
        load_dataset("./some.parquet")
    data = load_dataset("./some.parquet:back,who")
    assert data.samples[0, 0, 0, 0] == (N - 1) * 5 and data.class_names == ("x", "y")
    assert load_dataset("./some.parquet:front").labels is None
    with pytest.raises(DataError, match=r"no column 'frond'\. Did you mean 'front'"):
        load_dataset("./some.parquet:frond")


def test_arrays_in_a_table_are_images() -> None:
    pixels = np.arange(N * 64, dtype=np.uint8).reshape(N, 8, 8)
    save(
        {"x": list(pixels), "y": list(range(N))},
        {"x": datasets.Array2D((8, 8), "uint8"), "y": datasets.Value("int64")},
    )
    data = load_dataset("./some.parquet")
    assert np.array_equal(data.samples[:].numpy()[:, 0], pixels) and data.labels is not None


def test_images_of_several_sizes_and_damaged_ones_are_told_as_those_of_files() -> None:
    columns = rows()
    columns["image"][3] = {"bytes": b"no image", "path": None}
    with pytest.raises(DataError, match=r"some\.parquet, row 3 is not a readable image"):
        load_dataset(save(columns, IMAGE))
    data = load_dataset("./some.parquet", skip_bad=True)
    assert len(data) == N - 1 and data.facts["bad_images_skipped"] == 1
    columns["image"][3] = {"bytes": picture(1, 9), "path": None}
    with pytest.raises(DataError, match="differ in size"):
        load_dataset(save(columns, IMAGE, "other.parquet"))


def test_a_table_that_names_files_is_not_followed_to_them(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(picture(7))
    table = pa.table({"image": [{"bytes": None, "path": str(tmp_path / "secret.png")}] * 3})
    parquet.write_table(table, "some.parquet")
    with pytest.raises(DataError, match="holds no image, but NoneType"):
        load_dataset("./some.parquet")


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"text": ["a", "b"]}, r"no column of images\. It has: text"),
        ({"image": pa.array([], pa.binary())}, "has no rows"),
        ({"image": [picture(1)] * 2, "label": [1, None]}, "1 row without a label in 'label'"),
        ({"image": [picture(1)] * 2, "label": [1.5, 2.5]}, "neither numbers nor names"),
    ],
)
def test_a_table_without_images_or_good_labels_is_refused(columns: Any, why: str) -> None:
    parquet.write_table(pa.table(columns), "some.parquet")
    with pytest.raises(DataError, match=why):
        load_dataset("./some.parquet")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + b"\xff" * 99 + b"PAR1"])
def test_a_damaged_table_is_named(content: bytes) -> None:
    Path("some.parquet").write_bytes(content)
    with pytest.raises(DataError, match=r"Can't read some\.parquet: "):
        load_dataset("./some.parquet")


def test_without_the_library_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    save(rows(), IMAGE)
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'genzoo\[datasets\]'"):
        load_dataset("./some.parquet")


@pytest.mark.long
def test_a_data_set_of_the_hub_is_trained_on_and_measured_by_its_test_split(
    hub: Any, tmp_path: Path
) -> None:
    def shard(first: int, n: int) -> bytes:
        pixels = load_dataset("mnist").samples[first : first + n]
        files = []
        for one in pixels:
            file = io.BytesIO()
            Image.fromarray(one[0].numpy()).save(file, "PNG")
            files.append({"bytes": file.getvalue(), "path": None})
        save({"image": files, "label": [0, 1] * (n // 2)}, IMAGE | LABEL, "shard.parquet")
        return Path("shard.parquet").read_bytes()

    card = (
        "---\nconfigs:\n- config_name: small\n  data_files:\n  - split: train\n"
        "    path: data/train-*\n  - split: test\n    path: data/test-*\n---\n"
    )
    hub.put(
        "datasets/owner/digits",
        {
            "README.md": card.encode(),
            "data/train-00000-of-00001.parquet": shard(0, 60),
            "data/test-00000-of-00001.parquet": shard(60, 40),
        },
    )
    environment = {**os.environ, "HF_ENDPOINT": hub.endpoint, "HF_HOME": str(tmp_path / "hf")}

    def zoo(*words: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "zoo", *map(str, words)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    words = ["--epochs", 1, "--seed", 0, "--set", "hidden_dims=8", "--set", "num_classes=2"]
    data = ["--data", "hf-data:owner/digits@main#small"]
    made = zoo("train", "mlp-vae", *data, "--out", "made", *words)
    assert made.returncode == 0, made.stderr
    facts = json.loads(Path("made/facts.json").read_text())
    assert facts["dataset"] == data[1] and facts["class_names"] == ["cat", "dog"]
    assert facts["data"]["samples"] == 60 and "held_out" not in facts["data"]
    measured = zoo("evaluate", "./made", "-n", 20, "-k", 2, "--features", "digits", "--json")
    assert measured.returncode == 0, measured.stderr
    found = {one["metric"]: one for one in json.loads(measured.stdout)["evaluations"]}
    assert found["nll"]["n"] == 40 and found["frechet_distance"]["floor_n"] == 20
    gone = zoo("train", "mlp-vae", "--data", "hf-data:owner/nothing", "--out", "x", *words)
    assert gone.returncode == 1 and "Can't read hf-data:owner/nothing" in gone.stderr
    wrong = zoo("train", "mlp-vae", "--data", "hf-data:nothing", "--out", "x", *words)
    assert wrong.returncode == 1 and "names no data set of the Hub" in wrong.stderr
