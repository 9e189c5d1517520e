"""The store: what a reference means, and entries that are whole or absent whatever happens."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Zoo

from zoo.checkpoints.folder import CONFIG, ORIGIN, WEIGHTS
from zoo.checkpoints.store import Store
from zoo.common import files
from zoo.common.errors import CheckpointError, NotFoundError, OutputError, ZooError
from zoo.common.settings import home
from zoo.registry.hookspecs import Checkpoint

CONTENT = {CONFIG: b'{"format": 1, "model": "toy", "config": {}}', WEIGHTS: b"weights"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def store(root: Path, tmp_path: Path) -> Store:
    """A store with `toy-a` offered and bundled, `toy-b` offered on the Hub, and nothing in it."""
    bundled = fill(tmp_path / "plugin" / "toy-a")
    digests = {file: files.sha256(bundled / file) for file in CONTENT}
    offered = [
        Checkpoint(name="toy-a", model="toy", sha256=digests, bundled=bundled),
        Checkpoint(name="toy-b", model="toy", sha256=digests, repo_id="owner/toy-b"),
    ]
    return Store({one.name: one for one in offered}, root)


def fill(directory: Path) -> Path:
    """The files of a checkpoint, as far as the store is concerned."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in CONTENT.items():
        (directory / name).write_bytes(content)
    return directory


def add(store: Store, name: str, source: str = "trained") -> Path:
    with store.adding(name) as scratch:
        fill(scratch)
        digests = {file: files.sha256(scratch / file) for file in CONTENT}
        files.write_json(scratch / ORIGIN, {"source": source, "sha256": digests})
    return store.find(name)


def everything(folder: Path) -> dict[str, bytes]:
    """All files below a folder, and what is in them."""
    return {
        str(one.relative_to(folder)): one.read_bytes()
        for one in folder.rglob("[!.]*")
        if one.is_file()
    }


def scratch_of(root: Path) -> list[Path]:
    return list((root / "scratch").glob("[!.]*"))


# where it is


def test_the_home_is_what_zoo_home_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("ZOO_HOME", "~/zoo")
    assert home() == tmp_path / "person" / "zoo"
    monkeypatch.delenv("ZOO_HOME")
    assert home() == tmp_path / "xdg" / "zoo"
    for empty in ("ZOO_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(empty, "")
    assert home() == tmp_path / "person" / ".local" / "share" / "zoo"


def test_the_command_keeps_its_things_where_zoo_home_says(
    zoo: Zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "elsewhere"))
    result = zoo("pull", "vae-mnist")
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "elsewhere" / "checkpoints" / "vae-mnist" / ORIGIN).is_file()
    assert not (tmp_path / "home").exists()


def test_looking_makes_no_folder(store: Store, root: Path) -> None:
    assert [entry.name for entry in store.entries()] == ["toy-a", "toy-b"]
    with pytest.raises(NotFoundError):
        store.find("toy-c")
    assert not root.exists()


# what a reference means


def test_a_name_means_the_bundled_one_until_another_is_in_the_store(
    store: Store, tmp_path: Path
) -> None:
    assert store.find("toy-a") == tmp_path / "plugin" / "toy-a"
    assert store.find("toy-a") != add(store, "toy-a", "hub") == store.find("toy-a")


@pytest.mark.parametrize("reference", ["./mine", "../desk/mine", "~/mine", "{cwd}/mine"])
def test_a_path_means_that_folder(
    store: Store, reference: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(Path.cwd()))
    fill(Path("mine"))
    assert store.find(reference.format(cwd=Path.cwd())).resolve() == Path.cwd() / "mine"


@pytest.mark.parametrize("reference", ["./file", "./empty", "/", "."])
def test_a_path_that_is_no_checkpoint_is_refused_by_what_it_lacks(
    store: Store, reference: str
) -> None:
    Path("file").write_text("text")
    Path("empty").mkdir()
    with pytest.raises(CheckpointError, match=r"is not a checkpoint: it has no config\.json"):
        store.find(reference)


@pytest.mark.parametrize("reference", ["./gone", "~/gone", "~nobody-of-that-name/gone"])
def test_a_path_where_nothing_is_is_said_as_it_was_typed(store: Store, reference: str) -> None:
    with pytest.raises(NotFoundError, match=rf"^There is no folder {reference}\.$"):
        store.find(reference)


