"""What pulling takes beside the Hub's own command, digests included: pytest -s
tests/benchmarks/test_hub_speed.py
"""

import itertools
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from hub_server import Hub
from racing import Usage, in_turn, report, run
from safetensors.numpy import save

BIN = Path(sys.executable).parent


def test_pulling_100_megabytes_takes_little_more_than_downloading_them(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = save({"weights": np.random.default_rng(0).random(25_000_000, np.float32)})
    small = {path: file.content for path, file in hub.repositories["owner/repo"].files.items()}
    hub.put(
        "owner/large",
        {path: small[path] for path in ("config.json", "facts.json")}
        | {"model.safetensors": large},
    )
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_DISABLE_TELEMETRY", "1")
    monkeypatch.setenv("HF_HUB_DISABLE_UPDATE_CHECK", "1")
    count = itertools.count()

    def ours() -> Usage:
        return run([BIN / "zoo", "pull", "hf:owner/large", "--from", "hub"])

    def theirs() -> Usage:
        folder = tmp_path / f"downloaded-{next(count)}"
        usage = run([BIN / "hf", "download", "owner/large", "--local-dir", folder])
        assert (folder / "model.safetensors").stat().st_size == len(large)
        shutil.rmtree(folder)
        return usage

    rounds = in_turn(ours, theirs, rounds=9)
    # the Hub's own command asks it for more than files
    hub.requests.clear()
    wall = [ours.seconds / theirs.seconds for ours, theirs in rounds]
    memory = [ours.memory / theirs.memory for ours, theirs in rounds]
    within = report("zoo pull of 100 MB / hf download, wall", wall, 1.5)
    assert report("zoo pull of 100 MB / hf download, peak memory", memory, 1.5) and within
