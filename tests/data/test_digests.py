"""Digests of files: of all that they hold, and read only once."""

import os
from pathlib import Path

import pytest

from zoo.common.errors import DataError
from zoo.data import digests
from zoo.data.digests import file_digest, files_digest, state_of


@pytest.fixture
def some() -> dict[str, Path]:
    """Two small files by their names."""
    for name in ("a", "b"):
        Path(name).write_text(f"this is {name}")
    return {"a": Path("a"), "b": Path("b")}


def test_a_file_is_known_by_its_size_and_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path("x")
    path.write_bytes(bytes(range(256)) * 100)
    whole = file_digest(path)
    path.write_bytes(bytes(range(256)) * 99 + bytes(256))
    assert len({whole, file_digest(path)}) == 2
    # of a large one, some blocks
    monkeypatch.setattr(digests, "WHOLE", 1_000)
    monkeypatch.setattr(digests, "BLOCK", 16)
    large = file_digest(path)
    path.write_bytes(bytes(range(256)) * 100)
    assert len({whole, large, file_digest(path)}) == 3
    with pytest.raises(DataError, match="Can't read gone: No such file"):
        file_digest(Path("gone"))
    with pytest.raises(DataError, match="it is not a regular file"):
        file_digest(Path())


def test_files_are_read_once_and_again_when_one_was_written(
    some: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    real = digests.hashed
    monkeypatch.setattr(digests, "hashed", lambda path: read.append(path) or real(path))
    first = files_digest(some)
    assert files_digest(some) == first and len(read) == 2
    before = some["b"].stat()
    some["b"].write_text("this is c")
    os.utime(some["b"], ns=(before.st_atime_ns, before.st_mtime_ns))  # as rsync and cp -p do
    assert files_digest(some) != first and len(read) == 4
    some["b"].write_text("this is b")
    assert files_digest(some) == first


def test_the_same_files_elsewhere_are_the_same(some: dict[str, Path]) -> None:
    first = files_digest(some)
    Path("moved").mkdir()
    moved = {name: path.rename(Path("moved", name)) for name, path in some.items()}
    assert files_digest(moved) == first
    assert files_digest({"a": moved["b"], "b": moved["a"]}) != first
    assert files_digest({"a": moved["a"]}) != first


def test_a_note_that_is_damaged_is_made_anew(some: dict[str, Path], tmp_path: Path) -> None:
    first = files_digest(some)
    (note,) = (tmp_path / "home" / "caches" / "digests").glob("*.json")
    for hurt in ("no json", "{}"):
        note.write_text(hurt)
        assert files_digest(some) == first


def test_a_home_that_can_not_be_written_costs_time_only(
    some: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = files_digest(some)
    Path("home").touch()
    monkeypatch.setenv("ZOO_HOME", str(Path("home").absolute()))
    assert files_digest(some) == first


def test_what_can_not_be_read_counts_as_empty_and_blocks_nothing(some: dict[str, Path]) -> None:
    os.mkfifo("pipe")
    Path("gone").symlink_to("nowhere")
    Path("ring").symlink_to("ring")
    odd = {name: Path(name) for name in ("pipe", "gone", "ring")}
    assert files_digest({**some, **odd}) == files_digest({**some, **odd})
    assert files_digest({**some, **odd}) != files_digest(some)
    assert state_of(odd).size == 0
    with pytest.raises(DataError, match="Can't read a/x: Not a directory"):
        state_of({"x": Path("a/x")})


def test_much_to_read_is_said(
    some: dict[str, Path], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(digests, "MANY", 1)
    with caplog.at_level("INFO", "zoo"):
        files_digest(some)
    assert "Reading 0.0 GB once, to know them again" in caplog.text
