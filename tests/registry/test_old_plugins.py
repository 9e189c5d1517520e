"""A plugin made for version 0.1, as its wheel was, goes on working."""

from pathlib import Path

import pytest
import torch
from conftest import Zoo

import zoo as door
from zoo.models import API
from zoo.registry.registry import installed
from zoo.testing import verdicts

WHEEL = Path(__file__).parents[1] / "fixtures" / "zoo_old-0.1.0-py3-none-any.whl"


@pytest.fixture(autouse=True)
def old_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wheel stands on Python's path, as a zip file may."""
    monkeypatch.syspath_prepend(WHEEL)
    installed.cache_clear()


def test_what_it_offers_is_there_without_a_problem() -> None:
    assert API == 2
    offered = {one["name"]: one for one in door.list_models()}
    assert offered["old-vae"]["plugin"] == "zoo-old" and offered["old-vae"]["trainable"]
    assert [plugin.called for plugin in installed().broken] == []


def test_its_model_is_trained_sampled_and_measured(zoo: Zoo) -> None:
    run = door.train("old-vae", name="mine", data="old-dots", seed=0)
    assert door.draw("mine", 3, seed=0).shape == (3, 1, 8, 8)
    model = run.model
    z = model.sample_prior(2000, torch.Generator().manual_seed(0))
    assert float(z.std()) == pytest.approx(2, abs=0.1)  # its own prior
    bound = model.log_likelihood(torch.zeros(2, 1, 8, 8), importance_samples=4)
    assert bound.shape == (2,) and bound.isfinite().all()
    assert zoo("interpolate", "mine", "--seed", 0, "-n", 2).exit_code == 0


def test_the_contract_finds_only_what_is_new_in_it() -> None:
    found = {one.check: one for one in verdicts("old-vae", {}) if one.verdict != "kept"}
    assert found.keys() <= {"export", "entry module"}, found
