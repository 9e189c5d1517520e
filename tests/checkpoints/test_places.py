"""Places that can't be read, locked or renamed in: each is named, and nothing is lost."""

import contextlib
import errno
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Zoo

from zoo.checkpoints import Store
from zoo.checkpoints.folder import CONFIG, FACTS, ORIGIN, WEIGHTS
from zoo.common import files
from zoo.common.errors import CheckpointError, NotFoundError, OutputError
from zoo.registry import Checkpoint, installed
from zoo.registry.registry import Registry

Trained = Callable[..., Path]


def keep(root: Path, name: str, text: str = "{}") -> Path:
    """Put a small checkpoint into a store."""
    store = Store({}, root)
    with store.adding(name, replace=True) as scratch:
        (scratch / CONFIG).write_text(text)
        files.write_json(scratch / ORIGIN, {"source": "trained", "sha256": {CONFIG: "0" * 64}})
    return store.directory(name)


# what another user's umask left


@pytest.fixture
def readable(monkeypatch: pytest.MonkeyPatch, zoo: Zoo, trained: Trained) -> Iterator[Path]:
    """A home in a folder that everybody may enter, with a trained checkpoint called mine. The
    commands have been used, so that a user who can't read their files has their code.
    """
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        home = Path(made) / "home"
        monkeypatch.setenv("ZOO_HOME", str(home))
        desk = Path(made) / "desk"
        desk.mkdir()
        desk.chmod(0o777)
        monkeypatch.chdir(desk)
        shutil.copytree(trained("mlp-vae"), home / "checkpoints" / "mine")
        digests = {name: files.sha256(trained("mlp-vae") / name) for name in (CONFIG, WEIGHTS)}
        origin = {"source": "trained", "sha256": digests}
        files.write_json(home / "checkpoints" / "mine" / ORIGIN, origin)
        for words in (["list"], ["show", "mine"], ["sample", "mine", "-n", 1], ["verify", "mine"]):
            assert zoo(*words).exit_code == 0
        # what these import may lie where the other user may not read
        zoo("rm", "none-of-that-name", "--yes")
        zoo("card", "none-of-that-name")
        yield home


@contextlib.contextmanager
def as_another(*locked: Path) -> Iterator[None]:
    """Be a user whom permissions bind, while some folders are closed."""
    for folder in locked:
        folder.chmod(0)
    try:
        if os.geteuid() == 0:
            os.seteuid(65534)
        yield
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
        for folder in locked:
            folder.chmod(0o755)


COMMANDS = [
    ["show", "mine"],
    ["sample", "mine", "-n", 1],
    ["rm", "mine", "--yes"],
    ["verify", "mine"],
    ["card", "mine"],
]


@pytest.mark.parametrize("closed", ["checkpoints", "checkpoints/mine", ""])
@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: str(words[0]))
def test_a_place_that_can_not_be_read_is_named(
    readable: Path, zoo: Zoo, words: list[object], closed: str
) -> None:
    with as_another(readable / closed):
        result = zoo(*words)
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit), result.exception
    assert str(readable) in result.stderr, result.stderr
    assert (readable / "checkpoints" / "mine" / WEIGHTS).is_file()


@pytest.mark.parametrize("closed", ["checkpoints", ""])
def test_the_list_shows_the_rest_and_names_the_place(readable: Path, zoo: Zoo, closed: str) -> None:
    with as_another(readable / closed):
        result = zoo("list")
    assert result.exit_code == 0, result.exception
    assert "vae-mnist" in result.stdout and "mine" not in result.stdout
    assert f"{readable / 'checkpoints'} can't be read" in result.stderr


def test_a_checkpoint_that_can_not_be_read_is_damaged_in_the_list(readable: Path, zoo: Zoo) -> None:
    with as_another(readable / "checkpoints" / "mine"):
        result = zoo("list")
    assert result.exit_code == 0, result.exception
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("mine")]
    assert "damaged" in line and "vae-mnist" in result.stdout


def test_what_can_not_be_read_is_not_checked_and_never_to_be_removed(
    readable: Path, zoo: Zoo
) -> None:
    mine = readable / "checkpoints" / "mine"
    for closed in (mine, mine / ORIGIN, mine / WEIGHTS):
        with as_another(closed):
            result = zoo("verify", "mine")
        assert result.exit_code == 1 and "mine was not checked" in result.stderr, result.stderr
        assert f"{closed}: Permission denied" in result.stderr
        assert "emove" not in result.stderr and "amaged" not in result.stderr


def test_a_training_that_can_not_be_read_is_named(readable: Path, zoo: Zoo) -> None:
    run = readable / "runs" / "half"
    run.mkdir(parents=True)
    (run / "run.json").write_text("{}")
    for words in (
        ["train", "--resume", "half"],
        ["train", "--resume", str(run)],
        ["list", "--runs"],
    ):
        with as_another(run):
            result = zoo(*words)
        assert result.exit_code == (0 if "list" in words else 1), result.exception
        assert f"{run}: Permission denied" in result.stderr, result.stderr


