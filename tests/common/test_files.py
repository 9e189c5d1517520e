"""Files: written whole or not at all, read with suspicion, hashed, measured, removed."""

import errno
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import files_no_larger_than

from zoo.common import files, leftovers
from zoo.common.errors import CheckpointError, OutputError


@pytest.fixture
def here() -> Path:
    """The test's own folder, empty."""
    return Path.cwd()


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def test_a_complete_file_takes_the_place_of_the_old_one(here: Path) -> None:
    target = here / "out" / "samples.png"
    for text in ("old", "new"):
        with files.replacing(target) as partial:
            assert partial.parent == target.parent and not partial.exists()
            partial.write_text(text)
            assert not target.exists() or target.read_text() == "old"
        assert target.read_text() == text
    assert names(target.parent) == ["samples.png"]


def test_a_file_is_on_the_disk_before_it_takes_the_place_of_the_old_one(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, synced, fsync = here / "state", [], os.fsync
    target.write_text("old")

    def look(descriptor: int) -> None:
        fsync(descriptor)
        (partial,) = here.glob(".*.partial")
        same = os.path.samestat(os.fstat(descriptor), partial.stat())
        synced.append((same, partial.read_text(), target.read_text()))

    monkeypatch.setattr(os, "fsync", look)
    files.write_text(target, "new")
    assert synced == [(True, "new", "old")] and target.read_text() == "new"


@pytest.mark.parametrize("failure", [ValueError("broken"), KeyboardInterrupt(), SystemExit(3)])
def test_a_failure_keeps_the_old_file_and_leaves_no_partial(
    here: Path, failure: BaseException
) -> None:
    target = here / "samples.png"
    target.write_text("old")
    with pytest.raises(type(failure)), files.replacing(target) as partial:
        partial.write_text("half")
        raise failure
    assert target.read_text() == "old"
    assert names(here) == ["samples.png"]


def test_a_caller_that_writes_nothing_is_told_so_and_loses_nothing(here: Path) -> None:
    target = here / "samples.png"
    target.write_text("old")
    with pytest.raises(OutputError, match=r"samples\.png"), files.replacing(target):
        pass
    assert target.read_text() == "old"


def test_a_disk_that_is_full_is_named_with_the_bytes_that_are_free_and_nothing_changes(
    here: Path,
) -> None:
    target = here / "samples.npz"
    target.write_text("old")
    with pytest.raises(OutputError, match=r"Disk full .*samples\.npz: [\d,]+ bytes are free"):  # noqa: SIM117
        with files.replacing(target) as partial:
            partial.symlink_to("/dev/full")  # the kernel's own full disk
            partial.write_bytes(b"x" * 100_000)
    assert target.read_text() == "old"
    assert names(here) == ["samples.npz"]


def test_a_disk_that_fills_up_halfway_keeps_the_old_file(here: Path) -> None:
    target = here / "facts.json"
    files.write_json(target, {"old": True})
    with (
        files_no_larger_than(1000),
        pytest.raises(OutputError, match=r"facts\.json: File too large"),
    ):
        files.write_json(target, {"long": "x" * 100_000})
    assert files.read_json(target) == {"old": True}
    assert names(here) == ["facts.json"]


def test_a_process_that_runs_out_of_disk_says_so_and_leaves_nothing(here: Path) -> None:
    code = f"""
import resource
from pathlib import Path
from zoo.common import files, leftovers
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
with files.replacing(Path({str(here)!r}) / "folder") as partial:
    partial.mkdir()
    (partial / "small").write_bytes(b"x" * 4000)
    (partial / "large").write_bytes(b"x" * 5000)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 1
    assert "OutputError: Can't write" in result.stderr and "File too large" in result.stderr
    assert names(here) == []


def test_a_folder_is_put_in_place_whole(here: Path) -> None:
    (here / "empty").mkdir()
    for target in (here / "new", here / "empty"):
        with files.replacing(target) as partial:
            partial.mkdir()
            (partial / "0.png").write_text("image")
        assert names(target) == ["0.png"]
    assert names(here) == ["empty", "new"]


def test_a_folder_never_takes_the_place_of_one_that_holds_something(here: Path) -> None:
    target = here / "samples"
    target.mkdir()
    (target / "mine").write_text("precious")
    refused = pytest.raises(OutputError, match="samples exists already: remove it or choose")
    with refused:  # noqa: SIM117
        with files.replacing(target) as partial:
            partial.mkdir()
            (partial / "0.png").write_text("image")
    assert (target / "mine").read_text() == "precious"
    assert names(here) == ["samples"]


def test_a_file_never_takes_the_place_of_a_folder(here: Path) -> None:
    (here / "samples.png").mkdir()
    with pytest.raises(OutputError, match=r"Can't write .*samples\.png"):
        files.write_text(here / "samples.png", "text")
    assert names(here) == ["samples.png"]


def test_a_folder_never_takes_the_place_of_a_file(here: Path) -> None:
    target = here / "samples"
    target.write_text("precious")
    with pytest.raises(OutputError, match="samples"), files.replacing(target) as partial:
        partial.mkdir()
    assert target.read_text() == "precious"
    assert names(here) == ["samples"]


def test_a_place_that_cannot_be_written_is_named_with_the_systems_reason(here: Path) -> None:
    (here / "file").write_text("no folder")
    with pytest.raises(
        OutputError,
        match=r"Can't write .*/file/below/out\.txt: Not a directory.*choose another place",
    ):
        files.write_text(here / "file" / "below" / "out.txt", "text")
    assert names(here) == ["file"]


@pytest.mark.parametrize("letter", ["a", "ñ", "数"])
def test_a_name_as_long_as_the_file_system_takes_can_be_written(here: Path, letter: str) -> None:
    name = letter * ((255 - len(".json")) // len(letter.encode())) + ".json"
    files.write_json(here / name, {"complete": True})
    assert files.read_json(here / name) == {"complete": True}


def test_json_is_written_for_people_and_read_back(here: Path) -> None:
    value = {"b": 1, "a": [1.5, None], "name": "Müller 数"}
    files.write_json(here / "facts.json", value)
    text = (here / "facts.json").read_text(encoding="utf-8")
    assert text.startswith('{\n  "b": 1,\n  "a"') and text.endswith("}\n") and "Müller 数" in text
    assert files.read_json(here / "facts.json") == value


def test_the_largest_json_is_read_and_a_larger_one_is_refused_by_its_size(here: Path) -> None:
    path = here / "config.json"
    empty = len('{"x": ""}')
    path.write_text('{"x": "' + "a" * (files.JSON_LIMIT - empty) + '"}')
    assert len(files.read_json(path)["x"]) == files.JSON_LIMIT - empty
    path.write_text('{"x": "' + "a" * (files.JSON_LIMIT - empty + 1) + '"}')
    with pytest.raises(CheckpointError, match=r"config\.json is larger than 1,048,576 bytes"):
        files.read_json(path)


def test_a_huge_file_is_refused_without_reading_it(here: Path) -> None:
    path = here / "config.json"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # sparse: a terabyte that takes no room
    with pytest.raises(CheckpointError, match="larger than"):
        files.read_json(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"[" * 1_000_000, "nested too deeply"),
        (b"", "is not JSON"),
        (b'{"a": 1', "is not JSON"),
        (b"{'a': 1}", "is not JSON"),
        (b'{"a": "\xff\xfe"}', "is not JSON"),
        ('{"a": 1}'.encode("utf-16"), "is not JSON"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "is not JSON"),
        (b"\x80\x04\x95", "is not JSON"),
        (b"[1, 2]", "holds a JSON list, not an object"),
        (b'"text"', "holds a JSON str, not an object"),
        (b"null", "holds a JSON NoneType, not an object"),
    ],
    ids=range(12),
)
def test_json_that_the_zoo_did_not_write_is_refused_with_the_reason(
    here: Path, content: bytes, reason: str
) -> None:
    path = here / "config.json"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=reason) as caught:
        files.read_json(path)
    assert str(path) in str(caught.value) and len(str(caught.value)) < len(str(path)) + 300


@pytest.mark.parametrize("read", [files.read_json, files.sha256])
def test_a_file_that_is_missing_or_a_folder_is_refused_by_name(here: Path, read: object) -> None:
    assert callable(read)
    with pytest.raises(CheckpointError, match=r"Can't read .*gone: No such file"):
        read(here / "gone")
    with pytest.raises(CheckpointError, match=r"Can't read .*: Is a directory"):
        read(here)


@pytest.mark.parametrize(
    "content", [b"", b"zoo", os.urandom(300_000)], ids=["empty", "small", "several blocks"]
)
def test_sha256_is_that_of_the_whole_file(here: Path, content: bytes) -> None:
    (here / "file").write_bytes(content)
    assert files.sha256(here / "file") == hashlib.sha256(content).hexdigest()


def test_a_blob_is_called_as_git_calls_it() -> None:
    # echo hello | git hash-object --stdin
    assert files.blob_id(b"hello\n") == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_size_counts_the_bytes_of_a_file_and_of_everything_below_a_folder(here: Path) -> None:
    folder = here / "folder"
    (folder / "images").mkdir(parents=True)
    (folder / "a").write_bytes(b"x" * 10)
    (folder / "images" / "b").write_bytes(b"x" * 300)
    assert files.size(folder / "a") == 10
    assert files.size(folder) == 310


def test_size_does_not_follow_links_out_of_a_folder(here: Path) -> None:
    (here / "large").write_bytes(b"x" * 100_000)
    folder = here / "folder"
    folder.mkdir()
    (folder / "link").symlink_to(here / "large")
    (folder / "dangling").symlink_to(here / "gone")
    assert files.size(folder) < 1000


def test_remove_takes_files_and_folders_and_is_content_with_nothing(here: Path) -> None:
    folder = here / "folder"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "file").write_text("x")
    files.remove(folder / "inner" / "file")
    assert names(folder / "inner") == []
    for _ in range(2):
        files.remove(folder)
        assert not folder.exists()


def test_remove_takes_a_link_and_leaves_what_it_points_at(here: Path) -> None:
    folder = here / "folder"
    folder.mkdir()
    (folder / "precious").write_text("x")
    (here / "link").symlink_to(folder)
    files.remove(here / "link")
    assert names(here) == ["folder"] and names(folder) == ["precious"]


def test_a_process_is_alive_until_it_has_ended() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert leftovers.is_alive(process.pid)
    process.communicate(b"\n")
    assert not leftovers.is_alive(process.pid)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks_is_told_in_a_line(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", refuse)
    for wait in (True, False):
        with pytest.raises(OutputError) as refused, files.alone(tmp_path / "home", wait=wait):
            raise AssertionError("it went in")
        assert f"Files in {tmp_path / 'home'} can't be locked: " in str(refused.value)
        assert "set ZOO_HOME" in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has no names that are not UTF-8")
def test_a_name_that_is_not_utf8_is_kept_in_json_and_shown_in_texts(here: Path) -> None:
    name = os.fsdecode(b"\xffa")
    files.write_json(here / "one.json", {"name": name, "other": "é"})
    assert files.read_json(here / "one.json") == {"name": name, "other": "é"}
    files.write_text(here / "one.md", f"{name} é 🙂\n")
    assert (here / "one.md").read_bytes() == "�a é 🙂\n".encode()
    # other texts stay readable, and their digests as they were
    files.write_json(here / "two.json", {"name": "é"})
    assert "é" in (here / "two.json").read_text(encoding="utf-8")


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has no names that are not UTF-8")
def test_a_file_whose_name_is_not_utf8_has_another_name_while_it_is_open(here: Path) -> None:
    for name in ("plain", "\udcff"):
        (here / name).write_text("content")
        with files.named_in_utf8(here / name) as other:
            assert Path(other).read_text() == "content" and files.is_utf8(other)


def test_a_large_file_is_hashed_in_little_memory(tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.write(b"begin")
        file.truncate(200 << 20)
    code = (
        "import re, sys; from pathlib import Path; from zoo.common import files\n"
        "print(files.sha256(Path(sys.argv[1])))\n"
        "print(*re.findall(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text()))"
    )
    done = subprocess.run([sys.executable, "-c", code, large], capture_output=True, text=True)
    digest, kilobytes = done.stdout.split()
    with large.open("rb") as file:
        assert digest == hashlib.file_digest(file, "sha256").hexdigest()
    assert int(kilobytes) < 100_000
