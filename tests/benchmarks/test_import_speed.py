"""What an import, the hooks and the contract cost, side by side: pytest -s
tests/benchmarks/test_import_speed.py
"""

import itertools
import sys
import time
from collections.abc import Callable
from pathlib import Path

import foreign
import pytest
import torch
from conftest import Zoo
from environments import Environment, write_plugin
from racing import in_turn, report, run

from zoo.registry.registry import installed
from zoo.testing import verdicts

MODEL = """
from zoo import ModelSpec, hookimpl

@hookimpl
def zoo_models():
    return [ModelSpec(name="{name}", entry_point="m:M", summary="A guest's")]
"""
BOTH = """
from zoo import ImporterSpec, MetricSpec, hookimpl

@hookimpl
def zoo_importers():
    return [ImporterSpec(name="{name}", entry_point="m:f", model="dcgan")]

@hookimpl
def zoo_metrics():
    return [MetricSpec(name="{name}", entry_point="m:f")]
"""
WIDTH = 126  # of a DCGAN whose weights take 50 MB


def test_an_import_takes_at_most_two_and_a_half_times_as_long_as_torch_load(tmp_path: Path) -> None:
    source = tmp_path / "netG.pth"
    torch.save(foreign.Dcgan(nz=100, width=WIDTH).state_dict(), source)
    assert 45e6 < source.stat().st_size < 55e6
    names = itertools.count()
    load = f"import torch; torch.load({str(source)!r}, weights_only=True)"

    def import_once() -> float:
        name = f"made-{next(names)}"
        return run([sys.executable, "-m", "zoo", "import", source, "--as", name]).seconds

    rounds = in_turn(import_once, lambda: run([sys.executable, "-c", load]).seconds, rounds=7)
    ratios = [whole / plain for whole, plain in rounds]
    assert report("zoo import of 50 MB / python -c torch.load, wall", ratios, 2.5)


def test_the_contract_of_a_small_text_model_takes_at_most_20_seconds(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert zoo("new", "short-texts", "--kind", "text", "--out", "made").exit_code == 0
    metadata = Path("made") / "zoo_short_texts-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo_short_texts\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[zoo]\nshort-texts = zoo_short_texts\n")
    monkeypatch.syspath_prepend(Path("made").resolve())
    installed.cache_clear()
    config = {"hidden_dim": 16, "sample_shape": [6], "alphabet": "abc"}
    began = time.perf_counter()
    found = list(verdicts("short-texts", config))
    took = time.perf_counter() - began
    print(f"\ncontract of a small text model: {took:.1f} s, {len(found)} checks, limit 20 s")
    assert [one for one in found if one.verdict != "kept"] == [] and took <= 20


def test_zoo_list_is_no_slower_for_the_hooks_of_importers_and_metrics(
    make_environment: Callable[[], Environment], tmp_path: Path
) -> None:
    """Fifty plugins that offer an importer and a metric each, beside as many that offer a model."""
    contenders = []
    for offered in (BOTH, MODEL):
        environment = make_environment()
        names = [f"guest{number}" for number in range(50)]
        folder = tmp_path / str(len(contenders))
        folder.mkdir()
        environment.install(
            *(write_plugin(folder, name, offered.format(name=name)) for name in names)
        )
        contenders.append([environment.python, "-m", "zoo", "list"])
    rounds = in_turn(lambda: run(contenders[0]), lambda: run(contenders[1]), rounds=15)
    ratios = [both.seconds / one.seconds for both, one in rounds]
    assert report("zoo list, two new hooks / one old hook, wall", ratios, 1.1)
