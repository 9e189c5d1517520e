"""Configs: what a field may hold, and what a person is told of what it may not."""

import json
import math
from dataclasses import FrozenInstanceError, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest

from zoo.common.config import (
    Bounds,
    Count,
    Fraction,
    Json,
    ModelConfig,
    Rate,
    Size,
    StrictConfig,
    describe,
    field_types,
    parse_assignments,
)
from zoo.common.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Everything(StrictConfig):
    """A field of every kind."""

    size: Size = 8
    count: Count = 0
    fraction: Fraction = 0.5
    rate: Rate = 1e-3
    number: float = 1.0
    flag: bool = False
    word: str = "a"
    choice: Literal["adam", "adamw"] = "adam"
    scale: Literal[1, 2, 4] = 2
    maybe: Size | None = None
    sizes: tuple[Size, ...] = (3, 5)
    blocks: tuple[tuple[Size, ...], ...] = ((1,), (2, 3))
    rates: dict[str, Rate] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Recipe(StrictConfig):
    """A second config, which shares a field with the first."""

    epochs: Size = 10
    size: Size = 1


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("size", 1, 1),
        ("size", 65_536, 65_536),
        ("count", 0, 0),
        ("fraction", 0, 0.0),
        ("fraction", 1.0, 1.0),
        ("rate", 2, 2.0),
        ("number", -1e300, -1e300),
        ("flag", True, True),
        ("word", "Zürich, 動物園", "Zürich, 動物園"),
        ("choice", "adamw", "adamw"),
        ("scale", 4, 4),
        ("maybe", None, None),
        ("maybe", 3, 3),
        ("sizes", [512, 256], (512, 256)),
        ("sizes", [], ()),
        ("blocks", [[8], [4, 2]], ((8,), (4, 2))),
        ("rates", {"discriminator": 1}, {"discriminator": 1.0}),
    ],
)
def test_a_value_of_its_fields_type_is_kept(name: str, given: object, kept: object) -> None:
    value = getattr(Everything.from_dict({name: given}), name)
    assert value == kept
    assert type(value) is type(kept)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("size", True, "whole number"),
        ("size", 8.0, "whole number"),
        ("size", "8", "whole number"),
        ("size", None, "whole number"),
        ("size", [8], "whole number"),
        ("size", 0, "1 to 65536"),
        ("size", 65_537, "1 to 65536"),
        ("count", -1, "0 to 65536"),
        ("fraction", 1.5, "0 to 1"),
        ("fraction", True, "number"),
        ("rate", -1e-9, "0 to 1000"),
        ("number", "1.0", "number"),
        ("number", True, "number"),
        ("number", math.nan, "number"),
        ("number", math.inf, "number"),
        ("number", -math.inf, "number"),
        ("number", 10**400, "number"),
        ("flag", 1, "true or false"),
        ("flag", "true", "true or false"),
        ("word", 5, "text"),
        ("word", ["a"], "text"),
        ("choice", "sgd", "one of adam, adamw"),
        ("choice", None, "one of adam, adamw"),
        ("choice", ["adam"], "one of adam, adamw"),
        ("scale", 3, "one of 1, 2, 4"),
        ("scale", True, "one of 1, 2, 4"),
        ("scale", 2.0, "one of 1, 2, 4"),
        ("maybe", 0, "1 to 65536"),
        ("maybe", "none", "whole number"),
        ("sizes", 5, "list of"),
        ("sizes", "35", "list of"),
        ("sizes", {"a": 1}, "list of"),
        ("sizes", None, "list of"),
        ("rates", [0.1], "NAME:VALUE"),
        ("rates", {1: 0.1}, "NAME:VALUE"),
    ],
    ids=lambda value: ascii(value)[:24],
)
def test_any_other_value_is_refused_in_words_that_say_what_may_stand_there(
    name: str, value: object, allowed: str
) -> None:
    with pytest.raises(ConfigError) as refusal:
        Everything.from_dict({name: value})
    assert str(refusal.value).startswith(f"{name} = ")
    assert str(value)[:20].replace("'", "") in str(refusal.value).replace("'", "")
    assert allowed in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "value", "culprit", "allowed"),
    [
        ("sizes", [3, "five"], "five", "whole number"),
        ("sizes", [3, True], "True", "whole number"),
        ("sizes", [3, 0], "0", "1 to 65536"),
        ("blocks", [[1], 27], "27", "list of"),
        ("blocks", [[1], [0]], "0", "1 to 65536"),
        ("rates", {"discriminator": math.nan}, "nan", "number"),
        ("rates", {"discriminator": -1.0}, "-1.0", "0 to 1000"),
    ],
)
def test_a_wrong_value_deep_inside_is_named(
    name: str, value: object, culprit: str, allowed: str
) -> None:
    with pytest.raises(ConfigError, match=rf"^{name}.* = '?{culprit}'? .*{allowed}"):
        Everything.from_dict({name: value})


