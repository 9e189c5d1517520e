"""The page of `zoo play` in a real browser, used as a person uses it."""

import io
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsers import Browser, open_at, ready, shown, wait_until_shown
from conftest import Zoo
from PIL import Image
from servers import Served, serving

import zoo as zoo_package
from zoo.sampling import to_uint8

pytestmark = pytest.mark.browser

TOKEN = "a-token-of-the-test"


@pytest.fixture(scope="module")
def server(browser: Browser) -> Iterator[Served]:
    """The server of the page, in this process."""
    with serving(token=TOKEN, with_page=True) as served:
        yield served


def address(server: Served, **state: Any) -> str:
    words = "&".join(f"{name}={value}" for name, value in {"token": TOKEN, **state}.items())
    return f"{server.address}/#{words}"


def digit_drawn(page: Any) -> int:
    """Which digit a classifier sees in the large picture."""
    import base64

    from zoo.data import load_features

    png = base64.b64decode(shown(page).decode().partition(",")[2])
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("L"), np.float32)
    import torch

    extractor = load_features("digits")
    x = torch.tensor(pixels)[None, None] / 255
    with torch.no_grad():
        _, logits = extractor.module(x)
    return int(logits.argmax())


def test_the_gallery_shows_every_checkpoint_and_finds_them(
    browser: Browser, server: Served
) -> None:
    with browser.page() as page:
        open_at(page, address(server))
        assert page.locator(".card").count() == len(server.get("/v1/checkpoints").json()) >= 7
        card = page.locator(".card", has_text="vae-mnist-2d")
        for words in ("mlp-vae", "Fréchet distance", "MB", "apache-2.0"):
            assert words in card.inner_text()
        page.locator(".card img").first.wait_for()
        page.get_by_label("Search").fill("cdcgan-mnist classes")
        assert page.locator(".card").count() == 1
        page.get_by_role("link", name="cdcgan-mnist").click()
        ready(page)
        assert page.locator("h1").inner_text() == "cdcgan-mnist"
        page.go_back()
        ready(page)
        assert page.locator("h1").inner_text() == "Checkpoints"


def test_a_slider_moves_every_picture_and_back(browser: Browser, server: Served) -> None:
    with browser.page() as page:
        open_at(page, address(server, checkpoint="vae-mnist", seed=3))
        before = shown(page)
        page.locator(".slider input[id^=move-strong]").first.fill("2")
        after = wait_until_shown(page, before)
        assert "moves=strong-1" in page.url
        page.get_by_role("button", name="Set all to 0").click()
        assert wait_until_shown(page, after) == before


def test_the_pictures_are_those_that_python_draws(browser: Browser, server: Served) -> None:
    with browser.page() as page:
        open_at(page, address(server, checkpoint="dcgan-mnist", seed=5, sel=2))
        drawn = to_uint8(zoo_package.draw("dcgan-mnist", 3, seed=5))[2, 0].numpy()
        seen = page.locator(".large").evaluate(
            "c => [...c.getContext('2d').getImageData(0, 0, 28, 28).data]"
        )
        red = np.array(seen, np.uint8).reshape(28, 28, 4)[:, :, 0]
        assert np.abs(red.astype(int) - drawn.astype(int)).max() <= 1


def test_a_class_button_asks_for_that_class(browser: Browser, server: Served) -> None:
    with browser.page() as page:
        open_at(page, address(server, checkpoint="cdcgan-mnist", seed=1))
        before = shown(page)
        page.get_by_role("button", name="7", exact=True).click()
        wait_until_shown(page, before)
        assert (
            page.get_by_role("button", name="7", exact=True).get_attribute("aria-pressed") == "true"
        )
        assert "class 7" in (page.locator(".large").get_attribute("aria-label") or "")
        assert "--label 7" in page.locator("#command").inner_text()


