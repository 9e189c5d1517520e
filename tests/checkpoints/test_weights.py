"""Checkpoints: what is saved comes back to the bit, and what is damaged or hostile is refused in
words.
"""

import json
import os
import pickle
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Zoo, files_no_larger_than
from environments import write_plugin
from safetensors.torch import load_file, save_file
from torch import Tensor

from zoo.checkpoints import weights
from zoo.checkpoints.folder import CONFIG, FACTS, TRAINING, WEIGHTS, read_facts
from zoo.common import files
from zoo.common.errors import (
    CheckpointError,
    ConfigError,
    NotFoundError,
    OutputError,
    PluginError,
    ZooError,
)
from zoo.models.build import build
from zoo.models.interface import GenerativeModel
from zoo.registry.registry import installed
from zoo.sampling.sampler import draw

FAMILIES = ("mlp-vae", "conv-vae", "ladder-vae", "mlp-gan", "dcgan", "resnet-gan")
FORMAT_1 = Path(__file__).parents[1] / "fixtures" / "format-1"

Trained = Callable[..., Path]


@pytest.fixture
def copy(trained: Trained) -> Callable[..., Path]:
    """A copy, at ./NAME, of a small trained checkpoint, to be spoilt."""

    def make(model: str = "mlp-vae", name: str = "bad") -> Path:
        target = Path(name)
        shutil.copytree(trained(model), target, ignore=shutil.ignore_patterns("images"))
        return target

    return make


@pytest.fixture(scope="session")
def guest_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A guest's distribution with odd models, as an unpacked wheel."""
    names = {
        "tied": "Tied",
        "channels-last": "ChannelsLast",
        "unsaved-buffer": "UnsavedBuffer",
        "no-model": "dataclass",
    }
    offers = ", ".join(
        f'ModelSpec(name="{name}", entry_point="zoo_guest.models:{at}")'
        for name, at in names.items()
    )
    entry = (
        "from zoo import ModelSpec, hookimpl\n\n@hookimpl\ndef zoo_models():\n    return "
        f"[{offers}]\n"
    )
    tree = write_plugin(tmp_path_factory.mktemp("guest"), "guest", entry, models=GUEST_MODELS)
    info = tree / "zoo_guest-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo-guest\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[zoo]\nguest = zoo_guest\n")
    return tree


@pytest.fixture
def guest(
    guest_tree: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], GenerativeModel[Any]]:
    """Build a model of the guest's, by name."""
    monkeypatch.syspath_prepend(guest_tree)
    installed.cache_clear()

    def make(name: str) -> GenerativeModel[Any]:
        model_class = installed().model_class(name)
        return build(model_class, model_class.Config(), seed=0).eval()

    return make


GUEST_MODELS = """
from dataclasses import dataclass
import torch
from torch import nn
from zoo.models import LatentModel, ModelConfig, Objective

class Plain(LatentModel):
    @dataclass(frozen=True, kw_only=True)
    class Config(ModelConfig):
        sample_shape: tuple[int, ...] = (1, 4, 4)

    def __init__(self, config):
        super().__init__(config)
        self.latent_shape = (16,)
        self.first = nn.Linear(16, 16, bias=False)

    def decode(self, z, labels=None):
        return self.first(z).sigmoid().view(-1, *self.config.sample_shape)

    def training_step(self, samples, labels, step):
        yield Objective(self.first.weight.sum())

class Tied(Plain):
    def __init__(self, config):
        super().__init__(config)
        self.second = nn.Linear(16, 16, bias=False)
        self.second.weight = self.first.weight

    def decode(self, z, labels=None):
        return super().decode(self.second(z), labels)

class ChannelsLast(Plain):
    def __init__(self, config):
        super().__init__(config)
        self.conv = nn.Conv2d(2, 1, 3, padding=1).to(memory_format=torch.channels_last)

    def decode(self, z, labels=None):
        return self.conv(super().decode(z).repeat(1, 2, 1, 1)).sigmoid()

class UnsavedBuffer(Plain):
    def __init__(self, config):
        super().__init__(config)
        self.register_buffer("scale", torch.ones(1), persistent=False)
"""


def edit_config(directory: Path, outer: dict[str, Any] | None = None, **inner: Any) -> None:
    value = json.loads((directory / CONFIG).read_text())
    value["config"] |= inner
    (directory / CONFIG).write_text(json.dumps(value | (outer or {})))


def edit_tensors(path: Path, edit: Callable[[dict[str, Tensor]], object]) -> None:
    tensors = {name: tensor.clone() for name, tensor in load_file(path).items()}
    edit(tensors)
    save_file(tensors, path)


def write_header(path: Path, header: object, body: bytes = b"") -> None:
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def digests(directory: Path) -> dict[str, str]:
    return {file.name: files.sha256(file) for file in directory.iterdir() if file.is_file()}


