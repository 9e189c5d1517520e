"""Metadata of entry points and records of plugins, of any content: all are told, none is fatal."""

import json
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import fields
from itertools import count
from pathlib import Path
from typing import Any

import packaging.requirements  # noqa: F401  # what the registry imports on the way out is there
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import CASES

from zoo.cli import plugins as plugins_command
from zoo.common.text import printable
from zoo.registry import OFFERS, list_data, list_features, list_models
from zoo.registry.registry import Registry, installed

_number = count()

# pieces that entry_points.txt and METADATA are made of, and what breaks their readers
PIECES = st.sampled_from(
    [
        *("[zoo]", "[", "]", "=", ":", ".", ",", "#", ";", "a", "zoo", "zoo_none", "zoo_none:x"),
        *("json", "json:loads", "os:path", "[extra]", "Name", "Version", "Requires-Dist", "1.0"),
        *("genzoo", "genzoo>=", "Metadata-Version: 2.1", "\n", "\r\n", " ", "\t"),
        *("\x00", "\x1b[2J", "\u202e", "\ufeff"),
    ]
)
TEXT = st.one_of(st.lists(PIECES, max_size=30).map("".join), st.text(max_size=60))
CONTENT = st.one_of(
    st.binary(max_size=100),
    TEXT.map(lambda text: text.encode("utf-8", "surrogatepass")),
    TEXT.map(lambda text: f"[zoo]\n{text}".encode("utf-8", "surrogatepass")),
    TEXT.map(lambda text: f"[zoo]\nx = zoo_none\n{text}".encode("utf-8", "surrogatepass")),
)


def tries(cases: int) -> Callable[[Any], Any]:
    """Settings for a number of cases that each take some milliseconds."""
    slow = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]
    return settings(max_examples=cases, suppress_health_check=slow)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder in which alone distributions are looked for; one for each case, inside this one."""
    path = list(sys.path)
    yield tmp_path
    sys.path[:] = path


def as_site(folder: Path) -> None:
    """Look for distributions and entry modules in this folder alone, in which genzoo is too."""
    own = folder / "genzoo-0.1.0.dist-info"
    own.mkdir()
    (own / "METADATA").write_text("Metadata-Version: 2.1\nName: genzoo\nVersion: 0.1.0\n")
    sys.path[:] = [str(folder)]


@pytest.mark.parametrize("cases", CASES)
def test_metadata_of_any_content_are_told_of_and_end_nothing(
    cases: int, site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    @tries(cases)
    @given(CONTENT, CONTENT, CONTENT)
    def one(entry_points: bytes, metadata: bytes, second: bytes) -> None:
        folder = site / str(next(_number))
        for name, listed, about in (
            ("zoo_one-1.0", entry_points, b"Metadata-Version: 2.1\nName: zoo-one\nVersion: 1.0\n"),
            ("zoo_two-1.0", second, metadata),
        ):
            (folder / f"{name}.dist-info").mkdir(parents=True)
            (folder / f"{name}.dist-info" / "entry_points.txt").write_bytes(listed)
            (folder / f"{name}.dist-info" / "METADATA").write_bytes(about)
        as_site(folder)
        for plugin in Registry().plugins:
            assert all(type(text) is str for text in (plugin.name, plugin.distribution))
            assert printable(plugin.called).isprintable()
            json.dumps(vars(plugin))
            plugins_command._tell(plugin)
        said = capsys.readouterr().out
        assert "\x1b" not in said and "\u202e" not in said

    one()


GUEST = """
from zoo import hookimpl
from zoo.registry import OFFERS

RECORDS = {offer.kind: [] for offer in OFFERS}

def hook(offer):
    def offered():
        return RECORDS[offer.kind]

    offered.__name__ = offer.hook
    return hookimpl(offered)

for offer in OFFERS:
    globals()[offer.hook] = hook(offer)