def test_a_pulled_repository_is_called_what_it_was_pulled_as(store: Store) -> None:
    path = add(store, "hf:owner/repo@v1.0", "hub")
    assert store.find("hf:owner/repo@v1.0") == path
    assert [entry.name for entry in store.entries()] == ["hf:owner/repo@v1.0", "toy-a", "toy-b"]
    with pytest.raises(NotFoundError, match=r"zoo pull hf:owner/repo$"):
        store.find("hf:owner/repo")


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("owner/name", r"write hf:owner/name for the repository, \./owner/name for the folder"),
        ("toy", r"'toy' is a model, not a checkpoint. Checkpoints of it: toy-a, toy-b"),
        (
            "toy-x",
            r"No checkpoint is called 'toy-x'. Did you mean 'toy-[ab]' or 'toy-[ab]'\? See: zoo list",
        ),
        ("zebra", r"No checkpoint is called 'zebra'. See: zoo list"),
        ("folder", r"No checkpoint is called 'folder'. For the path write \./folder"),
        ("toy-b", r"toy-b is not here yet. Get it with: zoo pull toy-b"),
        ("", "is not a valid name of a checkpoint"),
        ("x" * 5000, "'x{80}' is not a valid name of a checkpoint"),
        ("hf:" + "/" * 300, "is not a valid name of a checkpoint"),
        ("hf:name", "'hf:name' is not of the form hf:OWNER/REPO or hf:OWNER/REPO@REVISION"),
        ("a\x1b[31m", r"'a\\x1b\[31m'"),
    ],
)
def test_anything_else_is_refused_in_words_that_mend_it(
    store: Store, reference: str, words: str
) -> None:
    Path("folder").mkdir()
    with pytest.raises(NotFoundError, match=words):
        store.find(reference)


def test_a_trained_name_is_offered_too(store: Store) -> None:
    add(store, "sevens")
    with pytest.raises(NotFoundError, match="Did you mean 'sevens'"):
        store.find("seven")


def test_python_and_the_command_refuse_a_bare_repository_in_the_same_words(zoo: Zoo) -> None:
    import zoo as package

    with pytest.raises(NotFoundError) as caught:
        package.load("owner/name")
    result = zoo("sample", "owner/name")
    assert result.exit_code == 1 and result.stdout == ""
    assert result.stderr == f"Error: {caught.value}\n"


def test_without_a_reference_the_current_one_is_meant(store: Store, root: Path) -> None:
    with pytest.raises(
        NotFoundError, match=r"No checkpoint is current\. Pull one .*: toy-a, toy-b"
    ):
        store.current()
    store.make_current("toy-a")
    assert store.current() == "toy-a"


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"gone\n", b"../../etc\n"])
def test_a_spoilt_record_of_the_current_one_is_refused_in_words(
    store: Store, root: Path, content: bytes
) -> None:
    root.mkdir()
    (root / "current").write_bytes(content)
    with pytest.raises(ZooError, match=r"checkpoint|There is no folder \.\./\.\./etc"):
        store.find(store.current())
    store.make_current("toy-a")
    assert store.current() == "toy-a"


# what rm takes along


def run_of(store: Store, name: str, *kept: str) -> Path:
    """The folder of a training with a grid, and what else is `kept` in it."""
    run = store.run(name)
    for file in ("epoch-001.png", *kept):
        run.mkdir(parents=True, exist_ok=True)
        (run / file).write_text("12345")
    return run


def test_the_run_of_a_removed_checkpoint_goes_with_it(store: Store, root: Path) -> None:
    taken = files.size(add(store, "mine", "trained"))
    other, run = run_of(store, "other"), run_of(store, "mine")
    assert store.remove("mine") == taken + 5
    assert not run.exists() and other.is_dir()
    assert list((root / "scratch").glob("[!.]*")) == []


@pytest.mark.parametrize("kept", ["state.safetensors", "unsaved"])
def test_a_run_that_is_unfinished_or_holds_the_only_result_stays(kept: str, store: Store) -> None:
    add(store, "mine", "trained")
    run = run_of(store, "mine", kept)
    store.remove("mine")
    assert sorted(path.name for path in run.iterdir()) == sorted(["epoch-001.png", kept])