def refusal(directory: Path, kind: type[ZooError] = CheckpointError, **options: bool) -> str:
    """The words in which loading is refused: short, on one line, and the directory is as it was."""
    before = digests(directory)
    with pytest.raises(kind) as caught:
        weights.read_model(directory, **options)
    assert digests(directory) == before
    assert type(caught.value) is kind
    words = str(caught.value)
    assert str(directory) in words or kind is NotFoundError or kind is PluginError
    assert len(words) < 600, "too long to read"
    return words


# there and back


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_saved_loads_to_the_same_samples_bit_for_bit(trained: Trained, family: str) -> None:
    first = weights.read_model(trained(family), training_parts=True)
    weights.write_model(first, Path("again"), {"note": "kept"})
    second = weights.read_model(Path("again"))
    assert not second.training
    assert torch.equal(draw(first, 8, seed=5), draw(second, 8, seed=5))
    assert not torch.equal(draw(first, 8, seed=5), draw(second, 8, seed=6))
    for file in (CONFIG, WEIGHTS, TRAINING):
        assert (Path("again") / file).exists() == (trained(family) / file).exists()
        if (Path("again") / file).exists():
            assert files.sha256(Path("again") / file) == files.sha256(trained(family) / file), file


@pytest.mark.parametrize(
    ("family", "settings"),
    [
        ("mlp-vae", {"hidden_dims": (), "num_classes": 3, "sample_shape": (3, 5, 7)}),
        ("mlp-vae", {"hidden_dims": (8, 4), "batch_norm": True, "dropout": 0.5}),
        (
            "conv-vae",
            {
                "channels": (4,),
                "hidden_dim": 8,
                "num_classes": 2,
                "batch_norm": False,
                "dropout": 0.5,
            },
        ),
        (
            "mlp-gan",
            {
                "generator_dims": (8,),
                "discriminator_dims": (8,),
                "spectral_norm": True,
                "num_classes": 2,
            },
        ),
        ("dcgan", {"width": 2, "spectral_norm": True, "sample_shape": (3, 32, 32)}),
    ],
)
def test_every_switch_of_a_family_survives(family: str, settings: dict[str, Any]) -> None:
    model_class = installed().model_class(family)
    first = build(model_class, model_class.Config(**settings), seed=1).eval()
    weights.write_model(first, Path("saved"), {})
    second = weights.read_model(Path("saved"), training_parts=True)
    assert second.config == first.config
    assert torch.equal(draw(first, 4, seed=0), draw(second, 4, seed=0))
    before, after = first.state_dict(), second.state_dict()
    assert list(before) == list(after) and all(
        torch.equal(before[name], after[name]) for name in before
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_loading_spends_none_of_the_callers_random_numbers(trained: Trained, family: str) -> None:
    state = torch.get_rng_state()
    weights.read_model(trained(family), training_parts=True)
    assert torch.equal(torch.get_rng_state(), state)


def test_a_loaded_model_can_be_trained_further(trained: Trained) -> None:
    model = weights.read_model(trained("mlp-vae"))
    assert all(parameter.requires_grad and parameter.is_leaf for parameter in model.parameters())
    before = files.sha256(trained("mlp-vae") / WEIGHTS)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert files.sha256(trained("mlp-vae") / WEIGHTS) == before


def test_saving_twice_gives_the_same_bytes(trained: Trained) -> None:
    model = weights.read_model(trained("mlp-gan"), training_parts=True)
    for name in ("one", "two"):
        weights.write_model(model, Path(name), {"seed": 1})
    assert digests(Path("one")) == digests(Path("two"))
    assert sorted(digests(Path("one"))) == [CONFIG, FACTS, WEIGHTS, TRAINING]


def test_config_names_format_model_fields_and_maker_and_can_import_nothing(
    trained: Trained,
) -> None:
    config = files.read_json(trained("mlp-vae") / CONFIG)
    assert list(config) == ["format", "model", "config", "made_by"]
    assert (config["format"], config["model"]) == (1, "mlp-vae")
    assert config["config"]["hidden_dims"] == [32] and config["config"]["sample_shape"] == [
        1,
        28,
        28,
    ]
    assert config["made_by"]["distribution"] == "genzoo"
    assert "zoo_vae" not in (trained("mlp-vae") / CONFIG).read_text()


def test_facts_count_the_parameters_that_sampling_needs(trained: Trained) -> None:
    model = weights.read_model(trained("mlp-gan"))
    counted = sum(parameter.numel() for parameter in model.parameters())
    assert read_facts(trained("mlp-gan"))["parameters"] == counted > 0
    assert read_facts(Path.cwd()) == {}


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o027, 0o640)])
def test_weights_are_as_readable_as_the_persons_umask_lets_them_be(
    trained: Trained, umask: int, mode: int
) -> None:
    model = weights.read_model(trained("mlp-gan"), training_parts=True)
    old = os.umask(umask)
    try:
        weights.write_model(model, Path("saved"), {})
    finally:
        os.umask(old)
    modes = {file.name: oct(file.stat().st_mode & 0o777) for file in Path("saved").iterdir()}
    assert modes == dict.fromkeys((CONFIG, FACTS, WEIGHTS, TRAINING), oct(mode))