def test_the_entry_of_a_dict_that_is_wrong_is_named() -> None:
    with pytest.raises(ConfigError, match=r"rates\.generator = 5000"):
        Everything(rates={"discriminator": 0.1, "generator": 5000})


@pytest.mark.parametrize(
    ("name", "build"),
    [
        ("sizes", lambda n: [1] * n),
        ("blocks", lambda n: [[1] * n]),
        ("rates", lambda n: {f"group{index}": 0.1 for index in range(n)}),
    ],
)
def test_64_entries_are_the_most(name: str, build: Any) -> None:
    assert len(str(getattr(Everything.from_dict({name: build(64)}), name))) > 64
    with pytest.raises(ConfigError, match=rf"{name} has 100,000 entries; 64"):
        Everything.from_dict({name: build(100_000)})
    with pytest.raises(ConfigError, match=rf"{name} has 65 entries; 64"):
        Everything.from_dict({name: build(65)})


def test_a_text_that_is_too_long_is_refused_for_its_length() -> None:
    assert Everything(word="x" * 1000).word == "x" * 1000
    with pytest.raises(ConfigError, match=r"1,?000"):
        Everything(word="x" * 1001)


@pytest.mark.parametrize(
    "values",
    [
        {"size": 10**4000},
        {"flag": "x" * 100_000},
        {"x" * 100_000: 1},
        {"rates": {"x" * 100_000: -1}},
    ],
    ids=["number", "text", "unknown-key", "key-of-a-dict"],
)
def test_a_refusal_stays_readable_however_large_the_value(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as refusal:
        Everything.from_dict(values)
    assert len(str(refusal.value)) < 1000


def test_a_refusal_can_not_steer_a_terminal() -> None:
    for values in ({"flag": "\x1b[2J"}, {"\x1b[2J": 1}, {"rates": {"\x1b[2J": -1}}):
        with pytest.raises(ConfigError) as refusal:
            Everything.from_dict(values)
        assert str(refusal.value).isprintable()


def test_an_unknown_key_is_refused_with_the_nearest_field() -> None:
    with pytest.raises(
        ConfigError, match=r"Unknown field 'num_clases'\. Did you mean 'num_classes'\?"
    ):
        ModelConfig.from_dict({"num_clases": 10})


def test_an_unknown_key_like_no_other_is_refused_with_all_fields() -> None:
    with pytest.raises(ConfigError, match=r"'xyz'.*There is: num_classes, sample_shape"):
        ModelConfig.from_dict({"xyz": 1})


def test_a_field_without_default_must_be_there() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Needy(StrictConfig):
        width: Size

    with pytest.raises(ConfigError, match="Missing field 'width'"):
        Needy.from_dict({})
    assert Needy.from_dict({"width": 3}).width == 3


def test_a_wrong_default_is_found_as_soon_as_it_is_used() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Careless(StrictConfig):
        width: Size = 0

    with pytest.raises(ConfigError, match="width = 0"):
        Careless()


def test_bounds_may_stand_around_an_optional_value() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Open(StrictConfig):
        steps: Annotated[int | None, Bounds(1, 9)] = None

    assert Open().steps is None
    assert Open(steps=9).steps == 9
    with pytest.raises(ConfigError, match="steps = 10"):
        Open(steps=10)


def test_a_config_does_not_change() -> None:
    config = Everything()
    with pytest.raises(FrozenInstanceError):
        config.size = 9  # type: ignore[misc]  # the point


def test_a_model_config_is_for_unconditional_digits_unless_told_otherwise() -> None:
    assert ModelConfig().to_dict() == {"sample_shape": [1, 28, 28], "num_classes": 0}


@pytest.mark.parametrize("shape", [[], [0, 28, 28], [1, 28, -28], [1.0, 28, 28], "28"])
def test_a_sample_needs_a_shape(shape: object) -> None:
    with pytest.raises(ConfigError, match="sample_shape"):
        ModelConfig.from_dict({"sample_shape": shape})


UNUSUAL = Everything(
    size=3,
    fraction=0.1,
    rate=1 / 3,
    number=-0.0,
    flag=True,
    word='"\n√',
    maybe=7,
    sizes=(1, 2, 3),
    blocks=((4,), (5, 6)),
    rates={"discriminator": 4e-4},
)


@pytest.mark.parametrize("config", [Everything(), UNUSUAL], ids=["defaults", "unusual"])
def test_a_config_survives_a_json_file(config: Everything, tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config.to_dict(), allow_nan=False))
    assert Everything.from_dict(json.loads(file.read_text())) == config


