"""Networks of timm as features, and features that suit data of one's own."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from conftest import Zoo
from huggingface_hub import constants
from safetensors.torch import save_file

from zoo.common import files
from zoo.common.errors import NotFoundError, ZooError
from zoo.data import extract, load_dataset, load_features
from zoo.registry import DatasetSpec, installed

TINY = "test_resnet.r160_in1k"
DINO = "vit_small_patch14_dinov2.lvd142m"
GREY: Any = load_dataset("mnist", root=Path(__file__).parents[1] / "data").samples[:40]


@pytest.fixture
def tiny() -> Path:
    torch.manual_seed(0)
    save_file(timm.create_model(TINY).state_dict(), "tiny.safetensors")
    return Path("tiny.safetensors")


def test_a_network_of_timm_gives_the_features_that_timm_gives(tiny: Path) -> None:
    extractor = load_features(f"timm:{TINY}", tiny)
    images = GREY[:5].float() / 255
    seen = extract(extractor, [images])
    assert extractor.name == f"timm:{TINY}" and len(extractor.sha256) == 64
    network: Any = extractor.module
    config = network.network.pretrained_cfg
    assert network.size == tuple(config["input_size"][1:])
    scaled = torch.nn.functional.interpolate(images, network.size, mode="bicubic", antialias=True)
    mean, std = (torch.tensor(config[key]).view(1, 3, 1, 1) for key in ("mean", "std"))
    with torch.no_grad():
        wanted = network.network((scaled.clamp(0, 1).expand(-1, 3, -1, -1) - mean) / std)
    assert torch.allclose(seen.vectors, wanted, atol=1e-5) and seen.classes is None


def test_the_command_compares_by_a_network_of_timm(tiny: Path, zoo: Zoo) -> None:
    np.save("real.npy", GREY.numpy())
    words = ["--samples", "./real.npy", "--data", "./real.npy", "--weights", tiny]
    done = zoo("evaluate", *words, "--features", f"timm:{TINY}", "--json")
    assert done.exit_code == 0 and f'"extractor": "timm:{TINY}"' in done.stdout, done.output


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("timm:resnet_of_mine", "timm has no network 'resnet_of_mine'"),
        ("timm:../../etc", "must name a network: timm:NAME"),
        ("timm", "must name a network: timm:NAME"),
        ("digits:large", "No installed plugin offers features 'digits:large'"),
    ],
)
def test_a_network_that_timm_does_not_have_is_refused(name: str, why: str, zoo: Zoo) -> None:
    done = zoo("evaluate", "vae-mnist", "-n", 20, "--features", name)
    assert done.exit_code == 1 and why in done.stderr, done.output


def test_weights_that_were_fetched_before_need_no_net(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # where nobody answers
    kept = tmp_path / "hub" / f"models--timm--{TINY}"
    (kept / "snapshots" / "00").mkdir(parents=True)
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text("00")
    shutil.copy(tiny, kept / "snapshots" / "00" / "model.safetensors")
    assert load_features(f"timm:{TINY}").sha256 == files.sha256(tiny)


@pytest.mark.long
def test_without_internet_it_is_said_which_file_to_fetch(
    zoo: Zoo, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")  # where nobody answers
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    done = zoo("evaluate", "vae-mnist", "-n", 20, "--features", f"timm:{DINO}")
    assert done.exit_code == 1 and len(done.stderr.splitlines()) < 9, done.stderr
    assert f"The weights of '{DINO}' can't be downloaded from timm/{DINO}: " in done.stderr
    assert f"fetch model.safetensors of timm/{DINO} elsewhere" in done.stderr
    assert "--weights FILE" in done.stderr


@pytest.mark.long
def test_dinov2_is_read_from_a_file_and_sees_images_of_224_pixels() -> None:
    torch.manual_seed(0)
    made = timm.create_model(DINO, num_classes=0).eval()  # of 518 pixels, as it is published
    save_file(made.state_dict(), "dino.safetensors")
    extractor = load_features(f"timm:{DINO}", Path("dino.safetensors"))
    seen = extract(extractor, [GREY[:2].float() / 255])
    network: Any = extractor.module
    assert network.size == (224, 224) and seen.vectors.shape == (2, 384)
    name = "blocks.11.mlp.fc2.weight"
    assert torch.equal(network.network.state_dict()[name], made.state_dict()[name])


def test_weights_that_are_no_safetensors_are_never_opened_as_a_pickle(tiny: Path) -> None:
    torch.save({"a": torch.zeros(1)}, "pickle.safetensors")
    with pytest.raises(ZooError, match="holds no safetensors"):
        load_features(f"timm:{TINY}", Path("pickle.safetensors"))
    tiny.rename("tiny.bin")
    with pytest.raises(ZooError, match=r"must be called \.safetensors"):
        load_features(f"timm:{TINY}", Path("tiny.bin"))


def test_data_gets_features_by_its_record_else_by_what_they_say_they_suit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registry = installed()
    assert (spec := registry.features_for("mnist")) is not None and spec.name == "digits"
    mine = DatasetSpec(name="mine", entry_point="a:b", sample_shape=(1, 2, 2), features="inception")
    monkeypatch.setitem(registry.datasets, "mine", mine)
    assert (spec := registry.features_for("mine")) is not None and spec.name == "inception"
    assert registry.features_for("./photos") is None
    assert (spec := registry.features_that_suit("image")) is not None
    assert spec.name == "imagenet-lite" and registry.features_that_suit("text") is None
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert registry.features_that_suit("image") is None
    with pytest.raises(NotFoundError):
        load_features("nothing")


@pytest.mark.long
def test_own_images_are_compared_without_naming_features(zoo: Zoo) -> None:
    np.save("real.npy", GREY.numpy())
    done = zoo("evaluate", "--samples", "./real.npy", "--data", "./real.npy", "--json")
    assert done.exit_code == 0 and '"extractor": "imagenet-lite"' in done.stdout, done.output