@pytest.mark.parametrize("there_before", [False, True])
def test_a_full_disk_while_saving_is_said_and_leaves_everything_as_it_was(
    copy: Callable[..., Path], there_before: bool
) -> None:
    model = weights.read_model(copy(name="source"))
    target = copy(name="target") if there_before else Path("target")
    target.mkdir(exist_ok=True)
    before = digests(target)
    with torch.no_grad():
        next(model.parameters()).add_(1)
    with (
        pytest.raises(OutputError, match=r"target/model\.safetensors"),
        files_no_larger_than(10_000),
    ):
        weights.write_model(model, target, {})
    assert digests(target) == before


# what a plugin may do


def test_tied_weights_are_kept_once_and_are_tied_again(guest: Callable[[str], Any]) -> None:
    first = guest("tied")
    weights.write_model(first, Path("tied"), {})
    assert list(load_file("tied/model.safetensors")) == ["first.weight"]
    assert read_facts(Path("tied"))["parameters"] == 256
    second: Any = weights.read_model(Path("tied"))
    assert torch.equal(draw(first, 4, seed=0), draw(second, 4, seed=0))
    with torch.no_grad():
        second.first.weight.add_(1)
    assert torch.equal(second.second.weight, second.first.weight)
    assert len(list(second.parameters())) == 1, "an optimizer would step twice"


def test_a_model_with_tied_weights_can_be_loaded_and_saved_again(
    guest: Callable[[str], Any],
) -> None:
    weights.write_model(guest("tied"), Path("one"), {})
    weights.write_model(weights.read_model(Path("one")), Path("two"), {})
    assert digests(Path("one")) == digests(Path("two"))


def test_a_channels_last_weight_is_saved_with_its_values_in_place(
    guest: Callable[[str], Any],
) -> None:
    first = guest("channels-last")
    assert not first.conv.weight.is_contiguous()
    weights.write_model(first, Path("saved"), {})
    second = weights.read_model(Path("saved"))
    assert torch.allclose(draw(first, 4, seed=0), draw(second, 4, seed=0), atol=1e-6)


def test_a_buffer_that_is_not_saved_is_named_as_the_plugins_fault(
    guest: Callable[[str], Any],
) -> None:
    weights.write_model(guest("unsaved-buffer"), Path("saved"), {})
    assert "'scale'" in refusal(Path("saved"), PluginError)


