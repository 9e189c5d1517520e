"""What the server answers: samples, latents and copies, each with how it was made."""

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
from conftest import DIGITS, Zoo
from PIL import Image
from servers import Served, serving

import zoo as zoo_package
from zoo.data import load_dataset
from zoo.sampling import to_uint8


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    """A server of all checkpoints."""
    with serving() as served:
        yield served


def arrays(answer: httpx.Response) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(answer.content)) as file:
        return dict(file)


def digit(index: int = 0) -> torch.Tensor:
    return load_dataset("mnist", root=DIGITS, split="test").samples[index]


def as_png(pixels: torch.Tensor) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels[0].numpy()).save(file, "PNG")
    return file.getvalue()


def test_it_says_that_it_is_well_and_lists_what_it_has(server: Served) -> None:
    health = server.get("/health").json()
    assert health == {"status": "ok", "version": zoo_package.__version__, "waiting": 0}
    records = {one["name"]: one for one in server.get("/v1/checkpoints").json()}
    assert {"vae-mnist", "dcgan-mnist", "cvae-mnist"} <= records.keys()
    assert records["cvae-mnist"]["class_names"] == [str(digit) for digit in range(10)]
    assert records["vae-mnist"]["capabilities"] == ["sample", "decode", "encode"]
    assert records["vae-mnist"]["sample_shape"] == [1, 28, 28]
    assert {one["metric"] for one in records["vae-mnist"]["quality"]} >= {"frechet_distance"}
    picture = server.get("/v1/picture", checkpoint="vae-mnist")
    assert Image.open(io.BytesIO(picture.content)).format == "PNG"
    card = server.get("/v1/card", checkpoint="vae-mnist").json()
    assert card["latent_shape"] == [50] and card["sha256"] and card["card"].startswith("---")


def test_a_picture_of_a_seed_has_the_bytes_that_the_command_of_its_header_writes(
    server: Served, zoo: Zoo
) -> None:
    answer = server.get(
        "/v1/sample", checkpoint="vae-mnist", n=16, seed=3, scale=2, output="digits.png"
    )
    assert answer.headers["content-type"] == "image/png" and answer.headers["zoo-seed"] == "3"
    command = answer.headers["zoo-command"]
    assert command == "zoo sample vae-mnist -n 16 --seed 3 --scale 2 -o digits.png"
    assert zoo(*command.split()[1:]).exit_code == 0
    assert Path("digits.png").read_bytes() == answer.content
    record = json.loads(answer.headers["zoo-provenance"])
    assert record["sha256"] == answer.headers["zoo-sha256"] and record["n"] == 16


@pytest.mark.parametrize("name", ["vae-mnist", "dcgan-mnist", "cdcgan-mnist"])
def test_arrays_and_numbers_are_the_samples_that_python_draws(server: Served, name: str) -> None:
    labels = ["7"] if name == "cdcgan-mnist" else []
    query = {"checkpoint": name, "n": 70, "seed": 5, "start": 3, "label": labels}
    drawn = zoo_package.draw(name, 70, seed=5, start=3, labels=labels or None)
    expected = to_uint8(drawn).numpy().astype(int)
    found = arrays(server.get("/v1/sample", **query, format="npz"))["samples"]
    assert np.abs(found.astype(int) - expected).max() <= 1
    told = server.get("/v1/sample", **query, format="json").json()
    assert told["provenance"]["seed"] == 5 and told["labels"] == ([7] * 70 if labels else None)
    assert np.abs(np.array(told["samples"]) - expected).max() <= 1
    raw = server.get("/v1/sample", **query, format="raw")
    assert raw.headers["zoo-shape"] == "70,1,28,28" and raw.headers["zoo-dtype"] == "uint8"
    assert raw.content == found.tobytes()


def test_a_conditional_checkpoint_takes_labels_in_turn_and_all_classes_without(
    server: Served,
) -> None:
    query = {"checkpoint": "cvae-mnist", "seed": 1, "format": "json"}
    assert server.get("/v1/sample", **query).json()["labels"] == [*range(10)] * 8
    two = server.get("/v1/sample", **query, n=4, label=["3", "9"]).json()
    assert two["labels"] == [3, 9, 3, 9]


def test_without_a_seed_each_answer_has_another_and_says_which(server: Served) -> None:
    query = {"checkpoint": "vae-mnist", "n": 1}
    first, second = (server.get("/v1/sample", **query) for _ in range(2))
    assert first.headers["zoo-seed"] != second.headers["zoo-seed"]
    again = server.get("/v1/sample", **query, seed=first.headers["zoo-seed"])
    assert again.content == first.content


