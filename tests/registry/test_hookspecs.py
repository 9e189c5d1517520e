"""What a plugin offers: records that hold nothing bad, and checkpoints found where they lie."""

import re
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

from zoo import Checkpoint, DatasetSpec, FeatureSpec, ModelSpec, bundled
from zoo.common.errors import PluginError
from zoo.registry import OFFERS, hookspecs

DIGESTS = {"config.json": "0" * 64, "model.safetensors": "f" * 64}
MAKE: dict[str, Callable[..., Any]] = {
    "model": lambda **given: ModelSpec(
        **{"name": "fine", "entry_point": "pkg.module:Class", **given}
    ),
    "checkpoint": lambda **given: Checkpoint(
        **{"name": "fine", "model": "fine", "sha256": DIGESTS, **given}
    ),
    "dataset": lambda **given: DatasetSpec(
        **{"name": "fine", "entry_point": "pkg.module:load", "sample_shape": (1, 28, 28), **given}
    ),
    "features": lambda **given: FeatureSpec(
        **{"name": "fine", "entry_point": "pkg.module:load", **given}
    ),
}


@pytest.mark.parametrize("name", ["a", "vae-mnist", "0", "v1.2_x-y", "a" * 64])
@pytest.mark.parametrize("kind", MAKE)
def test_a_plain_name_is_taken_as_it_is(kind: str, name: str) -> None:
    assert MAKE[kind](name=name).name == name


@pytest.mark.parametrize(
    "name",
    [
        "", "MLP", "two words", "owner/name", "../name", "..", ".hidden", "-n", "name\n", "\x1b[2Jname", "na\x00me",
        "na\u202eme", "ä", "hf:name", "a" * 65, "a" * 100_000, 5, None, ["name"],
    ],
    ids=lambda name: ascii(name)[:16],
)  # fmt: skip
@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("model", "name"),
        ("checkpoint", "name"),
        ("checkpoint", "model"),
        ("dataset", "name"),
        ("features", "name"),
    ],
)
def test_any_other_name_is_refused_in_words_that_say_what_it_must_match(
    kind: str, field: str, name: object
) -> None:
    with pytest.raises(PluginError) as refusal:
        MAKE[kind](**{field: name})
    message = str(refusal.value)
    assert "name: it must match [a-z0-9]" in message
    assert repr(str(name)[:80]) in message
    assert message.isprintable()
    assert len(message) < 500


@pytest.mark.parametrize("entry_point", ["a:B", "zoo_vae.mlp:MLPVAE", "_a.b_1:_load"])
@pytest.mark.parametrize("kind", ["model", "dataset", "features"])
def test_a_plain_entry_point_is_taken_as_it_is(kind: str, entry_point: str) -> None:
    assert MAKE[kind](entry_point=entry_point).entry_point == entry_point


@pytest.mark.parametrize(
    "entry_point",
    [
        "",
        "pkg.module",
        "pkg.module:",
        ":Class",
        "pkg module:Class",
        "../pkg:Class",
        "/pkg.py:Class",
        "a:b()",
        "a:B\n",
        5,
    ],
)
@pytest.mark.parametrize("kind", ["model", "dataset", "features"])
def test_any_other_entry_point_is_refused(kind: str, entry_point: object) -> None:
    with pytest.raises(PluginError, match="is not a valid entry point"):
        MAKE[kind](entry_point=entry_point)


@pytest.mark.parametrize("file", DIGESTS)
@pytest.mark.parametrize(
    "digest", [None, "", "0" * 63, "0" * 65, "g" * 64, "F" * 64, "0" * 63 + "\n"]
)
def test_a_checkpoint_needs_the_digests_of_its_config_and_its_weights(
    file: str, digest: str | None
) -> None:
    digests = {**DIGESTS, file: digest}
    if digest is None:
        del digests[file]
    with pytest.raises(PluginError, match=f"sha256 of {file}"):
        MAKE["checkpoint"](sha256=digests)


