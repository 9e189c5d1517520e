"""What a Hub may do to this machine: how much it may send, how slowly, and to whom a token goes."""

import contextlib
import functools
import re
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import httpcore2
import httpx2
from huggingface_hub.utils._http import (
    hf_raise_for_status,
    hf_request_event_hook,
    parse_ratelimit_headers,
)

from zoo.common import settings
from zoo.common.errors import HubError
from zoo.hub.endpoint import HOME, is_loopback, origin

# seconds without a byte; of itself the client waits for ever
PATIENCE = 30.0
# seconds that a server may send us away for before that is said instead
LONGEST_WAIT = 60
# bytes of an answer that is no file of a repository
LARGEST_ANSWER = 32 << 20
# statuses after which the client asks a list again: at first after one second, at last after eight
AGAIN = (429, 500, 502, 503, 504)
LONGEST_PAUSE = 8
# of one session: a list may name itself as its next page
MOST_REQUESTS = 1000
ETAG = re.compile(r'(W/)?"?[0-9A-Za-z._-]{1,128}"?')
SIZE = re.compile(r"[0-9]+")
# digits of a size that can be true
LONGEST_SIZE = 18
COMMIT = re.compile(r"[0-9a-f]{40}")


class Guard:
    """The bounds of one session with a Hub. Every request of the session passes it.

    - `endpoint`: address of the Hub.
    - `answered`: whether the Hub ever did.
    - `timeout`: seconds until an answer must be complete; a file's time begins anew with each
        `least` bytes.
    """

    def __init__(self, endpoint: str, patience: float | None = None) -> None:
        self.endpoint = endpoint
        self.answered = False
        self.timeout = settings.hub_timeout()
        self.clock = _Clock(endpoint, self.timeout)
        self.largest = LARGEST_ANSWER
        self.is_file = False
        # bytes of a file for which it gets its time anew
        self.least = settings.hub_speed() * self.timeout
        self._patience = patience or PATIENCE
        self._requests = 0
        # how many of the last answers were of a status in `AGAIN`
        self._failed = 0

    def make_client(self) -> httpx2.Client:
        """The HTTP client under the session."""
        return _Client(self)

    @contextlib.contextmanager
    def downloading(self, size: int) -> Iterator[None]:
        """Accept a body of that many bytes in the block, for as long as it comes fast enough."""
        # room for an error in words
        self.largest, self.is_file = max(size, 1 << 16), True
        try:
            yield
        finally:
            self.largest, self.is_file = LARGEST_ANSWER, False

    @contextlib.contextmanager
    def one_answer(self) -> Iterator[None]:
        """Take all that is asked in the block for one answer: a list with all its pages."""
        self.clock.start()
        self.clock.held = True
        self._failed = 0
        try:
            yield
        finally:
            self.clock.held = False

    def before(self, request: httpx2.Request) -> None:
        """Make a request a safe one."""
        self._requests += 1
        if self._requests > MOST_REQUESTS:
            raise HubError(
                f"{self.endpoint} still has more to send after {MOST_REQUESTS:,} requests: zoo "
                "stopped asking."
            )
        self.clock.start()
        given = request.extensions.get("timeout") or {}
        patience = {
            kind: given.get(kind) or self._patience for kind in ("connect", "read", "write", "pool")
        }
        request.extensions = {**request.extensions, "timeout": patience}
        # a gzip bomb is small until it is opened
        request.headers["accept-encoding"] = "identity"
        # a page's Link may name any address
        if origin(str(request.url)) != origin(self.endpoint):
            request.headers.pop("authorization", None)

    def after(self, response: httpx2.Response) -> None:
        """Look at the head of an answer, before any of its body is read."""
        self.answered = True
        headers = response.headers
        # the client would print it as it is
        headers.pop("x-hf-warning", None)
        if self.endpoint != HOME:
            # it lets a server choose a local folder that Xet writes to
            headers.pop("x-xet-hash", None)
        if headers.get("content-encoding", "identity") != "identity":
            raise HubError(
                f"{self.endpoint} sent a compressed answer without being asked to: zoo did not "
                "open it."
            )
        seconds = seconds_to_wait(response)
        if seconds > LONGEST_WAIT:
            raise HubError(too_many(self.endpoint, seconds))
        if response.request.method == "HEAD":
            self._refuse_paths(headers)
            self._refuse_sizes(headers)
        response.stream = _Bounded(response.stream, self)
        if self.clock.held:
            self._refuse_long_pauses(response, seconds)

    def _refuse_long_pauses(self, response: httpx2.Response, seconds: int) -> None:
        """Say at once what is wrong when the client would wait longer than there is time."""
        if response.status_code not in AGAIN:
            self._failed = 0
            return
        pause = seconds + 1 if seconds else min(2**self._failed, LONGEST_PAUSE)
        self._failed += 1
        if pause <= self.clock.left():
            return
        if seconds or response.status_code == 429:
            raise HubError(too_many(self.endpoint, seconds))
        # the message of the answer is in its body
        response.read()
        hf_raise_for_status(response)

    def _refuse_paths(self, headers: httpx2.Headers) -> None:
        """Refuse headers that the client would make file names of."""
        for name, form in (("etag", ETAG), ("x-linked-etag", ETAG), ("x-repo-commit", COMMIT)):
            if not form.fullmatch(headers.get(name, "0" * 40)):
                raise HubError(
                    f"{self.endpoint} sent {headers[name][:80]!r} as {name}: it can't be trusted."
                )

    def _refuse_sizes(self, headers: httpx2.Headers) -> None:
        """Refuse a file that is said to be larger than it was: the client would look for so much
        disk.
        """
        for name in ("x-linked-size", "content-length"):
            size = headers.get(name, "0")
            if SIZE.fullmatch(size) and (len(size) > LONGEST_SIZE or int(size) > self.largest):
                raise HubError(
                    f"{self.endpoint} sent {size[:80]} as {name} of a file, and announced less: it "
                    "can't be trusted."
                )


