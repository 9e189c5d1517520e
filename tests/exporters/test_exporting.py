"""zoo export: programs that other runtimes execute, each compared with torch at once."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from conftest import Zoo

import zoo as door
from zoo.checkpoints import find
from zoo.errors import ZooError
from zoo.registry.registry import installed
from zoo.sampling import latents


def run(path: str, **inputs: Any) -> Any:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {name: np.asarray(one) for name, one in inputs.items()})[0]


@pytest.mark.exports
def test_a_sampler_of_a_conditional_gan_takes_noise_and_labels() -> None:
    made = door.export("cdcgan-mnist", "s.onnx", what="sample").made
    assert made["inputs"] == {"noise": [100], "labels": []}
    assert made["num_classes"] == 10 and made["class_names"][7] == "7"
    model = door.load("cdcgan-mnist")
    z, labels = latents(model, 5, seed=1), torch.arange(5)  # type: ignore[arg-type]
    found = run("s.onnx", noise=z, labels=labels)
    assert np.abs(found - model.decode(z, labels).numpy()).max() <= 1e-5


@pytest.mark.exports
@pytest.mark.parametrize("name", sorted(installed().checkpoints))
@pytest.mark.parametrize("suffix", [".onnx", ".pt2"])
def test_every_bundled_checkpoint_exports_all_that_it_can(name: str, suffix: str) -> None:
    if not installed().checkpoints[name].bundled:
        pytest.skip(f"{name} is not bundled: it would have to be pulled")
    capabilities = installed().models[find(name).model].capabilities
    for what in capabilities:
        for precision in ("float32", "float16"):
            made = door.export(name, f"{what}-{precision}{suffix}", what=what, precision=precision)
            assert made.farthest <= (1e-4 if precision == "float32" else 0.05)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("vae-mnist -o x.bin", "x.bin must end in .onnx or .pt2; a folder with a page needs --to"),
        ("vae-mnist -o x", "must end in .onnx or .pt2"),
        ("vae-mnist -o mine.onnx", "the zoo did not write it"),
        ("vae-mnist -o folder.onnx", "is a folder"),
        ("dcgan-mnist --what encode", "which can sample and decode, not encode"),
        ("vae-mnist --runtime x", "--runtime is for pages"),
        ("vae-mnist --to page --what decode", "--what is not for pages"),
        ("vae-mnist --opset 21 -o x.pt2", "--opset is for .onnx files"),
        ("no-such", "No checkpoint"),
    ],
)
def test_bad_input_is_refused_before_torch_is_imported_and_nothing_is_written(
    words: str, told: str
) -> None:
    Path("mine.onnx").write_bytes(b"a stranger's")
    Path("folder.onnx").mkdir()
    command = [sys.executable, "-X", "importtime", "-m", "zoo", "export", *words.split()]
    result = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ))
    said = [line for line in result.stderr.splitlines() if not line.startswith("import time:")]
    imported = {
        line.rpartition("|")[2].strip() for line in result.stderr.splitlines() if "|" in line
    }
    assert result.returncode == 1 and told in "\n".join(said), said
    assert imported.isdisjoint({"torch", "onnx", "onnxruntime"})
    assert sorted(path.name for path in Path().iterdir()) == ["folder.onnx", "mine.onnx"]


@pytest.mark.parametrize(
    "wrong", [{"to": "tflite"}, {"precision": "int8"}, {"opset": 3}, {"opset": 99}, {"what": "fly"}]
)
def test_wrong_arguments_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ZooError):
        door.export("vae-mnist", **wrong)


def test_without_its_packages_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = __import__("importlib.util").util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec",
        lambda name, *more: None if name == "onnxscript" else find_spec(name, *more),
    )
    with pytest.raises(ZooError, match=r"pip install 'genzoo\[onnx\]'"):
        door.export("vae-mnist")


@pytest.mark.parametrize(
    "content", [b"", b"\x08\x0a", b"\xff" * 40, b"\x72\xff\xff\xff\x7f", b"\x72\x04\x0a\x03zoo"]
)
def test_a_damaged_export_is_no_file_of_the_zoo(content: bytes, zoo: Zoo) -> None:
    for name in ("x.onnx", "x.pt2"):
        Path(name).write_bytes(content)
        result = zoo("show", f"./{name}")
        assert result.exit_code == 1 and "is not a file that the zoo wrote" in result.stderr
