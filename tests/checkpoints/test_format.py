"""The files of a checkpoint: what has the form of one, and what is refused before anything heavy
opens it.
"""

import json
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import save_file

from zoo.checkpoints.folder import WEIGHTS
from zoo.checkpoints.format import (
    HEADER_LIMIT,
    LAYOUT,
    check_weights,
    refuse_boundless,
)
from zoo.common.errors import CheckpointError

FORMAT_1 = Path(__file__).parents[1] / "fixtures" / "format-1"
ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


def write(path: Path, header: object, body: bytes = b"") -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        check_weights(path)
    return str(caught.value)


def test_weights_that_the_zoo_and_others_wrote_are_let_through(tmp_path: Path) -> None:
    import numpy as np

    check_weights(FORMAT_1 / WEIGHTS)
    for cards in (Path(__file__).parents[2] / "cards").glob(f"*/{WEIGHTS}"):
        check_weights(cards)
    kinds = {
        str(kind.__name__): np.zeros((2, 3), kind)
        for kind in (np.float16, np.int8, np.bool_, np.uint64)
    }
    save_file(
        kinds | {"one": np.zeros(()), "none": np.zeros((0, 3))}, tmp_path / "a", {"format": "pt"}
    )
    check_weights(tmp_path / "a")


def test_a_header_of_95_megabytes_is_refused_by_its_length_alone(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as file:  # sparse
        file.write(struct.pack("<Q", 95 << 20) + b"{")
        file.truncate(100 << 20)
    assert (
        f"its header has 99,614,720 bytes, and the zoo reads at most {HEADER_LIMIT:,}"
        in refusal(tmp_path / "a")
    )


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"dtype": "F33"}, "type and shape"),
        ({"dtype": ["F32"]}, "type and shape"),
        ({"shape": [3]}, "type and shape"),
        ({"shape": [-2]}, "type and shape"),
        ({"shape": [2.0]}, "type and shape"),
        ({"shape": [True, 2]}, "type and shape"),
        ({"shape": [1] * 17 + [2]}, "type and shape"),
        ({"shape": None}, "type and shape"),
        ({"shape": [1 << 60, 0], "data_offsets": [0, 0]}, "type and shape"),
        ({"data_offsets": [0]}, "type and shape"),
        ({"data_offsets": [8, 16]}, "overlap, or leave holes"),
        ({"data_offsets": [0, 1 << 60]}, "type and shape"),
        ({"further": 1}, "type and shape"),
        ({"shape": [1], "data_offsets": [0, 4]}, "its tensors take 4 bytes, and 8 are there"),
    ],
    ids=str,
)
def test_a_tensor_that_lies_nowhere_is_refused(
    tmp_path: Path, entry: dict[str, Any], words: str
) -> None:
    check_weights(write(tmp_path / "good", {"a": ENTRY}, bytes(8)))
    assert words in refusal(write(tmp_path / "bad", {"a": {**ENTRY, **entry}}, bytes(8)))


@pytest.mark.parametrize("name", ["\x1b[31m", "a\nb", "", "x" * 501])
def test_a_tensor_with_a_name_that_nobody_gives_is_refused(tmp_path: Path, name: str) -> None:
    assert "it holds a tensor called" in refusal(write(tmp_path / "bad", {name: ENTRY}, bytes(8)))


@pytest.mark.parametrize(
    "header",
    [b"[]", b"", b"{", b"[" * 100_000, b' {"a": {}}', b"\xff", b'{"__metadata__": {"a": 1}}'],
)
def test_a_header_of_another_form_is_refused(tmp_path: Path, header: bytes) -> None:
    assert "is damaged" in refusal(write(tmp_path / "bad", header))


@pytest.mark.parametrize("length", [0, 7, 8, 100, -1])
def test_weights_that_were_cut_off_are_refused(tmp_path: Path, length: int) -> None:
    (tmp_path / "cut").write_bytes((FORMAT_1 / WEIGHTS).read_bytes()[:length])
    assert "is damaged" in refusal(tmp_path / "cut")


@pytest.mark.parametrize(
    "config",
    [
        {"layers": [4] * 100_000},
        {"a": float("nan")},
        {"a": float("-inf")},
        {"a": 1 << 64},
        {"a": "x" * 2000},
        {"x" * 2000: 1},
        {"a": [[[[[[[[[1]]]]]]]]]},
        {str(number): 1 for number in range(1000)},
    ],
    ids=["layers", "nan", "inf", "integer", "text", "key", "deep", "keys"],
)
def test_a_config_that_no_model_has_is_refused_whichever_model_it_is_of(
    config: dict[str, Any],
) -> None:
    refuse_boundless(
        {"config": {"layers": [4] * 100, "rate": 0.5, "name": "ü", "none": None, "yes": True}}
    )
    with pytest.raises(
        CheckpointError, match="it has more than 1,000 values, is nested too deeply"
    ):
        refuse_boundless({"config": config})


@pytest.mark.parametrize(
    "name",
    [
        "origin.json",
        "a/config.json",
        "config.json\n",
        "images/../a.png",
        "images/.png",
        "images/a/b.png",
        "/config.json",
    ],
)
def test_what_does_not_belong_to_a_checkpoint_does_not_travel(name: str) -> None:
    assert LAYOUT.fullmatch("config.json") and LAYOUT.fullmatch("images/samples.png")
    assert not LAYOUT.fullmatch(name)


def test_the_checks_import_nothing_heavy() -> None:
    code = f"""
import sys
from pathlib import Path
from zoo.checkpoints.folder import read_config; from zoo.checkpoints.format import check_weights
read_config(Path({str(FORMAT_1)!r})), check_weights(Path({str(FORMAT_1 / WEIGHTS)!r}))
assert not {{"torch", "numpy", "safetensors", "huggingface_hub"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
