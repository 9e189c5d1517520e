"""READMEs and headers of strangers, as pull and push meet them: they are answered at once and in
words that name the file, or taken as they are.
"""

import os
import shutil
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import CHECKPOINT, FORMAT_1, Zoo
from hub_server import WRITE, Hub

import zoo as api
from zoo.common.errors import CheckpointError

pytestmark = pytest.mark.filterwarnings(
    "ignore:Use 'content="
)  # the client's own, when it uploads to LFS

NAME = "hf:owner/repo"
LONGEST = 5.0  # seconds of a command on a busy machine; each takes a tenth of one

FRONT = b"---\nlibrary_name: genzoo\nlicense: mit\n---\n"
READMES = {
    "comments that never end": FRONT + b"<!--" * 200_000,
    "comments that end": FRONT + b"<!-- -->" * 100_000,
    "dashes": b"---\n" + b"a: b\n---" * 100_000,
    "front matters that never end": b"---\n" * 200_000,
    "links that never end": FRONT + b"[" * 200_000,
    "quotes": FRONT + b">" * 200_000,
    "white space": b"---" + b" " * 400_000 + b"\n" * 200_000,
    "a time of 200 parts": b"---\nk: 1" + b":00" * 200 + b".0\n---\n",
    "whole times": b"---\nk: " + b"59:" * 300 + b"1\n---\n",
    "an empty number": b"---\nk: !!int ''\n---\n",
    "an empty float": b"---\nk: !!float ''\n---\n",
    "a date that is none": b"---\nk: 2001-99-99\n---\n",
    "an alias bomb": b"---\na: &a [x,x,x,x,x,x,x,x,x]\n"
    + b"".join(
        b"%c: &%c [%s]\n" % (letter, letter, b",".join([b"*%c" % (letter - 1)] * 9))
        for letter in range(ord("b"), ord("i"))
    )
    + b"---\n",
    "deep lists": b"---\nk: " + b"[" * 20_000 + b"\n---\n",
    "an object of Python": b"---\nk: !!python/object/apply:os.system [x]\n---\n",
    "a key that is a list": b"---\n? [a, b]\n: c\n---\n",
    "a number of 5,000 digits": b"---\nk: " + b"9" * 5000 + b"\n---\n",
    "another encoding": b"---\nk: \xff\xfe\n---\n",
    "zeros": bytes(1000),
    "nearly too large": FRONT + b"x" * ((1 << 20) - 100),
    "too large": FRONT + b"x" * (2 << 20),
}


@pytest.fixture
def quickly(zoo: Zoo) -> Callable[..., Any]:
    """Run a command that must end soon, in words."""

    def run(*words: str) -> Any:
        began = time.monotonic()
        result = zoo(*words)
        assert time.monotonic() - began < LONGEST, words
        assert result.exit_code in (0, 1) and "Traceback" not in result.output, result.exception
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return run


@pytest.mark.parametrize("case", READMES)
def test_a_strangers_readme_is_pulled_shown_and_made_anew(
    hub: Hub, quickly: Callable[..., Any], case: str
) -> None:
    hub.put("owner/repo", {"README.md": READMES[case]})
    pulled = quickly("pull", NAME)
    assert pulled.exit_code == 0, pulled.stderr
    quickly("show", NAME)
    quickly("list")
    made = quickly("card", NAME)
    assert made.exit_code == 0 or "README.md" in made.stderr, made.stderr


@pytest.mark.parametrize("case", READMES)
def test_a_readme_on_the_hub_is_merged_or_named_when_it_can_not_be(
    hub: Hub, quickly: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", WRITE)
    shutil.copytree(FORMAT_1, "mine")
    hub.put("owner/new", {"README.md": READMES[case]})
    before = hub.commit("owner/new")
    result = quickly("push", "./mine", "owner/new", "--yes")
    if result.exit_code:
        assert "README.md" in result.stderr, result.stderr
        assert "does not answer like a Hugging Face Hub" not in result.stderr
        assert hub.commit("owner/new") == before
    else:
        assert "model.safetensors" in hub.repositories["owner/new"].files


@pytest.mark.parametrize("case", READMES)
def test_ones_own_readme_is_pushed_or_named_when_it_can_not_be(
    hub: Hub, quickly: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", WRITE)
    shutil.copytree(FORMAT_1, "mine")
    Path("mine/README.md").write_bytes(READMES[case])
    result = quickly("push", "./mine", "owner/new", "--yes")
    if result.exit_code:
        assert "README.md" in result.stderr, result.stderr
        assert "does not answer like a Hugging Face Hub" not in result.stderr
        assert "owner/new" not in hub.repositories
    else:
        assert (
            b"<!-- zoo makes this part" in hub.repositories["owner/new"].files["README.md"].content
        )


def test_a_header_of_90_megabytes_is_refused_by_pull_show_and_load(
    hub: Hub, quickly: Callable[..., Any]
) -> None:
    header = struct.pack("<Q", 90_000_000) + b"{" + b" " * 1_000
    hub.put("owner/repo", {"model.safetensors": header})
    assert "model.safetensors is damaged" in quickly("pull", NAME).stderr
    shutil.copytree(FORMAT_1, "mine")
    Path("mine/model.safetensors").write_bytes(header)
    for words in (["show", "./mine"], ["push", "./mine", "a/b", "--dry-run"]):
        result = quickly(*words)
        assert result.exit_code == 1 and "model.safetensors is damaged" in result.stderr, words
    with pytest.raises(CheckpointError, match=r"model.safetensors is damaged"):
        api.load("./mine")
    assert list(Path(os.environ["ZOO_HOME"]).glob("checkpoints/*")) == []


def test_a_card_makes_the_round_by_the_hub_and_stays_readable(
    hub: Hub, quickly: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pushed, edited on the site, pushed again: the front matter stays YAML of one key a line, what
    people wrote stays, and what the zoo says is true again.
    """
    monkeypatch.setenv("HF_TOKEN", WRITE)
    pushed = quickly("push", "vae-mnist", "owner/vae", "--yes")
    assert pushed.exit_code == 0, pushed.stderr

    def card() -> str:
        return hub.repositories["owner/vae"].files["README.md"].content.decode()

    first = card()
    matter = first.split("---\n")[1]
    known = yaml.safe_load(matter)
    assert known["library_name"] == "genzoo" and known["model-index"][0]["results"]
    assert "{" not in matter and all(len(line) < 200 for line in matter.splitlines())
    for result in known["model-index"][0]["results"]:
        for metric in result["metrics"]:
            assert len(str(metric["value"]).lstrip("-0.").replace(".", "")) <= 6, metric
    edited = first.replace("license:", "language: en\nlicense:", 1).replace(
        "---\n\n", "---\n\nMine.\n\n", 1
    )
    edited = edited.replace("library_name: genzoo", "library_name: other")
    hub.put("owner/vae", {"README.md": edited.encode()})
    shutil.copytree(Path(__file__).parents[2] / "cards" / "vae-mnist", "mine")
    assert quickly("pull", "hf:owner/vae").exit_code == 0
    pushed = quickly("push", "vae-mnist", "owner/vae", "--yes")
    assert pushed.exit_code == 0, pushed.stderr
    again = yaml.safe_load(card().split("---\n")[1])
    assert again == known | {"language": "en"}
    assert "Mine." in card() and CHECKPOINT
    assert "Nothing to change" in quickly("push", "vae-mnist", "owner/vae", "--yes").stderr
