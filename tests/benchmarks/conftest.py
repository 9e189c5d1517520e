"""Benchmarks read all of MNIST, where ZOO_DATA says it is, and race against pythae in an
environment of its own.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ALL_OF_MNIST = os.environ.get("ZOO_DATA", "")  # read before own_world sets it to the small sample


@pytest.fixture(autouse=True)
def all_of_mnist(own_world: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tests read the data that the caller has, if any."""
    if ALL_OF_MNIST:
        monkeypatch.setenv("ZOO_DATA", str(Path(ALL_OF_MNIST).resolve()))


@pytest.fixture
def root(all_of_mnist: None) -> str:
    """torchvision's folder of data, with all of MNIST."""
    folder = os.environ["ZOO_DATA"]
    if Path(folder, "MNIST", "raw", "train-images-idx3-ubyte").stat().st_size < 60_000 * 28**2:
        pytest.skip("needs all of MNIST: set ZOO_DATA to a torchvision root that has it")
    return folder


@pytest.fixture
def python_with_pythae(root: str, make_environment: Callable[[], Any]) -> Path:
    """The interpreter of a throw-away environment with pythae, from the registry, and this one's
    torch.
    """
    python: Path = make_environment().python
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    patience = ["--timeout", "15", "--retries", "1"]
    installed = subprocess.run([*pip, *patience, "pythae==0.1.2"], capture_output=True, text=True)
    if installed.returncode:
        pytest.skip(
            f"pythae can't be had from the registry: {installed.stderr.strip().splitlines()[-1]}"
        )
    return python
