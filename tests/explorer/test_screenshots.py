"""The pictures of the README and the guides, as the pages look now.

`SCREENSHOTS=plugins/guides/images pytest -m browser tests/explorer/test_screenshots.py` makes them
anew.
"""

import os
from pathlib import Path
from typing import Any

import pytest
from browsers import browsing, ready, save
from hosts import hosted, onnxruntime_web
from PIL import Image
from servers import serving

import zoo

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "plugins" / "guides" / "images"
PLACE = os.environ.get("SCREENSHOTS")
STATE = "#checkpoint=vae-mnist&seed=3&moves=strong-2:1.2"

pytestmark = pytest.mark.browser


def photograph(page: Any, address: str, name: str, width: int) -> None:
    """Open a page, keep how it looks, and hold the picture that is kept to its size."""
    kept, made = IMAGES / name, ROOT / PLACE / name if PLACE else Path(name)
    page.goto(address)
    ready(page)
    page.wait_for_timeout(500)
    save(page, made, width)
    with Image.open(made) as now, Image.open(kept) as then:
        assert now.size == then.size
    assert kept.stat().st_size < 150_000


def test_the_picture_of_the_guide_shows_the_page() -> None:
    with (
        browsing() as browser,
        serving(with_page=True) as server,
        browser.page(device_scale_factor=2) as page,
    ):
        page.set_viewport_size({"width": 1280, "height": 1070})
        photograph(page, f"{server.address}/{STATE}", "play.png", 960)


def test_the_picture_of_the_readme_shows_an_exported_page_on_a_phone(tmp_path: Path) -> None:
    zoo.export("vae-mnist", "page", to="page", runtime=onnxruntime_web(tmp_path))
    with (
        hosted(Path("page")) as address,
        browsing() as browser,
        browser.page(phone=True, dark=True, device_scale_factor=2) as page,
    ):
        photograph(page, f"{address}/{STATE}", "page.png", 390)
