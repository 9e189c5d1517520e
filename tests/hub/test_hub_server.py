"""The Hub of the tests answers the real client as the real one does, in good weather and in bad."""

import hashlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest
from hub_server import (
    OTHER,
    READ,
    WRITE,
    Hub,
    cut,
    flipped,
    redirected,
    serving,
    shorter,
    stalled,
    status,
    times,
)
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, constants
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

pytestmark = pytest.mark.filterwarnings(
    "ignore:Use 'content="
)  # the client's own, when it uploads to LFS

WEIGHTS = os.urandom(100_000)
FILES = {"model.safetensors": WEIGHTS, "config.json": b"{}", "images/samples.png": b"a picture"}
NAME = "owner/repo"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
    with serving() as hub:
        yield hub


def api(hub: Hub, token: str | bool = WRITE) -> HfApi:
    return HfApi(endpoint=hub.endpoint, token=token)


def push(hub: Hub, files: dict[str, bytes], token: str | bool = WRITE, **options: str) -> str:
    operations = [CommitOperationAdd(path, content) for path, content in files.items()]
    return api(hub, token).create_commit(NAME, operations, commit_message="Push", **options).oid


def fetch(
    hub: Hub, path: str, folder: Path, token: str | bool = False, revision: str = "main"
) -> bytes:
    return Path(
        api(hub, token).hf_hub_download(NAME, path, local_dir=folder, revision=revision)
    ).read_bytes()


def in_folder(folder: Path) -> dict[str, bytes]:
    """What was downloaded, without the client's notes."""
    found = {str(one.relative_to(folder)): one for one in folder.rglob("*") if one.is_file()}
    return {path: one.read_bytes() for path, one in found.items() if not path.startswith(".cache")}


def test_what_is_pushed_comes_back_to_the_byte(hub: Hub, tmp_path: Path) -> None:
    assert api(hub).create_repo(NAME).repo_id == NAME
    commit = push(hub, FILES)
    assert commit == hub.commit(NAME)
    folder = api(hub, False).snapshot_download(
        NAME, local_dir=tmp_path / "got", allow_patterns=list(FILES)
    )
    assert in_folder(Path(folder)) == FILES
    (weights,) = (
        one
        for one in api(hub).list_repo_tree(NAME, recursive=True)
        if one.path == "model.safetensors"
    )
    assert (
        weights.lfs
        and weights.lfs.sha256 == hashlib.sha256(WEIGHTS).hexdigest()
        and weights.size == len(WEIGHTS)
    )
    assert [one.split("?")[0] for one in hub.requests if one.startswith(("POST", "PUT"))] == [
        "POST /api/repos/create",
        f"POST /api/models/{NAME}/preupload/main",
        f"POST /{NAME}.git/info/lfs/objects/batch",
        f"PUT /lfs/{weights.lfs.sha256}",
        f"POST /api/models/{NAME}/commit/main",
    ]


def test_a_push_of_what_is_there_makes_no_commit_and_sends_no_byte(hub: Hub) -> None:
    hub.put(NAME, FILES)
    before = hub.commit(NAME)
    assert push(hub, FILES) == before == hub.commit(NAME)
    assert not [one for one in hub.requests if one.startswith("PUT") or "/commit/" in one]


def test_a_repository_is_created_once(hub: Hub) -> None:
    api(hub).create_repo(NAME, private=True)
    assert hub.repositories[NAME].private
    assert api(hub).create_repo(NAME, exist_ok=True).repo_id == NAME
    with pytest.raises(HfHubHTTPError) as refused:
        api(hub).create_repo(NAME)
    assert refused.value.response.status_code == 409


@pytest.mark.parametrize(
    ("token", "code"), [(False, 401), (READ, 403), (OTHER, 403), ("hf_unknown", 401)]
)
def test_only_its_owners_write_token_writes(hub: Hub, token: str | bool, code: int) -> None:
    hub.put(NAME, FILES)
    before = hub.commit(NAME)
    for attempt in (
        lambda: push(hub, {"new": b"new"}, token),
        lambda: api(hub, token).create_repo("owner/other"),
    ):
        with pytest.raises(HfHubHTTPError) as refused:
            attempt()
        assert refused.value.response.status_code == code
    assert hub.commit(NAME) == before and list(hub.repositories) == [NAME]


def test_a_token_says_whose_it_is_and_a_wrong_one_reads_nothing(hub: Hub) -> None:
    assert api(hub, READ).whoami()["name"] == "owner"
    assert api(hub, READ).whoami()["auth"]["accessToken"]["role"] == "read"
    hub.put(NAME, FILES)
    with pytest.raises(HfHubHTTPError, match="Invalid credentials"):
        api(hub, "hf_unknown").model_info(NAME)
    assert hub.requests[-1].token == "hf_unknown"


@pytest.mark.parametrize("token", [False, OTHER])
def test_a_private_repository_is_not_there_for_others(
    hub: Hub, token: str | bool, tmp_path: Path
) -> None:
    hub.put(NAME, FILES, private=True)
    for name in (NAME, "owner/missing"):
        with pytest.raises(RepositoryNotFoundError):
            api(hub, token).model_info(name)
    assert list(api(hub, token).list_models()) == []
    assert fetch(hub, "config.json", tmp_path, READ) == b"{}"
    assert [one.id for one in api(hub, READ).list_models()] == [NAME]


