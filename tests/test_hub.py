"""The Hub: the real client pulls over real HTTP, takes only what a checkpoint holds, and keeps nothing doubtful."""

import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from conftest import Zoo, write_plugin
from hub_server import WRITE, Answer, Hub, flipped, serving, shorter, stalled, status

from zoo import files

FORMAT_1 = Path(__file__).parent / "fixtures" / "format-1"
CHECKPOINT = {file.name: file.read_bytes() for file in FORMAT_1.iterdir()} | {
    "README.md": b"# A checkpoint\n",
    "images/samples.png": b"a picture",
}
OTHERS = {
    ".gitattributes": b"*.safetensors filter=lfs",
    "pytorch_model.bin": pickle.dumps(print),
    "modeling.py": b"raise SystemExit",
    "origin.json": b'{"source": "trained"}',
    "deep/model.safetensors": b"other",
    "images/deep/er.png": b"other",
    "images/.png": b"other",
}
NAME = "hf:owner/repo"


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A hub that holds a checkpoint, and much else, as owner/repo."""
    with serving() as hub:
        hub.put("owner/repo", CHECKPOINT | OTHERS)
        hub.repositories["owner/repo"].tags["v1"] = hub.commit("owner/repo")
        yield hub


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "home"


def start(hub: Hub, *words: str, **environment: str) -> subprocess.Popen[str]:
    """`zoo` as a process whose Hub is this one (the client reads HF_ENDPOINT when it is imported)."""
    home = Path(os.environ["ZOO_HOME"]).with_name("hf")
    world = {
        "HF_ENDPOINT": hub.endpoint,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "NO_PROXY": "127.0.0.1",
    }
    command = [sys.executable, "-m", "zoo", *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env={**os.environ, **world, **environment})


def run(hub: Hub, *words: str, **environment: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `zoo`."""
    process = start(hub, *words, **environment)
    stdout, stderr = process.communicate(timeout=60)
    assert "Traceback" not in stderr, stderr
    return process.returncode, stdout, stderr


def everything(folder: Path) -> dict[str, bytes]:
    """All files below a folder, and what is in them."""
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("[!.]*") if one.is_file()}


def refusal(hub: Hub, root: Path, *words: str, **environment: str) -> str:
    """The words in which a pull is refused: one line, exit code 1, and nothing was kept or lost."""
    before = everything(root)
    code, stdout, stderr = run(hub, "pull", *words, **environment)
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
    code, stdout, stderr = run(hub, "pull", NAME)
    assert code == 0, stderr
    directory = Path(stdout.splitlines()[-1])
    assert directory.parent == root / "checkpoints"
    assert f"Pulled {NAME}" in stderr and "verified" in stderr

    origin = json.loads((directory / "origin.json").read_text())
    assert everything(directory) == CHECKPOINT | {"origin.json": (directory / "origin.json").read_bytes()}
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
    assert listed.items() >= {"model": "mlp-vae", "dataset": "mnist", "state": "pulled", "parameters": 7092}.items()
    for reference, out in ((), "current.npz"), ((NAME,), "named.npz"), ((str(FORMAT_1),), "local.npz"):
        result = zoo("sample", *reference, "-n", 4, "--seed", 0, "-o", out)
        assert result.exit_code == 0, result.stderr
    arrays = [np.load(out)["samples"] for out in ("current.npz", "named.npz", "local.npz")]
    assert arrays[0].shape == (4, 1, 28, 28) and all(np.array_equal(arrays[0], other) for other in arrays)

    assert zoo("verify", NAME).exit_code == 0
    (directory / "images" / "samples.png").write_bytes(b"another")
    damaged = zoo("verify", NAME)
    assert damaged.exit_code == 1 and "damaged" in damaged.stdout and NAME in damaged.stderr


def test_only_the_files_of_a_checkpoint_are_asked_for(hub: Hub, root: Path) -> None:
    assert run(hub, "pull", NAME)[0] == 0
    asked = {line.rpartition(f"/resolve/{hub.commit('owner/repo')}/")[2] for line in hub.requests if "resolve" in line}
    assert asked == set(CHECKPOINT)
    for line in hub.requests:
        assert line.startswith(("GET /api/models/owner/repo", "GET /owner/repo/resolve/", "HEAD /owner/repo/resolve/"))
    assert len(hub.requests) == 2 + 2 * len(CHECKPOINT)


def test_pulling_again_makes_no_request_and_makes_it_current(hub: Hub, zoo: Zoo, root: Path) -> None:
    first = run(hub, "pull", NAME)
    assert first[0] == 0 and zoo("pull", "vae-mnist").exit_code == 0
    hub.requests.clear()
    code, stdout, stderr = run(hub, "pull", NAME)
    assert (code, stdout) == (0, first[1]) and hub.requests == []
    assert f"{NAME} is here already" in stderr
    assert (root / "current").read_text().strip() == NAME


def test_a_stored_login_is_for_huggingface_co_alone(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "hf").mkdir()
    (tmp_path / "hf" / "token").write_text("hf_stored")
    assert run(hub, "pull", NAME)[0] == 0
    assert {one.token for one in hub.requests} == {""}


