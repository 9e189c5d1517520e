"""What commands take before they do anything, each as a ratio measured side by side: pytest -s
tests/benchmarks
"""

import sys
from pathlib import Path

from racing import in_turn, report, run

ZOO = Path(sys.executable).with_name("zoo")
LIGHT = "import click, pluggy, importlib.metadata as m; m.entry_points(group='zoo')"


def test_zoo_list_takes_little_more_than_the_imports_it_needs() -> None:
    rounds = in_turn(
        lambda: run([ZOO, "list"]), lambda: run([sys.executable, "-c", LIGHT]), rounds=21
    )
    wall = [ours.seconds / theirs.seconds for ours, theirs in rounds]
    assert report("zoo list / imports of click, pluggy and the entry points, wall", wall, 1.6)


def test_sampling_cold_takes_little_more_than_importing_torch() -> None:
    sample = [ZOO, "sample", "vae-mnist", "-n", "64", "--seed", "0"]
    rounds = in_turn(
        lambda: run(sample), lambda: run([sys.executable, "-c", "import torch"]), rounds=11
    )
    wall = [ours.seconds / theirs.seconds for ours, theirs in rounds]
    memory = [ours.memory / theirs.memory for ours, theirs in rounds]
    within = report("zoo sample vae-mnist / import torch, wall", wall, 1.35)
    assert report("zoo sample vae-mnist / import torch, peak memory", memory, 1.3) and within
