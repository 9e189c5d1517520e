"""Pulling: the real client pulls over real HTTP, takes only what a checkpoint holds, and keeps
nothing doubtful.
"""

import contextlib
import fcntl
import itertools
import json
import os
import pty
import shutil
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import CHECKPOINT, FORMAT_1, Zoo, files_no_larger_than
from environments import write_plugin
from hub_server import (
    READ,
    WRITE,
    Answer,
    Hub,
    flipped,
    redirected,
    serving,
    shorter,
    stalled,
    status,
)

from zoo.cli import main
from zoo.common import files
from zoo.registry.registry import installed

NAME = "hf:owner/repo"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "home"


def start(hub: Hub, *words: str, **environment: str) -> subprocess.Popen[str]:
    """`zoo` as a process whose Hub is this one (the client reads HF_ENDPOINT when it is imported)."""
    home = Path(os.environ["ZOO_HOME"]).with_name("hf")
    world = {
        "HF_ENDPOINT": hub.endpoint,
        "HF_HOME": str(home),
        "NO_PROXY": "127.0.0.1",
    }
    command = [sys.executable, "-m", "zoo", *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, env={**os.environ, **world, **environment}
    )


def run(*words: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `zoo`, in this process."""
    result = CliRunner().invoke(main, words)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stdout, result.stderr


def everything(folder: Path) -> dict[str, bytes]:
    """All files below a folder, and what is in them."""
    return {
        str(one.relative_to(folder)): one.read_bytes()
        for one in folder.rglob("[!.]*")
        if one.is_file()
    }


def refusal(root: Path, *words: str) -> str:
    """The words in which a pull is refused: one line, exit code 1, and nothing was kept or lost."""
    before = everything(root)
    code, stdout, stderr = run("pull", *words)
    assert (code, stdout) == (1, "")
    assert everything(root) == before and list(root.glob("scratch/[!.]*")) == []
    assert stderr.startswith("Error: ") and stderr.count("\n") == 1, stderr
    return stderr


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def test_a_pulled_checkpoint_is_listed_sampled_and_verified(hub: Hub, zoo: Zoo, root: Path) -> None:
    code, stdout, stderr = run("pull", NAME)
    assert code == 0, stderr
    directory = Path(stdout.splitlines()[-1])
    assert directory.parent == root / "checkpoints"
    assert f"Pulled {NAME}" in stderr and "verified" in stderr

    origin = json.loads((directory / "origin.json").read_text())
    assert everything(directory) == CHECKPOINT | {
        "origin.json": (directory / "origin.json").read_bytes()
    }
    assert {key: origin[key] for key in ("source", "endpoint", "repo_id", "commit")} == {
        "source": "hub",
        "endpoint": hub.endpoint,
        "repo_id": "owner/repo",
        "commit": hub.commit("owner/repo"),
    }
    assert origin["sha256"]["model.safetensors"] == files.sha256(FORMAT_1 / "model.safetensors")
    assert not [one for one in directory.rglob("*") if one.is_symlink()]
    assert list((root / "scratch").glob("[!.]*")) == []

    (listed,) = (one for one in json.loads(zoo("list", "--json").stdout) if one["name"] == NAME)
    assert (
        listed.items()
        >= {"model": "mlp-vae", "dataset": "mnist", "state": "pulled", "parameters": 7092}.items()
    )
    for reference, out in (
        ((), "current.npz"),
        ((NAME,), "named.npz"),
        ((str(FORMAT_1),), "local.npz"),
    ):
        result = zoo("sample", *reference, "-n", 4, "--seed", 0, "-o", out)
        assert result.exit_code == 0, result.stderr
    arrays = [np.load(out)["samples"] for out in ("current.npz", "named.npz", "local.npz")]
    assert arrays[0].shape == (4, 1, 28, 28) and all(
        np.array_equal(arrays[0], other) for other in arrays
    )

    assert zoo("verify", NAME).exit_code == 0
    (directory / "images" / "samples.png").write_bytes(b"another")
    damaged = zoo("verify", NAME)
    assert damaged.exit_code == 1 and "damaged" in damaged.stdout and NAME in damaged.stderr


def test_only_the_files_of_a_checkpoint_are_asked_for(hub: Hub, root: Path) -> None:
    assert run("pull", NAME)[0] == 0
    asked = {
        line.rpartition(f"/resolve/{hub.commit('owner/repo')}/")[2]
        for line in hub.requests
        if "resolve" in line
    }
    assert asked == set(CHECKPOINT)
    for line in hub.requests:
        assert line.startswith(
            ("GET /api/models/owner/repo", "GET /owner/repo/resolve/", "HEAD /owner/repo/resolve/")
        )
    assert len(hub.requests) == 2 + 2 * len(CHECKPOINT)


def test_pulling_again_makes_no_request_and_makes_it_current(
    hub: Hub, zoo: Zoo, root: Path
) -> None:
    first = run("pull", NAME)
    assert first[0] == 0 and zoo("pull", "vae-mnist").exit_code == 0
    hub.requests.clear()
    code, stdout, stderr = run("pull", NAME)
    assert (code, stdout) == (0, first[1]) and hub.requests == []
    assert f"{NAME} is here already" in stderr
    assert (root / "current").read_text().strip() == NAME


def test_a_branch_a_tag_and_a_commit_are_pulled_under_their_own_names(hub: Hub, root: Path) -> None:
    hub.repositories["owner/repo"].branches["dev/x"] = hub.commit("owner/repo")
    assert run("pull", f"{NAME}@v1", f"{NAME}@dev/x", f"{NAME}@{hub.commit('owner/repo')}")[0] == 0
    assert {f"GET /api/models/owner/repo/revision/{one}" for one in ("v1", "dev%2Fx")} <= set(
        hub.requests
    )
    assert len(list((root / "checkpoints").iterdir())) == 3
    assert run("verify")[0] == 0
    assert (root / "current").read_text().strip() == f"{NAME}@{hub.commit('owner/repo')}"


@pytest.mark.parametrize("file", ["model.safetensors", "config.json"])
def test_a_flipped_byte_is_refused_and_nothing_is_kept(hub: Hub, root: Path, file: str) -> None:
    hub.answers[f"GET .*resolve.*/{file}"] = flipped
    words = refusal(root, NAME)
    assert (
        f"{file} of owner/repo is not the file that was announced" in words
        and "Nothing was kept" in words
    )
    assert not (root / "checkpoints" / "hf%3Aowner%2Frepo").exists()


def test_a_failed_pull_keeps_the_checkpoint_that_was_there(hub: Hub, root: Path) -> None:
    assert run("pull", NAME)[0] == 0
    hub.answers[r"GET .*resolve.*/model\.safetensors"] = flipped
    assert "is not the file that was announced" in refusal(root, NAME, "--from", "hub")


def test_a_shorter_file_than_announced_is_refused(hub: Hub, root: Path) -> None:
    hub.answers[r"GET .*resolve.*/model\.safetensors"] = shorter
    assert "owner/repo" in refusal(root, NAME)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("X-Linked-Size", "9" * 30),
        ("X-Linked-Size", "9" * 5000),
        ("X-Linked-Size", str(10**12)),
        ("Content-Length", str(10**12)),
    ],
)
def test_a_file_that_grows_beyond_what_was_announced_is_refused_before_its_disk_is_looked_for(
    hub: Hub, root: Path, name: str, size: str
) -> None:
    def grown(answer: Answer) -> Answer:
        return answer._replace(headers={**answer.headers, name: size}, body=b"")

    hub.answers[r"HEAD .*resolve.*/model\.safetensors"] = grown
    assert f"as {name.lower()} of a file, and announced less" in refusal(root, NAME)


@pytest.mark.parametrize("gone", ["config.json", "model.safetensors"])
def test_a_repository_that_is_no_checkpoint_is_refused_before_anything_is_downloaded(
    hub: Hub, root: Path, gone: str
) -> None:
    hub.put("owner/repo", {gone: None})
    words = refusal(root, NAME)
    assert f"owner/repo is not a checkpoint of the zoo: it has no {gone}" in words
    assert not [line for line in hub.requests if "resolve" in line]


def test_a_repository_that_claims_to_be_huge_is_refused_before_anything_is_downloaded(
    hub: Hub, root: Path
) -> None:
    def huge(answer: Answer) -> Answer:
        tree = [one | {"size": 10**12} for one in json.loads(answer.body)]
        return answer._replace(body=json.dumps(tree).encode())

    hub.answers["GET .*/tree/"] = huge
    assert "owner/repo is too large" in refusal(root, NAME)
    assert not [line for line in hub.requests if "resolve" in line]


@pytest.mark.parametrize(
    ("reference", "words"),
    [("hf:owner/gone", ("owner/gone", "exist")), (f"{NAME}@v9", ("owner/repo", "v9"))],
)
def test_what_is_not_on_the_hub_is_named_and_said_to_be_missing(
    hub: Hub, root: Path, reference: str, words: tuple[str, ...]
) -> None:
    said = refusal(root, reference)
    assert hub.endpoint in said and all(word in said for word in words), said


def test_a_gated_repository_is_said_to_be_one(hub: Hub, root: Path) -> None:
    hub.answers["resolve"] = status(403, {"X-Error-Code": "GatedRepo"})
    said = refusal(root, NAME)
    assert "owner/repo" in said and any(
        word in said.lower() for word in ("gated", "terms", "access")
    ), said


@pytest.mark.parametrize("code", [200, 500])
def test_a_server_that_is_no_hub_is_named(hub: Hub, root: Path, code: int) -> None:
    hub.answers["/api/"] = status(code, {"Content-Type": "text/html"}, b"<html>Log in</html>")
    assert f"Can't pull owner/repo from {hub.endpoint}" in refusal(root, NAME)


def test_a_server_that_is_down_is_named_at_once(
    hub: Hub, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as down:
        monkeypatch.setenv("HF_ENDPOINT", down.endpoint)
    began = time.monotonic()
    assert f"Can't reach {down.endpoint}" in refusal(root, NAME)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    "reference", ["hf:", "hf:owner", "hf:a/b/c", "hf:a/b@", "hf:a b/c", "hf:/b", "hf:a/b@x y"]
)
def test_a_malformed_reference_is_refused_with_the_form_it_must_have(
    zoo: Zoo, root: Path, reference: str
) -> None:
    result = zoo("pull", reference)
    assert result.exit_code == 1 and result.stdout == ""
    assert (
        repr(reference) in result.stderr
        and "hf:OWNER/REPO or hf:OWNER/REPO@REVISION" in result.stderr
    )
    assert everything(root) == {} and list(root.glob("*/*")) == []


def with_etag(etag: str) -> Callable[[Answer], Answer]:
    """The right answer under a name that is a path."""
    return lambda answer: answer._replace(headers=answer.headers | {"ETag": f'"{etag}"'})


def test_a_file_name_or_etag_from_the_hub_reaches_no_place_outside(
    hub: Hub, root: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    for name in ("images/../../../../escaped.png", "../escaped.png", str(outside / "escaped.png")):
        hub.put("owner/repo", {name: b"escaped"})
    hub.answers[r"resolve.*/README\.md"] = with_etag(str(outside))
    hub.answers[r"resolve.*/facts\.json"] = with_etag("../../../escaped")
    code, _, stderr = run("pull", NAME)
    assert code in (0, 1), stderr
    assert not outside.exists() and not list(tmp_path.rglob("*escaped*"))
    kept = {one.name for one in (root / "checkpoints" / "hf%3Aowner%2Frepo").glob("*")}
    assert kept in (
        set(),
        {"origin.json", "images"} | {name for name in CHECKPOINT if "/" not in name},
    )
    assert list(root.glob("scratch/[!.]*")) == []


@pytest.fixture
def offer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Install a plugin that offers owner/repo as `theirs` with these digests."""

    def make(
        sha256: dict[str, str],
        repo_id: str = "owner/repo",
        revision: str = "",
        bundled: Path | None = None,
    ) -> None:
        where = f'repo_id="{repo_id}", revision="{revision}", bundled={bundled and f"Path({str(bundled)!r})"}'
        record = f'Checkpoint(name="theirs", model="mlp-vae", {where}, sha256={sha256})'
        code = "from pathlib import Path\n\nfrom zoo import Checkpoint, hookimpl\n\n"
        code += "@hookimpl\ndef zoo_checkpoints():\n"
        code += f"    return [{record}]\n"
        tree = write_plugin(tmp_path, "theirs", code)
        info = tree / "zoo_theirs-0.1.0.dist-info"  # as in an unpacked wheel
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo-theirs\nVersion: 0.1.0\n")
        (info / "entry_points.txt").write_text("[zoo]\ntheirs = zoo_theirs\n")
        monkeypatch.syspath_prepend(str(tree))
        sys.modules.pop("zoo_theirs", None)
        installed.cache_clear()

    return make


DIGESTS = {file: files.sha256(FORMAT_1 / file) for file in ("config.json", "model.safetensors")}


def test_a_checkpoint_that_a_plugin_offers_is_pulled_by_name(
    hub: Hub, root: Path, offer: Callable[..., None]
) -> None:
    offer(DIGESTS)
    code, _, stderr = run("pull", "theirs")
    assert code == 0, stderr
    assert everything(root / "checkpoints" / "theirs").keys() == CHECKPOINT.keys() | {"origin.json"}
    code, stdout, _ = run("verify", "theirs", "--json")
    assert code == 0 and set(json.loads(stdout)[0]["files"].values()) == {"ok"}


def test_a_bundled_checkpoint_comes_from_the_hub_when_that_is_asked_for(
    hub: Hub, root: Path, offer: Callable[..., None]
) -> None:
    offer(DIGESTS, revision=hub.commit("owner/repo"), bundled=FORMAT_1)
    assert run("pull", "theirs")[:2] == (0, f"{FORMAT_1}\n") and hub.requests == []
    code, stdout, stderr = run("pull", "theirs", "--from", "hub")
    assert (code, stdout) == (0, f"{root / 'checkpoints' / 'theirs'}\n"), stderr
    assert hub.requests[0].startswith(
        f"GET /api/models/owner/repo/tree/{hub.commit('owner/repo')}"
    )  # as pinned
    hub.requests.clear()
    assert (
        run("pull", "theirs")[0]
        == run("pull", "theirs", "--update")[0]
        == run("verify", "theirs")[0]
        == 0
    )
    assert hub.requests == []


def test_pulling_pushing_and_searching_import_no_torch(hub: Hub) -> None:
    heavy = ("torch", "torchvision", "numpy", "safetensors")
    code = "import sys; from zoo.cli import main\n"
    code += "try: main(sys.argv[1:])\nexcept SystemExit as stop: assert not stop.code\n"
    code += f"assert not [name for name in {heavy} if name in sys.modules]"
    for words in (
        f"pull {NAME}",
        f"push {NAME} owner/other --yes --token {WRITE}",
        "search",
        "list --outdated",
    ):
        done = subprocess.run(
            [sys.executable, "-c", code, *words.split()], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    assert hub.repositories["owner/other"].files.keys() >= {"config.json", "model.safetensors"}


def test_the_catalogues_digests_are_believed_and_the_hubs_are_not(
    hub: Hub, root: Path, offer: Callable[..., None]
) -> None:
    offer({"config.json": files.sha256(FORMAT_1 / "config.json"), "model.safetensors": "0" * 64})
    assert "model.safetensors of owner/repo is not the file that was announced" in refusal(
        root, "theirs"
    )


@pytest.mark.parametrize(
    ("repo_id", "source", "words"),
    [
        ("", "hub", "plugin of theirs names no Hub"),
        ("owner/repo", "bundle", "theirs is not bundled with any plugin"),
    ],
)
def test_a_source_that_a_checkpoint_does_not_have_is_refused_without_a_request(
    hub: Hub, root: Path, offer: Callable[..., None], repo_id: str, source: str, words: str
) -> None:
    offer(dict.fromkeys(("config.json", "model.safetensors"), "0" * 64), repo_id)
    assert words in refusal(root, "theirs", "--from", source)
    assert hub.requests == []


@pytest.fixture
def weights(hub: Hub) -> Iterator[threading.Event]:
    """The hub keeps the weights back until this is set."""
    released = threading.Event()
    hub.answers[r"GET .*resolve.*/model\.safetensors"] = stalled(released)
    yield released
    released.set()


def asked_for_weights(hub: Hub) -> int:
    return sum(
        line.startswith("GET ") and line.endswith("/model.safetensors") for line in hub.requests
    )


def test_ctrl_c_in_the_middle_of_a_pull_exits_with_130_and_leaves_nothing(
    hub: Hub, weights: threading.Event, root: Path
) -> None:
    process = start(hub, "pull", NAME)
    wait_for(lambda: asked_for_weights(hub) == 1)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=20)
    assert (process.returncode, stdout) == (130, ""), stderr
    assert "Interrupted" in stderr and "Traceback" not in stderr
    assert everything(root) == {} and list(root.glob("scratch/[!.]*")) == []


def test_what_a_killed_pull_left_is_cleaned_up_by_the_next(
    hub: Hub, weights: threading.Event, root: Path
) -> None:
    process = start(hub, "pull", NAME)
    wait_for(lambda: asked_for_weights(hub) == 1)
    process.kill()
    process.communicate()
    assert len(list(root.glob("scratch/[!.]*"))) == 1 and not list(root.glob("checkpoints/*"))
    weights.set()
    assert run("pull", NAME)[0] == 0
    assert list(root.glob("scratch/[!.]*")) == [] and len(list(root.glob("checkpoints/*"))) == 1


def test_at_a_terminal_progress_is_shown_and_nothing_of_it_stays(hub: Hub) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    command = [sys.executable, "-m", "zoo", "pull", NAME]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, timeout=30)
    os.close(theirs)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert "model.safetensors" in shown and "29008/29008" in shown and done.returncode == 0
    # the bar is wiped out before what stays is said
    assert shown.rpartition("\x1b[2K")[2].split("\r\n") == [
        f"Pulled {NAME}: 30.3 kB, verified.", f"{NAME} is now the current checkpoint: zoo sample", "",
    ]  # fmt: skip


