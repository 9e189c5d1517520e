"""Models of plugins on the page: the tutorial's PPCA, texts and recordings, without a line for it."""

import io
import json
import os
import re
import subprocess
import wave
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from browsers import Browser, ready, shown
from conftest import DIGITS
from documents import TUTORIAL, blocks
from environments import Environment
from hosts import hosted, onnxruntime_web
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


@pytest.fixture(scope="module")
def made(guest: Environment, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Checkpoints of the plugin's models, by the names of the models: references to them."""
    place = tmp_path_factory.mktemp("made")
    world = {"ZOO_HOME": str(place / "home"), "ZOO_DATA": str(DIGITS)}
    words = ["train", "ppca", "--out", place / "ppca-made", "--name", "ppca-made", "--epochs", 1]
    trained = guest.zoo(*words, "--seed", 0, **world)
    assert trained.returncode == 0, trained.stderr
    subprocess.run([str(guest.python), "-c", SAVE], check=True, cwd=place, env=os.environ | world)
    names = ("ppca", "letters", "tones", "steps")
    return {name: str(place / f"{name}-made") for name in names}


@pytest.fixture
def address(guest: Environment, made: dict[str, str]) -> Iterator[str]:
    """The page of the plugin's checkpoints."""
    with command("play", "--no-browser", *made.values(), python=guest.python) as (address, _):
        yield address


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


def test_a_plugin_s_model_is_exported_as_programs_and_as_a_page(
    browser: Browser, guest: Environment, made: dict[str, str], tmp_path: Path
) -> None:
    import onnxruntime
    import torch

    for what, name in (("decode", "d.onnx"), ("sample", "s.onnx"), ("decode", "d.pt2")):
        done = guest.zoo("export", made["ppca"], "--what", what, "-o", name)
        assert done.returncode == 0, done.stderr
    z = np.random.default_rng(0).standard_normal((5, 16), np.float32)
    session = onnxruntime.InferenceSession("d.onnx", providers=["CPUExecutionProvider"])
    (images,) = session.run(None, {"latents": z})
    program = torch.export.load("d.pt2").module()
    assert images.shape == (5, 1, 28, 28)
    assert np.abs(program(torch.from_numpy(z)).numpy() - images).max() <= 1e-5

    words = ["--to", "page", "-o", "page", "--runtime", onnxruntime_web(tmp_path)]
    done = guest.zoo("export", made["ppca"], *words)
    assert done.returncode == 0, done.stderr
    with hosted(Path("page")) as address, browser.page() as page:
        page.goto(f"{address}/#checkpoint=ppca-made&seed=1")
        ready(page)
        before = shown(page)
        page.locator("input[id^=move-]").first.fill("2")
        page.wait_for_timeout(700)
        assert shown(page) != before and page.locator(".plane").count() == 1


def test_what_is_no_image_has_a_form_of_its_own_over_http(
    guest: Environment, made: dict[str, str]
) -> None:
    with command("serve", "--port", "0", *made.values(), python=guest.python) as (address, _):

        def drawn(name: str, form: str) -> httpx.Response:
            query = {"checkpoint": f"{name}-made", "n": 3, "seed": 4}
            query |= {"format": form} if form else {}
            where = f"{address}/v1/sample"
            return httpx.get(where, params=query, timeout=60, trust_env=False)

        usual = drawn("letters", "")
        assert usual.headers["content-type"] == "text/plain; charset=utf-8"
        texts = usual.text.splitlines()
        assert len(texts) == 3 and all(re.fullmatch("[a-z]{6}", one) for one in texts)
        rows = [json.loads(line) for line in drawn("letters", "jsonl").text.splitlines()]
        assert [one["text"] for one in rows] == texts and rows[0]["zoo"]["seed"] == 4
        told = drawn("letters", "json").json()
        assert told["texts"] == texts and np.array(told["samples"]).shape == (3, 6)

        sound = drawn("tones", "wav")
        assert sound.headers["content-type"] == "audio/wav"
        assert sound.content == drawn("tones", "").content
        with wave.open(io.BytesIO(sound.content)) as file:
            assert file.getnchannels() == 1 and file.getnframes() >= 3 * 2000
            heard = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        assert np.abs(heard).max() > 1000

        curves = drawn("steps", "")
        assert curves.headers["content-type"] == "application/x-npz"
        with np.load(io.BytesIO(curves.content)) as arrays:
            assert arrays["samples"].shape == (3, 30)
        for name, form in (("letters", "png"), ("tones", "txt"), ("steps", "wav")):
            refused = drawn(name, form)
            assert refused.status_code == 409 and "can't hold these" in refused.json()["detail"]
