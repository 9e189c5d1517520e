"""A token that a Hub echoes is told nowhere: not in errors, lists, tables or notes, and not where
--debug shows what led to an error.
"""

import json
import shutil
import socket
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from conftest import CHECKPOINT, FORMAT_1, Zoo
from hub_repositories import User
from hub_server import Answer, Hub, redirected, status
from hub_speaking import speaking

import zoo as api
from zoo.hub.session import MASK, Session

NAME = "hf:owner/repo"
TOKEN = "hf_ThisIsASecretOfTheOwnerAndOfNobodyElse"


@pytest.fixture
def hub(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """One that knows the token."""
    hub.tokens[TOKEN] = User("owner", "write")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    return hub


def told(code: int, **headers: str) -> Callable[[Answer], Answer]:
    return status(code, {name.replace("_", "-"): value for name, value in headers.items()})


def listing(*paths: str) -> Callable[[Answer], Answer]:
    entries = [{"type": "file", "path": path, "size": 1, "oid": "0" * 40} for path in paths]
    return status(200, body=json.dumps(entries).encode())


ECHOES: dict[str, tuple[str, Callable[[Answer], Answer]]] = {
    "message": ("/api/", told(500, X_Error_Message=f"no {TOKEN}, no")),
    "request id": ("/api/", told(400, X_Request_Id=TOKEN)),
    "trace": ("HEAD", told(500, X_Amzn_Trace_Id=TOKEN)),
    "body": ("/api/", status(400, body=json.dumps({"error": f"bad {TOKEN}"}).encode())),
    "text": ("/api/", status(400, {"Content-Type": "text/plain"}, f"bad {TOKEN}".encode())),
    "etag": ("HEAD .*config", told(200, ETag=f'"a {TOKEN}"')),
    "commit": ("HEAD .*config", told(200, X_Repo_Commit=TOKEN)),
    "cut etag": ("HEAD .*config", told(200, ETag=f'"{"a " * 30}{TOKEN}"')),
    "file names": ("/tree/", listing(TOKEN, "x")),
    "cut file names": ("/tree/", listing("y" * 180, TOKEN)),
    "a pickle": ("/tree/", listing(f"{TOKEN}.pkl")),
    "a long message": ("/api/", told(403, X_Error_Message="x " * 80 + TOKEN)),
    "where to": ("resolve.*config", redirected(f"http://127.0.0.1:9/{TOKEN}")),
}


def config_elsewhere(answer: Answer) -> Answer:
    return Answer(302, answer.headers | {"Location": f"http://127.0.0.1:9/{TOKEN}"}, b"")


def leaks(text: str) -> bool:
    """Whether eight characters of the token stand anywhere."""
    return any(TOKEN[start : start + 8] in text for start in range(len(TOKEN) - 7))


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("case", ECHOES)
def test_what_a_hub_echoes_is_masked(
    hub: Hub, zoo: Zoo, capfd: pytest.CaptureFixture[str], case: str, debug: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    import traceback

    monkeypatch.setattr("time.sleep", lambda seconds: None)
    asked, answer = ECHOES[case]
    hub.answers[asked] = config_elsewhere if case == "where to" else answer
    result = zoo("pull", NAME, *(["--debug"] if debug else []))
    assert result.exit_code == 1
    captured = capfd.readouterr()
    shown = result.output + captured.out + captured.err
    if debug and result.exc_info:
        shown += "".join(traceback.format_exception(*result.exc_info))
    assert not leaks(shown), shown
    assert debug or "Error: " in shown


def test_the_reason_phrase_is_masked(zoo: Zoo, hub: Hub) -> None:
    def reason(connection: socket.socket, over: object) -> None:
        connection.sendall(f"HTTP/1.1 418 {TOKEN}\r\nContent-Length: 0\r\n\r\n".encode())

    with speaking(reason) as endpoint:
        for words in (["pull", NAME], ["search"], ["push", NAME, "a/b", "--dry-run"]):
            result = zoo(*words, "--endpoint", endpoint)
            assert result.exit_code == 1 and not leaks(result.output), result.output


def test_names_of_files_to_be_removed_are_masked(hub: Hub, zoo: Zoo) -> None:
    shutil.copytree(FORMAT_1, "mine")
    hub.put("owner/repo", CHECKPOINT | {f"images/{TOKEN}.png": b"x"})
    assert zoo("pull", NAME).exit_code == 0
    result = zoo("push", "./mine", "owner/repo", "--dry-run")
    assert result.exit_code == 0 and "remove" in result.stdout, result.output
    assert not leaks(result.output)


def test_names_of_files_that_come_are_masked(hub: Hub) -> None:
    hub.put("owner/repo", {f"images/{TOKEN}.png": b"x" * 5000})
    told = []

    def watch(items: Iterable[Any], n: int, doing: str) -> Iterator[Any]:
        told.append(doing)
        yield from items

    folder = api.pull(NAME, watch=watch)
    assert (folder / "images" / f"{TOKEN}.png").is_file()
    assert f"{MASK}.png" in told and not leaks(" ".join(told))


def test_what_is_found_is_masked(hub: Hub, zoo: Zoo) -> None:
    card = {"library_name": "genzoo", "license": TOKEN, "tags": [TOKEN], "datasets": [TOKEN]}
    index = [{"results": [{"dataset": {"name": TOKEN}, "metrics": [{"type": TOKEN, "value": 1}]}]}]
    entries = [
        {"id": f"you/{TOKEN}", "library_name": "genzoo"},
        {"id": "you/vae", "cardData": card | {"model-index": index}, "lastModified": TOKEN},
    ]
    hub.answers["/api/models"] = status(200, body=json.dumps(entries).encode())
    for words in (["search"], ["search", "--json"]):
        result = zoo(*words)
        assert result.exit_code == 0 and "you/vae" in result.stdout and not leaks(result.output)


@pytest.mark.parametrize("token", [TOKEN, "short", "a/b+c=d%e", "x"])
def test_a_token_is_masked_in_every_form(hub: Hub, token: str) -> None:
    from urllib.parse import quote

    session = Session("https://hub.example", token)
    for form in (token, quote(token, safe="")):
        assert session.mask(f"<{form}>") == f"<{MASK}>"
    assert session.mask("nothing") == "nothing" or token == "x"
    assert Session("https://hub.example", TOKEN).mask(TOKEN[:12] + "…") == f"{MASK}…"
