"""The page as a visitor has it: by finger, in large letters, with mistakes, and without the server."""

from collections.abc import Iterator
from typing import Any

import pytest
from browsers import Browser, open_at, ready, shown, wait_until_shown
from servers import Served, serving

pytestmark = pytest.mark.browser

FINGER = 44  # pixels of what a finger hits
# a phone that lies on its side, a larger one, and a window of 1280 × 800 enlarged twice
ON_ITS_SIDE = [(667, 375), (844, 390), (640, 400)]


@pytest.fixture(scope="module")
def server(browser: Browser) -> Iterator[Served]:
    """The server of the page, in this process."""
    with serving(with_page=True) as served:
        yield served


def box_of(page: Any, selector: str) -> dict[str, float]:
    """Where an element is in the window, once it is scrolled to the middle."""
    place = page.locator(selector).first
    place.evaluate("e => e.scrollIntoView({ block: 'center' })")
    page.wait_for_timeout(150)
    found: dict[str, float] = place.bounding_box()
    return found


def stroke(page: Any, *points: tuple[float, float]) -> None:
    """A stroke on the drawing area; points from 0 to 1."""
    box = box_of(page, ".sketch")
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=5)
    page.mouse.up()


def finger(page: Any, *points: tuple[float, float]) -> None:
    """A finger that goes over the screen."""
    screen = page.context.new_cdp_session(page)
    for i, (x, y) in enumerate(points):
        kind = "touchMove" if i else "touchStart"
        screen.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
        page.wait_for_timeout(20)
    screen.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_timeout(400)


@pytest.mark.parametrize(
    "state", ["", "checkpoint=cdcgan-mnist", "view=pair", "view=training"], ids=str
)
def test_what_a_finger_touches_is_as_large_as_a_finger(
    browser: Browser, server: Served, state: str
) -> None:
    with browser.page(phone=True, is_mobile=True) as page:
        open_at(page, f"{server.address}/#{state}")
        page.wait_for_timeout(300)
        small = page.evaluate(f"""[...document.querySelectorAll(
            "header a, button, select, input, summary")]
          .filter((one) => one.getClientRects().length)
          .filter((one) => one.getBoundingClientRect().height < {FINGER})
          .map((one) => one.outerHTML)""")
        assert small == []


def test_a_finger_that_scrolls_over_a_slider_leaves_it(browser: Browser, server: Served) -> None:
    with browser.page(phone=True, is_mobile=True) as page:
        open_at(page, f"{server.address}/#checkpoint=vae-mnist")
        box = box_of(page, "#move-strong-5")
        x, y = box["x"] + 30, box["y"] + box["height"] / 2
        before = page.evaluate("scrollY")
        finger(page, *[(x, y - 15 * i) for i in range(10)])
        assert page.evaluate("scrollY") > before + 50
        assert page.locator("#move-strong-5").input_value() == "0"
        assert "moves" not in page.url
        box = box_of(page, "#move-strong-5")
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        finger(page, *[(x + 5 * i, y) for i in range(10)])
        assert float(page.locator("#move-strong-5").input_value()) > 1


@pytest.mark.parametrize("size", ON_ITS_SIDE, ids=str)
def test_on_a_low_screen_the_picture_stays_beside_its_sliders(
    browser: Browser, server: Served, size: tuple[int, int]
) -> None:
    with browser.page(phone=True, is_mobile=True) as page:
        page.set_viewport_size({"width": size[0], "height": size[1]})
        open_at(page, f"{server.address}/#checkpoint=vae-mnist")
        for place in ("#move-strong-4", ".command pre"):
            box, picture = box_of(page, place), page.locator(".large").bounding_box()
            assert picture["y"] >= 0 and picture["y"] + picture["height"] <= size[1]
            assert picture["x"] + picture["width"] <= box["x"]
        assert page.locator("html").evaluate("e => e.scrollWidth") <= size[0]


@pytest.mark.parametrize("phone", [False, True])
def test_letters_twice_as_large_leave_room_for_everything(
    browser: Browser, server: Served, phone: bool
) -> None:
    with browser.page(phone=phone) as page:
        open_at(page, f"{server.address}/#checkpoint=cdcgan-mnist")
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        page.wait_for_timeout(200)
        assert page.locator("html").evaluate("e => e.scrollWidth <= innerWidth")
        sliders = page.locator(".slider input").all()
        widths = [box["width"] for one in sliders if (box := one.bounding_box())]
        assert widths and min(widths) >= 150