def test_the_latents_of_a_seed_decode_to_its_samples(server: Served) -> None:
    told = server.get("/v1/latents", checkpoint="dcgan-mnist", n=5, seed=2).json()
    assert np.array(told["latents"]).shape == (5, *told["latent_shape"])
    asked = {"checkpoint": "dcgan-mnist", "latents": told["latents"], "format": "raw"}
    decoded = server.post("/v1/decode", json=asked)
    samples = server.get("/v1/sample", checkpoint="dcgan-mnist", n=5, seed=2, format="raw")
    assert decoded.content == samples.content


def test_a_picture_is_encoded_and_decoded_as_python_does(server: Served) -> None:
    pixels = digit()
    model = zoo_package.load("vae-mnist")
    x = pixels[None].float() / 255
    query = {"checkpoint": "vae-mnist"}
    told = server.post("/v1/encode", params=query, content=as_png(pixels)).json()
    assert np.allclose(told["latents"], model.encode(x).mean, atol=1e-5)
    kept = arrays(
        server.post("/v1/encode", params={**query, "format": "npz"}, content=as_png(pixels))
    )
    assert np.allclose(kept["latents"], told["latents"])
    query["format"] = "raw"
    copy = server.post("/v1/reconstruct", params=query, content=as_png(pixels))
    assert copy.content == to_uint8(model.reconstruct(x)).numpy().tobytes()


def test_a_picture_of_another_size_and_kind_is_cropped_and_scaled(server: Served) -> None:
    file = io.BytesIO()
    Image.new("RGB", (300, 200), "white").save(file, "JPEG")
    answer = server.post("/v1/encode", params={"checkpoint": "vae-mnist"}, content=file.getvalue())
    assert answer.status_code == 200 and len(answer.json()["latents"]) == 1


def test_a_terminal_hears_nothing_of_the_pictures_that_are_sent(
    server: Served, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "zoo"):
        body = as_png(torch.zeros(1, 50, 40, dtype=torch.uint8))
        answer = server.post("/v1/encode", params={"checkpoint": "vae-mnist-2d"}, content=body)
    assert answer.status_code == 200 and caplog.messages == []


def test_the_api_describes_itself_on_a_page_of_its_own(server: Served) -> None:
    told = server.get("/openapi.json").json()
    assert {"/v1/sample", "/v1/decode", "/v1/encode", "/v1/reconstruct"} <= told["paths"].keys()
    assert not {"/v1/pull", "/v1/runs"} & told["paths"].keys()
    page = server.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "//" not in page.text.replace("</", "").replace("/>", "")
    assert server.client.get("/", follow_redirects=True).text == page.text
    # what the page needs is there: its files, and what its scripts import
    wanted = re.findall(r'(?:href|src)="(page/[^"]+)"', page.text)
    for name in wanted:
        file = server.get(f"/{name}")
        assert file.status_code == 200, name
        wanted += [f"page/{one}" for one in re.findall(r'from "\./([^"]+)"', file.text)]
    assert "page/dom.js" in wanted


@pytest.mark.parametrize(
    ("path", "query", "status", "words"),
    [
        ("/v1/sample", {"checkpoint": "vae-minst"}, 404, "Did you mean 'vae-mnist'"),
        ("/v1/sample", {"checkpoint": "../vae-mnist"}, 422, "pattern"),
        ("/v1/sample", {"checkpoint": "hf:some/body"}, 404, "no checkpoint"),
        ("/v1/sample", {"checkpoint": "vae-mnist", "n": 0}, 422, "greater than"),
        ("/v1/sample", {"checkpoint": "vae-mnist", "n": 2000}, 409, "1,024 at most"),
        ("/v1/sample", {"checkpoint": "vae-mnist", "n": 1024, "scale": 16}, 409, "smaller scale"),
        (
            "/v1/sample",
            {"checkpoint": "vae-mnist", "n": 1, "columns": 1024, "scale": 16},
            409,
            "too much for one answer",
        ),
        ("/v1/sample", {"checkpoint": "vae-mnist", "label": "3"}, 409, "unconditional"),
        ("/v1/sample", {"checkpoint": "cvae-mnist", "label": "x"}, 409, "There is no class"),
        ("/v1/sample", {"checkpoint": "vae-mnist", "format": "exe"}, 422, "pattern"),
        ("/v1/sample", {"checkpoint": "vae-mnist", "set": "a=1"}, 409, "no sample-time options"),
        ("/v1/sample", {"checkpoint": "vae-mnist", "nn": 1}, 422, "Extra inputs"),
        ("/v1/sample", {}, 422, "required"),
        ("/v1/picture", {"checkpoint": "vae-mnist", "name": "../config"}, 422, "pattern"),
        ("/v1/picture", {"checkpoint": "vae-mnist", "name": "other"}, 404, "no picture"),
        ("/nothing", {}, 404, "Not Found"),
        ("/page/../config.json", {}, 404, "Not Found"),
        ("/page/%2e%2e%2fengine.py", {}, 404, "Not Found"),
        ("/page/index.html", {}, 404, "no such file"),
    ],
)
def test_what_can_not_be_is_refused_in_words(
    server: Served, path: str, query: dict[str, object], status: int, words: str
) -> None:
    answer = server.client.get(server.address + path, params=query)
    assert answer.status_code == status, answer.text
    assert words in json.dumps(answer.json())


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (
            {"checkpoint": "vae-mnist", "latents": [[0.0] * 49]},
            409,
            "49 numbers; this model takes 50",
        ),
        ({"checkpoint": "vae-mnist", "latents": [[0.0] * 50, [0.0]]}, 409, "Latent 1"),
        ({"checkpoint": "vae-mnist", "latents": []}, 422, "at least 1"),
        ({"checkpoint": "vae-mnist", "latents": [["a"]]}, 422, "valid number"),
        ({"checkpoint": "vae-mnist", "latents": [[1e30]]}, 422, "less than"),
        ({"checkpoint": "cvae-mnist", "latents": [[0.0] * 20]}, 409, "conditional"),
        ({"checkpoint": "cvae-mnist", "latents": [[0.0]] * 3, "label": ["1", "2"]}, 409, "not 2"),
        ({"checkpoint": "vae-mnist", "latents": [[0.0] * 50] * 1025}, 409, "1,024 at most"),
        (b'{"checkpoint": "vae-mnist", "latents": [[NaN]]}', 422, "finite"),
        (b"{", 422, "JSON"),
        (b"\xff\xfe", 422, "JSON"),
    ],
)
def test_latents_that_do_not_fit_are_refused(
    server: Served, body: object, status: int, words: str
) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"content-type": "application/json"}
    answer = server.post("/v1/decode", content=content, headers=headers)
    assert answer.status_code == status, answer.text
    assert words in json.dumps(answer.json())


