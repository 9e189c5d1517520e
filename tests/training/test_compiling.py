"""Where torch can't compile, a training says so and goes on without it."""

import logging
from typing import Any

import pytest
import torch
from conftest import make_model

import zoo
from zoo.training.compiling import compile_networks


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
    monkeypatch.setattr(torch, "compile", lambda function: function)
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **how: told.append(how))
    monkeypatch.setattr(torch._dynamo.config, "suppress_errors", False)
    model = make_model("mlp-vae", sample_shape=(1, 4, 4), latent_dim=2, hidden_dims=(4,))
    assert compile_networks(model)
    assert told == [{"dynamic": False}] * len(list(model.children()))
    assert torch._dynamo.config.suppress_errors
