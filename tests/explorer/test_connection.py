"""Connections that stay open and bring or take nothing, and ten thousand of them at once."""

import asyncio
import collections
import contextlib
import json
import resource
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from servers import Served, command, serving

from zoo.explorer.guard import Limits

SECONDS = 1
AT_ONCE = 10_000
GET = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    """A server that waits for a second, and no longer."""
    with serving(["vae-mnist"], limits=Limits(timeout=SECONDS)) as served:
        yield served


def connected(server: Served) -> socket.socket:
    """A connection on which nothing was said yet."""
    parts = urlsplit(server.address)
    return socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=10)


def seconds_until_closed(connection: socket.socket, trickle: bytes = b"") -> float:
    """How long the other side keeps a connection on which only a trickle comes."""
    began = time.monotonic()
    connection.settimeout(0.1)
    while time.monotonic() - began < 10:
        try:
            if trickle:
                connection.sendall(trickle)
            if not connection.recv(1000):
                break
        except TimeoutError:
            continue
        except OSError:
            break
    return time.monotonic() - began


@pytest.mark.parametrize("begun", [b"", b"GET /hea", GET], ids=repr)
def test_a_head_that_does_not_come_whole_in_time_ends_the_connection(
    server: Served, begun: bytes
) -> None:
    with connected(server) as connection:
        connection.sendall(begun)
        assert SECONDS * 0.7 < seconds_until_closed(connection) < SECONDS * 4
    assert server.get("/health").status_code == 200


def test_a_head_that_trickles_in_for_ever_is_given_up(server: Served) -> None:
    with connected(server) as connection:
        connection.sendall(GET)
        assert seconds_until_closed(connection, b"X-A: b\r\n") < SECONDS * 4


def test_the_second_request_of_a_connection_is_held_to_the_same(server: Served) -> None:
    with connected(server) as connection:
        connection.sendall(GET + b"\r\n")
        assert connection.recv(100_000).startswith(b"HTTP/1.1 200")
        connection.sendall(GET)
        assert seconds_until_closed(connection, b"X-A: b\r\n") < SECONDS * 4


def test_requests_that_follow_each_other_in_time_keep_their_connection(server: Served) -> None:
    with connected(server) as connection:
        for _ in range(4):
            connection.sendall(GET[:20])
            time.sleep(0.4 * SECONDS)
            connection.sendall(GET[20:] + b"\r\n")
            answer = b""
            while not answer.endswith(b"}"):
                answer += connection.recv(100_000)
            assert answer.startswith(b"HTTP/1.1 200")


@pytest.mark.long
def test_an_answer_that_nobody_takes_is_given_up_and_one_taken_slowly_is_not() -> None:
    # 6.4 MB: more than the system takes in place of the client
    path = "/v1/sample?checkpoint=vae-mnist-2d&n=8192&seed=1&format=raw"
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
    seconds = 2
    with serving(["vae-mnist-2d"], limits=Limits(timeout=seconds, max_n=10_000)) as server:
        whole = len(server.client.get(path).content)
        assert whole == 8192 * 784
        for pause, each, is_whole in ((4 * seconds, 0.0, False), (0.0, 0.05, True)):
            taken = 0
            with connected(server) as connection:
                connection.sendall(request)
                time.sleep(pause)
                with contextlib.suppress(ConnectionResetError):
                    while part := connection.recv(1 << 16):
                        taken += len(part)
                        time.sleep(each)
            assert (taken > whole) == is_whole, (taken, whole)
        assert server.get("/health").status_code == 200


def test_a_client_that_leaves_in_the_middle_of_its_body_harms_nobody(server: Served) -> None:
    head = b"POST /v1/encode?checkpoint=vae-mnist HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    for _ in range(20):
        with connected(server) as connection:
            connection.sendall(head + b"Content-Length: 50000\r\n\r\n" + bytes(1000))
    deadline = time.monotonic() + 5
    while server.get("/health").json()["waiting"] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert server.get("/v1/sample", checkpoint="vae-mnist", n=1).status_code == 200


async def crowd(address: str, n: int) -> dict[int, int]:
    """`n` connections that are all open before the first asks; how many answers of each status."""
    parts = urlsplit(address)
    host = f"{parts.hostname}:{parts.port}"
    turns = asyncio.Semaphore(500)
    open_ones = 0
    everyone = asyncio.Event()
    told: dict[int, int] = collections.Counter()

    async def one(number: int) -> None:
        nonlocal open_ones
        async with turns:
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        open_ones += 1
        if open_ones == n:
            everyone.set()
        await everyone.wait()
        path = f"/v1/sample?checkpoint=vae-mnist&n=1&seed={number}"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        status = int(head.split()[1])
        assert status == 200 or (b"retry-after" in head.lower() and json.loads(body)["detail"])
        told[status] += 1
        writer.close()

    await asyncio.gather(*map(one, range(n)))
    return told


@pytest.mark.long
def test_ten_thousand_requests_at_once_are_all_answered() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < AT_ONCE + 500:
        pytest.skip(f"this system lets a process open {hard} files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (AT_ONCE + 500, hard))
    try:
        with command("serve", "vae-mnist", "--port", "0") as (address, process):
            told = asyncio.run(crowd(address, AT_ONCE))
            assert told.keys() <= {200, 429} and sum(told.values()) == AT_ONCE
            assert told[200] >= 64
            assert httpx.get(f"{address}/health", trust_env=False).status_code == 200
            assert process.poll() is None
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
