"""The guard of a session: a Hub that is slow on purpose, sends without end, or asks to be asked
elsewhere holds no command for long.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import CHECKPOINT, FORMAT_1, Zoo
from hub_server import WRITE, Answer, Hub, redirected, serving, status
from hub_speaking import SLOWLY, Speak, speaking

from zoo.common.errors import ConfigError
from zoo.hub import guard
from zoo.hub.session import connected

NAME = "hf:owner/repo"


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer must be complete within half a second."""
    monkeypatch.setenv("ZOO_HUB_TIMEOUT", "0.5")


@pytest.mark.parametrize("speak", SLOWLY, ids=lambda speak: speak.__name__)
@pytest.mark.parametrize("words", ["search", f"pull {NAME}", "push vae-mnist a/b --dry-run"])
def test_an_answer_that_never_is_complete_ends_after_its_time(
    zoo: Zoo, hasty: None, speak: Speak, words: str
) -> None:
    began = time.monotonic()
    with speaking(speak) as endpoint:
        result = zoo(*words.split(), "--endpoint", endpoint)
    assert result.exit_code == 1 and time.monotonic() - began < 5
    assert f"{endpoint} is too slow: it sent too little in 0.5 seconds" in result.stderr
    assert "ZOO_HUB_TIMEOUT=SECONDS" in result.stderr


@pytest.mark.parametrize("speak", SLOWLY, ids=lambda speak: speak.__name__)
def test_a_file_that_comes_a_byte_at_a_time_is_given_up(
    hub: Hub, zoo: Zoo, hasty: None, speak: Speak
) -> None:
    began = time.monotonic()
    with speaking(speak) as endpoint:
        hub.answers[r"resolve.*/model\.safetensors"] = redirected(endpoint)
        result = zoo("pull", NAME)
    assert result.exit_code == 1 and time.monotonic() - began < 5
    assert f"{hub.endpoint} is too slow" in result.stderr


def test_a_large_file_may_take_longer_as_long_as_it_comes_fast_enough(
    hub: Hub, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = CHECKPOINT["model.safetensors"]
    monkeypatch.setenv("ZOO_HUB_TIMEOUT", "0.5")

    def steadily(connection: socket.socket, over: threading.Event) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode())
        for start in range(0, len(content), 1000):
            connection.sendall(content[start : start + 1000])
            time.sleep(0.04)

    with speaking(steadily) as endpoint:
        hub.answers[r"resolve.*/model\.safetensors"] = redirected(endpoint)
        began = time.monotonic()
        result = zoo("pull", NAME)
        assert result.exit_code == 0 and time.monotonic() - began > 1, result.stderr
        monkeypatch.setenv("ZOO_HUB_SPEED", "100000")
        assert "is too slow" in zoo("pull", NAME, "--from", "hub").stderr


def test_a_list_gets_its_time_once_for_all_its_pages(
    hub: Hub, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_HUB_TIMEOUT", "0.6")
    link = {"Link": f'<{hub.endpoint}/api/again>; rel="next"'}

    def after_a_while(answer: Answer) -> Answer:
        time.sleep(0.2)
        return Answer(200, link, b"[]")

    hub.answers["/tree/|/again|/api/models.?"] = after_a_while
    result = zoo("search")
    assert "is too slow" in result.stderr and len(hub.requests) < 6
    hub.answers = {"/tree/|/again": after_a_while}
    hub.requests.clear()
    for words in (("pull", NAME), ("push", "vae-mnist", "owner/repo", "--dry-run")):
        assert "is too slow" in zoo(*words).stderr
    assert len(hub.requests) < 14


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (status(429, {"Retry-After": "50"}), "too many requests): try again in 50 seconds"),
        (status(503, {"Retry-After": "50"}), "too many requests): try again in 50 seconds"),
        (status(429, {"ratelimit": '"api";r=0;t=50'}), "try again in 50 seconds"),
        (status(429), "too many requests): try again later"),
        (status(503), "Server error '503 Service Unavailable'"),
        (status(502), "Server error '502 Bad Gateway'"),
    ],
)
@pytest.mark.parametrize("words", ["search", f"pull {NAME}"])
def test_a_list_that_can_not_come_in_time_is_not_waited_for(
    hub: Hub,
    zoo: Zoo,
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    answer: Callable[[Answer], Answer],
    said: str,
) -> None:
    monkeypatch.setenv("ZOO_HUB_TIMEOUT", "2")
    hub.answers["/tree/|/api/models.?.?.?$|/api/models.?filter"] = answer
    began = time.monotonic()
    result = zoo(*words.split())
    assert result.exit_code == 1 and time.monotonic() - began < 2, result.output
    assert said in result.stderr and hub.endpoint in result.stderr, result.stderr
    assert "too slow" not in result.stderr


