"""Kill a command at each of its file-system events, and see what it leaves.

Run as a program it reads a `Trial` as JSON from standard input, kills the command at the events
that are asked for, and prints what each kill left. It imports the command once and forks, so that
a kill costs a fraction of a second.
"""

import contextlib
import dataclasses
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# what changes a file system, as Python tells its audit hooks; each is told before it happens
EVENTS = (
    "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate",
    "os.chmod", "os.utime", "fcntl.flock", "ctypes.call_function",
)  # fmt: skip
LONGEST = 120.0  # seconds of one run
AT_ONCE = 5  # every so many events are tried, from a start that changes by the day


@dataclasses.dataclass(frozen=True)
class Trial:
    """A command to be killed.

    **Arguments:**
    - `command`: its words; `{n}` stands for the number of the kill.
    - `template`: a folder that holds the home as it is before; it may be missing.
    - `imports`: modules to import before the forks.
    - `points`: the events to kill at, counted from 0; None for none.
    - `again`: commands for the run after a kill, in the place of the same one; they are tried one
      after the other until one ends well.
    """

    command: list[str]
    template: str
    imports: list[str]
    points: list[int] | None = None
    again: list[list[str]] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Left:
    """What is there after a kill at event `point`, and after the same command was run again.

    **Arguments:**
    - `killed`: whether the command was still running.
    - `event`: the event in words.
    - `after`, `again`: the files of the home and their digests, after the kill and at the end.
    - `code`, `output`: how the second run ended, and what it printed.
    - `tried`: how many of the commands of `again` were run.
    """

    point: int
    killed: bool
    event: str
    after: dict[str, str]
    again: dict[str, str]
    code: int
    output: str
    tried: int = 1


def events_of(trial: Trial) -> list[str]:
    """The events of a command that is not killed."""
    return _run(dataclasses.replace(trial, points=None))


def tried(trial: Trial) -> list[Left]:
    """Run a trial in a process of its own."""
    return [Left(**one) for one in _run(trial)]


def _run(trial: Trial) -> list[Any]:
    done = subprocess.run(
        [sys.executable, "-B", __file__],  # a written .pyc file would be an event, but only once
        input=json.dumps(dataclasses.asdict(trial)),
        capture_output=True,
        text=True,
        timeout=3600,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    results: list[Any] = json.loads(done.stdout.splitlines()[-1])
    return results


def every_fifth(number: int) -> list[int]:
    """The points of today among so many events; all of them with KILLS=all."""
    if os.environ.get("KILLS") == "all":
        return list(range(number))
    seed = int(os.environ.get("KILLS", time.time() // 86_400))
    return list(range(seed % AT_ONCE, number, AT_ONCE))


def lefts(trial: Trial, spare: int = 0) -> list[Left]:
    """What kills at the events of today leave.

    **Arguments:**
    - `spare`: how many runs may end without their kill: a run may have an event fewer than the one
        that was counted, since libraries make folders of theirs when they are missing.
    """
    trials = tried(dataclasses.replace(trial, points=every_fifth(len(events_of(trial)))))
    found = [one for one in trials if one.killed]
    assert found and len(trials) - len(found) <= spare
    print(f"{len(found)} kills of {' '.join(trial.command)}")
    return found


def held(folder: Path) -> dict[str, str]:
    """The files below a folder and their digests, as text."""
    import hashlib

    return {
        str(one.relative_to(folder)): hashlib.sha256(one.read_bytes()).hexdigest()
        for one in sorted(folder.rglob("*"))
        if one.is_file()
    }


def _main() -> None:
    trial = Trial(**json.load(sys.stdin))
    import importlib

    from click.testing import CliRunner

    from zoo.cli import main

    for name in trial.imports:
        importlib.import_module(name)
    root = Path(os.environ["ZOO_HOME"])

    def run(number: int, command: list[str] = trial.command) -> tuple[int, str]:
        words = [word.format(n=number) for word in command]
        result = CliRunner().invoke(main, words)
        return result.exit_code, result.output

    def run_again(number: int) -> tuple[int, str, int]:
        said, code, runs = "", -1, 0
        for command in trial.again or [trial.command]:
            code, output = run(number, command)
            said += output
            runs += 1
            if code == 0:
                break
        return code, said, runs

    def prepared(number: int) -> Path:
        home = root / str(number)
        if Path(trial.template).is_dir():
            shutil.copytree(trial.template, home)
        return home

    results: list[Any] = []
    points = trial.points
    if points is None:
        # a run that is not killed tells how many events there are
        home = prepared(10**6)
        results, _ = _forked(home, lambda: run(10**6), kill_at=10**6)
        shutil.rmtree(home)
    for point in points or ():
        home = prepared(point)
        events, result = _forked(home, functools.partial(run, point), kill_at=point)
        after = held(home)
        _, again = _forked(home, functools.partial(run_again, point))
        killed = result is None
        left = Left(point, killed, events[-1], after, held(home), *(again or (-1, "", 1)))
        results.append(dataclasses.asdict(left))
        shutil.rmtree(home)
    print(json.dumps(results))


def _forked(
    home: Path, run: Callable[[], Any], kill_at: int | None = None
) -> tuple[list[str], Any]:
    """Run in a child process whose home is a folder. **Returns:** the events, where they are
    counted, and the result; None when the child was killed.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.environ["ZOO_HOME"] = str(home)
        _child(home, run, writing, kill_at)
    os.close(writing)
    with _in_time(child), os.fdopen(reading, "rb") as pipe:
        said = pipe.read().decode()
        os.waitpid(child, 0)
    lines = said.splitlines()
    results = [json.loads(line[2:]) for line in lines if line.startswith("= ")]
    return [line for line in lines if not line.startswith("= ")], results[0] if results else None


def _child(home: Path, run: Callable[[], Any], writing: int, kill_at: int | None) -> None:
    seen = 0

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal seen
        if not _changes(event, arguments, str(home)):
            return
        os.write(writing, f"{seen} {event} {str(arguments)[:200]!r}\n".encode())
        if seen == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        seen += 1

    if kill_at is not None:
        sys.addaudithook(hook)
    result = run()
    os.write(writing, f"= {json.dumps(result)}\n".encode())
    os._exit(0)


def _changes(event: str, arguments: tuple[Any, ...], home: str) -> bool:
    """Whether an event changes the home."""
    if event == "open" and isinstance(arguments[0], str | bytes):
        path, flags = str(Path(os.fsdecode(arguments[0])).absolute()), arguments[2] or 0
        return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)) and path.startswith(home)
    return event in EVENTS


@contextlib.contextmanager
def _in_time(child: int) -> Iterator[None]:
    """Kill a child that hangs."""

    def late(signal_: int, frame: Any) -> None:
        os.kill(child, signal.SIGKILL)
        raise TimeoutError(f"a run did not end in {LONGEST} seconds")

    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, LONGEST)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


if __name__ == "__main__":
    _main()
