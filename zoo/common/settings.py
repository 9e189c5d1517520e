"""Every environment variable that the zoo reads, and what it says; none is read anywhere else."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from zoo.common import arguments
from zoo.common.errors import ConfigError

# the greatest number of threads that may be asked for
MOST_THREADS = 4096


def home() -> Path:
    """Where the zoo keeps its things: `ZOO_HOME`, else `$XDG_DATA_HOME/zoo`, else
    `~/.local/share/zoo`.

    **Raises:** `ConfigError` when this user has no home folder and none of them is set."""
    if named := os.environ.get("ZOO_HOME"):
        return expand(named, "ZOO_HOME")
    if named := os.environ.get("XDG_DATA_HOME"):
        return expand(named, "XDG_DATA_HOME") / "zoo"
    try:
        return Path.home() / ".local" / "share" / "zoo"
    except RuntimeError as error:
        raise ConfigError(
            "This user has no home folder, so there is no place for checkpoints. Name one: "
            "set ZOO_HOME to a folder that you can write."
        ) from error


def data_root() -> Path | None:
    """The folder that holds data sets, as `ZOO_DATA` says; None when it is not set."""
    named = os.environ.get("ZOO_DATA")
    return expand(named, "ZOO_DATA") if named else None


def threads() -> int | None:
    """How many threads to compute with, as `ZOO_THREADS` says; None when it is not set.

    **Raises:** `ConfigError` when it is no whole number from 1."""
    text = os.environ.get("ZOO_THREADS", "").strip()
    if not text:
        return None
    if not text.isdecimal() or not 1 <= int(text[:9]) <= MOST_THREADS:
        raise ConfigError(f"ZOO_THREADS = {text[:80]!r} must be a whole number from 1 to 4096.")
    return int(text)


def openmp_threads() -> bool:
    """Whether the user told OpenMP how many threads to use (`OMP_NUM_THREADS`), which torch
    obeys.
    """
    return bool(os.environ.get("OMP_NUM_THREADS"))


def plugins_to_load() -> frozenset[str] | None:
    """The entry-point names that `ZOO_LOAD_PLUGINS` lists, separated by commas; None when it is
    not set, which means every plugin.
    """
    names = os.environ.get("ZOO_LOAD_PLUGINS")
    if names is None:
        return None
    return frozenset(name.strip() for name in names.split(",") if name.strip())


def strict_plugins() -> bool:
    """Whether the first problem of a plugin is raised and not only reported:
    `ZOO_STRICT_PLUGINS=1`.
    """
    return os.environ.get("ZOO_STRICT_PLUGINS") == "1"


def hub_endpoint() -> str | None:
    """The address of the Hub that `HF_ENDPOINT` names; None when it is not set."""
    return os.environ.get("HF_ENDPOINT") or None


def hub_token() -> str | None:
    """The token for the Hub that `HF_TOKEN` holds; None when it is not set."""
    return os.environ.get("HF_TOKEN") or None


def serve_token() -> str | None:
    """The token that `zoo serve` asks requests for, as `ZOO_TOKEN` says; None when it is not
    set.
    """
    return os.environ.get("ZOO_TOKEN") or None


def npm_registry() -> str:
    """The registry of npm packages, as npm's own variable `NPM_CONFIG_REGISTRY` says; the public
    one unless set.
    """
    named = os.environ.get("NPM_CONFIG_REGISTRY")
    return (named or "https://registry.npmjs.org").rstrip("/")


def hub_timeout() -> float:
    """Seconds until an answer of a Hub must be complete, as `ZOO_HUB_TIMEOUT` says; 60 unless
    set.
    """
    return _positive("ZOO_HUB_TIMEOUT", 60.0)


def hub_speed() -> float:
    """Bytes per second that a file from a Hub must bring at least, as `ZOO_HUB_SPEED` says; 1,000
    unless set.
    """
    return _positive("ZOO_HUB_SPEED", 1000.0)


def _positive(name: str, default: float) -> float:
    """A variable that holds a number above 0 and of at most a million.

    **Raises:** `ConfigError` when it holds something else."""
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= 1e6:
        raise ConfigError(f"{name} = {text[:80]!r} must be a number above 0, at most 1,000,000.")
    return number


def no_color() -> bool:
    """Whether the user wants no colours: `NO_COLOR`."""
    return bool(os.environ.get("NO_COLOR"))


def columns() -> bool:
    """Whether the user says how wide a table may be: `COLUMNS`."""
    return bool(os.environ.get("COLUMNS"))


def dumb_terminal() -> bool:
    """Whether the terminal can show no colours and no progress bar: `TERM=dumb`."""
    return os.environ.get("TERM") == "dumb"


@contextlib.contextmanager
def set_for_a_while(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables that a library reads, and put back what was there before.

    **Arguments:**
    - `values`: the variables and their values.
    """
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def expand(path: str | os.PathLike[str], called: str = "") -> Path:
    """A path with `~` and `~user` replaced by that home folder.

    **Arguments:**
    - `path`: as a person wrote it.
    - `called`: what it was given as, such as "ZOO_DATA", for the message.

    **Raises:** `ConfigError` when there is no such user, or the user has no home folder;
    for what is not a path."""
    try:
        return arguments.path(called or "path", path).expanduser()
    except RuntimeError as error:
        start = f"{called} = " if called else ""
        raise ConfigError(
            f"{start}{os.fspath(path)!r}: the home folder in it is not known. Write the path in "
            "full."
        ) from error
