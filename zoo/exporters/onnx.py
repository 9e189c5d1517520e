"""Programs as ONNX files, in one file each, and run by onnxruntime."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from zoo.common.errors import CapabilityError
from zoo.exporters.program import Program, hushed

# the name of the free size of the batch
BATCH = "n"

Run = Callable[[list[Tensor]], Tensor]


def converted(program: Program, opset: int) -> bytes:
    """A program as an ONNX file.

    **Arguments:**
    - `opset`: the version of ONNX's operators.

    **Raises:** `CapabilityError` where an operator has no counterpart."""
    try:
        with hushed(), torch.no_grad():
            made = torch.onnx.export(
                program.exported,
                dynamo=True,
                opset_version=opset,
                external_data=False,
                input_names=list(program.inputs),
                output_names=[program.output],
                verbose=False,
            )
    # the exporter has errors of its own for each stage
    except Exception as error:
        said = " ".join(str(error).split())[:300]
        raise CapabilityError(
            f"{type(program.model).__name__}.{program.what}() can't be written as ONNX: "
            f"{type(error).__name__}: {said}"
        ) from error
    assert made is not None
    proto = made.model_proto
    _name_batch(proto)
    content: bytes = proto.SerializeToString()
    return content


def told(content: bytes, made: Mapping[str, Any]) -> bytes:
    """An ONNX file that says how it was made: a text for each name, JSON where it is no text."""
    import onnx

    proto = onnx.load_from_string(content)
    proto.producer_name = "genzoo"
    proto.producer_version = str(made["version"])
    texts = {key: one if isinstance(one, str) else json.dumps(one) for key, one in made.items()}
    onnx.helper.set_model_props(proto, {**texts, "zoo": json.dumps(made)})
    onnx.checker.check_model(proto)
    finished: bytes = proto.SerializeToString()
    return finished


def runner(content: bytes) -> Run:
    """A function that runs an ONNX file by onnxruntime, on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]

    def run(inputs: list[Tensor]) -> Tensor:
        given = {name: tensor.numpy() for name, tensor in zip(names, inputs, strict=True)}
        return torch.from_numpy(session.run(None, given)[0])

    return run


def _name_batch(proto: Any) -> None:
    """Call the free size "n", whatever torch calls it."""
    own = proto.graph.input[0].type.tensor_type.shape.dim[0].dim_param
    for value in (*proto.graph.input, *proto.graph.output, *proto.graph.value_info):
        for size in value.type.tensor_type.shape.dim:
            if size.dim_param:
                size.dim_param = size.dim_param.replace(own, BATCH)
