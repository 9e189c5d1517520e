"""zoo check: verdicts in a table and as JSON, for the model of a plugin that is installed."""

import json
import re
from pathlib import Path

import pytest
import torch
from conftest import Zoo

from zoo.registry.registry import installed

SMALL = ["--set", "hidden_dims=4", "--set", "latent_dim=2", "--set", "sample_shape=1,2,2"]

ENTRY = """
from zoo import ModelSpec, hookimpl

def spec(name, target):
    return ModelSpec(name=name, entry_point=f"zoo_of_faults.models:{target}", summary=name)

@hookimpl
def zoo_models():
    return [spec("dim", "Dim"), spec("falling", "Falling"), spec("sized", "Sized"), spec("gone", "Gone")]
"""

MODELS = """
import sys
from dataclasses import dataclass
import torch
from torch import nn
from zoo.models import GenerativeModel, ModelConfig, Objective, Size

class Dim(GenerativeModel):
    Config = ModelConfig
    dark = 2

    def __init__(self, config):
        super().__init__(config)
        self.light = nn.Parameter(torch.zeros(()))

    def sample(self, n, labels=None, *, generator, options=None):
        self.check_labels(labels, n)
        return torch.rand(n, *self.config.sample_shape, generator=generator) - self.dark

    def training_step(self, samples, labels, step):
        yield Objective((self.light - samples).square().mean())

class Falling(Dim):
    dark = 0

    def sample(self, n, labels=None, *, generator, options=None):
        if n > 1:
            sys.exit("fell\\nover")
        return super().sample(n, labels, generator=generator)

class Sized(Dim):
    @dataclass(frozen=True, kw_only=True)
    class Config(ModelConfig):
        width: Size
"""


def put(site: Path, plugin: str, **modules: str) -> None:
    """A distribution zoo-of-PLUGIN, as if it were installed in a folder."""
    package = site / f"zoo_of_{plugin}"
    package.mkdir(parents=True)
    for module, code in modules.items():
        (package / f"{module}.py").write_text(code)
    metadata = site / f"zoo_of_{plugin}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: zoo-of-{plugin}\nVersion: 1.0\n"
    )
    (metadata / "entry_points.txt").write_text(f"[zoo]\n{plugin} = zoo_of_{plugin}\n")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed distributions."""
    (tmp_path / "site").mkdir()
    monkeypatch.syspath_prepend(tmp_path / "site")
    installed.cache_clear()
    return tmp_path / "site"


@pytest.fixture
def guest(site: Path) -> None:
    """A distribution of faulty models."""
    put(site, "faults", __init__=ENTRY, models=MODELS)


def test_a_model_that_keeps_the_contract_is_told_so_check_by_check(zoo: Zoo) -> None:
    result = zoo("check", "mlp-vae", *SMALL)
    header, *rows = result.stdout.splitlines()
    assert (result.exit_code, header.split()) == (0, ["CHECK", "VERDICT", "WHAT", "TO", "CHANGE"])
    assert len(rows) == 24 and all("  kept" in row for row in rows)
    assert "zoo_vae imports in " in rows[0]
    assert "Checking mlp-vae, 72 parameters." in result.stderr
    assert "mlp-vae passes 24 of 24 checks, in " in result.stderr


def test_what_falls_short_and_what_breaks_is_said_and_ends_no_other_check(
    zoo: Zoo, guest: None
) -> None:
    result = zoo("check", "falling", "dim")
    assert result.exit_code == 1
    assert "Error: 2 models did not pass: falling, dim." in result.stderr
    rows = [line.split("  ") for line in result.stdout.splitlines()]
    verdicts = [
        [cell.strip() for cell in row if cell.strip()]
        for row in rows
        if row[0] in ("samples", "training")
    ]
    assert [row[:2] for row in verdicts] == [
        ["samples", "broke"],
        ["training", "kept"],
        ["samples", "falls short"],
        ["training", "kept"],
    ]
    assert "SystemExit: fell over" in verdicts[0][2] and "models.py, line 28" in verdicts[0][2]
    assert "its images reach from -2 to -1: end in sigmoid()" in verdicts[2][2]
    assert (
        result.stdout.count("SystemExit: fell over") == 1 and result.stdout.count("as above") >= 5
    )


def test_json_has_a_record_for_each_check_of_each_model(zoo: Zoo, guest: None) -> None:
    result = zoo("check", "--json", "dim", "mlp-vae", "dim", "--set", "sample_shape=1,2,2")
    records = json.loads(result.stdout)
    assert result.exit_code == 1
    assert [record["model"] for record in records] == 24 * ["dim"] + 24 * ["mlp-vae"]
    assert all(
        record.keys() == {"model", "check", "verdict", "says", "seconds"} for record in records
    )
    short = {record["check"] for record in records if record["verdict"] != "kept"}
    assert short == {"samples"}


def test_a_model_that_cannot_be_built_is_told_why_and_the_next_one_is_checked(
    zoo: Zoo, guest: None
) -> None:
    result = zoo("check", "--json", "gone", "sized")
    records = json.loads(result.stdout)
    broken = [
        (one["model"], one["check"], one["says"]) for one in records if one["verdict"] == "broke"
    ]
    assert [one[:2] for one in broken] == [
        ("gone", "capabilities"),
        ("gone", "building"),
        ("sized", "building"),
    ]
    assert (
        "'gone' can't be imported" in broken[0][2]
        and "'zoo-of-faults': tell its authors" in broken[0][2]
    )
    assert "Missing field 'width', which has no default." in broken[2][2]
    assert (
        "sized can't be built. If its config needs other values, give them with --set FIELD=VALUE"
        in result.stderr
    )
    sized = json.loads(zoo("check", "--json", "sized", "--set", "width=3").stdout)
    assert "broke" not in {one["verdict"] for one in sized}


def test_all_installed_models_are_checked_unless_some_are_named(
    zoo: Zoo, guest: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_LOAD_PLUGINS", "faults")
    records = json.loads(zoo("check", "--json").stdout)
    assert list(dict.fromkeys(record["model"] for record in records)) == [
        "dim",
        "falling",
        "gone",
        "sized",
    ]
    monkeypatch.setenv("ZOO_LOAD_PLUGINS", "")
    installed.cache_clear()
    result = zoo("check")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "The installed plugins offer no model." in result.stderr


BLURRED = """
from zoo_vae.mlp import MLPVAE