def test_a_checkpoint_may_have_digests_of_further_files() -> None:
    digests = {**DIGESTS, "training.safetensors": "1" * 64}
    assert MAKE["checkpoint"](sha256=digests).sha256 == digests


@pytest.mark.parametrize("capabilities", [("fly",), ("sample", "fly")])
def test_a_capability_that_there_is_not_is_refused(capabilities: object) -> None:
    with pytest.raises(
        PluginError, match=r"Model 'fine' has unknown capabilities .*'sample', 'decode', 'encode'"
    ):
        MAKE["model"](capabilities=capabilities)


@pytest.mark.parametrize("kind", ["image", "array"])
def test_a_model_says_the_kind_of_its_samples(kind: str) -> None:
    assert MAKE["model"](kind=kind).kind == kind
    assert MAKE["model"]().kind == "image"


@pytest.mark.parametrize("kind", ["", "Image", "sound", "x" * 1000])
def test_a_kind_of_samples_that_there_is_not_is_refused(kind: str) -> None:
    with pytest.raises(PluginError, match="Model 'fine' has the unknown kind"):
        MAKE["model"](kind=kind)


def test_each_kind_of_record_has_a_row_with_its_hook() -> None:
    assert [offer.hook for offer in OFFERS] == [
        "zoo_models",
        "zoo_checkpoints",
        "zoo_datasets",
        "zoo_features",
        "zoo_importers",
        "zoo_metrics",
    ]
    assert all(callable(getattr(hookspecs, offer.hook)) for offer in OFFERS)


@pytest.mark.parametrize("kind", MAKE)
def test_a_record_does_not_change(kind: str) -> None:
    record = MAKE[kind]()
    with pytest.raises(FrozenInstanceError):
        record.name = "other"


@pytest.mark.parametrize("record", [ModelSpec, Checkpoint, DatasetSpec, FeatureSpec])
def test_a_record_is_made_with_keywords_only(record: Callable[..., Any]) -> None:
    with pytest.raises(TypeError):
        record("fine", "pkg.module:Class")


WRONG: list[tuple[str, str, Any, str]] = [
    ("model", "summary", None, "str"),
    ("model", "capabilities", "sample", "tuple[str, ...]"),
    ("model", "capabilities", ("sample", 7), "tuple[str, ...]"),
    ("model", "reference", b"https://arxiv.org", "str"),
    ("checkpoint", "parameters", "652,824", "int"),
    ("checkpoint", "num_classes", True, "int"),
    ("checkpoint", "sha256", [("config.json", "0" * 64)], "collections.abc.Mapping[str, str]"),
    ("checkpoint", "sha256", {**DIGESTS, "facts.json": None}, "collections.abc.Mapping[str, str]"),
    ("checkpoint", "bundled", "cards/mine", "Path | None"),
    ("dataset", "sample_shape", 784, "tuple[int, ...]"),
    ("dataset", "sample_shape", ("1", "28", "28"), "tuple[int, ...]"),
    ("dataset", "class_names", (0, 1), "tuple[str, ...]"),
    ("dataset", "license", None, "str"),
    ("dataset", "dtype", 8, "str"),
    ("dataset", "scale", "255", "float"),
    ("dataset", "lengths", 1, "bool"),
    ("dataset", "metadata", ["alphabet"], "Mapping"),
    ("features", "datasets", "mnist", "tuple[str, ...]"),
]


