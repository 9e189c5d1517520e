"""Who may ask a server, how much, and how long: everything else gets an answer that says why."""

import concurrent.futures
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from servers import Served, serving

from zoo.explorer.engine import BusyError, Engine, Job
from zoo.explorer.guard import Limits, is_loopback

TOKEN = "a-token-of-the-test"


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    """A server with a token, a short time-out and a small body."""
    limits = Limits(max_body=100_000, timeout=2, max_queue=4)
    with serving(["vae-mnist"], token=TOKEN, with_page=True, limits=limits) as served:
        yield served


def spoken(server: Served, text: bytes, seconds: float = 10) -> bytes:
    """What comes back for bytes as they are."""
    host, port = server.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=seconds) as connection:
        connection.sendall(text)
        connection.settimeout(seconds)
        parts = []
        while part := connection.recv(65_536):
            parts.append(part)
            if b"\r\n\r\n" in b"".join(parts) and b"onnection: close" in b"".join(parts):
                break
            head, _, body = b"".join(parts).partition(b"\r\n\r\n")
            lengths = [one for one in head.lower().split(b"\r\n") if one.startswith(b"content-le")]
            if lengths and len(body) >= int(lengths[0].split(b":")[1]):
                break
        return b"".join(parts)


def asking(server: Served, path: str = "/v1/checkpoints", **headers: str) -> httpx.Response:
    return server.client.get(
        path, headers={name.replace("_", "-"): one for name, one in headers.items()}
    )


@pytest.mark.parametrize("path", ["/v1/checkpoints", "/v1/sample?checkpoint=vae-mnist", "/v1/runs"])
def test_without_its_token_nothing_is_told(server: Served, path: str) -> None:
    for given in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
        answer = httpx.get(server.address + path, headers=given, trust_env=False)
        assert answer.status_code == 401 and answer.headers["www-authenticate"] == "Bearer"
        assert "needs a token" in answer.json()["detail"]
    assert httpx.get(f"{server.address}{path}&token={TOKEN}", trust_env=False).status_code == 401


def test_the_page_and_its_health_need_no_token(server: Served) -> None:
    for path in ("/", "/health", "/page/main.js", "/openapi.json", "/docs"):
        assert httpx.get(server.address + path, trust_env=False).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:80",
        "127.0.0.1.evil.example",
        "",
        "0.0.0.0",
        "[::2]",
        "localhost.",
    ],
)
def test_a_foreign_name_that_leads_here_is_refused(server: Served, host: str) -> None:
    answer = spoken(server, f"GET /v1/checkpoints HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert b" 421 " in answer.splitlines()[0] and b"vae" not in answer


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost:1", "http://127.0.0.1"]
)
def test_a_page_of_another_site_may_not_ask(server: Served, origin: str) -> None:
    answer = asking(server, Origin=origin)
    assert answer.status_code == 403 and "may not use this server" in answer.json()["detail"]
    body = {"checkpoint": "vae-mnist", "latents": [[0.0] * 50]}
    sent = server.client.post(
        "/v1/decode",
        content=json.dumps(body),
        headers={"Origin": origin, "Content-Type": "text/plain"},
    )
    assert sent.status_code == 403
    assert "access-control-allow-origin" not in sent.headers


