"""The GANs keep the contract, at every size and number of channels, with labels and without."""

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import make_model
from torch import nn
from torch.nn import functional as F
from zoo_gan.resnet import Block, Resized
from zoo_gan.spectral import SpectralNorm, normalise

from zoo.checkpoints import weights
from zoo.common.errors import ConfigError, LabelError, TrainingError
from zoo.data import Dataset
from zoo.models.interface import Step, TrainConfig
from zoo.registry.registry import installed
from zoo.testing import ModelContract, check_samples, check_training
from zoo.training.loop import fit
from zoo.training.state import TrainingState


class TestMLPGAN(ModelContract):
    model = "mlp-gan"
    config = {"generator_dims": [16], "discriminator_dims": [16], "latent_dim": 4}


class TestConditionalMLPGAN(ModelContract):
    model = "mlp-gan"
    config = {
        "generator_dims": [16],
        "discriminator_dims": [16],
        "num_classes": 3,
        "spectral_norm": True,
    }


class TestDCGAN(ModelContract):
    model = "dcgan"
    config = {"width": 4, "latent_dim": 4}


class TestConditionalDCGAN(ModelContract):
    model = "dcgan"
    config = {
        "width": 4,
        "latent_dim": 4,
        "num_classes": 3,
        "spectral_norm": True,
        "objective": "hinge",
    }


class TestUpsampleGAN(ModelContract):
    model = "upsample-gan"
    config = {
        "sample_shape": [1, 16, 16],
        "width": 8,
        "latent_dim": 4,
        "discriminator_channels": [4, 4],
        "num_classes": 3,
    }


class TestResNetGAN(ModelContract):
    model = "resnet-gan"
    config = {"channels": [4, 8], "latent_dim": 4}


class TestConditionalResNetGAN(ModelContract):
    model = "resnet-gan"
    config = {
        "channels": [4, 8],
        "latent_dim": 4,
        "num_classes": 3,
        "batch_norm": True,
        "diff_augment": ["color", "translation", "cutout"],
    }


class TestSpectralResNetGAN(ModelContract):
    model = "resnet-gan"
    config = {
        "channels": [4, 8],
        "latent_dim": 4,
        "spectral_norm": True,
        "objective": "hinge",
        "r1": 0.0,
        "r2": 0.0,
    }


class TestWassersteinGAN(ModelContract):
    model = "dcgan"
    config = {"width": 4, "latent_dim": 4, "objective": "wasserstein", "discriminator_steps": 2}


SMALL: dict[str, dict[str, Any]] = {
    "mlp-gan": {"generator_dims": (8,), "discriminator_dims": (8,)},
    "dcgan": {"width": 4},
    "resnet-gan": {"channels": (4, 8, 8)},
}


@pytest.mark.parametrize("model", SMALL)
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("size", [28, 32, 64])
def test_it_takes_every_size_and_number_of_channels(model: str, channels: int, size: int) -> None:
    built = make_model(model, sample_shape=(channels, size, size), num_classes=2, **SMALL[model])
    check_samples(built)
    check_training(built, steps=3)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (9, 15), (27, 64)])
def test_dcgan_makes_odd_and_oblong_images(height: int, width: int) -> None:
    model = make_model("dcgan", sample_shape=(1, height, width), width=4)
    check_samples(model)
    with torch.no_grad():
        assert model.discriminate(torch.zeros(2, 1, height, width), None).shape == (2,)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (9, 15), (27, 64)])
def test_resnet_gan_makes_odd_and_oblong_images(height: int, width: int) -> None:
    model = make_model("resnet-gan", sample_shape=(2, height, width), channels=(4, 8, 8))
    check_samples(model)
    with torch.no_grad():
        assert model.discriminate(torch.zeros(2, 2, height, width), None).shape == (2,)


@pytest.mark.parametrize("shape", [(1, 4, 28), (1, 28), (784,)])
def test_resnet_gan_says_which_sizes_it_cannot_make(shape: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="resnet-gan with 4 resolutions can't make samples"):
        make_model("resnet-gan", sample_shape=shape)


def ripple(layer: nn.Module) -> float:
    """How much an enlarged map without any pattern differs from one pixel to the next, inside."""
    torch.manual_seed(0)
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    with torch.no_grad():
        inside = layer(torch.ones(1, 8, 8, 8))[..., 4:-4, 4:-4]
    return float((inside - inside.mean((2, 3), keepdim=True)).abs().max())


