"""zoo list, zoo ls: what there is, for people and for programs."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Zoo

import zoo as door
from zoo.common import files

VAE = Path(__file__).parents[2] / "cards" / "vae-mnist"


def test_a_bundled_checkpoint_is_listed_with_model_data_parameters_size_state_summary_and_plugin(
    zoo: Zoo,
) -> None:
    result = zoo("list")
    header, line = (
        next(x for x in result.stdout.splitlines() if x.startswith(y))
        for y in ("NAME", "vae-mnist")
    )
    assert header.split() == [
        "NAME",
        "MODEL",
        "DATA",
        "PARAMETERS",
        "SIZE",
        "STATE",
        "PLUGIN",
        "SUMMARY",
    ]
    count = f"{sum(one.numel() for one in door.load('vae-mnist').parameters()):,}"
    size = f"{files.size(VAE) / 1e6:.1f}"
    assert line.split()[:8] == [
        "vae-mnist",
        "mlp-vae",
        "mnist",
        count,
        size,
        "MB",
        "bundled",
        "genzoo",
    ]
    assert "digits" in line
    assert (result.stderr, result.exit_code) == ("", 0)


def test_ls_is_list(zoo: Zoo) -> None:
    assert zoo("ls").stdout == zoo("list").stdout != ""


def test_json_is_a_list_of_objects(zoo: Zoo) -> None:
    (record,) = (
        one for one in json.loads(zoo("list", "--json").stdout) if one["name"] == "vae-mnist"
    )
    facts = json.loads((VAE / "facts.json").read_text())
    assert (
        record["model"] == "mlp-vae"
        and record["dataset"] == "mnist"
        and record["state"] == "bundled"
    )
    assert (
        record["parameters"] == facts["parameters"]
        and record["num_classes"] == 0
        and record["plugin"] == "genzoo"
    )
    assert (Path(record["path"]) / "model.safetensors").stat().st_size < record["size"] < 8e6


def test_models_are_listed_with_what_they_can_do(zoo: Zoo) -> None:
    records = {one["name"]: one for one in json.loads(zoo("list", "--models", "--json").stdout)}
    assert {"mlp-vae", "conv-vae", "mlp-gan", "dcgan"} <= set(records)
    assert records["mlp-vae"]["capabilities"] == ["sample", "decode", "encode"]
    assert "encode" not in records["dcgan"]["capabilities"] and records["dcgan"][
        "reference"
    ].startswith("https://")
    table = zoo("list", "--models").stdout
    assert "sample, decode, encode" in table and "vae-mnist" not in table


@pytest.mark.parametrize(
    ("pattern", "there", "not_there"),
    [
        ("*-vae", {"mlp-vae", "conv-vae"}, "mlp-gan"),
        ("mlp-*", {"mlp-vae", "mlp-gan"}, "conv-vae"),
        ("dcgan", {}, "x"),
    ],
)
def test_wildcards_choose(pattern: str, there: set[str], not_there: str, zoo: Zoo) -> None:
    names = {one["name"] for one in json.loads(zoo("list", "--models", pattern, "--json").stdout)}
    assert names >= set(there) and names and not_there not in names


def test_data_sets_are_listed_with_shape_classes_and_licence(zoo: Zoo) -> None:
    header, *lines = zoo("list", "--data").stdout.splitlines()
    assert header.split() == ["NAME", "SHAPE", "CLASSES", "LICENCE", "PLUGIN", "HOMEPAGE"]
    (mnist,) = (line for line in lines if line.startswith("mnist "))
    assert "1 × 28 × 28" in mnist and "  10  " in mnist and "genzoo" in mnist
    (record,) = json.loads(zoo("list", "--data", "mnist", "--json").stdout)
    assert record["sample_shape"] == [1, 28, 28]


def test_features_are_listed_with_the_data_that_they_are_meant_for(zoo: Zoo) -> None:
    header, *lines = zoo("list", "--features").stdout.splitlines()
    assert header.split() == ["NAME", "DEFAULT", "FOR", "PLUGIN", "SUMMARY"]
    assert any(line.startswith("digits") and "mnist" in line for line in lines)
    assert {one["name"] for one in json.loads(zoo("list", "--features", "--json").stdout)} >= {
        "digits"
    }


def test_only_one_kind_is_listed_at_a_time(zoo: Zoo) -> None:
    result = zoo("list", "--models", "--data")
    assert result.exit_code == 2 and "Give only one of --models, --data" in result.stderr


def test_at_80_columns_the_list_has_a_line_a_checkpoint_and_none_is_wider(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    header, *lines = zoo("list").stdout.splitlines()
    assert len(lines) == len(json.loads(zoo("list", "--json").stdout))
    assert max(map(len, lines)) <= 80
    assert header.split()[0] == "NAME" and header.split()[-1] == "SUMMARY"
    assert "STATE" in header and "PLUGIN" not in header


def test_wildcards_choose_checkpoints_too(zoo: Zoo) -> None:
    assert "vae-mnist" in zoo("list", "*vae*").stdout
    assert "vae-mnist" not in zoo("list", "gan*").stdout


def test_a_pattern_without_a_match_leaves_standard_output_clean(zoo: Zoo) -> None:
    result = zoo("list", "no-such-*")
    assert result.stdout == "" and "'no-such-*'" in result.stderr and result.exit_code == 0
    assert json.loads(zoo("list", "no-such-*", "--json").stdout) == []


def test_a_part_of_a_name_is_answered_with_the_pattern_that_finds_it(zoo: Zoo) -> None:
    assert "Nothing matches 'vae'. Try '*vae*'." in zoo("list", "vae").stderr
    assert zoo("list", "z?*").stderr == "Nothing matches 'z?*'.\n"


def test_a_trained_checkpoint_is_listed_with_what_its_files_say(zoo: Zoo) -> None:
    small = ["--epochs", "1", "--set", "hidden_dims=8", "--set", "latent_dim=2"]
    assert zoo("train", "mlp-vae", "--name", "mine", *small).exit_code == 0
    (record,) = json.loads(zoo("list", "mine", "--json").stdout)
    assert (
        record["state"] == "trained"
        and record["model"] == "mlp-vae"
        and record["dataset"] == "mnist"
    )
    assert 10_000 < record["parameters"] < 20_000 and record["plugin"] == "genzoo"
    assert "trained" in zoo("list", "mine").stdout


def test_a_pulled_checkpoint_is_listed_as_pulled(zoo: Zoo) -> None:
    zoo("pull", "vae-mnist")
    assert "  pulled  " in zoo("list", "vae-mnist").stdout


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.json", "{"),
        ("config.json", "[]"),
        ("facts.json", "{"),
        ("facts.json", '{"parameters": "many"}'),
    ],
)
def test_a_damaged_entry_of_the_store_does_not_take_the_list_down(
    file: str, content: str, zoo: Zoo, trained: Callable[..., Path]
) -> None:
    entry = Path.cwd().parent / "home" / "checkpoints" / "hurt"
    entry.mkdir(parents=True)
    for name in ("config.json", "facts.json", "model.safetensors"):
        (entry / name).write_bytes((trained("mlp-vae") / name).read_bytes())
    (entry / file).write_text(content)
    result = zoo("list")
    assert result.exit_code == 0 and "hurt" in result.stdout and "vae-mnist" in result.stdout
    assert [one["state"] for one in json.loads(zoo("list", "hurt", "--json").stdout)] == ["damaged"]


def test_a_stray_file_among_the_checkpoints_does_not_take_the_list_down(zoo: Zoo) -> None:
    kept = Path.cwd().parent / "home" / "checkpoints"
    kept.mkdir(parents=True)
    (kept / ".DS_Store").write_text("left by a file manager")
    result = zoo("list")
    assert result.exit_code == 0 and "vae-mnist" in result.stdout, repr(result.exception)
    missing = zoo("sample", "vae-mnst")
    assert missing.exit_code == 1 and "'vae-mnist'" in missing.stderr


def test_a_folder_that_the_zoo_did_not_name_does_not_take_the_list_down(zoo: Zoo) -> None:
    (Path.cwd().parent / "home" / "checkpoints" / "a%2Fb").mkdir(parents=True)
    result = zoo("list")
    assert result.exit_code == 0 and "vae-mnist" in result.stdout, result.stderr


def test_what_a_checkpoint_says_of_itself_cannot_steer_the_terminal(zoo: Zoo) -> None:
    entry = Path.cwd().parent / "home" / "checkpoints" / "rude"
    entry.mkdir(parents=True)
    (entry / "config.json").write_text('{"format": 1, "model": "\\u001b[2J\\nfake", "config": {}}')
    (entry / "facts.json").write_text('{"summary": "\\u001b]0;title\\u0007", "parameters": 1}')
    (entry / "origin.json").write_text('{"source": "trained", "sha256": {}}')
    result = zoo("list", "rude")
    assert (
        result.exit_code == 0
        and "\x1b" not in result.stdout
        and len(result.stdout.splitlines()) == 2
    )


def test_with_no_plugin_the_list_is_empty_and_says_so(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_LOAD_PLUGINS", "")
    result = zoo("list")
    assert (
        result.stdout == ""
        and "offer nothing of this kind" in result.stderr
        and result.exit_code == 0
    )
    assert json.loads(zoo("list", "--models", "--json").stdout) == []


def test_the_built_in_plugins_are_shown_with_distribution_file_offers_and_import_time(
    zoo: Zoo,
) -> None:
    text = zoo("plugins").stdout
    assert (
        "vae  genzoo" in text
        and "zoo_vae" in text
        and "mlp-vae" in text
        and " ms)" in text
        and "WRONG" not in text
    )
    records = {one["name"]: one for one in json.loads(zoo("plugins", "--json").stdout)}
    assert (
        records["gan"]["offers"]["models"] == ["mlp-gan", "dcgan", "upsample-gan", "resnet-gan"]
        and records["gan"]["problems"] == []
    )
    assert Path(records["vae"]["file"]).is_file() and records["vae"]["seconds"] >= 0
