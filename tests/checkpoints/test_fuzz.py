"""Configs, headers of weights, facts, results and front matter of any content are read, or refused
in words.
"""

import contextlib
import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import FORMAT_1, make_model
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import CASES, damaged, try_each

import zoo as door
from zoo.checkpoints import card as cards
from zoo.checkpoints import check, recorded, weights
from zoo.checkpoints.folder import CARD, CONFIG, FACTS, ORIGIN, TRAINING, WEIGHTS, Folder
from zoo.checkpoints.format import check_weights
from zoo.checkpoints.records import _fields
from zoo.checkpoints.results import side_by_side
from zoo.checkpoints.store import Store
from zoo.common.errors import ConfigError, ZooError

CARDS = Path(__file__).parents[2] / "cards"

# JSON of any form, with what breaks readers: huge numbers, half surrogate pairs, control characters
NAMES = st.sampled_from(
    [
        *(
            "format",
            "model",
            "config",
            "made_by",
            "distribution",
            "version",
            "class",
            "num_classes",
        ),
        *(
            "dataset",
            "parameters",
            "class_names",
            "samples_command",
            "reference",
            "name",
            "command",
        ),
        *("history", "losses", "held_out", "evaluations", "metric", "value", "standard_error", "n"),
        *("seed", "split", "reference_n", "reference_sha256", "extractor", "values", "recipe"),
        *(
            "sample_shape",
            "latent_dim",
            "hidden_dims",
            "seconds",
            "license",
            "versions",
            "hardware",
        ),
    ]
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 70_000),
    st.sampled_from([10**30, -(10**400), 2**63, 1e308, -0.0, 5e-324]),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(
        [
            *("mlp-vae", "nll", "mnist", "test", "\ud800", "\x1b[2J", "\u202e", "-->", "---\n"),
            *(cards.BEGIN, cards.END, "hf:a/b", "./x y", "os:system", "'", '"', "zoo sample x"),
            "a" * 2000,
        ]
    ),
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.one_of(NAMES, st.text()), inner, max_size=5)
    ),
    max_leaves=20,
)


