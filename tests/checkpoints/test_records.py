"""Records of checkpoints and of unfinished trainings: what lists and zoo.info say."""

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Zoo
from stores import TINY, keep, stop_early

import zoo as door
from zoo.checkpoints import Store, list_checkpoints, records
from zoo.checkpoints.folder import CONFIG, FACTS, ORIGIN, WEIGHTS
from zoo.common import files
from zoo.common.errors import CheckpointError, NotFoundError

Trained = Callable[..., Path]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


# checkpoints


def test_a_record_says_what_the_catalogue_says() -> None:
    (record,) = door.list_checkpoints("vae-mnist")
    assert (record["model"], record["dataset"], record["state"]) == ("mlp-vae", "mnist", "bundled")
    assert record["parameters"] == 1_758_884 and record["plugin"] == "genzoo"
    assert record["size"] == files.size(Path(record["path"])) > 7_000_000


def test_a_record_of_ones_own_says_what_its_files_say(home: Path, trained: Trained) -> None:
    directory = keep(home, trained("mlp-vae"))
    (record,) = door.list_checkpoints("mine")
    facts = json.loads((directory / FACTS).read_text())
    assert (record["model"], record["dataset"]) == ("mlp-vae", "mnist")
    assert record["parameters"] == facts["parameters"] and record["state"] == "trained"
    assert record["size"] == files.size(directory)


def test_patterns_choose_names() -> None:
    names = {one["name"] for one in door.list_checkpoints("*gan*")}
    assert names and all("gan" in name for name in names)
    assert door.list_checkpoints("nothing-of-that-name") == []


def test_a_list_shows_itself_as_a_table_in_a_terminal_and_in_a_notebook() -> None:
    found = door.list_checkpoints("*-mnist-2d")
    head, line = repr(found).splitlines()
    assert head.split()[:3] == ["NAME", "MODEL", "DATASET"] and "955,188" in line and "MB" in line
    assert (
        found._repr_html_().startswith("<table>") and "<td>vae-mnist-2d</td>" in found._repr_html_()
    )


def test_a_hostile_text_is_escaped_in_a_notebook(home: Path, trained: Trained) -> None:
    directory = keep(home, trained("mlp-vae"))
    facts = json.loads((directory / FACTS).read_text())
    files.write_json(directory / FACTS, {**facts, "summary": "<script>x</script>\x1b[2J"})
    found = door.list_checkpoints("mine")
    assert "<script>" not in found._repr_html_() and "\x1b" not in repr(found)


def test_the_list_of_a_large_store_is_remembered_and_changes_are_seen(
    home: Path, trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "MANY", 3)
    for number in range(4):
        keep(home, trained("mlp-vae"), f"mine-{number}")
    first = list_checkpoints("mine-*")
    assert (home / records.INDEX).is_file()
    read: list[Path] = []
    opened = files.open_regular
    monkeypatch.setattr(files, "open_regular", lambda path: read.append(path) or opened(path))
    assert list_checkpoints("mine-*") == first
    assert [path.name for path in read] == ["listing.json"]

    facts = home / "checkpoints" / "mine-2" / FACTS
    files.write_json(facts, {**json.loads(facts.read_text()), "summary": "changed"})
    shutil.rmtree(home / "checkpoints" / "mine-0")
    found = {one["name"]: one["summary"] for one in list_checkpoints("mine-*")}
    assert found == {"mine-1": "", "mine-2": "changed", "mine-3": ""}
    shutil.rmtree(home / "checkpoints" / "mine-3" / "images")
    (last,) = list_checkpoints("mine-3")
    assert last["size"] == files.size(home / "checkpoints" / "mine-3")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"mine-1": 7}', b'{"mine-1": ["", {}]}'])
