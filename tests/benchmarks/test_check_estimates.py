"""How well the time of the checks is told beforehand: pytest -s
tests/benchmarks/test_check_estimates.py
"""

import time
from typing import Any

import pytest

from zoo.testing import expected, verdicts

# so large that `zoo check` says how long they take; what takes less than 10 s is not told
MODELS: list[tuple[str, dict[str, Any]]] = [
    ("conv-vae", {}),
    ("dcgan", {}),
    ("upsample-gan", {}),
    ("mlp-vae", {"hidden_dims": [4096, 4096]}),
    ("ladder-vae", {}),
]


@pytest.mark.parametrize(("name", "config"), MODELS, ids=str)
def test_the_time_of_the_checks_is_told_within_a_factor_of_two(
    name: str, config: dict[str, Any]
) -> None:
    checks = verdicts(name, config)
    for verdict in checks:
        if verdict.check == "building":
            break
    told, began = expected(name, config), time.perf_counter()
    assert [one.check for one in checks if one.verdict not in ("kept", "waived")] == []
    took = time.perf_counter() - began
    print(f"\n{name} {config}: told {told:.1f} s, took {took:.1f} s, {told / took:.2f}")
    assert 0.5 <= told / took <= 2