@pytest.mark.parametrize(("seconds", "quiet"), [("10", False), ("10", True), ("0", False)])
def test_a_long_pause_before_another_try_is_said_in_a_note(
    hub: Hub, zoo: Zoo, monkeypatch: pytest.MonkeyPatch, seconds: str, quiet: bool
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    tries = iter(range(10))
    hub.answers["/api/models"] = lambda answer: (
        Answer(503, {"Retry-After": seconds}, b"") if next(tries) == 0 else answer
    )
    result = zoo("search", *(["--quiet"] if quiet else []))
    assert result.exit_code == 0, result.stderr
    note = f"{hub.endpoint} can't answer now: asking again in 11 seconds.\n"
    assert (note in result.stderr) is (seconds == "10" and not quiet)
    assert "503" not in result.stderr and "Retry" not in result.stderr
    assert result.stderr.count("asking again") <= 1


@pytest.mark.parametrize("value", ["0", "-1", "soon", "nan", "inf", "1e9"])
@pytest.mark.parametrize("name", ["ZOO_HUB_TIMEOUT", "ZOO_HUB_SPEED"])
def test_a_time_or_a_speed_that_is_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=f"{name} = '{value}' must be a number above 0"):
        guard.Guard("https://hub.example")


def without_end(hub: Hub) -> Callable[[Answer], Answer]:
    """A tree of 500 further files a page, that never ends."""
    pages = iter(range(10**6))

    def page(answer: Answer) -> Answer:
        at = next(pages)
        files = [
            {"type": "file", "path": f"{at}/{number}", "size": 1, "oid": "0" * 40}
            for number in range(500)
        ]
        link = {"Link": f'<{hub.endpoint}/api/models/owner/repo/tree/more>; rel="next"'}
        return Answer(200, link, json.dumps(files).encode())

    return page


@pytest.mark.parametrize(
    "words", [f"pull {NAME}", f"push vae-mnist owner/repo --yes --token {WRITE}"]
)
def test_a_tree_without_end_is_left_after_a_thousand_files(hub: Hub, zoo: Zoo, words: str) -> None:
    hub.answers["/tree/"] = without_end(hub)
    result = zoo(*words.split())
    assert result.exit_code == 1 and "it lists more than 1,000 files" in result.stderr
    assert sum("/tree/" in one for one in hub.requests) == 3


# nothing is asked that the command does not need

HARNESSES = [
    b"[]",
    b'"x"',
    b'{"harnesses": [1]}',
    b'{"harnesses": {"a\\r\\nHost: evil": {"envVars": {"HOME": "*"}}}}',
    b'{"harnesses": {"seen-it": {"envVars": {"ZOO_SECRET": "*"}}}}',
]


@pytest.fixture
def world(tmp_path: Path) -> dict[str, str]:
    """The environment of a process in which an agent works and that nobody told to keep quiet."""
    return {**os.environ, "HF_HOME": str(tmp_path / "hf"), "ZOO_SECRET": "here", "AGENT": "me"}


@pytest.mark.parametrize(
    ("words", "body"),
    [
        *(("search", body) for body in HARNESSES),
        (f"pull {NAME}", HARNESSES[-1]),
        ("push ./mine owner/b --yes", HARNESSES[-1]),
    ],
)
def test_no_list_of_harnesses_is_asked_for_nor_believed(
    hub: Hub, world: dict[str, str], words: str, body: bytes
) -> None:
    shutil.copytree(FORMAT_1, "mine")
    hub.answers["agent-harnesses"] = status(200, body=body)
    command = [sys.executable, "-m", "zoo", *words.split()]
    world["HF_TOKEN"] = WRITE
    done = subprocess.run(command, env=world, capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == 0, done.stderr
    assert hub.requests and not [one for one in hub.requests if "harness" in one]
    assert not [one.agent for one in hub.requests if "agent/" in one.agent]
    assert not Path(world["HF_HOME"]).exists()


def test_with_an_endpoint_named_the_environments_is_asked_nothing(
    hub: Hub, world: dict[str, str]
) -> None:
    there = ["--endpoint", hub.endpoint, "--token", WRITE]
    with serving() as other:
        world["HF_ENDPOINT"] = other.endpoint
        for words in (["search"], ["pull", NAME], ["push", NAME, "owner/b", "--yes"]):
            command = [sys.executable, "-m", "zoo", *words, *there]
            done = subprocess.run(command, env=world, capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, done.stderr
        assert other.requests == [] and hub.requests


def test_the_clients_settings_are_changed_for_a_session_and_put_back(hub: Hub) -> None:
    from huggingface_hub import constants
    from huggingface_hub.utils import _http
    from huggingface_hub.utils.tqdm import progress_bar_states

    def settings() -> list[Any]:
        names = [name for name in dir(constants) if name.isupper()]
        values = {name: getattr(constants, name) for name in names}
        return [values, dict(progress_bar_states), _http._GLOBAL_CLIENT_FACTORY]

    before = settings()
    with connected("look at"):
        assert constants.HF_HUB_DISABLE_TELEMETRY and hub.endpoint == constants.ENDPOINT
        assert settings() != before
    assert settings() == before
    with pytest.raises(ZeroDivisionError), connected("look at"):
        raise ZeroDivisionError
    assert settings() == before
