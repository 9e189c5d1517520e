"""Headless Chromium, driven as a person would drive it; the one file that starts a browser."""

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

# where Debian, and other systems, put it
PLACES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-sync",
    "--no-first-run",
)
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}


def chromium() -> str:
    """The path of the browser; skips the test where there is none."""
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next(filter(None, map(shutil.which, PLACES)), None)
    if found is None:
        pytest.skip("no Chromium is installed: apt-get install chromium")
    return found


@dataclass
class Browser:
    """A browser that runs.

    **Arguments:**
    - `browser`: as playwright has it.
    - `requests`: the addresses that its pages asked for.
    - `errors`: what its pages complained of.
    """

    browser: Any
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def page(self, *, phone: bool = False, dark: bool = False, **more: Any) -> Iterator[Any]:
        """A page in a world of its own. It fails when a script broke, or asked another host."""
        context = self.browser.new_context(
            viewport=PHONE if phone else DESK,
            has_touch=phone,
            color_scheme="dark" if dark else "light",
            accept_downloads=True,
            **more,
        )
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._hear)
        try:
            yield page
        finally:
            context.close()
        assert self.errors == [], f"the page complained: {self.errors}"
        foreign = {url for url in self.requests if not is_local(url)}
        assert not foreign, f"a page asked {foreign}"

    def _hear(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(message.text)


def is_local(url: str) -> bool:
    """Whether an address is of this machine, or of the page itself."""
    parts = urlsplit(url)
    return parts.scheme in ("blob", "data", "about") or parts.hostname in ("127.0.0.1", "localhost")


@contextlib.contextmanager
def browsing() -> Iterator[Browser]:
    """A browser, closed at the end."""
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield Browser(browser)
        browser.close()


def ready(page: Any) -> Any:
    """The page, once its view is shown."""
    page.locator("#view[aria-busy=false]").wait_for()
    return page


def open_at(page: Any, where: str) -> None:
    """Go to an address, and wait until its view is shown."""
    page.goto(where)
    ready(page)


def shown(page: Any, picture: str = ".large") -> bytes:
    """The pixels of a canvas, as the bytes of a PNG: equal pictures are equal."""
    address: str = page.locator(picture).first.evaluate("canvas => canvas.toDataURL()")
    return address.encode()


def wait_until_shown(page: Any, before: bytes, picture: str = ".large") -> bytes:
    """The pixels of a canvas, once they are others than before."""
    for _ in range(100):
        if (now := shown(page, picture)) != before:
            return now
        page.wait_for_timeout(50)
    raise AssertionError("the picture does not change")


def save(page: Any, path: Path, width: int) -> None:
    """A screenshot of the window, scaled to a width, as a small PNG."""
    import io

    from PIL import Image

    with Image.open(io.BytesIO(page.screenshot())) as picture:
        height = round(picture.height * width / picture.width)
        small = picture.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
    small.quantize(64).save(path, optimize=True)