"""


class Raising(str):
    """A text whose methods raise."""

    __str__ = __repr__ = __hash__ = __len__ = __iter__ = property(  # type: ignore[assignment]
        lambda self: (_ for _ in ()).throw(KeyError("hostile"))
    )


class Exiting:
    """Something that ends the process when it is looked at."""

    def __str__(self) -> str:
        raise SystemExit(3)

    __repr__ = __str__


class Endless(dict[str, str]):
    """A mapping without an end."""

    def items(self) -> Any:
        return ((str(number), "x") for number in count())


NAMES = st.one_of(
    st.sampled_from(["fine", "mnist", "a" * 65, "", "Bad", "x\n", "\x1b[2J", "n\u202e", "../x"]),
    st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True),
)
# Made anew for each use, behind a number: hypothesis may neither hash nor print them.
HOSTILE: list[Callable[[], Any]] = [
    lambda: 10**5000,
    lambda: -(10**5000),
    lambda: 2**53 + 1,
    lambda: float("nan"),
    lambda: b"x",
    lambda: object,
    lambda: "x" * 1001,
    lambda: "y" * 1_000_000,
    lambda: "\ud800",
    lambda: Raising("x"),
    Exiting,
    Endless,
    lambda: (Raising("x"), Exiting()),
    lambda: Path("\0"),
    lambda: Path("x" * 5000),
]
VALUES = st.one_of(
    NAMES,
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(0, len(HOSTILE) - 1).map(lambda at: Box(HOSTILE[at]())),
    st.lists(st.one_of(st.integers(), NAMES, st.none()), max_size=4),
    st.lists(st.one_of(st.integers(0, 64), NAMES), max_size=4).map(tuple),
    st.sampled_from([Path("/nowhere"), Path("/proc")]),
    st.just({"config.json": "0" * 64, "model.safetensors": "0" * 64}),
    st.dictionaries(NAMES, st.one_of(NAMES, st.integers()), max_size=3),
    st.just("zoo.models:LatentModel"),
)


class Box:
    """Something that is neither hashed, compared nor printed while it is in here."""

    def __init__(self, content: Any) -> None:
        self.content = content


@st.composite
def records(draw: st.DrawFn) -> tuple[str, Box]:
    """A kind, and a record of it, or of another, with fields of any value; or something else."""
    offer = draw(st.sampled_from(OFFERS))
    kind = draw(st.sampled_from([offer.kind] * 9 + [one.kind for one in OFFERS]))
    if not draw(st.integers(0, 9)):
        return kind, Box(HOSTILE[draw(st.integers(0, len(HOSTILE) - 1))]())
    record = object.__new__(offer.record)
    for field in fields(offer.record):
        if draw(st.integers(0, 19)):  # now and then one is missing
            value = draw(VALUES)
            value = value.content if isinstance(value, Box) else value
            object.__setattr__(record, field.name, value)
    return kind, Box(record)


@pytest.mark.parametrize("cases", CASES)
def test_records_of_any_content_come_in_plain_or_are_told_of(cases: int, site: Path) -> None:
    folder = site / "fuzzed"
    (folder / "zoo_fuzzed-1.0.dist-info").mkdir(parents=True)
    (folder / "zoo_fuzzed.py").write_text(textwrap.dedent(GUEST))
    about = folder / "zoo_fuzzed-1.0.dist-info"
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo-fuzzed\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[zoo]\nfuzzed = zoo_fuzzed\n")
    as_site(folder)
    import zoo_fuzzed  # type: ignore[import-not-found]

    @tries(cases)
    @given(st.lists(records(), min_size=1, max_size=4))
    def one(offered: list[tuple[str, Box]]) -> None:
        for kind in zoo_fuzzed.RECORDS:
            zoo_fuzzed.RECORDS[kind] = [box.content for its, box in offered if its == kind]
        installed.cache_clear()
        registry = installed()
        (plugin,) = registry.plugins
        taken = sum(len(some) for some in registry.offered.values())
        assert taken + len(plugin.problems) == len(offered)
        assert all(len(problem) < 2000 for problem in plugin.problems)
        for offer in OFFERS:
            for name, record in registry.offered[offer.kind].items():
                assert type(record) is offer.record and type(name) is str
                assert_plain(vars(record))
        listed = [list_models(), list_data(), list_features(), [vars(plugin)]]
        assert len(json.dumps(listed)) < 1_000_000

    one()
    del sys.modules["zoo_fuzzed"]


def assert_plain(value: Any) -> None:
    """Only plain types, none of them long."""
    if type(value) in (tuple, list):
        assert len(value) <= 50_000
        for one in value:
            assert_plain(one)
    elif type(value) is dict:
        for key, one in value.items():
            assert_plain(key)
            assert_plain(one)
    else:
        assert value is None or type(value) in (str, int, bool) or isinstance(value, Path)
        assert len(str(value)) <= 5000