def test_a_checkpoint_of_a_plugin_that_is_gone_or_offers_no_model_is_refused(
    guest: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    weights.write_model(guest("tied"), Path("saved"), {})
    edit_config(Path("saved"), {"model": "no-model"})
    assert "'no-model' is not a GenerativeModel" in refusal(Path("saved"), PluginError)
    monkeypatch.setenv("ZOO_LOAD_PLUGINS", "vae")
    installed.cache_clear()
    edit_config(Path("saved"), {"model": "tied"})
    assert "No installed plugin offers a model 'tied'" in refusal(Path("saved"), NotFoundError)


def test_a_model_of_no_plugin_names_its_class_and_loads_when_that_is_passed(
    guest: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = guest("tied")
    monkeypatch.setenv("ZOO_LOAD_PLUGINS", "vae")
    installed.cache_clear()
    weights.write_model(model, Path("own"))
    config = files.read_json(Path("own") / CONFIG)
    assert (config["model"], config["class"]) == ("Tied", "zoo_guest.models:Tied")
    with pytest.raises(NotFoundError, match=r"needs the class 'Tied' \(zoo_guest\.models:Tied\)"):
        weights.read_model(Path("own"))
    again = weights.read_model(Path("own"), model=type(model))
    assert torch.equal(draw(model, 4, seed=0), draw(again, 4, seed=0))


# for ever


def test_a_checkpoint_of_format_1_loads_for_ever() -> None:
    assert digests(FORMAT_1) == {
        CONFIG: "71bd1aaa56553a9e40b26b711e0815a3052737e23ea06dec1cd251b1c63ef147",
        FACTS: "e75652b0663e89f1078c11c64195479451a34065ebba886fdd30954c2f3e48d3",
        WEIGHTS: "e04ea08fdc0fc477c6dc8cffa8c0142f58ba95043c380072bde11680a69936bc",
    }, "this fixture is frozen: make the code read it, do not make it anew"
    model: Any = weights.read_model(FORMAT_1)
    assert (model.config.hidden_dims, model.config.latent_dim) == ((4,), 2)
    samples = draw(model, 4, seed=0)
    assert samples.mean((1, 2, 3)).tolist() == pytest.approx(
        [0.3829, 0.2577, 0.38977, 0.19726], abs=1e-4
    )
    assert samples[:, 0, 14, 14].tolist() == pytest.approx(
        [0.12455, 0.15651, 0.0627, 0.2091], abs=1e-4
    )


# bad configs


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"latnt_dim": 4}, r"Unknown field 'latnt_dim'\. Did you mean 'latent_dim'"),
        ({"__class__": "os.system"}, r"Unknown field '__class__'"),
        ({"latent_dim": "4"}, "latent_dim = '4' is not of its type: whole number"),
        ({"latent_dim": 4.0}, "latent_dim"),
        ({"latent_dim": True}, "latent_dim"),
        ({"latent_dim": None}, "latent_dim"),
        ({"latent_dim": [4]}, "latent_dim"),
        ({"latent_dim": {"a": 1}}, "latent_dim"),
        ({"latent_dim": 0}, "latent_dim = 0 is out of bounds: 1 to 65536"),
        ({"latent_dim": -4}, "latent_dim = -4 is out of bounds"),
        ({"latent_dim": 10**9}, "latent_dim = 1000000000 is out of bounds"),
        ({"latent_dim": 10**4000}, "latent_dim"),
        ({"hidden_dims": 400}, "hidden_dims = .?400.? is not of its type: list of: whole number"),
        ({"hidden_dims": "400"}, "hidden_dims"),
        ({"hidden_dims": [[400]]}, "hidden_dims"),
        ({"hidden_dims": [4] * 65}, "hidden_dims has 65 entries; 64 are the most"),
        ({"hidden_dims": [4] * 100_000}, "hidden_dims has 100,000 entries"),
        ({"batch_norm": 1}, "batch_norm = .?1.? is not of its type: true or false"),
        ({"batch_norm": "true"}, "batch_norm"),
        ({"dropout": 1.5}, r"dropout = 1\.5 is out of bounds: 0 to 1"),
        ({"dropout": float("nan")}, "dropout"),
        ({"dropout": float("inf")}, "dropout"),
        ({"dropout": 10**400}, "dropout"),
        ({"sample_shape": []}, "sample_shape"),
        ({"num_classes": -1}, "num_classes = -1 is out of bounds"),
        ({"x" * 100_000: 1}, "Unknown field 'x+"),
        ({"latent_dim": "x" * 100_000}, "latent_dim = 'x+"),
    ],
    ids=lambda value: str(value)[:30] if isinstance(value, dict) else "",
)
def test_a_field_that_the_model_refuses_is_named_with_what_it_may_be(
    copy: Callable[..., Path], fields: dict[str, Any], words: str
) -> None:
    edit_config(copy(), **fields)
    message = refusal(Path("bad"), ConfigError)
    assert f"bad/{CONFIG}" in message and re.search(words, message)


@pytest.mark.parametrize(
    ("outer", "kind", "words"),
    [
        (
            {"model": "mlp-vea"},
            NotFoundError,
            "No installed plugin offers a model 'mlp-vea'. Did you mean 'mlp-vae'",
        ),
        ({"model": "zoo_vae.mlp:MLPVAE"}, NotFoundError, "No installed plugin offers a model"),
        ({"model": "x" * 100_000}, CheckpointError, "does not name its model"),
        ({"model": 5}, CheckpointError, "does not name its model and config"),
        ({"model": None}, CheckpointError, "does not name its model and config"),
        ({"config": None}, CheckpointError, "does not name its model and config"),
        ({"config": [1]}, CheckpointError, "does not name its model and config"),
        ({"format": 2}, CheckpointError, "has the format '2'; this is genzoo"),
        ({"format": 2}, CheckpointError, "A newer one may read it: pip install -U genzoo"),
        ({"format": "1"}, CheckpointError, "has the format '1'"),
        ({"format": None}, CheckpointError, "has the format 'None'"),
        ({"format": [1] * 100_000}, CheckpointError, "has the format"),
    ],
    ids=lambda value: str(value)[:30] if isinstance(value, dict) else "",
)
def test_a_config_that_names_no_model_or_another_format_is_refused(
    copy: Callable[..., Path], outer: dict[str, Any], kind: type[ZooError], words: str
) -> None:
    edit_config(copy(), outer)
    assert words in refusal(Path("bad"), kind)


