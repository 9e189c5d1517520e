"""zoo push: exactly a checkpoint's files, in one commit, upon what was seen here, and never over
what others wrote.
"""

import hashlib
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from conftest import Zoo, telling_client
from hub_server import OTHER, READ, WRITE, Answer, Hub, cut, file_of, serving, stalled, status
from huggingface_hub import constants

import zoo as api
from zoo.checkpoints import find
from zoo.checkpoints.card import BEGIN, END
from zoo.common import files
from zoo.common.errors import ZooError
from zoo.hub import guard, session

pytestmark = pytest.mark.filterwarnings(
    "ignore:Use 'content="
)  # the client's own, when it uploads to LFS

FORMAT_1 = Path(__file__).parents[1] / "fixtures" / "format-1"
NAME = "owner/repo"
SENT = {"README.md", "config.json", "facts.json", "model.safetensors", "images/samples.png"}
Push = Callable[..., Result]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """An empty hub, at which owner is logged in."""
    with serving() as hub:
        monkeypatch.setattr(
            constants, "HF_HUB_DISABLE_XET", False
        )  # and put back whatever a push made of it
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        monkeypatch.setenv("HF_TOKEN", WRITE)
        telling_client(tmp_path, monkeypatch)
        yield hub
        assert not [one for one in hub.requests if "harness" in one]


@pytest.fixture
def mine() -> Path:
    """A checkpoint in the folder ./mine, with a picture."""
    shutil.copytree(FORMAT_1, "mine")
    Path("mine/images").mkdir()
    Path("mine/images/samples.png").write_bytes(b"a picture")
    return Path("mine")


@pytest.fixture
def push(zoo: Zoo, hub: Hub) -> Push:
    """Push ./mine to owner/repo without being asked: `push("--private")`; no token or signature is
    ever told.
    """

    def run(*words: object, code: int = 0) -> Result:
        result = zoo("push", "./mine", NAME, "--yes", *words)
        assert result.exit_code == code, result.output
        assert not any(token in result.output for token in (WRITE, READ, OTHER, hub.key))
        if code:
            assert (
                result.stdout == ""
                and result.stderr.startswith("Error: ")
                and result.stderr.count("\n") == 1
            )
        return result

    return run


