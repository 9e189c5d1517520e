"""The world of a test: its own home, real digits, a zoo to command, and real environments to install guests in."""

import os
import pickle
import resource
import signal
import subprocess
import sys
import sysconfig
import tempfile
import textwrap
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hatchling.builders.wheel import WheelBuilder

from zoo.cli import main
from zoo.cli.output import warn_of_plugins
from zoo.registry import installed

DIGITS = Path(__file__).parent / "data"  # 800 training and 200 test digits of MNIST

FORMAT_1 = Path(__file__).parent / "fixtures" / "format-1"
CHECKPOINT = {file.name: file.read_bytes() for file in FORMAT_1.iterdir()} | {
    "README.md": b"# A checkpoint\n",
    "images/samples.png": b"a picture",
}
OTHERS = {  # which a repository may hold, and nobody pulls
    ".gitattributes": b"*.safetensors filter=lfs",
    "pytorch_model.bin": pickle.dumps(print),
    "modeling.py": b"raise SystemExit",
    "origin.json": b'{"source": "trained"}',
    "deep/model.safetensors": b"other",
    "images/deep/er.png": b"other",
    "images/.png": b"other",
}

Zoo = Callable[..., Result]


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_can_be_pressed() -> None:
    """A job in the background of a script ignores SIGINT, and so would the commands that tests interrupt."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def own_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test works in a folder of its own, with a home of its own, and looks for plugins anew."""
    for name in [name for name in os.environ if name.startswith(("ZOO_", "HF_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ZOO_DATA", str(DIGITS))
    (tmp_path / "desk").mkdir()
    monkeypatch.chdir(tmp_path / "desk")
    installed.cache_clear()
    warn_of_plugins.cache_clear()
    yield
    installed.cache_clear()
    warn_of_plugins.cache_clear()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A Hub on loopback, where HF_ENDPOINT says, that holds a checkpoint, and much else, as owner/repo."""
    from hub_server import serving

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hf" / "hub"))
    with serving() as hub:
        hub.put("owner/repo", CHECKPOINT | OTHERS)
        hub.repositories["owner/repo"].tags["v1"] = hub.commit("owner/repo")
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        yield hub


@pytest.fixture
def zoo() -> Zoo:
    """Run the `zoo` command in this process: `zoo("list", "--json")`; the result has stdout, stderr and exit_code."""

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(main, [str(one) for one in arguments])

    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A small checkpoint of a model, trained for one epoch on the digits: `trained("mlp-vae")`; do not change it."""
    folder = tmp_path_factory.mktemp("trained")
    small = {
        "mlp-vae": ["hidden_dims=32", "latent_dim=4"],
        "conv-vae": ["channels=4,8", "hidden_dim=16", "latent_dim=4"],
        "mlp-gan": ["generator_dims=16,32", "discriminator_dims=32", "latent_dim=8"],
        "dcgan": ["width=4", "latent_dim=8"],
    }

    def train(model: str, *settings: str) -> Path:
        out = folder / "-".join([model, *settings]).replace("=", "-")
        if not out.exists():
            words = [word for setting in (*small[model], *settings) for word in ("--set", setting)]
            arguments = ["train", model, "--out", str(out), "--name", f"tiny-{model}", "--epochs", "1", "--seed", "0"]
            result = CliRunner().invoke(main, [*arguments, *words, "--data-root", str(DIGITS)], catch_exceptions=False)
            assert result.exit_code == 0, result.stderr
        return out

    return train


class Environment:
    """A virtual environment that sees this one's packages, to pip install guests in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / "bin" / "python"
        venv.create(folder, with_pip=False, symlinks=True)
        own = sysconfig.get_path("purelib", vars={"base": str(folder)})
        parent = sysconfig.get_path("purelib")
        # addsitedir, not a plain path: an editable genzoo is itself a .pth file there
        Path(own, "parent.pth").write_text(f"import site; site.addsitedir({parent!r})\n")

    def install(self, *projects: Path) -> None:
        """pip install source trees, without their dependencies: built here by their backend, for speed."""
        with tempfile.TemporaryDirectory() as folder:
            wheels = [next(WheelBuilder(str(tree)).build(directory=folder)) for tree in projects]
            command = [sys.executable, "-m", "pip", "--python", str(self.python), "install", "--quiet", "--no-index"]
            command += ["--no-deps", "--force-reinstall", "--no-compile", "--disable-pip-version-check", *wheels]
            subprocess.run(command, check=True, capture_output=True, text=True)

    def zoo(self, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `zoo` there, as a process of its own."""
        command = [str(self.python), "-m", "zoo", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})


@pytest.fixture(scope="session")
def make_environment(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Environment]:
    """Make a throw-away environment that sees this one's packages."""
    return lambda: Environment(tmp_path_factory.mktemp("environment"))


def write_plugin(
    folder: Path, name: str, code: str, *, distribution: str = "", requires: str = "genzoo", **modules: str
) -> Path:
    """The source tree of a plugin distribution `zoo-NAME` whose entry module `zoo_NAME` holds `code`.

    `modules` are further modules of the package, by name; `distribution` another name for the distribution; `requires`
    what it depends on.
    """
    distribution = distribution or f"zoo-{name}"
    package = "zoo_" + distribution.removeprefix("zoo-").replace("-", "_")
    tree = folder / distribution
    (tree / package).mkdir(parents=True)
    for module, text in {"__init__": code, **modules}.items():
        (tree / package / f"{module}.py").write_text(textwrap.dedent(text))
    (tree / "pyproject.toml").write_text(
        textwrap.dedent(
            f"""\
            [build-system]
            requires = ["hatchling"]
            build-backend = "hatchling.build"

            [project]
            name = "{distribution}"
            version = "0.1.0"
            dependencies = ["{requires}"]

            [project.entry-points.zoo]
            {name} = "{package}"

            [tool.hatch.build.targets.wheel]
            packages = ["{package}"]
            """
        )
    )
    return tree


@contextmanager
def files_no_larger_than(limit: int) -> Iterator[None]:
    """Let the system refuse to write files above a limit, as it does on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def make_model(name: str, **config: Any) -> Any:
    """A model with fresh weights, in eval mode."""
    from zoo.training import build

    model_class = installed().model_class(name)
    return build(model_class, model_class.Config(**config), seed=0).eval()