def objects(known: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A known object with some of its values replaced, and others added."""
    keys = st.one_of(st.sampled_from(sorted(known)), NAMES)
    return st.dictionaries(keys, JSON, max_size=4).map(lambda changed: {**known, **changed})


def tries(cases: int) -> Callable[[Any], Any]:
    slow = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]
    return settings(max_examples=cases, suppress_health_check=slow, deadline=10_000)


def allowed(read: Callable[[], object]) -> None:
    """Read, or be refused in a short line."""
    try:
        read()
    except ZooError as error:
        assert len(str(error)) < 2000 and str(error)


def written(name: str, value: object) -> Folder:
    """A folder of one file, of any JSON value that can be written."""
    Path(name).write_bytes(json.dumps(value).encode())
    return Folder(Path())


FACTS_KNOWN: dict[str, Any] = json.loads((CARDS / "vae-mnist" / FACTS).read_text())
FACTS_KNOWN["history"] = FACTS_KNOWN["history"][:2]
CONFIG_KNOWN: dict[str, Any] = json.loads((FORMAT_1 / CONFIG).read_text())
RESULT_KNOWN: dict[str, Any] = FACTS_KNOWN["evaluations"][0]


@pytest.mark.parametrize("cases", CASES)
def test_a_config_of_any_form_is_built_or_refused(cases: int) -> None:
    inner = objects(CONFIG_KNOWN["config"])

    @tries(cases)
    @given(
        st.one_of(JSON, objects(CONFIG_KNOWN), inner.map(lambda v: {**CONFIG_KNOWN, "config": v}))
    )
    def one(value: object) -> None:
        folder = written(CONFIG, value)
        allowed(lambda: check(folder, CONFIG))
        allowed(lambda: (folder.model, folder.num_classes, folder.own_class))
        allowed(lambda: weights.read_model(folder))

    one()


@pytest.mark.parametrize("cases", CASES)
def test_facts_of_any_form_make_a_record_and_a_card_or_are_refused(cases: int) -> None:
    (Path() / CONFIG).write_text(json.dumps(CONFIG_KNOWN))

    @tries(cases)
    @given(st.one_of(JSON, objects(FACTS_KNOWN)))
    def one(value: object) -> None:
        folder = written(FACTS, value)
        allowed(lambda: check(folder, FACTS))
        allowed(lambda: (folder.class_names, folder.dataset))
        json.dumps(_fields(folder))
        allowed(lambda: cards.made_of(folder))
        allowed(lambda: cards.front_matter(cards.made_of(folder)))
        allowed(lambda: cards.made_of(folder, cards.called(folder.facts, "hf:owner/repo")))

    one()


@pytest.mark.parametrize("cases", CASES)
def test_results_of_any_form_are_told_and_compared_or_refused(cases: int) -> None:
    @tries(cases)
    @given(st.lists(st.one_of(JSON, objects(RESULT_KNOWN)), max_size=3), JSON)
    def one(entries: list[Any], other: object) -> None:
        for facts in ({"evaluations": entries}, {"evaluations": other}):
            try:
                found = recorded(facts)
            except ZooError as error:
                assert str(error).startswith("facts.json")
                continue
            for each in found:
                assert all(
                    isinstance(text, str)
                    for text in (each.title, each.text, each.floor_text, str(each.conditions))
                )
                assert isinstance(each.rounded, float)
            with contextlib.suppress(ConfigError):
                side_by_side({"one": found, "two": found})

    one()


@pytest.mark.parametrize("cases", CASES)
def test_a_record_of_any_form_in_the_store_lists(cases: int, tmp_path: Path) -> None:
    directory = tmp_path / "home" / "checkpoints" / "mine"
    directory.mkdir(parents=True)
    known = {"source": "hub", "sha256": {CONFIG: "0" * 64}, "repo_id": "a/b", "commit": "0" * 40}

    @tries(cases)
    @given(st.one_of(JSON, objects(known)))
    def one(value: object) -> None:
        (directory / ORIGIN).write_bytes(json.dumps(value).encode())
        store = Store({}, tmp_path / "home")
        (entry,) = store.entries()
        json.dumps(dict(entry.origin))
        allowed(lambda: entry.sha256)
        allowed(lambda: store.verify("mine"))
        allowed(lambda: store.folder("mine"))

    one()


YAML = st.lists(
    st.sampled_from(
        [
            *("---\n", "\n---\n", "...\n", "k: ", "- ", "\n", " ", "  ", "? ", ": ", "[", "]", "{"),
            *("}", ",", "&a ", "*a", "!!int ", "!!float ", "!!binary ", "!!timestamp ", "!!set "),
            *("!!python/object:os.system ", "|\n", ">\n", "'", '"', "#", "%YAML 1.1\n", "<<: *a"),
            *("1:00:00.0", "0x", "1e999", ".inf", ".nan", "2024-13-45", "~", "yes", "\t", "\x07"),
            *("\u2028", "license: mit\n", "tags:\n- a\n", "model-index:\n", cards.BEGIN, cards.END),
        ]
    ),
    max_size=30,
).map("".join)


@pytest.mark.parametrize("cases", CASES)
def test_front_matter_of_any_form_is_merged_or_refused_by_name(cases: int) -> None:
    made = cards.render(CONFIG_KNOWN, {"name": "mine"})

    @tries(cases)
    @given(
        st.one_of(YAML, YAML.map(lambda text: f"---\n{text}\n---\nText\n"), st.text(max_size=60))
    )
    def one(other: str) -> None:
        assert isinstance(cards.without_markup(other), str)
        for text_of_other in (False, True):
            try:
                card = cards.merged(made, other, text_of_other=text_of_other)
            except ZooError as error:
                assert CARD in str(error)
                continue
            assert cards.merged(made, card, text_of_other=text_of_other) == card
            assert cards.front_matter(card)["library_name"] == "genzoo"

    one()


# bytes


@pytest.fixture(scope="module")
def seeds() -> dict[str, list[bytes]]:
    """Whole files, by kind."""
    return {
        name: [(folder / name).read_bytes() for folder in sorted(CARDS.iterdir())][:3]
        for name in (CONFIG, FACTS, CARD)
    }


@pytest.mark.parametrize("cases", CASES)
@pytest.mark.parametrize("name", [CONFIG, FACTS, CARD])
def test_texts_with_damaged_bytes_are_read_or_refused(
    cases: int, name: str, seeds: dict[str, list[bytes]]
) -> None:
    made = cards.render(CONFIG_KNOWN, {"name": "mine"})

    def read(path: Path) -> None:
        folder = Folder(path.parent)
        if name == CARD:
            cards.without_markup(folder.card)
            cards.merged(made, folder.card, text_of_other=True)
        else:
            check(folder, name)

    try_each(damaged(seeds[name], cases), Path(name), read, ZooError)


@pytest.mark.parametrize("cases", CASES)
def test_weights_with_damaged_bytes_are_loaded_or_refused(cases: int) -> None:
    model = make_model("mlp-gan", generator_dims=(4,), discriminator_dims=(4,), latent_dim=2)
    door.save(model, "whole")
    contents = [(Path("whole") / name).read_bytes() for name in (WEIGHTS, TRAINING)]
    folder = Path("whole")

    def read(path: Path) -> None:
        check_weights(path)
        weights.read_model(folder)

    assert try_each(damaged(contents, cases), folder / WEIGHTS, read, ZooError) < cases


@pytest.mark.parametrize("cases", CASES)
def test_headers_of_any_form_are_refused_unless_their_tensors_are_there(cases: int) -> None:
    entry = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    entries = st.one_of(JSON, objects(entry))

    @tries(cases)
    @given(
        st.dictionaries(
            st.one_of(st.text(max_size=8), st.just("__metadata__")), entries, max_size=3
        ),
        st.binary(max_size=16),
        st.integers(-8, 8),
    )
    def one(header: dict[str, Any], body: bytes, off: int) -> None:
        text = json.dumps(header).encode()
        length = max(0, len(text) + off)
        Path(WEIGHTS).write_bytes(struct.pack("<Q", length) + text + body)
        allowed(lambda: check_weights(Path(WEIGHTS)))

    one()