def test_a_field_of_the_future_is_refused_with_the_version_that_made_it(
    copy: Callable[..., Path],
) -> None:
    edit_config(copy(), {"made_by": {"distribution": "genzoo", "version": "99.0"}}, depth=3)
    words = refusal(Path("bad"), ConfigError)
    assert "Unknown field 'depth'" in words
    assert "made by genzoo 99.0, this is" in words and words.endswith("pip install -U genzoo")


def test_a_model_that_no_plugin_offers_is_refused_with_the_distribution_that_made_it(
    copy: Callable[..., Path],
) -> None:
    edit_config(
        copy(), {"model": "ppca", "made_by": {"distribution": "zoo-blobs", "version": "0.1.0"}}
    )
    words = refusal(Path("bad"), NotFoundError)
    assert "No installed plugin offers a model 'ppca'." in words
    assert words.endswith("If you trust them: pip install zoo-blobs")


@pytest.mark.parametrize(
    "distribution", ["genzoo", "-r evil.txt", "a; reboot", "", None, ["zoo-blobs"], "x" * 100]
)
def test_a_distribution_that_is_here_or_is_none_is_not_to_be_installed(
    copy: Callable[..., Path], distribution: object
) -> None:
    edit_config(
        copy(), {"model": "ppca", "made_by": {"distribution": distribution, "version": "0.1.0"}}
    )
    assert "pip install" not in refusal(Path("bad"), NotFoundError)


@pytest.mark.parametrize(
    "made_by", [None, 5, "genzoo", [], {}, {"version": [1] * 100_000}, {"version": None}]
)
def test_a_maker_that_is_rubbish_does_not_hide_the_error(
    copy: Callable[..., Path], made_by: object
) -> None:
    edit_config(copy(), {"made_by": made_by}, depth=3)
    assert "Unknown field 'depth'" in refusal(Path("bad"), ConfigError)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"format": 1, "config": ' + b'{"a":' * 100_000, "nested too deeply"),
        (
            b'{"format": 1, "model": "mlp-vae", "config": {"hidden_dims": '
            + b"[" * 400
            + b"]" * 400
            + b"}}",
            "hidden_",
        ),
        (b" " * (1 << 20) + b"{}", "is larger than 1,048,576 bytes"),
        (b'{"format": 1', "is not JSON"),
        (b"\x80\x04\x95", "is not JSON"),
        (b"[]", "holds a JSON list"),
        (b"", "is not JSON"),
    ],
    ids=["deep", "deep field", "huge", "truncated", "pickle", "list", "empty"],
)
def test_a_config_that_is_no_json_of_ours_is_refused(
    copy: Callable[..., Path], content: bytes, words: str
) -> None:
    (copy() / CONFIG).write_bytes(content)
    assert words in refusal(Path("bad"), ConfigError if words == "hidden_" else CheckpointError)


ABSURD = [
    ("mlp-vae", {"hidden_dims": [65536] * 64}),
    ("mlp-vae", {"sample_shape": [65536, 65536, 65536]}),
    ("mlp-vae", {"sample_shape": [65536] * 64}),
    ("mlp-vae", {"latent_dim": 65536, "num_classes": 65536, "hidden_dims": [65536]}),
    ("conv-vae", {"channels": [65536] * 64}),
    ("conv-vae", {"residual_blocks": 65536}),
    ("conv-vae", {"residual_blocks": 65536, "channels": [65536] * 64}),
    ("conv-vae", {"hidden_dim": 65536, "sample_shape": [65536, 65536, 65536]}),
    ("conv-vae", {"sample_shape": [28, 28]}),
    ("conv-vae", {"sample_shape": [1] * 64}),
    ("conv-vae", {"channels": []}),
    ("mlp-gan", {"generator_dims": [65536] * 64, "discriminator_dims": [65536] * 64}),
    ("mlp-gan", {"discriminator_dims": [65536] * 64, "spectral_norm": True}),
    ("mlp-gan", {"sample_shape": [28]}),
    ("mlp-gan", {"num_classes": 65536, "sample_shape": [65536, 65536, 65536]}),
    ("dcgan", {"width": 65536, "latent_dim": 65536, "spectral_norm": True}),
    ("dcgan", {"sample_shape": [1, 65536, 65536]}),
    ("dcgan", {"sample_shape": [28]}),
]

LOADER = """
import json, resource, signal, sys, time
from pathlib import Path
from zoo.checkpoints import weights as checkpoints
from zoo.errors import CheckpointError, ConfigError

class TooSlow(BaseException):
    pass

def ring(*_):
    raise TooSlow("still at work")

signal.signal(signal.SIGPROF, ring)
checkpoints.read_model(Path(sys.argv[1]))
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (200 << 20),) * 2)
for directory in sys.argv[2:]:
    signal.setitimer(signal.ITIMER_PROF, 10)  # seconds of the processor's time
    try:
        checkpoints.read_model(Path(directory), training_parts=True)
        verdict = "loaded"
    except (CheckpointError, ConfigError) as error:
        verdict = f"refused: {error}"
    except BaseException as error:
        verdict = f"{type(error).__name__}: {error}"
    signal.setitimer(signal.ITIMER_PROF, 0)
    print(json.dumps(verdict[:1000]))
"""


