"""zoo sample: pictures and arrays from a checkpoint, the same again for the same seed."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import Zoo
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file
from terminals import at_a_terminal

from zoo.common import files
from zoo.common.errors import ConfigError
from zoo.registry.registry import installed
from zoo.sampling import provenance

Trained = Callable[..., Path]


def arrays(path: str) -> dict[str, np.ndarray]:
    """What an .npz holds."""
    with np.load(path) as archive:
        return dict(archive)


def test_the_main_job(zoo: Zoo) -> None:
    zoo("pull", "vae-mnist")
    result = zoo("sample")
    seed = provenance.read(Path("samples.png"))["seed"]
    assert result.stdout == "samples.png\n" and result.exit_code == 0
    assert "64 samples of vae-mnist" in result.stderr and f"seed {seed}" in result.stderr
    with Image.open("samples.png") as image:
        assert image.format == "PNG" and image.size == (8 * 30 + 2, 8 * 30 + 2)
        ink = sum(pixel > 128 for pixel in image.tobytes()) / (64 * 28 * 28)
        assert 0.05 < ink < 0.25  # strokes on black, as in MNIST (0.1)


def test_without_a_current_checkpoint_one_is_asked_for(zoo: Zoo) -> None:
    result = zoo("sample")
    assert (
        result.exit_code == 1 and "zoo pull NAME" in result.stderr and "vae-mnist" in result.stderr
    )
    assert list(Path().iterdir()) == []


def test_a_fresh_seed_is_drawn_each_time(zoo: Zoo) -> None:
    seeds = {
        json.loads(zoo("sample", "vae-mnist", "-n", 1, "--json").stdout)["seed"] for _ in range(3)
    }
    assert len(seeds) == 3


def test_a_terminal_gets_a_preview_and_a_pipe_does_not(zoo: Zoo) -> None:
    piped = zoo("sample", "vae-mnist", "-n", 1)
    assert "▀" not in piped.output and "\x1b" not in piped.output
    (*picture, path), said = at_a_terminal("sample", "vae-mnist")
    assert path == "samples.png"
    assert 10 < len(picture) <= 24 and all(line.count("▀") == 60 for line in picture)
    assert "The preview shows 5 of 8 rows." in said


def test_a_preview_of_few_samples_is_enlarged_and_shows_all_of_them() -> None:
    (*picture, path), said = at_a_terminal("sample", "vae-mnist", "-n", "1", COLUMNS="80")
    assert path == "samples.png" and "preview" not in said
    assert all(line.count("▀") == 64 for line in picture)  # of a grid 32 pixels wide


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"NO_COLOR": "1"}])
def test_a_terminal_without_colours_is_spared_the_preview(environment: dict[str, str]) -> None:
    lines, _ = at_a_terminal("sample", "vae-mnist", "-n", "4", **environment)
    assert lines == ["samples.png"]


@pytest.mark.parametrize("words", ["sample -n 4 -o x.jpg", "interpolate -n 2 -o x.webp"])
def test_pictures_of_other_formats_are_previewed_too(words: str) -> None:
    verb, *further = words.split()
    lines, _ = at_a_terminal(verb, "vae-mnist", *further)
    assert lines[-1] == further[-1] and all("▀" in line for line in lines[:-1]) and lines[:-1]


def test_a_film_has_no_preview() -> None:
    words = ["-n", "1", "--steps", "3", "-o", "x.gif"]
    assert at_a_terminal("interpolate", "vae-mnist", *words)[0] == ["x.gif"]


@pytest.mark.parametrize(
    "line", [["sample", "vae-mnist", "--quiet"], ["--quiet", "sample", "vae-mnist"]]
)
def test_quiet_leaves_the_path_alone(zoo: Zoo, line: list[str]) -> None:
    result = zoo(*line, "-n", 1)
    assert result.stdout == "samples.png\n" and result.stderr == ""


def test_a_training_that_is_not_finished_is_told(zoo: Zoo) -> None:
    run = Path(os.environ["ZOO_HOME"], "runs", "mine")
    run.mkdir(parents=True)
    (run / "state.safetensors").write_bytes(b"state")
    result = zoo("sample", "mine")
    assert result.exit_code == 1 and "zoo train --resume" in result.stderr


def test_the_number_of_threads_is_what_was_asked_for(zoo: Zoo) -> None:
    before = torch.get_num_threads()
    try:
        assert zoo("sample", "vae-mnist", "-n", 1, "--threads", 2).exit_code == 0
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_the_picture_records_how_it_was_made_and_its_command_makes_it_again(zoo: Zoo) -> None:
    zoo("sample", "vae-mnist", "-n", 6, "--start", 70, "-o", "six.png")
    first = Path("six.png").read_bytes()
    made = provenance.read(Path("six.png"))
    assert made["checkpoint"] == "vae-mnist" and made["n"] == 6 and made["start"] == 70
    assert made["version"] and isinstance(made["seed"], int)
    bundled = installed().checkpoints["vae-mnist"].bundled
    assert bundled and made["sha256"] == files.sha256(bundled / "model.safetensors")
    Path("six.png").unlink()
    words = shlex.split(made["command"])
    assert words[:3] == ["zoo", "sample", "vae-mnist"]
    assert zoo(*words[1:]).exit_code == 0
    assert Path("six.png").read_bytes() == first


def test_the_recorded_command_keeps_the_batch_size_with_which_samples_are_equal_to_the_bit(
    zoo: Zoo,
) -> None:
    zoo("sample", "vae-mnist", "-n", 4, "--seed", 1, "--batch-size", 2)
    assert "--batch-size 2" in provenance.read(Path("samples.png"))["command"]


def test_samples_in_bf16_are_near_the_exact_ones_and_record_it(zoo: Zoo) -> None:
    for precision in ("bf16", "float32"):
        result = zoo(
            "sample",
            "dcgan-mnist",
            "-n",
            70,
            "--seed",
            4,
            "--precision",
            precision,
            "-o",
            f"{precision}.npz",
        )
        assert result.exit_code == 0, result.stderr
    coarse, exact = (
        arrays(f"{precision}.npz")["samples"].astype(int) for precision in ("bf16", "float32")
    )
    assert 0 < np.abs(coarse - exact).mean() < 0.5 and np.abs(coarse - exact).max() < 26  # of 255
    zoo("sample", "dcgan-mnist", "-n", 4, "--seed", 4, "--precision", "bf16", "-o", "four.png")
    first = Path("four.png").read_bytes()
    made = provenance.read(Path("four.png"))
    assert made["precision"] == "bf16" and "--precision bf16" in made["command"]
    Path("four.png").unlink()
    assert zoo(*shlex.split(made["command"])[1:]).exit_code == 0
    assert Path("four.png").read_bytes() == first
    zoo("sample", "dcgan-mnist", "-n", 4, "--seed", 4, "-o", "four.png")
    made = provenance.read(Path("four.png"))
    assert made["precision"] == "float32" and "--precision" not in made["command"]
    assert zoo("sample", "dcgan-mnist", "--precision", "fp8").exit_code == 2


def test_bf16_that_is_only_emulated_is_drawn_and_said_to_be_slow(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        torch.cpu, "get_capabilities", lambda: {"architecture": "x86_64"}, raising=False
    )
    result = zoo("sample", "vae-mnist", "-n", 1, "--device", "cpu", "--precision", "bf16")
    assert result.exit_code == 0 and "no bf16 instructions" in result.stderr
    assert "bf16" not in zoo("sample", "vae-mnist", "-n", 1, "--device", "cpu").stderr


def test_the_recorded_command_quotes_labels_and_keeps_options(zoo: Zoo, trained: Trained) -> None:
    model = trained("mlp-vae", "num_classes=10")
    zoo("sample", model, "-n", 3, "--label", 7, "--label", 1, "--seed", 5, "-o", "a b.png")
    command = provenance.read(Path("a b.png"))["command"]
    words = [
        "zoo",
        "sample",
        str(model),
        "-n",
        "3",
        "--seed",
        "5",
        "--label",
        "7",
        "--label",
        "1",
        "-o",
        "a b.png",
    ]
    assert shlex.split(command) == words


def test_equal_seeds_give_equal_samples_whatever_the_batch_size(zoo: Zoo) -> None:
    for size in (256, 100, 7):
        zoo(
            "sample",
            "vae-mnist",
            "-n",
            130,
            "--seed",
            9,
            "--batch-size",
            size,
            "-o",
            f"{size}.safetensors",
        )
    zoo("sample", "vae-mnist", "-n", 130, "--seed", 9, "-o", "again.safetensors")
    zoo("sample", "vae-mnist", "-n", 130, "--seed", 10, "-o", "other.safetensors")
    by_256 = load_file("256.safetensors")["samples"]
    assert torch.equal(by_256, load_file("again.safetensors")["samples"])
    for size in (100, 7):
        torch.testing.assert_close(
            load_file(f"{size}.safetensors")["samples"], by_256, atol=1e-5, rtol=0
        )
    assert (load_file("other.safetensors")["samples"] - by_256).abs().mean() > 0.01


def test_start_continues_the_same_stream(zoo: Zoo) -> None:
    zoo("sample", "vae-mnist", "-n", 100, "--seed", 9, "-o", "all.safetensors")
    zoo("sample", "vae-mnist", "-n", 30, "--seed", 9, "--start", 70, "-o", "rest.safetensors")
    whole, rest = load_file("all.safetensors")["samples"], load_file("rest.safetensors")["samples"]
    torch.testing.assert_close(rest, whole[70:], atol=1e-5, rtol=0)


def test_start_continues_the_labels_too(zoo: Zoo, trained: Trained) -> None:
    model = trained("mlp-vae", "num_classes=10")
    for start, n in ((0, 25), (13, 12)):
        zoo("sample", model, "-n", n, "--start", start, "--seed", 2, "-o", f"{start}.npz")
    whole, rest = arrays("0.npz"), arrays("13.npz")
    assert whole["labels"].tolist() == [index % 10 for index in range(25)]
    assert rest["labels"].tolist() == whole["labels"][13:].tolist()
    assert np.abs(rest["samples"].astype(int) - whole["samples"][13:]).max() <= 1


def test_npz_holds_uint8_images_their_labels_and_the_seed(zoo: Zoo, trained: Trained) -> None:
    zoo(
        "sample",
        trained("mlp-vae", "num_classes=10"),
        "-n",
        300,
        "--seed",
        6,
        "--label",
        3,
        "-o",
        "three.npz",
    )
    three = arrays("three.npz")
    assert three["samples"].dtype == np.uint8 and three["samples"].shape == (300, 1, 28, 28)
    assert three["labels"].tolist() == [3] * 300 and int(three["seed"]) == 6
    assert three["samples"].max() > 100
    zoo("sample", "vae-mnist", "-n", 2, "-o", "plain.npz")
    assert set(arrays("plain.npz")) == {"samples", "seed", "provenance"}
    assert json.loads(str(three["provenance"]))["labels"] == ["3"]


def test_safetensors_holds_floats_labels_and_how_they_were_made(zoo: Zoo, trained: Trained) -> None:
    zoo(
        "sample",
        trained("mlp-vae", "num_classes=10"),
        "-n",
        4,
        "--seed",
        6,
        "--label",
        3,
        "-o",
        "three.safetensors",
    )
    tensors = load_file("three.safetensors")
    assert tensors["samples"].dtype == torch.float32 and tensors["samples"].shape == (4, 1, 28, 28)
    assert tensors["samples"].min() >= 0 and tensors["samples"].max() <= 1
    assert tensors["labels"].tolist() == [3] * 4
    with safe_open("three.safetensors", "pt") as file:
        assert json.loads(file.metadata()["zoo"])["seed"] == 6


def test_a_folder_is_training_data_for_torchvision_and_for_the_zoo(
    zoo: Zoo, trained: Trained
) -> None:
    model = trained("mlp-vae", "num_classes=10")
    result = zoo("sample", model, "-n", 6, "--label", 3, "--label", 8, "--start", 2, "-o", "extra")
    assert result.stdout == "extra\n"
    from torchvision.datasets import ImageFolder

    extra = ImageFolder("extra")
    assert extra.classes == ["3", "8"] and extra.targets == [0] * 3 + [1] * 3
    assert extra[0][0].size == (28, 28)
    assert sorted(path.name for path in Path("extra/8").iterdir()) == [
        "000003.png",
        "000005.png",
        "000007.png",
    ]
    assert json.loads(Path("extra/provenance.json").read_text())["labels"] == ["3", "8"]
    small = ["--epochs", 1, "--set", "hidden_dims=8", "--set", "num_classes=2"]
    assert zoo("train", "mlp-vae", "--name", "again", "--data", "./extra", *small).exit_code == 0


def test_a_folder_of_an_unconditional_model_is_flat(zoo: Zoo) -> None:
    Path("empty").mkdir()
    zoo("sample", "vae-mnist", "-n", 2, "-o", "empty")
    assert sorted(path.name for path in Path("empty").iterdir()) == [
        "000000.png",
        "000001.png",
        "provenance.json",
    ]


def test_the_default_grid_of_a_conditional_model_has_a_row_for_each_class(
    zoo: Zoo, trained: Trained
) -> None:
    model = trained("mlp-vae", "num_classes=10")
    zoo("sample", model, "--seed", 1)
    with Image.open("samples.png") as image:
        assert image.size == (8 * 30 + 2, 10 * 30 + 2)
        third = [
            image.crop((2 + 30 * x, 2 + 30 * 3, 30 + 30 * x, 30 + 30 * 3)).tobytes()
            for x in range(8)
        ]
    zoo("sample", model, "--seed", 1, "-n", 80, "-o", "all.npz")
    drawn = arrays("all.npz")
    assert third == [one.tobytes() for one in drawn["samples"][drawn["labels"] == 3]]


def test_labels_by_name_and_by_number_are_the_same(zoo: Zoo, trained: Trained) -> None:
    model = Path("named")
    files_of = {
        path.name: path.read_bytes() for path in trained("mlp-vae", "num_classes=10").glob("*.*")
    }
    model.mkdir()
    for name, content in files_of.items():
        (model / name).write_bytes(content)
    facts = json.loads(files_of["facts.json"])
    names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    (model / "facts.json").write_text(json.dumps({**facts, "class_names": names}))
    zoo("sample", "./named", "-n", 2, "--seed", 1, "--label", "seven", "-o", "name.npz")
    zoo("sample", "./named", "-n", 2, "--seed", 1, "--label", "7", "-o", "number.npz")
    assert np.array_equal(arrays("name.npz")["samples"], arrays("number.npz")["samples"])
    zoo("sample", "./named", "-n", 2, "--label", "seven", "-o", "folder")
    assert len(list(Path("folder/seven").iterdir())) == 2
    result = zoo("sample", "./named", "--label", "sevn")
    assert (
        result.exit_code == 1 and "There is no class 'sevn'. Did you mean 'seven'" in result.stderr
    )


@pytest.mark.parametrize("label", ["10", "-1", "x", "9" * 5000])
def test_a_label_out_of_range_is_refused_with_the_labels_there_are(
    label: str, zoo: Zoo, trained: Trained
) -> None:
    Path("samples.png").write_text("from before")
    result = zoo("sample", trained("mlp-vae", "num_classes=10"), f"--label={label}")
    assert result.exit_code == 1 and result.stderr.startswith(
        f"Error: There is no class '{label[:20]}"
    )
    assert "Did you mean" in result.stderr or "There is: 0, 1, 2" in result.stderr
    assert Path("samples.png").read_text() == "from before" and len(list(Path().iterdir())) == 1


def test_an_unconditional_model_takes_no_label(zoo: Zoo) -> None:
    result = zoo("sample", "vae-mnist", "--label", 3)
    assert (
        result.exit_code == 1 and "unconditional" in result.stderr and list(Path().iterdir()) == []
    )


def test_a_model_without_options_takes_no_set(zoo: Zoo) -> None:
    result = zoo("sample", "vae-mnist", "--set", "temperature=2")
    assert (
        result.exit_code == 1
        and "no sample-time options" in result.stderr
        and "temperature=2" in result.stderr
    )


@pytest.mark.parametrize(
    "words",
    [
        "-n 0",
        "-n -3",
        "-n many",
        "--seed -1",
        f"--seed {2**63}",
        "--start -1",
        "--batch-size 0",
        "--device tpu",
        "--no",
    ],
)
def test_values_out_of_range_are_usage_errors(words: str, zoo: Zoo) -> None:
    result = zoo("sample", "vae-mnist", *words.split())
    assert (
        result.exit_code == 2 and "Usage: " in result.stderr and words.split()[0] in result.stderr
    )
    assert list(Path().iterdir()) == []


def test_python_is_told_of_a_gpu_that_is_not_there() -> None:
    import zoo as package

    with pytest.raises(
        ConfigError,
        match=f"There is no device 'cuda:99': torch sees {torch.cuda.device_count()} GPU",
    ):
        package.load("vae-mnist", "cuda:99")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_said(zoo: Zoo) -> None:
    result = zoo("sample", "vae-mnist", "--device", "cuda")
    assert (
        result.exit_code == 1
        and "torch sees 0 GPUs" in result.stderr
        and "--device cpu" in result.stderr
    )


@pytest.mark.parametrize(
    ("output", "why"),
    [
        ("samples.bmp", "'.bmp' files: choose .png, .jpg, .jpeg, .webp, .npz, .safetensors, or a"),
        ("full", "full exists and is not an empty folder"),
        ("full/file", "full/file exists and is not an empty folder"),
        ("folder.npz", "folder.npz is a folder"),
    ],
)
def test_an_output_that_cannot_be_is_refused_and_what_is_there_stays(
    output: str, why: str, zoo: Zoo
) -> None:
    Path("full").mkdir()
    Path("full/file").write_text("from before")
    Path("folder.npz").mkdir()
    result = zoo("sample", "vae-mnist", "-o", output)
    assert result.exit_code == 1 and why in result.stderr and result.stdout == ""
    assert sorted(map(str, Path().rglob("*"))) == ["folder.npz", "full", "full/file"]
    assert Path("full/file").read_text() == "from before"


@pytest.mark.parametrize("name", ["new.png", "new.npz", "new.safetensors", "new"])
def test_an_output_below_a_file_is_refused_in_true_words(name: str, zoo: Zoo) -> None:
    Path("file").write_text("from before")
    result = zoo("sample", "vae-mnist", "-n", 1, "-o", f"file/{name}")
    assert (
        result.exit_code == 1
        and result.stderr.startswith("Error: ")
        and f"file/{name}" in result.stderr
    )
    assert f"file/{name} exists" not in result.stderr  # it doesn't: its folder is a file
    assert [path.name for path in Path().iterdir()] == ["file"] and Path(
        "file"
    ).read_text() == "from before"


def test_the_folder_one_stands_in_is_refused_as_it_would_be_replaced(zoo: Zoo) -> None:
    result = zoo("sample", "vae-mnist", "-n", 1, "-o", ".")
    assert result.exit_code == 1 and result.stderr.startswith("Error: "), repr(result.exception)
    assert list(Path().iterdir()) == []


def test_missing_folders_are_made(zoo: Zoo) -> None:
    assert zoo("sample", "vae-mnist", "-n", 1, "-o", "new/folder/one.png").exit_code == 0
    assert provenance.read(Path("new/folder/one.png"))["n"] == 1


@pytest.mark.parametrize(
    ("output", "limit"), [("x.npz", 20_000), ("x.safetensors", 20_000), ("x.png", 5_000)]
)
def test_a_full_disk_is_said_and_an_existing_output_stays(output: str, limit: int) -> None:
    Path(output).write_text("from before")
    code = (
        f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit})); import "
        "zoo.__main__"
    )
    words = ["sample", "vae-mnist", "-n", "600", "-o", output, "--force"]
    command = [sys.executable, "-B", "-c", code, *words]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1 and result.stderr.startswith(f"Error: Can't write {output}"), (
        result.stderr
    )
    assert "Nothing was changed" in result.stderr and result.stdout == ""
    assert [path.name for path in Path().iterdir()] == [output] and Path(
        output
    ).read_text() == "from before"


def test_standard_output_stays_data_with_json(zoo: Zoo) -> None:
    result = zoo("sample", "vae-mnist", "-n", 2, "--seed", 8, "-o", "two.npz", "--json")
    record = json.loads(result.stdout)
    assert record["path"] == "two.npz" and record["seed"] == 8 and record["n"] == 2
    assert record["command"] == "zoo sample vae-mnist -n 2 --seed 8 -o two.npz"


def test_a_model_name_in_place_of_a_checkpoint_is_mended(zoo: Zoo) -> None:
    result = zoo("sample", "mlp-vae")
    assert (
        result.exit_code == 1
        and "is a model, not a checkpoint" in result.stderr
        and "vae-mnist" in result.stderr
    )
