"""The page that is the model: in a real browser, from a static host, without a server of ours."""

import gzip
import hashlib
import io
import json
import re
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from browsers import Browser, ready, shown
from conftest import Zoo
from hosts import hosted, onnxruntime_web
from PIL import Image

import zoo as door
from zoo.data import load_dataset
from zoo.errors import CapabilityError, DataError, OutputError, ZooError
from zoo.exporters import runtime
from zoo.sampling import latents, provenance
from zoo.sampling.images import to_image


@pytest.fixture
def small_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with files in the place of onnxruntime-web, whose digests are taken for its own."""
    folder = tmp_path / "node_modules" / "onnxruntime-web"
    (folder / "dist").mkdir(parents=True)
    digests = {}
    for name in runtime.DIGESTS:
        content = f"in place of {name}".encode()
        (folder / "dist" / name).write_bytes(content)
        digests[name] = hashlib.sha256(content).hexdigest()
    monkeypatch.setattr(runtime, "DIGESTS", digests)
    return folder


def package(files: dict[str, bytes]) -> bytes:
    """An npm package with files in dist/."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"package/dist/{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return stream.getvalue()


@pytest.mark.exports
def test_a_page_is_a_folder_with_all_that_it_needs(
    small_runtime: Path, trained: Callable[..., Path], zoo: Zoo
) -> None:
    model = trained("mlp-vae", "num_classes=10")
    words = ["export", model, "--to", "page", "-o", "shown", "--runtime", small_runtime]
    result = zoo(*words)
    assert (result.exit_code, result.stdout) == (0, "shown\n"), result.stderr
    names = {str(path.relative_to("shown")) for path in Path("shown").rglob("*") if path.is_file()}
    assert {
        "index.html",
        "README.md",
        "provenance.json",
        "model/decoder.onnx",
        "model/encoder.onnx",
        "model/model.json",
        "page/onnx.js",
        "page/main.js",
        "page/style.css",
        *(f"runtime/{name}" for name in runtime.DIGESTS),
    } <= names
    assert not names & {"page/http.js", "page/play.js", "page/docs.js"}
    assert "onnx.js" in Path("shown/page/start.js").read_text()  # and not that of zoo play
    # what one module imports of another is there, and nothing comes from elsewhere
    for path in Path("shown").rglob("*.js"):
        for wanted in re.findall(r'from "([^"]+)"', path.read_text()):
            assert (path.parent / wanted).resolve().is_file(), (path, wanted)
        assert "://" not in re.sub(r"http://www\.w3\.org/\S+", "", path.read_text()), path
    front = Path("shown/README.md").read_text().partition("---\n")[2].partition("---\n")[0]
    assert "sdk: static\n" in front and "app_file: index.html\n" in front
    told = json.loads(Path("shown/model/model.json").read_text())
    assert told["record"]["class_names"][7] == "7" and told["latent_shape"] == [4]
    assert str(model.parent) not in json.dumps(told)
    assert told["directions"][0]["name"] == "strong-1"
    heavy = (*Path("shown/model").glob("*.onnx"), *Path("shown/runtime").iterdir())
    assert told["bytes"] == sum(path.stat().st_size for path in heavy)
    made = provenance.read(Path("shown"))
    assert made["what"] == "page" and made["farthest"] <= 1e-5
    again = zoo(*words)
    assert again.exit_code == 1 and "exists and is not an empty folder" in again.stderr
    assert zoo(*words, "--force").exit_code == 0


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"output": "page.html"}, "A page is a folder"),
        ({"output": "full"}, "exists and is not an empty folder"),
        ({"output": "full", "force": True}, "exists and is not an empty folder"),
        ({"runtime": "nowhere"}, "nowhere has no ort.wasm.bundle.min.mjs"),
        ({"runtime": "full"}, "is not the ort.wasm.bundle.min.mjs of onnxruntime-web 1.30.0"),
    ],
)
def test_what_a_page_can_not_be_made_of_leaves_nothing(given: dict[str, Any], told: str) -> None:
    Path("full").mkdir()
    Path("full/ort.wasm.bundle.min.mjs").write_text("another version")
    with pytest.raises((OutputError, DataError), match=re.escape(told)):
        door.export("vae-mnist", to="page", **given)
    assert [path.name for path in Path().iterdir()] == ["full"]


