"""Who may ask, how much and how long: checked before a request reaches its function."""

import asyncio
import hmac
import ipaddress
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

# paths that need no token: they hold no samples and no checkpoints
OPEN = ("/", "/health", "/docs", "/openapi.json")
# names of this machine that only programs on it can use
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
# what every answer says: nothing may be loaded from elsewhere, and nobody may frame the page
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; media-src blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much one request, and all together, may ask for.

    **Arguments:**
    - `max_n`: samples in one request.
    - `max_body`: bytes of a request's body.
    - `max_queue`: requests that wait for the model; four times as many may be open.
    - `timeout`: seconds until a request is answered, and until its body has come. A connection on
        which nothing comes, or from which nothing is taken, is closed after 20 at most.
    """

    max_n: int = 1024
    max_body: int = 8 << 20
    max_queue: int = 64
    timeout: float = 60.0


class Refusal(Exception):
    """An answer in place of what was asked for."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})


class Guard:
    """An ASGI application that lets only sound requests through to another.

    **Arguments:**
    - `app`: the other.
    - `limits`: how much a request may ask for.
    - `token`: what requests must bring; "" lets everyone in.
    - `host`: the address that the server listens at. At a loopback address only requests to a
        loopback name are answered, so that no foreign name can lead a browser here.
    """

    def __init__(self, app: App, limits: Limits, token: str, host: str) -> None:
        self.app = app
        self.limits = limits
        self.token = token.encode()
        self.is_local = is_loopback(host)
        self.open_requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        told = _Told(send)
        self.open_requests += 1
        try:
            headers = {key.decode("latin-1").lower(): value for key, value in scope["headers"]}
            self._check(scope, headers)
            await self.app(scope, await self._body(receive, headers), told)
        except Refusal as refusal:
            if not told.begun:
                await _refuse(told, refusal)
        finally:
            self.open_requests -= 1

    def _check(self, scope: Scope, headers: Mapping[str, bytes]) -> None:
        host = headers.get("host", b"").decode("latin-1")
        if self.is_local and _name(host) not in LOOPBACK:
            raise Refusal(
                421,
                f"This server answers at localhost only, not at {host[:80]!r}. Open it at the "
                "address that it printed.",
            )
        origin = headers.get("origin", b"").decode("latin-1")
        foreign = headers.get("sec-fetch-site", b"none") in (b"cross-site", b"same-site")
        # a link from another page may open this one; nothing else may come from there
        is_link = headers.get("sec-fetch-mode") == b"navigate" and scope["path"] in OPEN
        if (origin and origin.partition("//")[2] != host) or (foreign and not is_link):
            where = origin[:80] or "another site"
            raise Refusal(403, f"A page of {where} may not use this server.")
        if self.open_requests > 4 * self.limits.max_queue + 16:
            raise Refusal(429, "Too many requests are open. Come back soon.", {"Retry-After": "1"})
        if self.token and not (scope["path"] in OPEN or scope["path"].startswith("/page/")):
            kind, _, given = headers.get("authorization", b"").partition(b" ")
            if kind.lower() != b"bearer" or not hmac.compare_digest(given.strip(), self.token):
                raise Refusal(
                    401,
                    "This server needs a token: send the header `Authorization: Bearer TOKEN`, or "
                    "open the address that it printed.",
                    {"WWW-Authenticate": "Bearer"},
                )
        try:
            length = int(headers.get("content-length", b"0"))
        except ValueError:
            raise Refusal(400, "Content-Length is no number.") from None
        self._refuse_large(length)

    def _refuse_large(self, length: int) -> None:
        if length > self.limits.max_body:
            raise Refusal(
                413,
                f"The body has more than {self.limits.max_body:,} bytes, the most that this "
                "server takes.",
                {"Connection": "close"},
            )

    async def _body(self, receive: Receive, headers: Mapping[str, bytes]) -> Receive:
        """Take the whole body, unless it is too large or too slow; gives what hands it on."""
        if not ({"content-length", "transfer-encoding"} & headers.keys()):
            return receive
        loop = asyncio.get_running_loop()
        until = loop.time() + self.limits.timeout
        body = bytearray()
        more = True
        while more:
            try:
                message = await asyncio.wait_for(receive(), max(0.0, until - loop.time()))
            except TimeoutError:
                raise Refusal(
                    408, "The body did not come in time.", {"Connection": "close"}
                ) from None
            if message["type"] == "http.disconnect":
                raise Refusal(400, "The connection ended before the body did.")
            body += message.get("body", b"")
            self._refuse_large(len(body))
            more = message.get("more_body", False)
        waiting = [{"type": "http.request", "body": bytes(body), "more_body": False}]

        async def again() -> Message:
            return waiting.pop() if waiting else await receive()

        return again


class _Told:
    """Sends an answer with the headers that every answer has, and knows whether it has begun."""

    def __init__(self, send: Send) -> None:
        self.send = send
        self.begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            own = {key.lower() for key, _ in message["headers"]}
            message["headers"] = [
                *message["headers"],
                *(
                    (key.encode(), value.encode())
                    for key, value in HEADERS.items()
                    if key.encode() not in own
                ),
            ]
        await self.send(message)


async def _refuse(send: Send, refusal: Refusal) -> None:
    body = json.dumps({"detail": refusal.detail}).encode()
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        **refusal.headers,
    }
    await send(
        {
            "type": "http.response.start",
            "status": refusal.status,
            "headers": [(key.lower().encode(), value.encode()) for key, value in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": body})


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _name(host: str) -> str:
    """The name in a Host header, without the port, in lower case."""
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0].lower()
