"""Classifiers trained on samples: good samples nearly stand in for real images, bad ones do not."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest
import torch

from zoo.checkpoints.results import Evaluation
from zoo.common.errors import CapabilityError, DataError
from zoo.data import Dataset, load_dataset, load_features
from zoo.evaluation import usefulness
from zoo.evaluation.evaluator import evaluate
from zoo.models.interface import GenerativeModel, ModelConfig


class Replay(GenerativeModel[ModelConfig]):
    """Draws training digits of the class asked for, moved on by `off`; 30 different ones of each."""

    Config = ModelConfig
    training_step = None  # type: ignore[assignment]  # not asked for
    off = 0

    def sample(
        self,
        n: int,
        labels: torch.Tensor | None = None,
        *,
        generator: torch.Generator,
        options: Any = None,
    ) -> torch.Tensor:
        data = digits()
        assert labels is not None and data.labels is not None
        rows = [(data.labels == label).nonzero().squeeze(1)[:30] for label in range(10)]
        which = torch.randint(30, (n,), generator=generator).tolist()
        wanted = ((labels + self.off) % 10).tolist()
        chosen = torch.stack([rows[a][b] for a, b in zip(wanted, which, strict=True)])
        return data.samples[chosen].float() / 255


def replay(off: int = 0, **config: Any) -> Replay:
    model = Replay(ModelConfig(**config)).eval()
    model.off = off
    return model


def digits(split: str = "train") -> Dataset:
    return load_dataset("mnist", split=split)


def measured(model: Replay, test: Dataset | None, n: int = 20, **how: Any) -> Evaluation:
    found = evaluate(model, digits(), test, load_features("digits"), n=n, usefulness=True, **how)
    return next(one for one in found if one.metric == "usefulness")


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings of a second."""
    monkeypatch.setattr(usefulness, "STEPS", 30)
    monkeypatch.setattr(usefulness, "BATCH", 32)


def told_apart(n: int, classes: int = 2, seed: int = 0) -> Dataset:
    """Noise whose class is how bright it is."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % classes
    levels = labels.view(-1, 1, 1, 1) * (200 // (classes - 1))
    pixels = torch.randint(50, (n, 1, 8, 8), generator=generator) + levels
    return Dataset("bright", pixels.to(torch.uint8), labels, tuple(map(str, range(classes))))


def score(labels: torch.Tensor) -> usefulness.Estimate:
    images = told_apart(200).samples[:]
    return usefulness.accuracy_score(images, labels, told_apart(100, seed=1), classes=2, seed=0)


def test_a_classifier_learns_what_the_images_teach() -> None:
    labels = told_apart(200).labels
    assert labels is not None
    assert score(labels).value > 0.95
    assert score(1 - labels).value < 0.05  # labels that are swapped teach the wrong thing


def test_the_error_is_that_of_the_test_images_where_all_trainings_agree(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = torch.tensor([True] * 30 + [False] * 10)
    monkeypatch.setattr(usefulness, "_right", lambda *_: answers)
    found = score(torch.zeros(200, dtype=torch.int64))
    assert found.value == 0.75
    assert found.standard_error == pytest.approx((0.75 * 0.25 / 39) ** 0.5)


def test_the_error_grows_with_the_spread_of_the_trainings(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([torch.arange(40) < right for right in (20, 30, 40)])
    monkeypatch.setattr(usefulness, "_right", lambda *_: next(answers))
    found = score(torch.zeros(200, dtype=torch.int64))
    by_image = torch.tensor([1.0] * 20 + [2 / 3] * 10 + [1 / 3] * 10).var() / 40
    assert found.value == pytest.approx(0.75)
    assert found.standard_error == pytest.approx((by_image.item() + 0.25**2 / 3) ** 0.5)


def test_the_seed_decides_and_the_random_numbers_of_the_caller_stay() -> None:
    labels = told_apart(200).labels
    assert labels is not None
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first = score(labels)
    assert torch.equal(torch.get_rng_state(), before)
    assert score(labels) == first


@pytest.mark.long
def test_evaluate_compares_samples_with_as_many_real_images() -> None:
    told: list[str] = []

    def watch(batches: Iterable[Any], n: int, doing: str) -> Iterator[Any]:
        told.append(doing)
        yield from batches

    def found(off: int) -> Evaluation:
        return measured(replay(off, num_classes=10), digits("test"), 300, watch=watch)

    good, wrong = found(0), found(1)
    assert good.floor is not None and good.floor > 0.5  # of 300 real digits
    assert 0.1 < good.value < good.floor + 0.1
    assert wrong.value < 0.1 < good.value
    assert (good.n, good.floor_n, good.reference_n, good.split) == (300, 300, 200, "test")
    assert good.title == "Classification accuracy score (200 images) ↑"
    assert good.conditions["n"] == "on 300 samples" and "features" not in good.conditions
    assert {"Classifiers of samples", "Classifiers of images"} <= set(told)


def test_what_has_no_score_is_refused_before_anything_is_drawn() -> None:
    model = replay(num_classes=10)
    unlabelled = Dataset("plain", digits("test").samples, None)
    for unfit, test in ((replay(), digits("test")), (model, None), (model, unlabelled)):
        with pytest.raises(CapabilityError, match=r"Usefulness needs .*Leave out --usefulness"):
            measured(unfit, test)
    small = replay(num_classes=10, sample_shape=(1, 7, 28))
    with pytest.raises(DataError, match="8 × 8 pixels at least, not 7 × 28"):
        usefulness.refuse_unfit(small, digits("test"))


def test_a_model_with_other_classes_is_refused() -> None:
    with pytest.raises(CapabilityError, match="with the classes of the model"):
        measured(replay(num_classes=10), digits("test"), class_names=tuple("abcdefghij"))