def test_a_model_without_standard_normal_latents_gets_no_page(
    small_runtime: Path, trained: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from zoo.models import LatentModel

    model: Any = type(door.load(trained("mlp-gan")))
    monkeypatch.setattr(model, "prior", lambda self, labels=None: LatentModel.prior(self, labels))
    with pytest.raises(CapabilityError, match="are not standard normal"):
        door.export(trained("mlp-gan"), to="page", runtime=small_runtime)
    assert list(Path().iterdir()) == []


def test_the_runtime_is_fetched_once_and_held_to_its_digest(
    small_runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {name: f"in place of {name}".encode() for name in runtime.DIGESTS}
    place = tmp_path / "registry" / "onnxruntime-web" / "-"
    place.mkdir(parents=True)
    tarball = place / f"onnxruntime-web-{runtime.VERSION}.tgz"
    with hosted(tmp_path / "registry") as address:
        monkeypatch.setenv("NPM_CONFIG_REGISTRY", address + "/")
        with pytest.raises(DataError, match="can't be fetched"):
            runtime.read()
        for bad in (b"", b"no package", package({}), package(dict.fromkeys(files, b"other"))):
            tarball.write_bytes(bad)
            with pytest.raises(ZooError):
                runtime.read()
        tarball.write_bytes(package(files))
        assert runtime.read() == files
    assert runtime.read() == files  # the host is gone
    for path in (tmp_path / "home" / "runtime").rglob("*.wasm"):
        path.write_bytes(b"damaged")
    with pytest.raises(DataError, match="is not the"):
        runtime.read()


@pytest.fixture
def real_runtime(tmp_path: Path) -> Path:
    """A folder with onnxruntime-web itself, fetched once for all tests; skips without a net."""
    return onnxruntime_web(tmp_path)


NUMBERS = """async ([name, z, n, labels]) => {
  const { OnnxBackend } = await import("./page/onnx.js");
  const backend = await OnnxBackend.begin(new URL("./", location.href));
  const model = await backend.open(name);
  const drawn = await model.latents(n, 5);
  const pictures = await model.numbers(Float32Array.from(z), n, labels);
  return [Array.from(drawn), Array.from(pictures)];
}"""


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds; the page's own policy forbids playwright's way of waiting."""
    for _ in range(200):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it does not come to hold")


@pytest.mark.browser
@pytest.mark.parametrize("name", ["vae-mnist", "dcgan-mnist", "cvae-mnist"])
def test_the_browser_computes_what_torch_computes(
    name: str, browser: Browser, real_runtime: Path
) -> None:
    door.export(name, "page", to="page", runtime=real_runtime)
    model: Any = door.load(name)
    z = latents(model, 70, seed=5)
    labels = torch.arange(70) % 10 if model.config.num_classes else None
    expected = model.decode(z, labels).numpy().ravel()
    with hosted(Path("page")) as address, browser.page() as page:
        page.goto(f"{address}/")
        ready(page)
        chosen = None if labels is None else labels.tolist()
        drawn, pictures = page.evaluate(NUMBERS, [name, z.flatten().tolist(), 70, chosen])
    assert np.abs(np.array(drawn, np.float32) - z.numpy().ravel()).max() <= 1e-5
    assert np.abs(np.array(pictures, np.float32) - expected).max() <= 1e-5


@pytest.mark.browser
def test_a_person_moves_sliders_draws_a_digit_and_takes_the_latents_home(
    browser: Browser, real_runtime: Path, zoo: Zoo
) -> None:
    door.export("vae-mnist", "page", to="page", runtime=real_runtime)
    with hosted(Path("page")) as address, browser.page() as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{address}/")
        ready(page)
        assert page.locator("h1").inner_text() == "vae-mnist"
        before = shown(page)
        page.locator(".slider input[id^=move-strong]").first.fill("2")
        until(lambda: shown(page) != before)
        with page.expect_download() as told:
            page.get_by_role("button", name="Download latents").click()
        told.value.save_as("moved.npz")
        with page.expect_download() as told:
            page.get_by_role("button", name="Download PNG").click()
        told.value.save_as("moved.png")
        (pixels,) = load_dataset("mnist", split="test").samples[:1]
        to_image(pixels).save("digit.png")
        page.locator("#picture").set_input_files("digit.png")
        until(lambda: page.locator(".copy").evaluate("(one) => one.width") == 28)
        copy = page.locator(".copy").evaluate(
            "(one) => Array.from(one.getContext('2d').getImageData(0, 0, 28, 28).data)"
        )
        assert all(url.startswith((address, "blob:", "data:")) for url in asked), asked
    assert zoo("decode", "vae-mnist", "moved.npz", "-o", "here.png").exit_code == 0
    with Image.open("here.png") as here, Image.open("moved.png") as there:
        assert here.size == there.size
        difference = np.abs(np.asarray(here, int) - np.asarray(there.convert("L"), int))
        assert difference.max() <= 1
    expected = door.load("vae-mnist").reconstruct(pixels[None].float() / 255)[0, 0] * 255
    found = np.array(copy).reshape(28, 28, 4)[..., 0]
    # the drawing is shown large and shrunk again before it is encoded
    assert np.abs(found - expected.numpy()).mean() < 8


@pytest.mark.browser
def test_classes_and_the_plane_work_without_a_server(browser: Browser, real_runtime: Path) -> None:
    door.export("cvae-mnist", "page", to="page", runtime=real_runtime)
    model: Any = door.load("cvae-mnist")
    z = latents(model, 1, seed=3)
    expected = (model.decode(z, torch.tensor([7]))[0, 0] * 255).numpy()
    with hosted(Path("page")) as address, browser.page(phone=True) as page:
        page.goto(f"{address}/#checkpoint=cvae-mnist&seed=3")
        ready(page)
        before = shown(page)
        page.get_by_role("button", name="7", exact=True).click()
        until(lambda: shown(page) != before)
        seven = page.locator(".large").evaluate(
            "(one) => Array.from(one.getContext('2d').getImageData(0, 0, 28, 28).data)"
        )
        before = shown(page)
        page.locator(".plane").press("Shift+ArrowRight")
        until(lambda: shown(page) != before)
        assert "zoo edit cvae-mnist" in page.locator("#command").inner_text()
        assert page.get_by_role("link", name="Side by side").count() == 0
        assert page.locator("html").evaluate("e => e.scrollWidth") <= 390
    assert np.abs(np.array(seven).reshape(28, 28, 4)[..., 0] - expected).max() <= 1


@pytest.mark.browser
@pytest.mark.parametrize(("precision", "megabytes"), [("float32", 10.5), ("float16", 7.2)])
def test_a_page_is_small(precision: str, megabytes: float, real_runtime: Path) -> None:
    door.export("vae-mnist", "page", to="page", precision=precision, runtime=real_runtime)
    files = [path for path in Path("page").rglob("*") if path.is_file()]
    size = sum(len(gzip.compress(path.read_bytes(), 9)) for path in files)
    assert size <= megabytes * 1e6


@pytest.mark.browser
def test_a_page_without_its_model_says_so(browser: Browser, real_runtime: Path) -> None:
    door.export("vae-mnist-2d", "page", to="page", runtime=real_runtime)
    Path("page/model/model.json").unlink()
    with hosted(Path("page")) as address:
        page = browser.browser.new_page()
        page.goto(f"{address}/")
        page.get_by_text("The model can't be loaded").wait_for()
        page.close()


@pytest.mark.browser
def test_a_page_that_lost_the_net_or_is_a_file_says_what_to_do(
    browser: Browser, real_runtime: Path
) -> None:
    door.export("vae-mnist-2d", "page", to="page", runtime=real_runtime)
    with hosted(Path("page")) as address, browser.page() as page:
        held: list[Any] = []
        page.route("**/decoder.onnx", lambda route: held.append(route))
        page.goto(f"{address}/")
        page.get_by_text("Loading the model and what runs it, up to").wait_for()
        page.wait_for_timeout(500)
        held[0].abort()
        page.get_by_text("decoder.onnx can't be had. Is the network still there?").wait_for()
        page.unroute("**/decoder.onnx")
        page.get_by_role("button", name="Try again").click()
        page.locator(".large").wait_for()
        page.context.set_offline(True)  # from here on it needs no net
        before = shown(page)
        page.get_by_role("button", name="Another").click()
        until(lambda: shown(page) != before)
        page.context.set_offline(False)
        page.get_by_role("link", name="Gallery").click()
        page.locator(".card img").wait_for()
        assert "two dimensions" in page.locator(".card").inner_text()
        browser.errors.clear()  # the console says that a file was not had
    page = browser.browser.new_page()
    page.goto(Path("page/index.html").resolve().as_uri())
    page.get_by_text("It can't run when it is opened as a file").wait_for()
    page.close()


@pytest.mark.browser
def test_the_page_has_no_barriers(browser: Browser, real_runtime: Path) -> None:
    from axe_playwright_python.sync_playwright import Axe

    door.export("cvae-mnist", "page", to="page", runtime=real_runtime)
    with hosted(Path("page")) as address, browser.page() as page:
        page.goto(f"{address}/")
        ready(page)
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
