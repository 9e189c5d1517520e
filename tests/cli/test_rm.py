"""zoo pull, rm, verify: what is kept here, and what is not touched when something is wrong."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Zoo

from zoo.common import files
from zoo.registry.registry import installed

TINY = ["--epochs", "1", "--set", "hidden_dims=8", "--set", "latent_dim=2", "--seed", "0"]
GUEST = """
from pathlib import Path
from zoo import Checkpoint, hookimpl

@hookimpl
def zoo_checkpoints():
    sha256 = {digests}
    return [
        Checkpoint(name="hurt-digits", model="mlp-vae", sha256=sha256, bundled=Path(__file__).parent / "hurt-digits"),
        Checkpoint(name="far-digits", model="mlp-vae", sha256=sha256, repo_id="someone/far-digits"),
    ]
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Of this test's zoo."""
    return tmp_path / "home"


@pytest.fixture
def guest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution that bundles a checkpoint with one byte damaged, and offers one that is on the
    Hub only.
    """
    bundled = installed().checkpoints["vae-mnist"].bundled
    assert bundled
    digests = {file: files.sha256(bundled / file) for file in ("config.json", "model.safetensors")}
    shutil.copytree(bundled, tmp_path / "site" / "hurt-digits")
    weights = tmp_path / "site" / "hurt-digits" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    (tmp_path / "site" / "zoo_of_hurt_digits.py").write_text(
        GUEST.replace("{digests}", repr(digests))
    )
    metadata = tmp_path / "site" / "zoo_of_hurt_digits-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: zoo-of-hurt-digits\nVersion: 1.0\n"
    )
    (metadata / "entry_points.txt").write_text("[zoo]\nhurt = zoo_of_hurt_digits\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    installed.cache_clear()


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("[!.]*")
        if file.is_file()
    }


def test_pull_records_a_bundled_checkpoint_and_the_last_line_is_its_path(
    zoo: Zoo, home: Path
) -> None:
    result = zoo("pull", "vae-mnist")
    path = Path(result.stdout.splitlines()[-1])
    assert (
        result.exit_code == 0
        and (path / "model.safetensors").is_file()
        and len(result.stdout.splitlines()) == 1
    )
    assert (
        f"Pulled vae-mnist: {files.size(path) / 1e6:.1f} MB, verified" in result.stderr
        and "current" in result.stderr
    )
    origin = json.loads((home / "checkpoints" / "vae-mnist" / "origin.json").read_text())
    assert origin["source"] == "bundle" and origin["distribution"] == "genzoo"
    assert origin["sha256"]["model.safetensors"] == files.sha256(path / "model.safetensors")
    assert list((home / "scratch").glob("[!.]*")) == []


def test_json_of_pull(zoo: Zoo) -> None:
    (record,) = json.loads(zoo("pull", "vae-mnist", "--json").stdout)
    assert (
        record["name"] == "vae-mnist"
        and record["state"] == "pulled"
        and Path(record["path"]).is_dir()
    )


def test_what_is_here_already_is_said_and_becomes_current(zoo: Zoo, home: Path) -> None:
    first = zoo("pull", "vae-mnist")
    zoo("train", "mlp-vae", "--name", "mine", *TINY)
    assert (home / "current").read_text() == "mine\n"
    again = zoo("pull", "vae-mnist")
    assert "vae-mnist is here already (pulled)" in again.stderr and again.stdout == first.stdout
    assert (home / "current").read_text() == "vae-mnist\n"
    trained = zoo("pull", "mine")
    assert "mine is here already (trained)" in trained.stderr and trained.exit_code == 0
    assert (home / "current").read_text() == "mine\n"


def test_from_bundle_pulls_anew(zoo: Zoo) -> None:
    first = zoo("pull", "vae-mnist", "--from", "bundle")
    again = zoo("pull", "vae-mnist", "--from", "bundle")
    assert again.exit_code == 0 and again.stdout == first.stdout and "verified" in again.stderr


def test_from_hub_is_refused_for_one_without_a_repository(zoo: Zoo, home: Path) -> None:
    result = zoo("pull", "vae-mnist", "--from", "hub")
    assert (
        result.exit_code == 1
        and "plugin of vae-mnist names no Hub" in result.stderr
        and result.stdout == ""
    )
    assert tree(home) == {}


def test_from_elsewhere_is_a_usage_error(zoo: Zoo) -> None:
    assert zoo("pull", "vae-mnist", "--from", "elsewhere").exit_code == 2


@pytest.mark.parametrize(
    ("name", "mended"),
    [
        ("vae-mnst", "'vae-mnist'"),
        ("mlp-vae", "is a model, not a checkpoint. Checkpoints of it: vae-mnist"),
        ("owner/name", "hf:owner/name"),
        ("hf:nonsense", "hf:OWNER/REPO"),
        ("..", "not a valid name"),
    ],
)
def test_a_name_that_there_is_not_is_refused_and_the_current_one_stays(
    name: str, mended: str, zoo: Zoo, home: Path
) -> None:
    zoo("pull", "vae-mnist")
    before = tree(home)
    result = zoo("pull", name)
    assert result.exit_code == 1 and mended in result.stderr and result.stdout == ""
    assert tree(home) == before


def test_of_several_pulled_only_the_last_is_called_current(zoo: Zoo, home: Path) -> None:
    zoo("train", "mlp-vae", "--name", "mine", *TINY)
    result = zoo("pull", "vae-mnist", "mine")
    assert [Path(line).name for line in result.stdout.splitlines()] == ["vae-mnist", "mine"]
    assert (home / "current").read_text() == "mine\n"
    assert "vae-mnist" in result.stderr
    assert not any("vae-mnist" in line and "current" in line for line in result.stderr.splitlines())


def test_several_pulls_of_one_name_at_once_end_well(home: Path) -> None:
    words = ["pull", "vae-mnist", "--from", "bundle"]
    code = f"from zoo.cli import main\nfor _ in range(20): main({words}, standalone_mode=False)"
    pulls = [
        subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    said = [pull.communicate(timeout=60)[1] for pull in pulls]
    assert [pull.returncode for pull in pulls] == [0] * 4, said
    assert [path.name for path in (home / "checkpoints").iterdir()] == ["vae-mnist"]
    assert list((home / "scratch").glob("[!.]*")) == [] and list(home.rglob("*.partial")) == []


@pytest.mark.usefixtures("guest")
def test_a_damaged_bundled_file_is_refused_and_nothing_is_recorded(zoo: Zoo, home: Path) -> None:
    result = zoo("pull", "hurt-digits")
    assert result.exit_code == 1 and "hurt-digits/model.safetensors is damaged" in result.stderr
    assert "Reinstall" in result.stderr and result.stdout == ""
    assert tree(home) == {}
    verified = zoo("verify", "hurt-digits")
    assert (
        verified.exit_code == 1
        and "damaged" in verified.stdout
        and "hurt-digits" in verified.stderr
    )


@pytest.mark.usefixtures("guest")
def test_one_that_is_on_the_hub_only_is_listed_as_such_and_sampling_it_says_to_pull(
    zoo: Zoo,
) -> None:
    records = {one["name"]: one for one in json.loads(zoo("list", "--json").stdout)}
    assert records["far-digits"]["state"] == "hub" and records["far-digits"]["path"] is None
    assert records["far-digits"]["plugin"] == "zoo-of-hurt-digits"
    result = zoo("sample", "far-digits")
    assert result.exit_code == 1 and "zoo pull far-digits" in result.stderr
    assert "not bundled" in zoo("pull", "far-digits", "--from", "bundle").stderr


def test_rm_says_the_bytes_freed_and_forgets_the_current_one(zoo: Zoo, home: Path) -> None:
    zoo("train", "mlp-vae", "--name", "mine", *TINY)
    taken = files.size(home / "checkpoints" / "mine") + files.size(home / "runs" / "mine")
    result = zoo("rm", "--yes", "mine")
    assert result.exit_code == 0 and f"Removed mine and its run: {taken:,} bytes" in result.stdout
    assert not (home / "runs" / "mine").exists()
    assert list((home / "checkpoints").iterdir()) == [] == list((home / "scratch").glob("[!.]*"))
    current = zoo("sample")
    assert (
        current.exit_code == 1
        and "No checkpoint is current" in current.stderr
        and "vae-mnist" in current.stderr
    )


def test_rm_of_a_pulled_bundled_one_leaves_it_bundled(zoo: Zoo) -> None:
    zoo("pull", "vae-mnist")
    (record,) = json.loads(zoo("rm", "--yes", "vae-mnist", "--json").stdout)
    assert record["name"] == "vae-mnist" and 0 < record["bytes_freed"] < 2000
    assert json.loads(zoo("list", "vae-mnist", "--json").stdout)[0]["state"] == "bundled"
    again = zoo("rm", "--yes", "vae-mnist")
    assert again.exit_code == 1 and "nothing to remove" in again.stderr


def test_rm_removes_none_when_one_of_the_names_is_wrong(zoo: Zoo, home: Path) -> None:
    zoo("pull", "vae-mnist")
    before = tree(home)
    result = zoo("rm", "--yes", "vae-mnist", "vae-mnst")
    assert result.exit_code == 1 and "'vae-mnist'" in result.stderr
    assert tree(home) == before


def test_rm_of_a_name_given_twice_removes_it_once(zoo: Zoo) -> None:
    zoo("pull", "vae-mnist")
    result = zoo("rm", "--yes", "vae-mnist", "vae-mnist")
    assert result.exit_code == 0 and result.stdout.count("Removed vae-mnist: ") == 1, result.stderr
    assert result.stdout.endswith("freed. It stays bundled with its plugin.\n")


@pytest.mark.usefixtures("guest")
def test_rm_keeps_what_a_plugin_brings(zoo: Zoo) -> None:
    for name, why in (("hurt-digits", "is part of its plugin"), ("far-digits", "is not here")):
        result = zoo("rm", "--yes", name)
        assert result.exit_code == 1 and why in result.stderr


def test_verify_hashes_anew_what_is_here(zoo: Zoo) -> None:
    result = zoo("verify")
    assert result.exit_code == 0
    assert ["vae-mnist", "model.safetensors", "ok"] in [
        line.split() for line in result.stdout.splitlines()
    ]
    (record,) = json.loads(zoo("verify", "vae-mnist", "--json").stdout)
    assert record == {
        "name": "vae-mnist",
        "files": {"config.json": "ok", "model.safetensors": "ok"},
    }


def store_copy(home: Path, source: Path, name: str) -> Path:
    """A checkpoint directory put into the store as `zoo train` leaves it."""
    entry = home / "checkpoints" / name
    shutil.copytree(source, entry)
    sha256 = {file: files.sha256(entry / file) for file in ("config.json", "model.safetensors")}
    files.write_json(entry / "origin.json", {"source": "trained", "sha256": sha256})
    return entry


@pytest.mark.parametrize("names", [(), ("mine",)])
@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("model.safetensors", "flip"),
        ("model.safetensors", "truncate"),
        ("model.safetensors", "remove"),
        ("config.json", "flip"),
        ("config.json", "remove"),
        ("origin.json", "remove"),
    ],
)
def test_verify_finds_a_damaged_checkpoint_and_exits_with_1(
    file: str,
    change: str,
    names: tuple[str, ...],
    zoo: Zoo,
    home: Path,
    trained: Callable[..., Path],
) -> None:
    hurt = store_copy(home, trained("mlp-vae"), "mine") / file
    content = hurt.read_bytes()
    if change == "remove":
        hurt.unlink()
    else:
        hurt.write_bytes(
            content[:-5] if change == "truncate" else bytes([content[0] ^ 1]) + content[1:]
        )
    result = zoo("verify", *names)
    assert result.exit_code == 1, result.stdout
    assert "mine" in result.stderr and "is not here yet" not in result.stderr


def test_one_checkpoint_without_digests_does_not_hide_what_verify_found_of_the_others(
    zoo: Zoo, home: Path, trained: Callable[..., Path]
) -> None:
    (store_copy(home, trained("mlp-vae"), "mine") / "origin.json").write_text("{")
    result = zoo("verify")
    assert result.exit_code == 1 and "mine" in result.stderr
    assert ["vae-mnist", "model.safetensors", "ok"] in [
        line.split() for line in result.stdout.splitlines()
    ]


def test_what_verify_advises_for_a_damaged_trained_checkpoint_can_be_done(
    zoo: Zoo, home: Path, trained: Callable[..., Path]
) -> None:
    (store_copy(home, trained("mlp-vae"), "mine") / "model.safetensors").write_bytes(b"")
    result = zoo("verify", "mine")
    assert "Damaged: mine" in result.stderr and "zoo pull mine" not in result.stderr


def test_verify_of_an_unknown_name_offers_the_nearest(zoo: Zoo) -> None:
    result = zoo("verify", "vae-mnst")
    assert result.exit_code == 1 and "'vae-mnist'" in result.stderr
