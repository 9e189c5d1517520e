"""What commands take before they do anything, each as a ratio measured side by side: pytest -s
tests/benchmarks
"""

import json
import sys
from pathlib import Path

from racing import Usage, in_turn, report, run

ZOO = Path(sys.executable).with_name("zoo")
LIGHT = "import click, pluggy, importlib.metadata as m; m.entry_points(group='zoo')"


def test_zoo_list_takes_little_more_than_the_imports_it_needs() -> None:
    rounds = in_turn(
        lambda: run([ZOO, "list"]), lambda: run([sys.executable, "-c", LIGHT]), rounds=21
    )
    wall = [ours.seconds / theirs.seconds for ours, theirs in rounds]
    assert report("zoo list / imports of click, pluggy and the entry points, wall", wall, 1.20)


def test_importing_the_light_door_takes_little_more_than_what_it_needs() -> None:
    rounds = in_turn(
        lambda: run([sys.executable, "-c", "import zoo"]),
        lambda: run([sys.executable, "-c", "import click, pluggy"]),
        rounds=21,
    )
    wall = [ours.seconds / theirs.seconds for ours, theirs in rounds]
    assert report("import zoo / import click, pluggy, wall", wall, 1.3)


def fill(home: Path, number: int) -> Path:
    """A store of small trained checkpoints."""
    for index in range(number):
        folder = home / "checkpoints" / f"small-{index}"
        folder.mkdir(parents=True)
        facts = {"name": folder.name, "dataset": "mnist", "parameters": 1000 + index}
        config = {"format": 1, "model": "mlp-vae", "config": {}}
        origin = {"source": "trained", "sha256": {"config.json": "0" * 64}}
        for name, value in (("facts", facts), ("config", config), ("origin", origin)):
            (folder / f"{name}.json").write_text(json.dumps(value))
        (folder / "model.safetensors").write_bytes(bytes(100))
    return home


def test_a_store_of_5000_checkpoints_is_listed_in_five_times_the_time_of_10(
    tmp_path: Path,
) -> None:
    few, many = fill(tmp_path / "few", 10), fill(tmp_path / "many", 5_000)
    command = ["env", "-u", "ZOO_HOME", ZOO, "list", "--json"]

    def listed(home: Path) -> Usage:
        return run([*command[:3], f"ZOO_HOME={home}", *command[3:]])

    rounds = in_turn(lambda: listed(many), lambda: listed(few), rounds=7)
    wall = [ours.seconds / theirs.seconds for ours, theirs in rounds]
    assert report("zoo list of 5,000 checkpoints / of 10, wall", wall, 5)


def test_sampling_cold_takes_little_more_than_importing_torch() -> None:
    sample = [ZOO, "sample", "vae-mnist", "-n", "64", "--seed", "0"]
    rounds = in_turn(
        lambda: run(sample), lambda: run([sys.executable, "-c", "import torch"]), rounds=11
    )
    wall = [ours.seconds / theirs.seconds for ours, theirs in rounds]
    memory = [ours.memory / theirs.memory for ours, theirs in rounds]
    within = report("zoo sample vae-mnist / import torch, wall", wall, 1.10)
    assert report("zoo sample vae-mnist / import torch, peak memory", memory, 1.3) and within
