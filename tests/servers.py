"""Servers of the zoo on loopback: in a thread of the test, or as the command that people start."""

import contextlib
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from zoo.explorer.application import create
from zoo.explorer.desk import Desk
from zoo.explorer.engine import Engine
from zoo.explorer.guard import Guard, Limits
from zoo.explorer.launch import config_of
from zoo.explorer.shelf import Shelf


@dataclass
class Served:
    """A server that runs.

    **Arguments:**
    - `client`: asks it, with its token.
    - `engine`: its thread that computes.
    """

    address: str
    client: httpx.Client
    engine: Engine

    def get(self, path: str, **query: Any) -> httpx.Response:
        """The answer to GET."""
        return self.client.get(path, params=query)

    def post(self, path: str, **more: Any) -> httpx.Response:
        """The answer to POST."""
        return self.client.post(path, **more)


@contextlib.contextmanager
def serving(
    references: Sequence[str] = (),
    *,
    token: str = "",
    with_page: bool = False,
    limits: Limits | None = None,
) -> Iterator[Served]:
    """A server in a thread, of the same parts that `zoo serve` puts together."""
    limits = limits or Limits()
    listening = socket.create_server(("127.0.0.1", 0))
    engine = Engine("cpu", 1, limits.max_queue)
    desk = Desk(Shelf(references), engine, limits)
    app = create(desk, with_page=with_page, with_token=bool(token))
    config = config_of(Guard(app, limits, token, "127.0.0.1"), limits)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with httpx.Client(base_url=address, headers=headers, timeout=60, trust_env=False) as client:
        while not server.started:
            time.sleep(0.01)
        yield Served(address, client, engine)
    server.should_exit = True
    thread.join(timeout=20)
    assert not thread.is_alive()
    listening.close()


@contextlib.contextmanager
def command(*arguments: str, python: Path | None = None) -> Iterator[tuple[str, Any]]:
    """`zoo play` or `zoo serve` as a process; gives the address that it prints, and the process."""
    process = subprocess.Popen(
        [str(python or sys.executable), "-m", "zoo", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        if found is None:
            process.kill()
            raise AssertionError(f"no address: {line}{process.communicate()[1]}")
        yield found[0], process
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=60)
