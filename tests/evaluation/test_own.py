"""Metrics of plugins: measured beside the zoo's own, for samples of any kind, with their errors."""

import json
from pathlib import Path

import pytest
from conftest import Zoo

import zoo as door
from zoo.checkpoints.results import side_by_side
from zoo.common.errors import PluginError
from zoo.evaluation.measure import with_options
from zoo.registry.registry import installed

OFFER = """
from zoo import MetricSpec, hookimpl

@hookimpl
def zoo_metrics():
    return [
        MetricSpec(
            name="brightness",
            entry_point="measures:{function}",
            kinds=("image", "array"),
            summary="Mean brightness beyond that of the data",
            better="↓",
        ),
        MetricSpec(name="rhymes", entry_point="measures:rhymes", kinds=("text",)),
    ]
"""
MEASURES = """
def brightness(samples, data):
    each = samples.flatten(1).mean(1)
    return each.mean() - data.mean(), each.std() / len(each) ** 0.5

def broken(samples, data):
    return 1 / 0, None

def endless(samples, data):
    return float("inf"), None
"""


def offer(site: Path, monkeypatch: pytest.MonkeyPatch, function: str = "brightness") -> None:
    """A plugin with two metrics is installed."""
    metadata = site / "zoo_measures-1.0.dist-info"
    metadata.mkdir(parents=True)
    (site / "zoo_measures.py").write_text(OFFER.format(function=function))
    (site / "measures.py").write_text(MEASURES)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo-measures\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[zoo]\nmeasures = zoo_measures\n")
    monkeypatch.syspath_prepend(site)
    installed.cache_clear()


def test_a_metric_of_a_plugin_is_measured_with_its_error_and_kept(
    zoo: Zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(tmp_path / "site", monkeypatch)
    result = zoo("evaluate", "gan-mnist", "-n", 40, "--json")
    assert result.exit_code == 0, result.stderr
    found = {one["metric"]: one for one in json.loads(result.stdout)["evaluations"]}
    own = found["brightness"]
    assert abs(own["value"]) < 0.1 and 0 < own["standard_error"] < 0.02 and own["n"] == 40
    assert own["split"] == "test" and "frechet_distance" in found and "rhymes" not in found
    (one,) = [one for one in door.evaluate("gan-mnist", n=40) if one.metric == "brightness"]
    assert one.title.startswith("Mean brightness beyond that of the data")
    assert one.title.endswith("↓") and one.value == own["value"]


def test_a_metric_of_a_plugin_compares_only_where_samples_were_drawn_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(tmp_path / "site", monkeypatch)
    few, many = (
        next(one for one in door.evaluate("gan-mnist", n=n) if one.metric == "brightness")
        for n in (20, 40)
    )
    with pytest.raises(door.ZooError, match=r"one was measured on 20 samples.*on 40 samples"):
        side_by_side({"one": [few], "other": [many]})
    (told,) = with_options([few], ["heat=2"])
    assert told.options == ("heat=2",) and "heat=2" in told.name and told.kind != few.kind


@pytest.mark.parametrize(
    ("function", "said"),
    [
        ("broken", "The metric 'brightness' fails: ZeroDivisionError: division by zero"),
        ("endless", "The metric 'brightness' gives inf ± None: no finite number"),
    ],
)
def test_a_metric_that_fails_is_told_as_the_fault_of_its_plugin(
    function: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(tmp_path / "site", monkeypatch, function)
    with pytest.raises(PluginError, match=said):
        door.evaluate("gan-mnist", n=20)
