"""The session with the Hub: who gets a token, how long it waits, whom it trusts, and what it says
of each refusal.
"""

import gzip
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Zoo
from hub_server import (
    READ,
    WRITE,
    Answer,
    Hub,
    cut,
    redirected,
    serving,
    shorter,
    stalled,
    status,
    times,
)

from zoo.common.errors import HubError
from zoo.hub.endpoint import HOME
from zoo.hub.session import Session, connected

NAME = "hf:owner/repo"
SECRET = "hf_secret"


@pytest.fixture
def login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody is logged in to huggingface.co."""
    (tmp_path / "token").write_text("hf_stored\n")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))


@pytest.fixture
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client does not wait between its tries."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


@pytest.fixture
def impatient(hurry: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor for an answer, of which it tries to get six."""
    for name in ("HF_HUB_DOWNLOAD_TIMEOUT", "HF_HUB_ETAG_TIMEOUT"):
        monkeypatch.setattr(f"huggingface_hub.constants.{name}", 0.05)
    for name in ("zoo.hub.guard.PATIENCE", "huggingface_hub.file_download._ETAG_RETRY_TIMEOUT"):
        monkeypatch.setattr(name, 0.05)


def refusal(zoo: Zoo, *words: str) -> str:
    """The words in which a pull is refused: of this kind, without a traceback or a token."""
    result = zoo("pull", NAME, *words)
    assert result.exit_code == 1 and result.stdout == "", result.exception
    assert "Error: " in result.stderr and "Traceback" not in result.stderr
    assert SECRET not in result.stderr and READ not in result.stderr
    return result.stderr


# tokens


@pytest.mark.parametrize(
    ("endpoint", "given", "environment", "sent"),
    [
        (HOME, None, None, "hf_stored"),
        (HOME, None, "hf_env", "hf_env"),
        (HOME, "hf_given", "hf_env", "hf_given"),
        ("https://hub.example", None, None, None),
        ("https://hub.example", None, "hf_env", "hf_env"),
        ("https://hub.example", "hf_given", "hf_env", "hf_given"),
        ("https://huggingface.co.example", None, None, None),
        ("http://huggingface.co", None, None, None),
        ("http://hub.example", None, "hf_env", None),
        ("http://127.0.0.1:8000", None, None, None),
        ("http://127.0.0.1:8000", None, "hf_env\n", "hf_env"),
        ("http://localhost:8000", "hf_given", None, "hf_given"),
        ("http://[::1]:8000", "hf_given", None, "hf_given"),
    ],
)
def test_the_stored_login_is_for_huggingface_co_and_plain_http_for_this_machine(
    login: None,
    monkeypatch: pytest.MonkeyPatch,
    endpoint: str,
    given: str,
    environment: str,
    sent: str | None,
) -> None:
    if environment:
        monkeypatch.setenv("HF_TOKEN", environment)
    session = Session(endpoint, given)
    assert session.token == sent
    assert session.api.token == (sent or False)  # False: not even the one that is stored


def test_logging_in_is_advised_where_it_helps(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))
    assert Session(HOME, None).login == "run hf auth login, or set HF_TOKEN"
    assert Session("https://hub.example", None).login == "set HF_TOKEN, or use --token"


@pytest.mark.parametrize(
    "endpoint", ["http://hub.example", "http://huggingface.co", "http://127.0.0.1.example"]
)
def test_a_token_that_is_named_is_not_sent_over_plain_http(endpoint: str) -> None:
    with pytest.raises(HubError, match="A token is not sent over plain http to") as caught:
        Session(endpoint, SECRET)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "token", [f"{SECRET}\nHost: x", f"{SECRET} x", f"{SECRET}ü", f"\x1b{SECRET}"]
)
def test_a_token_with_characters_that_none_has_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(HubError, match="has characters that no token can have") as caught:
        Session("https://hub.example", token)
    assert SECRET not in str(caught.value)


def test_a_stored_login_that_cannot_be_read_is_said_and_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_bytes(f"{SECRET}\xff".encode("latin-1"))
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
    with pytest.raises(
        HubError, match=r"The stored login can't be used .* run hf auth login again"
    ) as caught:
        Session(HOME, None)
    assert SECRET not in str(caught.value)
    assert Session(HOME, "hf_given").token == "hf_given"


def test_a_stored_login_is_not_sent_to_another_hub(hub: Hub, zoo: Zoo, login: None) -> None:
    assert zoo("pull", NAME).exit_code == 0
    assert {one.token for one in hub.requests} == {""}


