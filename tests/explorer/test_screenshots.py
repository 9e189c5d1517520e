"""The pictures of the guides, as the page looks now.

`SCREENSHOTS=plugins/guides/images pytest -m browser tests/explorer/test_screenshots.py` makes them
anew.
"""

import os
from pathlib import Path

import pytest
from browsers import browsing, ready, save
from PIL import Image
from servers import serving

ROOT = Path(__file__).parents[2]
PLACE = os.environ.get("SCREENSHOTS")

pytestmark = pytest.mark.browser


def test_the_picture_of_the_guide_shows_the_page() -> None:
    kept = ROOT / "plugins" / "guides" / "images" / "play.png"
    made = ROOT / PLACE / "play.png" if PLACE else Path("play.png")
    with (
        browsing() as browser,
        serving(with_page=True) as server,
        browser.page(device_scale_factor=2) as page,
    ):
        page.set_viewport_size({"width": 1280, "height": 1070})
        page.goto(f"{server.address}/#checkpoint=vae-mnist&seed=3&moves=strong-2:1.2")
        ready(page)
        page.wait_for_timeout(500)
        save(page, made, 960)
    with Image.open(made) as now, Image.open(kept) as then:
        assert now.size == then.size
    assert kept.stat().st_size < 150_000
