"""zoo show: a checkpoint's card, a model's fields, how a picture was made."""

import json
import os
import shlex
import shutil
import struct
import zlib
from pathlib import Path

import pytest
from conftest import Zoo
from PIL import Image
from terminals import at_a_terminal

from zoo.registry import installed


def test_a_checkpoint_shows_its_card_without_the_front_matter(zoo: Zoo) -> None:
    text = zoo("show", "vae-mnist").stdout
    assert text.startswith("# vae-mnist") and "library_name" not in text and "<!--" not in text
    assert (
        "zoo train mlp-vae" in text
        and "| Config | sample_shape [1, 28, 28]" in text
        and "Files: /" in text
    )


def test_json_of_a_checkpoint_has_card_config_and_facts(zoo: Zoo) -> None:
    shown = json.loads(zoo("show", "vae-mnist", "--json").stdout)
    assert shown["name"] == "vae-mnist" and shown["config"]["model"] == "mlp-vae"
    assert (
        shown["config"]["config"]["sample_shape"] == [1, 28, 28]
        and shown["facts"]["dataset"] == "mnist"
    )
    assert "# vae-mnist" in shown["card"] and (Path(shown["path"]) / "config.json").is_file()


def test_a_checkpoint_without_card_or_facts_shows_its_config(zoo: Zoo) -> None:
    Path("bare").mkdir()
    Path("bare/config.json").write_text(
        '{"format": 1, "model": "mlp-vae", "config": {"latent_dim": 3}}'
    )
    result = zoo("show", "./bare")
    assert "latent_dim" in result.stdout and "mlp-vae" in result.stdout and result.exit_code == 0
    assert json.loads(zoo("show", "./bare", "--json").stdout)["card"] is None


def test_a_card_cannot_steer_the_terminal(zoo: Zoo) -> None:
    Path("rude").mkdir()
    Path("rude/config.json").write_text('{"format": 1, "model": "mlp-vae", "config": {}}')
    Path("rude/README.md").write_text("# fine\n\x1b[2Jgone\n")
    assert "gone" in (text := zoo("show", "./rude").stdout) and "\x1b" not in text


@pytest.mark.parametrize("file", ["config.json", "facts.json"])
def test_damaged_json_is_named(file: str, zoo: Zoo) -> None:
    Path("hurt").mkdir()
    whole = {"config.json": '{"format": 1, "model": "mlp-vae", "config": {}}', "facts.json": "{}"}
    for name, text in whole.items():
        Path("hurt", name).write_text(text if name != file else "{nonsense")
    result = zoo("show", "./hurt")
    assert (
        result.exit_code == 1
        and f"hurt/{file} is not JSON" in result.stderr
        and result.stdout == ""
    )


def test_a_model_shows_its_fields_with_types_and_defaults_and_its_recipe(zoo: Zoo) -> None:
    lines = [" ".join(line.split()) for line in zoo("show", "mlp-vae").stdout.splitlines()]
    assert "CONFIG DEFAULT TYPE" in lines and "RECIPE DEFAULT TYPE" in lines
    assert (
        "latent_dim 20 whole number 1 to 65536" in lines
        and "batch_norm false true or false" in lines
    )
    assert (
        "sample_shape 1,28,28 list of: whole number 1 to 65536" in lines
        and "dropout 0.0 number 0 to 1" in lines
    )
    assert (
        "epochs 10 whole number 1 to 65536" in lines
        and "schedule constant one of constant, cosine" in lines
    )
    assert any(line.startswith("checkpoints") and "vae-mnist" in line for line in lines)