def test_absurd_sizes_are_refused_at_once_and_take_no_memory(
    trained: Trained, copy: Callable[..., Path]
) -> None:
    for index, (family, fields) in enumerate(ABSURD):
        edit_config(copy(family, name=str(index)), **fields)
    directories = [str(index) for index in range(len(ABSURD))]
    command = [sys.executable, "-c", LOADER, str(trained("mlp-vae")), *directories]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    verdicts = dict(zip(map(str, ABSURD), map(json.loads, result.stdout.splitlines()), strict=True))
    wrong = {
        case: verdict for case, verdict in verdicts.items() if not verdict.startswith("refused: ")
    }
    assert not wrong
    assert all(f"{index}/" in verdict for index, verdict in enumerate(verdicts.values()))


# bad weights


@pytest.mark.parametrize("keep", [0, 1, 7, 8, 9, 100, "header", "header + 1", "half", -1])
def test_a_truncated_file_is_refused_in_words_that_say_which(
    copy: Callable[..., Path], keep: int | str
) -> None:
    path = copy() / WEIGHTS
    content = path.read_bytes()
    header = 8 + struct.unpack("<Q", content[:8])[0]
    places = {"header": header, "header + 1": header + 1, "half": len(content) // 2}
    path.write_bytes(content[: keep if isinstance(keep, int) else places[keep]])
    words = refusal(Path("bad"))
    assert f"bad/{WEIGHTS} is damaged" in words and "Pull or train it again" in words


def test_a_file_with_more_behind_its_end_is_refused(copy: Callable[..., Path]) -> None:
    path = copy() / WEIGHTS
    path.write_bytes(path.read_bytes() + b"\0")
    assert f"{WEIGHTS} is damaged" in refusal(Path("bad"))


def test_a_flipped_bit_anywhere_in_the_header_is_refused_or_changes_nothing(
    copy: Callable[..., Path],
) -> None:
    path = copy() / WEIGHTS
    whole = load_file(path)
    content = path.read_bytes()
    header = 8 + struct.unpack("<Q", content[:8])[0]
    refused = 0
    for place in range(header):
        flipped = bytearray(content[:header])
        flipped[place] ^= 1 << place % 8
        path.write_bytes(bytes(flipped) + content[header:])
        try:
            state = weights.read_model(Path("bad")).state_dict()
        except CheckpointError:
            refused += 1
            continue
        assert all(torch.equal(state[name], tensor) for name, tensor in whole.items()), place
    assert refused > 0.9 * header


@pytest.mark.parametrize(
    "header",
    [
        {},
        [],
        {"a": 1},
        {"a": {"dtype": "F32", "shape": [2**62], "data_offsets": [0, 4]}},
        {"a": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 4]}},
        {"a": {"dtype": "F32", "shape": [0, 2**63], "data_offsets": [0, 0]}},
        {"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}},
        {"a": {"dtype": "F6_E2M3", "shape": [4], "data_offsets": [0, 3]}},
        {"../../etc/passwd": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}},
        {"decoder.0.weight": {"dtype": "F32", "shape": [1] * 10_000, "data_offsets": [0, 4]}},
        {"x" * 100_000: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}},
    ],
    ids=lambda header: str(header)[:60],
)
def test_a_header_that_means_mischief_is_refused(copy: Callable[..., Path], header: Any) -> None:
    tensors = header.values() if isinstance(header, dict) else []
    ends = [one["data_offsets"][1] for one in tensors if isinstance(one, dict)]
    write_header(copy() / WEIGHTS, header, b"\0" * max([0, *ends]))
    assert WEIGHTS in refusal(Path("bad"))


@pytest.mark.parametrize("shape", [[1] * 10_000, [0, 2**40]])
def test_a_shape_that_means_mischief_is_refused_in_few_words(
    copy: Callable[..., Path], shape: list[int]
) -> None:
    path = copy() / WEIGHTS
    content = path.read_bytes()
    size = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + size])
    body = content[8 + size :]
    last = max(
        (name for name in header if name != "__metadata__"),
        key=lambda name: header[name]["data_offsets"][1],
    )
    begin = header[last]["data_offsets"][0]
    end = begin + (4 if 0 not in shape else 0)
    header[last] |= {"shape": shape, "data_offsets": [begin, end]}
    write_header(path, header, body[:end])
    assert last in refusal(Path("bad"))


