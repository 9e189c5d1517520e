"""Pulling from the page, and trainings as they go: their films and their losses."""

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsers import browsing, ready
from conftest import CHECKPOINT, Zoo
from servers import Served, serving

from zoo.registry import Checkpoint
from zoo.registry.registry import installed

TINY = ("--set", "hidden_dims=16", "--set", "latent_dim=2", "--seed", "0")


@pytest.fixture
def server() -> Iterator[Served]:
    """A server of the page."""
    with serving(with_page=True) as served:
        yield served


def test_a_training_is_listed_with_its_history_and_its_grids(zoo: Zoo, server: Served) -> None:
    assert server.get("/v1/runs").json() == []
    assert zoo("train", "mlp-vae", "--name", "mine", "--epochs", 2, *TINY).exit_code == 0
    (run,) = server.get("/v1/runs").json()
    assert (run["name"], run["done"], run["unfinished"]) == ("mine", 2, False)
    told = server.get("/v1/run", name="mine").json()
    assert [one["epoch"] for one in told["history"]] == [1, 2] and told["grids"] == [1, 2]
    assert all("losses" in one for one in told["history"])
    grid = server.get("/v1/run/grid", name="mine", epoch=2)
    assert grid.headers["content-type"] == "image/png" and grid.content[1:4] == b"PNG"
    assert server.get("/v1/run/grid", name="mine", epoch=9).status_code == 404
    assert server.get("/v1/run", name="other").status_code == 404
    names = [one["name"] for one in server.get("/v1/checkpoints").json()]
    assert "mine" in names


def test_a_damaged_history_is_no_end_of_the_page(server: Served, tmp_path: Path) -> None:
    folder = tmp_path / "home" / "runs" / "odd"
    folder.mkdir(parents=True)
    (folder / "history.jsonl").write_bytes(b'{"epoch": 1}\n\xff[[[')
    assert server.get("/v1/run", name="odd").json()["history"] == []


def test_a_checkpoint_of_a_hub_is_pulled_with_progress(server: Served, hub: Any) -> None:
    begun = server.client.post("/v1/pull", params={"checkpoint": "hf:owner/repo"})
    assert begun.status_code == 202 and begun.json()["state"] in ("pulling", "here")
    for _ in range(200):
        told = server.get("/v1/pulls").json()["hf:owner/repo"]
        if told["state"] != "pulling":
            break
        threading.Event().wait(0.05)
    assert told["state"] == "here", told
    assert told["done"] == told["total"] > 0
    names = [one["name"] for one in server.get("/v1/checkpoints").json()]
    assert "hf:owner/repo" in names
    assert server.get("/v1/sample", checkpoint="hf:owner/repo", n=1).status_code == 200


@pytest.mark.browser
def test_a_checkpoint_is_pulled_from_the_gallery_and_then_played_with(
    server: Served, hub: Any
) -> None:
    names = ("config.json", "model.safetensors")
    installed().checkpoints["from-afar"] = Checkpoint(
        name="from-afar",
        model="mlp-vae",
        dataset="mnist",
        summary="Far away",
        license="apache-2.0",
        repo_id="owner/repo",
        revision=hub.commit("owner/repo"),
        sha256={name: hashlib.sha256(CHECKPOINT[name]).hexdigest() for name in names},
    )
    with browsing() as browser, browser.page() as page:
        page.goto(server.address)
        ready(page)
        card = page.locator(".card", has_text="from-afar")
        assert "usable" not in (card.get_attribute("class") or "")
        card.get_by_role("button", name="Pull from-afar").click()
        page.get_by_role("link", name="from-afar").click()
        page.locator("h1", has_text="from-afar").wait_for()
        ready(page)
        assert page.locator(".grid .tile").count() == 16


def test_a_pull_that_fails_says_why(server: Served, hub: Any) -> None:
    server.client.post("/v1/pull", params={"checkpoint": "hf:owner/absent"})
    for _ in range(200):
        told = server.get("/v1/pulls").json()["hf:owner/absent"]
        if told["state"] != "pulling":
            break
        threading.Event().wait(0.05)
    assert told["state"] == "failed" and "owner/absent" in told["problem"]
    answer = server.client.post("/v1/pull", params={"checkpoint": "no-such-name"})
    assert answer.status_code == 404


@pytest.mark.browser
def test_the_film_of_a_training_and_its_losses_come_while_it_trains(
    zoo: Zoo, server: Served
) -> None:
    assert zoo("train", "mlp-vae", "--name", "mine", "--epochs", 3, *TINY).exit_code == 0
    with browsing() as browser, browser.page() as page:
        page.goto(f"{server.address}/#view=training&run=mine")
        ready(page)
        page.locator("img.film[alt='Samples after epoch 3']").wait_for()
        page.locator("#epoch").fill("0")
        page.locator("img.film[alt='Samples after epoch 1']").wait_for()
        page.get_by_role("button", name="Play").click()
        page.locator("img.film[alt='Samples after epoch 3']").wait_for()
        assert page.locator("svg.curve").count() >= 2
        assert "after epoch 3" in page.locator("figcaption").first.inner_text()


@pytest.mark.browser
def test_losses_appear_while_a_training_goes_on(zoo: Zoo, server: Served, tmp_path: Path) -> None:
    import subprocess
    import sys

    words = ["train", "mlp-vae", "--name", "long", "--epochs", "2000", *TINY]
    training = subprocess.Popen(
        [sys.executable, "-m", "zoo", *words], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    history = tmp_path / "home" / "runs" / "long" / "history.jsonl"
    try:
        for _ in range(600):
            if history.exists():
                break
            threading.Event().wait(0.1)
        with browsing() as browser, browser.page() as page:
            page.goto(f"{server.address}/#view=training&run=long")
            ready(page)
            status = page.locator("p", has_text="epochs so far")
            before = status.inner_text()
            for _ in range(100):
                if status.inner_text() != before:
                    break
                page.wait_for_timeout(100)
            assert status.inner_text() != before
    finally:
        training.kill()
        training.wait()