def test_a_drawn_seven_comes_back_as_a_seven(browser: Browser, server: Served) -> None:
    with browser.page() as page:
        open_at(page, address(server, checkpoint="vae-mnist", seed=0))
        before = shown(page)
        pen = page.locator(".sketch")
        pen.scroll_into_view_if_needed()
        box = pen.bounding_box()
        assert box
        place = lambda x, y: (box["x"] + x * box["width"], box["y"] + y * box["height"])  # noqa: E731
        page.mouse.move(*place(0.28, 0.27))
        page.mouse.down()
        page.mouse.move(*place(0.70, 0.25), steps=10)
        while_drawing = wait_until_shown(page, before)  # the answer comes as the pen moves
        page.mouse.move(*place(0.45, 0.80), steps=10)
        page.mouse.up()
        wait_until_shown(page, while_drawing)
        page.wait_for_timeout(500)
        copy = page.locator(".copy").evaluate(
            "c => [...c.getContext('2d').getImageData(0, 0, 28, 28).data]"
        )
        assert np.array(copy, np.uint8).reshape(28, 28, 4)[:, :, 0].max() > 200
        assert digit_drawn(page) == 7
        assert pen.bounding_box() == box  # nothing moved under the pen
        assert "z=" in page.url and "zoo decode" in page.locator("#command").inner_text()


def test_a_picture_of_any_size_and_kind_can_be_chosen(browser: Browser, server: Served) -> None:
    Image.new("RGB", (640, 400), (200, 30, 90)).save("photo.jpg")
    Path("words.txt").write_text("no picture")
    with browser.page() as page:
        open_at(page, address(server, checkpoint="vae-mnist"))
        before = shown(page)
        page.get_by_label("Or a picture of yours").set_input_files("photo.jpg")
        wait_until_shown(page, before)
        page.get_by_label("Or a picture of yours").set_input_files("words.txt")
        page.locator("#status", has_text="words.txt is no picture").wait_for()


def test_the_point_on_the_plane_follows_the_pointer_and_the_keys(
    browser: Browser, server: Served
) -> None:
    with browser.page() as page:
        open_at(page, address(server, checkpoint="vae-mnist-2d"))
        before = shown(page)
        plane = page.locator(".plane")
        plane.scroll_into_view_if_needed()
        plane.click(position={"x": 40, "y": 200})
        after = wait_until_shown(page, before)
        plane.press("ArrowRight")
        wait_until_shown(page, after)
        model = zoo_package.load("vae-mnist-2d")
        across, up = re.findall(r"[-−]?[\d.]+", plane.get_attribute("aria-valuetext") or "")
        import torch

        z = torch.tensor([[float(across), float(up)]])
        picture = to_uint8(model.decode(z))[0, 0].numpy()
        seen = page.locator(".large").evaluate(
            "c => [...c.getContext('2d').getImageData(0, 0, 28, 28).data]"
        )
        red = np.array(seen, np.uint8).reshape(28, 28, 4)[:, :, 0]
        assert np.abs(red.astype(int) - picture.astype(int)).mean() < 6  # the text is rounded


def test_two_pinned_pictures_have_a_line_between_them(browser: Browser, server: Served) -> None:
    with browser.page() as page:
        open_at(page, address(server, checkpoint="vae-mnist", seed=3))
        first = shown(page)
        page.get_by_role("button", name="Pin as A").click()
        page.locator(".tile").nth(5).click()
        second = wait_until_shown(page, first)
        page.get_by_role("button", name="Pin as B").click()
        page.locator(".strip canvas").first.wait_for()
        slider = page.locator("#share")
        slider.fill("0")
        assert wait_until_shown(page, second) == first
        slider.fill("1")
        assert wait_until_shown(page, first) == second
        slider.fill("0.5")
        assert wait_until_shown(page, second) != first


def test_two_models_stand_side_by_side_with_the_same_seed(browser: Browser, server: Served) -> None:
    with browser.page() as page:
        where = address(server, view="pair", left="vae-mnist", right="dcgan-mnist", seed=2)
        open_at(page, where)
        sides = page.locator(".pair .panel")
        assert [sides.nth(i).locator("canvas").count() for i in range(2)] == [16, 16]
        before = shown(page, ".pair .panel:nth-child(2) canvas")
        page.locator("#pair-seed").fill("9")
        after = wait_until_shown(page, before, ".pair .panel:nth-child(2) canvas")
        page.locator("#pair-right").select_option("gan-mnist")
        wait_until_shown(page, after, ".pair .panel:nth-child(2) canvas")
        page.wait_for_timeout(400)  # the address follows a little later
        assert "right=gan-mnist" in page.url and "seed=9" in page.url


