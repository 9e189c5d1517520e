"""Manifests, plans and records of any content are read, or refused in words; a name in them never
leads out of the data set.
"""

import copy
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import CASES, damaged, try_each

from zoo.bulk import card, manifest
from zoo.bulk.generate import generate
from zoo.bulk.places import WORK, Local
from zoo.bulk.push import push
from zoo.bulk.verify import verify
from zoo.common.errors import OutputError, ZooError

WORDS: dict[str, Any] = {"n": 30, "seed": 0, "per_shard": 10}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """30 digits in three shards; do not change it."""
    folder = tmp_path_factory.mktemp("whole") / "digits"
    generate("cvae-mnist", folder, **WORDS)
    return folder


@pytest.fixture
def digits(whole: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    return shutil.copytree(whole, tmp_path / "digits")


def values(folder: Path) -> Any:
    return json.loads((folder / manifest.MANIFEST).read_text())


def rewrite(folder: Path, found: Any) -> None:
    (folder / manifest.MANIFEST).write_text(json.dumps(found))


def test_a_manifest_is_read_as_it_was_written(digits: Path) -> None:
    before = (digits / manifest.MANIFEST).read_bytes()
    found = manifest.read_manifest(Local(str(digits)))
    assert found is not None and found.rows == 30 and found.classes == dict.fromkeys(range(10), 3)
    found.write(Local(str(digits)))
    assert (digits / manifest.MANIFEST).read_bytes() == before


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "README.md", "data/other.parquet"])
def test_a_name_of_a_file_that_is_not_the_plans_is_refused(name: str, digits: Path) -> None:
    (digits.parent / "secret").write_text("secret")
    found = values(digits)
    found["shards"][1]["file"] = name
    rewrite(digits, found)
    for read in (
        lambda: verify(str(digits)),
        lambda: push(digits, "owner/digits"),
        lambda: generate("cvae-mnist", digits, **WORDS),
    ):
        with pytest.raises(OutputError, match="can't be read"):
            read()


def test_a_manifest_without_all_shards_is_refused(digits: Path) -> None:
    found = values(digits)
    del found["shards"][1:]
    rewrite(digits, found)
    with pytest.raises(OutputError, match="can't be read"):
        verify(str(digits))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("plan", "per_shard"), float("inf")),
        (("plan", "per_shard"), 0),
        (("plan", "environment"), ["a"]),
        (("plan", "asked", "n"), 10**400),
        (("plan", "asked", "n"), 30.0),
        (("plan", "asked", "n"), True),
        (("plan", "asked", "seed"), None),
        (("plan", "asked", "kind"), "smell"),
        (("plan", "asked", "class_names"), [1]),
        (("plan", "asked", "classes"), [-1]),
        (("plan", "asked", "further"), 1),
        (("shards", 0, "rows"), 11),
        (("shards", 0, "bytes"), "many"),
        (("shards", 0, "classes"), {"x": 1}),
        (("shards", 0, "classes"), {"0": float("inf")}),
        (("shards",), {}),
    ],
)
def test_a_value_of_another_type_or_range_is_refused(
    path: tuple[Any, ...], value: Any, digits: Path
) -> None:
    found = values(digits)
    inner = found
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    rewrite(digits, found)
    with pytest.raises(OutputError, match="can't be read"):
        verify(str(digits))


def test_a_huge_manifest_is_refused_by_its_size(
    digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.bulk.places.LARGEST", 1000)
    with pytest.raises(OutputError, match="larger than 200 MB"):
        verify(str(digits))


def test_a_link_that_leads_nowhere_costs_its_shard_and_no_other(digits: Path) -> None:
    shard = digits / "data" / "train-00001-of-00003.parquet"
    before = shard.read_bytes()
    shard.unlink()
    shard.symlink_to(digits / "gone")
    assert generate("cvae-mnist", digits, **WORDS).made == 10
    assert shard.read_bytes() == before and not shard.is_symlink()


def test_a_checkpoint_whose_path_is_not_utf8_makes_a_data_set(trained: Any, tmp_path: Path) -> None:
    import os

    path = tmp_path / os.fsdecode(b"caf\xe9")
    shutil.copytree(trained("mlp-vae"), path)
    made = generate(str(path), tmp_path / "digits", **WORDS)
    assert made.finished and generate(str(path), tmp_path / "digits", **WORDS).made == 0
    assert verify(str(tmp_path / "digits"))[0]["ok"]


# any content

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 70_000),
    st.sampled_from([10**30, -(10**400), 2**63, 1e308, -0.0, float("inf"), float("nan")]),
    st.sampled_from(["../x", "/etc/passwd", "\ud800", "\x1b[2J", "", "folder", "npz", "audio"]),
    st.text(max_size=5),
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)


def places(found: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where the values of a JSON value lie."""
    if before:
        yield before
    if isinstance(found, dict | list):
        for name in found if isinstance(found, dict) else range(len(found)):
            yield from places(found[name], (*before, name))


@pytest.mark.parametrize("cases", CASES)
def test_a_manifest_of_any_form_is_told_of_or_refused(cases: int, digits: Path) -> None:
    known = values(digits)
    slow = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
    changes = st.lists(st.tuples(st.sampled_from(list(places(known))), JSON), max_size=3)

    @settings(max_examples=cases, suppress_health_check=slow, deadline=10_000)
    @given(changes)
    def one(changed: list[tuple[tuple[Any, ...], Any]]) -> None:
        found = copy.deepcopy(known)
        for path, value in changed:
            inner = found
            try:
                for name in path[:-1]:
                    inner = inner[name]
                inner[path[-1]] = value
            except (KeyError, IndexError, TypeError):
                continue
        rewrite(digits, found)
        read_all(digits)

    one()


@pytest.mark.parametrize("cases", CASES)
@pytest.mark.parametrize("name", [manifest.MANIFEST, manifest.PLAN])
def test_damaged_bytes_of_a_manifest_or_a_plan_are_read_or_refused(
    name: str, cases: int, digits: Path
) -> None:
    content = (digits / manifest.MANIFEST).read_bytes()
    if name == manifest.PLAN:
        content = json.dumps(json.loads(content)["plan"], indent=2).encode()
        (digits / WORK).mkdir()
        (digits / manifest.MANIFEST).unlink()
    try_each(damaged([content], cases), digits / name, lambda _: read_all(digits), ZooError)


def read_all(folder: Path) -> None:
    """Read a data set as commands do; what is refused is refused in words."""
    place = Local(str(folder))
    try:
        found = manifest.read_manifest(place)
        plan = found.plan if found else manifest.read_plan(place)
    except ZooError as error:
        assert 0 < len(str(error)) < 2000
        return
    assert plan is not None and 1 <= plan.count <= 100_000
    assert list(manifest.whole(place, plan, manifest.recorded(place, plan))) == []
    if found:
        card.render([found]).encode("utf-8", "surrogatepass")
        for names in manifest.files_there(place, plan).values():
            assert all((folder / name).resolve().is_relative_to(folder) for name in names)
        (verdict,) = verify(str(folder))
        assert set(verdict["files"].values()) <= {"ok", "damaged", "missing"}
