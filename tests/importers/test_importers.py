"""Each importer: its model's samples are those of the network that was imported."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import foreign
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

import zoo
from zoo.checkpoints import Store
from zoo.checkpoints.weights import read_model
from zoo.models import Autoencoder, LatentModel

Z = torch.randn(6, 10, generator=torch.Generator().manual_seed(0))


def imported(source: Path, name: str = "theirs", **asked: Any) -> LatentModel[Any]:
    zoo.import_weights(str(source), name, **asked)
    model = zoo.load(name)
    assert isinstance(model, LatentModel)
    return model


def kept(state: dict[str, Any], path: Path) -> Path:
    """A state dict as safetensors, which are opened without a process of their own."""
    save_file(state, path)
    return path


def same_samples(model: LatentModel[Any], original: nn.Module, z: torch.Tensor) -> None:
    with torch.no_grad():
        expected = original(z)
        expected = (expected + 1) / 2 if float(expected.min()) < 0 else expected
        torch.testing.assert_close(model.decode(z), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("network", "model", "save"),
    [
        (lambda: foreign.Dcgan(), "dcgan", lambda net: net.state_dict()),
        (lambda: foreign.Dcgan("model", channels=1), "dcgan", lambda net: net.state_dict()),
        (
            lambda: foreign.Dcgan(),
            "dcgan",
            lambda net: {f"netG.{key}": one for key, one in net.state_dict().items()},
        ),
        (
            lambda: foreign.Dcgan(),
            "dcgan",
            lambda net: {f"module.{key}": one for key, one in net.state_dict().items()},
        ),
        (lambda: foreign.Gan(), "mlp-gan", lambda net: net.state_dict()),
        (lambda: foreign.Upsampling(), "upsample-gan", lambda net: net.state_dict()),
        (lambda: foreign.Upsampling("conv_model"), "upsample-gan", lambda net: net.state_dict()),
    ],
    ids=["dcgan", "huggan", "nested", "parallel", "gan", "upsampling", "upsampling-older"],
)
def test_a_gan_goes_on_drawing_what_it_drew(
    network: Callable[[], nn.Module],
    model: str,
    save: Callable[[nn.Module], Any],
    tmp_path: Path,
) -> None:
    torch.manual_seed(0)
    original = foreign.seen(network())
    found = imported(kept(save(original), tmp_path / "generator.safetensors"))
    assert zoo.info("theirs")["model"] == model
    same_samples(found, original, Z)
    samples = zoo.draw("theirs", 2, seed=0)
    assert samples.shape == (2, *found.config.sample_shape)


@pytest.mark.parametrize(
    ("generator", "judge", "shape"),
    [
        (foreign.Dcgan, foreign.DcganJudge, (3, 64, 64)),
        (foreign.Gan, foreign.GanJudge, (1, 28, 28)),
        (foreign.Upsampling, foreign.UpsamplingJudge, (1, 32, 32)),
    ],
)
def test_a_discriminator_comes_along_where_it_is_given(
    generator: type[nn.Module], judge: type[nn.Module], shape: tuple[int, ...], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    networks = {"g": foreign.seen(generator()), "d": foreign.seen(judge(), 1)}
    folder = tmp_path / "both"
    folder.mkdir()
    for name, network in networks.items():
        kept(network.state_dict(), folder / f"{name}.safetensors")
    same_samples(imported(folder), networks["g"], Z)
    model: Any = read_model(Path(zoo.info("theirs")["path"]), training_parts=True)
    images = torch.rand(4, *shape)
    with torch.no_grad():
        expected = networks["d"](2 * images - 1)
        found = model.discriminate(2 * images - 1, None)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


GANS = {"dcgan": foreign.Dcgan, "gan": foreign.Gan, "upsampling": foreign.Upsampling}
FOUND = {"dcgan": "main", "gan": "model", "upsampling": "conv_blocks"}


@pytest.mark.parametrize("where", ["", "netG."], ids=["plain", "nested"])
@pytest.mark.parametrize("name", GANS)
@pytest.mark.parametrize("extra", ["attention.gamma", "{root}.40.weight", "{root}.1.scale"])
def test_a_tensor_that_the_tutorials_network_has_not_is_refused_by_its_name(
    name: str, where: str, extra: str, tmp_path: Path
) -> None:
    extra = extra.format(root=FOUND[name])
    state = foreign.seen(GANS[name]()).state_dict()
    path = kept(
        {where + key: one for key, one in {**state, extra: torch.zeros(3)}.items()},
        tmp_path / "generator.safetensors",
    )
    with pytest.raises(zoo.ZooError) as told:
        zoo.import_weights(str(path), "theirs")
    assert "the model has not" in str(told.value) or "can't read these weights" in str(told.value)
    assert not Store({}).holds("theirs")


def test_another_network_beside_the_one_that_is_taken_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    original = foreign.seen(foreign.Dcgan())
    state = original.state_dict()
    both = {f"{part}.{key}": one.clone() for part in ("netG", "old") for key, one in state.items()}
    path = kept({**both, "fixed_noise": torch.zeros(4, 10)}, tmp_path / "generator.safetensors")
    same_samples(imported(path), original, Z)
    (told,) = [one for one in caplog.messages if one.startswith("Left out")]
    assert "a dcgan has no place for: " in told and f"({len(state) + 1} in all)" in told
    assert "netG" not in told


def test_other_files_and_networks_beside_a_vae_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    original = foreign.Vae().eval()
    kept(
        {
            f"{part}.{key}": one.clone()
            for part in ("vae", "was")
            for key, one in original.state_dict().items()
        },
        tmp_path / "a.safetensors",
    )
    kept({"scale": torch.zeros(2)}, tmp_path / "b.safetensors")
    same_samples(imported(tmp_path), original, torch.randn(4, 20))
    (told,) = [one for one in caplog.messages if one.startswith("Left out")]
    assert "was.fc1.bias of a.safetensors" in told and "(11 in all)" in told


def test_a_vae_goes_on_decoding_and_encoding(tmp_path: Path) -> None:
    torch.manual_seed(0)
    original = foreign.Vae().eval()
    model = imported(kept(original.state_dict(), tmp_path / "vae.safetensors"))
    assert isinstance(model, Autoencoder)
    same_samples(model, original, torch.randn(4, 20))
    images = torch.rand(3, 1, 28, 28)
    with torch.no_grad():
        torch.testing.assert_close(model.encode(images).mean, original.encode(images))
    assert zoo.info("theirs")["facts"]["dataset"] == "mnist"


@pytest.mark.parametrize(("loss", "likelihood"), [("bce", "bernoulli"), ("mse", "gaussian")])
def test_a_vae_of_pythae_is_read_and_its_pickled_networks_are_left_alone(
    loss: str, likelihood: str, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    original = foreign.Pythae().eval()
    folder = tmp_path / "final_model"
    folder.mkdir()
    torch.save({"model_state_dict": original.state_dict()}, folder / "model.pt")
    told = {"name": "VAEConfig", "input_dim": [1, 28, 28], "latent_dim": 5}
    told |= {"reconstruction_loss": loss}
    (folder / "model_config.json").write_text(json.dumps(told))
    for part in ("encoder.pkl", "decoder.pkl"):
        (folder / part).write_bytes(b"\x80\x04cposix\nsystem\n.")
    model = imported(folder)
    same_samples(model, original, torch.randn(4, 5))
    images = torch.rand(3, 1, 28, 28)
    with torch.no_grad():
        torch.testing.assert_close(model.encode(images).mean, original.encode(images))
    assert model.config.likelihood == likelihood
    assert set(zoo.info("theirs")["facts"]["imported"]["sha256"]) == {"model.pt"}