class _Client(httpx2.Client):
    """A client that reports at once a Hub that never answered; huggingface_hub would try for half a
    minute.
    """

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        super().__init__(
            event_hooks={
                "request": [hf_request_event_hook, guard.before],
                "response": [guard.after],
            },
            follow_redirects=True,
            # `Guard.before` sets one
            timeout=None,
            # a proxy would see the token
            trust_env=not is_loopback(guard.endpoint),
            verify=_certificates(),
        )
        for transport in (self._transport, *self._mounts.values()):
            pool: Any = getattr(transport, "_pool", None)
            if pool is not None:
                pool._network_backend = _Backend(pool._network_backend, guard.clock)

    def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        try:
            return super().send(request, **options)
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            if self._guard.answered:
                raise
            raise HubError(f"Can't reach {self._guard.endpoint}: {first_line(error)}.") from error


@functools.cache
def _certificates() -> ssl.SSLContext:
    """Whom to trust, read once: it takes as long as many requests."""
    return httpx2.create_ssl_context()


class _Clock(threading.local):
    """Until when the answer must be here that this thread waits for.

    The client's own time-out begins anew with every byte: one byte in two seconds, header lines
    without end, and endless answers of status 103 would hold a command for ever."""

    def __init__(self, endpoint: str, timeout: float) -> None:
        self.held = False
        self._endpoint = endpoint
        self._timeout = timeout
        self._due = float("inf")

    def start(self) -> None:
        """Give the Hub its time anew, unless the answer is a part of a longer one."""
        if self.held:
            self.left()
        else:
            self._due = time.monotonic() + self._timeout

    def left(self) -> float:
        """Seconds that are left; raises `HubError` when none are."""
        left = self._due - time.monotonic()
        if left <= 0:
            raise HubError(
                f"{self._endpoint} is too slow: it sent too little in {self._timeout:g} seconds. "
                "Try again later, or give it more time: ZOO_HUB_TIMEOUT=SECONDS"
            )
        return left


class _Backend(httpcore2.NetworkBackend):
    """Connections whose reads end when the clock says so."""

    def __init__(self, backend: httpcore2.NetworkBackend, clock: _Clock) -> None:
        self._backend, self._clock = backend, clock

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        stream = self._backend.connect_tcp(host, port, timeout, local_address, socket_options)
        return _Stream(stream, self._clock)

    def sleep(self, seconds: float) -> None:
        self._backend.sleep(seconds)


class _Stream(httpcore2.NetworkStream):
    """One such connection."""

    def __init__(self, stream: httpcore2.NetworkStream, clock: _Clock) -> None:
        self._stream, self._clock = stream, clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = self._clock.left()
        try:
            return self._stream.read(max_bytes, left if timeout is None else min(timeout, left))
        except httpcore2.ReadTimeout:
            self._clock.left()
            raise

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout)
        # an upload may take its time: the answer is due from its end on
        self._clock.start()

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, timeout), self._clock)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Bounded(httpx2.SyncByteStream):
    """A body that ends in an error where it becomes larger than accepted. That of a file gets its
    time anew as long as it brings enough.
    """

    def __init__(self, stream: Any, guard: Guard) -> None:
        self._stream, self._guard = stream, guard

    def __iter__(self) -> Iterator[bytes]:
        guard = self._guard
        taken = rewarded = 0
        if guard.is_file:
            guard.clock.start()
        for chunk in self._stream:
            taken += len(chunk)
            if taken > guard.largest:
                raise HubError(
                    f"{guard.endpoint} sent more than the {guard.largest:,} bytes that were "
                    "expected."
                )
            if guard.is_file and taken - rewarded >= guard.least:
                rewarded = taken
                guard.clock.start()
            yield chunk

    def close(self) -> None:
        self._stream.close()


def seconds_to_wait(response: httpx2.Response) -> int:
    """How long a server takes no more requests for now; 0 when it doesn't."""
    limit = parse_ratelimit_headers(response.headers)
    if response.status_code == 429 and limit and limit.remaining == 0:
        return limit.reset_in_seconds
    after = response.headers.get("retry-after", "")
    return int(after) if re.fullmatch(r"[0-9]{1,9}", after) and response.status_code >= 400 else 0


def too_many(endpoint: str, seconds: int) -> str:
    """That a Hub takes no more requests for now, in words."""
    when = f"in {seconds:,} seconds" if seconds else "later"
    return f"{endpoint} takes no more requests for now (too many requests): try again {when}."


def first_line(error: BaseException) -> str:
    """What a person needs of an error: no further lines, and no query of an address, which may be a
    signature.
    """
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return re.sub(r"(https?://[^\s?'\"]*)\?[^\s'\"]*", r"\1", lines[0])[:300].rstrip(".")
