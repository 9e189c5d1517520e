"""An export that does not give torch's numbers fails, and leaves nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

import zoo as door
from zoo.errors import CapabilityError
from zoo.exporters import parity, program
from zoo.exporters.onnx import converted, runner


@pytest.mark.exports
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
