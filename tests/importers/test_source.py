"""zoo import hf:…: only what is needed is fetched, verified, and recorded with its commit."""

import io
import json
from pathlib import Path
from typing import Any

import foreign
import pytest
import torch
from conftest import Zoo
from hub_server import Hub, flipped
from safetensors.torch import save

import zoo as door
from zoo.checkpoints import Store
from zoo.common.errors import HubError, NotFoundError


def dcgan() -> dict[str, Any]:
    """What huggan's form of a DCGAN holds, by file: a pickle, a config, and code beside them."""
    network = foreign.seen(foreign.Dcgan("model", channels=1))
    content = io.BytesIO()
    torch.save(network.state_dict(), content)
    config = {"num_channels": 1, "latent_dim": 10, "hidden_size": 4}
    return {
        "pytorch_model.bin": content.getvalue(),
        "config.json": json.dumps(config).encode(),
        "pipeline.py": b"raise SystemExit('run')",
        "encoder.pkl": b"never opened",
        "README.md": b"---\nlicense: mit\n---\n# DCGAN\n",
    }


def test_a_repository_is_imported_as_its_publisher_wrote_it(zoo: Zoo, hub: Hub) -> None:
    torch.manual_seed(0)
    hub.put("huggan/dcgan-mnist", dcgan())
    result = zoo("import", "hf:huggan/dcgan-mnist", "--as", "theirs")
    assert result.exit_code == 0, result.stderr
    facts = door.info("theirs")["facts"]
    assert facts["imported"]["source"] == "hf:huggan/dcgan-mnist"
    assert facts["imported"]["revision"] == hub.commit("huggan/dcgan-mnist")
    assert facts["license"] == "mit" and facts["imported"]["importer"] == "dcgan"
    assert door.draw("theirs", 2, seed=0).shape == (2, 1, 64, 64)
    assert "at `" + facts["imported"]["revision"] in door.card("theirs")
    asked = [one for one in hub.requests if "resolve" in one]
    assert asked and not [one for one in asked if ".py" in one or ".pkl" in one]


def test_a_pickle_beside_safetensors_is_not_even_fetched(hub: Hub) -> None:
    files = dcgan()
    tensors = foreign.seen(foreign.Dcgan("model", channels=1)).state_dict()
    hub.put("owner/both", {**files, "model.safetensors": save(tensors)})
    door.import_weights("hf:owner/both", "theirs")
    assert not [one for one in hub.requests if "pytorch_model.bin" in one]


def test_a_file_that_is_not_what_was_announced_is_refused(hub: Hub) -> None:
    hub.put("owner/dcgan", dcgan())
    hub.answers[r"GET .*resolve.*config\.json"] = flipped
    with pytest.raises(HubError):
        door.import_weights("hf:owner/dcgan", "theirs")
    assert not Store({}).holds("theirs")


def test_a_repository_that_is_not_there_or_holds_no_weights_is_told(hub: Hub) -> None:
    with pytest.raises(HubError, match="owner/none"):
        door.import_weights("hf:owner/none", "theirs")
    hub.put("owner/empty", {"README.md": b"# Nothing", "notes.txt": b"-"})
    with pytest.raises(NotFoundError, match="holds no weights"):
        door.import_weights("hf:owner/empty", "theirs")


def test_nothing_of_a_download_is_left(hub: Hub, tmp_path: Path) -> None:
    hub.put("owner/dcgan", dcgan())
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("tempfile.tempdir", str(scratch))
        door.import_weights("hf:owner/dcgan", "theirs")
    assert list(scratch.iterdir()) == []
