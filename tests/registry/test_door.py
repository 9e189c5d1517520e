"""The door: records come in as plain copies, bounded, or are refused in words."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from zoo import Checkpoint, DatasetSpec, ModelSpec
from zoo.common.errors import PluginError
from zoo.registry.door import LONGEST_TEXT, MOST_ENTRIES, admitted, shown

DIGESTS = {"config.json": "0" * 64, "model.safetensors": "f" * 64}


def a_model(**given: Any) -> ModelSpec:
    """A sound record, then changed behind its back."""
    spec = ModelSpec(name="fine", entry_point="pkg.module:Class")
    for key, value in given.items():
        object.__setattr__(spec, key, value)
    return spec


class Text(str):
    """A text with a mind of its own."""


class Number(int):
    """A number with a mind of its own."""


class Facts(Mapping[str, str]):
    """A mapping that is no dict."""

    def __getitem__(self, key: str) -> str:
        return DIGESTS[key]

    def __iter__(self) -> Iterator[str]:
        return iter(DIGESTS)

    def __len__(self) -> int:
        return len(DIGESTS)


def test_a_sound_record_comes_in_equal_and_as_another_object() -> None:
    spec = a_model(summary="A model")
    assert admitted(spec, ModelSpec) == spec and admitted(spec, ModelSpec) is not spec


def test_of_subclasses_the_plain_values_are_kept() -> None:
    spec = admitted(a_model(summary=Text("said"), capabilities=[Text("sample")]), ModelSpec)
    assert type(spec.summary) is str and type(spec.capabilities) is tuple
    assert type(spec.capabilities[0]) is str
    checkpoint = Checkpoint(name="one", model="fine", sha256=Facts(), parameters=Number(5))
    kept = admitted(checkpoint, Checkpoint)
    assert type(kept.parameters) is int and type(kept.sha256) is dict


def test_a_record_of_a_subclass_becomes_one_of_the_plain_class() -> None:
    class Mine(ModelSpec):
        extra = "secret"

    mine = Mine(name="fine", entry_point="pkg.module:Class")
    assert type(admitted(mine, ModelSpec)) is ModelSpec


@pytest.mark.parametrize("other", [None, 7, "fine", {"name": "fine"}, ModelSpec])
def test_what_is_no_such_record_is_refused(other: object) -> None:
    with pytest.raises(PluginError, match="which is not a ModelSpec"):
        admitted(other, ModelSpec)
    with pytest.raises(PluginError, match="which is not a DatasetSpec"):
        admitted(a_model(), DatasetSpec)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"summary": "x" * (LONGEST_TEXT + 1)}, "summary has 1,001 characters; 1,000 are the most"),
        ({"capabilities": ["sample"] * (MOST_ENTRIES + 1)}, "more than 50,000 entries"),
        ({"summary": 10**5000}, "summary is a number of 16,610 bits"),
        ({"summary": -1}, "summary is below 0"),
        ({"name": "Bad"}, "is not a valid model name"),
        ({"kind": "sound"}, "unknown kind"),
        ({"summary": b"x"}, "must be of type str"),
    ],
)
def test_what_no_record_may_hold_is_refused_in_words(given: Mapping[str, Any], said: str) -> None:
    with pytest.raises(PluginError, match=said):
        admitted(a_model(**given), ModelSpec)


def test_the_path_of_a_bundled_checkpoint_stays_a_path() -> None:
    class Elsewhere(type(Path())):  # type: ignore[misc]
        pass

    checkpoint = Checkpoint(name="one", model="fine", sha256=DIGESTS, bundled=Elsewhere("/a"))
    assert type(admitted(checkpoint, Checkpoint).bundled) is type(Path())


def test_a_value_that_cannot_be_shown_is_told_by_its_type() -> None:
    class Shy:
        def __str__(self) -> str:
            raise RuntimeError

    assert shown(Shy()) == "something of the type Shy"
    assert shown("\x1b" * 100) == repr("\x1b" * 80) and shown("\x1b").isprintable()