def test_a_run_that_is_at_work_stays(store: Store) -> None:
    add(store, "mine", "trained")
    run = run_of(store, "mine")
    with files.alone(run):
        store.remove("mine")
    assert (run / "epoch-001.png").is_file()


# states


def test_an_entry_says_whether_it_is_bundled_on_the_hub_pulled_or_trained(store: Store) -> None:
    assert {entry.name: entry.state for entry in store.entries()} == {
        "toy-a": "bundled",
        "toy-b": "hub",
    }
    add(store, "toy-b", "hub")
    add(store, "mine", "trained")
    with store.adding("toy-a") as scratch:  # recorded, its files stay with the plugin
        files.write_json(scratch / ORIGIN, {"source": "bundle", "sha256": {}})
    states = {entry.name: entry.state for entry in store.entries()}
    assert states == {"mine": "trained", "toy-a": "pulled", "toy-b": "pulled"}


def test_one_that_was_recorded_from_a_plugin_that_is_gone_is_damaged(
    store: Store, root: Path
) -> None:
    with store.adding("toy-a") as scratch:
        files.write_json(scratch / ORIGIN, {"source": "bundle", "sha256": {}})
    (entry,) = Store({}, root).entries()
    assert (entry.name, entry.state, entry.path) == ("toy-a", "damaged", None)
    with pytest.raises(NotFoundError, match="toy-a"):
        Store({}, root).find("toy-a")


def test_what_the_list_says_is_what_the_store_says(
    zoo: Zoo, trained: Callable[[str], Path]
) -> None:
    def states() -> dict[str, str]:
        result = zoo("list", "--json")
        assert result.exit_code == 0, result.stderr
        return {one["name"]: one["state"] for one in json.loads(result.stdout)}

    assert states()["vae-mnist"] == "bundled"
    assert zoo("pull", "vae-mnist").exit_code == 0
    assert states()["vae-mnist"] == "pulled"
    assert zoo("rm", "--yes", "vae-mnist").exit_code == 0
    assert states()["vae-mnist"] == "bundled"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"source": 5}',
        b'{"source": "hub", "sha256": null}',
        b'{"source": "hub", "sha256": 5}',
        b'{"source": "hub", "sha256": "text"}',
        b'{"source": "hub", "sha256": [1]}',
        b'{"source": "hub", "sha256": {"config.json": null}}',
    ],
    ids=lambda content: content[:40].decode(errors="replace"),
)
def test_a_spoilt_record_of_origin_breaks_nothing_and_can_be_removed(
    store: Store, root: Path, content: bytes
) -> None:
    path = add(store, "mine", "hub")
    (path / ORIGIN).write_bytes(content)
    (entry,) = (one for one in store.entries() if one.name == "mine")
    assert entry.state in ("damaged", "pulled") and entry.path == path
    assert isinstance(entry.sha256, dict)
    try:
        assert set(store.verify("mine").values()) <= {"ok", "damaged", "missing"}
    except ZooError as error:
        assert "mine" in str(error)
    assert store.remove("mine") > 0
    assert [one.name for one in store.entries()] == ["toy-a", "toy-b"]


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *(
            ("folder", name)
            for name in (
                "plain",
                "with space",
                "a%2Fb",
                "%",
                "%2E%2E",
                ".hidden",
                "ünïcode",
                "x" * 250,
            )
        ),
        ("folder", os.fsdecode(b"\xff\xfe")),
        ("file", "plain"),
        ("file", ".DS_Store"),
        ("dangling link", "plain"),
    ],
    ids=lambda word: ascii(word)[:20],
)
def test_whatever_else_lies_in_the_store_never_breaks_the_list(
    store: Store, root: Path, kind: str, name: str
) -> None:
    add(store, "mine")
    stray = root / "checkpoints" / name
    if kind == "folder":
        fill(stray)
    elif kind == "file":
        stray.write_text("text")
    else:
        stray.symlink_to("gone")
    states = {entry.name: entry.state for entry in store.entries()}
    assert states.items() >= {("mine", "trained"), ("toy-a", "bundled"), ("toy-b", "hub")}
    assert set(states.values()) <= {"trained", "bundled", "hub", "damaged"}