def test_two_pulls_of_one_name_at_once_both_succeed(
    hub: Hub, weights: threading.Event, root: Path
) -> None:
    pulls = [start(hub, "pull", NAME) for _ in range(2)]
    wait_for(lambda: asked_for_weights(hub) == 2)
    weights.set()
    ends = [pull.communicate(timeout=30) for pull in pulls]
    assert [pull.returncode for pull in pulls] == [0, 0], ends
    assert ends[0][0] == ends[1][0]
    assert everything(root / "checkpoints" / "hf%3Aowner%2Frepo").keys() == CHECKPOINT.keys() | {
        "origin.json"
    }
    assert list(root.glob("scratch/[!.]*")) == []


def test_two_pulls_and_a_push_at_once_all_succeed(
    hub: Hub, weights: threading.Event, root: Path
) -> None:
    weights.set()
    assert run("pull", NAME)[0] == 0
    before = hub.commit("owner/repo")
    shutil.copytree(root / "checkpoints" / "hf%3Aowner%2Frepo", "mine")
    Path("mine", "images", "samples.png").write_bytes(b"another picture")
    hub.requests.clear()
    weights.clear()
    pulls = [start(hub, "pull", NAME, "--from", "hub") for _ in range(2)]
    wait_for(lambda: asked_for_weights(hub) == 2)
    code, _, stderr = run("push", "./mine", "owner/repo", "--yes", "--token", WRITE)
    assert code == 0 and hub.commit("owner/repo") != before, stderr
    weights.set()
    ends = [pull.communicate(timeout=30) for pull in pulls]
    assert [pull.returncode for pull in pulls] == [0, 0], ends
    kept = root / "checkpoints" / "hf%3Aowner%2Frepo"
    assert (
        json.loads((kept / "origin.json").read_text())["commit"] == before
    )  # whole, as it was when they began
    assert run("verify", NAME)[0] == 0
    assert [one["name"] for one in json.loads(run("list", "--outdated", "--json")[1])] == [NAME]


