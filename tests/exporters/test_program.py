"""A method of a model as a program, or the reason why it can't be one."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import zoo as door
from zoo.errors import CapabilityError


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


def test_only_the_tensors_that_are_used_are_in_a_program(trained: Callable[..., Path]) -> None:
    model = trained("mlp-vae")
    door.export(model, "d.pt2")
    held = torch.export.load(io.BytesIO(Path("d.pt2").read_bytes())).state_dict
    assert held and all(name.startswith("decoder") for name in held)
