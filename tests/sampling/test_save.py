"""From Python: draw, grid, sample, interpolate and reconstruct, as on the command line."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import Zoo
from PIL import Image

import zoo as door
from zoo.common.errors import OutputError
from zoo.sampling import provenance

Trained = Callable[..., Path]
GOLDEN = Path(__file__).parents[1] / "fixtures" / "seed-11.npz"
BUNDLED = sorted(np.load(GOLDEN).files)


@pytest.mark.parametrize("name", BUNDLED)
def test_a_seed_means_what_it_meant_in_version_0_1_0(name: str) -> None:
    with np.load(GOLDEN) as golden:
        before = golden[name].astype(int)
    drawn = door.draw(name, 4, seed=11).mul(255).round().numpy().astype(int)
    assert drawn.shape == before.shape and np.abs(drawn - before).max() <= 1


def test_a_reference_draws_what_its_model_draws() -> None:
    model = door.load("vae-mnist")
    drawn = door.draw(model, 5, seed=3)
    assert torch.equal(drawn, door.draw("vae-mnist", 5, seed=3))
    assert drawn.shape == (5, 1, 28, 28) and drawn.dtype == torch.float32
    assert torch.equal(drawn[2:], door.draw(model, 5, seed=3, batch_size=5)[2:])
    whole = door.draw(model, 5, seed=3, start=2)
    torch.testing.assert_close(whole[:3], drawn[2:], atol=1e-5, rtol=0)


def test_a_seed_is_drawn_when_none_is_given() -> None:
    model = door.load("vae-mnist")
    assert not torch.equal(door.draw(model, 2), door.draw(model, 2))


def test_the_drawing_that_cards_print_goes_on_working() -> None:
    from zoo.sampling import draw

    assert torch.equal(draw(door.load("vae-mnist"), 2, seed=0), door.draw("vae-mnist", 2, seed=0))


def test_drawing_spends_none_of_the_caller_s_random_numbers() -> None:
    before = torch.random.get_rng_state()
    door.draw("vae-mnist", 2)
    assert torch.equal(before, torch.random.get_rng_state())


def test_labels_by_name_work_for_a_model_and_for_a_reference(trained: Trained) -> None:
    folder = Path("named")
    folder.mkdir()
    for file in trained("mlp-vae", "num_classes=10").glob("*.*"):
        (folder / file.name).write_bytes(file.read_bytes())
    facts = json.loads((folder / "facts.json").read_text())
    facts["class_names"] = [f"digit {number}" for number in range(10)]
    (folder / "facts.json").write_text(json.dumps(facts))
    by_name = door.draw("./named", 2, seed=1, labels="digit 7")
    assert torch.equal(by_name, door.draw(door.load("./named"), 2, seed=1, labels=["digit 7"]))
    assert torch.equal(by_name, door.draw(Path("named"), 2, seed=1, labels=[7, 7]))


def test_a_grid_takes_tensors_arrays_and_lists() -> None:
    images = torch.rand(5, 3, 4, 6)
    picture = door.grid(images, columns=5)
    assert picture.size == (5 * 8 + 2, 4 + 4) and picture.mode == "RGB"
    for other in (images.numpy(), list(images), images.mul(255).round().byte(), images.double()):
        assert door.grid(other, 5).tobytes() == picture.tobytes()
    assert door.grid(images).size == (3 * 8 + 2, 2 * 6 + 2)


def test_a_grid_is_enlarged_pixel_by_pixel() -> None:
    images = torch.rand(3, 1, 4, 6)
    plain, large = door.grid(images), door.grid(images, scale=3)
    assert large.size == (3 * plain.width, 3 * plain.height)
    assert large.tobytes() == plain.resize(large.size, Image.Resampling.NEAREST).tobytes()


@pytest.mark.parametrize(
    "images",
    [
        torch.zeros(0, 1, 4, 4),
        torch.zeros(4, 4),
        torch.zeros(2, 2, 4, 4),
        [torch.zeros(1, 2, 2), torch.zeros(1, 3, 3)],
        np.zeros((2, 1, 4, 4), dtype=int),
        [],
        "pictures",
        None,
        7,
    ],
    ids=str,
)
def test_what_is_no_image_has_no_grid(images: Any) -> None:
    with pytest.raises(OutputError):
        door.grid(images)


def test_sampling_to_a_file_returns_where_it_is_and_how_it_was_made() -> None:
    written = door.sample("vae-mnist", n=4, seed=2)
    assert written.path == Path("samples.png") and written.rows == 2
    assert written.made == provenance.read(written.path)
    assert written.made["command"] == "zoo sample vae-mnist -n 4 --seed 2 -o samples.png"


def test_the_python_call_writes_what_the_command_writes(zoo: Zoo, trained: Trained) -> None:
    model = str(trained("mlp-vae", "num_classes=10"))
    door.sample(model, "python.png", n=6, seed=2, labels=[1, "3"], columns=3, scale=2)
    words = ["-n", 6, "--seed", 2, "--label", 1, "--label", 3, "--columns", 3, "--scale", 2]
    assert zoo("sample", model, *words, "-o", "command.png").exit_code == 0
    with Image.open("python.png") as one, Image.open("command.png") as other:
        assert one.size == ((3 * 30 + 2) * 2, (2 * 30 + 2) * 2)
        assert one.tobytes() == other.tobytes()
    command = provenance.read(Path("python.png"))["command"]
    assert "--columns 3 --scale 2 -o python.png" in command


def test_the_current_checkpoint_is_sampled_when_none_is_named(zoo: Zoo) -> None:
    zoo("pull", "vae-mnist")
    assert door.sample(n=1).made["checkpoint"] == "vae-mnist"


def test_without_a_number_there_is_one_sample_for_each_label_or_64(trained: Trained) -> None:
    model = door.load(str(trained("mlp-vae", "num_classes=10")))
    assert torch.equal(door.draw(model, labels=7, seed=1), door.draw(model, 64, labels=7, seed=1))
    three = door.draw(model, labels=iter([1, 2, 3]), seed=1)
    assert torch.equal(three, door.draw(model, 3, labels=[1, 2, 3], seed=1))
    assert len(door.draw("vae-mnist", seed=1)) == 64


def test_a_start_may_be_far_away(trained: Trained) -> None:
    model = str(trained("mlp-vae", "num_classes=10"))
    door.sample(model, "far.npz", n=12, seed=2, start=10**30 + 4)
    with np.load("far.npz") as archive:
        assert archive["labels"].tolist() == [(index + 4) % 10 for index in range(12)]


def test_batches_pass_by_whoever_watches() -> None:
    seen: list[Any] = []

    def watch(batches: Iterable[Any], n: int, doing: str) -> Iterator[Any]:
        seen.append((n, doing))
        for batch in batches:
            seen.append(len(batch[0]))
            yield batch

    door.sample("vae-mnist", "x.npz", n=5, seed=0, batch_size=2, watch=watch)
    assert seen == [(5, "Sampling"), 2, 2, 1]


@pytest.mark.parametrize("name", ["x.jpg", "x.jpeg", "x.JPG", "x.webp", "x.PNG"])
def test_a_grid_in_any_format_shows_the_samples_and_says_how_it_was_made(name: str) -> None:
    made = door.sample("vae-mnist", name, n=4, seed=2).made
    path = Path(name)
    assert provenance.read(path) == made
    assert provenance.source_type(path) == "trainedAlgorithmicMedia"
    exact = np.asarray(door.grid(door.draw("vae-mnist", 4, seed=2))).astype(int)
    with Image.open(path) as picture:
        assert np.abs(np.asarray(picture.convert("L")).astype(int) - exact).mean() < 3


@pytest.mark.parametrize("name", ["x.png", "x.jpg", "x.webp", "x.npz", "x.safetensors"])
def test_a_file_that_the_zoo_wrote_is_replaced(name: str) -> None:
    for seed in (1, 2):
        door.sample("vae-mnist", name, n=1, seed=seed)
    assert provenance.read(Path(name))["seed"] == 2


def test_a_file_of_the_user_s_is_kept_unless_forced(zoo: Zoo) -> None:
    Image.new("L", (3, 3)).save("mine.png")
    np.savez("mine.npz", samples=np.zeros(3))
    Path("mine.safetensors").write_bytes(b"mine")
    Path("link.png").symlink_to("nowhere.png")
    for name in ("mine.png", "mine.npz", "mine.safetensors", "link.png"):
        before = None if name == "link.png" else Path(name).read_bytes()
        result = zoo("sample", "vae-mnist", "-n", 1, "-o", name)
        assert result.exit_code == 1 and result.stdout == ""
        assert f"{name} exists, and the zoo did not write it." in result.stderr
        assert "--force" in result.stderr
        assert before is None or Path(name).read_bytes() == before
        assert zoo("sample", "vae-mnist", "-n", 1, "-o", name, "--force").exit_code == 0
        assert provenance.read(Path(name))["n"] == 1


@pytest.mark.parametrize(
    ("verb", "name"), [("interpolate", "x.gif"), ("interpolate", "x.jpg"), ("reconstruct", "x.png")]
)
def test_other_pictures_keep_a_user_s_file_too(verb: str, name: str, zoo: Zoo) -> None:
    Path(name).write_text("mine")
    small = ["-n", 2, *(["--steps", 3] if verb == "interpolate" else [])]
    result = zoo(verb, "vae-mnist", *small, "-o", name)
    assert result.exit_code == 1 and "the zoo did not write it" in result.stderr
    assert Path(name).read_text() == "mine"
    assert zoo(verb, "vae-mnist", *small, "-o", name, "--force").exit_code == 0
    made = provenance.read(Path(name))
    assert made["command"].startswith(f"zoo {verb} vae-mnist")
    assert provenance.source_type(Path(name)) == "trainedAlgorithmicMedia"
    assert zoo(verb, "vae-mnist", *small, "-o", name).exit_code == 0


def test_the_same_with_functions_and_scale() -> None:
    written = door.interpolate("vae-mnist", n=2, steps=3, seed=1, scale=2)
    assert written.path == Path("interpolation.png") and written.rows == 2
    with Image.open(written.path) as picture:
        assert picture.size == ((3 * 30 + 2) * 2, (2 * 30 + 2) * 2)
    written = door.reconstruct("vae-mnist", n=3, scale=3)
    assert written.path == Path("reconstructions.png") and written.made["n"] == 3
    with Image.open(written.path) as picture:
        assert picture.size == ((3 * 30 + 2) * 3, (2 * 30 + 2) * 3)
    assert "--scale 3" in written.made["command"]


def run(*words: str, **keywords: Any) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "zoo", "sample", "vae-mnist", *words]
    return subprocess.run(command, capture_output=True, **keywords)


def test_samples_go_to_standard_output_as_npz_or_picture() -> None:
    words = ("-n", "3", "--seed", "5", "-o", "-")
    result = run(*words)
    assert result.returncode == 0 and b"standard output" in result.stderr
    with np.load(io.BytesIO(result.stdout)) as archive:
        samples, made = archive["samples"], json.loads(str(archive["provenance"]))
    door.sample("vae-mnist", "file.npz", n=3, seed=5)
    with np.load("file.npz") as archive:
        assert np.array_equal(samples, archive["samples"])
    assert made["command"] == "zoo sample vae-mnist -n 3 --seed 5 -o -"
    result = run(*words, "--format", "png")
    with Image.open(io.BytesIO(result.stdout)) as picture:
        assert picture.format == "PNG" and picture.size == (62, 62)
        assert "--format png" in json.loads(picture.info["zoo"])["command"]
    assert sorted(path.name for path in Path().iterdir()) == ["file.npz"]


@pytest.mark.parametrize("words", [("-n", "3"), ("-n", "9000"), ("--format", "jpg")])
def test_a_reader_that_leaves_ends_it_silently_and_a_full_disk_is_said(words: Any) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "zoo", "sample", "vae-mnist", "-o", "-", "--quiet", *words]
    result = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert result.returncode == 141 and result.stderr == b""
    with Path("/dev/full").open("wb") as full:
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE)
    assert result.returncode == 1
    assert result.stderr == b"Error: Can't write to standard output: No space left on device.\n"


def test_an_open_file_does_as_well() -> None:
    file = io.BytesIO()
    assert door.sample("vae-mnist", file, n=2, seed=1, format="png").path is None
    with Image.open(file) as picture:
        assert picture.size == (62, 32)


def test_standard_output_is_for_one_thing() -> None:
    result = run("-n", "1", "-o", "-", "--json")
    assert result.returncode == 2 and b"choose one" in result.stderr and result.stdout == b""


def test_a_terminal_is_spared_the_bytes() -> None:
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "zoo", "sample", "vae-mnist", "-n", "1", "-o", "-"]
    result = subprocess.run(command, stdout=theirs, stderr=subprocess.PIPE)
    os.close(theirs)
    os.close(ours)
    assert result.returncode == 1 and b"Standard output is a terminal" in result.stderr


def test_a_grid_that_a_format_cannot_hold_is_refused() -> None:
    with pytest.raises(OutputError, match=r"does not fit into WEBP, which takes at most 16,383"):
        door.sample("vae-mnist", "x.webp", n=9, seed=0, columns=9, scale=70)
    assert list(Path().iterdir()) == []