def test_verify_says_that_it_takes_no_paths(zoo: Zoo) -> None:
    Path("run").mkdir()
    for path in ("./run", str(Path("run").absolute())):
        result = zoo("verify", path)
        assert result.exit_code == 1 and f"not the path {path}" in result.stderr


@pytest.mark.parametrize("words", [["sample", "vae-mnist", "-n", 1], ["train", "mlp-vae"]])
def test_a_name_that_is_too_long_is_to_be_shorter(zoo: Zoo, words: list[object]) -> None:
    option = "-o" if words[0] == "sample" else "--out"
    result = (
        zoo(*words, "--name", "mine", option, "x" * 300)
        if option == "--out"
        else zoo(*words, option, f"{'x' * 300}.png")
    )
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit), result.exception
    assert "File name too long" in result.stderr and "hoose a shorter name" in result.stderr


# file systems without locks


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_said_in_one_line(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(fcntl, "flock", refuse)
    for words in (
        ["train", "mlp-vae", "--name", "mine", "--epochs", "1"],
        ["pull", "vae-mnist", "--from", "bundle"],
    ):
        result = zoo(*words)
        assert result.exit_code == 1 and isinstance(result.exception, SystemExit), result.exception
        (line,) = [one for one in result.stderr.splitlines() if one.startswith("Error")]
        assert (
            f"Files in {tmp_path / 'home'}" in line
            and "can't be locked" in line
            and "ZOO_HOME" in line
        )


# what is no regular file


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    # The path of a socket may have 108 characters only.
    with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as one:
        one.bind(path.name)


def make_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


IRREGULAR = [make_pipe, make_socket, make_device]


@pytest.fixture
def alarm() -> Iterator[None]:
    """What hangs is ended, and its test fails."""

    def ring(*_: object) -> None:
        raise AssertionError("it hangs")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(60)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("alarm")
@pytest.mark.parametrize("make", IRREGULAR)
@pytest.mark.parametrize("file", [CONFIG, FACTS, WEIGHTS, ORIGIN, "README.md"])
def test_a_checkpoint_with_a_pipe_a_socket_or_a_device_in_it_hangs_nothing(
    zoo: Zoo, tmp_path: Path, trained: Trained, file: str, make: Callable[[Path], None]
) -> None:
    directory = tmp_path / "home" / "checkpoints" / "mine"
    shutil.copytree(trained("mlp-vae"), directory)
    files.write_json(directory / ORIGIN, {"source": "trained", "sha256": {CONFIG: "0" * 64}})
    (directory / file).unlink()
    make(directory / file)
    for words in (
        ["list"],
        ["show", "mine"],
        ["sample", "mine", "-n", 1],
        ["verify"],
        ["card", "mine"],
    ):
        result = zoo(*words)
        assert result.exit_code in (0, 1), result.exception
        assert result.exception is None or isinstance(result.exception, SystemExit)


@pytest.mark.usefixtures("alarm")
@pytest.mark.parametrize("make", IRREGULAR)
def test_a_lock_that_is_no_file_is_refused(make: Callable[[Path], None]) -> None:
    make(Path(files.LOCK))
    with (
        pytest.raises(
            OutputError, match=r"^\.lock can't be locked: it is .*, not a regular file. Remove it"
        ),
        files.alone(Path()),
    ):
        pass


@pytest.mark.usefixtures("alarm")
@pytest.mark.parametrize("make", IRREGULAR)
def test_a_current_file_and_an_index_that_are_none_are_as_if_they_were_not_there(
    zoo: Zoo, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    (tmp_path / "home" / "cache").mkdir(parents=True)
    make(tmp_path / "home" / "current")
    make(tmp_path / "home" / "cache" / "listing.json")
    assert "No checkpoint is current" in zoo("sample").stderr
    assert zoo("list").exit_code == 0


def test_what_is_no_regular_file_is_named_as_what_it_is() -> None:
    for make, what in zip(IRREGULAR, ("a named pipe", "a socket", "a device"), strict=True):
        make(Path(what))
        with pytest.raises(CheckpointError, match=f"it is {what}, not a regular file"):
            files.read_json(Path(what))


@pytest.mark.usefixtures("alarm")
@pytest.mark.parametrize("name", ["z.npz", "z.png", "z.safetensors"])
def test_show_says_what_a_file_is_that_holds_no_samples(zoo: Zoo, name: str) -> None:
    for make, what in zip(IRREGULAR, ("a named pipe", "a socket", "a device"), strict=True):
        make(Path(name))
        result = zoo("show", name)
        assert result.exit_code == 1 and f"{name} can't be read: it is {what}" in result.stderr
        Path(name).unlink()


# a plugin's bundled folder that is gone


@pytest.mark.parametrize("place", ["gone", "/proc/1/root", "file/inner"])
def test_a_record_whose_bundled_folder_is_gone_is_damaged_and_names_its_plugin(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    Path("file").touch()
    registry = installed()
    lost = Checkpoint(
        name="lost-digits",
        model="mlp-vae",
        sha256={CONFIG: "0" * 64, WEIGHTS: "0" * 64},
        bundled=Path(place).absolute(),
    )
    monkeypatch.setattr(
        Registry,
        "checkpoints",
        property(lambda self: {**registry.offered["checkpoints"], "lost-digits": lost}),
    )
    plugin = registry.offered_by("checkpoints", "vae-mnist")
    monkeypatch.setattr(Registry, "offered_by", lambda self, kind, name: plugin)
    result = zoo("list")
    assert result.exit_code == 0, result.exception
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("lost-digits")]
    assert "damaged" in line and "genzoo" in line and "vae-mnist" in result.stdout
    for words in (["sample", "lost-digits"], ["show", "lost-digits"], ["pull", "lost-digits"]):
        refused = zoo(*words)
        assert refused.exit_code == 1 and "pip install --force-reinstall genzoo" in refused.stderr


# replaced by exchange, or by two renames


REPLACING = """
import os, sys
from pathlib import Path
from zoo.checkpoints import Store
from zoo.common import files

files.exchange = lambda one, other: False
calls = 0
rename = Path.rename

def killed(self, target):
    global calls
    calls += 1
    if calls > int(sys.argv[1]):
        os.kill(os.getpid(), 9)
    return rename(self, target)

Path.rename = killed
store = Store({}, Path(sys.argv[2]))
with store.adding("mine", replace=True) as scratch:
    (scratch / "config.json").write_text("new")
    (scratch / "origin.json").write_text('{"source": "trained", "sha256": {"config.json": ""}}')
"""


@pytest.mark.skipif(sys.platform != "linux", reason="renameat2 is Linux's")
def test_two_folders_change_places_at_once() -> None:
    for name in ("one", "two"):
        Path(name).mkdir()
        (Path(name) / "text").write_text(name)
    assert files.exchange(Path("one"), Path("two"))
    assert [(Path(name) / "text").read_text() for name in ("one", "two")] == ["two", "one"]
    assert not files.exchange(Path("one"), Path("gone"))


def test_a_replaced_checkpoint_is_the_new_one_and_nothing_is_left(tmp_path: Path) -> None:
    keep(tmp_path, "mine", "old")
    directory = keep(tmp_path, "mine", "new")
    assert (directory / CONFIG).read_text() == "new"
    assert [one.name for one in (tmp_path / "scratch").iterdir()] == [files.LOCK]


def test_without_an_exchange_it_is_replaced_by_two_renames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "exchange", lambda one, other: False)
    test_a_replaced_checkpoint_is_the_new_one_and_nothing_is_left(tmp_path)


@pytest.mark.parametrize("renames", [0, 1, 2])
@pytest.mark.parametrize("use", ["entries", "find", "adding"])
def test_a_process_that_is_killed_between_two_renames_loses_nothing(
    tmp_path: Path, renames: int, use: str
) -> None:
    keep(tmp_path, "mine", "old")
    command = [sys.executable, "-c", REPLACING, str(renames), str(tmp_path)]
    code = subprocess.run(command, check=False).returncode
    assert code == (0 if renames == 2 else -signal.SIGKILL)
    store = Store({}, tmp_path)
    if use == "adding":
        keep(tmp_path, "another")
    elif use == "entries":
        assert [one.name for one in store.entries()] == ["mine"]
    found = store.find("mine")
    assert (found / CONFIG).read_text() == ("new" if renames == 2 else "old")
    keep(tmp_path, "another")
    assert [one.name for one in (tmp_path / "scratch").iterdir()] == [files.LOCK]


def test_what_is_put_back_never_leaves_the_store(tmp_path: Path) -> None:
    aside = tmp_path / "scratch" / "1-00000000.replaced"
    (aside / "old").mkdir(parents=True)
    for name in ("../../outside", "..", "a/b"):
        (aside / "name").write_text(name)
        Store({}, tmp_path).names()
        assert not (tmp_path.parent / "outside").exists()
    with pytest.raises(NotFoundError):
        Store({}, tmp_path).find("mine")


def test_any_value_of_a_facts_file_lists(tmp_path: Path, zoo: Zoo) -> None:
    values: list[Any] = [None, [], {}, 7, True, "x" * 1000, -1, 10**400, {"a": [1]}]
    for number, value in enumerate(values):
        directory = keep(tmp_path / "home", f"odd-{number}", '{"format": 1}')
        facts = dict.fromkeys(("dataset", "parameters", "license", "summary", "name"), value)
        files.write_json(directory / FACTS, facts)
    result = zoo("list", "odd-*")
    assert result.exit_code == 0 and result.stdout.count("odd-") == len(values)
