"""Data sets are checked against their digests."""

import shlex
import shutil
from pathlib import Path

import pytest
from conftest import Zoo

from zoo.bulk.generate import generate
from zoo.bulk.verify import verify
from zoo.common.errors import OutputError


@pytest.fixture(scope="module", params=["parquet", "folder"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "digits"
    generate("cvae-mnist", folder, n=60, seed=0, per_shard=20, format=request.param)
    generate("cvae-mnist", folder, n=70, seed=0, per_shard=20, format=request.param, extend=True)
    return folder


def test_a_whole_data_set_is_whole_with_its_extensions(made: Path, zoo: Zoo) -> None:
    (verdict,) = verify(str(made))
    assert verdict["ok"] and set(verdict["files"].values()) == {"ok"}
    assert len(verdict["files"]) == 4
    assert sum(name.startswith("extension-1/") for name in verdict["files"]) == 1
    done = zoo("verify", made)
    assert done.exit_code == 0 and "extension-1/" in done.stdout, done.stderr


def samples(folder: Path) -> list[Path]:
    """The files that hold samples, those of the data set before those of its extension."""
    found = [path for path in folder.rglob("*") if path.suffix in (".png", ".parquet")]
    return sorted(found, key=lambda path: ("extension-1" in path.parts, path.name))


def test_what_is_damaged_or_missing_is_found_and_made_again_by_the_command_that_is_told(
    made: Path, zoo: Zoo, tmp_path: Path
) -> None:
    copy = tmp_path / "digits"
    shutil.copytree(made, copy)
    first, *_, last = samples(copy)
    content = first.read_bytes()
    first.write_bytes(content[:-30] + bytes([content[-30] ^ 1]) + content[-29:])
    last.unlink()
    done = zoo("verify", copy)
    assert done.exit_code == 1 and "damaged" in done.stdout and "missing" in done.stdout
    first.unlink()
    told = done.stderr.strip().partition("make them again: ")[2].split("; ")
    assert len(told) == 2 and "--extend" in told[1]
    for command in told:
        again = zoo(*shlex.split(command)[1:])
        assert again.exit_code == 0, again.stderr
    assert verify(str(copy))[0]["ok"]
    assert first.read_bytes() == content


def test_a_file_among_the_shards_that_is_none_of_them_is_told_of(
    made: Path, zoo: Zoo, tmp_path: Path
) -> None:
    copy = tmp_path / "digits"
    shutil.copytree(made, copy)
    first = samples(copy)[0]
    other = first.with_name(f"train-{first.name}")
    shutil.copy(first, other)
    stray = other.relative_to(copy).as_posix()
    done = zoo("verify", copy)
    assert done.exit_code == 1 and stray in done.stderr and "Move them elsewhere" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    (verdict,) = verify(str(copy))
    assert not verdict["ok"] and not verdict["commands"]
    assert {name for name, state in verdict["files"].items() if state != "ok"} == {stray}
    other.unlink()
    assert verify(str(copy))[0]["ok"]


def test_names_of_checkpoints_and_data_sets_go_together(made: Path) -> None:
    verdicts = verify(["vae-mnist", str(made)])
    assert [one["name"] for one in verdicts] == ["vae-mnist", str(made)]


def test_a_data_set_that_is_not_finished_is_said_to_be_so(tmp_path: Path) -> None:
    generate("vae-mnist", tmp_path / "d", n=20, seed=0, per_shard=10, part="1/2")
    with pytest.raises(OutputError, match="no finished data set"):
        verify(str(tmp_path / "d"))
