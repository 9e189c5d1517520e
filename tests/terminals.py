"""Commands whose standard output is a terminal."""

import os
import pty
import subprocess
import sys


def at_a_terminal(*words: str, **environment: str) -> tuple[list[str], str]:
    """Run a command whose standard output is a terminal of 60 columns and 24 lines; returns the
    lines of its standard output, and its standard error.
    """
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "zoo", *words]
    size = {"COLUMNS": "60", "LINES": "24", "TERM": "xterm-256color", **environment}
    told = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | size
    with subprocess.Popen(
        command, stdout=theirs, stderr=subprocess.PIPE, env=told, text=True
    ) as process:
        os.close(theirs)
        seen = b""
        try:
            while part := os.read(ours, 65536):
                seen += part
        except OSError:  # how Linux says that the other side is closed
            pass
        assert process.stderr is not None
        said = process.stderr.read()
    os.close(ours)
    assert process.returncode == 0, said
    return seen.decode().split("\r\n")[:-1], said
