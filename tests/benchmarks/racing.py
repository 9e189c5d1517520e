"""Measuring side by side: contenders in turn, so that a busy machine slows all of them, and medians
of their ratios.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from zoo.common.compute import hardware

T = TypeVar("T")

# Started from a small process: one that is forked from a large one counts the memory of that as its
# own peak.
MEASURE = """
import json, os, subprocess, sys, time
began = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
process.returncode = os.waitstatus_to_exitcode(status)
assert process.returncode == 0, sys.argv[1:]
print(json.dumps([time.perf_counter() - began, usage.ru_maxrss / 1024]))
"""


class Usage(NamedTuple):
    """What a process took: wall seconds, and peak memory in MB."""

    seconds: float
    memory: float


def run(command: Sequence[object]) -> Usage:
    """Run a process to its end."""
    measured = [sys.executable, "-I", "-S", "-c", MEASURE, *map(str, command)]
    return Usage(*json.loads(subprocess.run(measured, capture_output=True, check=True).stdout))


def seconds(function: Callable[[], object]) -> float:
    """Wall seconds that a function takes."""
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def in_turn(*contenders: Callable[[], T], rounds: int) -> list[tuple[T, ...]]:
    """What each contender measures, round by round, after a round to warm up."""
    for contender in contenders:
        contender()
    return [tuple(contender() for contender in contenders) for _ in range(rounds)]


def report(what: str, ratios: Sequence[float], limit: float | None) -> bool:
    """Print the median of ratios; whether it is within the limit.

    Without a limit it is only reported, with the processor's name: how two programs compare that
    use a machine in different ways depends on the machine."""
    median = statistics.median(ratios)
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    end = f"on {hardware('cpu')}" if limit is None else f"limit {limit}"
    print(f"\n{what}: median {median:.2f} of {len(ratios)} pairs ({spread}), {end}")
    return limit is None or median <= limit