def test_the_copied_command_writes_the_bytes_that_the_page_downloads(
    browser: Browser, server: Served, zoo: Zoo
) -> None:
    with browser.page() as page:
        page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        open_at(page, address(server, checkpoint="cvae-mnist", seed=8, t=0.7, **{"class": 4}))
        page.get_by_role("button", name="Copy the command").click()
        page.locator("#status", has_text="Copied").wait_for()
        command = page.evaluate_handle("navigator.clipboard.readText()").json_value()
        with page.expect_download() as waiting:
            page.get_by_role("button", name="Download PNG").click()
        downloaded = Path(waiting.value.path()).read_bytes()
        name = waiting.value.suggested_filename
    assert zoo(*shlex.split(command)[1:]).exit_code == 0
    assert Path(name).read_bytes() == downloaded


def test_what_was_edited_is_decoded_by_the_copied_command(
    browser: Browser, server: Served, zoo: Zoo
) -> None:
    with browser.page() as page:
        where = address(server, checkpoint="cvae-mnist", seed=8, moves="strong-1:1.5,@3:-1", t=0.8)
        open_at(page, where)
        command = page.locator("#command").inner_text()
        for button in ("Download latents", "Download PNG"):
            with page.expect_download() as waiting:
                page.get_by_role("button", name=button).click()
            waiting.value.save_as(waiting.value.suggested_filename)
    name = shlex.split(command)[-1]
    downloaded = Image.open(name).tobytes()
    Path(name).unlink()
    assert zoo(*shlex.split(command)[1:]).exit_code == 0
    again = np.frombuffer(Image.open(name).tobytes(), np.uint8).astype(int)
    assert np.abs(again - np.frombuffer(downloaded, np.uint8)).max() <= 1


def test_samples_moved_along_a_direction_are_had_by_zoo_edit(
    browser: Browser, server: Served, zoo: Zoo
) -> None:
    with browser.page() as page:
        open_at(page, address(server, checkpoint="vae-mnist", seed=8, n=4, moves="strong-1:1.5"))
        command = page.locator("#command").inner_text()
        assert "zoo edit vae-mnist --seed 8 -n 4 --direction strong-1=1.5" in command
        with page.expect_download() as waiting:
            page.get_by_role("button", name="Download latents").click()
        with np.load(waiting.value.path()) as file:
            shown = file["latents"][1:]
    words = shlex.split(command)[1:-1]
    assert zoo(*words, "moved.npz").exit_code == 0
    with np.load("moved.npz") as file:
        assert np.allclose(file["latents"], shown, atol=1e-5)


def test_the_nearest_picture_of_a_gan_is_found(browser: Browser, server: Served) -> None:
    zoo_package.grid(zoo_package.draw("dcgan-mnist", 1, seed=77), columns=1).crop(
        (2, 2, 30, 30)
    ).save("digit.png")
    with browser.page() as page:
        open_at(page, address(server, checkpoint="dcgan-mnist", seed=0))
        before = shown(page)
        page.get_by_label("Or a picture of yours").set_input_files("digit.png")
        page.get_by_role("button", name="Find the nearest").click()
        wait_until_shown(page, before)
        page.locator("#status", has_text="Done.").wait_for()
        assert "z=" in page.url


