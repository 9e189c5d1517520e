"""Notes to people: heard by a short command without its waiting for `logging`."""

import subprocess
import sys

SAYS = """
import sys
from zoo.cli import main
from zoo.common import notes
main([*sys.argv[1:], "list", "none-of-that-name"], standalone_mode=False)
heard = "logging" in sys.modules
notes.logger().info("a note")
notes.logger().warning("a warning")
print(heard)
"""


def said(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", SAYS, *words], capture_output=True, text=True, check=True
    )


def test_a_list_does_not_wait_for_logging_and_hears_what_is_said() -> None:
    run = said()
    assert run.stdout.splitlines()[-1] == "False"
    assert run.stderr.splitlines()[-2:] == ["a note", "Warning: a warning"]


def test_a_quiet_list_hears_warnings_alone() -> None:
    lines = said("--quiet").stderr.splitlines()
    assert lines[-1] == "Warning: a warning" and "a note" not in lines