def test_bodies_that_are_no_pictures_and_models_without_encoder_are_refused(
    server: Served,
) -> None:
    for body in (b"", b"no picture", b"\x89PNG\r\n\x1a\n" + bytes(50)):
        answer = server.post("/v1/encode", params={"checkpoint": "vae-mnist"}, content=body)
        assert answer.status_code == 415 and "The body is" in answer.json()["detail"]
        assert "/tmp" not in answer.text
    answer = server.post(
        "/v1/encode", params={"checkpoint": "dcgan-mnist"}, content=as_png(digit())
    )
    assert answer.status_code == 409 and "can't encode" in answer.json()["detail"]
    answer = server.post("/v1/encode", params={"checkpoint": "cvae-mnist"}, content=as_png(digit()))
    assert answer.status_code == 409 and "conditional" in answer.json()["detail"]


def test_the_nearest_latent_is_found_and_what_is_transparent_filled_in(server: Served) -> None:
    pixels = digit()
    query: dict[str, object] = {"checkpoint": "vae-mnist-2d", "seed": 1, "draws": 100, "steps": 20}
    found = server.post("/v1/invert", params=query, content=as_png(pixels))
    z = torch.tensor(found.json()["latents"])
    model = zoo_package.load("vae-mnist-2d")
    x = pixels[None].float() / 255
    error = (model.decode(z) - x).square().sum()
    assert error <= (model.reconstruct(x) - x).square().sum() + 1e-3
    image = Image.fromarray(pixels[0].numpy()).convert("RGBA")
    alpha = Image.new("L", image.size, 255)
    alpha.paste(0, (0, 14, 28, 28))
    image.putalpha(alpha)
    file = io.BytesIO()
    image.save(file, "PNG")
    query |= {"n": 2, "format": "json"}
    told = server.post("/v1/inpaint", params=query, content=file.getvalue()).json()
    answers = np.array(told["samples"])
    assert answers.shape == (2, 1, 28, 28) and np.array(told["latents"]).shape == (2, 2)
    assert (answers[:, :, :14] == pixels[:, :14].numpy()).all()
    whole = server.post("/v1/inpaint", params=query, content=as_png(pixels))
    assert whole.status_code == 415 and "no transparent part" in whole.json()["detail"]


def test_directions_are_told_with_what_a_step_adds(server: Served) -> None:
    told = server.get("/v1/directions", checkpoint="vae-mnist").json()
    assert told[0]["name"] == "strong-1" and len(told[0]["vector"]) == 50
    answer = server.get("/v1/directions", checkpoint="no-such")
    assert answer.status_code == 404


def test_truncated_samples_are_those_of_the_command(server: Served, zoo: Zoo) -> None:
    query = {"checkpoint": "vae-mnist", "n": 4, "seed": 3, "truncation": 0.5, "output": "some.png"}
    answer = server.get("/v1/sample", **query)
    command = answer.headers["zoo-command"]
    assert "--truncation 0.5" in command
    assert zoo(*command.split()[1:]).exit_code == 0
    assert Path("some.png").read_bytes() == answer.content
