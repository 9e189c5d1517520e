"""Results: strict records, numbers with their errors, and which may stand side by side."""

from typing import Any

import pytest

from zoo.checkpoints.results import METRICS, Evaluation, merged, recorded, side_by_side
from zoo.common.errors import CheckpointError, ConfigError


def distance(**changes: Any) -> Evaluation:
    """A Fréchet distance, measured as usual but for the changes."""
    usual: dict[str, Any] = {
        "metric": "frechet_distance",
        "value": 12.3456,
        "standard_error": 0.4567,
        "n": 10_000,
        "seed": 0,
        "reference": "mnist",
        "split": "train",
        "reference_n": 60_000,
        "reference_sha256": "a" * 64,
        "extractor": "digits",
        "extractor_sha256": "b" * 64,
        "floor": 0.98765,
        "floor_n": 10_000,
    }
    return Evaluation(**{**usual, **changes})


def likelihood(**changes: Any) -> Evaluation:
    """A likelihood, measured as usual but for the changes."""
    usual = {
        "metric": "nll",
        "split": "test",
        "reference_n": 10_000,
        "extractor": "",
        "extractor_sha256": "",
    }
    usual |= {
        "unit": "nats per image",
        "floor": None,
        "floor_n": None,
        "importance_samples": 500,
        "binarised": False,
        "family": "Bernoulli",
    }
    return distance(**{**usual, **changes})


def test_a_result_survives_the_way_through_json() -> None:
    for one in (distance(), likelihood(values=(1.5, 0.25))):
        assert Evaluation.from_dict(one.to_dict()) == one


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            {**distance().to_dict(), "value": float("nan")},
            r"evaluations\[1\]: value = 'nan' is not of its type",
        ),
        ({**distance().to_dict(), "value": "12"}, "value = '12' is not of its type"),
        ({**distance().to_dict(), "n": -1}, "n = -1 is out of bounds"),
        ({**distance().to_dict(), "metrik": 1}, "Unknown field 'metrik'. Did you mean 'metric'"),
        ({**distance().to_dict(), "standard_error": -1}, "standard_error = -1 is out of bounds"),
        ({"metric": "frechet_distance"}, "Missing field 'value'"),
        ({**distance().to_dict(), "values": [0.0] * 65}, "values has 65 entries; 64 are the most"),
        ({**distance().to_dict(), "reference": "x" * 1001}, "reference has 1,001 characters"),
        ("12.3", r"evaluations\[1\]"),
        (None, r"evaluations\[1\]"),
    ],
)
def test_a_strangers_results_are_read_strictly_and_the_bad_one_is_named(
    entry: Any, message: str
) -> None:
    with pytest.raises(CheckpointError, match=message):
        recorded({"evaluations": [distance().to_dict(), entry]})


def test_facts_without_results_have_none_and_a_text_in_their_place_is_refused() -> None:
    assert recorded({}) == []
    with pytest.raises(CheckpointError, match="evaluations = 'good' is not a list"):
        recorded({"evaluations": "good"})


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (12.3456, 0.4567, "12.35 ± 0.46"),
        (99.4123, 0.25, "99.41 ± 0.25"),
        (0.97, 0.0034, "0.9700 ± 0.0034"),
        (1234.6, 51.2, "1235 ± 51"),
        (10, None, "10"),
        (10, 0.0, "10"),
        (0.0310159, None, "0.03102"),
        (0.0, 1e-300, "0.00000000 ± 0.00000000"),
    ],
)
def test_a_number_is_told_to_two_digits_of_its_error(
    value: float, error: float | None, text: str
) -> None:
    assert distance(value=value, standard_error=error).text == text


def test_the_floor_is_told_like_the_value_it_stands_beside() -> None:
    assert distance().floor_text == "0.99" and distance(standard_error=None).floor_text == "0.9877"
    assert distance(floor=None).floor_text == ""


def test_a_name_tells_a_likelihoods_importance_samples_and_its_pixels() -> None:
    assert likelihood(importance_samples=5_000).name == (
        "Negative log-likelihood (Bernoulli, K = 5,000, grey pixels, 10,000 images)"
    )
    assert likelihood(binarised=True).title == (
        "Negative log-likelihood (Bernoulli, K = 500, binarised pixels, 10,000 images) ↓"
    )
    assert likelihood(metric="elbo", importance_samples=1, labelled=True, reference_n=50).title == (
        "ELBO (Bernoulli, grey pixels, given the class, 50 images) ↑"
    )
    assert distance(metric="confidence").title == "Mean confidence of the classifier"


def test_a_metric_of_a_later_version_is_called_what_it_calls_itself() -> None:
    assert "sliced_distance" not in METRICS
    assert distance(metric="sliced_distance").title == "sliced_distance"


def test_results_measured_alike_stand_side_by_side() -> None:
    rows = side_by_side(
        {"mine": [distance(), distance(metric="recall", value=0.5)], "yours": [distance(value=3.0)]}
    )
    assert [list(row) for row in rows] == [["mine", "yours"], ["mine"]]
    assert rows[0]["yours"].value == 3.0


