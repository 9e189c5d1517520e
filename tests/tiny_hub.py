"""A Hub on loopback, as far as pulling a model goes: what the real client asks, and ways to answer wrongly."""

import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

Answer = tuple[int, dict[str, str], bytes]
MISSING = {"repository": "RepoNotFound", "revision": "RevisionNotFound", "file": "EntryNotFound"}


class TinyHub:
    """Repositories by name, each with its files by path; `.safetensors` are kept as LFS, with a sha256.

    `requests` logs what was asked: "GET /owner/repo/resolve/COMMIT/config.json". `authorizations` logs the tokens seen.
    `answers` maps a pattern of such a line to a function that makes another answer of the right one, or waits.
    """

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.requests: list[str] = []
        self.authorizations: list[str] = []
        self.answers: dict[str, Callable[[Answer], Answer]] = {}
        self.endpoint = ""

    def commit(self, repository: str) -> str:
        """The one commit of a repository, also called main and v1."""
        digest = hashlib.sha1(repository.encode())
        for path, content in sorted(self.repositories[repository].items()):
            digest.update(path.encode() + content)
        return digest.hexdigest()

    def answer(self, method: str, target: str) -> Answer:
        path = target.partition("?")[0]
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/(revision|tree)/([^/]+))?", path):
            repository, kind, revision = match[1], match[2], unquote(match[3] or "main")
        elif match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            repository, kind, revision = match[1], unquote(match[3]), unquote(match[2])
        else:
            return 404, {}, b"no such route"
        if repository not in self.repositories:
            return _missing("repository")
        commit, files = self.commit(repository), self.repositories[repository]
        if revision not in ("main", "v1", commit):
            return _missing("revision")
        if path.startswith("/api/") and kind == "tree":
            return _json([_tree_entry(name, content) for name, content in files.items()])
        if path.startswith("/api/"):
            return _json({"id": repository, "sha": commit, "siblings": [{"rfilename": name} for name in files]})
        if kind not in files:
            return _missing("file", {"X-Repo-Commit": commit})
        etag = _tree_entry(kind, files[kind])
        etag = str(etag.get("lfs", etag)["oid"])  # type: ignore[index]  # an entry holds an oid, or an lfs that does
        return 200, {"X-Repo-Commit": commit, "ETag": f'"{etag}"'}, files[kind]


def flipped(answer: Answer) -> Answer:
    """The same answer with the last byte of its body changed."""
    status, headers, body = answer
    return status, headers, body[:-1] + bytes([body[-1] ^ 1])


@contextmanager
def serving() -> Iterator[TinyHub]:
    """A hub that answers at its `endpoint` as long as the block lasts."""
    hub = TinyHub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            line = f"{self.command} {self.path}"
            hub.requests.append(line)
            hub.authorizations += [value] if (value := self.headers.get("Authorization")) else []
            answer = hub.answer(self.command, self.path)
            for pattern, change in list(hub.answers.items()):
                if re.search(pattern, line):
                    answer = change(answer)
            status, headers, body = answer
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, format: str, *arguments: object) -> None:
            """Say nothing: `requests` is the log."""

        def handle(self) -> None:
            try:
                super().handle()
            except ConnectionError:  # the client was killed, as some tests do
                self.close_connection = True

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hub.endpoint = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield hub
        finally:
            server.shutdown()


def _tree_entry(path: str, content: bytes) -> dict[str, object]:
    oid = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    entry: dict[str, object] = {"type": "file", "path": path, "size": len(content), "oid": oid}
    if path.endswith(".safetensors"):
        entry["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 134}
    return entry


def _json(value: object) -> Answer:
    return 200, {"Content-Type": "application/json"}, json.dumps(value).encode()


def _missing(what: str, headers: dict[str, str] | None = None) -> Answer:
    return 404, {"X-Error-Code": MISSING[what], "X-Error-Message": f"No such {what}", **(headers or {})}, b"{}"
