"""A process that trains for another: it stops, so that the training can go on, when that one ends.

`python -m zoo.training.worker ARGUMENTS` does what `zoo ARGUMENTS` does. Its standard input is a
pipe that the other process holds open."""

import os
import runpy
import signal
import sys
import threading


def _stop_at_its_end() -> None:
    """Press Ctrl-C, so to speak, once the other end of standard input is closed."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    threading.Thread(target=_stop_at_its_end, daemon=True).start()
    sys.argv[0] = "zoo"
    runpy.run_module("zoo", run_name="__main__", alter_sys=True)