def test_a_token_that_is_named_goes_to_the_endpoint_that_is_named(hub: Hub) -> None:
    assert run(hub, "pull", NAME, HF_TOKEN=WRITE)[0] == 0
    assert {one.token for one in hub.requests} == {WRITE}


def test_a_revision_is_pulled_under_its_own_name(hub: Hub, root: Path) -> None:
    assert run(hub, "pull", f"{NAME}@v1", f"{NAME}@{hub.commit('owner/repo')}")[0] == 0
    assert "GET /api/models/owner/repo/revision/v1" in hub.requests
    assert len(list((root / "checkpoints").iterdir())) == 2
    assert (root / "current").read_text().strip() == f"{NAME}@{hub.commit('owner/repo')}"


@pytest.mark.parametrize("file", ["model.safetensors", "config.json"])
def test_a_flipped_byte_is_refused_and_nothing_is_kept(hub: Hub, root: Path, file: str) -> None:
    hub.answers[f"GET .*resolve.*/{file}"] = flipped
    words = refusal(hub, root, NAME)
    assert f"{file} of owner/repo is not what was announced" in words and "Nothing was kept" in words
    assert not (root / "checkpoints" / "hf%3Aowner%2Frepo").exists()


def test_a_failed_pull_keeps_the_checkpoint_that_was_there(hub: Hub, root: Path) -> None:
    assert run(hub, "pull", NAME)[0] == 0
    hub.answers[r"GET .*resolve.*/model\.safetensors"] = flipped
    assert "is not what was announced" in refusal(hub, root, NAME, "--from", "hub")


def test_a_shorter_file_than_announced_is_refused(hub: Hub, root: Path) -> None:
    hub.answers[r"GET .*resolve.*/model\.safetensors"] = shorter
    assert "owner/repo" in refusal(hub, root, NAME)


@pytest.mark.parametrize("gone", ["config.json", "model.safetensors"])
def test_a_repository_that_is_no_checkpoint_is_refused_before_anything_is_downloaded(
    hub: Hub, root: Path, gone: str
) -> None:
    hub.put("owner/repo", {gone: None})
    words = refusal(hub, root, NAME)
    assert f"owner/repo is no checkpoint of the zoo: it has no {gone}" in words
    assert not [line for line in hub.requests if "resolve" in line]


def test_a_repository_that_claims_to_be_huge_is_refused_before_anything_is_downloaded(hub: Hub, root: Path) -> None:
    def huge(answer: Answer) -> Answer:
        tree = [one | {"size": 10**12} for one in json.loads(answer.body)]
        return answer._replace(body=json.dumps(tree).encode())

    hub.answers["GET .*/tree/"] = huge
    assert "owner/repo is too large" in refusal(hub, root, NAME)
    assert not [line for line in hub.requests if "resolve" in line]


@pytest.mark.parametrize(
    ("reference", "words"), [("hf:owner/gone", ("owner/gone", "exist")), (f"{NAME}@v9", ("owner/repo", "v9"))]
)
def test_what_is_not_on_the_hub_is_named_and_said_to_be_missing(
    hub: Hub, root: Path, reference: str, words: tuple[str, ...]
) -> None:
    said = refusal(hub, root, reference)
    assert hub.endpoint in said and all(word in said for word in words), said


def test_a_gated_repository_is_said_to_be_one(hub: Hub, root: Path) -> None:
    hub.answers["resolve"] = status(403, {"X-Error-Code": "GatedRepo"})
    said = refusal(hub, root, NAME)
    assert "owner/repo" in said and any(word in said.lower() for word in ("gated", "terms", "access")), said


@pytest.mark.parametrize("code", [200, 500])
def test_a_server_that_is_no_hub_is_named(hub: Hub, root: Path, code: int) -> None:
    hub.answers["/api/"] = status(code, {"Content-Type": "text/html"}, b"<html>Log in</html>")
    assert f"Can't pull owner/repo from {hub.endpoint}" in refusal(hub, root, NAME)


def test_a_server_that_is_down_is_named_at_once(hub: Hub, root: Path) -> None:
    with serving() as down:
        pass
    began = time.monotonic()
    assert f"Can't pull owner/repo from {down.endpoint}" in refusal(down, root, NAME)
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("reference", ["hf:", "hf:owner", "hf:a/b/c", "hf:a/b@", "hf:a b/c", "hf:/b", "hf:a/b@x y"])
def test_a_malformed_reference_is_refused_with_the_form_it_must_have(zoo: Zoo, root: Path, reference: str) -> None:
    result = zoo("pull", reference)
    assert result.exit_code == 1 and result.stdout == ""
    assert repr(reference) in result.stderr and "hf:OWNER/REPO or hf:OWNER/REPO@REVISION" in result.stderr
    assert everything(root) == {} and list(root.glob("*/*")) == []


def with_etag(etag: str) -> Callable[[Answer], Answer]:
    """The right answer under a name that is a path."""
    return lambda answer: answer._replace(headers=answer.headers | {"ETag": f'"{etag}"'})