def test_what_is_covered_is_filled_in_by_the_model(browser: Browser, server: Served) -> None:
    zoo_package.grid(zoo_package.draw("vae-mnist", 1, seed=3), columns=1).crop((2, 2, 30, 30)).save(
        "digit.png"
    )
    with browser.page() as page:
        open_at(page, address(server, checkpoint="vae-mnist", seed=0))
        before = shown(page)
        page.get_by_label("Or a picture of yours").set_input_files("digit.png")
        before = wait_until_shown(page, before)
        page.locator("#tool").select_option("mask")
        pen = page.locator(".sketch")
        pen.scroll_into_view_if_needed()
        box = pen.bounding_box()
        assert box
        middle = box["y"] + 0.8 * box["height"]
        page.mouse.move(box["x"] + 0.1 * box["width"], middle)
        page.mouse.down()
        page.mouse.move(box["x"] + 0.9 * box["width"], middle, steps=10)
        page.mouse.up()
        page.get_by_role("button", name="Fill in what is covered").click()
        wait_until_shown(page, before)
        copy = page.locator(".copy").evaluate(
            "c => [...c.getContext('2d').getImageData(0, 0, 28, 28).data]"
        )
        upper = np.array(copy, np.uint8).reshape(28, 28, 4)[:14, :, 0]
        given = np.asarray(Image.open("digit.png").convert("L"))[:14]
        assert np.abs(upper.astype(int) - given.astype(int)).mean() < 12


def test_the_address_shows_the_same_page_again(browser: Browser, server: Served) -> None:
    with browser.page() as page:
        open_at(page, address(server, checkpoint="vae-mnist", seed=3))
        before = shown(page)
        page.locator(".tile").nth(3).click()
        moved = wait_until_shown(page, before)
        page.locator(".slider input[id^=move-strong]").nth(1).fill("-1.5")
        moved = wait_until_shown(page, moved)
        page.get_by_label("Truncation").fill("0.7")
        moved = wait_until_shown(page, moved)
        page.wait_for_timeout(400)  # the address follows a little later
        where = page.url
    with browser.page() as other:
        open_at(other, where)
        assert shown(other) == moved


def test_a_slider_that_is_dragged_long_keeps_the_address_true(
    browser: Browser, server: Served
) -> None:
    # browsers take some 100 changes of the address in 30 seconds, and then complain
    with browser.page() as page:
        open_at(page, address(server, checkpoint="vae-mnist-2d", n=1))
        changes = page.evaluate("""async () => {
          const slider = document.querySelector("input[id^=move-]");
          const replace = history.replaceState.bind(history);
          let changes = 0;
          history.replaceState = (...given) => { changes += 1; replace(...given); };
          for (let i = 1; i <= 300; i += 1) {
            slider.value = i % 2 ? i / 100 : -i / 100;
            slider.dispatchEvent(new Event("input"));
            await new Promise((go) => setTimeout(go, 4));
          }
          await new Promise((go) => setTimeout(go, 400));
          return changes;
        }""")
        assert 2 <= changes <= 20
        assert "moves=strong-1%3A-3" in page.url


def test_the_link_to_the_content_leads_there_and_nowhere_else(
    browser: Browser, server: Served
) -> None:
    with browser.page() as page:
        open_at(page, address(server, checkpoint="vae-mnist", seed=4))
        before, where = shown(page), page.url
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert page.evaluate_handle("document.activeElement").evaluate("e => e.id") == "view"
        page.wait_for_timeout(300)
        assert (shown(page), page.url) == (before, where)


def test_a_picture_is_dropped_on_the_drawing_area(browser: Browser, server: Served) -> None:
    with browser.page() as page:
        open_at(page, address(server, checkpoint="vae-mnist"))
        before = shown(page)
        page.locator(".sketch").evaluate("""async (area) => {
          const picture = Object.assign(document.createElement("canvas"), { width: 60, height: 50 });
          const pen = picture.getContext("2d");
          pen.fillStyle = "#fff";
          pen.fillRect(26, 5, 8, 40);
          const blob = await new Promise((resolve) => picture.toBlob(resolve));
          const given = new DataTransfer();
          given.items.add(new File([blob], "one.png", { type: "image/png" }));
          area.dispatchEvent(new DragEvent("drop", { dataTransfer: given, bubbles: true }));
        }""")
        wait_until_shown(page, before)
        page.wait_for_timeout(300)
        assert digit_drawn(page) == 1