@pytest.mark.parametrize(
    ("kind", "field", "value", "wanted"), WRONG, ids=lambda one: ascii(one)[:24]
)
def test_a_field_of_another_type_is_refused_and_not_left_for_a_list_to_fail_of(
    kind: str, field: str, value: object, wanted: str
) -> None:
    with pytest.raises(
        PluginError, match=f"'fine': {field} = .* must be of type .*{re.escape(wanted)}"
    ):
        MAKE[kind](**{field: value})


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"dtype": "float64"}, "'fine' has the unknown dtype 'float64'; there are"),
        ({"scale": 0}, "scale = 0 must be above 0"),
        ({"scale": float("nan")}, "scale = nan must be above 0"),
        ({"dtype": "int64", "scale": 2}, "tokens .* which no scale divides"),
        ({"metadata": {"sample rate": 8000}}, "'sample rate' = '8000' must be a text, a number"),
        ({"metadata": {"words": [{"a": 1}]}}, "'words' = .* must be a text, a number"),
        ({"metadata": {"rate": float("inf")}}, "'rate' = 'inf' must be a text, a number"),
        ({"metadata": {"rate": None}}, "'rate' = 'None' must be a text, a number"),
    ],
)
def test_a_data_set_s_samples_and_metadata_are_held_to_what_there_is(
    fields: dict[str, Any], why: str
) -> None:
    with pytest.raises(PluginError, match=why):
        MAKE["dataset"](**fields)


def test_a_data_set_may_say_what_a_model_must_know() -> None:
    metadata = {"alphabet": "abc", "sample_rate": 8000, "stereo": False, "words": ["a", "b"]}
    assert MAKE["dataset"](metadata=metadata).metadata == metadata


def test_a_list_does_where_a_tuple_is_asked_for() -> None:
    assert MAKE["dataset"](sample_shape=[64], class_names=["a", "b"]).class_names == ["a", "b"]


def put_card(cards: Path, name: str = "mine") -> Path:
    """A folder that looks like the checkpoint `name`."""
    (cards / name).mkdir(parents=True)
    (cards / name / "config.json").write_text("{}")
    return cards / name


def put_package(folder: Path) -> str:
    """A package in `folder`; returns its `__file__`."""
    (folder / "zoo_mine").mkdir(parents=True)
    file = folder / "zoo_mine" / "__init__.py"
    file.write_text("")
    return str(file)


def test_a_bundled_checkpoint_is_found_inside_the_installed_package(tmp_path: Path) -> None:
    package = put_package(tmp_path / "site-packages")
    card = put_card(tmp_path / "site-packages" / "zoo_mine" / "cards")
    assert bundled(package, "mine") == card


@pytest.mark.parametrize("where", ["", "plugins"], ids=["beside-the-package", "one-folder-up"])
def test_a_bundled_checkpoint_is_found_in_the_checkout_of_its_plugin(
    tmp_path: Path, where: str
) -> None:
    package = put_package(tmp_path / where)
    card = put_card(tmp_path / "cards")
    assert bundled(package, "mine") == card


def test_what_the_package_brings_goes_before_what_lies_around_it(tmp_path: Path) -> None:
    package = put_package(tmp_path)
    put_card(tmp_path / "cards")
    card = put_card(tmp_path / "zoo_mine" / "cards")
    assert bundled(package, "mine") == card


def test_a_bundled_checkpoint_is_found_through_a_link_to_the_checkout(tmp_path: Path) -> None:
    put_package(tmp_path / "checkout" / "plugins")
    card = put_card(tmp_path / "checkout" / "cards")
    (tmp_path / "site-packages").mkdir()
    (tmp_path / "site-packages" / "zoo_mine").symlink_to(
        tmp_path / "checkout" / "plugins" / "zoo_mine"
    )
    assert bundled(str(tmp_path / "site-packages" / "zoo_mine" / "__init__.py"), "mine") == card


def test_a_checkpoint_that_is_nowhere_or_half_there_is_not_bundled(tmp_path: Path) -> None:
    package = put_package(tmp_path / "plugins")
    put_card(tmp_path / "cards", "other")
    (tmp_path / "cards" / "mine").mkdir()  # without config.json
    assert bundled(package, "mine") is None


def test_a_card_far_above_the_package_is_not_taken_for_its_own(tmp_path: Path) -> None:
    package = put_package(tmp_path / "a" / "b" / "c")
    put_card(tmp_path / "cards")
    assert bundled(package, "mine") is None