def test_a_spoilt_file_of_the_list_is_made_anew(
    home: Path, trained: Trained, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr(records, "MANY", 1)
    keep(home, trained("mlp-vae"), "mine-1")
    (home / "cache").mkdir()
    (home / records.INDEX).write_bytes(content)
    (record,) = list_checkpoints("mine-1")
    assert record["model"] == "mlp-vae"


def test_a_list_of_thousands_takes_a_few_times_as_long_as_one_of_ten(
    home: Path, tmp_path: Path
) -> None:
    source = tmp_path / "one"
    source.mkdir()
    (source / CONFIG).write_text('{"format": 1, "model": "mlp-vae", "config": {}}')
    (source / FACTS).write_text('{"parameters": 1}')
    (source / ORIGIN).write_text('{"source": "trained", "sha256": {}}')
    for number in range(3000):
        directory = home / "checkpoints" / f"mine-{number:04}"
        directory.mkdir(parents=True)
        for file in source.iterdir():
            os.link(file, directory / file.name)

    def seconds(pattern: str) -> float:
        began = time.process_time()
        assert list_checkpoints(pattern)
        return time.process_time() - began

    list_checkpoints()
    assert seconds("*") < 3000 * 0.0005, "half a millisecond each, on a busy machine"


# zoo.info


def test_info_is_what_show_prints(zoo: Zoo) -> None:
    for name in ("vae-mnist", "mlp-vae", "mnist", "digits"):
        shown = json.loads(zoo("show", name, "--json").stdout)
        assert json.loads(json.dumps(door.info(name), default=str)) == shown


def test_info_of_a_checkpoint_holds_its_config_facts_and_card(trained: Trained) -> None:
    found = door.info(str(trained("mlp-vae")))
    assert found["config"]["model"] == found["model"] == "mlp-vae"
    assert found["facts"]["dataset"] == "mnist" and found["card"].startswith("---\n")


def test_info_of_an_unknown_name_offers_the_nearest_of_any_kind() -> None:
    with pytest.raises(NotFoundError, match=r"Nothing has the name 'mlp-vea'.*'mlp-vae'") as caught:
        door.info("mlp-vea")
    assert caught.value.name == "mlp-vea" and "mlp-vae" in caught.value.known


def test_info_of_damaged_weights_is_refused(home: Path, trained: Trained) -> None:
    (keep(home, trained("mlp-vae")) / WEIGHTS).write_bytes((90 << 20).to_bytes(8, "little") + b"{}")
    with pytest.raises(CheckpointError, match=r"model\.safetensors is damaged"):
        door.info("mine")


# trainings that are not finished


def test_an_unfinished_training_is_listed_and_named_and_can_be_removed(
    zoo: Zoo, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop_early(zoo, "mine", monkeypatch)
    (record,) = door.list_runs()
    assert (record["name"], record["model"], record["epochs"]) == ("mine", "mlp-vae", 2)
    assert record["when"] and record["size"] > 0 and record["path"] == str(home / "runs" / "mine")
    assert door.list_runs("other*") == [] and "mine" in repr(door.list_runs("m*"))
    listed = zoo("list", "--runs").stdout
    assert "mine" in listed and "mlp-vae" in listed
    assert json.loads(zoo("list", "--runs", "--json").stdout)[0]["name"] == "mine"
    for words in (
        ["sample", "mine"],
        ["show", "mine"],
        ["evaluate", "mine"],
        ["compare", "mine", "vae-mnist"],
    ):
        refused = zoo(*words)
        assert refused.exit_code == 1
        assert "is a training that is not finished" in refused.stderr, refused.stderr
        assert refused.stderr.rstrip().endswith("zoo train --resume mine"), refused.stderr
    assert "zoo train --resume NAME" in zoo("list", "--runs").stderr
    assert zoo("rm", "mine", "--yes").exit_code == 0
    assert door.list_runs() == [] and not (home / "runs" / "mine").exists()


def test_a_finished_training_is_no_unfinished_one(zoo: Zoo) -> None:
    assert zoo("train", "mlp-vae", "--name", "mine", "--epochs", 1, *TINY).exit_code == 0
    assert door.list_runs() == [] and repr(door.list_runs()) == "Nothing is listed."
    assert "There are no unfinished trainings" in zoo("list", "--runs").stderr


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"epochs": "x", "model": 7}', b"\xff"])
def test_a_spoilt_folder_of_a_training_is_listed_all_the_same(home: Path, content: bytes) -> None:
    folder = home / "runs" / "mine"
    folder.mkdir(parents=True)
    (folder / "run.json").write_bytes(content)
    (folder / "history.jsonl").write_bytes(b"\xff\n\n{}\n")
    (record,) = door.list_runs()
    assert (record["name"], record["epoch"], record["epochs"]) == ("mine", 2, None)
    assert Store({}).is_unfinished("mine")
