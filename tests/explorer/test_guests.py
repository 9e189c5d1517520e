"""Models of plugins on the page: the tutorial's PPCA, texts and recordings, without a line for it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browsers import Browser, browsing, ready, shown
from conftest import DIGITS
from documents import TUTORIAL, blocks
from environments import Environment
from servers import command

pytestmark = pytest.mark.browser

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "zoo-ppca"
version = "1"

[project.entry-points.zoo]
ppca = "zoo_ppca"
"""
OFFERS = """
    zoo.ModelSpec(name="letters", entry_point="zoo_ppca.others:Letters", kind="text",
                  capabilities=("sample", "decode")),
    zoo.ModelSpec(name="tones", entry_point="zoo_ppca.others:Tones", kind="audio",
                  capabilities=("sample", "decode")),
    zoo.ModelSpec(name="steps", entry_point="zoo_ppca.others:Steps", kind="array",
                  capabilities=("sample",)),
    zoo.ModelSpec(
"""
OTHERS = '''
"""A model of texts, one of recordings and one of arrays, with nothing to learn."""

from dataclasses import dataclass

import torch
from torch import nn
from zoo.models import AudioConfig, GenerativeModel, LatentModel, ModelConfig, StrictConfig
from zoo.models import TextConfig


class Letters(LatentModel["Letters.Config"]):
    sample_kind = "text"

    @dataclass(frozen=True, kw_only=True)
    class Config(TextConfig):
        sample_shape: tuple[int, ...] = (6,)

    def __init__(self, config):
        super().__init__(config)
        self.latent_shape = (3,)
        self.weight = nn.Parameter(torch.zeros(()))

    def decode(self, z, labels=None):
        steps = torch.arange(6) * z[:, 1:2] + 6 * z[:, :1] + z[:, 2:]
        return (steps.abs() * 3).long() % 26 + 1

    def training_step(self, samples, labels, step):
        yield from ()


class Tones(LatentModel["Tones.Config"]):
    sample_kind = "audio"

    @dataclass(frozen=True, kw_only=True)
    class Config(AudioConfig):
        sample_shape: tuple[int, ...] = (1, 2000)

    def __init__(self, config):
        super().__init__(config)
        self.latent_shape = (2,)
        self.weight = nn.Parameter(torch.zeros(()))

    def decode(self, z, labels=None):
        time = torch.arange(2000) / self.config.sample_rate
        pitch = 440 * 2 ** z[:, :1]
        return (0.8 * torch.sin(6.283 * pitch * time) * torch.sigmoid(z[:, 1:]))[:, None]

    def training_step(self, samples, labels, step):
        yield from ()


class Steps(GenerativeModel["Steps.Config"]):
    sample_kind = "array"

    @dataclass(frozen=True, kw_only=True)
    class Config(ModelConfig):
        sample_shape: tuple[int, ...] = (30,)

    @dataclass(frozen=True, kw_only=True)
    class Options(StrictConfig):
        temperature: float = 1.0

    def __init__(self, config):
        super().__init__(config)
        self.weight = nn.Parameter(torch.zeros(()))

    def sample(self, n, labels=None, *, generator, options=None):
        temperature = (options or self.Options()).temperature
        return temperature * torch.randn(n, 30, generator=generator).cumsum(1)

    def training_step(self, samples, labels, step):
        yield from ()
'''
SAVE = """
import zoo
from zoo_ppca.others import Letters, Steps, Tones
for model in (Letters, Tones, Steps):
    zoo.save(model(model.Config()).eval(), f"{model.__name__.lower()}-made")
"""


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """An environment where the plugin is installed, with four checkpoints of it."""
    tree = tmp_path_factory.mktemp("zoo-ppca")
    package = tree / "zoo_ppca"
    package.mkdir()
    model, offer = blocks(TUTORIAL, "python")[:2]
    (tree / "pyproject.toml").write_text(PROJECT)
    (package / "model.py").write_text(model)
    (package / "__init__.py").write_text(offer.replace("        zoo.ModelSpec(\n", OFFERS, 1))
    (package / "others.py").write_text(OTHERS)
    environment = Environment(tmp_path_factory.mktemp("environment"))
    environment.install(tree)
    return environment


@pytest.fixture
def address(guest: Environment, tmp_path: Path) -> Iterator[str]:
    """The page of the plugin's checkpoints."""
    import subprocess

    words = ["train", "ppca", "--out", "ppca-made", "--name", "ppca-made", "--epochs", "1"]
    trained = guest.zoo(*words, "--seed", "0", "--data-root", str(DIGITS))
    assert trained.returncode == 0, trained.stderr
    subprocess.run([str(guest.python), "-c", SAVE], check=True)
    made = [f"./{name}-made" for name in ("ppca", "letters", "tones", "steps")]
    with command("play", "--no-browser", *made, python=guest.python) as (address, _):
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests of this file."""
    with browsing() as browser:
        yield browser


Wait = Callable[[Any], bool]


def test_every_kind_of_a_plugin_s_model_can_be_played_with(browser: Browser, address: str) -> None:
    with browser.page() as page:
        page.goto(address)
        ready(page)
        assert page.locator(".card.usable").count() == 4

        page.goto(f"{address}&checkpoint=ppca-made")
        ready(page)
        before = shown(page)
        page.locator("input[id^=move-]").first.fill("2")
        page.wait_for_timeout(700)
        assert shown(page) != before and page.locator(".plane").count() == 1
        assert page.get_by_role("button", name="Find the nearest").count() == 1

        page.goto(f"{address}&checkpoint=letters-made&seed=4&n=4")
        ready(page)
        text = page.locator(".chosen.text")
        first = text.inner_text()
        assert len(first) == 6 and page.locator(".pictures ol.samples li").count() == 4
        page.locator("input[id^=move-]").first.fill("1.5")
        page.wait_for_timeout(700)
        assert text.inner_text() != first
        page.get_by_role("button", name="Pin as A").click()
        page.get_by_role("button", name="Choose sample 3").click()
        page.wait_for_timeout(500)
        page.get_by_role("button", name="Pin as B").click()
        page.locator("#share").wait_for()
        assert "zoo decode" in page.locator("#command").inner_text()

        page.goto(f"{address}&checkpoint=tones-made&n=4")
        ready(page)
        player = page.locator("audio").first
        page.wait_for_timeout(700)
        seconds = player.evaluate("one => one.duration")
        assert abs(seconds - 0.25) < 0.01 and page.locator("audio").count() == 5
        assert ".wav" in page.locator("#command").inner_text()

        page.goto(f"{address}&checkpoint=steps-made&n=4")
        ready(page)
        assert page.locator("svg.plot").count() == 5
        assert page.locator("input[type=range]").count() == 0
        assert "-o steps-made-0.npz" in page.locator("#command").inner_text()
        page.get_by_label("temperature").fill("0.5")
        page.get_by_label("temperature").press("Enter")
        page.wait_for_timeout(700)
        assert "--set temperature=0.5" in page.locator("#command").inner_text()

        page.goto(f"{address}&view=pair&left=letters-made&right=tones-made")
        ready(page)
        assert page.locator("li.text").count() == 16 and page.locator("audio").count() == 16
