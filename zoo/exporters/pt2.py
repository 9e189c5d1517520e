"""Programs as files of torch.export, and run from them."""

import io
import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from zoo.exporters.onnx import Run
from zoo.exporters.program import Program, hushed
from zoo.sampling.provenance import PT2_RECORD


def converted(program: Program, made: Mapping[str, Any] | None = None) -> bytes:
    """A program as a .pt2 file, which `torch.export.load` reads; with a record of how it was made,
    where there is one.
    """
    stream = io.BytesIO()
    further = {} if made is None else {PT2_RECORD: json.dumps(made)}
    with hushed():
        torch.export.save(program.exported, stream, extra_files=further)
    return stream.getvalue()


def runner(content: bytes) -> Run:
    """A function that runs a .pt2 file."""
    with hushed():
        module = torch.export.load(io.BytesIO(content)).module()

    def run(inputs: list[Tensor]) -> Tensor:
        with torch.no_grad():
            result: Tensor = module(*inputs)
        return result

    return run
