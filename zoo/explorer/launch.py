"""Start the server: its socket, its token, its end."""

import asyncio
import contextlib
import logging
import math
import resource
import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from zoo.common import arguments
from zoo.common.errors import ConfigError, MissingDependencyError, OutputError
from zoo.common.words import either
from zoo.explorer.guard import Guard, Limits, is_loopback
from zoo.explorer.shelf import Shelf

if TYPE_CHECKING:
    import uvicorn

LOCAL = "127.0.0.1"
# connections that the system keeps until they are taken
BACKLOG = 2048
# seconds until a connection on which nothing comes is closed
IDLE = 20
# of samples, bytes, requests and seconds that may be allowed
MOST = 10**12
# files, connections included, that the server may have open
FILES = 65_536

logger = logging.getLogger("zoo")
Ready = Callable[[str], None]


def play(
    references: Sequence[str] = (),
    *,
    port: int | None = None,
    no_browser: bool = False,
    device: str = "auto",
    threads: int | None = None,
    ready: Ready | None = None,
) -> None:
    """Open a page in the browser to play with checkpoints, until it is stopped.

    The server behind it listens at this machine alone, and its address holds a token.

    **Arguments:**
    - `references`: the checkpoints to show; all unless given.
    - `port`: of the server; a free one unless given.
    - `no_browser`: only say the address.
    - `device`: "auto" (a GPU where there is one), "cpu" or "cuda".
    - `threads`: on the CPU; what `ZOO_THREADS` says unless given, else the cores that this process
        may use.
    - `ready`: called with the address once the server listens.

    **Raises:** `MissingDependencyError` without the packages of the extra `serve`; `ZooError` for
    references and ports that can't be."""
    _refuse_missing("play")
    shelf = Shelf(_as_list(references))
    listening = _listen(LOCAL, 0 if port is None else port)
    token = secrets.token_urlsafe(16)
    address = f"{_address(listening)}/#token={token}"
    if len(shelf.named) == 1:
        address += f"&checkpoint={next(iter(shelf.named))}"

    def opened(url: str) -> None:
        if ready:
            ready(url)
        if not no_browser and not webbrowser.open(url):
            logger.info("No browser could be opened: open the address yourself.")

    _run(
        listening,
        shelf,
        Limits(),
        token=token,
        host=LOCAL,
        compute=(device, threads),
        with_page=True,
        ready=lambda: opened(address),
    )


def serve(
    references: Sequence[str] = (),
    *,
    host: str = LOCAL,
    port: int = 8000,
    token: str | None = None,
    max_n: int = Limits.max_n,
    max_body: int = Limits.max_body,
    max_queue: int = Limits.max_queue,
    timeout: float = Limits.timeout,
    device: str = "auto",
    threads: int | None = None,
    ready: Ready | None = None,
) -> None:
    """Answer requests for samples, latents and reconstructions over HTTP, until it is stopped.

    **Arguments:**
    - `references`: the checkpoints that may be asked for; every one that is here unless given.
    - `host`: the address to listen at: this machine alone unless given.
    - `port`: to listen at; 0 for a free one.
    - `token`: what requests must bring as `Authorization: Bearer TOKEN`. An address that other
        machines reach needs one; `ZOO_TOKEN` unless given.
    - `max_n`: samples in one request.
    - `max_body`: bytes of a request's body.
    - `max_queue`: requests that may wait; others are answered 429.
    - `timeout`: seconds until a request must be answered.
    - `device`: "auto" (a GPU where there is one), "cpu" or "cuda".
    - `threads`: on the CPU; what `ZOO_THREADS` says unless given, else the cores that this process
        may use.
    - `ready`: called with the address once the server listens.

    **Raises:** `MissingDependencyError` without the packages of the extra `serve`; `ConfigError`
    for an open address without a token; `ZooError` for references and ports that can't be."""
    from zoo.common import settings

    _refuse_missing("serve")
    token = settings.serve_token() if token is None else token
    if token is not None and not (token.isascii() and token.isprintable() and token.strip()):
        raise ConfigError(f"{either('--token', 'token')} must be printable ASCII, and not empty.")
    if not is_loopback(host) and not token:
        raise ConfigError(
            f"Other machines can reach {host}. Set a token: {either('--token', 'token')}, or the "
            "variable ZOO_TOKEN."
        )
    limits = Limits(
        max_n=arguments.whole("max_n", max_n, 1, MOST),
        max_body=arguments.whole("max_body", max_body, 1, MOST),
        max_queue=arguments.whole("max_queue", max_queue, 1, MOST),
        timeout=arguments.positive("timeout", timeout, MOST),
    )
    shelf = Shelf(_as_list(references))
    listening = _listen(host, port)
    address = _address(listening)
    _run(
        listening,
        shelf,
        limits,
        token=token or "",
        host=host,
        compute=(device, threads),
        ready=lambda: ready(address) if ready else None,
    )


def _run(
    listening: socket.socket,
    shelf: Shelf,
    limits: Limits,
    *,
    token: str,
    host: str,
    compute: tuple[str, int | None],
    ready: Callable[[], None],
    with_page: bool = False,
) -> None:
    """Serve until a signal comes. What runs is answered first, then this returns."""
    import uvicorn

    from zoo.explorer.application import create
    from zoo.explorer.desk import Desk
    from zoo.explorer.engine import Engine

    _allow_connections()
    engine = Engine(*compute, most_waiting=limits.max_queue)
    try:
        for name in shelf.named:
            engine.load(shelf.folder(name))
    except BaseException:
        listening.close()
        raise
    desk = Desk(shelf, engine, limits)
    app = create(desk, with_page=with_page, with_token=bool(token))

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            ready()

    server = Server(config_of(Guard(app, limits, token, host), limits))
    if _inside_a_loop():
        threading.Thread(
            target=server.run, kwargs={"sockets": [listening]}, name="zoo-server", daemon=True
        ).start()
        return
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listening])


def config_of(guard: Guard, limits: Limits) -> "uvicorn.Config":
    """How a server of the zoo speaks HTTP."""
    import uvicorn

    from zoo.explorer.connection import Connection

    return uvicorn.Config(
        guard,
        http=Connection,
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=min(IDLE, math.ceil(limits.timeout)),
        timeout_graceful_shutdown=int(limits.timeout) + 1,
    )


def _inside_a_loop() -> bool:
    """Whether this is a notebook, which has an event loop: the server gets a thread there."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _refuse_missing(verb: str) -> None:
    try:
        import fastapi
        import uvicorn

        del fastapi, uvicorn
    except ImportError as error:
        raise MissingDependencyError(
            f"zoo {verb} needs the package {error.name}: pip install 'genzoo[serve]'",
            name=str(error.name),
        ) from error


def _as_list(references: Any) -> list[str]:
    from zoo.common import arguments

    several = references if isinstance(references, list | tuple) else [references]
    return [arguments.reference(one) for one in several]


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens there.

    **Raises:** `OutputError` for a port that is taken, or may not be had."""
    port = arguments.whole("port", port, 0, 65_535)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host.strip("[]"), port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        reason = error.strerror or str(error)
        raise OutputError(
            f"Can't listen at {host}, port {port}: {reason}. Choose another port with "
            f"{either('--port', 'port')}; 0 takes a free one."
        ) from error
    listening.set_inheritable(False)
    return listening


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _allow_connections() -> None:
    """Let this process have as many files open as the system allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = FILES if hard == resource.RLIM_INFINITY else min(hard, FILES)
    if soft < most:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
