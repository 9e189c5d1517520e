"""The world of a test: its own home, real digits, a zoo to command, and environments made on
demand.
"""

import os
import pickle
import resource
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from browsers import Browser, browsing
from click.testing import CliRunner, Result
from environments import Environment
from hypothesis.configuration import set_hypothesis_home_dir

from zoo.cli import main
from zoo.cli.console import warn_of_plugins
from zoo.registry.registry import installed

if "PYTEST_XDIST_WORKER" in os.environ:
    # each worker has one core
    os.environ.setdefault("OMP_NUM_THREADS", "1")

for size in ("COLUMNS", "LINES"):
    # readline, which pytest imports, hands them to the workers of pytest-xdist
    os.environ.pop(size, None)

set_hypothesis_home_dir(Path(tempfile.gettempdir(), "zoo-hypothesis"))
hypothesis.settings.register_profile("zoo", database=None, deadline=None)
hypothesis.settings.load_profile("zoo")  # nothing is kept between two runs; machines are busy

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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[Any]:
    """What a test printed can be sent from one process to another, also file names that are no UTF-8."""
    report = yield
    report.sections = [
        (title, text.encode("utf-8", "backslashreplace").decode())
        for title, text in report.sections
    ]
    return report


@pytest.fixture(scope="session", autouse=True)
def ctrl_c_can_be_pressed() -> None:
    """A job in the background of a script ignores SIGINT, and so would the commands that tests
    interrupt.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def own_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test works in a folder of its own, with a home of its own, and looks for plugins anew."""
    watched = ("ZOO_", "HF_", "DISABLE_TELEMETRY", "DO_NOT_TRACK")
    for name in [name for name in os.environ if name.startswith(watched)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ZOO_DATA", str(DIGITS))
    # urllib keeps the proxies of its first request
    monkeypatch.setattr("urllib.request._opener", None)
    (tmp_path / "desk").mkdir()
    monkeypatch.chdir(tmp_path / "desk")
    installed.cache_clear()
    warn_of_plugins.cache_clear()
    known = set(sys.modules)
    yield
    installed.cache_clear()
    warn_of_plugins.cache_clear()
    forget_modules(sys.modules.keys() - known, tmp_path)


def forget_modules(names: Iterable[str], folder: Path) -> None:
    """Forget what was imported from a folder, so that its names are free in the next test."""
    for name in names:
        # from its dictionary: some modules import themselves when an attribute is asked for
        file = getattr(sys.modules[name], "__dict__", {}).get("__file__")
        if isinstance(file, str) and file.startswith(f"{folder}{os.sep}"):
            del sys.modules[name]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests of a file."""
    with browsing() as browser:
        yield browser


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A Hub on loopback, where HF_ENDPOINT says, that holds a checkpoint, and much else, as
    owner/repo.
    """
    from hub_server import serving

    with serving() as hub:
        hub.put("owner/repo", CHECKPOINT | OTHERS)
        hub.repositories["owner/repo"].tags["v1"] = hub.commit("owner/repo")
        monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
        telling_client(tmp_path, monkeypatch)
        yield hub
        assert not [one for one in hub.requests if "harness" in one]


def telling_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client of the Hub that nobody told to keep quiet, with a folder of its own."""
    for name, value in {
        "HF_HUB_DISABLE_TELEMETRY": False,
        "HF_HUB_CACHE": str(tmp_path / "hf" / "hub"),
        "AGENT_HARNESSES_PATH": str(tmp_path / "hf" / "harnesses.json"),
    }.items():
        monkeypatch.setattr(f"huggingface_hub.constants.{name}", value)
    monkeypatch.setattr("huggingface_hub.utils._detect_agent._registry", None)


@pytest.fixture
def zoo() -> Zoo:
    """Run the `zoo` command in this process: `zoo("list", "--json")`; the result has stdout, stderr
    and exit_code.
    """

    def run(*arguments: object) -> Result:
        return CliRunner().invoke(main, [str(one) for one in arguments])

    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A small checkpoint of a model, trained for one epoch on the digits: `trained("mlp-vae")`; do
    not change it.
    """
    folder = tmp_path_factory.mktemp("trained")
    small = {
        "mlp-vae": ["hidden_dims=32", "latent_dim=4"],
        "conv-vae": ["channels=4,8", "hidden_dim=16", "latent_dim=4"],
        "mlp-gan": ["generator_dims=16,32", "discriminator_dims=32", "latent_dim=8"],
        "dcgan": ["width=4", "latent_dim=8"],
        "resnet-gan": ["channels=4,8", "latent_dim=8"],
        "ladder-vae": ["channels=4,8", "latent_channels=1,1", "top_dim=4", "head_channels=4"],
    }

    def train(model: str, *settings: str) -> Path:
        out = folder / "-".join([model, *settings]).replace("=", "-")
        if not out.exists():
            words = [word for setting in (*small[model], *settings) for word in ("--set", setting)]
            arguments = [
                "train",
                model,
                "--out",
                str(out),
                "--name",
                f"tiny-{model}",
                "--epochs",
                "1",
                "--seed",
                "0",
            ]
            result = CliRunner().invoke(
                main, [*arguments, *words, "--data-root", str(DIGITS)], catch_exceptions=False
            )
            assert result.exit_code == 0, result.stderr
        return out

    return train


@pytest.fixture(scope="session")
def make_environment(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Environment]:
    """Make a throw-away environment that sees this one's packages."""
    return lambda: Environment(tmp_path_factory.mktemp("environment"))


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
    from zoo.models.build import build

    model_class = installed().model_class(name)
    return build(model_class, model_class.Config(**config), seed=0).eval()
