"""--compile: real trainings with networks that torch compiles, and those where it can't."""

import copy
import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import on_gpu
import pytest
import torch
from conftest import make_model

import zoo
from zoo.data import load_dataset
from zoo.models import Step
from zoo.training.compiling import compile_networks

SMALL = ["--epochs", "2", "--seed", "0", "--set", "hidden_dims=16", "--set", "precision=float32"]
SMALL += ["--threads", "1"]


def refuse(*_: Any, **__: Any) -> Any:
    raise RuntimeError("no\ncompiler")


def test_a_machine_without_a_compiler_is_told_of_and_trains_the_same(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked = {"data": "mnist", "epochs": 1, "seed": 0, "latent_dim": 2, "hidden_dims": (8,)}
    usual = zoo.train("mlp-vae", name="usual", watch=None, **asked)
    monkeypatch.setattr(torch, "compile", refuse)
    with caplog.at_level(logging.WARNING, "zoo"):
        asked_for = zoo.train("mlp-vae", name="asked-for", compile=True, watch=None, **asked)
    assert (
        "torch can't compile here (RuntimeError: no compiler). The training goes on without "
        "--compile." in caplog.messages
    )
    pairs = zip(usual.model.parameters(), asked_for.model.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_each_network_is_compiled_when_it_is_first_used(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **how: told.append(how))
    monkeypatch.setattr(torch._dynamo.config, "suppress_errors", False)
    model = make_model("mlp-gan", sample_shape=(1, 4, 4), latent_dim=2)
    assert compile_networks(model)
    # noise of a seed stays that of the seed
    how = {"dynamic": False, "options": {"fallback_random": True}}
    assert told == [how] * len(list(model.children()))
    assert torch._dynamo.config.suppress_errors


def test_a_vae_has_its_loss_compiled_and_a_copy_computes_with_its_own_weights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compiled: list[Any] = []

    def compiling(function: Any, **_: Any) -> Any:
        def ran(*given: Any) -> Any:
            compiled.append((function.__name__, given[0]))
            return function(*given)

        return ran

    monkeypatch.setattr(torch, "compile", compiling)
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **how: None)
    model = make_model("mlp-vae", sample_shape=(1, 4, 4), latent_dim=2, hidden_dims=(4,))
    model.compile()
    averaged = copy.deepcopy(model)
    for one in (model, averaged):
        next(one.training_step(torch.zeros(2, 1, 4, 4), None, Step(0, 1)))
    assert compiled == [("terms", model), ("terms", averaged)]


def train(name: str, *words: str, **environment: str) -> tuple[dict[str, Any], str]:
    """Train in a process of its own; returns the facts of the checkpoint and what was said."""
    command = [sys.executable, "-m", "zoo", "train", "mlp-vae", "--out", name, *SMALL, *words]
    told = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sys.path)), **environment}
    done = subprocess.run(command, env=told, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads((Path(name) / "facts.json").read_text()), done.stderr


@pytest.mark.long
def test_a_compiled_training_makes_the_same_model(tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")  # where torch keeps what it compiles
    plain, _ = train("plain")
    compiled, said = train("compiled", "--compile", TORCHINDUCTOR_CACHE_DIR=cache)
    if "can't compile here" in said:
        pytest.skip(f"this machine has no compiler: {said}")
    assert list(Path(cache).rglob("*.so")), said
    for ours, theirs in zip(compiled["history"], plain["history"], strict=True):
        assert ours["losses"] == pytest.approx(theirs["losses"], rel=1e-3)


@pytest.mark.long
def test_without_a_compiler_the_training_goes_on_and_says_so(tmp_path: Path) -> None:
    plain, _ = train("plain")
    where = {"CXX": str(tmp_path / "none"), "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache")}
    went_on, said = train("without", "--compile", **where)
    assert "torch can't compile here" in said and "goes on without --compile" in said
    assert went_on["history"] == plain["history"]


def test_the_benchmark_for_machines_with_a_gpu_runs_on_a_cpu_too() -> None:
    data = load_dataset("dungeon-tiles").part(slice(128))
    row = on_gpu.measured("dcgan", {"width": 4}, data, torch.device("cpu"), "float32", False)
    assert row.per_second > 0 and row.first > 0 and row.memory == 0
    assert row.apart == 0 and row.resumed is True  # one device, and sums in one order