def test_a_missing_tensor_is_named(copy: Callable[..., Path]) -> None:
    edit_tensors(copy() / WEIGHTS, lambda tensors: tensors.pop("decoder.0.weight"))
    assert f"bad/{WEIGHTS} lacks 1 of the model's tensors, 'decoder.0.weight' first" in refusal(
        Path("bad")
    )


def test_an_extra_tensor_is_named(copy: Callable[..., Path]) -> None:
    edit_tensors(copy() / WEIGHTS, lambda tensors: tensors.update(surprise=torch.zeros(3)))
    assert f"bad/{WEIGHTS} has 1 tensor that the model has not, 'surprise' first" in refusal(
        Path("bad")
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.flatten(), "the model has torch.float32 (32, 4)"),
        (
            lambda t: t.T.contiguous(),
            "is torch.float32 (4, 32); the model has torch.float32 (32, 4)",
        ),
        (lambda t: t[:1].clone(), "(1, 4)"),
        (lambda t: t.double(), "torch.float64"),
        (lambda t: t.half(), "torch.float16"),
        (lambda t: t.long(), "torch.int64"),
        (lambda t: t.to(torch.float8_e4m3fn), "torch.float8_e4m3fn"),
        (lambda t: t.to(torch.complex64), "torch.complex64"),
        (lambda t: t.index_fill(0, torch.tensor(3), float("nan")), "holds NaN or infinite values"),
        (lambda t: t.index_fill(0, torch.tensor(3), float("-inf")), "holds NaN or infinite values"),
    ],
    ids=[
        "flat",
        "transposed",
        "cut",
        "float64",
        "float16",
        "int64",
        "float8",
        "complex",
        "nan",
        "inf",
    ],
)
def test_a_tensor_of_another_shape_kind_or_without_numbers_is_named(
    copy: Callable[..., Path], change: Callable[[Tensor], Tensor], words: str
) -> None:
    name = "decoder.0.weight"
    edit_tensors(copy() / WEIGHTS, lambda tensors: tensors.update({name: change(tensors[name])}))
    message = refusal(Path("bad"))
    assert repr(name) in message and words in message


def test_weights_of_another_model_are_refused(copy: Callable[..., Path]) -> None:
    shutil.copy(copy("mlp-gan", name="gan") / WEIGHTS, copy() / WEIGHTS)
    assert "of the model's tensors" in refusal(Path("bad"))


@pytest.mark.parametrize(
    ("gone", "words"), [(CONFIG, "is not a checkpoint: it has no"), (WEIGHTS, "is missing")]
)
def test_a_missing_file_is_named(copy: Callable[..., Path], gone: str, words: str) -> None:
    (copy() / gone).unlink()
    assert words in refusal(Path("bad")) and gone in refusal(Path("bad"))


def test_a_folder_in_the_place_of_a_file_is_refused(copy: Callable[..., Path]) -> None:
    (copy() / WEIGHTS).unlink()
    Path("bad", WEIGHTS).mkdir()
    assert WEIGHTS in refusal(Path("bad"))


# pickles


class Trap:
    """Opening its pickle makes a file."""

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(Path("sprung").absolute()), "w")


@pytest.mark.parametrize("protocol", [0, 2, 4, 5, "zip"])
@pytest.mark.parametrize("place", [WEIGHTS, TRAINING, CONFIG])
def test_a_pickle_under_another_name_is_refused_and_never_opened(
    copy: Callable[..., Path], protocol: int | str, place: str
) -> None:
    path = copy("mlp-gan") / place
    if isinstance(protocol, int):
        path.write_bytes(pickle.dumps(Trap(), protocol))
    else:
        torch.save(Trap(), path)
    words = refusal(Path("bad"), training_parts=True)
    if place != CONFIG and protocol != 0:
        assert f"bad/{place} is a pickle, which the zoo never opens" in words
    assert not Path("sprung").exists()
    if isinstance(protocol, int):
        pickle.loads(path.read_bytes()).close()
        assert Path("sprung").exists(), "the trap is no trap"


@pytest.mark.parametrize(
    "name", ["pytorch_model.bin", "model.pt", "model.pth", "model.ckpt", "model.pkl"]
)
@pytest.mark.parametrize("gone", [CONFIG, WEIGHTS])
def test_a_pickle_beside_a_missing_file_is_named_and_never_opened(
    copy: Callable[..., Path], name: str, gone: str
) -> None:
    (copy() / gone).unlink()
    (Path("bad") / name).write_bytes(pickle.dumps(Trap()))
    words = refusal(Path("bad"))
    assert gone in words and repr(name) in words and "the zoo never opens one" in words
    assert not Path("sprung").exists()


