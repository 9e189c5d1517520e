"""zoo.pull from Python: what the command does, with its words for mistakes; and which checkpoints
are refused.
"""

import json
import logging
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import CHECKPOINT, Zoo
from hub_server import READ, Hub

import zoo as api
from zoo.common.errors import ConfigError, HubError, NotFoundError, ZooError

NAME = "hf:owner/repo"


def test_a_pull_from_python_gives_the_folder_and_makes_it_current(
    hub: Hub, tmp_path: Path, caplog: Any
) -> None:
    with caplog.at_level(logging.INFO, "zoo"):
        folder = api.pull(NAME)
    assert (folder / "model.safetensors").read_bytes() == CHECKPOINT["model.safetensors"]
    assert f"Pulled {NAME}: 30.3 kB, verified." in caplog.messages
    assert (tmp_path / "home" / "current").read_text().strip() == NAME
    hub.requests.clear()
    assert api.pull(NAME) == folder and hub.requests == []
    hub.put("owner/repo", {"README.md": b"# Another"})
    assert api.pull(NAME, update=True) == folder
    assert (folder / "README.md").read_bytes() == b"# Another"


def test_a_pull_from_python_names_a_hub_and_a_token(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.invalid")
    hub.repositories["owner/repo"].private = True
    assert api.pull(NAME, endpoint=hub.endpoint, token=READ).is_dir()


def test_who_watches_is_told_of_every_byte(hub: Hub) -> None:
    seen: dict[str, list[int]] = {}

    def watch(items: Iterable[Any], n: int, doing: str) -> Iterator[Any]:
        seen[doing] = [n, 0]
        for item in items:
            yield item
            seen[doing][1] += len(item[0])

    api.pull(NAME, watch=watch)
    sizes = {name.rpartition("/")[2]: len(content) for name, content in CHECKPOINT.items()}
    assert seen == {name: [size, size] for name, size in sizes.items()}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"reference": 5}, "reference = 5 is of the type int: pass a checkpoint's name"),
        ({"reference": None}, 'pass a checkpoint\'s name, or "hf:OWNER/REPO"'),
        ({"reference": ["vae-mnist"]}, 'pass a checkpoint\'s name, or "hf:OWNER/REPO"'),
        ({"reference": Path("vae-mnist")}, 'pass a checkpoint\'s name, or "hf:OWNER/REPO"'),
        ({"reference": "vae-mnst"}, "Did you mean 'vae-mnist'"),
        ({"reference": ""}, "is not a valid name of a checkpoint"),
        ({"reference": "owner/repo"}, "write hf:owner/repo"),
        ({"reference": "hf:owner"}, "hf:OWNER/REPO or hf:OWNER/REPO@REVISION"),
        ({"reference": NAME, "source": "web"}, "source is 'bundle' or 'hub', not 'web'"),
        ({"reference": NAME, "endpoint": "hub"}, "is not the address of a Hub"),
        ({"reference": NAME, "endpoint": 5}, "endpoint is the address of a Hub as text, not 5"),
        ({"reference": NAME, "token": 5}, "token is a text"),
    ],
)
def test_what_a_pull_can_not_take_is_said(hub: Hub, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ZooError, match=words):
        api.pull(**arguments)
    assert hub.requests == []


def test_a_pull_of_a_bundled_checkpoint_imports_no_client_of_the_hub() -> None:
    code = "import sys, zoo\nzoo.pull('vae-mnist')\n"
    code += "print([name for name in ('huggingface_hub', 'torch', 'numpy') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr


@pytest.mark.parametrize(
    "model", ["os:system", "../up", "MLP-VAE", "mlp vae", "", "-x", "a" * 65, "mlp-vae\n", "ü"]
)
def test_a_checkpoint_whose_model_can_not_be_called_so_is_refused(
    hub: Hub, zoo: Zoo, tmp_path: Path, model: str
) -> None:
    config = json.loads(CHECKPOINT["config.json"]) | {"model": model}
    hub.put("owner/repo", {"config.json": json.dumps(config).encode()})
    result = zoo("pull", NAME)
    assert result.exit_code == 1 and "Nothing was kept" in result.stderr
    assert f"owner/repo/config.json names the model {model!r}" in result.stderr
    assert not list(tmp_path.glob("home/checkpoints/*"))
    # its weights were not even asked for
    assert not [one for one in hub.requests if "safetensors" in one]


def test_a_checkpoint_of_a_model_that_no_plugin_offers_is_kept_and_said(hub: Hub, zoo: Zoo) -> None:
    config = json.loads(CHECKPOINT["config.json"]) | {"model": "my.model_2"}
    hub.put("owner/repo", {"config.json": json.dumps(config).encode()})
    result = zoo("pull", NAME)
    assert result.exit_code == 0 and Path(result.stdout.strip()).is_dir()
    assert "No installed plugin offers its model 'my.model_2'." in result.stderr


def test_errors_of_a_pull_are_of_the_tree(hub: Hub) -> None:
    with pytest.raises(NotFoundError):
        api.pull("no-such")
    with pytest.raises(HubError):
        api.pull("hf:owner/gone")
    with pytest.raises(ConfigError):
        api.pull(NAME, source="nowhere")