def test_a_half_entry_is_listed_as_damaged_and_can_be_removed(store: Store, root: Path) -> None:
    half = root / "checkpoints" / "half"
    half.mkdir(parents=True)
    (half / WEIGHTS).write_bytes(b"12345")
    assert [(one.name, one.state, one.path) for one in store.entries()][:1] == [
        ("half", "damaged", None)
    ]
    assert store.remove("half") == 5
    assert not half.exists()


def test_a_spoilt_record_of_a_bundled_one_is_mended_by_pulling_again(zoo: Zoo, root: Path) -> None:
    assert zoo("pull", "vae-mnist").exit_code == 0
    record = root / "checkpoints" / "vae-mnist" / ORIGIN
    whole = record.read_bytes()
    record.write_bytes(whole[:20])
    assert "damaged" in zoo("list", "vae-mnist").stdout
    result = zoo("pull", "vae-mnist")
    assert result.exit_code == 0, result.stderr
    assert record.read_bytes() == whole and scratch_of(root) == []


# adding


@pytest.mark.parametrize(
    "failure", [ValueError("broken"), KeyboardInterrupt(), CheckpointError("damaged")]
)
@pytest.mark.parametrize("replace", [False, True])
def test_a_failure_while_adding_leaves_the_store_as_it_was(
    store: Store, root: Path, failure: BaseException, replace: bool
) -> None:
    add(store, "mine")
    before = everything(root)
    for name in ("mine", "new"):
        with pytest.raises(type(failure)), store.adding(name, replace=replace) as scratch:
            fill(scratch)
            raise failure
        assert everything(root) == before and scratch_of(root) == []


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("name", ["mine", "new"])
def test_a_full_disk_while_adding_is_said_and_leaves_the_store_as_it_was(
    store: Store, root: Path, replace: bool, name: str
) -> None:
    add(store, "mine")
    before = everything(root)
    with (
        pytest.raises(OutputError, match="Disk full"),
        store.adding(name, replace=replace) as scratch,
    ):
        fill(scratch)
        (scratch / "full").symlink_to("/dev/full")  # the kernel's own full disk
        (scratch / "full").write_bytes(b"x" * 100_000)
    assert everything(root) == before and scratch_of(root) == []


def test_a_store_that_cannot_be_written_is_named(store: Store, root: Path) -> None:
    root.write_text("a file where the store belongs")
    with (
        pytest.raises(OutputError, match=f"Can't write {root}.*choose another place"),
        store.adding("mine"),
    ):
        pass
    with pytest.raises(OutputError, match=str(root)):
        store.make_current("toy-a")
    assert root.read_text() == "a file where the store belongs"


def test_an_entry_is_not_there_until_it_is_whole(store: Store, root: Path) -> None:
    with store.adding("mine") as scratch:
        fill(scratch)
        assert not (root / "checkpoints" / "mine").exists()
        assert [entry.name for entry in store.entries()] == ["toy-a", "toy-b"]
    assert {one.name for one in (root / "checkpoints" / "mine").iterdir()} == {CONFIG, WEIGHTS}


def test_replacing_leaves_nothing_of_the_old_one(store: Store, root: Path) -> None:
    old = add(store, "mine")
    (old / "old").write_text("old")
    with store.adding("mine", replace=True) as scratch:
        fill(scratch)
        files.write_json(scratch / ORIGIN, {"source": "hub", "sha256": {}})
    assert sorted(everything(old)) == [CONFIG, WEIGHTS, ORIGIN]
    assert store.entry("mine").state == "pulled" and scratch_of(root) == []


def test_names_that_are_taken_are_refused_before_any_work(store: Store) -> None:
    add(store, "mine")
    with pytest.raises(OutputError, match=r"'mine' is in the store already.*zoo rm mine"):
        store.refuse_taken("mine")
    with pytest.raises(OutputError, match="'toy-b' is a checkpoint that a plugin offers"):
        store.refuse_taken("toy-b")
    store.refuse_taken("new")


# several processes

WRITER = """
import sys, time
from pathlib import Path
from zoo.common import files
from zoo.checkpoints.store import Store
root, name, rounds, replace = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4] == "True"
print("ready", flush=True)
sys.stdin.readline()
for index in range(rounds):
    with Store({}, root).adding(name, replace=replace) as scratch:
        mine = f"{sys.argv[5]} {index}"
        (scratch / "config.json").write_text(mine)
        time.sleep(float(sys.argv[6]))
        (scratch / "model.safetensors").write_text(mine)
        files.write_json(scratch / "origin.json", {"source": "hub", "sha256": {}, "by": mine})
"""