def test_a_gated_repository_shows_itself_and_keeps_its_files(hub: Hub, tmp_path: Path) -> None:
    repository = hub.put(NAME, FILES, gated=True)
    assert api(hub, OTHER).model_info(NAME).gated == "auto"
    with pytest.raises(GatedRepoError):
        fetch(hub, "config.json", tmp_path, OTHER)
    repository.admitted.add("other")
    assert fetch(hub, "config.json", tmp_path, OTHER) == b"{}"


def test_branches_tags_and_commits_are_revisions(hub: Hub, tmp_path: Path) -> None:
    hub.put(NAME, FILES)
    first = hub.commit(NAME)
    api(hub).create_tag(NAME, tag="v1")
    api(hub).create_branch(NAME, branch="dev/x")
    second = push(hub, {"config.json": b"[]"}, revision="dev/x")
    assert hub.commit(NAME) == first != second
    for revision, content in (
        ("main", b"{}"),
        ("v1", b"{}"),
        (first, b"{}"),
        ("dev/x", b"[]"),
        (second, b"[]"),
    ):
        assert fetch(hub, "config.json", tmp_path / revision, revision=revision) == content
    refs = api(hub).list_repo_refs(NAME)
    assert {one.name: one.target_commit for one in refs.branches + refs.tags} == {
        "main": first,
        "v1": first,
        "dev/x": second,
    }
    assert [one.commit_id for one in api(hub).list_repo_commits(NAME, revision="dev/x")] == [
        second,
        first,
    ]
    with pytest.raises(RevisionNotFoundError):
        api(hub).model_info(NAME, revision="v2")
    with pytest.raises(RemoteEntryNotFoundError):
        fetch(hub, "missing", tmp_path)


def test_a_commit_upon_one_that_is_no_longer_the_last_is_refused(hub: Hub) -> None:
    hub.put(NAME, FILES)
    first = hub.commit(NAME)
    second = push(hub, {"config.json": b"[]"}, parent_commit=first)
    with pytest.raises(HfHubHTTPError) as refused:
        push(hub, {"config.json": b"{ }"}, parent_commit=first)
    assert refused.value.response.status_code == 412 and hub.commit(NAME) == second


def test_a_commit_is_whole_or_not_made(hub: Hub) -> None:
    hub.put(NAME, FILES)
    before = hub.commit(NAME)
    operations = [CommitOperationAdd("new", b"new"), CommitOperationDelete("missing")]
    with pytest.raises(RemoteEntryNotFoundError):
        api(hub).create_commit(NAME, operations, commit_message="Half")
    assert hub.commit(NAME) == before
    operations = [CommitOperationAdd("new", b"new"), CommitOperationDelete("images/")]
    api(hub).create_commit(NAME, operations, commit_message="Whole")
    assert hub.repositories[NAME].files.keys() == {"new", "config.json", "model.safetensors"}


def test_an_object_must_be_uploaded_whole_before_a_commit_names_it(hub: Hub) -> None:
    hub.put(NAME, FILES)
    oid = hashlib.sha256(b"never").hexdigest()
    lines = '{"key": "header", "value": {"summary": "x"}}\n'
    lines += f'{{"key": "lfsFile", "value": {{"path": "w.bin", "algo": "sha256", "oid": "{oid}", "size": 5}}}}\n'
    headers = {"Authorization": f"Bearer {WRITE}"}
    commit = httpx2.post(
        f"{hub.endpoint}/api/models/{NAME}/commit/main", content=lines, headers=headers
    )
    assert commit.status_code == 400
    assert (
        httpx2.put(f"{hub.endpoint}/lfs/{oid}?key={hub.key}", content=b"other").status_code == 403
    )
    assert httpx2.put(f"{hub.endpoint}/lfs/{oid}", content=b"never").status_code == 403
    assert hub.repositories[NAME].files.keys() == FILES.keys()


def test_a_card_that_is_not_yaml_is_refused_before_anything_is_uploaded(hub: Hub) -> None:
    hub.put(NAME, FILES)
    with pytest.raises(ValueError, match="YAML Metadata Error"):
        push(hub, {"README.md": b"---\ntags: [\n---\n", "new.safetensors": b"new"})
    assert not [one for one in hub.requests if "preupload" in one]


def test_a_search_filters_by_tags_text_and_author_page_by_page(hub: Hub) -> None:
    card = b"---\nlibrary_name: genzoo\ntags: [vae, mnist]\nlicense: mit\ndatasets: [ylecun/mnist]\n---\n"
    for number in range(5):
        hub.put(f"owner/vae-{number}", {"README.md": card}, downloads=number)
    hub.put("other/vae-9", {"README.md": card})
    hub.put("owner/gan", {"README.md": b"---\ntags: gan\nlibrary_name: genzoo\n---\n"})
    hub.put("owner/none", FILES)
    hub.page = 2
    found = list(
        api(hub).list_models(filter=["genzoo", "vae"], author="owner", search="VAE", full=True)
    )
    assert [one.id for one in found] == [f"owner/vae-{number}" for number in (4, 3, 2, 1, 0)]
    assert sum(one.startswith("GET /api/models?") for one in hub.requests) == 3
    assert found[0].library_name == "genzoo" and {"license:mit", "dataset:ylecun/mnist"} <= set(
        found[0].tags or []
    )
    assert len(list(api(hub).list_models(filter="genzoo", limit=3))) == 3