def start(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "zoo", "push", "./mine", NAME, *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


def held(hub: Hub) -> dict[str, bytes]:
    """What owner/repo holds, without what a new repository holds of itself."""
    return {
        path: file.content
        for path, file in hub.repositories[NAME].files.items()
        if path != ".gitattributes"
    }


def card(hub: Hub) -> str:
    return held(hub)["README.md"].decode()


def written(hub: Hub) -> list[str]:
    return [one for one in hub.requests if not one.startswith("GET")]


def test_a_push_makes_the_repository_and_one_commit_of_the_checkpoints_files(
    hub: Hub, mine: Path, push: Push
) -> None:
    result = push()
    assert result.stdout == f"{hub.endpoint}/{NAME}\n" and "Pushed 31" in result.stderr
    assert held(hub).keys() == SENT
    assert all(held(hub)[path] == (mine / path).read_bytes() for path in SENT - {"README.md"})
    repository = hub.repositories[NAME]
    assert (
        len(repository.commits) == 2 and not repository.private
    )  # that of the new repository, and ours
    assert repository.files["model.safetensors"].lfs
    assert [one.partition("?")[0] for one in hub.requests] == [
        f"GET /api/models/{NAME}/revision/main",
        "POST /api/repos/create",
        f"GET /api/models/{NAME}/revision/main",
        f"GET /api/models/{NAME}/tree/{next(iter(repository.commits))}",
        "POST /api/validate-yaml",
        f"POST /api/models/{NAME}/preupload/main",
        f"POST /{NAME}.git/info/lfs/objects/batch",
        f"PUT /lfs/{files.sha256(mine / 'model.safetensors')}",
        f"POST /api/models/{NAME}/commit/main",
    ]


def test_the_card_on_the_hub_says_how_to_pull_it_from_there(
    hub: Hub, mine: Path, push: Push
) -> None:
    facts = json.loads((mine / "facts.json").read_text())
    told = {
        "reference": "./mine",
        "samples_command": "zoo sample ./mine -n 64 --seed 0 -o samples.png",
    }
    (mine / "facts.json").write_text(json.dumps(facts | told))
    push()
    assert f"zoo pull hf:{NAME} && zoo sample" in card(hub) and f'zoo.load("hf:{NAME}")' in card(
        hub
    )
    assert f"zoo sample hf:{NAME} -n 64 --seed 0 -o samples.png" in card(hub)
    assert "./mine" not in card(hub)


def test_what_is_there_already_is_not_sent_and_makes_no_commit(
    hub: Hub, mine: Path, push: Push
) -> None:
    push()
    before = hub.commit(NAME)
    hub.requests.clear()
    result = push("--json")
    assert json.loads(result.stdout) == {
        "url": f"{hub.endpoint}/{NAME}",
        "commit": before,
        "private": False,
        "files": [],
    }
    assert hub.commit(NAME) == before and len(hub.requests) == 2 and written(hub) == []
    assert "Nothing to change" in push().stderr


def test_a_second_push_sends_what_changed_and_removes_what_is_no_longer_of_the_checkpoint(
    hub: Hub, mine: Path, push: Push
) -> None:
    push()
    hub.requests.clear()
    shutil.rmtree(mine / "images")
    (mine / "facts.json").write_text(
        (mine / "facts.json").read_text().replace('"seed": 0', '"seed": 1')
    )
    changes = {one["file"]: one["action"] for one in json.loads(push("--json").stdout)["files"]}
    assert changes == {
        "README.md": "replace",
        "facts.json": "replace",
        "images/samples.png": "remove",
    }
    assert held(hub).keys() == SENT - {"images/samples.png"}
    assert not [one for one in hub.requests if one.startswith("PUT")]


def test_only_the_checkpoints_own_files_are_ever_sent(
    hub: Hub, mine: Path, push: Push, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    for name in (
        ".env",
        "origin.json",
        "model.py",
        "pytorch_model.bin",
        "images/notes.txt",
        "images/.png",
    ):
        (mine / name).write_bytes(b"secret")
    for name in ("training.safetensors", "images/linked.png"):
        (mine / name).symlink_to(tmp_path / "secret")
    push()
    assert held(hub).keys() == SENT and b"secret" not in b"".join(held(hub).values())
    (mine / "images").rename(tmp_path / "elsewhere")
    (mine / "images").symlink_to(tmp_path / "elsewhere")
    push()
    assert held(hub).keys() == SENT - {"images/samples.png"}


def test_a_checkpoint_that_is_not_whole_is_refused_before_any_request(
    hub: Hub, mine: Path, push: Push, zoo: Zoo
) -> None:
    weights = (mine / "model.safetensors").read_bytes()
    (mine / "model.safetensors").rename("weights")
    assert "model.safetensors is missing" in push(code=1).stderr
    (mine / "model.safetensors").symlink_to(Path("weights").resolve())
    assert "links are never sent" in push(code=1).stderr
    (mine / "model.safetensors").unlink()
    (mine / "model.safetensors").write_bytes(weights[:-1])
    assert "damaged" in push(code=1).stderr
    assert "not a checkpoint" in zoo("push", ".", NAME, "--yes").stderr
    assert hub.requests == []


def test_a_checkpoint_that_was_damaged_since_it_was_pulled_is_not_sent(hub: Hub, zoo: Zoo) -> None:
    hub.put("owner/other", {one.name: one.read_bytes() for one in FORMAT_1.iterdir()})
    assert zoo("pull", "hf:owner/other").exit_code == 0
    weights = Path(zoo("pull", "hf:owner/other").stdout.strip()) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    hub.requests.clear()
    result = zoo("push", "hf:owner/other", NAME, "--yes")
    assert (
        result.exit_code == 1
        and "zoo verify hf:owner/other" in result.stderr
        and hub.requests == []
    )


def test_a_private_repository_is_made_private_and_a_public_one_is_not_taken_for_it(
    hub: Hub, mine: Path, push: Push
) -> None:
    assert json.loads(push("--private", "--json").stdout)["private"] is True
    assert hub.repositories[NAME].private
    push("--private")
    hub.repositories[NAME].private = False
    assert f"{NAME} exists already, and is public" in push("--private", code=1).stderr


def test_a_branch_is_made_and_main_stays_as_it_was(hub: Hub, mine: Path, push: Push) -> None:
    main = hub.put(NAME, {"model.safetensors": b"another", "README.md": b"# Another\n"}).head
    assert push("--revision", "dev/x").stdout == f"{hub.endpoint}/{NAME}/tree/dev/x\n"
    repository = hub.repositories[NAME]
    assert (
        repository.head == main
        and repository.commits[repository.branches["dev/x"]].files.keys() == SENT
    )
    assert "Nothing to change" in push("--revision", "dev/x").stderr
    push("--revision", "dev/y", "--message", "As you like it")
    assert repository.commits[repository.branches["dev/y"]].title == "As you like it"


def test_a_dry_run_lists_what_would_be_sent_and_writes_nothing(
    hub: Hub, mine: Path, push: Push, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_TOKEN")
    result = push("--dry-run", "--private")
    assert (
        "Nothing was sent. Without --dry-run it would go to a new private repository."
        in result.stderr
    )
    listed = result.stdout
    assert all(f"add     {path}" in listed for path in SENT) and listed.endswith(
        f"{hub.endpoint}/{NAME}\n"
    )
    assert written(hub) == [] and hub.repositories == {}
    told = json.loads(push("--dry-run", "--json").stdout)
    assert told["commit"] is None and {one["file"] for one in told["files"]} == SENT


def test_without_a_terminal_or_a_yes_nothing_is_published(hub: Hub, mine: Path, zoo: Zoo) -> None:
    result = zoo("push", "./mine", NAME)
    assert (
        result.exit_code == 1
        and "Add --yes to publish without a question, or --dry-run" in result.stderr
        and hub.requests == []
    )


@pytest.mark.parametrize(
    ("answer", "code"), [("n", 1), ("y", 0), ("\x04", 130)]
)  # the last is Ctrl-D
def test_at_a_terminal_it_asks_first(hub: Hub, mine: Path, answer: str, code: int) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "zoo", "push", "./mine", NAME]
    with subprocess.Popen(
        command, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        os.write(ours, f"{answer}\n".encode())
        stdout, stderr = process.communicate(timeout=30)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == code, stderr
    assert f"Publish this as {hub.endpoint}/{NAME}, a new public repository? [y/N]" in stderr
    assert "add     model.safetensors" in stderr and "29.0 kB" in stderr
    assert (stdout != "") == (NAME in hub.repositories) == (answer == "y")
    assert ("Interrupted before anything was sent." in stderr) == (code == 130)
    assert ("Nothing was sent." in stderr) == (code == 1) and not any(
        bad in stderr for bad in ("Traceback", "Error")
    )


def test_paths_of_this_machine_that_would_be_published_are_said_before(
    hub: Hub, mine: Path, push: Push
) -> None:
    assert "paths of this machine" not in push("--dry-run").stderr
    facts = json.loads((mine / "facts.json").read_text())
    facts["command"] = (
        "zoo train mlp-vae --data '/home/me/my photos' --out ~me/mine --set rate=1/2 --name ./it"
    )
    (mine / "facts.json").write_text(json.dumps({**facts, "reference": "~me/mine"}))
    for words in ("--dry-run", "--yes"):
        assert (
            "paths of this machine in its facts: /home/me/my photos, ~me/mine\n"
            in push(words).stderr
        )
    assert "paths of this machine" not in push().stderr  # nothing is sent
    (mine / "facts.json").write_text(
        json.dumps({**facts, "command": "zoo train 'x --data /home/me"})
    )
    assert "in its facts: /home/me\n" in push().stderr


@pytest.mark.parametrize("name", ["repo", "a/b/c", "hf:a/b", "a b/c", "/b"])
def test_a_malformed_name_is_refused_before_any_request(
    hub: Hub, mine: Path, zoo: Zoo, name: str
) -> None:
    result = zoo("push", "./mine", name, "--yes")
    assert (
        result.exit_code == 1
        and f"{name!r} is not of the form OWNER/REPO" in result.stderr
        and hub.requests == []
    )
    assert ("Leave out hf:" in result.stderr) == name.startswith("hf:")


@pytest.mark.parametrize("branch", ["", "a b", "a@b", "\x1b[2J"])
def test_what_is_no_branch_is_refused_before_any_request(
    hub: Hub, mine: Path, push: Push, branch: str
) -> None:
    assert (
        "is not a valid name of a branch" in push("--revision", branch, code=1).stderr
        and hub.requests == []
    )


def test_a_repository_that_moved_on_is_refused_until_it_was_looked_at(
    hub: Hub, mine: Path, push: Push, zoo: Zoo
) -> None:
    push()
    theirs = hub.put(NAME, {"facts.json": b'{"seed": 7}'}).head
    said = push(code=1).stderr
    assert (
        f"{NAME} on {hub.endpoint} has changed since" in said
        and f"zoo pull --update hf:{NAME}" in said
    )
    assert hub.commit(NAME) == theirs
    pulled = zoo("pull", "--update", f"hf:{NAME}")
    assert pulled.exit_code == 0, pulled.stderr
    push()
    assert held(hub)["facts.json"] == (mine / "facts.json").read_bytes()


def test_the_advice_of_a_refusal_names_the_branch_and_the_hub(
    hub: Hub, mine: Path, push: Push, zoo: Zoo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example")
    there = ("--endpoint", hub.endpoint, "--revision", "dev/x")
    push(*there)
    advice = f"zoo pull --update hf:{NAME}@dev/x --endpoint {hub.endpoint}"
    (mine / "facts.json").write_text("{}")
    hub.refusals["/commit/"] = Answer(412, {}, b"")
    assert advice in push(*there, code=1).stderr
    hub.refusals.clear()
    hub.repositories[NAME].commit(
        {"facts.json": file_of("facts.json", b'{"seed": 7}')}, branch="dev/x"
    )
    assert advice in push(*there, code=1).stderr
    pulled = zoo(*advice.split()[1:])
    assert pulled.exit_code == 0, pulled.stderr
    push(*there)
    (mine / "facts.json").write_text('{"seed": 8}')
    push(*there)


def test_a_checkpoint_that_was_never_seen_here_is_not_replaced(
    hub: Hub, mine: Path, push: Push, zoo: Zoo
) -> None:
    config = (mine / "config.json").read_bytes()
    theirs = hub.put(NAME, {"config.json": config, "model.safetensors": b"other"}).head
    assert (
        "holds files that this machine has not seen" in push(code=1).stderr
        and hub.commit(NAME) == theirs
    )


def test_a_new_repository_with_a_card_and_a_licence_is_pushed_to(
    hub: Hub, mine: Path, push: Push
) -> None:
    hub.put(NAME, {"README.md": b"---\nlicense: mit\n---\n# My digits\n", "LICENSE": b"MIT"})
    push()
    assert held(hub).keys() == SENT | {"LICENSE"}
    assert (
        "license: mit" in card(hub)
        and card(hub).endswith("# My digits\n")
        and "library_name" in card(hub)
    )


def test_a_card_that_was_edited_on_the_hub_is_merged(hub: Hub, mine: Path, push: Push) -> None:
    push()
    edited = card(hub).replace("tags:", "language: [en]\nbase_model: none\ntags: [mine]\nx-tags:")
    edited = edited.replace("license: mit\n", "").replace("# format-1", "# format-2")
    edited = edited.replace(BEGIN, f"Above.\n\n{BEGIN}") + "\nBelow.\n"
    edited = edited.replace("\nx-tags:", "\nfurther:")
    for ends in ("\n", "\r\n"):
        hub.put(NAME, {"README.md": edited.replace("\n", ends).encode()})
        push()
        assert "tags:\n- mlp-vae\n- vae\n- mnist\n" in card(hub) and "[mine]" not in card(hub)
        assert "language:\n- en\nbase_model: none\nfurther:\n" in card(hub)
        assert f"Above.\n\n{BEGIN}\n# format-1" in card(hub) and "format-2" not in card(hub)
        assert card(hub).endswith(f"{END}\n\nBelow.\n")
        assert "Nothing to change" in push().stderr


def test_text_of_ones_own_goes_to_the_hub_unless_others_wrote_there(
    hub: Hub, mine: Path, push: Push
) -> None:
    push()
    for text in ("Mine.", "Mine anew.", ""):
        (mine / "README.md").write_text(f"{text}{BEGIN}\n{END}\n")
        assert "stays" not in push().stderr and f"\n{text}{BEGIN}" in card(hub)
    hub.put(NAME, {"README.md": card(hub).replace(BEGIN, f"Theirs.{BEGIN}").encode()})
    for text in ("Mine again.", ""):
        (mine / "README.md").write_text(f"{text}{BEGIN}\n{END}\n")
        told = "The text that people wrote in the README.md on the Hub stays" in push().stderr
        assert told == (text != "")
        assert "Theirs." in card(hub) and "Mine" not in card(hub)


@pytest.mark.parametrize("theirs", [b"---\ntags: [\n---\n", b"---\n- a\n---\n", b"\xff\xfe"])
def test_a_card_that_cannot_be_read_is_not_replaced(
    hub: Hub, mine: Path, push: Push, theirs: bytes
) -> None:
    hub.put(NAME, {"README.md": theirs})
    assert f"The README.md of {NAME} can't be merged" in push(code=1).stderr
    assert held(hub) == {"README.md": theirs}


def test_a_commit_that_comes_between_is_not_lost(hub: Hub, mine: Path, push: Push) -> None:
    push()
    before = hub.repositories[NAME].head

    def meanwhile(answer: Answer) -> Answer:
        hub.put(NAME, {"LICENSE": b"MIT"})
        return answer

    hub.answers["preupload"] = meanwhile
    (mine / "facts.json").write_text("{}")
    assert f"zoo pull --update hf:{NAME}" in push(code=1).stderr
    commits = hub.repositories[NAME].commits
    assert commits[hub.commit(NAME)].parent == before and held(hub)["LICENSE"] == b"MIT"


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("", "needs an access token: set HF_TOKEN, or use --token"),
        ("hf_unknown", "refused the token"),
        (READ, "This token has no right to push to owner/repo on"),
        (OTHER, "This token has no right to push to owner/repo on"),
    ],
)
@pytest.mark.parametrize("there", [False, True])
def test_a_token_that_may_not_write_is_told_so(
    hub: Hub,
    mine: Path,
    push: Push,
    monkeypatch: pytest.MonkeyPatch,
    token: str,
    words: str,
    there: bool,
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    if there:
        hub.put(NAME, {"README.md": b""})
    said = push(code=1).stderr
    assert words in said and hub.endpoint in said
    assert held(hub) == {"README.md": b""} if there else hub.repositories == {}


@pytest.mark.parametrize(
    ("request_", "answer", "words"),
    [
        (
            "POST .*/commit/",
            Answer(404, {"X-Error-Code": "RepoNotFound"}, b""),
            ("owner/repo does not exist",),
        ),
        (
            "POST .*/commit/",
            Answer(404, {"X-Error-Code": "RevisionNotFound"}, b""),
            ("has no revision 'main'",),
        ),
        ("POST .*/commit/", Answer(412, {}, b""), ("zoo pull --update hf:owner/repo",)),
        (
            "POST .*/commit/",
            Answer(429, {"Retry-After": "3600"}, b""),
            ("too many requests", "in 3,600 seconds"),
        ),
        ("POST .*/commit/", Answer(500, {}, b""), ("Can't push to owner/repo", "Try again later")),
        ("POST .*/commit/", Answer(503, {}, b""), ("Can't push to owner/repo", "Try again later")),
        (
            "GET .*/tree/",
            Answer(503, {"Retry-After": "100"}, b""),
            ("takes no more requests for now", "in 100 seconds"),
        ),
        (
            "PUT /lfs/",
            Answer(507, {"X-Error-Message": "Storage is full"}, b""),
            ("Can't push to owner/repo", "507"),
        ),
        (
            "POST .*/batch",
            Answer(200, {}, b"<html>Log in</html>"),
            ("does not answer like a Hugging Face Hub",),
        ),
        (
            "POST .*/validate",
            Answer(400, {}, b'{"errors": [{"message": "No such licence"}]}'),
            ("No such licence",),
        ),
    ],
)
def test_what_the_hub_refuses_is_said_in_words_and_nothing_is_half_done(
    hub: Hub, mine: Path, push: Push, request_: str, answer: Answer, words: tuple[str, ...]
) -> None:
    hub.put(NAME, {"README.md": b"# Mine\n"})
    hub.refusals[request_] = answer
    said = push(code=1).stderr
    assert all(word in said for word in words) and hub.endpoint in said, said
    assert held(hub) == {"README.md": b"# Mine\n"}
    hub.refusals.clear()
    push()
    assert held(hub).keys() == SENT


def test_a_push_whose_answer_got_lost_is_found_to_be_there_by_the_next(
    hub: Hub, mine: Path, push: Push
) -> None:
    hub.answers["POST .*/commit/"] = status(502)
    push(code=1)
    hub.answers.clear()
    assert held(hub).keys() == SENT and "Nothing to change" in push().stderr


@pytest.mark.parametrize(
    "asked", ["/revision/main", "/tree/", "/preupload/", "/objects/batch", "/commit/"]
)
def test_a_connection_that_is_lost_is_said_and_the_next_push_is_whole(
    hub: Hub, mine: Path, push: Push, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.put(NAME, {"LICENSE": b"MIT"})
    monkeypatch.setattr(time, "sleep", lambda seconds: None)  # between the client's tries
    hub.answers[asked] = cut(1)
    assert f"Can't push to {NAME} on {hub.endpoint}: the connection was lost" in push(code=1).stderr
    assert held(hub).keys() in (
        {"LICENSE"},
        SENT | {"LICENSE"},
    )  # the commit whole, if only its answer was lost
    hub.answers.clear()
    push()
    assert held(hub).keys() == SENT | {"LICENSE"} and len(hub.repositories[NAME].commits) == 2


def test_a_hub_that_stops_answering_or_is_down_is_said_to_be(
    hub: Hub, mine: Path, push: Push, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()
    monkeypatch.setattr(guard, "PATIENCE", 0.3)
    hub.answers["POST /api/repos/create"] = stalled(released)
    began = time.monotonic()
    assert "it stopped answering" in push(code=1).stderr
    assert (
        time.monotonic() - began < 4
    )  # it is the zoo's patience that ends, not the client's of 5 seconds
    released.set()
    with serving() as down:
        pass
    assert f"Can't reach {down.endpoint}" in push("--endpoint", down.endpoint, code=1).stderr


def test_a_push_that_is_killed_half_way_leaves_no_commit_and_the_next_one_is_whole(
    hub: Hub, mine: Path, push: Push
) -> None:
    released = threading.Event()
    hub.answers["PUT /lfs/"] = stalled(released)
    process = start("--yes")
    wait_for(lambda: any(one.startswith("PUT") for one in hub.requests))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    released.set()
    assert held(hub) == {}
    push()
    assert held(hub).keys() == SENT and len(hub.repositories[NAME].commits) == 2


def test_of_two_pushes_at_once_one_is_made_and_the_other_is_told(
    hub: Hub, mine: Path, push: Push
) -> None:
    hub.put(NAME, {"README.md": b"# Mine\n"})
    released = threading.Event()
    hub.answers["POST .*/preupload/"] = stalled(released)
    both = [start("--yes"), start("--yes", "--message", "Another")]
    wait_for(lambda: sum("/preupload/" in one for one in hub.requests) == 2)
    released.set()
    ends = [process.communicate(timeout=30) for process in both]
    assert sorted(process.returncode for process in both) == [0, 1], ends
    (said,) = (end[1] for process, end in zip(both, ends, strict=True) if process.returncode)
    assert f"{NAME} on {hub.endpoint} has changed" in said
    assert len(hub.repositories[NAME].commits) == 2 and held(hub).keys() == SENT
    assert "Nothing to change" in push().stderr


def test_a_repository_whose_history_was_rewritten_is_refused(
    hub: Hub, mine: Path, push: Push
) -> None:
    push()
    del hub.repositories[NAME]
    theirs = hub.put(NAME, {"config.json": b"{}"}).head
    assert "has changed since" in push(code=1).stderr and hub.commit(NAME) == theirs


def test_more_than_can_be_pulled_again_is_refused(hub: Hub, mine: Path, push: Push) -> None:
    for number in range(100):
        (mine / "images" / f"{number}.png").write_bytes(b"a picture")
    assert "mine is too large: 104 files" in push(code=1).stderr
    shutil.rmtree(mine / "images")
    (mine / "images").mkdir()
    with (mine / "images" / "samples.png").open("wb") as picture:
        picture.truncate(33 << 20)
    assert "images/samples.png of mine is too large: 34,603,008 bytes" in push(code=1).stderr
    (mine / "images" / "samples.png").unlink()
    (mine / "facts.json").write_text("{")
    assert "mine/facts.json is not JSON" in push(code=1).stderr and hub.requests == []


def test_a_push_that_cannot_be_noted_here_is_made_all_the_same(
    hub: Hub, mine: Path, push: Push
) -> None:
    home = Path(os.environ["ZOO_HOME"])
    home.mkdir()
    (home / ".lock").mkdir()
    result = push()
    assert (
        result.stdout == f"{hub.endpoint}/{NAME}\n"
        and "Warning: The push succeeded" in result.stderr
    )
    assert held(hub).keys() == SENT


@pytest.mark.parametrize("notes", ['{"x": 1, "y": {"commit": 1}}', "[", "[]"])
def test_notes_of_pushes_that_were_spoilt_lose_nothing(
    hub: Hub, mine: Path, push: Push, notes: str
) -> None:
    push()
    before = hub.commit(NAME)
    (mine / "facts.json").write_text("{}")
    (Path(os.environ["ZOO_HOME"]) / "pushes.json").write_text(notes)
    said = push(code=1).stderr
    assert (
        "holds files that this machine has not seen" if notes.startswith("{") else "pushes.json"
    ) in said
    assert hub.commit(NAME) == before


COUNTING = """
import hashlib, json, sys

class Counted:  # a hash that tells at the end how much it was given
    def __init__(self, name, *arguments, **keywords):
        self.inner, self.name, self.length = getattr(hashlib, "_" + name)(**keywords), name, 0
        all_of_them.append(self)
        for data in arguments:
            self.update(data)
    def update(self, data):
        self.inner.update(data)
        self.length += len(data)
    def __getattr__(self, name):
        return getattr(self.inner, name)

all_of_them = []
for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "blake2b", "blake2s"):
    setattr(hashlib, "_" + name, getattr(hashlib, name))
    setattr(hashlib, name, lambda *data, _name=name, **keywords: Counted(_name, *data, **keywords))
hashlib.new = lambda name, *data, **keywords: Counted(name, *data, **keywords)

from click.testing import CliRunner
from zoo.cli import main

result = CliRunner().invoke(main, sys.argv[1:])
assert result.exit_code == 0, result.output
print(json.dumps([(one.name, one.length, one.hexdigest()) for one in all_of_them]))
"""


def hashed(hub: Hub, *words: str) -> dict[str, Counter[str]]:
    """How often a command hashes each file of owner/repo, by algorithm; nothing else of that size
    is hashed.
    """
    command = [sys.executable, "-c", COUNTING, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    files = {}
    for path, content in held(hub).items():
        files[hashlib.sha256(content).hexdigest()] = path
        files[hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()] = path
    times: dict[str, Counter[str]] = {path: Counter() for path in held(hub)}
    for algorithm, length, digest in json.loads(done.stdout.splitlines()[-1]):
        if digest in files:
            times[files[digest]][algorithm] += 1
        else:
            assert length < 2000  # a name, or a card that is no longer, or not yet, there
    return times


def test_a_push_and_a_pull_hash_each_byte_once(hub: Hub, mine: Path) -> None:
    (mine / "images" / "samples.png").write_bytes(b"\x89PNG\0" * 5000)
    first = hashed(hub, "push", "./mine", NAME, "--yes")
    (mine / "facts.json").write_text(
        (mine / "facts.json").read_text().replace('"seed": 0', '"seed": 1')
    )
    second = hashed(hub, "push", "./mine", NAME, "--yes")
    pulled = hashed(hub, "pull", f"hf:{NAME}")
    further = hashed(hub, "push", f"hf:{NAME}", "owner/other", "--yes")
    large = {
        "model.safetensors",
        "images/samples.png",
    }  # those in LFS; of the others git keeps its own SHA-1
    for times in (first, second, pulled, further):
        assert {path: dict(times[path]) for path in large} == {
            path: {"sha256": 1} for path in large
        }
    assert all(dict(pulled[path]) == {"sha256": 1, "sha1": 1} for path in SENT - large)
    assert all(
        times[path].total() <= 2
        for times in (first, second, further)
        for path in ("config.json", "facts.json")
    )


OPENING = """
import collections, json, os, sys
from click.testing import CliRunner
from zoo.cli import main

opened = collections.Counter()

def hook(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        opened[os.path.realpath(os.fsdecode(arguments[0]))] += 1

sys.addaudithook(hook)
result = CliRunner().invoke(main, sys.argv[1:])
assert result.exit_code == 0, result.output
print(json.dumps(opened))
"""


def test_a_push_opens_each_file_once(hub: Hub, mine: Path, zoo: Zoo) -> None:
    hub.put("owner/other", {one.name: one.read_bytes() for one in FORMAT_1.iterdir()})
    assert zoo("pull", "hf:owner/other").exit_code == 0
    pulled = Path(os.environ["ZOO_HOME"], "checkpoints", "hf%3Aowner%2Fother")
    for reference, folder in (("./mine", mine), ("hf:owner/other", pulled)):
        command = [sys.executable, "-c", OPENING, "push", reference, NAME, "--yes"]
        for times in ("first", "again"):
            (mine / "facts.json").write_text(f'{{"dataset": "{times}"}}')
            done = subprocess.run(command, capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, done.stderr
            opened = json.loads(done.stdout.splitlines()[-1])
            counts = {
                str(one.relative_to(folder)): opened.get(str(one.resolve()), 0)
                for one in folder.rglob("*")
                if one.is_file()
            }
            # the weights are hashed, looked at by the client, and sent
            assert counts.pop("model.safetensors") <= 3
            assert set(counts.values()) <= {0, 1} and counts["config.json"] == 1, counts
        del hub.repositories[NAME]


def test_a_bundled_checkpoint_is_published_file_for_file_as_it_is_kept_here(
    hub: Hub, zoo: Zoo
) -> None:
    result = zoo("push", "vae-mnist-2d", NAME, "--yes")
    assert result.exit_code == 0, result.stderr
    folder = Path(__file__).parents[2] / "cards" / "vae-mnist-2d"
    assert held(hub) == {
        str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()
    }


def test_xet_carries_files_to_its_home_and_back_and_to_no_other_endpoint(
    mine: Path, push: Push, zoo: Zoo, hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hub.cas = tmp_path / "cas"
    push()
    assert not [one for one in hub.requests if "xet" in one]
    del hub.repositories[NAME]
    hub.objects.clear()
    for room in (session, guard):
        monkeypatch.setattr(room, "HOME", hub.endpoint)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    push()
    assert [one for one in hub.requests if "xet-write-token" in one] and hub.objects == {}
    weights = hub.repositories[NAME].files["model.safetensors"]
    assert weights.xet_hash and weights.sha256 == files.sha256(mine / "model.safetensors")
    pulled = zoo("pull", f"hf:{NAME}")
    assert pulled.exit_code == 0, pulled.stderr
    assert [one for one in hub.requests if "xet-read-token" in one]
    assert files.sha256(Path(pulled.stdout.strip()) / "model.safetensors") == weights.sha256


XET = """
import sys, zoo
from zoo.hub import guard, session

for room in (guard, session):
    room.HOME = sys.argv[1]
print(zoo.push("./mine", "owner/repo").commit)
print(zoo.pull("hf:owner/repo"))
print(zoo.pull("hf:owner/repo", source="hub"))
"""


def test_xet_leaves_nothing_outside_of_the_zoos_home_and_tells_nobody(
    hub: Hub, mine: Path, tmp_path: Path
) -> None:
    hub.cas = tmp_path / "cas"
    world = {**os.environ, "HF_HOME": str(tmp_path / "hf"), "HOME": str(tmp_path)}
    command = [sys.executable, "-c", XET, hub.endpoint]
    done = subprocess.run(command, env=world, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    asked = [one for one in hub.requests if "xet" in one or "telemetry" in one]
    assert {one.split("/xet-")[1].partition("/")[0] for one in asked} == {
        "write-token",
        "read-token",
    }
    assert {one.name for one in tmp_path.iterdir()} == {"cas", "desk", "home"}
    assert {one.name for one in (tmp_path / "home" / "scratch").iterdir()} == {".lock"}


def test_a_failure_of_xet_says_how_to_do_without_it(
    mine: Path, push: Push, zoo: Zoo, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    for room in (session, guard):
        monkeypatch.setattr(room, "HOME", hub.endpoint)
    token = f"{hub.endpoint}/api/models/{NAME}/xet-read-token/main"
    xet = {"X-Xet-Hash": "0" * 64, "Link": f'<{token}>; rel="xet-auth"'}
    hub.answers["HEAD .*safetensors"] = lambda answer: answer._replace(headers=answer.headers | xet)
    advice = "It may work without Xet: HF_HUB_DISABLE_XET=1"
    assert advice in push(code=1).stderr and held(hub) == {}
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    push()
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    pulled = zoo("pull", f"hf:{NAME}")
    assert pulled.exit_code == 1 and advice in pulled.stderr
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    assert zoo("pull", f"hf:{NAME}").exit_code == 0


def test_a_trained_checkpoint_comes_back_from_the_hub_with_the_same_bytes_and_samples(
    hub: Hub, zoo: Zoo
) -> None:
    def run(*words: object) -> str:
        result = zoo(*words)
        assert result.exit_code == 0, result.stderr
        return result.stdout.strip()

    small = ["--set", "hidden_dims=16", "--set", "latent_dim=2"]
    trained = Path(run("train", "mlp-vae", "--name", "tiny", "--epochs", 1, "--seed", 0, *small))
    run("evaluate", "tiny", "-n", 100, "-k", 2, "--test-images", 20, "--write")
    run("sample", "tiny", "-n", 4, "--seed", 3, "-o", "before")
    mine = {
        str(one.relative_to(trained)): one.read_bytes()
        for one in trained.rglob("*")
        if one.is_file()
    }
    run("push", "tiny", NAME, "--yes", "--private")
    run("rm", "--yes", "tiny")
    assert not trained.exists()
    pulled = Path(run("pull", f"hf:{NAME}"))
    run("verify", f"hf:{NAME}")
    run("sample", f"hf:{NAME}", "-n", 4, "--seed", 3, "-o", "after")
    theirs = {
        str(one.relative_to(pulled)): one.read_bytes() for one in pulled.rglob("*") if one.is_file()
    }
    assert (
        mine.keys()
        == theirs.keys()
        >= {"facts.json", "images/nearest.png", "images/samples.png", "origin.json"}
    )
    assert {path for path in mine if mine[path] != theirs[path]} == {"README.md", "origin.json"}
    before, after = (sorted(Path(folder).glob("*.png")) for folder in ("before", "after"))
    assert [one.read_bytes() for one in before] == [one.read_bytes() for one in after] and len(
        before
    ) == 4
    made = theirs["README.md"].decode()
    assert (
        made == run("card", f"hf:{NAME}") + "\n"
        and f"zoo evaluate hf:{NAME}" in made
        and "## Evaluation" in made
    )


def test_the_official_command_downloads_what_was_pushed_and_uploads_what_can_be_pulled(
    hub: Hub, mine: Path, push: Push, zoo: Zoo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def hf(*words: object) -> None:
        command = [str(Path(sys.executable).with_name("hf")), *map(str, words)]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert ended.returncode == 0, ended.stderr

    for name, value in {
        "HF_HOME": str(tmp_path / "hf"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    push()
    hf("download", NAME, "--local-dir", "got")
    assert all(Path("got", path).read_bytes() == content for path, content in held(hub).items())
    hf("upload", "owner/theirs", "mine")
    # the official command asks for more than it needs; ours never does
    hub.requests.clear()
    pulled = zoo("pull", "hf:owner/theirs")
    assert pulled.exit_code == 0, pulled.stderr
    assert files.sha256(Path(pulled.stdout.strip()) / "model.safetensors") == files.sha256(
        mine / "model.safetensors"
    )


def test_a_push_from_python_says_what_it_did(hub: Hub, mine: Path) -> None:
    planned = api.push("./mine", NAME, dry_run=True)
    assert planned.commit is None and hub.repositories == {}
    assert {one["file"] for one in planned.plan.changes} == SENT
    pushed = api.push("./mine", NAME, private=True, message="By hand")
    assert pushed.url == f"{hub.endpoint}/{NAME}" and pushed.commit == hub.commit(NAME)
    assert hub.repositories[NAME].private and held(hub).keys() == SENT
    assert hub.repositories[NAME].commits[hub.commit(NAME)].title == "By hand"
    again = api.push(find("./mine"), NAME)
    assert again.plan.changes == [] and again.commit == pushed.commit


def test_a_push_from_python_asks_whom_it_is_told_to(hub: Hub, mine: Path) -> None:
    asked = []

    def agree(plan: Any, url: str) -> bool:
        asked.append((url, plan.kind, {one["file"] for one in plan.changes}))
        return False

    refused = api.push("./mine", NAME, agree=agree)
    assert asked == [(f"{hub.endpoint}/{NAME}", "new public repository", SENT)]
    assert not refused.agreed and refused.commit is None and written(hub) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((5, NAME), "reference = 5 is of the type int: pass a checkpoint's name"),
        ((None, NAME), "reference = None is of the type NoneType"),
        (("vae-mnst", NAME), "Did you mean 'vae-mnist'"),
        (("./nowhere", NAME), "There is no folder ./nowhere"),
        (("mine", NAME), "For the path write ./mine"),
        (("./mine", "repo"), "is not of the form OWNER/REPO"),
        (("./mine", 5), "'5' is not of the form OWNER/REPO"),
        (("./mine", f"hf:{NAME}"), "Leave out hf: here"),
    ],
)
def test_what_a_push_can_not_take_is_said(
    hub: Hub, mine: Path, arguments: tuple[Any, Any], words: str
) -> None:
    with pytest.raises(ZooError, match=words):
        api.push(*arguments)
    for bad in ({"revision": 5}, {"revision": "a b"}, {"endpoint": 5}, {"token": 5}):
        with pytest.raises(ZooError):
            api.push("./mine", NAME, **bad)
    assert hub.requests == []


def test_a_card_is_made_and_a_push_is_planned_once(
    hub: Hub, mine: Path, push: Push, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zoo.checkpoints import card
    from zoo.hub import plan

    counted: Counter[str] = Counter()

    def counting(room: Any, name: str) -> None:
        right = getattr(room, name)

        def count(*arguments: Any, **keywords: Any) -> Any:
            counted[name] += 1
            return right(*arguments, **keywords)

        monkeypatch.setattr(room, name, count)

    counting(card, "render")
    counting(plan, "plan")
    for _ in range(3):
        push("--revision", "dev")
        push()
        (mine / "facts.json").write_text("{}")
    assert counted == {"render": 6, "plan": 6}


def test_a_repository_that_another_makes_at_the_same_time_is_not_written_to(
    hub: Hub, mine: Path, push: Push
) -> None:
    def meanwhile(answer: Answer) -> Answer:
        hub.put(NAME, {"config.json": b"{}", "model.safetensors": b"theirs"})
        return answer

    hub.answers["POST /api/repos/create"] = meanwhile
    assert f"{NAME} on {hub.endpoint} changed during the push" in push(code=1).stderr
    assert held(hub) == {"config.json": b"{}", "model.safetensors": b"theirs"}


def test_a_branch_that_another_makes_at_the_same_time_is_not_written_to(
    hub: Hub, mine: Path, push: Push
) -> None:
    main = hub.put(NAME, {"LICENSE": b"MIT"}).head

    def meanwhile(answer: Answer) -> Answer:
        hub.repositories[NAME].commit({"a": file_of("a", b"theirs")}, branch="dev")
        return answer

    hub.answers["POST .*/branch/"] = meanwhile
    assert "changed during the push" in push("--revision", "dev", code=1).stderr
    repository = hub.repositories[NAME]
    assert repository.head == main
    assert repository.commits[repository.branches["dev"]].files.keys() == {"a", "LICENSE"}