def start_writers(
    root: Path, names: list[str], *, rounds: int = 1, replace: bool = False, pause: float = 0.0
) -> list[subprocess.Popen[str]]:
    """Processes that add at once, one for each name."""
    writers = []
    for number, name in enumerate(names):
        words = [str(root), name, str(rounds), str(replace), f"writer {number}", str(pause)]
        command = [sys.executable, "-c", WRITER, *words]
        pipe = subprocess.PIPE
        writers.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True))
    for writer in writers:
        assert writer.stdout and writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin
        writer.stdin.write("go\n")
        writer.stdin.flush()
    return writers


def finish(writers: list[subprocess.Popen[str]]) -> None:
    errors = [writer.communicate(timeout=60)[1] for writer in writers]
    assert [writer.returncode for writer in writers] == [0] * len(writers), "\n".join(errors)


def test_two_processes_that_replace_one_name_at_once_both_succeed_and_leave_one_whole_entry(
    root: Path,
) -> None:
    finish(start_writers(root, ["mine", "mine"], replace=True, pause=0.2))
    directory = root / "checkpoints" / "mine"
    by = files.read_json(directory / ORIGIN)["by"]
    assert {(directory / file).read_text() for file in (CONFIG, WEIGHTS)} == {by}
    assert scratch_of(root) == []


def test_of_two_processes_that_add_one_name_at_once_the_second_is_refused_and_the_first_one_stays(
    root: Path,
) -> None:
    writers = start_writers(root, ["mine", "mine"], replace=False, pause=0.2)
    errors = [writer.communicate(timeout=60)[1] for writer in writers]
    assert sorted(writer.returncode for writer in writers) == [0, 1]
    assert "exists already" in "".join(errors)
    directory = root / "checkpoints" / "mine"
    by = files.read_json(directory / ORIGIN)["by"]
    assert {(directory / file).read_text() for file in (CONFIG, WEIGHTS)} == {by}
    assert scratch_of(root) == []


def test_processes_that_replace_one_name_again_and_again_never_fail_nor_mix(root: Path) -> None:
    writers = start_writers(root, ["mine"] * 4, rounds=150, replace=True)
    directory = root / "checkpoints" / "mine"
    finish(writers)
    by = files.read_json(directory / ORIGIN)["by"]
    assert {(directory / file).read_text() for file in (CONFIG, WEIGHTS)} == {by}
    assert scratch_of(root) == []


def test_what_a_killed_process_left_is_cleaned_up_by_the_next_and_that_of_a_living_one_is_not(
    store: Store, root: Path
) -> None:
    killed, living = start_writers(root, ["one", "two"], pause=60)
    try:
        while len(scratch_of(root)) < 2:
            assert killed.poll() is None and living.poll() is None
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        add(store, "mine")
        (left,) = scratch_of(root)
        assert f"-{living.pid}-" in left.name
        assert [entry.name for entry in store.entries()] == ["mine", "toy-a", "toy-b"]
    finally:
        for one in (killed, living):
            one.kill()
            one.communicate()


def test_processes_that_clean_up_the_same_leftovers_at_once_do_not_trip_over_each_other(
    root: Path,
) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for number in range(20):
        left = root / "scratch" / f"{ended.pid}-{number}"
        left.mkdir(parents=True)
        for file in range(20):
            (left / str(file)).touch()
    finish(start_writers(root, ["one", "two", "three", "four"]))
    assert sorted(one.name for one in (root / "checkpoints").iterdir()) == [
        "four",
        "one",
        "three",
        "two",
    ]
    assert scratch_of(root) == []


# removing and verifying


def test_removing_says_the_bytes_freed_and_forgets_that_it_was_current(
    store: Store, root: Path
) -> None:
    path = add(store, "mine")
    there = sum(file.stat().st_size for file in path.iterdir())
    store.make_current("mine")
    assert store.remove("mine") == there
    assert not path.exists() and scratch_of(root) == []
    with pytest.raises(NotFoundError, match="No checkpoint is current"):
        store.current()


