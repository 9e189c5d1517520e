"""A static host on loopback, and the runtime that exported pages need."""

import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from zoo.errors import DataError
from zoo.exporters import runtime

# onnxruntime-web, kept between the tests of one run
KEPT: dict[str, bytes] = {}


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A static host that says nothing."""

    def log_message(self, *arguments: Any) -> None:
        pass


@contextmanager
def hosted(folder: Path) -> Iterator[str]:
    """A static host on loopback; its address."""
    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def onnxruntime_web(place: Path) -> Path:
    """A folder with onnxruntime-web itself, fetched once for all tests; skips without a net."""
    if not KEPT:
        try:
            KEPT.update(runtime.read())
        except DataError as error:
            pytest.skip(f"onnxruntime-web is not to be had here: {error}")
    folder = place / "onnxruntime-web"
    folder.mkdir()
    for name, content in KEPT.items():
        (folder / name).write_bytes(content)
    return folder