def test_to_dict_gives_what_json_gives_back() -> None:
    assert json.loads(json.dumps(UNUSUAL.to_dict())) == UNUSUAL.to_dict()


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_json_number_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"fraction = '(nan|-?inf)'"):
        Everything.from_dict(json.loads(f'{{"fraction": {text}}}'))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("size=16", 16),
        ("rate=1e-4", 1e-4),
        ("number=-2", -2.0),
        ("flag=true", True),
        ("flag=False", False),
        ("word=a=b", "a=b"),
        ("word=", ""),
        ("choice=adamw", "adamw"),
        ("scale=4", 4),
        ("maybe=none", None),
        ("maybe=5", 5),
        ("sizes=512,256", (512, 256)),
        ("sizes=512", (512,)),
        ("sizes=", ()),
        ("rates=discriminator:1e-4,generator:2", {"discriminator": 1e-4, "generator": 2.0}),
    ],
)
def test_a_typed_assignment_becomes_a_value_that_the_config_takes(text: str, value: object) -> None:
    (values,) = parse_assignments([text], Everything)
    name = text.partition("=")[0]
    assert getattr(Everything.from_dict(values), name) == value


def test_an_assignment_goes_to_the_first_config_that_has_the_field() -> None:
    texts = ["epochs=3", "size=5", "flag=true", "size=6"]
    assert parse_assignments(texts, Everything, Recipe) == (
        {"size": 6, "flag": True},
        {"epochs": 3},
    )
    assert parse_assignments([], Everything, Recipe) == ({}, {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("size", "'size' is not of the form name=value"),
        ("epochz=3", "Unknown field 'epochz'. Did you mean 'epochs'"),
        ("=3", "Unknown field ''"),
        ("size=big", "size = 'big' is not of its type: whole number"),
        ("size=1.5", "size = '1.5' is not of its type: whole number"),
        ("size=", "size = '' is not of its type: whole number"),
        ("flag=maybe", "flag = 'maybe' is not of its type: true or false"),
        ("sizes=1,x", "sizes = 'x' is not of its type: whole number"),
        ("rates.generator=1e-4", "Unknown field 'rates.generator': write rates=generator:1e-4"),
        (
            "rates=generator=1e-4",
            "rates = 'generator=1e-4' is not of the form NAME:VALUE, such as model:1e-4",
        ),
        ("rates=discriminator", "rates = 'discriminator' is not of the form NAME:VALUE"),
        ("size=" + "9" * 5000, "size = '99999"),
    ],
    ids=lambda value: value[:12],
)
def test_an_assignment_that_can_not_be_read_is_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        parse_assignments([text], Everything, Recipe)
    assert said in str(refusal.value)
    assert len(str(refusal.value)) < 1000


@pytest.mark.parametrize(
    "text",
    [
        "size=0",
        "rate=nan",
        "rate=inf",
        "choice=sgd",
        "scale=3",
        "maybe=0",
        "sizes=0",
        "rates=d:-1",
        "fraction=1.01",
    ],
)
def test_what_is_typed_is_held_to_the_same_bounds(text: str) -> None:
    (values,) = parse_assignments([text], Everything)
    with pytest.raises(ConfigError, match=text.partition("=")[0]):
        Everything.from_dict(values)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("size", "whole number 1 to 65536"),
        ("count", "whole number 0 to 65536"),
        ("fraction", "number 0 to 1"),
        ("rate", "number 0 to 1000"),
        ("number", "number"),
        ("flag", "true or false"),
        ("word", "text"),
        ("choice", "one of adam, adamw"),
        ("scale", "one of 1, 2, 4"),
        ("maybe", "whole number 1 to 65536 or none"),
        ("sizes", "list of: whole number 1 to 65536"),
        ("blocks", "list of: list of: whole number 1 to 65536"),
        ("rates", "list of NAME:VALUE, each a number 0 to 1000"),
    ],
)
def test_a_type_is_described_in_words(name: str, words: str) -> None:
    assert describe(field_types(Everything)[name]) == words


@dataclass(frozen=True, kw_only=True)
class Foreign(StrictConfig):
    """Holds the config of something else."""

    network: Json = field(default_factory=dict)


def test_a_json_field_keeps_an_object_of_any_form() -> None:
    given = {"channels": [8, 16], "norm": None, "eps": 1e-5, "blocks": {"down": ["a", "b"]}}
    one = Foreign(network=given)
    assert one.network == given and Foreign.from_dict(json.loads(json.dumps(one.to_dict()))) == one
    given["norm"] = "changed"
    assert one.network["norm"] is None
    (values,) = parse_assignments(['network={"a": [1, 2]}'], Foreign)
    assert values == {"network": {"a": [1, 2]}}
    assert describe(field_types(Foreign)["network"]) == "a JSON object of 64 kB at most"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([1], r"network = \[1\] is no JSON object"),
        ({"a": float("nan")}, "network is no JSON object"),
        ({"a": {1, 2}}, "network is no JSON object"),
        ({"a": "x" * 70_000}, "network has 70,009 bytes of JSON; 65,536 are the most"),
    ],
)
def test_a_json_field_refuses_what_is_no_small_object(value: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Foreign(network=value)


def test_a_json_field_that_is_typed_must_be_json() -> None:
    with pytest.raises(ConfigError, match="is no JSON"):
        parse_assignments(["network={a:1}"], Foreign)
