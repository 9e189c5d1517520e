"""Networks of timm as features, and features that suit data of one's own."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
from conftest import Zoo
from safetensors.torch import save_file

from zoo.common.errors import NotFoundError, ZooError
from zoo.data import extract, load_dataset, load_features
from zoo.registry import DatasetSpec, installed

TINY = "test_resnet.r160_in1k"
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