def test_the_own_page_may_ask_and_a_link_may_open_it(server: Served) -> None:
    assert asking(server, Origin=server.address).status_code == 200
    assert asking(server, Sec_Fetch_Site="same-origin").status_code == 200
    assert (
        asking(server, "/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate").status_code
        == 200
    )
    for path in ("/v1/picture?checkpoint=vae-mnist", "/page/main.js"):
        answer = asking(server, path, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors")
        assert answer.status_code == 403


def test_every_answer_forbids_frames_foreign_scripts_and_guesses_of_its_type(
    server: Served,
) -> None:
    for path in ("/", "/health", "/nothing", "/v1/checkpoints"):
        headers = server.client.get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_a_body_of_a_gigabyte_is_refused_before_it_comes(server: Served) -> None:
    head = f"POST /v1/encode?checkpoint=vae-mnist HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n"
    began = time.monotonic()
    answer = spoken(server, (head + f"Content-Length: {1 << 30}\r\n\r\n").encode())
    assert b" 413 " in answer.splitlines()[0] and time.monotonic() - began < 2
    chunk = b"10000\r\n" + bytes(65_536) + b"\r\n"
    answer = spoken(server, (head + "Transfer-Encoding: chunked\r\n\r\n").encode() + 3 * chunk)
    assert b" 413 " in answer.splitlines()[0]
    assert server.get("/health").status_code == 200


def test_a_body_that_comes_too_slowly_or_not_at_all_is_given_up(server: Served) -> None:
    head = (
        f"POST /v1/encode?checkpoint=vae-mnist HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {TOKEN}\r\nContent-Length: 100\r\n\r\nabc"
    )
    began = time.monotonic()
    answer = spoken(server, head.encode())
    assert b" 408 " in answer.splitlines()[0] and 1 < time.monotonic() - began < 6


@pytest.mark.parametrize(
    "text",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"NONSENSE\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
    ],
)
def test_what_is_no_http_gets_an_answer_and_the_server_stays(server: Served, text: bytes) -> None:
    try:
        answer = spoken(server, text, seconds=3)
    except OSError:
        answer = b""
    assert not answer or answer.split()[1] in (b"400", b"505")
    assert server.get("/health").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/page/../../pyproject.toml",
        "/page/..%2f..%2fpyproject.toml",
        "/page//etc/passwd",
        "/page/%00",
        "/page/index.html%00.js",
        "//etc/passwd",
        "/v1/picture?checkpoint=vae-mnist&name=..%2fconfig",
        "/v1/picture?checkpoint=..%2f..&name=samples",
        "/v1/run/grid?name=..%2f..&epoch=1",
        "/v1/run?name=..",
        "/v1/sample?checkpoint=%2fetc",
        "/v1/sample?checkpoint=.%2fmine",
        "/v1/sample?checkpoint=~",
    ],
)
def test_tricks_with_paths_lead_nowhere(server: Served, path: str) -> None:
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    answer = spoken(server, head.encode())
    assert answer.split()[1] in (b"404", b"422"), answer[:200]
    assert b"root:" not in answer and b"[project]" not in answer


def test_only_what_was_named_is_served(server: Served) -> None:
    assert [one["name"] for one in server.get("/v1/checkpoints").json()] == ["vae-mnist"]
    answer = server.get("/v1/sample", checkpoint="dcgan-mnist")
    assert answer.status_code == 404 and "It has: vae-mnist" in answer.json()["detail"]
    answer = server.client.post("/v1/pull", params={"checkpoint": "dcgan-mnist"})
    assert answer.status_code == 404


class Slow:
    """A job that holds the engine until it is let go."""

    def __init__(self, server: Served) -> None:
        self.may_end = threading.Event()
        folder = __import__("zoo").checkpoints.find("vae-mnist")
        self.begun = threading.Event()
        self.result = server.engine.submit(Job(folder, "call", call=self.work))
        assert self.begun.wait(20)

    def work(self, model: Any) -> None:
        self.begun.set()
        self.may_end.wait(20)


def test_requests_that_come_while_too_many_wait_are_told_when_to_come_back(server: Served) -> None:
    slow = Slow(server)
    query = {"checkpoint": "vae-mnist", "n": 1, "seed": 1}
    with concurrent.futures.ThreadPoolExecutor(30) as pool:
        asked = [pool.submit(server.get, "/v1/sample", **query) for _ in range(30)]
        # no other answer can come before the model may end
        busy = next(concurrent.futures.as_completed(asked)).result()
        waiting = server.engine.waiting
        slow.may_end.set()
        statuses = [one.result().status_code for one in asked]
    assert busy.status_code == 429 and waiting == server.engine.most_waiting == 4
    assert set(statuses) == {200, 429} and statuses.count(200) >= 4
    assert int(busy.headers["retry-after"]) >= 1 and "Come back" in busy.json()["detail"]


def test_what_takes_too_long_is_given_up_and_the_next_is_answered(server: Served) -> None:
    slow = Slow(server)
    answer = server.get("/v1/sample", checkpoint="vae-mnist", n=1)
    assert answer.status_code == 504 and "longer than 2 seconds" in answer.json()["detail"]
    slow.may_end.set()
    assert server.get("/v1/sample", checkpoint="vae-mnist", n=1).status_code == 200


def test_nothing_is_computed_for_a_client_that_is_gone(server: Served) -> None:
    slow = Slow(server)
    host, port = server.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(
            f"GET /v1/sample?checkpoint=vae-mnist&n=1000 HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {TOKEN}\r\n\r\n".encode()
        )
        deadline = time.monotonic() + 5
        while not server.engine.waiting and time.monotonic() < deadline:
            time.sleep(0.02)
    (job,) = server.engine._waiting
    deadline = time.monotonic() + 1.5
    while not job.result.cancelled() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert job.result.cancelled()
    slow.may_end.set()
    assert server.get("/v1/sample", checkpoint="vae-mnist", n=1).status_code == 200


