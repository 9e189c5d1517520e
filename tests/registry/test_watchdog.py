"""Waiting for a guest: the slow one is named, once, and the quick ones are not."""

import time

import pytest

from zoo.registry.watchdog import Waiting


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.registry.watchdog.PATIENCE", 0.2)
    monkeypatch.setattr("zoo.registry.watchdog.GLANCE", 0.02)


def test_only_what_is_waited_for_long_is_named_and_once(capsys: pytest.CaptureFixture[str]) -> None:
    with Waiting() as waiting:
        for guest, seconds in (("the quick", 0.0), ("the slow", 0.6), ("the brisk", 0.02)):
            waiting.begin(guest)
            time.sleep(seconds)
    said = capsys.readouterr()
    assert (
        said.err == "Waiting for the slow. Ctrl-C stops, and says how to leave it out.\n"
        and said.out == ""
    )


def test_many_quick_ones_are_not_taken_for_a_slow_one(capsys: pytest.CaptureFixture[str]) -> None:
    with Waiting() as waiting:
        for index in range(20):
            waiting.begin(f"guest {index}")
            time.sleep(0.02)
    assert capsys.readouterr().err == ""