@pytest.mark.parametrize(("columns", "cut"), [(200, "; 0 clips nothing"), (50, " …"), (1, " …")])
def test_below_each_field_stands_what_it_means_cut_to_the_width_of_the_terminal(
    columns: int, cut: str, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = zoo("show", "mlp-vae").stdout.splitlines()
    max_grad_norm = next(
        index for index, line in enumerate(lines) if line.startswith("max_grad_norm")
    )
    # the type of the field may be wrapped
    meaning = next(line for line in lines[max_grad_norm:] if line.startswith("    greatest norm"))
    assert lines.index(meaning) <= max_grad_norm + (1 if columns > 40 else 4)
    assert meaning.startswith("    greatest norm of an optimizer's") and meaning.endswith(cut)
    assert len(meaning) <= max(columns, 40)


def test_json_of_a_model_has_fields_and_recipe(zoo: Zoo) -> None:
    shown = json.loads(zoo("show", "dcgan", "--json").stdout)
    assert shown["name"] == "dcgan" and shown["capabilities"] == ["sample", "decode"]
    meaning = "decay rates of the first and the second moment, for adam and adamw"
    betas = {
        "name": "betas",
        "type": "list of: number 0 to 1",
        "default": "0.5,0.999",
        "meaning": meaning,
    }
    assert betas in shown["recipe"]
    assert {"sample_shape", "num_classes", "latent_dim"} <= {
        field["name"] for field in shown["config"]
    }


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        (
            "mnist",
            [
                "mnist: a data set",
                "sample_shape 1, 28, 28",
                "class_names 0, 1, 2, 3, 4, 5, 6, 7, 8, 9",
            ],
        ),
        ("digits", ["datasets mnist", "class_names 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"]),
    ],
)
def test_data_sets_and_features_show_what_their_plugin_says(
    name: str, lines: list[str], zoo: Zoo
) -> None:
    shown = [" ".join(line.split()) for line in zoo("show", name).stdout.splitlines()]
    assert shown[0].startswith(f"{name}: ") and set(lines) <= set(shown), shown
    assert json.loads(zoo("show", name, "--json").stdout)["name"] == name


def test_a_checkpoint_that_is_called_like_a_data_set_is_shown_first(zoo: Zoo) -> None:
    assert (
        zoo(
            "train", "mlp-vae", "--name", "mnist", "--epochs", 1, "--set", "hidden_dims=8"
        ).exit_code
        == 0
    )
    assert zoo("show", "mnist").stdout.startswith("# mnist")


@pytest.mark.parametrize(
    "model", ["mlp-vae", "conv-vae", "ladder-vae", "mlp-gan", "dcgan", "resnet-gan"]
)
def test_every_default_that_is_shown_can_be_typed_back(model: str, zoo: Zoo) -> None:
    from zoo.common.config import parse_assignments
    from zoo.registry.registry import installed

    model_class = installed().model_class(model)
    shown = json.loads(zoo("show", model, "--json").stdout)
    assignments = [f"{field['name']}={field['default']}" for field in shown["config"]]
    (values,) = parse_assignments(assignments, model_class.Config)
    assert model_class.Config.from_dict(values) == model_class.Config()


def test_a_picture_shows_how_it_was_made(zoo: Zoo) -> None:
    zoo("sample", "vae-mnist", "-n", 4, "--seed", 3, "-o", "four digits.png")
    text = zoo("show", "four digits.png").stdout
    shown = json.loads(zoo("show", "./four digits.png", "--json").stdout)
    command = shlex.join(
        ["zoo", "sample", "vae-mnist", "-n", "4", "--seed", "3", "-o", "four digits.png"]
    )
    assert shown["command"] == command in text
    assert shown["checkpoint"] == "vae-mnist" and shown["seed"] == 3 and shown["sha256"] in text


@pytest.mark.parametrize("path", ["./made.npz", "made.npz", "./made.safetensors", "./made"])
def test_samples_in_other_forms_show_it_too(path: str, zoo: Zoo) -> None:
    zoo("sample", "vae-mnist", "-n", 2, "--seed", 3, "--start", 5, "-o", path)
    shown = json.loads(zoo("show", path, "--json").stdout)
    assert shown["command"] == f"zoo sample vae-mnist -n 2 --seed 3 --start 5 -o {Path(path).name}"
    assert shown["command"] in zoo("show", path).stdout


@pytest.mark.parametrize("path", ["made.jpg", "made.PNG", "made.webp"])
def test_a_picture_shows_that_a_model_made_it(path: str, zoo: Zoo) -> None:
    zoo("sample", "vae-mnist", "-n", 2, "--seed", 3, "-o", path)
    shown = json.loads(zoo("show", path, "--json").stdout)
    assert shown["digital_source_type"] == "trainedAlgorithmicMedia" and shown["seed"] == 3
    assert "digital source type trainedAlgorithmicMedia" in zoo("show", path).stdout


