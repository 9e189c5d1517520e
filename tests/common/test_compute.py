"""Memory that is freed stays at hand."""

import subprocess
import sys

import pytest

TOUCHED = """
import resource
from zoo.common.compute import keep_freed

keep_freed()
bytearray(100 << 20)  # which frees it at once, and the C library with it
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
bytearray(100 << 20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(
    sys.platform != "linux", reason="only glibc keeps what is freed when it is told to"
)
def test_memory_that_was_freed_is_not_asked_of_the_system_again() -> None:
    def faults(code: str) -> int:
        return int(
            subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True
            ).stdout
        )

    assert faults(TOUCHED) < 100 < faults(TOUCHED.replace("keep_freed()\n", "\n"))
