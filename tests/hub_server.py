"""A Hub on loopback for the real client: it pushes, pulls and searches here, and this Hub can also
answer wrongly.
"""

import asyncio
import contextlib
import re
import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import uvicorn
from hub_repositories import Repository, User, file_of
from hub_routes import ROUTES, Answer, Asked, Refusal, as_json
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

READ, WRITE, OTHER = (
    "hf_read",
    "hf_write",
    "hf_other",
)  # tokens: of owner, of owner, of somebody else


class Seen(str):
    """A request as it came, "GET /owner/repo/resolve/main/config.json?query", with its `range`, its
    `token` and its `agent`.
    """

    range: str
    token: str
    agent: str


class Hub:
    """Repositories over HTTP, at `endpoint`.

    `requests` logs what was asked, in order. `answers` maps a pattern of such a line to a function
    that makes another answer of the right one, or waits: see `flipped` and those below it.
    `refusals` maps one to the answer that such a request gets in place of being done. `tokens` says
    who is who. `cas` is the folder of a local content-addressed store, for Xet; without one the Hub
    has LFS alone."""

    def __init__(self, cas: Path | None = None) -> None:
        self.repositories: dict[str, Repository] = {}
        self.tokens = {
            READ: User("owner", "read"),
            WRITE: User("owner", "write"),
            OTHER: User("other", "write"),
        }
        self.requests: list[Seen] = []
        self.answers: dict[str, Callable[[Answer], Answer | tuple[int, dict[str, str], bytes]]] = {}
        self.refusals: dict[str, Answer] = {}
        self.objects: dict[str, bytes] = {}  # of LFS, by sha256
        self.key = secrets.token_hex(8)  # those who may upload an object know it
        self.cas = cas
        self.page = 100  # models of a search at once
        self.endpoint = ""

    def put(
        self, repository: str, files: Mapping[str, bytes | None], **of_repository: Any
    ) -> Repository:
        """Commit files to a repository, made if need be, as somebody else would: None removes one,
        any name goes.
        """
        kept = self.repositories.setdefault(repository, Repository(repository, **of_repository))
        kept.commit(
            {
                path: None if content is None else file_of(path, content)
                for path, content in files.items()
            }
        )
        return kept

    def commit(self, repository: str) -> str:
        """The commit that main is at."""
        return self.repositories[repository].head

    def answer(
        self, method: str, path: str, headers: Mapping[str, str], query: Any, body: bytes
    ) -> Answer:
        """The right answer to a request, or the one that refuses it."""
        for pattern, refusal in self.refusals.items():
            if re.search(pattern, f"{method} {path}"):
                return refusal
        user = self._user(headers)
        for verb, pattern, name in ROUTES:
            if (match := re.fullmatch(pattern, path)) and verb == method.replace("HEAD", "GET"):
                parts = {key: unquote(value or "") for key, value in match.groupdict().items()}
                asked = Asked(self, user, parts, headers, query, body)
                return getattr(asked, name)()
        raise Refusal(404, "", f"No such route: {method} {path}")

    def _user(self, headers: Mapping[str, str]) -> User | None:
        token = headers.get("authorization", "").removeprefix("Bearer ")
        if token and token not in self.tokens:
            raise Refusal(401, "", "Invalid credentials in Authorization header")
        return self.tokens.get(token)


def flipped(answer: Answer) -> Answer:
    """The same with the last byte changed."""
    return answer._replace(body=answer.body[:-1] + bytes([answer.body[-1] ^ 1]))


def shorter(answer: Answer) -> Answer:
    """The same without its last bytes, in good order."""
    return answer._replace(body=answer.body[:-100])


def cut(after: int) -> Callable[[Answer], Answer]:
    """The connection ends after some bytes of the body."""

    def change(answer: Answer) -> Answer:
        length = {"Content-Length": str(len(answer.body))}
        return answer._replace(headers=answer.headers | length, body=answer.body[:after])

    return change


def status(
    code: int, headers: Mapping[str, str] | None = None, body: bytes = b"{}"
) -> Callable[[Answer], Answer]:
    """Another answer altogether."""
    return lambda answer: Answer(code, dict(headers or {}), body)


def redirected(endpoint: str) -> Callable[[Answer], Answer]:
    """A file in LFS is to be had elsewhere."""

    def change(answer: Answer) -> Answer:
        location = f"{endpoint}/lfs/{answer.headers['X-Linked-ETag'].strip(chr(34))}"
        return Answer(302, answer.headers | {"Location": location}, b"")

    return change


def stalled(released: threading.Event) -> Callable[[Answer], Answer]:
    """The right answer, once the event is set."""

    def change(answer: Answer) -> Answer:
        released.wait(60)
        return answer

    return change


def times(number: int, change: Callable[[Answer], Answer]) -> Callable[[Answer], Answer]:
    """So many wrong answers, then right ones."""
    left = iter(range(number))
    return lambda answer: answer if next(left, None) is None else change(answer)


@contextlib.contextmanager
def serving(cas: Path | None = None) -> Iterator[Hub]:
    """A hub that answers at its `endpoint` as long as the block lasts."""
    hub = Hub(cas)
    # with the protocol named, asyncio turns off the wait of 40 ms between the head of an answer and
    # its body
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    hub.endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(
        _app(hub), log_config=None, log_level="critical", lifespan="off", http="h11", ws="none"
    )
    server = _Server(config)
    thread = threading.Thread(target=asyncio.run, args=(server.serve([listener]),), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


class _Server(uvicorn.Server):
    """Ends within milliseconds of being told to: uvicorn sleeps for a tenth of a second here and
    there.
    """

    async def main_loop(self) -> None:
        while not self.should_exit:
            await asyncio.sleep(0.005)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await asyncio.sleep(0)


def _app(hub: Hub) -> Callable[..., Any]:
    """The ASGI application: routes on the raw path, because %2F in a revision is no slash."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        path = scope["raw_path"].decode()
        query = scope["query_string"].decode()
        seen = Seen(f"{request.method} {path}" + (f"?{query}" if query else ""))
        seen.range = request.headers.get("range", "")
        seen.token = request.headers.get("authorization", "").removeprefix("Bearer ")
        seen.agent = request.headers.get("user-agent", "")
        hub.requests.append(seen)
        try:
            body = await request.body()
        except ClientDisconnect:  # it was killed, as some tests do
            return
        try:
            answer = hub.answer(request.method, path, request.headers, request.query_params, body)
        except Refusal as refusal:
            code, error, message, *headers = refusal.args
            told = {"X-Error-Message": message} | ({"X-Error-Code": error} if error else {})
            answer = as_json({"error": message}, code, told | (headers[0] if headers else {}))
        for pattern, change in list(hub.answers.items()):
            if re.search(pattern, seen):
                answer = Answer(*await asyncio.to_thread(change, answer))
        await Response(answer.body, answer.status, answer.headers)(scope, receive, send)

    return app
