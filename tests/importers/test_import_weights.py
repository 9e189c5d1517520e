"""zoo import: a pickle is opened safely and bounded, and what does not fit is said."""

import json
from pathlib import Path
from typing import Any

import foreign
import pytest
import torch
from conftest import Zoo
from safetensors.torch import save_file

import zoo as door
from zoo.checkpoints import Store
from zoo.common import files
from zoo.common.errors import CheckpointError, ConfigError, NotFoundError, OutputError


def vae(path: Path, **changed: Any) -> Path:
    """Weights of a VAE of pytorch/examples, changed by name; None takes one away."""
    state = {**foreign.Vae().state_dict(), **changed}
    save_file({key: one for key, one in state.items() if one is not None}, path)
    return path


def test_a_pickle_becomes_a_checkpoint_whose_facts_and_card_say_where_it_is_from(
    zoo: Zoo, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    original = foreign.seen(foreign.Dcgan())
    torch.save({"epoch": 3, "netG": original.state_dict()}, tmp_path / "netG.pth")
    result = zoo("import", tmp_path / "netG.pth", "--as", "old-gan", "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    facts = door.info("old-gan")["facts"]
    assert told["importer"] == "dcgan" and told["source"] == "netG.pth"
    assert facts["imported"] == {
        "source": "netG.pth",
        "sha256": {"netG.pth": files.sha256(tmp_path / "netG.pth")},
        "importer": "dcgan",
        "distribution": "genzoo",
        "version": door.__version__,
    }
    assert "Imported from `netG.pth` by the importer `dcgan`" in door.card("old-gan")
    z = torch.randn(2, 10)
    with torch.no_grad():
        expected = (original(z) + 1) / 2
        torch.testing.assert_close(door.load("old-gan").decode(z), expected, atol=1e-5, rtol=0)
    assert zoo("sample", "-n", 4).exit_code == 0  # it is the current checkpoint
    assert zoo("verify", "old-gan").exit_code == 0


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"fc4.bias": None}, "lacks 1 of the model's tensors, 'decoder.2.bias' first"),
        ({"fc5.bias": torch.zeros(2)}, "has 1 tensor that the model has not, 'fc5.bias' first"),
        ({"fc4.bias": torch.zeros(2)}, r"'decoder.2.bias' is torch.float32 \(2,\); the model has"),
        ({"fc4.bias": torch.full((784,), torch.nan)}, "holds NaN or infinite values"),
    ],
)
def test_weights_that_do_not_fit_are_refused_and_leave_nothing(
    changed: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError, match=said):
        door.import_weights(str(vae(tmp_path / "vae.safetensors", **changed)), "mine")
    assert not Store({}).holds("mine")


def test_a_file_of_safetensors_that_is_cut_is_refused(tmp_path: Path) -> None:
    path = vae(tmp_path / "vae.safetensors")
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match=r"vae.safetensors is damaged"):
        door.import_weights(str(path), "mine")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"main.0.weight": torch.zeros(3)}, "No importer knows the weights"),
        (
            {"main.3.weight": torch.zeros(32, 16, 3, 3)},
            r"'generator.4.weight' is .*\(32, 16, 3, 3\)",
        ),
        ({"main.4.weight": None}, "lacks 1 of the model's tensors, 'generator.5.weight' first"),
        (
            {"main.99.weight": torch.zeros(4, 3, 4, 4)},
            "sample_shape = 34359738368 is out of bounds",
        ),
        ({"main.13.weight": torch.zeros(4)}, "The importer 'dcgan' can't read these weights"),
        ({"main.x.weight": torch.zeros(4)}, "has 1 tensor that the model has not, 'main.x.weight'"),
    ],
    ids=["shape", "misshaped", "missing", "deep", "flat", "no-number"],
)
def test_a_gan_that_is_none_is_refused_in_words(
    changed: dict[str, Any], said: str, tmp_path: Path
) -> None:
    state = {**foreign.Dcgan().state_dict(), **changed}
    save_file(
        {key: one for key, one in state.items() if one is not None}, tmp_path / "g.safetensors"
    )
    with pytest.raises((CheckpointError, NotFoundError, ConfigError), match=said):
        door.import_weights(str(tmp_path / "g.safetensors"), "mine")
    assert not Store({}).holds("mine")


def test_a_folder_with_more_pickles_than_are_opened_at_a_time_is_refused(tmp_path: Path) -> None:
    for epoch in range(17):
        (tmp_path / f"netG_epoch_{epoch}.pth").touch()
    with pytest.raises(NotFoundError, match=r"17 files of weights .* Name the one to import"):
        door.import_weights(str(tmp_path), "mine")


def test_a_model_that_cannot_be_built_of_a_config_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Any, config: Any) -> None:
        raise RuntimeError("no such\nlayer")

    from zoo_vae.mlp import MLPVAE

    monkeypatch.setattr(MLPVAE, "__init__", broken)
    with pytest.raises(
        CheckpointError, match="no model can be built of its config: RuntimeError: no such layer"
    ):
        door.import_weights(str(vae(tmp_path / "vae.safetensors")), "mine")


def test_weights_that_no_importer_knows_are_told_with_the_importers_there_are(
    tmp_path: Path,
) -> None:
    save_file({"unknown.layer": torch.zeros(3)}, tmp_path / "other.safetensors")
    with pytest.raises(NotFoundError) as told:
        door.import_weights(str(tmp_path / "other.safetensors"), "mine")
    said = str(told.value)
    assert "No importer knows the weights" in said and "unknown.layer" in said
    assert "pythae-vae (pythae's VAE with its default networks)" in said
    assert "To write one: plugins/README.md" in said
    with pytest.raises(NotFoundError, match="The importer dcgan does not know the weights"):
        door.import_weights(str(tmp_path / "other.safetensors"), "mine", importer="dcgan")


@pytest.mark.parametrize(
    ("source", "asked", "error", "said"),
    [
        ("nowhere.pth", {}, NotFoundError, "There is no nowhere.pth: name a file or a folder"),
        (".", {}, NotFoundError, "holds no weights: files that end in .safetensors"),
        ("vae.safetensors", {"importer": "pythea"}, NotFoundError, "Did you mean|pythae-vae"),
        ("hf:nobody", {}, NotFoundError, "not of the form hf:OWNER/REPO"),
    ],
)
def test_what_can_be_refused_early_is(
    source: str,
    asked: dict[str, Any],
    error: type[Exception],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(error, match=said):
        door.import_weights(source, "mine", **asked)


def test_a_name_that_is_taken_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is a checkpoint that a plugin offers"):
        door.import_weights(str(tmp_path / "nowhere.pth"), "vae-mnist")


def test_safetensors_are_preferred_to_a_pickle_beside_them(tmp_path: Path) -> None:
    vae(tmp_path / "vae.safetensors")
    (tmp_path / "pytorch_model.bin").write_bytes(b"no pickle at all")
    (tmp_path / "README.md").write_text("---\nlicense: MIT\n---\n# Theirs\n")
    facts = door.import_weights(str(tmp_path), "mine").facts
    assert set(facts["imported"]["sha256"]) == {"vae.safetensors"}
    assert facts["license"] == "mit"