class Blurred(MLPVAE):
    def encode(self, x, labels=None):
        return x.flatten(1)

class Torn(MLPVAE):
    def decode(self, z, labels=None):
        return super().decode(z @ z.new_zeros(5, 5), labels)
"""

OFFER_BLURRED = """
from zoo import ModelSpec, hookimpl

@hookimpl
def zoo_models():
    return [
        ModelSpec(
            name=name,
            entry_point=f"zoo_of_blur.models:{name.capitalize()}",
            summary=name,
            capabilities=("sample", "decode", "encode"),
        )
        for name in ("blurred", "torn")
    ]
"""


def test_a_hook_that_is_at_fault_is_named_with_what_was_missing_or_its_own_line(
    zoo: Zoo, site: Path
) -> None:
    put(site, "blur", __init__=OFFER_BLURRED, models=BLURRED)
    said = {
        name: [
            one["says"]
            for one in json.loads(zoo("check", "--json", name, *SMALL).stdout)
            if one["verdict"] == "broke"
        ]
        for name in ("blurred", "torn")
    }
    encode = (
        "encode() must give a distribution with rsample, such as Independent(Normal(mean, scale), "
        "1); it gives a Tensor"
    )
    assert set(said["blurred"]) == {encode}
    assert all(one.startswith("decode() breaks: RuntimeError: ") for one in said["torn"])
    assert all("zoo_of_blur/models.py, line 10" in one for one in said["torn"])
    assert not any("/torch/" in one for one in said["torn"])


NONE = "from zoo import hookimpl\n@hookimpl\ndef zoo_models():\n    return None\n"


@pytest.mark.parametrize(
    ("plugin", "code", "said"),
    [
        ("nothing", "1 / 0\n", "division by zero"),
        ("none", NONE, "returned None, not a list of ModelSpec"),
    ],
)
def test_a_plugin_too_broken_to_offer_a_model_falls_short_unless_models_are_named(
    plugin: str, code: str, said: str, zoo: Zoo, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(site, plugin, __init__=code)
    monkeypatch.setenv("ZOO_LOAD_PLUGINS", plugin)
    result = zoo("check")
    header, row = result.stdout.splitlines()
    assert (result.exit_code, header.split()) == (1, ["CHECK", "VERDICT", "WHAT", "TO", "CHANGE"])
    assert row.startswith(f"the plugin '{plugin}' of zoo-of-{plugin}  broke    ")
    assert said in row and row.endswith(
        f"Tell the authors of zoo-of-{plugin}, or: pip uninstall zoo-of-{plugin}"
    )
    assert (
        f"Error: The plugin '{plugin}' of zoo-of-{plugin} is broken and offers no model."
        in result.stderr
    )
    (record,) = json.loads(zoo("check", "--json").stdout)
    assert (record["model"], record["verdict"]) == ("", "broke") and record["says"] in row
    monkeypatch.setenv("ZOO_LOAD_PLUGINS", f"{plugin},vae")
    installed.cache_clear()
    assert zoo("check", "mlp-vae", *SMALL).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["mlp-vea"], "No installed plugin offers a model 'mlp-vea'. Did you mean 'mlp-vae'?"),
        (["vae-mnist"], "'vae-mnist' is a checkpoint, not a model. Its model: mlp-vae."),
        (["mlp-vae", "--set", "width=4"], "mlp-vae: Unknown field 'width'."),
        (
            ["mlp-vae", "--set", "latent_dim=0"],
            "mlp-vae: latent_dim = 0 is out of bounds: 1 to 65536.",
        ),
    ],
)
def test_what_cannot_be_checked_is_refused_in_words_before_anything_is(
    zoo: Zoo, arguments: list[str], words: str
) -> None:
    result = zoo("check", *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"Error: {words}" in result.stderr


def test_checks_that_take_long_are_said_to_beforehand(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zoo.cli import check

    monkeypatch.setattr(check, "LONG", 0)
    result = zoo("check", "mlp-vae", *SMALL)
    assert re.search(
        r"Checking mlp-vae, 72 parameters: about \d+ s\.\nmlp-vae passes", result.stderr
    )


def test_the_checks_are_computed_with_the_threads_that_were_asked_for(zoo: Zoo) -> None:
    before = torch.get_num_threads()
    try:
        assert zoo("check", "mlp-vae", "--threads", 2, *SMALL).exit_code == 0
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