def test_enlarging_in_resnet_gan_leaves_no_checkerboard_as_transposed_convolutions_do() -> None:
    assert ripple(nn.Sequential(Resized(8, 4, torch.Size((16, 16))), Block(4))) < 1e-4
    assert ripple(nn.ConvTranspose2d(8, 4, 4, stride=2, padding=1)) > 0.1


@pytest.mark.parametrize("levels", [0, 6, 9])
def test_resnet_gan_takes_no_more_resolutions_than_the_image_has(levels: int) -> None:
    with pytest.raises(ConfigError, match=f"resnet-gan with {levels} resolutions can't make"):
        make_model("resnet-gan", channels=(4,) * levels)
    assert make_model("resnet-gan", channels=(4,) * 5).config.num_classes == 0


GAMES: list[dict[str, Any]] = [
    {},  # relativistic, with R1 and R2
    {"objective": "hinge", "r1": 0.0, "r2": 0.0, "spectral_norm": True, "batch_norm": True},
]


@pytest.mark.parametrize("game", GAMES)
def test_under_bf16_large_weights_leave_the_losses_of_resnet_gan_finite(
    game: dict[str, Any],
) -> None:
    model = make_model(
        "resnet-gan", sample_shape=(3, 16, 16), channels=(4, 8), num_classes=2, **game
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter *= 100
    with torch.autocast("cpu", torch.bfloat16):
        step = model.training_step(torch.rand(6, 3, 16, 16), torch.arange(6) % 2, Step(0, 10))
        losses = [objective.loss for objective in step]
    assert len(losses) == 2
    for loss in losses:
        assert loss.dtype == torch.float32 and loss.isfinite().all()


@pytest.mark.parametrize("game", GAMES)
def test_what_is_no_number_stops_the_training_of_resnet_gan_and_says_so(
    game: dict[str, Any],
) -> None:
    model = make_model("resnet-gan", sample_shape=(3, 16, 16), channels=(4, 8), **game)
    with torch.no_grad():
        next(model.generator.parameters()).fill_(math.nan)
    images = Dataset("grey", torch.full((32, 3, 16, 16), 128, dtype=torch.uint8), None)
    with pytest.raises(TrainingError, match=r"failed by step \d+: \w+ is nan"):
        list(fit(TrainingState(model), images, TrainConfig(epochs=1, batch_size=16)))


@pytest.mark.parametrize("shape", [(1, 7, 28), (1, 28), (784,)])
def test_dcgan_says_which_sizes_it_cannot_make(shape: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match=r"at least 8×8 pixels, not "):
        make_model("dcgan", sample_shape=shape)


def test_dcgan_goes_down_to_maps_of_4_by_4() -> None:
    shapes = []
    model = make_model("dcgan")
    model.discriminator[-2].register_forward_pre_hook(
        lambda _, inputs: shapes.append(tuple(inputs[0].shape))
    )
    with torch.no_grad():
        model.discriminate(torch.zeros(1, 1, 28, 28), None)
    assert shapes == [(1, 256, 4, 4)]


def test_its_objectives_are_those_of_the_paper_worked_out_by_hand() -> None:
    model = make_model("mlp-gan", generator_dims=(8,), discriminator_dims=(8,), latent_dim=4)
    samples = torch.rand(6, 1, 28, 28)
    torch.manual_seed(1)
    discriminator, generator = model.training_step(samples, None, Step(0, 1))

    torch.manual_seed(1)
    fake = model.generator(torch.randn(6, 4)).view(6, 1, 28, 28)
    d_data = model.discriminator(samples * 2 - 1).sigmoid()
    d_fake = model.discriminator(fake).sigmoid()
    # Goodfellow 2014, eq. 1, and the generator's loss of section 3
    assert torch.allclose(
        discriminator.loss, -(d_data.log() + (1 - d_fake).log()).flatten(), rtol=1e-4
    )
    assert torch.allclose(generator.loss, -d_fake.log().flatten(), rtol=1e-4)


def test_the_two_networks_share_no_parameter() -> None:
    groups = {
        name: set(parameters)
        for name, parameters in make_model("dcgan", width=4).parameter_groups().items()
    }
    assert groups.keys() == {"discriminator", "generator"}
    assert not groups["discriminator"] & groups["generator"]


@pytest.mark.parametrize(
    "small", [{"discriminator_dims": (8,)}, {"width": 4}], ids=["mlp-gan", "dcgan"]
)
def test_a_logit_is_that_of_any_image_and_that_of_its_class(small: dict[str, Any]) -> None:
    """Miyato & Koyama 2018, eq. 3: a last layer of 1 + K outputs is ψ and V at once."""
    model = make_model("dcgan" if "width" in small else "mlp-gan", num_classes=3, **small)
    *hidden, last = [
        part for part in model.discriminator if not isinstance(part, nn.Flatten | nn.Dropout)
    ]
    assert next(iter(hidden[0].parameters())).shape[1] in (
        1,
        28 * 28,
    )  # the labels are no part of the input
    images = torch.rand(4, 1, 28, 28)
    features = images if "width" in small else images.flatten(1)
    for part in hidden:
        features = part(features)
    phi, weight = features.flatten(1), last.weight.flatten(1)
    labels = torch.tensor([2, 0, 1, 1])
    expected = (
        phi @ weight[0] + last.bias[0] + (phi * weight[1 + labels]).sum(1) + last.bias[1 + labels]
    )
    assert torch.allclose(model.discriminate(images, labels), expected, atol=1e-5)


def test_a_conditional_discriminator_wants_labels_that_it_knows() -> None:
    model = make_model("mlp-gan", num_classes=3, discriminator_dims=(8,))
    with pytest.raises(LabelError, match="needs a label for each sample"):
        model.discriminate(torch.rand(1, 1, 28, 28), None)
    with pytest.raises(LabelError, match="Label 3 is out of range"):
        model.discriminate(torch.rand(1, 1, 28, 28), torch.tensor([3]))


@pytest.mark.parametrize("shape", [(6, 9), (4, 3, 4, 4)])
def test_spectral_norm_makes_the_largest_singular_value_1_and_agrees_with_torch(
    shape: tuple[int, ...],
) -> None:
    layer: nn.Module = nn.Linear(9, 6) if len(shape) == 2 else nn.Conv2d(3, 4, 4)
    peer: nn.Module = nn.Linear(9, 6) if len(shape) == 2 else nn.Conv2d(3, 4, 4)
    peer.load_state_dict(layer.state_dict())
    peer = nn.utils.parametrizations.spectral_norm(peer, n_power_iterations=100)
    exact = layer.weight / torch.linalg.matrix_norm(layer.weight.flatten(1), 2)
    normalise(layer)
    for _ in range(300):  # each look at the weight is one iteration
        last = layer.weight
    assert layer.weight.shape == shape
    assert torch.allclose(last, exact, atol=1e-5)
    assert torch.allclose(last, peer.weight, atol=1e-5)
    # eq. 12: the gradient goes through σ too
    direction = torch.rand(shape)
    (mine,) = torch.autograd.grad(
        (layer.weight * direction).sum(), layer.parametrizations.weight.original
    )
    (theirs,) = torch.autograd.grad(
        (peer.weight * direction).sum(), peer.parametrizations.weight.original
    )
    assert torch.allclose(mine, theirs, atol=1e-4)


@pytest.mark.parametrize(
    "layer",
    [
        lambda: nn.Linear(784, 128),
        lambda: nn.Linear(512, 512),
        lambda: nn.Linear(512, 1),
        lambda: nn.Conv2d(1, 64, 4),
        lambda: nn.Conv2d(64, 128, 4),
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_spectral_norm_is_within_a_hundredth_at_its_first_call(layer: Any, training: bool) -> None:
    """Torch's own parametrization, which iterates while it is built, is as near."""
    torch.manual_seed(0)
    ours = layer().train(training)
    peer = layer()
    peer.load_state_dict(ours.state_dict())
    peer = nn.utils.parametrizations.spectral_norm(peer, n_power_iterations=100)
    normalise(ours)
    first = ours.weight.detach().flatten(1)
    assert torch.linalg.matrix_norm(first, 2).item() == pytest.approx(1, abs=0.01)
    assert torch.allclose(first, peer.weight.detach().flatten(1), rtol=0.01, atol=1e-6)


def test_spectral_norm_goes_on_from_what_was_kept_with_one_iteration_a_call() -> None:
    """What a checkpoint or a state holds means what it meant before: the iterate of unit length."""
    torch.manual_seed(0)
    layer, other = nn.Linear(40, 30), nn.Linear(40, 30)
    normalise(layer)
    normalise(other)
    weight = layer.parametrizations.weight.original.detach()
    kept = F.normalize(torch.randn(30), dim=0)
    layer.parametrizations.weight[0].u.copy_(kept)
    other.load_state_dict(layer.state_dict())
    v = F.normalize(weight.T @ kept, dim=0)
    u = F.normalize(weight @ v, dim=0)
    for one in (layer, other):
        assert torch.equal(one.weight, weight / (u @ (weight @ v)))
        assert torch.equal(one.parametrizations.weight[0].u, u)


def test_spectral_norm_counts_in_float32_under_autocast_and_iterates_only_while_training() -> None:
    layer = nn.Linear(40, 30)
    normalise(layer)
    layer.eval()
    before, exact = layer.parametrizations.weight[0].u.clone(), layer.weight
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(layer.weight, exact)
    assert torch.equal(layer.parametrizations.weight[0].u, before)
    layer.train()
    assert layer.weight.shape == (30, 40)
    assert not torch.equal(layer.parametrizations.weight[0].u, before)


@pytest.mark.parametrize(("model", "depth"), [("mlp-gan", 3), ("dcgan", 4)])
def test_spectral_norm_bounds_every_layer_of_the_discriminator(model: str, depth: int) -> None:
    built = make_model(model, spectral_norm=True).train()
    samples = torch.rand(4, 1, 28, 28)
    for index in range(40):
        list(built.training_step(samples, None, Step(index, 40)))
    layers = [
        layer for layer in built.discriminator.modules() if isinstance(layer, nn.Linear | nn.Conv2d)
    ]
    assert len(layers) == depth
    for layer in layers:
        assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(
            1, abs=0.1
        )
    assert not any(isinstance(part, SpectralNorm) for part in built.generator.modules())


def test_a_checkpoint_with_spectral_norm_is_sampled_without_torchs_compiler(tmp_path: Path) -> None:
    """Whatever computes on the meta device has torch import its compiler: a second, for parts that
    are left out.
    """
    weights.write_model(
        make_model("dcgan", width=2, latent_dim=4, spectral_norm=True), tmp_path / "tiny", {}
    )
    code = "import sys; from zoo.cli import main\n"
    code += f"try: main(['sample', {str(tmp_path / 'tiny')!r}, '-n', '2'])\n"
    code += "except SystemExit as stop: assert not stop.code\nprint('torch._dynamo' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.splitlines()[-1] == "False", result.stderr


def test_the_discriminator_is_kept_too_and_comes_back_the_same(tmp_path: Path) -> None:
    model = make_model("dcgan", width=2, latent_dim=4, spectral_norm=True, num_classes=3)
    weights.write_model(model, tmp_path / "tiny", {})
    again = weights.read_model(tmp_path / "tiny", training_parts=True)
    kept, loaded = model.discriminator.state_dict(), again.discriminator.state_dict()
    assert kept.keys() == loaded.keys()
    assert all(torch.equal(kept[name], loaded[name]) for name in kept)
    images, labels = torch.rand(3, 1, 28, 28), torch.tensor([0, 1, 2])
    assert torch.allclose(
        model.discriminate(images, labels), again.discriminate(images, labels), atol=1e-5
    )


@pytest.mark.parametrize("name", ["gan-mnist", "dcgan-mnist"])
def test_the_bundled_gans_load_with_their_discriminators(name: str) -> None:
    directory = Path(str(installed().checkpoints[name].bundled))
    model = weights.read_model(directory, training_parts=True)
    with torch.no_grad():
        fake = model.generate(model.sample_prior(64, torch.Generator().manual_seed(0)), None)
        logits = model.discriminate(fake, None)
    assert logits.shape == (64,) and logits.isfinite().all() and logits.std() > 0


@pytest.mark.parametrize("model", ["mlp-gan", "dcgan"])
def test_a_config_from_before_there_were_objectives_means_what_it_meant(model: str) -> None:
    config = installed().model_class(model).Config
    first = {"sample_shape": [1, 28, 28], "num_classes": 0, "latent_dim": 100, "batch_norm": True}
    assert config.from_dict({**first, "spectral_norm": False}) == config()
    assert (config().objective, config().r1, config().discriminator_steps) == (
        "non-saturating",
        0,
        1,
    )


def test_dcgan_starts_from_the_weights_of_the_paper() -> None:
    weight = make_model("dcgan").generator[0].weight
    assert weight.mean().item() == pytest.approx(0, abs=1e-3)
    assert weight.std().item() == pytest.approx(0.02, rel=0.02)