def test_a_checkpoint_that_is_removed_while_it_is_shown_is_said_to_be_gone(
    browser: Browser, tmp_path: Path
) -> None:
    zoo_package.save(zoo_package.load("vae-mnist-2d"), tmp_path / "mine", dataset="mnist")
    with (
        serving([str(tmp_path / "mine")], with_page=True) as server,
        browser.page() as page,
    ):
        open_at(page, f"{server.address}/#checkpoint=mine")
        shutil.rmtree(tmp_path / "mine")
        page.locator("input[id^=move-]").first.fill("2")
        page.locator("#status.problem", has_text="There is no folder").wait_for()
        page.get_by_role("link", name="Gallery").click()
        ready(page)
        assert "no folder" in page.locator(".card").inner_text()
        browser.errors.clear()  # the console says that the answer was 404


def test_the_keyboard_alone_does(browser: Browser, server: Served) -> None:
    with browser.page() as page:
        open_at(page, address(server))
        page.keyboard.press("Tab")
        assert page.evaluate_handle("document.activeElement").evaluate("e => e.id") == "skip"
        for _ in range(40):
            page.keyboard.press("Tab")
            focused = page.evaluate_handle("document.activeElement").evaluate("e => e.textContent")
            if focused == "vae-mnist":
                break
        page.keyboard.press("Enter")
        ready(page)
        page.locator("h1", has_text="vae-mnist").wait_for()
        before = shown(page)
        for _ in range(20):
            page.keyboard.press("Tab")
            active = page.evaluate_handle("document.activeElement")
            if active.evaluate("e => e.className") == "tile":
                break
        page.keyboard.press("ArrowRight")
        after = wait_until_shown(page, before)
        for _ in range(30):
            page.keyboard.press("Tab")
            active = page.evaluate_handle("document.activeElement")
            if active.evaluate("e => e.id").startswith("move-"):
                break
        page.keyboard.press("PageUp")
        wait_until_shown(page, after)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize(
    "state",
    [
        {},
        {"checkpoint": "cvae-mnist", "seed": 1},
        {"checkpoint": "vae-mnist-2d"},
        {"view": "pair"},
        {"view": "training"},
        {"checkpoint": "no-such"},
    ],
    ids=str,
)
def test_axe_finds_nothing(
    browser: Browser, server: Served, state: dict[str, Any], dark: bool
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    with browser.page(dark=dark, bypass_csp=True) as page:
        open_at(page, address(server, **state))
        page.wait_for_timeout(300)
        found = Axe().run(page)
        browser.errors.clear()  # a checkpoint that is not there is an error of the console
        assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("state", [{}, {"checkpoint": "cdcgan-mnist"}, {"view": "pair"}], ids=str)
def test_on_a_phone_nothing_lies_beside_the_page(
    browser: Browser, server: Served, state: dict[str, Any]
) -> None:
    with browser.page(phone=True) as page:
        open_at(page, address(server, **state))
        page.wait_for_timeout(300)
        wide = page.locator("html").evaluate("e => e.scrollWidth")
        assert wide <= 390


def test_without_the_token_the_page_says_what_it_needs(browser: Browser, server: Served) -> None:
    with browser.page() as page:
        open_at(page, f"{server.address}/")
        assert (
            "Open the address that `zoo play` printed" in page.locator("[role=alert]").inner_text()
        )
        browser.errors.clear()  # the console says that the answer was 401


def test_the_page_works_without_a_network(browser: Browser, server: Served) -> None:
    with browser.page() as page:
        page.context.route(
            lambda url: not url.startswith(server.address), lambda route: route.abort()
        )
        open_at(page, address(server, checkpoint="vae-mnist"))
        assert page.locator(".grid .tile").count() == 16


def test_the_page_of_the_api_shows_every_address(browser: Browser, server: Served) -> None:
    with browser.page() as page:
        page.goto(f"{server.address}/docs")
        page.get_by_text("POST /v1/reconstruct").wait_for()
        assert page.locator("section").count() == 12
