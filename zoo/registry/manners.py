"""While plugins run, they can't end the process, nor press Ctrl-C in the user's place."""

import os
import posix
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any


class Manners:
    """Inside `with`, tells a Ctrl-C of the user from one that a plugin raises, and lets no plugin
    end the process by `os._exit`, nor by `posix._exit`, which is the same by its first name.

    A child process that a plugin forks may end itself. What a plugin does by a signal, by
    `os.abort` or `os.execv`, or in C code is not held up.
    """

    def __init__(self) -> None:
        self.pressed = False  # whether the user pressed Ctrl-C
        self._watching = False
        self._before: Any = None
        self._exits: dict[Any, Callable[[int], Any]] = {}  # by the module that it is taken from
        self._process = os.getpid()

    def __enter__(self) -> "Manners":
        if threading.current_thread() is threading.main_thread():
            self._before = signal.getsignal(signal.SIGINT)
            if self._before is signal.default_int_handler:
                signal.signal(signal.SIGINT, self._press)
                self._watching = True
        modules: tuple[Any, ...] = (os, posix)
        for module in modules:
            self._exits[module] = module._exit
            module._exit = self._leave
        return self

    def __exit__(self, *exception: object) -> None:
        for module, leave in self._exits.items():
            module._exit = leave
        if self._watching and signal.getsignal(signal.SIGINT) == self._press:
            signal.signal(signal.SIGINT, self._before)

    @property
    def feigned(self) -> bool:
        """Whether a KeyboardInterrupt that arises now is a plugin's own."""
        return self._watching and not self.pressed

    def _press(self, number: int, frame: FrameType | None) -> None:
        self.pressed = True
        raise KeyboardInterrupt

    def _leave(self, code: int) -> None:
        if os.getpid() != self._process:
            self._exits[posix](code)
        raise SystemExit(f"os._exit({code}) was called")
