"""Records of models, data sets and features: what plugins say of them, light, and as tables."""

import json
import subprocess
import sys

import pytest

import zoo
from zoo.common.errors import NotFoundError
from zoo.registry import describe, list_data, list_features, list_models


def test_models_are_listed_by_name_with_what_their_plugin_says() -> None:
    records = {one["name"]: one for one in list_models()}
    assert list(records) == sorted(records) and {"mlp-vae", "dcgan"} <= records.keys()
    vae = records["mlp-vae"]
    assert (vae["kind"], vae["plugin"]) == ("image", "genzoo")
    assert vae["capabilities"] == ["sample", "decode", "encode"] and vae["summary"]
    assert zoo.list_models() == list_models()


def test_data_sets_and_features_are_listed_as_well() -> None:
    mnist = next(one for one in list_data() if one["name"] == "mnist")
    assert mnist["sample_shape"] == [1, 28, 28] and len(mnist["class_names"]) == 10
    assert mnist["plugin"] == "genzoo" and mnist["license"]
    features = {one["name"]: one for one in list_features()}
    assert "mnist" in features["digits"]["datasets"]


@pytest.mark.parametrize("listed", [list_models, list_data, list_features])
def test_a_pattern_chooses_and_one_that_fits_nothing_leaves_nothing(listed: object) -> None:
    assert callable(listed)
    everything = listed()
    first = everything[0]["name"]
    assert [one["name"] for one in listed(first)] == [first]
    assert [one["name"] for one in listed(f"{first[:-1]}?")] >= [first]
    assert listed("no-such-*") == [] and listed("*") == everything


def test_a_list_shows_itself_as_a_table_and_as_html() -> None:
    models = list_models("mlp-vae")
    assert repr(models).splitlines()[0].split() == ["NAME", "KIND", "CAPABILITIES", "SUMMARY"]
    assert "sample, decode, encode" in repr(models)
    assert "<td>mlp-vae</td>" in models._repr_html_()


def test_what_is_listed_is_json() -> None:
    for records in (list_models(), list_data(), list_features()):
        assert json.loads(json.dumps(records)) == records


def test_a_model_is_described_with_its_fields_and_its_checkpoints() -> None:
    shown = describe("mlp-vae")
    assert shown["name"] == "mlp-vae" and "vae-mnist" in shown["checkpoints"]
    assert {"latent_dim", "sample_shape"} <= {field["name"] for field in shown["config"]}
    assert {"epochs", "batch_size"} <= {field["name"] for field in shown["recipe"]}
    assert shown["options"] == []


def test_data_sets_and_features_are_described_by_what_their_plugin_says() -> None:
    assert describe("mnist")["sample_shape"] == (1, 28, 28)
    assert "mnist" in describe("digits")["datasets"]


def test_what_nobody_offers_is_refused_with_the_near_name() -> None:
    with pytest.raises(NotFoundError, match=r"'mlp-vea'\. Did you mean 'mlp-vae'"):
        describe("mlp-vea")


def test_listing_imports_nothing_heavy() -> None:
    code = """
import sys, zoo
assert zoo.list_models() and zoo.list_data() and zoo.list_features()
print(sorted({"torch", "numpy", "torchvision", "huggingface_hub", "click"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
