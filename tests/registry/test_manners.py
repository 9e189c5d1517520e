"""Manners: a plugin neither ends the process nor presses Ctrl-C in the user's place."""

import os
import posix
import signal
import subprocess
import sys
import threading

import pytest

from zoo.registry.manners import Manners


def test_an_exit_that_skips_everything_becomes_one_that_can_be_caught() -> None:
    before = os._exit
    with Manners(), pytest.raises(SystemExit, match=r"os._exit\(7\) was called"):
        os._exit(7)
    assert os._exit is before


def test_the_same_exit_by_its_first_name_can_be_caught_too() -> None:
    before = posix._exit
    with Manners(), pytest.raises(SystemExit, match=r"os._exit\(7\) was called"):
        posix._exit(7)
    assert posix._exit is before is os._exit


def test_a_child_process_may_end_itself() -> None:
    code = """
import os
from zoo.registry.manners import Manners
with Manners():
    child = os.fork()
    if child == 0:
        os._exit(9)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "9"), done.stderr


def test_a_ctrl_c_of_the_user_is_told_from_one_that_is_raised() -> None:
    with Manners() as manners:
        assert manners.feigned
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert not manners.feigned
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_handler_of_someone_else_is_left_alone_and_its_ctrl_c_counts_as_the_users() -> None:
    def handler(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, handler)
    try:
        with Manners() as manners:
            assert signal.getsignal(signal.SIGINT) is handler and not manners.feigned
    finally:
        signal.signal(signal.SIGINT, before)


def test_in_another_thread_no_signal_is_touched() -> None:
    said = []

    def work() -> None:
        with Manners() as manners:
            said.append(manners.feigned)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert said == [False]
