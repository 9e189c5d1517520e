"""A short command starts soon: Python looks for garbage among few objects."""

import subprocess
import sys


def test_what_was_imported_before_the_command_line_is_not_looked_at_for_garbage() -> None:
    code = "import gc; import zoo.cli; print(gc.get_freeze_count())"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert int(shown) > 1000


def test_the_patterns_of_leftovers_are_compiled_when_they_are_used() -> None:
    from zoo.common import leftovers

    assert isinstance(leftovers.PARTIAL, str) and isinstance(leftovers.OWN_NAME, str)
