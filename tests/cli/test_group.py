"""The group of commands: it suggests, translates errors, and ends on Ctrl-C."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import Zoo
from hub_server import Hub, stalled

ZOO = [sys.executable, "-m", "zoo"]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`zoo` as a process of its own."""
    return subprocess.run(
        [*ZOO, *arguments], capture_output=True, text=True, env={**os.environ, **environment}
    )


def test_an_unknown_command_is_a_usage_error(zoo: Zoo) -> None:
    result = zoo("smaple")
    assert result.exit_code == 2 and "smaple" in result.stderr and result.stdout == ""


@pytest.mark.parametrize(
    "words", [["--debug", "show", "nope"], ["show", "--debug", "nope"], ["show", "nope"]]
)
def test_debug_before_or_after_the_command_shows_the_traceback(words: list[str]) -> None:
    result = run(*words)
    assert (
        result.returncode == 1
        and result.stdout == ""
        and "Nothing has the name 'nope'" in result.stderr
    )
    assert ("Traceback (most recent call last)" in result.stderr) == ("--debug" in words)
    assert "--debug" in words or len(result.stderr.splitlines()) == 1


@pytest.fixture
def asked_for_weights(hub: Hub) -> Iterator[Callable[[], bool]]:
    """A Hub that never sends the weights of hf:owner/repo; whether it was asked for them."""
    released = threading.Event()
    hub.answers[r"GET .*/model\.safetensors"] = stalled(released)
    yield lambda: any(
        one.startswith("GET ") and one.endswith("/model.safetensors") for one in hub.requests
    )
    released.set()


def interrupted(
    *arguments: str, when: Callable[[], bool], **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run `zoo`, press Ctrl-C once `when` says so, and wait for the end."""
    command = [*ZOO, *arguments]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    ) as process:
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline and not when():
            time.sleep(0.02)
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            stdout, stderr = process.communicate(timeout=60)
        finally:
            process.kill()
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


def assert_nothing_is_left(result: subprocess.CompletedProcess[str], *, kept: list[str]) -> None:
    """It ended as Ctrl-C ends, in one word; store and working folder are as before."""
    assert result.returncode == 130, result.stderr
    assert (
        result.stderr.endswith("Interrupted.\n")
        and "Traceback" not in result.stderr
        and result.stdout == ""
    )
    home = Path.cwd().parent / "home"
    for folder in ("checkpoints", "scratch"):
        assert not (home / folder).exists() or list((home / folder).glob("[!.]*")) == []
    assert not (home / "current").exists()
    assert list(Path.cwd().parent.rglob("*.partial")) == []
    assert sorted(path.name for path in Path().iterdir()) == kept


@pytest.mark.parametrize("place", [["--name", "mine"], ["--out", "made"]])
def test_ctrl_c_in_the_middle_of_training(place: list[str]) -> None:
    words = ["train", "mlp-vae", *place, "--epochs", "60000", "--set", "hidden_dims=8"]
    grids = Path("made.run") if "--out" in place else Path.cwd().parent / "home" / "runs" / "mine"
    result = interrupted(*words, when=(grids / "epoch-002.png").exists)
    assert_nothing_is_left(result, kept=[grids.name] if "--out" in place else [])


@pytest.mark.parametrize("output", ["x.npz", "x"])
def test_ctrl_c_in_the_middle_of_sampling(zoo: Zoo, output: str) -> None:
    if output == "x.npz":
        assert zoo("sample", "vae-mnist", "-n", 1, "-o", "x.npz").exit_code == 0
    before = Path("x.npz").read_bytes() if output == "x.npz" else b""
    words = ["sample", "vae-mnist", "-n", "2000000", "-o", output]
    result = interrupted(*words, when=lambda: list(Path().glob(".x*.partial")) != [])
    assert_nothing_is_left(result, kept=["x.npz"] if output == "x.npz" else [])
    assert output == "x" or Path("x.npz").read_bytes() == before


def test_ctrl_c_in_the_middle_of_a_pull(asked_for_weights: Callable[[], bool]) -> None:
    assert_nothing_is_left(interrupted("pull", "hf:owner/repo", when=asked_for_weights), kept=[])


def test_ctrl_c_exits_with_130_under_debug_too(asked_for_weights: Callable[[], bool]) -> None:
    result = interrupted("--debug", "pull", "hf:owner/repo", when=asked_for_weights)
    assert result.returncode == 130, result.stderr
