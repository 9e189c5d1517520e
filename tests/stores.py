"""Checkpoints and unfinished trainings in a test's home."""

import shutil
from pathlib import Path

import pytest
from conftest import Zoo

from zoo.checkpoints.folder import CONFIG, ORIGIN, WEIGHTS
from zoo.common import files

TINY = ["--set", "hidden_dims=8", "--set", "latent_dim=2", "--seed", "0"]


def keep(home: Path, source: Path, name: str = "mine") -> Path:
    """A copy of a checkpoint in the store."""
    directory = home / "checkpoints" / name
    shutil.copytree(source, directory)
    digests = {file: files.sha256(directory / file) for file in (CONFIG, WEIGHTS)}
    files.write_json(directory / ORIGIN, {"source": "trained", "sha256": digests})
    return directory


def stop_early(zoo: Zoo, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A training that ended before it was done."""
    from zoo.training.run import Run

    with monkeypatch.context() as patched:

        def broken(*_: object) -> None:
            raise KeyboardInterrupt

        patched.setattr(Run, "log", broken)
        result = zoo("train", "mlp-vae", "--name", name, "--epochs", 2, *TINY)
    assert result.exit_code == 130, result.stderr
