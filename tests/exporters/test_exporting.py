"""zoo export: programs that other runtimes execute, each compared with torch at once."""

import io
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from conftest import Zoo
from torch import Tensor

import zoo as door
from zoo.checkpoints import find
from zoo.errors import CapabilityError, ZooError
from zoo.exporters import parity, program
from zoo.exporters.onnx import converted, runner
from zoo.registry.registry import installed
from zoo.sampling import latents, provenance


def run(path: str, **inputs: Any) -> Any:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {name: np.asarray(one) for name, one in inputs.items()})[0]


def test_a_decoder_in_onnx_draws_what_torch_draws_at_any_batch(zoo: Zoo) -> None:
    result = zoo("export", "vae-mnist")
    assert (result.stdout, result.exit_code) == ("vae-mnist.onnx\n", 0), result.stderr
    assert "from torch at batches of 1, 2, 7 and 64" in result.stderr
    assert sorted(path.name for path in Path().iterdir()) == ["vae-mnist.onnx"]
    model = door.load("vae-mnist")
    for n in (1, 3, 130):
        z = latents(model, n, seed=n)  # type: ignore[arg-type]
        found = run("vae-mnist.onnx", latents=z)
        assert np.abs(found - model.decode(z).numpy()).max() <= 1e-5
    proto = onnx.load("vae-mnist.onnx")
    assert [one.version for one in proto.opset_import if not one.domain] == [20]
    assert proto.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "n"
    assert not any(tensor.data_location for tensor in proto.graph.initializer)
    told = {one.key: one.value for one in proto.metadata_props}
    assert told["checkpoint"] == "vae-mnist" and told["sha256"] == find("vae-mnist").sha256
    assert told["license"] == "apache-2.0" and json.loads(told["latent_shape"]) == [50]
    assert float(told["farthest"]) <= 1e-5
    made = provenance.read(Path("vae-mnist.onnx"))
    assert made["what"] == "decode" and made["inputs"] == {"latents": [50]}
    assert "zoo export vae-mnist" in zoo("show", "./vae-mnist.onnx").stdout
    # the zoo knows its own file, and replaces it
    assert zoo(*shlex.split(made["command"])[1:]).exit_code == 0


@pytest.mark.exports
def test_a_sampler_of_a_conditional_gan_takes_noise_and_labels() -> None:
    made = door.export("cdcgan-mnist", "s.onnx", what="sample").made
    assert made["inputs"] == {"noise": [100], "labels": []}
    assert made["num_classes"] == 10 and made["class_names"][7] == "7"
    model = door.load("cdcgan-mnist")
    z, labels = latents(model, 5, seed=1), torch.arange(5)  # type: ignore[arg-type]
    found = run("s.onnx", noise=z, labels=labels)
    assert np.abs(found - model.decode(z, labels).numpy()).max() <= 1e-5


def test_an_encoder_as_a_torch_program_needs_no_zoo(trained: Callable[..., Path]) -> None:
    model = trained("conv-vae", "num_classes=10")
    door.export(model, "e.pt2", what="encode")
    code = (
        "import sys, torch; program = torch.export.load('e.pt2').module(); "
        "x = torch.full((5, 1, 28, 28), 0.25); torch.save(program(x, torch.arange(5)), 'z.pt'); "
        "assert not any(name == 'zoo' or name.startswith('zoo_') for name in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    x = torch.full((5, 1, 28, 28), 0.25)
    expected = door.load(model).encode(x, torch.arange(5)).mean
    assert torch.allclose(torch.load("z.pt"), expected, atol=1e-5)
    assert provenance.read(Path("e.pt2"))["what"] == "encode"


@pytest.mark.exports
def test_float16_halves_the_file_and_says_how_far_it_is() -> None:
    whole = door.export("vae-mnist", "whole.onnx")
    half = door.export("vae-mnist", "half.onnx", precision="float16")
    sizes = [one.path.stat().st_size for one in (whole, half)]
    assert sizes[1] < 0.52 * sizes[0]
    assert whole.farthest <= 1e-5 < half.farthest <= 2 / 255
    z = latents(door.load("vae-mnist"), 3, seed=0)  # type: ignore[arg-type]
    assert run("half.onnx", latents=z).dtype == np.float32


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


class Loud(torch.nn.Module):
    """A decoder that looks at a number to decide."""

    def forward(self, z: Tensor) -> Tensor:
        if float(z.sum()) > 0:
            return z.sum(1, keepdim=True).expand(-1, 784).tanh()
        return -z.sum(1, keepdim=True).expand(-1, 784).tanh()


def broken(monkeypatch: pytest.MonkeyPatch, generator: torch.nn.Module) -> None:
    """Let the zoo load a model whose generator can't be exported."""
    from zoo.checkpoints import weights

    read = weights.read_model

    def with_another(*arguments: Any, **options: Any) -> Any:
        model: Any = read(*arguments, **options)
        model.generator = generator
        return model

    monkeypatch.setattr(weights, "read_model", with_another)


def test_what_can_not_be_captured_leaves_nothing(
    trained: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = trained("mlp-gan")
    broken(monkeypatch, Loud())
    for name in ("x.onnx", "x.pt2"):
        with pytest.raises(CapabilityError, match="can't be captured by torch"):
            door.export(model, name)
    assert list(Path().iterdir()) == []


def test_an_export_that_differs_from_torch_fails_and_leaves_nothing(
    trained: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def off_by(more: float) -> Callable[[bytes], Any]:
        def changed(content: bytes) -> Any:
            inner = runner(content)
            return lambda inputs: inner(inputs) + (more if len(inputs[0]) == 64 else 0.0)

        return changed

    model = trained("mlp-gan")
    for more in (2e-5, float("nan")):
        monkeypatch.setattr("zoo.exporters.onnx.runner", off_by(more))
        with pytest.raises(CapabilityError, match="from torch with a batch of 64, more than 1e-05"):
            door.export(model, "x.onnx")
    assert list(Path().iterdir()) == []
    monkeypatch.setattr("zoo.exporters.onnx.runner", lambda content: lambda inputs: inputs[0])
    with pytest.raises(CapabilityError, match="its batch is frozen"):
        door.export(model, "x.onnx")


def test_a_runtime_that_fails_is_told_with_its_batch(trained: Callable[..., Path]) -> None:
    model: Any = door.load(trained("mlp-gan"))
    captured = program.capture(model, "decode", "float32", "mine")

    def fails(inputs: list[Tensor]) -> Tensor:
        if len(inputs[0]) > 1:
            raise RuntimeError("no such kernel")
        return captured.call(*inputs)

    with pytest.raises(CapabilityError, match="does not run with a batch of 2: no such kernel"):
        parity.check(captured, fails, "float32", ".onnx")
    assert converted(captured, 20)


def test_only_the_tensors_that_are_used_are_in_a_program(trained: Callable[..., Path]) -> None:
    model = trained("mlp-vae")
    door.export(model, "d.pt2")
    held = torch.export.load(io.BytesIO(Path("d.pt2").read_bytes())).state_dict
    assert held and all(name.startswith("decoder") for name in held)


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