def test_a_film_shows_how_it_was_made(zoo: Zoo) -> None:
    zoo("interpolate", "vae-mnist", "-n", 1, "--steps", 2, "--seed", 3, "-o", "film.gif")
    shown = json.loads(zoo("show", "film.gif", "--json").stdout)
    assert shown["command"].startswith("zoo interpolate vae-mnist --seed 3")
    assert shown["digital_source_type"] == "trainedAlgorithmicMedia"


def test_a_folder_that_is_called_like_a_picture_is_a_folder(zoo: Zoo) -> None:
    Path("x.png").mkdir()
    result = zoo("show", "x.png")
    assert result.exit_code == 1 and "x.png is a folder without samples" in result.stderr
    zoo("sample", "vae-mnist", "-n", 1, "-o", "plain")
    Path("x.png").rmdir()
    Path("plain").rename("x.png")
    assert json.loads(zoo("show", "./x.png", "--json").stdout)["n"] == 1
    bundled = installed().checkpoints["vae-mnist"].bundled
    assert bundled
    shutil.copytree(bundled, "y.png")
    assert zoo("show", "./y.png").stdout.startswith("# ")


@pytest.mark.parametrize("suffix", [".png", ".gif", ".npz", ".safetensors"])
def test_pipes_and_devices_are_refused_at_once(suffix: str, zoo: Zoo) -> None:
    os.mkfifo(f"pipe{suffix}")
    Path(f"zeros{suffix}").symlink_to("/dev/zero")
    for name, what in ((f"pipe{suffix}", "a named pipe"), (f"./zeros{suffix}", "a device")):
        result = zoo("show", name)
        assert result.exit_code == 1
        assert f"can't be read: it is {what}, not a regular file" in result.stderr


def huge_png() -> bytes:
    """A PNG of 133 bytes whose header announces 60,000 × 60,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def test_a_png_of_another_program_is_refused(zoo: Zoo) -> None:
    Image.new("L", (4, 4)).save("plain.png")
    Path("text.png").write_text("no picture at all")
    Path("huge.png").write_bytes(huge_png())
    for name in ("plain.png", "text.png", "huge.png"):
        result = zoo("show", name)
        assert f"Error: {name} is not a file that the zoo wrote" in result.stderr, repr(
            result.exception
        )
        assert result.exit_code == 1 and result.stdout == ""
    assert "There is no file absent.png" in zoo("show", "absent.png").stderr


@pytest.mark.parametrize(
    ("reference", "offered"),
    [
        ("vae-mnst", "'vae-mnist'"),
        ("mlp-va", "'mlp-vae'"),
        ("mlp-vaee", "Nothing has the name 'mlp-vaee'. Did you mean 'mlp-vae'"),
        ("owner/name", "hf:owner/name"),
        ("hf:owner/name", "zoo pull hf:owner/name"),
        ("./nowhere", "There is no folder ./nowhere."),
        ("./work", "./work is not a checkpoint: it has no config.json"),
        ("mnits", "Did you mean 'mnist'"),
        ("work", "./work"),
    ],
)
def test_what_is_not_there_is_refused_in_words_that_mend_it(
    reference: str, offered: str, zoo: Zoo
) -> None:
    Path("work").mkdir()
    result = zoo("show", reference)
    assert result.exit_code == 1 and result.stdout == ""
    assert result.stderr.startswith("Error: ") and offered in result.stderr


def test_a_damaged_picture_is_said_to_be_no_readable_image(zoo: Zoo) -> None:
    Image.new("L", (64, 64), 7).save("whole.png")
    content = Path("whole.png").read_bytes()
    for hurt in (b"", b"text", content[:20], content[:60] + b"xx" + content[62:]):
        Path("x.png").write_bytes(hurt)
        assert "x.png is not a file that the zoo wrote: it is not a readable image" in (
            zoo("show", "x.png").stderr
        )
    assert "it doesn't say how it was made" in zoo("show", "whole.png").stderr


def test_data_is_seen_in_a_terminal_and_a_pipe_gets_the_table_alone(zoo: Zoo) -> None:
    piped = zoo("show", "--data", "mnist")
    assert "▀" not in piped.output and "Contact sheet: -o sheet.png writes it" in piped.stderr
    lines, said = at_a_terminal("show", "--data", "mnist")
    picture = [line for line in lines if "▀" in line]
    assert 10 < len(picture) <= 24 and lines[0] == "mnist"
    assert "The preview shows 5 of 10 rows." in said