def test_a_pickle_beside_a_whole_checkpoint_is_left_alone(copy: Callable[..., Path]) -> None:
    (copy() / "pytorch_model.bin").write_bytes(pickle.dumps(Trap()))
    assert draw(weights.read_model(Path("bad")), 1, seed=0).shape == (1, 1, 28, 28)
    assert not Path("sprung").exists()


def test_damaged_safetensors_that_begin_like_a_pickle_are_not_called_one(
    copy: Callable[..., Path],
) -> None:
    (copy() / WEIGHTS).write_bytes(
        struct.pack("<Q", 640) + b'{"a":'
    )  # 640 is 0x280: b"\x80\x02", as in a pickle
    assert "is damaged" in refusal(Path("bad")) and "pickle" not in refusal(Path("bad"))


# what sampling does not need


@pytest.mark.parametrize("family", ["mlp-gan", "dcgan"])
def test_sampling_needs_no_discriminator(
    copy: Callable[..., Path], trained: Trained, family: str
) -> None:
    (copy(family) / TRAINING).unlink()
    model = weights.read_model(Path("bad"))
    assert not hasattr(model, "discriminator")
    assert torch.equal(draw(model, 4, seed=0), draw(weights.read_model(trained(family)), 4, seed=0))
    assert f"{TRAINING} is missing" in refusal(Path("bad"), training_parts=True)


def test_a_damaged_discriminator_does_not_keep_from_sampling(copy: Callable[..., Path]) -> None:
    (copy("mlp-gan") / TRAINING).write_bytes(b"junk")
    assert draw(weights.read_model(Path("bad")), 1, seed=0).shape == (1, 1, 28, 28)
    assert f"{TRAINING} is damaged" in refusal(Path("bad"), training_parts=True)


@pytest.mark.parametrize("family", ["mlp-gan", "dcgan"])
def test_training_parts_are_loaded_when_asked_for(trained: Trained, family: str) -> None:
    model: Any = weights.read_model(trained(family), training_parts=True)
    stored = load_file(trained(family) / TRAINING)
    assert stored and all(name.startswith("discriminator.") for name in stored)
    state = model.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in stored.items())
    with torch.no_grad():
        assert model.discriminate(draw(model, 4, seed=0), None).isfinite().all()


@pytest.mark.parametrize("moved", ["discriminator", "generator"])
def test_a_tensor_in_the_wrong_file_is_refused(copy: Callable[..., Path], moved: str) -> None:
    directory = copy("mlp-gan")
    source, target = (TRAINING, WEIGHTS) if moved == "discriminator" else (WEIGHTS, TRAINING)
    name, tensor = next(
        (n, t) for n, t in load_file(directory / source).items() if n.startswith(moved)
    )
    edit_tensors(directory / target, lambda tensors: tensors.update({name: tensor.clone() * 2}))
    assert repr(name) in refusal(directory, training_parts=moved == "generator")


# at the command line


def spoil_weights(directory: Path) -> None:
    (directory / WEIGHTS).write_bytes((directory / WEIGHTS).read_bytes()[:5000])


def spoil_config(directory: Path) -> None:
    edit_config(directory, latent_dim=5)


def spoil_numbers(directory: Path) -> None:
    edit_tensors(directory / WEIGHTS, lambda tensors: tensors["decoder.0.bias"].fill_(float("nan")))


def spoil_terminal(directory: Path) -> None:
    header = {"a": {"dtype": "\x1b[31m\x07EVIL", "shape": [1], "data_offsets": [0, 4]}}
    write_header(directory / WEIGHTS, header, b"\0" * 4)


def spoil_maker(directory: Path) -> None:
    edit_config(
        directory,
        {"made_by": {"distribution": "\x1b]0;title\x07", "version": "\ud800\x1b[2J"}},
        depth=3,
    )


@pytest.mark.parametrize(
    "spoil",
    [spoil_weights, spoil_config, spoil_numbers, spoil_terminal, spoil_maker],
    ids=lambda spoil: spoil.__name__,
)
def test_the_command_refuses_a_bad_checkpoint_in_one_clean_line_and_keeps_the_old_picture(
    zoo: Zoo, copy: Callable[..., Path], spoil: Callable[[Path], None]
) -> None:
    assert zoo("sample", f"./{copy(name='good')}", "-n", 1, "-o", "samples.png").exit_code == 0
    old = Path("samples.png").read_bytes()
    spoil(copy())
    result = zoo("sample", "./bad", "--seed", 1)
    assert result.exit_code == 1 and result.stdout == ""
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.stderr.startswith("Error: ") and "bad/" in result.stderr
    assert all(line.isprintable() for line in result.stderr.splitlines()), (
        "it could steer a terminal"
    )
    assert Path("samples.png").read_bytes() == old
    assert sorted(one.name for one in Path.cwd().iterdir()) == ["bad", "good", "samples.png"]