def test_three_hundred_requests_at_once_are_all_answered(server: Served) -> None:
    limits = httpx.Limits(max_connections=200)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    client = httpx.Client(
        base_url=server.address, headers=headers, limits=limits, timeout=60, trust_env=False
    )
    with client, concurrent.futures.ThreadPoolExecutor(100) as pool:
        answers = list(
            pool.map(
                lambda seed: client.get(f"/v1/sample?checkpoint=vae-mnist&n=1&seed={seed}"),
                range(300),
            )
        )
    statuses = {one.status_code for one in answers}
    assert statuses <= {200, 429} and 200 in statuses
    assert all("retry-after" in one.headers for one in answers if one.status_code == 429)


def test_which_addresses_are_of_this_machine_alone() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.8.0.1", "::1", "[::1]", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.0.2", "example.org", "")))


def test_requests_for_one_model_that_wait_together_are_computed_together() -> None:
    import torch

    import zoo

    engine = Engine("cpu", 1)
    folder = zoo.checkpoints.find("vae-mnist")
    may_go = threading.Event()
    first = engine.submit(Job(folder, "call", call=lambda model: may_go.wait(20)))
    sizes: list[int] = []

    def call_of(model: Any) -> None:
        decode = model.decode

        def counting(z: Any, labels: Any = None) -> Any:
            sizes.append(len(z))
            return decode(z, labels)

        model.decode = counting

    changed = engine.submit(Job(folder, "call", call=call_of))
    latents = torch.randn(40, 50)
    jobs = [
        engine.submit(Job(folder, "decode", lambda model, i=i: (latents[i : i + 1], None)))
        for i in range(40)
    ]
    may_go.set()
    first.result(20)
    changed.result(20)
    answers = torch.cat([job.result(20)[0] for job in jobs])
    assert sizes == [40]
    assert torch.allclose(answers, zoo.load("vae-mnist").decode(latents), atol=1e-5)
    engine.close()
    with pytest.raises(BusyError):
        engine.submit(Job(folder, "call", call=lambda model: None))


def test_one_wrong_request_does_not_harm_those_computed_with_it() -> None:
    import torch

    import zoo

    engine = Engine("cpu", 1)
    folder = zoo.checkpoints.find("cvae-mnist")
    may_go = threading.Event()
    engine.submit(Job(folder, "call", call=lambda model: may_go.wait(20)))
    z = torch.zeros(1, *zoo.load("cvae-mnist").latent_shape)
    wrong = engine.submit(Job(folder, "decode", lambda model: (z, torch.tensor([10]))))
    broken = engine.submit(Job(folder, "decode", lambda model: 1 / 0))
    right = engine.submit(Job(folder, "decode", lambda model: (z, torch.tensor([9]))))
    may_go.set()
    with pytest.raises(zoo.errors.LabelError):
        wrong.result(20)
    with pytest.raises(ZeroDivisionError):
        broken.result(20)
    assert right.result(20)[0].shape == (1, 1, 28, 28)
    engine.close()


def test_a_checkpoint_that_is_removed_while_it_is_shown_is_said_to_be_gone(tmp_path: Path) -> None:
    import shutil

    import zoo

    zoo.save(zoo.load("vae-mnist-2d"), tmp_path / "mine", dataset="mnist")
    with serving([str(tmp_path / "mine")]) as server:
        assert server.get("/v1/sample", checkpoint="mine", n=1).status_code == 200
        shutil.rmtree(tmp_path / "mine")
        answer = server.get("/v1/sample", checkpoint="mine", n=1)
        assert answer.status_code == 404 and "no folder" in answer.json()["detail"]
        (record,) = server.get("/v1/checkpoints").json()
        assert record["state"] == "gone" and "no folder" in record["problem"]


def test_weights_that_are_replaced_are_read_anew(tmp_path: Path) -> None:
    import shutil

    import torch

    import zoo

    model = zoo.load("vae-mnist-2d")
    zoo.save(model, tmp_path / "mine", dataset="mnist")
    with serving([str(tmp_path / "mine")]) as server:
        query = {"checkpoint": "mine", "n": 1, "seed": 1, "format": "raw"}
        before = server.get("/v1/sample", **query)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(1.5)
        zoo.save(model, tmp_path / "new", dataset="mnist")
        shutil.rmtree(tmp_path / "mine")
        (tmp_path / "new").rename(tmp_path / "mine")
        after = server.get("/v1/sample", **query)
        assert after.status_code == 200 and after.content != before.content
        assert after.headers["zoo-sha256"] != before.headers["zoo-sha256"]