def test_what_can_not_be_a_seed_is_said_and_does_not_stay(browser: Browser, server: Served) -> None:
    with browser.page() as page:
        open_at(page, f"{server.address}/#checkpoint=vae-mnist-2d&seed=3")
        seed = page.locator("#seed")
        for value in ("-5", "3.7", "99999999999"):
            seed.fill(value)
            page.locator("#status.problem", has_text="from 0 to 4294967295").wait_for()
        seed.blur()
        assert seed.input_value() == "3" and "--seed 3 " in page.locator("#command").inner_text()
        seed.fill("")
        assert page.locator("#status").inner_text() == ""
        for _ in range(10):
            page.get_by_role("button", name="Another").click()
        page.wait_for_timeout(400)
        assert f"seed={seed.input_value()}&" in page.url + "&"


def test_a_problem_is_gone_once_it_is_over(browser: Browser, server: Served) -> None:
    with browser.page() as page:
        open_at(page, f"{server.address}/#checkpoint=vae-mnist-2d")
        before = shown(page)
        page.context.set_offline(True)
        page.locator("#move-strong-1").fill("1")
        page.locator("#status.problem", has_text="does not answer").wait_for()
        page.locator("#status").click()
        assert page.locator("#status").inner_text() == ""
        page.locator("#move-strong-1").fill("1.5")
        page.locator("#status.problem").filter(has_text="does not answer").wait_for()
        page.context.set_offline(False)
        page.locator("#move-strong-1").fill("2")
        wait_until_shown(page, before)
        page.locator("#status:empty").wait_for(state="attached")
        page.context.set_offline(True)
        page.get_by_role("link", name="Gallery").click()
        page.locator("[role=alert]").wait_for()
        page.context.set_offline(False)
        page.get_by_role("button", name="Try again").click()
        ready(page)
        assert page.locator("h1").inner_text() == "Checkpoints"
        browser.errors.clear()  # the console says that the net was gone


def test_a_cover_is_erased_and_is_no_part_of_the_drawing(browser: Browser, server: Served) -> None:
    with browser.page() as page:
        open_at(page, f"{server.address}/#checkpoint=vae-mnist-2d")
        before = shown(page)
        stroke(page, (0.5, 0.2), (0.5, 0.8))
        wait_until_shown(page, before)
        page.wait_for_timeout(500)
        drawn = shown(page)
        page.locator("#tool").select_option("mask")
        stroke(page, (0.15, 0.3), (0.15, 0.7))
        page.locator("#tool").select_option("erase")
        stroke(page, (0.85, 0.3), (0.85, 0.7))  # where there is nothing
        page.wait_for_timeout(500)
        assert shown(page) == drawn
        stroke(page, (0.1, 0.2), (0.1, 0.8), (0.2, 0.8), (0.2, 0.2))
        page.get_by_role("button", name="Fill in what is covered").click()
        page.locator("#status.problem", has_text="Cover a part first").wait_for()


def test_the_class_that_a_drawing_is_taken_for_is_said(browser: Browser, server: Served) -> None:
    with browser.page() as page:
        open_at(page, f"{server.address}/#checkpoint=cdcgan-mnist")
        page.get_by_text("It is taken for the class 0.").wait_for()
        page.get_by_role("button", name="3", exact=True).click()
        page.get_by_text("It is taken for the class 3.").wait_for()
    with browser.page() as page:
        open_at(page, f"{server.address}/#checkpoint=vae-mnist-2d")
        assert not page.get_by_text("It is taken for the class").is_visible()


def test_side_by_side_begins_with_two_models(browser: Browser, server: Served) -> None:
    with browser.page() as page:
        open_at(page, f"{server.address}/#checkpoint=cdcgan-mnist")
        page.get_by_role("link", name="Side by side").click()
        page.locator("#pair-right").wait_for()
        assert page.locator("#pair-left").input_value() == "cdcgan-mnist"
        assert page.locator("#pair-right").input_value() != "cdcgan-mnist"


def test_the_plane_has_two_directions(browser: Browser, server: Served) -> None:
    with browser.page() as page:
        open_at(page, f"{server.address}/#checkpoint=vae-mnist")
        page.locator("#plane-1").select_option("strong-1")
        assert page.locator("#plane-0").input_value() == "strong-2"
        page.wait_for_timeout(400)  # the address follows a little later
        assert "plane=strong-2%2Cstrong-1" in page.url


def test_the_api_without_the_page_describes_itself(browser: Browser) -> None:
    with serving() as server, browser.page(phone=True, is_mobile=True) as page:
        page.goto(f"{server.address}/")
        page.get_by_text("POST /v1/reconstruct").wait_for()
        assert page.locator("html").evaluate("e => e.scrollWidth") <= 390
