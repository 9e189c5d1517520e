"""A short command starts and ends soon: Python does not look for garbage in it."""

import gc
import subprocess
import sys
from collections.abc import Iterator

import pytest
from conftest import Zoo

from zoo.cli import start

COUNTED = """
import atexit, gc, sys
import zoo
found = []
gc.callbacks.append(lambda phase, said: found.append(phase))
from zoo.cli import main
try:
    main({words!r})
except SystemExit:
    pass
before = gc.get_freeze_count()
atexit._run_exitfuncs()
print(len(found), before, gc.get_freeze_count(), file=sys.stderr)
"""


@pytest.fixture(autouse=True)
def usual_afterwards() -> Iterator[None]:
    """The tests that follow are no short command."""
    yield
    start.begin(short=False)


def counted(*words: str) -> list[int]:
    code = COUNTED.format(words=list(words))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return [int(one) for one in done.stderr.splitlines()[-1].split()]


def test_a_short_command_is_over_before_python_looks_for_garbage() -> None:
    looked, frozen, at_the_end = counted("list")
    assert looked == frozen == 0 and at_the_end > 1000


def test_a_longer_command_and_one_of_a_plugin_have_garbage_looked_for_as_usual(zoo: Zoo) -> None:
    zoo("list")
    gc.set_threshold(100_000)
    zoo("show", "vae-mnist")
    assert gc.get_threshold() == start.USUAL
    for words in (["space"], ["no-command-of-ours"]):
        looked, _, at_the_end = counted(*words)
        assert looked > 0 and at_the_end == 0


def test_sampling_ends_without_a_last_look_for_garbage(zoo: Zoo) -> None:
    assert counted("sample", "vae-mnist", "-n", "4", "--seed", "0")[2] > 1000
    assert "-n 4 --seed 0" in zoo("show", "samples.png").stdout


def test_the_patterns_of_leftovers_are_compiled_when_they_are_used() -> None:
    from zoo.common import leftovers

    assert isinstance(leftovers.PARTIAL, str) and isinstance(leftovers.OWN_NAME, str)
