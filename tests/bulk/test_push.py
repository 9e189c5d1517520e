"""Data sets on a Hub: sent in several commits, not sent twice, and never over another one."""

from pathlib import Path
from typing import Any

import pytest
from conftest import Zoo
from hub_server import WRITE, Hub

from zoo.bulk.generate import generate
from zoo.bulk.push import push
from zoo.common.errors import HubError, OutputError
from zoo.hub import push_data

# of the client, which hands httpx a file
pytestmark = pytest.mark.filterwarnings("ignore:Use .content=:DeprecationWarning")


@pytest.fixture
def digits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """70 digits in seven shards."""
    monkeypatch.setenv("HF_TOKEN", WRITE)
    generate("cvae-mnist", tmp_path / "digits", n=70, seed=0, per_shard=10)
    return tmp_path / "digits"


def names(hub: Hub, repository: str = "datasets/owner/digits") -> set[str]:
    return {*hub.repositories[repository].files} - {".gitattributes"}


def test_a_data_set_is_pushed_as_one(digits: Path, hub: Hub, zoo: Zoo) -> None:
    listed = zoo("push", digits, "owner/digits", "--dry-run")
    assert listed.exit_code == 0 and "new public data set" in listed.stderr, listed.stderr
    assert "datasets/owner/digits" not in hub.repositories
    done = zoo("push", digits, "owner/digits", "--yes")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.strip() == f"{hub.endpoint}/datasets/owner/digits"
    shards = {f"data/train-{number:05}-of-00007.parquet" for number in range(7)}
    assert names(hub) == shards | {"manifest.json", "README.md"}
    kept = hub.repositories["datasets/owner/digits"].files
    assert all(kept[name].lfs for name in shards)
    # a second time there is nothing to send
    again = zoo("push", digits, "owner/digits", "--yes")
    assert again.exit_code == 0 and "Nothing to change" in again.stderr


def test_a_push_that_was_stopped_goes_on(
    digits: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push_data, "AT_ONCE", 2)
    commits = iter(range(2))
    real = Hub.answer

    def stops(self: Hub, method: str, path: str, *others: Any) -> Any:
        if "/commit/" in path and next(commits, None) is None:
            from hub_routes import Refusal

            raise Refusal(500, "", "The Hub stumbled")
        return real(self, method, path, *others)

    monkeypatch.setattr(Hub, "answer", stops)
    with pytest.raises(HubError):
        push(digits, "owner/digits")
    assert len(names(hub)) == 4
    monkeypatch.setattr(Hub, "answer", real)
    before = len(hub.objects)
    done = push(digits, "owner/digits")
    assert len(names(hub)) == 9 and before < len(hub.objects)
    assert len(done.plan.changes) == 5


def test_another_data_set_is_not_written_over(digits: Path, hub: Hub, tmp_path: Path) -> None:
    push(digits, "owner/digits")
    generate("cvae-mnist", tmp_path / "others", n=70, seed=1, per_shard=10)
    with pytest.raises(HubError, match="holds another data set"):
        push(tmp_path / "others", "owner/digits")


def test_an_extension_is_added(digits: Path, hub: Hub) -> None:
    push(digits, "owner/digits")
    generate("cvae-mnist", digits, n=90, seed=0, per_shard=10, extend=True)
    done = push(digits, "owner/digits")
    assert {one["file"] for one in done.plan.changes} == {
        "extension-1/data/train-00000-of-00002.parquet",
        "extension-1/data/train-00001-of-00002.parquet",
        "extension-1/manifest.json",
        "README.md",
    }


def test_a_card_that_people_wrote_on_the_hub_stays(digits: Path, hub: Hub) -> None:
    push(digits, "owner/digits")
    hub.put("datasets/owner/digits", {"README.md": b"# Ours\n"})
    done = push(digits, "owner/digits")
    assert not done.plan.changes


def test_a_damaged_or_unfinished_data_set_is_not_pushed(digits: Path, hub: Hub) -> None:
    (digits / "data" / "train-00003-of-00007.parquet").unlink()
    with pytest.raises(OutputError, match="zoo verify"):
        push(digits, "owner/digits")
    generate("cvae-mnist", digits.with_name("part"), n=9, seed=0, part="1/2", per_shard=3)
    with pytest.raises(OutputError, match="no finished data set"):
        push(digits.with_name("part"), "owner/digits")


def test_more_files_than_a_hub_takes_are_refused(
    digits: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push_data, "MOST_IN_A_FOLDER", 6)
    with pytest.raises(HubError, match="make shards, with --format parquet"):
        push(digits, "owner/digits")


def test_a_push_without_a_terminal_asks_for_yes(digits: Path, hub: Hub, zoo: Zoo) -> None:
    done = zoo("push", digits, "owner/digits")
    assert done.exit_code == 1 and "Add --yes" in done.stderr


def test_a_shard_of_the_right_size_and_other_bytes_is_not_pushed(digits: Path, hub: Hub) -> None:
    shard = digits / "data" / "train-00003-of-00007.parquet"
    secret = digits.with_name("secret")
    secret.write_bytes(bytes(shard.stat().st_size))
    shard.unlink()
    shard.symlink_to(secret)
    with pytest.raises(OutputError, match="train-00003-of-00007"):
        push(digits, "owner/digits")
    assert "datasets/owner/digits" not in hub.repositories


def test_a_folder_of_pictures_is_pushed_and_one_that_changed_is_not(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", WRITE)
    folder = tmp_path / "pictures"
    words: dict[str, Any] = {"seed": 0, "per_shard": 10, "format": "folder"}
    generate("cvae-mnist", folder, n=20, where="confidence>0.999", **words)
    done = push(folder, "owner/pictures")
    sent = {one["file"] for one in done.plan.changes}
    assert len(sent) < 22 and {"manifest.json", "README.md"} < sent
    next(folder.rglob("*.png")).write_bytes(b"other")
    with pytest.raises(OutputError, match="zoo verify"):
        push(folder, "owner/pictures")
