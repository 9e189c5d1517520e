"""How long the checks of a model will take, told from one building and one block of samples."""

import time
from typing import Any

import pytest

from zoo.testing import expected, pace
from zoo.testing.pace import FIXED
from zoo.testing.subject import built


def test_the_checks_of_a_larger_model_are_expected_to_take_longer() -> None:
    small, large = ({"hidden_dims": dims, "latent_dim": 2} for dims in ([8], [2048, 2048]))
    for config in (small, large):
        built("mlp-vae", config)
    assert FIXED < expected("mlp-vae", small) < expected("mlp-vae", large)


def test_the_time_counts_building_and_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0

    def passing(seconds: float, made: Any) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            nonlocal now
            now += seconds
            return made(*arguments, **named)

        return call

    monkeypatch.setattr(time, "perf_counter", lambda: now)
    monkeypatch.setattr(pace, "built", passing(2.0, pace.built))
    monkeypatch.setattr(pace, "draw", passing(3.0, pace.draw))
    told = expected("mlp-vae", {"sample_shape": [1, 2, 2], "latent_dim": 2, "hidden_dims": [4]})
    assert told == FIXED + 2.0 * pace.BUILDINGS + 3.0 * pace.BLOCKS
