"""Progress: a bar for a person, a line now and then for a log, nothing for --quiet."""

from collections.abc import Iterator

import pytest
import torch

from zoo.cli import progress
from zoo.cli.console import hear_notes

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Notes are heard, as without --quiet."""
    hear_notes()
    yield
    hear_notes()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that a test sets."""
    now = [0.0]
    monkeypatch.setattr("zoo.cli.progress.time.monotonic", lambda: now[0])
    return now


def test_without_a_terminal_a_line_appears_every_half_minute_at_most(
    clock: list[float], capsys: Captured
) -> None:
    pace = progress.Pace("Sampling", 10_000)
    for second in range(0, 100, 5):
        clock[0] = second
        pace.reach(second * 100, "loss 0.5")
    assert capsys.readouterr().err.splitlines() == [
        "Sampling: 3,000 of 10,000 (30%), 30 s, loss 0.5",
        "Sampling: 6,000 of 10,000 (60%), 60 s, loss 0.5",
        "Sampling: 9,000 of 10,000 (90%), 90 s, loss 0.5",
    ]


@pytest.mark.parametrize(
    ("items", "count"),
    [
        ([(torch.zeros(3, 1), None), (torch.zeros(2, 1), None)], 5),
        ([torch.zeros(4, 1)] * 2, 8),
        ([b"12345", b"67"], 7),
        (["epoch", "epoch"], 10),
        ([1, 2, 3], 3),
    ],
)
def test_batches_pieces_of_files_and_steps_are_counted(
    items: list[object], count: int, clock: list[float], capsys: Captured
) -> None:
    passed = []
    for item in progress.track(items, 0, "Doing"):
        passed.append(item)
        clock[0] += 100 if len(passed) == len(items) else 0
    assert passed == items
    assert capsys.readouterr().err == f"Doing: {count:,}, 100 s\n"


def test_quiet_says_nothing(clock: list[float], capsys: Captured) -> None:
    hear_notes(quiet=True)
    for _ in progress.track([1, 2, 3], 3, "Doing"):
        clock[0] += 100
    assert capsys.readouterr().err == ""


def test_a_dumb_terminal_gets_lines_and_no_bar(
    clock: list[float], capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "dumb")
    for _ in progress.track([b"x" * 5000], 5000, "Pulling"):
        clock[0] += 40
    said = capsys.readouterr().err
    assert said == "Pulling: 5,000 of 5,000 (100%), 40 s\n"