def test_removing_one_that_is_not_current_keeps_the_current_one(store: Store) -> None:
    add(store, "mine")
    store.make_current("toy-a")
    store.remove("mine")
    assert store.current() == "toy-a"


def test_removing_a_recorded_one_leaves_the_plugins_files(store: Store, tmp_path: Path) -> None:
    before = everything(tmp_path / "plugin")
    with store.adding("toy-a") as scratch:
        files.write_json(scratch / ORIGIN, {"source": "bundle", "sha256": {}})
    assert store.remove("toy-a") < 100
    assert everything(tmp_path / "plugin") == before and store.entry("toy-a").state == "bundled"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("toy-a", "toy-a is part of its plugin: nothing to remove"),
        ("toy-b", "toy-b is not here: nothing to remove"),
        ("toy-x", "Did you mean 'toy-"),
        ("../plugin", "could be a Hub repository or a folder"),
        ("..", "is not a valid name of a checkpoint"),
    ],
)
def test_what_cannot_be_removed_is_said_with_the_reason(
    store: Store, tmp_path: Path, name: str, words: str
) -> None:
    before = everything(tmp_path)
    with pytest.raises(NotFoundError, match=words):
        store.remove(name)
    assert everything(tmp_path) == before


def test_verify_finds_what_is_damaged_and_what_is_missing(store: Store) -> None:
    path = add(store, "mine")
    assert store.verify("mine") == {CONFIG: "ok", WEIGHTS: "ok"}
    (path / WEIGHTS).write_bytes(b"weightz")
    assert store.verify("mine") == {CONFIG: "ok", WEIGHTS: "damaged"}
    (path / WEIGHTS).unlink()
    assert store.verify("mine") == {CONFIG: "ok", WEIGHTS: "missing"}


@pytest.mark.parametrize("source", ["trained", "hub"])
def test_verify_finds_that_the_config_is_missing(store: Store, source: str) -> None:
    (add(store, "mine", source) / CONFIG).unlink()
    assert store.verify("mine") == {CONFIG: "missing", WEIGHTS: "ok"}


def test_verify_holds_an_offered_one_to_the_digests_of_the_catalogue(
    store: Store, tmp_path: Path
) -> None:
    assert store.verify("toy-a") == {CONFIG: "ok", WEIGHTS: "ok"}
    path = add(store, "toy-b", "hub")
    (path / WEIGHTS).write_bytes(b"other")
    digests = {file: files.sha256(path / file) for file in CONTENT}
    files.write_json(
        path / ORIGIN, {"source": "hub", "sha256": digests}
    )  # a record that agrees with the damage
    assert store.verify("toy-b") == {CONFIG: "ok", WEIGHTS: "damaged"}


def test_verify_says_so_when_there_is_nothing_to_verify(store: Store, root: Path) -> None:
    with pytest.raises(NotFoundError, match=r"toy-b is not here yet\. Get it with: zoo pull toy-b"):
        store.verify("toy-b")
    fill(root / "checkpoints" / "mine")
    assert store.verify("mine") == {ORIGIN: "damaged"}


def test_the_command_verifies_everything_that_is_here_and_fails_when_one_is_damaged(
    zoo: Zoo, root: Path
) -> None:
    good = zoo("verify", "--json")
    assert good.exit_code == 0, good.stderr
    verdicts = {one["name"]: one["files"] for one in json.loads(good.stdout)}
    assert verdicts["vae-mnist"] == {CONFIG: "ok", WEIGHTS: "ok"}
    path = add(Store({}, root), "mine")
    (path / CONFIG).unlink()
    bad = zoo("verify")
    assert bad.exit_code == 1
    assert "Damaged: mine. Remove each (zoo rm NAME)" in bad.stderr
    assert [line.split() for line in bad.stdout.splitlines() if line.startswith("mine")] == [
        ["mine", CONFIG, "missing"],
        ["mine", WEIGHTS, "ok"],
    ]


def test_a_file_whose_recorded_name_no_disk_can_hold_is_missing(zoo: Zoo) -> None:
    folder = home() / "checkpoints" / "mine"
    folder.mkdir(parents=True)
    origin = {"source": "trained", "sha256": {"x" * 5000: "0" * 64}}
    (folder / "origin.json").write_text(json.dumps(origin))
    result = zoo("verify", "mine")
    assert result.exit_code == 1 and "missing" in result.output
