"""Whether --minutes keeps its word: pytest -s tests/benchmarks"""

import subprocess
import sys
from pathlib import Path

import pytest

from zoo.checkpoints.folder import read_facts

ZOO = Path(sys.executable).with_name("zoo")
MINUTES = 1.0
MODELS = {
    "mlp-vae": ["--data", "mnist"],
    "dcgan": ["--data", "dungeon-tiles", "--set", "width=16", "--set", "batch_size=64"],
    "resnet-gan": ["--data", "dungeon-tiles", "--set", "channels=16,32,32"],
}


@pytest.mark.parametrize("model", MODELS)
def test_a_training_takes_the_minutes_that_were_asked_for_within_a_quarter(
    model: str, root: str, tmp_path: Path
) -> None:
    words = [ZOO, "train", model, *MODELS[model], "--minutes", str(MINUTES), "--seed", "0"]
    subprocess.run([*words, "--out", tmp_path / "made"], check=True, capture_output=True)
    facts = read_facts(tmp_path / "made")
    minutes = facts["seconds"] / 60
    print(f"\n{model}: {facts['recipe']['epochs']} epochs in {minutes:.2f} of {MINUTES:g} minutes")
    assert 0.75 * MINUTES <= minutes <= 1.25 * MINUTES
