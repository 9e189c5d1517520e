"""Progress: a bar for a person, a line now and then for a log, nothing for --quiet."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from zoo.cli import progress
from zoo.cli.hearing import hear_notes
from zoo.cli.train import show
from zoo.training import Progress

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


def drawn(
    report: Any, name: str, columns: int, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """The lines of a bar's last picture in a terminal that wide."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    for variable, value in (("TERM", "xterm-256color"), ("COLUMNS", str(columns))):
        monkeypatch.setenv(variable, value)
    for _ in show([report], report.total, name):
        pass
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().err)
    return [line.rstrip() for line in re.split(r"[\r\n]+", plain) if line.strip()]


LOSSES = {"discriminator": 1.2345, "accuracy": 0.71234, "generator": 0.81234}
GAN = Progress(45_000, 93_700, 48, LOSSES, {}, 7_700.0, False, True, ("accuracy",))


@pytest.mark.parametrize(
    ("columns", "name", "said"),
    [
        (140, "gan", "discriminator 1.234  accuracy 0.7123  generator 0.8123  7,700 samples/s"),
        (93, "gan", "discriminator 1.234  accuracy 0.7123  generator 0.8123"),
        (80, "gan", "discriminator 1.234  generator 0.8123"),
        (80, "my-dcgan-seed-1", "discriminator 1.23  generator 0.812"),
        (80, "a-name-that-is-as-long-as-some-are", "discriminator 1.23  generator 0.812"),
    ],
)
def test_the_bar_and_the_losses_stay_readable_in_a_narrow_terminal(
    columns: int, name: str, said: str, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = drawn(GAN, name, columns, capsys, monkeypatch)
    assert lines and all(len(line) <= columns for line in lines)
    assert lines[-1].endswith(f" {said}"), lines[-1]
    assert lines[-1].startswith(name[:13]) and "45000/93700" in lines[-1]
    assert sum(lines[-1].count(one) for one in "━╸╺") >= 8


def test_a_bar_without_losses_stays_long_in_a_narrow_terminal(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    for variable, value in (("TERM", "xterm-256color"), ("COLUMNS", "80")):
        monkeypatch.setenv(variable, value)
    list(progress.track([b"x" * 5000], 5000, "Pulling"))
    assert "━" * 24 in capsys.readouterr().err


def test_a_dumb_terminal_gets_lines_and_no_bar(
    clock: list[float], capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("TERM", "dumb")
    for _ in progress.track([b"x" * 5000], 5000, "Pulling"):
        clock[0] += 40
    said = capsys.readouterr().err
    assert said == "Pulling: 5,000 of 5,000 (100%), 40 s\n"
