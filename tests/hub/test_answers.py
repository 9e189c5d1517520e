"""Damaged answers of a Hub, of every kind: each command ends in words or does its work, without a
traceback, in bounded time and room, and writes nothing outside of its store.
"""

import json
import os
import random
import socket
import string
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from conftest import CHECKPOINT, Zoo
from hub_server import WRITE, Answer, Hub
from hub_speaking import speaking
from mutations import LONGEST, MANY, ROOM, damaged

NAME = "hf:owner/repo"
# of each of four commands and two kinds of damage: 200 in all, and 5,000 or what FUZZ says
CASES = [25, pytest.param(max(1, MANY // 8), marks=pytest.mark.fuzz)]

VALUES: list[Any] = [
    None, True, False, 0, -1, 1 << 63, 10**400, 1.5, float("inf"), "", "x" * 300, "\x1b]0;x\x07",
    "\u202e", "\ud800", "../../x", "/etc/passwd", [], {}, [[]], [None], {"a": {}}, "0" * 40,
]  # fmt: skip
WORDS = ["", "x", '"', "'; x", "\t", "0", "-1", "9" * 30, "a b", "../x", "<http://127.0.0.1:1/>"]


def mutated(value: Any, generator: random.Random) -> Any:
    """A copy of a JSON value with one of its parts another."""
    if generator.random() < 0.15:
        return generator.choice(VALUES)
    if isinstance(value, list) and value:
        copy = list(value)
        at = generator.randrange(len(copy))
        kind = generator.randrange(5)
        if kind == 0:
            del copy[at]
        elif kind == 1:
            copy.insert(at, copy[at])
        else:
            copy[at] = mutated(copy[at], generator)
        return copy
    if isinstance(value, dict) and value:
        copy = dict(value)
        key = generator.choice(list(copy))
        kind = generator.randrange(5)
        if kind == 0:
            del copy[key]
        elif kind == 1:
            copy[generator.choice(string.ascii_lowercase)] = copy.pop(key)
        else:
            copy[key] = mutated(copy[key], generator)
        return copy
    return generator.choice(VALUES)


def body(answer: Answer, generator: random.Random) -> Answer:
    """The answer with its body damaged: as JSON most often, as bytes at times."""
    if generator.random() < 0.3 or not answer.body:
        (content,) = damaged([answer.body or b"x"], 1, generator.randrange(1 << 30))
        return answer._replace(body=content)
    try:
        value = json.loads(answer.body)
    except ValueError:
        return answer._replace(body=answer.body[: generator.randrange(len(answer.body))])
    for _ in range(generator.choice((1, 1, 2, 5))):
        value = mutated(value, generator)
    return answer._replace(body=json.dumps(value).encode())


def head(answer: Answer, generator: random.Random) -> Answer:
    """The answer with another status, or headers that are others, missing or new."""
    headers = dict(answer.headers)
    names = ["ETag", "X-Repo-Commit", "X-Linked-ETag", "X-Linked-Size", "X-Error-Code", "Link"]
    names += ["X-Xet-Hash", "Location", "Retry-After", "Content-Type", "X-Error-Message"]
    names += ["ratelimit", "Content-Range", "Content-Encoding", "X-HF-Warning"]
    for _ in range(generator.choice((1, 1, 2, 4))):
        name = generator.choice([*headers, *names])
        if generator.random() < 0.3:
            headers.pop(name, None)
        else:
            headers[name] = generator.choice(WORDS)
    code = answer.status
    if generator.random() < 0.3:
        code = generator.choice((200, 204, 206, 301, 302, 307, 400, 401, 403, 404, 409, 412, 416,
                                 429, 451, 500, 503))  # fmt: skip
    return Answer(code, headers, b"" if code in (204, 304) else answer.body)


COMMANDS = {
    "pull": (["pull", NAME, "--from", "hub"], "/api/models/owner/repo$|/tree/|resolve"),
    "update": (["pull", "--update"], "/api/models/owner/repo"),
    "search": (["search"], "/api/models"),
    "push": (["push", NAME, "owner/other", "--yes"], "."),
}


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is waited for."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setenv("ZOO_HUB_TIMEOUT", "2")
    monkeypatch.setattr("zoo.hub.guard.PATIENCE", 1.0)
    monkeypatch.setattr("zoo.hub.guard.LONGEST_WAIT", 0)
    for name in ("HF_HUB_DOWNLOAD_TIMEOUT", "HF_HUB_ETAG_TIMEOUT"):
        monkeypatch.setattr(f"huggingface_hub.constants.{name}", 1)
    monkeypatch.setattr("huggingface_hub.file_download._ETAG_RETRY_TIMEOUT", 1)
    yield


@pytest.mark.filterwarnings("ignore:Use 'content=")
@pytest.mark.parametrize("cases", CASES)
@pytest.mark.parametrize("damage", [body, head])
@pytest.mark.parametrize("kind", COMMANDS)
def test_a_damaged_answer_ends_in_words(
    hub: Hub,
    zoo: Zoo,
    hurry: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    damage: Callable[[Answer, random.Random], Answer],
    cases: int,
) -> None:
    words, asked = COMMANDS[kind]
    monkeypatch.setenv("HF_TOKEN", WRITE)
    hub.put("you/vae", {"README.md": CARD})
    assert zoo("pull", NAME).exit_code == 0
    places = set(outside(tmp_path))
    for case in range(cases):
        generator = random.Random(case)
        # one answer of a command is damaged, so that the others lead to it
        which, count = generator.randrange(12), iter(range(10**6))
        hub.answers[asked] = lambda answer, which=which, count=count, generator=generator: (
            damage(answer, generator) if next(count) == which else answer
        )
        began, before = time.monotonic(), psutil.Process().memory_info().rss
        result = zoo(*words)
        assert result.exit_code in (0, 1), (case, result.exception)
        assert result.exception is None or isinstance(result.exception, SystemExit), case
        assert "Traceback" not in result.output and WRITE not in result.output, (
            case,
            result.output,
        )
        assert all(letter.isprintable() or letter == "\n" for letter in result.output), case
        assert time.monotonic() - began < 3 * LONGEST, case
        assert psutil.Process().memory_info().rss - before < ROOM, case
        hub.answers.clear()
        hub.repositories.pop("owner/other", None)
        hub.requests.clear()
        Path(os.environ["ZOO_HOME"], "pushes.json").unlink(missing_ok=True)
    assert set(outside(tmp_path)) == places
    assert zoo("pull", NAME, "--from", "hub").exit_code == 0
    kept = Path(zoo("pull", NAME).stdout.strip())
    assert (kept / "model.safetensors").read_bytes() == CHECKPOINT["model.safetensors"]


RAW = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
    b'Link: <http://127.0.0.1:9/next>; rel="next"\r\nConnection: close\r\n\r\n%s'
)
CHUNKED = (
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
    b"Connection: close\r\n\r\n%x;a=b\r\n%s\r\n0\r\nX-Trailer: 1\r\n\r\n"
)


@pytest.mark.parametrize("cases", CASES)
@pytest.mark.parametrize("kind", ["search", "pull"])
def test_damaged_bytes_on_the_wire_end_in_words(
    zoo: Zoo, hurry: None, kind: str, cases: int
) -> None:
    found = json.dumps([{"id": "a/b", "library_name": "genzoo", "downloads": 3}]).encode()
    about = json.dumps({"id": "owner/repo", "sha": "0" * 40, "siblings": []}).encode()
    body = found if kind == "search" else about
    seeds = [RAW % (len(body), body), CHUNKED % (len(body), body)]
    contents = damaged(seeds, cases)

    def speak(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(next(contents, b""))

    with speaking(speak) as endpoint:
        for case in range(cases):
            began = time.monotonic()
            words = ["search"] if kind == "search" else ["pull", NAME]
            result = zoo(*words, "--endpoint", endpoint)
            assert result.exit_code in (0, 1), (case, result.exception)
            assert result.exception is None or isinstance(result.exception, SystemExit), case
            assert all(letter.isprintable() or letter == "\n" for letter in result.output), case
            assert time.monotonic() - began < 3 * LONGEST, case


CARD = b"""---
library_name: genzoo
license: mit
tags: [mlp-vae, vae]
datasets: [mnist]
model-index:
- name: vae
  results:
  - task: {type: unconditional-image-generation}
    dataset: {name: mnist, type: mnist, split: test}
    metrics:
    - {type: nll, name: NLL, value: 84.1}
    - {type: recall, name: Recall, value: 0.5}
---
# A card
"""


def outside(folder: Path) -> Iterator[str]:
    """What lies in a test's world outside of its store."""
    for one in folder.rglob("*"):
        if "home" not in one.relative_to(folder).parts:
            yield str(one)