def test_a_token_in_the_environment_goes_to_the_endpoint_that_is_named(
    hub: Hub, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", READ)
    assert zoo("pull", NAME).exit_code == 0
    assert {one.token for one in hub.requests} == {READ}


def test_a_list_that_goes_on_at_another_address_takes_no_token_there(hub: Hub, zoo: Zoo) -> None:
    elsewhere = f"{hub.endpoint.replace('127.0.0.1', 'localhost')}/elsewhere"
    link = {"Link": f'<{elsewhere}>; rel="next"'}
    hub.answers["GET .*/tree/"] = lambda answer: answer._replace(headers=answer.headers | link)
    hub.answers["GET /elsewhere"] = status(200, body=b"[]")
    assert zoo("pull", NAME, "--token", READ).exit_code == 0
    assert [one.token for one in hub.requests if one == "GET /elsewhere"] == [""]


def test_no_proxy_sees_what_goes_to_this_machine(
    hub: Hub, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert zoo("pull", NAME, "--token", READ).exit_code == 0


# what a refusal says

CODE = "X-Error-Code"
BAD_TOKEN = {"X-Error-Message": "Invalid credentials in Authorization header"}


@pytest.mark.parametrize(
    ("asked", "answer", "words"),
    [
        ("/api/", status(401), "needs an access token: set HF_TOKEN, or use --token"),
        ("/api/", status(401, {CODE: "RepoNotFound"}), (
            "owner/repo does not exist on {}, or is private and "
            "you"
        )),
        ("/api/", status(404, {CODE: "RepoNotFound"}), (
            "owner/repo does not exist on {}, or is private and "
            "you"
        )),
        ("/api/", status(404, {CODE: "RevisionNotFound"}), "owner/repo on {} has no revision"),
        ("/api/", status(403, {CODE: "GatedRepo"}), (
            "owner/repo is gated: accept its terms at {}/owner/repo, "
            "set"
        )),
        ("resolve", status(403, {CODE: "GatedRepo"}), (
            "owner/repo is gated: accept its terms at {}/owner/repo, "
            "set"
        )),
        ("resolve", status(401, {CODE: "GatedRepo"}), (
            "owner/repo is gated: accept its terms at {}/owner/repo, "
            "set"
        )),
        ("resolve.*facts", status(404, {CODE: "EntryNotFound"}), (
            "owner/repo on {} lacks a file that it "
            "lists"
        )),
        ("/api/", status(403), "Can't pull owner/repo from {} without a token: set HF_TOKEN"),
        ("resolve", status(403), "Can't pull owner/repo from {} without a token: set HF_TOKEN"),
        ("/api/", status(412), (
            "owner/repo on {} has changed since it was pulled: first run zoo pull "
            "--update"
        )),
        ("/api/", status(429), (
            "{} takes no more requests for now (too many requests): try again "
            "later"
        )),
        ("/api/", status(429, {"Retry-After": "40"}), "try again in 40 seconds"),
        ("/tree/", status(429, {"Retry-After": "4000"}), "try again in 4,000 seconds"),
        ("/tree/", status(503, {"Retry-After": "86400"}), "try again in 86,400 seconds"),
        ("/tree/", status(429, {"ratelimit": '"api";r=0;t=300'}), "try again in 300 seconds"),
        ("/tree/", status(429, {"Retry-After": "soon"}), "try again later"),
        ("resolve.*config", status(429), "try again later"),
        ("/api/", status(500), "Can't pull owner/repo from {}: Server error '500"),
        ("/api/", status(503, {"Retry-After": "1"}), "Try again later"),
        ("/tree/", status(503), "Can't pull owner/repo from {}: Server error '503"),
        ("HEAD .*config", status(503), "Can't pull owner/repo from {}: Server error '503"),
        ("GET .*resolve.*config", status(500), "Can't pull owner/repo from {}: Server error '500"),
        ("GET .*resolve.*config", shorter, "a file came damaged"),
        ("GET .*resolve.*config", cut(50), "the connection was lost"),
        ("GET .*resolve.*safetensors", cut(5000), "the connection was lost"),
        ("/api/", cut(10), "the connection was lost"),
    ],
)  # fmt: skip
def test_every_refusal_of_the_hub_is_said_in_words_that_mend_it(
    hub: Hub, zoo: Zoo, hurry: None, asked: str, answer: Callable[[Answer], Answer], words: str
) -> None:
    hub.answers[asked] = answer
    assert words.format(hub.endpoint) in refusal(zoo)
    hub.answers.clear()
    assert zoo("pull", NAME).exit_code == 0


@pytest.mark.parametrize(
    ("asked", "answer", "words"),
    [
        (
            "/api/",
            status(401, BAD_TOKEN),
            "{} refused the token: check --token and HF_TOKEN",
        ),
        ("HEAD", status(401, BAD_TOKEN), "{} refused the token: check --token and HF_TOKEN"),
        (
            "/api/",
            status(404, {CODE: "RepoNotFound"}),
            "is private and this token has no access to it",
        ),
        (
            "resolve",
            status(403, {CODE: "GatedRepo"}),
            "accept its terms at {}/owner/repo and retry",
        ),
        ("/api/", status(403), "This token has no right to pull owner/repo from {}: use"),
        ("resolve", status(403), "This token has no right to pull owner/repo from {}: use"),
    ],
)
def test_what_a_token_is_refused_is_said(
    hub: Hub, zoo: Zoo, asked: str, answer: Callable[[Answer], Answer], words: str
) -> None:
    hub.answers[asked] = answer
    assert words.format(hub.endpoint) in refusal(
        zoo, "--token", SECRET if "was refused" in words else READ
    )


def test_a_revision_that_is_not_there_is_answered_with_those_that_are(hub: Hub, zoo: Zoo) -> None:
    result = zoo("pull", f"{NAME}@v2")
    assert (
        "owner/repo on " in result.stderr
        and "has no revision 'v2'. Did you mean 'v1'?" in result.stderr
    )


@pytest.mark.parametrize(
    "asked", ["/api/models/owner/repo$", "/tree/", "HEAD .*config", "GET .*resolve.*safetensors"]
)
def test_a_server_that_hangs_is_not_waited_for(
    hub: Hub, zoo: Zoo, impatient: None, asked: str
) -> None:
    released = threading.Event()
    hub.answers[asked] = stalled(released)
    began = time.monotonic()
    try:
        assert f"Can't pull owner/repo from {hub.endpoint}: it stopped answering" in refusal(zoo)
        assert (
            time.monotonic() - began < 20
        )  # the client would wait for ever, or try six times as long
    finally:
        released.set()


def test_a_hub_that_is_down_is_said_to_be_without_trying_again(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as down:
        monkeypatch.setenv("HF_ENDPOINT", down.endpoint)
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    for words in (
        "search",
        f"pull {NAME}",
        f"pull {NAME}@{'0' * 40}",
        "push vae-mnist a/b --yes --token hf_given",
    ):
        result = zoo(*words.split())
        assert (
            result.exit_code == 1
            and f"Error: Can't reach {down.endpoint}: " in result.stderr
            and waited == []
        )


def test_what_is_down_once_a_hub_has_answered_is_tried_again(
    hub: Hub, zoo: Zoo, hurry: None
) -> None:
    with serving() as down:
        pass
    hub.answers["GET .*resolve.*/model"] = times(2, redirected(down.endpoint))
    assert zoo("pull", NAME).exit_code == 0
    hub.answers["GET .*resolve.*/model"] = redirected(down.endpoint)
    assert f"can't reach {hub.endpoint}" in zoo("pull", NAME, "--from", "hub").stderr


PORTAL = b"<html><body>Log in to the train's Wi-Fi</body></html>"


@pytest.mark.parametrize(
    ("asked", "body"),
    [
        ("/api/", PORTAL),
        ("", PORTAL),
        ("HEAD .*config", PORTAL),
        ("/tree/", PORTAL),
        *(("/api/models/owner/repo$", body) for body in (b"[]", b"{}", b"null", b"5", b'{"id": 5}', b"[" * 99_999)),
        *(("/api/models/owner/repo$", b'{"id": "a", "sha": %s}' % sha) for sha in (b"5", b'"main"', b'"../x"', b"[]")),
        ("/api/models/owner/repo$", b'{"id": "a", "lastModified": "yesterday"}'),
        *(("/tree/", body) for body in (b"{}", b"[1]", b"[{}]", b"null", b'[{"type": "file"}]', b'{"a": 1}', b"\xff")),
    ],
)  # fmt: skip
def test_an_endpoint_that_is_no_hub_is_said_to_be_none(
    hub: Hub, zoo: Zoo, asked: str, body: bytes
) -> None:
    hub.answers[asked] = status(200, {"Content-Type": "text/html"}, body)
    words = refusal(zoo)
    nothing = "owner/repo is not a checkpoint of the zoo: it has no config.json, nor anything else"
    assert (
        f"{hub.endpoint}" in words and "does not answer like a Hugging Face Hub" in words
    ) or nothing in words


def test_offline_nothing_is_asked_and_what_is_here_is_used(
    hub: Hub, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert zoo("pull", NAME).exit_code == 0
    hub.requests.clear()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert zoo("pull", NAME).exit_code == 0
    result = zoo("pull", f"{NAME}@v1")
    assert (
        result.exit_code == 1
        and "Offline (HF_HUB_OFFLINE is set): can't pull owner/repo from" in result.stderr
    )
    for words in (
        "search",
        f"push {NAME} owner/other --yes --token {WRITE}",
        "pull --update",
        "list --outdated",
    ):
        result = zoo(*words.split())
        assert (
            result.exit_code == 1 and "Offline (HF_HUB_OFFLINE is set): can't " in result.stderr
        ), words
    assert hub.requests == []


@pytest.mark.parametrize("repo_id", ["a/../b", "a/b..c", "-a/b", "a/b.git", "a//b"])
def test_what_is_no_name_of_a_repository_is_refused_without_a_request(
    hub: Hub, repo_id: str
) -> None:
    with (
        pytest.raises(HubError, match="is not a valid name of a repository"),
        connected("pull", repo_id) as session,
    ):
        session.api.model_info(repo_id)
    assert hub.requests == []


def test_an_error_of_this_machines_disk_stays_what_it_is(hub: Hub) -> None:
    with pytest.raises(IsADirectoryError), connected("pull"):
        Path("/").read_bytes()


def test_the_clients_own_ways_are_restored_when_the_session_ends(hub: Hub) -> None:
    from huggingface_hub.utils import get_session

    with connected("pull"):
        assert get_session().event_hooks["response"]
    assert not get_session().event_hooks["response"]


# whom to trust


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ETag", '"/etc/passwd"'),
        ("ETag", '"../../../escaped"'),
        ("ETag", '"a b"'),
        ("X-Linked-ETag", "x" * 200),
        ("X-Repo-Commit", "../../escaped"),
        ("X-Repo-Commit", "main"),
    ],
)
def test_a_header_that_the_client_would_make_a_path_of_is_refused(
    hub: Hub, zoo: Zoo, tmp_path: Path, name: str, value: str
) -> None:
    hub.answers["HEAD .*config"] = lambda answer: answer._replace(
        headers=answer.headers | {name: value}
    )
    assert f"as {name.lower()}: it can't be trusted" in refusal(zoo)
    assert not list(tmp_path.rglob("*escaped*"))


@pytest.mark.parametrize(
    "asked", ["/api/models/owner/repo$", "/tree/", "GET .*resolve.*config", "GET .*resolve.*saf"]
)
def test_a_gzip_bomb_is_not_opened(hub: Hub, zoo: Zoo, asked: str) -> None:
    bomb = gzip.compress(bytes(10 << 20))
    hub.answers[asked] = lambda answer: answer._replace(
        headers=answer.headers | {"Content-Encoding": "gzip"}, body=bomb
    )
    assert f"{hub.endpoint} sent a compressed answer without being asked to" in refusal(zoo)


def test_an_answer_that_does_not_end_is_given_up(
    hub: Hub, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.hub.guard.LARGEST_ANSWER", 1 << 20)
    long = json.dumps({"id": "a", "description": "x" * (2 << 20)}).encode()
    hub.answers["/api/models/owner/repo$"] = status(200, body=long)
    assert "sent more than the 1,048,576 bytes that were expected" in refusal(zoo)


def test_what_a_server_wants_printed_is_not(hub: Hub, zoo: Zoo, caplog: Any, capfd: Any) -> None:
    hub.answers[""] = lambda answer: answer._replace(
        headers=answer.headers | {"X-HF-Warning": "look; \x1b[31mhere"}
    )
    assert zoo("pull", NAME).exit_code == 0
    captured = capfd.readouterr()
    assert "here" not in captured.out + captured.err + caplog.text


def test_another_hub_than_huggingface_co_chooses_no_folder_for_xet(hub: Hub, zoo: Zoo) -> None:
    token = f"{hub.endpoint}/api/models/owner/repo/xet-read-token/main"
    xet = {"X-Xet-Hash": "0" * 64, "Link": f'<{token}>; rel="xet-auth"'}
    hub.answers["HEAD .*resolve"] = lambda answer: answer._replace(headers=answer.headers | xet)
    assert zoo("pull", NAME).exit_code == 0
    assert not [one for one in hub.requests if "xet" in one]
