"""A program as one ONNX file, in 32 bits and in 16."""

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from conftest import Zoo

import zoo as door
from zoo.checkpoints import find
from zoo.sampling import latents, provenance


def run(path: str, **inputs: Any) -> Any:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {name: np.asarray(one) for name, one in inputs.items()})[0]


@pytest.mark.exports
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
def test_float16_halves_the_file_and_says_how_far_it_is() -> None:
    whole = door.export("vae-mnist", "whole.onnx")
    half = door.export("vae-mnist", "half.onnx", precision="float16")
    sizes = [one.path.stat().st_size for one in (whole, half)]
    assert sizes[1] < 0.52 * sizes[0]
    assert whole.farthest <= 1e-5 < half.farthest <= 2 / 255
    z = latents(door.load("vae-mnist"), 3, seed=0)  # type: ignore[arg-type]
    assert run("half.onnx", latents=z).dtype == np.float32