def test_a_body_that_is_cut_is_continued_where_it_broke_off(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        time, "sleep", lambda seconds: None
    )  # a second before the client's next try
    content = os.urandom(12 << 20)
    hub.put(NAME, {"model.safetensors": content})
    hub.answers["GET .*resolve"] = times(1, cut(11 << 20))
    assert fetch(hub, "model.safetensors", tmp_path) == content
    ranges = [one.range for one in hub.requests if one.startswith("GET") and "resolve" in one]
    assert ranges == ["", f"bytes={10 << 20}-"]  # the client writes in steps of 10 MiB


def test_a_flipped_byte_arrives_and_a_short_body_does_not(hub: Hub, tmp_path: Path) -> None:
    hub.put(NAME, FILES)
    hub.answers["GET .*resolve"] = flipped
    got = fetch(hub, "model.safetensors", tmp_path)
    assert got != WEIGHTS and got[:-1] == WEIGHTS[:-1]
    hub.answers["GET .*resolve"] = shorter
    with pytest.raises(OSError, match="Consistency check failed"):
        fetch(hub, "model.safetensors", tmp_path / "again")


def test_a_file_that_lies_elsewhere_is_fetched_there_without_the_token(
    hub: Hub, tmp_path: Path
) -> None:
    hub.put(NAME, FILES, private=True)
    hub.answers["/resolve/"] = redirected(hub.endpoint.replace("127.0.0.1", "localhost"))
    assert fetch(hub, "model.safetensors", tmp_path, WRITE) == WEIGHTS
    assert hub.requests[-1].startswith("GET /lfs/") and hub.requests[-1].token == ""
    assert {one.token for one in hub.requests[:-1]} == {WRITE}


@pytest.mark.parametrize("code", [403, 404, 500])
def test_any_status_can_be_had(hub: Hub, code: int) -> None:
    hub.put(NAME, FILES)
    hub.answers["GET /api/models/"] = times(1, status(code))
    with pytest.raises(HfHubHTTPError) as refused:
        api(hub).model_info(NAME)
    assert refused.value.response.status_code == code
    assert api(hub).model_info(NAME).sha == hub.commit(NAME)


def test_a_hub_that_stalls_answers_others_meanwhile(hub: Hub) -> None:
    hub.put(NAME, FILES)
    released = threading.Event()
    hub.answers["GET /api/models/"] = times(1, stalled(released))
    found: list[str | None] = []
    waiting = threading.Thread(target=lambda: found.append(api(hub).model_info(NAME).sha))
    waiting.start()
    while not hub.requests:
        time.sleep(0.001)
    assert api(hub).model_info(NAME).sha and found == []
    released.set()
    waiting.join(10)
    assert found == [hub.commit(NAME)]


def test_a_hub_that_is_down_refuses_connections() -> None:
    with serving() as hub:
        pass
    with pytest.raises(httpx2.ConnectError):
        api(hub).model_info(NAME)


@pytest.fixture
def hf(tmp_path: Path) -> Callable[..., str]:
    """The official command, as a process of its own."""

    def run(hub: Hub, *words: object) -> str:
        command = [str(Path(sys.executable).with_name("hf")), *map(str, words)]
        world = {"HF_ENDPOINT": hub.endpoint, "HF_TOKEN": WRITE, "HF_HOME": str(tmp_path / "hf")}
        world |= {
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_UPDATE_CHECK": "1",
            "NO_PROXY": "127.0.0.1",
        }
        world |= {} if hub.cas else {"HF_HUB_DISABLE_XET": "1"}
        ended = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, **world}, timeout=60
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    return run


@pytest.mark.parametrize("transport", ["lfs", "xet"])
def test_the_official_command_uploads_and_downloads(
    transport: str, hf: Callable[..., str], tmp_path: Path
) -> None:
    for path, content in FILES.items():
        (tmp_path / "mine" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / path).write_bytes(content)
    with serving(cas=tmp_path / "cas" if transport == "xet" else None) as hub:
        hf(hub, "upload", NAME, tmp_path / "mine")
        hf(hub, "download", NAME, *FILES, "--local-dir", tmp_path / "got")
        weights = hub.repositories[NAME].files["model.safetensors"]
    assert in_folder(tmp_path / "got") == FILES
    assert weights.sha256 == hashlib.sha256(WEIGHTS).hexdigest() and bool(weights.xet_hash) == (
        transport == "xet"
    )
    assert any("xet-write-token" in one for one in hub.requests) == (transport == "xet")
    assert any(one.startswith("PUT /lfs/") for one in hub.requests) == (transport == "lfs")
