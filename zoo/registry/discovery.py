"""A plugin: one entry point of the group `zoo`, its distribution and its problems."""

import contextlib
import importlib.util
import os
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.metadata import Distribution, EntryPoint, distributions, entry_points, version
from typing import Any

OWN_DISTRIBUTION = "genzoo"
LONGEST_HEAD = 1 << 16  # characters of metadata above the README
LONGEST_LINE = 500  # characters of an error
# a distribution whose metadata don't say its name
UNKNOWN = "unknown"
HEAVY = ("torch", "torchvision", "numpy", "huggingface_hub")  # what an entry module must not import


@dataclass
class Plugin:
    """One entry point of the group `zoo`: where it comes from, what it offers, and what is wrong
    with it.
    """

    name: str
    distribution: str
    version: str
    file: str = ""
    seconds: float = 0.0  # that its entry module took to import
    # what that brought in which `zoo list` should not wait for
    heavy: list[str] = field(default_factory=list)
    offers: dict[str, list[str]] = field(default_factory=dict)  # "models" -> names, …
    problems: list[str] = field(default_factory=list)

    @property
    def called(self) -> str:
        """The plugin in words, with whom to tell of it: "the plugin 'vae' of genzoo"."""
        return f"the plugin {self.name!r} of {self.distribution}"


def found() -> tuple[list[EntryPoint], list[Plugin]]:
    """The entry points of the group `zoo`, and a plugin for each distribution whose list of them
    can't be read.
    """
    try:
        return list(entry_points(group="zoo")), []
    # of one damaged file among those of all that is installed
    except Exception:
        there: list[EntryPoint] = []
        damaged, seen = [], set[str]()
        for one in distributions():
            name, number = _name_and_version(one)
            if name in seen - {UNKNOWN}:  # hidden by one before it on the path
                continue
            seen.add(name)
            try:
                there += one.entry_points.select(group="zoo")
            except Exception as error:
                said = (
                    f"its entry points can't be read ({last_line(error)}): install it anew, or "
                    "delete its files"
                )
                damaged.append(Plugin(name, name, number, problems=[said]))
        return there, damaged


@contextlib.contextmanager
def off_stdout() -> Iterator[None]:
    """What is printed inside `with` goes to standard error, by child processes too: standard output
    is for data.
    """
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # closed
            kept = os.dup(1)
            stack.callback(os.close, kept)
            stack.callback(os.dup2, kept, 1)
            os.dup2(2, 1)
        stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        yield


def in_order(found: Iterable[EntryPoint]) -> list[tuple[Plugin, EntryPoint]]:
    """Our own distribution first, then by distribution name: the first to offer a name keeps it."""

    def key(one: tuple[Plugin, EntryPoint]) -> tuple[bool, str, str]:
        return one[0].distribution != OWN_DISTRIBUTION, one[0].distribution.lower(), one[0].name

    return sorted(((_plugin(entry_point), entry_point) for entry_point in found), key=key)


def _plugin(entry_point: EntryPoint) -> Plugin:
    return Plugin(entry_point.name, *_name_and_version(entry_point.dist))


def _name_and_version(distribution: Distribution | None) -> tuple[str, str]:
    """What the metadata of a distribution say of its name and version, as far as they can be read.

    `Distribution.metadata` parses the whole README with it, which takes longer than all else here.
    """
    try:
        read = distribution.read_text if distribution else lambda file: None
        text = read("METADATA") or read("PKG-INFO") or ""
    except Exception:  # they may hold anything
        text = ""
    said: dict[str, str] = {}
    for line in text[:LONGEST_HEAD].splitlines():
        if not line:  # the README begins
            break
        key, _, value = line.partition(":")
        said.setdefault(key.lower(), value.strip())
    return said.get("name") or UNKNOWN, said.get("version", "")


def import_entry_module(entry_point: EntryPoint, plugin: Plugin) -> Any:
    """The entry module; what that costs is noted."""
    before, started = sys.modules.keys() & set(HEAVY), time.perf_counter()
    try:
        return entry_point.load()
    finally:
        plugin.seconds = time.perf_counter() - started
        plugin.heavy = sorted(sys.modules.keys() & set(HEAVY) - before)


def made_for_another(entry_point: EntryPoint) -> list[str]:
    """What its distribution asks for of the zoo, in words, when this version is another."""
    from packaging.requirements import Requirement  # only wanted on the way out

    own = version(OWN_DISTRIBUTION)
    asked = [Requirement(text) for text in (entry_point.dist and entry_point.dist.requires) or ()]
    return [
        f"it is made for another version of the zoo, and this is {own}: pip install "
        f"'{OWN_DISTRIBUTION}{one.specifier}'"
        for one in asked
        if one.name == OWN_DISTRIBUTION and not one.specifier.contains(own, prereleases=True)
    ]


def file_of(module: str) -> str:
    """Where a module is, without importing it; "" when it is nowhere."""
    try:
        found = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return ""
    return (found.origin or "") if found else ""


def last_line(error: BaseException, within: str = "") -> str:
    """The error with where it arose: "ValueError: no (zoo_bad/__init__.py, line 3)".

    `within`: a path; the last line of the traceback that lies in it is named, or none.
    """
    import traceback  # only wanted on the way out

    lines = "".join(traceback.format_exception_only(error)).strip().splitlines()
    text = (lines[-1] if lines else type(error).__name__)[:LONGEST_LINE]
    if isinstance(error, SyntaxError) and error.filename:
        return f"{text} ({error.filename}, line {error.lineno})"
    frames = [
        one for one in traceback.extract_tb(error.__traceback__) if one.filename.startswith(within)
    ]
    return f"{text} ({frames[-1].filename}, line {frames[-1].lineno})" if frames else text