def test_a_pull_names_another_hub_and_its_token_on_the_command_line(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.invalid")
    hub.repositories["owner/repo"].private = True
    code, _, stderr = run("pull", NAME, "--endpoint", f"{hub.endpoint}/", "--token", READ)
    assert code == 0, stderr
    assert {one.token for one in hub.requests} == {READ}


def test_what_is_here_says_which_hub_it_came_from(hub: Hub) -> None:
    assert run("pull", NAME)[0] == 0
    assert f"{NAME} is here already (pulled from {hub.endpoint})" in run("pull", NAME)[2]


def test_an_update_of_what_has_not_changed_is_one_request(hub: Hub) -> None:
    assert run("pull", NAME, "vae-mnist")[0] == 0
    hub.requests.clear()
    code, stdout, stderr = run("pull", "--update")
    assert code == 0 and len(stdout.splitlines()) == 2, stderr
    assert hub.requests == ["GET /api/models/owner/repo"] and f"{NAME} is up to date" in stderr
    assert run("list", "--outdated")[1:] == ("", "Everything that was pulled is up to date.\n")
    assert hub.requests == 2 * ["GET /api/models/owner/repo"]


def test_an_update_of_a_commit_is_no_request(hub: Hub) -> None:
    name = f"{NAME}@{hub.commit('owner/repo')}"
    assert run("pull", name)[0] == 0
    assert hub.requests[0].startswith(
        "GET /api/models/owner/repo/tree/"
    )  # it need not be asked which commit it is
    hub.requests.clear()
    hub.put("owner/repo", {"README.md": b"# Another"})
    assert (
        run("pull", "--update", name)[0] == 0 and run("list", "--outdated", "--json")[1] == "[]\n"
    )
    assert hub.requests == []


def test_what_changed_on_the_hub_is_listed_and_updated_where_it_came_from(
    hub: Hub, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("pull", NAME)[0] == 0
    hub.put("owner/repo", {"README.md": b"# Another"})
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.invalid")
    assert [one["name"] for one in json.loads(run("list", "--outdated", "--json")[1])] == [NAME]
    code, stdout, stderr = run("pull", "--update")
    assert code == 0, stderr
    assert (Path(stdout.strip()) / "README.md").read_bytes() == b"# Another"
    assert run("list", "--outdated", "--json")[1] == "[]\n"


def test_a_checkpoint_of_a_plugin_is_outdated_when_the_plugin_names_another_commit(
    hub: Hub, offer: Callable[..., None]
) -> None:
    first = hub.commit("owner/repo")
    offer(DIGESTS, revision=first)
    assert run("pull", "theirs")[0] == 0
    second = hub.put("owner/repo", {"README.md": b"# Another"}).head
    assert run("list", "--outdated", "--json")[1] == "[]\n"
    shutil.rmtree("../zoo-theirs")
    offer(DIGESTS, revision=second)
    hub.requests.clear()
    assert [one["name"] for one in json.loads(run("list", "--outdated", "--json")[1])] == ["theirs"]
    assert hub.requests == []
    code, stdout, stderr = run("pull", "--update", "theirs")
    assert code == 0 and (Path(stdout.strip()) / "README.md").read_bytes() == b"# Another", stderr


def test_a_repository_that_is_gone_hides_no_other_that_is_outdated(hub: Hub) -> None:
    hub.put("owner/gone", CHECKPOINT)
    assert run("pull", NAME, "hf:owner/gone")[0] == 0
    hub.put("owner/repo", {"README.md": b"# Another"})
    del hub.repositories["owner/gone"]
    code, _, stderr = run("list", "--outdated")
    assert code == 1 and "owner/gone does not exist" in stderr
    assert (
        f"not find out whether hf:owner/gone changed. Outdated among the others: {NAME}." in stderr
    )
    code, stdout, stderr = run("pull", "--update")
    assert (
        code == 1
        and "owner/gone does not exist" in stderr
        and "Error: Not updated: hf:owner/gone." in stderr
    )
    (path,) = stdout.splitlines()
    assert (Path(path) / "README.md").read_bytes() == b"# Another"


def test_an_update_without_names_needs_something_that_was_pulled(zoo: Zoo) -> None:
    assert "You have no pulled checkpoints" in zoo("pull", "--update").stderr
    assert zoo("pull").exit_code == 2


def test_what_was_trained_here_is_never_replaced_by_a_pull(zoo: Zoo, root: Path) -> None:
    shutil.copytree(FORMAT_1, root / "checkpoints" / "mine")
    (root / "checkpoints" / "mine" / "origin.json").write_text(
        '{"source": "trained", "sha256": {}}'
    )
    result = zoo("pull", "mine", "--update")
    assert result.exit_code == 1 and "mine was trained here: it can't be pulled" in result.stderr


def test_a_model_that_no_plugin_offers_is_said_with_the_distribution_that_claims_it(
    hub: Hub,
) -> None:
    config = json.loads(CHECKPOINT["config.json"])
    config |= {"model": "blobs", "made_by": {"distribution": "zoo-blobs", "version": "0.1.0"}}
    hub.put("owner/repo", {"config.json": json.dumps(config).encode()})
    code, _, stderr = run("pull", NAME)
    assert code == 0
    assert "No installed plugin offers its model 'blobs'" in stderr
    assert "says that it was made by zoo-blobs 0.1.0. Look at who publishes that" in stderr
    code, stdout, stderr = run("verify", NAME, "--json")
    assert code == 0 and set(json.loads(stdout)[0]["files"].values()) == {"ok"}
    assert (
        f"{NAME} was not loaded, only hashed: No installed plugin" in stderr
        and "zoo-blobs" in stderr
    )


def test_a_disk_without_room_is_seen_before_anything_is_downloaded(
    hub: Hub, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.checkpoints.format.LARGEST", 1 << 60)

    def huge(answer: Answer) -> Answer:
        sizes = {"config.json": 1 << 20, "model.safetensors": 1 << 56}
        tree = [
            one | {"size": sizes[one["path"]]}
            for one in json.loads(answer.body)
            if one["path"] in sizes
        ]
        return answer._replace(body=json.dumps(tree).encode())

    hub.answers["GET .*/tree/"] = huge
    words = refusal(root, NAME)
    assert "There is no room in" in words and "72,057,594,038,976,512 bytes are needed" in words
    assert not [line for line in hub.requests if "resolve" in line]


def test_a_disk_that_fills_up_is_said_and_what_was_there_stays(hub: Hub, root: Path) -> None:
    assert run("pull", NAME)[0] == 0
    with files_no_larger_than(10_000):
        assert "File too large. Nothing was changed" in refusal(root, NAME, "--from", "hub")


def test_what_is_too_large_for_what_it_is_is_refused_before_anything_is_downloaded(
    hub: Hub, root: Path
) -> None:
    hub.put("owner/repo", {"facts.json": b" " * (33 << 20)})
    assert "facts.json of owner/repo is too large: 34,603,008 bytes" in refusal(root, NAME)
    hub.put(
        "owner/repo", {"facts.json": None, **{f"images/{number}.png": b"" for number in range(100)}}
    )
    assert "owner/repo is too large: 104 files" in refusal(root, NAME)
    hub.put("owner/repo", {f"{number}.txt": b"" for number in range(1000)})
    assert "it lists more than 1,000 files" in refusal(root, NAME)
    assert not [line for line in hub.requests if "resolve" in line]


def test_a_file_that_is_larger_than_listed_is_not_written_to_its_end(hub: Hub, root: Path) -> None:
    hub.answers[r"GET .*resolve.*/config\.json"] = lambda answer: answer._replace(
        body=answer.body + bytes(10 << 20)
    )
    assert "sent more than the 65,536 bytes that were expected" in refusal(root, NAME)


def test_a_file_in_lfs_may_lie_elsewhere_where_no_token_goes(hub: Hub) -> None:
    elsewhere = hub.endpoint.replace("127.0.0.1", "localhost")
    hub.answers[r"resolve.*/model\.safetensors"] = redirected(elsewhere)
    assert run("pull", NAME, "--token", READ)[0] == 0
    fetched = [one for one in hub.requests if one.startswith("GET /lfs/")]
    assert len(fetched) == 1 and fetched[0].token == ""
    assert {one.token for one in hub.requests if one not in fetched} == {READ}


@pytest.mark.parametrize("resets", [1, 9])
def test_a_connection_that_is_reset_half_way_is_tried_again_a_few_times(
    hub: Hub, root: Path, resets: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with resetting(CHECKPOINT["model.safetensors"], resets) as endpoint:
        hub.answers[r"resolve.*/model\.safetensors"] = redirected(endpoint)
        if resets == 1:
            code, _, stderr = run("pull", NAME)
            assert code == 0, stderr
        else:
            assert "the connection was lost" in refusal(root, NAME)


@contextlib.contextmanager
def resetting(content: bytes, times: int) -> Iterator[str]:
    """A server of one file that resets the first connections half way."""

    def serve(server: socket.socket) -> None:
        for number in itertools.count():
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.recv(1 << 16)
                head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n".encode()
                if number < times:
                    connection.sendall(head + content[:1000])
                    connection.setsockopt(
                        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                    )
                else:
                    connection.sendall(head + content)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
