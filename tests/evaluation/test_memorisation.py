"""Which samples count as copies of training images."""

import math

import pytest
import torch

from zoo.common.errors import DataError
from zoo.evaluation.memorisation import memorised, nearest_distances


def line(*points: float) -> torch.Tensor:
    """Points on a line, as features in two dimensions."""
    return torch.tensor([[point, 0.0] for point in points])


def test_the_share_is_that_of_the_formula_by_hand() -> None:
    # the nearest neighbours among the training images are 1, 1, 2 and 3 away: t is the least, 1
    training = line(0, 1, 3, 6)
    found = memorised(line(0.5, -0.9, 4.5, 7.5, 6), training, seed=0)
    assert found.value == pytest.approx(3 / 5)  # 0.5, 0.9 and 0 away; 1.5 and 1.5 are too far
    spread = math.sqrt(3 / 5 * 2 / 5 * 5 / 4)
    assert found.standard_error == pytest.approx(spread / math.sqrt(5))


def test_copies_are_found_and_new_points_count_about_one_in_a_hundred() -> None:
    torch.manual_seed(0)
    training, new = torch.randn(4000, 4), torch.randn(2000, 4)
    assert memorised(training[:500], training, seed=0).value == 1
    fresh = memorised(new, training, seed=0)
    assert fresh.standard_error is not None
    assert fresh.value == pytest.approx(0.01, abs=4 * fresh.standard_error)
    half = torch.cat([training[:1000] + 1e-4, new[:1000]])
    assert memorised(half, training, seed=0).value == pytest.approx(0.505, abs=0.01)


def test_where_training_images_are_copies_of_each_other_only_exact_copies_count() -> None:
    training = line(0, 0, 5, 10)
    assert memorised(line(5, 5.001, 0, 9), training, seed=0).value == 0.5


def test_a_shift_of_all_features_changes_nothing() -> None:
    torch.manual_seed(1)
    training, samples = torch.randn(300, 8), torch.randn(100, 8)
    near = torch.cat([samples, training[:50] + 1e-3])
    shifted = memorised(near + 1000, training + 1000, seed=0).value
    assert shifted == pytest.approx(memorised(near, training, seed=0).value, abs=0.02)


def test_an_image_is_not_its_own_neighbour() -> None:
    points = line(0, 2, 5)
    own = torch.tensor([2, 0])
    assert nearest_distances(points[own], points, own=own).tolist() == [9, 4]
    assert nearest_distances(points[own], points).tolist() == [0, 0]


def test_too_few_training_images_are_refused() -> None:
    with pytest.raises(DataError, match="1 features are too few"):
        memorised(line(1, 2), line(1), seed=0)