def test_a_file_name_or_etag_from_the_hub_reaches_no_place_outside(hub: Hub, root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    for name in ("images/../../../../escaped.png", "../escaped.png", str(outside / "escaped.png")):
        hub.put("owner/repo", {name: b"escaped"})
    hub.answers[r"resolve.*/README\.md"] = with_etag(str(outside))
    hub.answers[r"resolve.*/facts\.json"] = with_etag("../../../escaped")
    code, _, stderr = run(hub, "pull", NAME)
    assert code in (0, 1), stderr
    assert not outside.exists() and not list(tmp_path.rglob("*escaped*"))
    kept = {one.name for one in (root / "checkpoints" / "hf%3Aowner%2Frepo").glob("*")}
    assert kept in (set(), {"origin.json", "images"} | {name for name in CHECKPOINT if "/" not in name})
    assert list(root.glob("scratch/[!.]*")) == []


@pytest.fixture
def offer(tmp_path: Path) -> Callable[..., str]:
    """A plugin that offers owner/repo as `theirs` with these digests; returns the PYTHONPATH that finds it."""

    def make(sha256: dict[str, str], repo_id: str = "owner/repo") -> str:
        record = f'Checkpoint(name="theirs", model="mlp-vae", repo_id="{repo_id}", sha256={sha256})'
        code = "from zoo import Checkpoint, hookimpl\n\n@hookimpl\ndef zoo_checkpoints():\n"
        code += f"    return [{record}]\n"
        tree = write_plugin(tmp_path, "theirs", code)
        info = tree / "zoo_theirs-0.1.0.dist-info"  # as in an unpacked wheel
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo-theirs\nVersion: 0.1.0\n")
        (info / "entry_points.txt").write_text("[zoo]\ntheirs = zoo_theirs\n")
        return str(tree)

    return make


def test_a_checkpoint_that_a_plugin_offers_is_pulled_by_name(hub: Hub, root: Path, offer: Callable[..., str]) -> None:
    path = offer({file: files.sha256(FORMAT_1 / file) for file in ("config.json", "model.safetensors")})
    code, _, stderr = run(hub, "pull", "theirs", PYTHONPATH=path)
    assert code == 0, stderr
    assert everything(root / "checkpoints" / "theirs").keys() == CHECKPOINT.keys() | {"origin.json"}
    code, stdout, _ = run(hub, "verify", "theirs", "--json", PYTHONPATH=path)
    assert code == 0 and set(json.loads(stdout)[0]["files"].values()) == {"ok"}


def test_the_catalogues_digests_are_believed_and_the_hubs_are_not(
    hub: Hub, root: Path, offer: Callable[..., str]
) -> None:
    path = offer({"config.json": files.sha256(FORMAT_1 / "config.json"), "model.safetensors": "0" * 64})
    assert "model.safetensors of owner/repo is not what was announced" in refusal(hub, root, "theirs", PYTHONPATH=path)


@pytest.mark.parametrize(
    ("repo_id", "source", "words"),
    [("", "hub", "theirs is on no Hub"), ("owner/repo", "bundle", "theirs is not bundled with any plugin")],
)
def test_a_source_that_a_checkpoint_does_not_have_is_refused_without_a_request(
    hub: Hub, root: Path, offer: Callable[..., str], repo_id: str, source: str, words: str
) -> None:
    path = offer(dict.fromkeys(("config.json", "model.safetensors"), "0" * 64), repo_id)
    assert words in refusal(hub, root, "theirs", "--from", source, PYTHONPATH=path)
    assert hub.requests == []


@pytest.fixture
def weights(hub: Hub) -> Iterator[threading.Event]:
    """The hub keeps the weights back until this is set."""
    released = threading.Event()
    hub.answers[r"GET .*resolve.*/model\.safetensors"] = stalled(released)
    yield released
    released.set()


def asked_for_weights(hub: Hub) -> int:
    return sum(line.startswith("GET ") and line.endswith("/model.safetensors") for line in hub.requests)


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


def test_what_a_killed_pull_left_is_cleaned_up_by_the_next(hub: Hub, weights: threading.Event, root: Path) -> None:
    process = start(hub, "pull", NAME)
    wait_for(lambda: asked_for_weights(hub) == 1)
    process.kill()
    process.communicate()
    assert len(list(root.glob("scratch/[!.]*"))) == 1 and not list(root.glob("checkpoints/*"))
    weights.set()
    assert run(hub, "pull", NAME)[0] == 0
    assert list(root.glob("scratch/[!.]*")) == [] and len(list(root.glob("checkpoints/*"))) == 1


def test_two_pulls_of_one_name_at_once_both_succeed(hub: Hub, weights: threading.Event, root: Path) -> None:
    pulls = [start(hub, "pull", NAME) for _ in range(2)]
    wait_for(lambda: asked_for_weights(hub) == 2)
    weights.set()
    ends = [pull.communicate(timeout=30) for pull in pulls]
    assert [pull.returncode for pull in pulls] == [0, 0], ends
    assert ends[0][0] == ends[1][0]
    assert everything(root / "checkpoints" / "hf%3Aowner%2Frepo").keys() == CHECKPOINT.keys() | {"origin.json"}
    assert list(root.glob("scratch/[!.]*")) == []
