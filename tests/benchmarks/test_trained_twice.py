"""The commands on the cards of two small checkpoints, each run twice: pytest -s tests/benchmarks

Half an hour of a core.
"""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from zoo.checkpoints.folder import read_facts
from zoo.checkpoints.store import Store
from zoo.common import files
from zoo.registry.registry import installed


@pytest.mark.parametrize("name", ["cvae-mnist", "vae-mnist-2d"])
def test_the_command_on_a_card_gives_the_same_bytes_twice(
    name: str, root: str, tmp_path: Path
) -> None:
    """They are the shipped bytes as well where torch and the processor are those of the card."""
    shipped = Store(installed().checkpoints).find(name)
    words = shlex.split(read_facts(shipped)["command"])
    digests = []
    for place in (tmp_path / "first", tmp_path / "second"):
        place.mkdir()
        subprocess.run([sys.executable, "-m", *words], cwd=place, check=True, capture_output=True)
        digests.append(files.sha256(place / name / "model.safetensors"))
    same = digests[0] == files.sha256(shipped / "model.safetensors")
    print(f"\n{name}: {' '.join(digests)}; {'as' if same else 'not as'} shipped")
    assert digests[0] == digests[1]
