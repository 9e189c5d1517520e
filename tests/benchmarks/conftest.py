"""Benchmarks read all of MNIST, where ZOO_DATA says it is."""

import os
from pathlib import Path

import pytest

ALL_OF_MNIST = os.environ.get("ZOO_DATA", "")  # read before own_world sets it to the small sample


@pytest.fixture(autouse=True)
def all_of_mnist(own_world: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tests read the data that the caller has, if any."""
    if ALL_OF_MNIST:
        monkeypatch.setenv("ZOO_DATA", str(Path(ALL_OF_MNIST).resolve()))
