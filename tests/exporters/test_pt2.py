"""A program as a file of torch.export, which runs without the zoo."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import zoo as door
from zoo.sampling import provenance


@pytest.mark.exports
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
