"""The files of the page, each by its name, and the page that describes the API."""

from importlib.resources import files as package_files
from typing import Any

from fastapi import FastAPI, HTTPException, Response
from fastapi.responses import RedirectResponse

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
# files that `zoo serve` needs: the page of its API
DOCS = ("docs.html", "docs.js", "dom.js", "style.css", "icon.svg")


def read() -> dict[str, bytes]:
    """The files of the page by name."""
    folder = package_files("zoo.explorer") / "page"
    return {
        entry.name: entry.read_bytes()
        for entry in folder.iterdir()
        if entry.is_file() and _suffix(entry.name) in TYPES
    }


def add(app: FastAPI, *, with_page: bool) -> None:
    """Serve them: they are read once, and nothing else lies at their addresses."""
    shown: dict[str, bytes] = {
        name: content for name, content in read().items() if with_page or name in DOCS
    }
    known: dict[str, Any] = {"include_in_schema": False}

    def answer(name: str) -> Response:
        if name not in shown:
            raise HTTPException(404, "There is no such file.")
        headers = {"Cache-Control": "no-cache"}
        return Response(shown[name], media_type=TYPES[_suffix(name)], headers=headers)

    @app.get("/page/{name}", **known)
    async def file(name: str) -> Response:
        return answer(name)

    @app.get("/docs", **known)
    async def docs() -> Response:
        return answer("docs.html")

    @app.get("/", **known)
    async def start() -> Response:
        return answer("index.html") if with_page else RedirectResponse("/docs")


def _suffix(name: str) -> str:
    return "." + name.rpartition(".")[2]