@pytest.mark.parametrize(
    ("changes", "mine", "yours"),
    [
        (
            {"extractor_sha256": "c" * 64},
            "with the features digits (bbbbbbbbbbbb)",
            "features digits (cccccccccccc)",
        ),
        (
            {"extractor": "inception"},
            "with the features digits",
            "with the features inception (bbbbbbbbbbbb)",
        ),
        ({"n": 500}, "on 10,000 samples", "on 500 samples"),
        ({"seed": 7}, "with seed 0", "with seed 7"),
        (
            {"reference_n": 800},
            "against 60,000 train images of mnist",
            "against 800 train images of mnist",
        ),
        ({"reference_sha256": "c" * 64}, "of mnist (aaaaaaaaaaaa)", "of mnist (cccccccccccc)"),
        ({"reference": "kmnist"}, "of mnist", "of kmnist"),
    ],
)
def test_results_that_were_not_measured_alike_are_refused_in_words(
    changes: dict[str, Any], mine: str, yours: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        side_by_side({"mine": [distance()], "yours": [distance(**changes)]})
    words = str(refused.value)
    assert "Fréchet distance: mine was measured" in words and "can't be compared" in words
    first, _, second = words.partition("; yours")
    assert mine in first and yours in second


def test_binarised_and_grey_likelihoods_get_rows_of_their_own() -> None:
    rows = side_by_side({"mine": [likelihood()], "yours": [likelihood(binarised=True)]})
    assert [list(row) for row in rows] == [["mine"], ["yours"]]


def test_densities_of_different_families_get_rows_of_their_own() -> None:
    rows = side_by_side({"mine": [likelihood()], "yours": [likelihood(family="Normal")]})
    assert [list(row) for row in rows] == [["mine"], ["yours"]]


def test_the_likelihood_of_an_image_and_that_of_one_given_its_class_get_rows_of_their_own() -> None:
    rows = side_by_side({"mine": [likelihood()], "yours": [likelihood(labelled=True)]})
    assert [list(row) for row in rows] == [["mine"], ["yours"]]
    first, second = (next(iter(row.values())).name for row in rows)
    assert first != second


def test_likelihoods_of_so_many_images_get_rows_whose_names_tell_them_apart() -> None:
    rows = side_by_side({"mine": [likelihood()], "yours": [likelihood(reference_n=1_000)]})
    assert [list(row) for row in rows] == [["mine"], ["yours"]]
    assert len({one.title for row in rows for one in row.values()}) == 2


def test_bounds_of_different_tightness_get_rows_of_their_own() -> None:
    rows = side_by_side({"mine": [likelihood()], "yours": [likelihood(importance_samples=5_000)]})
    assert [list(row) for row in rows] == [["mine"], ["yours"]]


def test_a_new_result_takes_the_place_of_its_own_kind_only() -> None:
    old = [distance(), distance(extractor="inception"), likelihood(), distance(metric="recall")]
    new = [distance(value=1.0, seed=3), likelihood(importance_samples=5_000)]
    assert merged(old, new) == [old[1], old[2], old[3], *new]


def test_results_from_before_there_were_versions_are_of_the_first() -> None:
    old = distance(metric="recall").to_dict()
    del old["version"]
    (read,) = recorded({"evaluations": [old]})
    assert read.version == 1 and read.outdated
    assert not distance().outdated and not distance(metric="recall", version=2).outdated
    assert not distance(metric="of a later zoo").outdated


def test_numbers_of_two_versions_of_an_estimator_are_refused_with_what_to_do() -> None:
    columns = {
        "./mine": [distance(metric="recall", version=2)],
        "./yours": [distance(metric="recall")],
    }
    for order in (list(columns), list(columns)[::-1]):
        with pytest.raises(ConfigError) as refused:
            side_by_side({name: columns[name] for name in order})
        assert "can't be compared. Measure ./yours again: zoo evaluate ./yours --write" in str(
            refused.value
        )
    both = {"mine": [distance(metric="recall")], "yours": [distance(metric="recall")]}
    assert len(side_by_side(both)) == 1  # of the same version, though an old one


def test_the_elbo_of_more_latents_takes_the_place_of_an_older_one() -> None:
    old = likelihood(metric="elbo", importance_samples=1)
    new = likelihood(metric="elbo", importance_samples=501, version=2)
    assert merged([old], [new]) == [new]
    effective = likelihood(metric="effective_samples", unit="")
    assert effective.name == (
        "Effective importance samples, median (Bernoulli, K = 500, grey pixels, 10,000 images)"
    )
    assert merged([effective], [likelihood(metric="effective_samples", importance_samples=5_000)])[
        0
    ] == (effective)


@pytest.mark.parametrize("version", [0, -1, 1.5, "2", True])
def test_a_version_that_is_none_is_refused(version: Any) -> None:
    with pytest.raises(CheckpointError, match="version"):
        recorded({"evaluations": [{**distance().to_dict(), "version": version}]})
