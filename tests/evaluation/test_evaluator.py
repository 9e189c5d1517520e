"""evaluate(): samples that are perfect, collapsed or mislabelled show in the numbers; floors,
caches and refusals.
"""

import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import make_model
from torch import Tensor, nn
from torch.nn import functional as F

from zoo.checkpoints.results import Evaluation
from zoo.common.errors import CapabilityError, ConfigError, DataError
from zoo.data import Dataset, Extractor, load_dataset, load_features
from zoo.evaluation.evaluator import evaluate, subset
from zoo.models.interface import GenerativeModel, ModelConfig
from zoo.registry.registry import installed


class NearestMean(nn.Module):
    """Features: pixels of the digit at a quarter of the size. Classes: the nearest of the classes'
    mean features.
    """

    def __init__(self) -> None:
        super().__init__()
        data = load_dataset("mnist")
        assert isinstance(data.samples, Tensor) and data.labels is not None
        vectors = self.vectors(data.samples / 255)
        self.means = torch.stack([vectors[data.labels == label].mean(0) for label in range(10)])
        self.looked_at = 0

    @staticmethod
    def vectors(images: Tensor) -> Tensor:
        return F.avg_pool2d(images, 4).flatten(1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        self.looked_at += len(images)
        vectors = self.vectors(images)
        return vectors, -torch.cdist(vectors, self.means).square()


class Replay(GenerativeModel[ModelConfig]):
    """Draws training images: any of them, or of the class asked for moved on by `off`."""

    Config = ModelConfig

    def __init__(self, config: ModelConfig, data: Dataset, off: int = 0) -> None:
        super().__init__(config)
        self.data, self.off = data, off

    def sample(
        self,
        n: int,
        labels: Tensor | None = None,
        *,
        generator: torch.Generator,
        options: Any = None,
    ) -> Tensor:
        chosen = torch.randint(len(self.data), (n,), generator=generator)
        if labels is not None and self.data.labels is not None:
            wanted = (labels + self.off) % 10
            chosen = torch.stack([(self.data.labels == label).nonzero()[0, 0] for label in wanted])
        return self.data.samples[chosen].float() / 255

    training_step = None  # type: ignore[assignment]  # not asked for


def extractor(sha256: str = "a" * 64) -> Extractor:
    return Extractor("nearest-mean", sha256, NearestMean().eval(), (1, 28, 28), tuple("0123456789"))


def replay(data: Dataset, off: int = 0, **config: Any) -> Replay:
    return Replay(ModelConfig(**config), data, off).eval()


def digits(split: str = "train") -> Dataset:
    return load_dataset("mnist", split=split)


def by_metric(results: list[Evaluation]) -> dict[str, Evaluation]:
    return {one.metric: one for one in results}


def test_a_model_that_replays_the_training_images_looks_perfect() -> None:
    found = by_metric(evaluate(replay(digits()), digits(), digits("test"), extractor(), n=800))
    distance = found["frechet_distance"]
    assert distance.floor is not None and 0 <= distance.value < distance.floor / 3
    for metric in ("precision", "recall", "density", "coverage"):
        one = found[metric]  # against disjoint parts of the images, as if they were unseen
        assert one.floor is not None and one.value > one.floor - 4 * (one.standard_error or 0)
    assert found["classes_reached"].value == 10
    assert abs(found["kernel_distance"].value) < 4 * (found["kernel_distance"].standard_error or 0)


def test_a_model_that_copies_is_found_out_and_the_floor_says_what_unseen_images_get() -> None:
    half = dataclasses.replace(
        digits(), samples=torch.cat([digits().samples[:200], digits("test").samples[:200]])
    )
    for data, share in ((digits(), 1.0), (half, 0.5)):
        found = by_metric(evaluate(replay(data), digits(), digits("test"), extractor(), n=200))
        one = found["memorisation"]
        assert one.floor is not None and one.floor < 0.1  # about one in a hundred, by chance
        assert one.value == pytest.approx(share, abs=0.15)
        assert (one.standard_error or 0) > 0 or one.value == 1
        assert one.title == "Memorised samples ↓"


def test_a_model_that_draws_one_image_only_looks_collapsed() -> None:
    one = dataclasses.replace(digits(), samples=digits().samples[:1], labels=None)
    found = by_metric(evaluate(replay(one), digits(), digits("test"), extractor(), n=200))
    assert found["classes_reached"].value == 1
    assert found["class_kl"].value == pytest.approx(math.log(10))
    assert found["recall"].value < 0.05 and found["coverage"].value < 0.5
    assert found["frechet_distance"].value > 10 * (found["frechet_distance"].floor or 0)


def test_a_model_that_draws_noise_is_far_away_and_nowhere_precise() -> None:
    noise = Dataset("noise", torch.randint(256, (200, 1, 28, 28)).to(torch.uint8), None)
    found = by_metric(evaluate(replay(noise), digits(), digits("test"), extractor(), n=200))
    assert found["precision"].value == found["density"].value == 0
    assert found["frechet_distance"].value > 10 * (found["frechet_distance"].floor or 0)


@pytest.mark.parametrize(("off", "right"), [(0, True), (1, False)])
def test_whether_the_class_asked_for_is_drawn_shows(off: int, right: bool) -> None:
    accuracy = by_metric(
        evaluate(
            replay(digits(), off, num_classes=10), digits(), digits("test"), extractor(), n=200
        )
    )["label_accuracy"]
    assert (accuracy.value > 0.6) is right
    assert (
        accuracy.floor is not None and accuracy.floor > 0.6
    )  # of real digits, whose labels are right


def test_the_floor_is_what_a_model_gets_that_draws_the_test_images() -> None:
    found = by_metric(
        evaluate(replay(digits("test")), digits(), digits("test"), extractor(), n=150)
    )
    for metric in ("precision", "density", "confidence", "class_kl"):
        one = found[metric]
        assert one.floor is not None and one.value == pytest.approx(
            one.floor, abs=5 * (one.standard_error or 0)
        )
        assert one.floor_n == 150


def test_a_result_says_all_that_it_depends_on() -> None:
    for one in evaluate(replay(digits()), digits(), digits("test"), extractor(), n=120, seed=3):
        assert (one.n, one.seed, one.extractor, one.extractor_sha256) == (
            120,
            3,
            "nearest-mean",
            "a" * 64,
        )
        assert (one.reference, one.split, one.reference_n) == ("mnist", "train", 800)
        assert one.reference_sha256 == digits().sha256 and one.floor_n == 120
        assert Evaluation.from_dict(one.to_dict()) == one


def test_a_vae_gets_its_likelihood_over_the_test_images() -> None:
    vae = make_model("mlp-vae", hidden_dims=(16,), latent_dim=3)
    results = evaluate(vae, digits(), digits("test"), extractor(), n=100, importance_samples=4)
    found = by_metric([one for one in results if not one.extractor])
    assert set(found) == {"elbo", "nll", "effective_samples", "kl", "active_units"}
    for one in found.values():
        assert (one.n, one.reference, one.split, one.reference_n) == (200, "mnist", "test", 200)
        assert (
            one.reference_sha256 == digits("test").sha256
            and one.binarised is False
            and one.floor is None
        )
    assert found["nll"].importance_samples == 4 and found["elbo"].importance_samples == 16
    assert 1 <= found["effective_samples"].value <= 4
    assert found["nll"].value < -found["elbo"].value and found["nll"].unit == "nats per image"
    assert len(found["kl"].values) == 3 and sum(found["kl"].values) == pytest.approx(
        found["kl"].value
    )


def test_a_gan_and_a_model_without_latents_get_none() -> None:
    for model in (make_model("mlp-gan", generator_dims=(8,)), replay(digits())):
        assert all(
            one.extractor for one in evaluate(model, digits(), digits("test"), extractor(), n=50)
        )


def test_without_test_images_there_is_no_floor_and_no_likelihood() -> None:
    results = evaluate(make_model("mlp-vae", hidden_dims=(16,)), digits(), None, extractor(), n=100)
    assert results and all(
        one.floor is None and one.floor_n is None and one.extractor for one in results
    )


def test_where_test_images_have_no_labels_the_class_asked_for_has_no_floor() -> None:
    unlabelled = dataclasses.replace(digits("test"), labels=None)
    found = by_metric(
        evaluate(replay(digits(), num_classes=10), digits(), unlabelled, extractor(), n=100)
    )
    assert found["label_accuracy"].floor is None and found["precision"].floor is not None


def test_without_features_only_the_likelihood_is_taken() -> None:
    results = evaluate(
        make_model("mlp-vae", hidden_dims=(16,)), digits(), digits("test"), importance_samples=2
    )
    assert {one.metric for one in results} == {
        "elbo",
        "nll",
        "effective_samples",
        "kl",
        "active_units",
    }


def test_classes_that_are_not_those_of_the_data_are_not_counted() -> None:
    other = dataclasses.replace(digits(), class_names=tuple("abcdefghij"))
    found = by_metric(evaluate(replay(digits(), num_classes=10), other, None, extractor(), n=50))
    assert "frechet_distance" in found and found.keys().isdisjoint(
        {"classes_reached", "confidence", "label_accuracy"}
    )


def test_the_same_call_gives_the_same_numbers_and_another_seed_others() -> None:
    vae = make_model("mlp-vae", hidden_dims=(16,))
    first, again, other = (
        evaluate(vae, digits(), digits("test"), extractor(), n=60, seed=seed, importance_samples=2)
        for seed in (1, 1, 2)
    )
    assert first == again
    assert by_metric(first)["frechet_distance"].value != by_metric(other)["frechet_distance"].value
    assert by_metric(first)["nll"].value != by_metric(other)["nll"].value


def test_features_of_real_images_are_taken_once() -> None:
    eyes, model = extractor(), replay(digits())
    module = eyes.module
    assert isinstance(module, NearestMean)
    first = evaluate(model, digits(), digits("test"), eyes, n=100)
    assert module.looked_at == 800 + 200 + 100
    assert evaluate(model, digits(), digits("test"), eyes, n=100) == first
    assert module.looked_at == 800 + 200 + 100 + 100
    evaluate(model, digits(), digits("test"), dataclasses.replace(eyes, sha256="b" * 64), n=100)
    assert (
        module.looked_at == 2 * (800 + 200 + 100) + 100
    )  # another extractor's are not taken for its own


def test_features_that_were_kept_badly_are_taken_anew(tmp_path: Path) -> None:
    eyes, model = extractor(), replay(digits())
    first = evaluate(model, digits(), None, eyes, n=100)
    (kept,) = (tmp_path / "home" / "features").iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(whole[: len(whole) // 2])
    assert evaluate(model, digits(), None, eyes, n=100) == first
    assert kept.read_bytes() == whole


def test_a_home_that_cannot_be_written_costs_time_only(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where a folder should be")
    assert evaluate(replay(digits()), digits(), None, extractor(), n=50)


def in_runs() -> Dataset:
    """The test images, class after class: their first half shows five of the ten classes."""
    data = digits("test")
    assert data.labels is not None
    return data.part(data.labels.argsort(stable=True))


def test_the_floor_of_test_images_that_come_in_runs_is_that_of_a_random_choice() -> None:
    found = by_metric(evaluate(replay(digits()), digits(), in_runs(), extractor(), n=100))
    assert found["classes_reached"].floor == 10 and found["class_kl"].floor_n == 100
    assert (found["class_kl"].floor or 0) < 0.2  # of the first 100 it is log 2
    accuracy = by_metric(
        evaluate(replay(digits(), num_classes=10), digits(), in_runs(), extractor(), n=100)
    )
    assert (
        accuracy["label_accuracy"].floor or 0
    ) > 0.6  # the labels are those of the images chosen


def test_some_test_images_are_chosen_by_the_seed_and_all_of_them_are_left_in_order() -> None:
    data = in_runs()
    first, again, other = (subset(data, 100, seed) for seed in (1, 1, 2))
    assert first.sha256 == again.sha256 != other.sha256 and len(first) == len(other) == 100
    assert first.labels is not None and first.labels.unique().tolist() == list(range(10))
    assert first.labels.equal(first.labels.sort().values)  # in their own order
    assert subset(data, None, 1) is data and subset(data, 200, 1) is data
    vae = make_model("mlp-vae", hidden_dims=(16,))
    (nll,) = (
        one
        for one in evaluate(vae, digits(), data, importance_samples=2, seed=1, test_images=100)
        if one.metric == "nll"
    )
    assert (nll.n, nll.reference_sha256) == (100, first.sha256)


@pytest.mark.parametrize("names", [tuple("0123456789"), None])
def test_a_model_of_the_datas_classes_is_asked_for_them(names: tuple[str, ...] | None) -> None:
    vae = make_model("mlp-vae", hidden_dims=(16,), num_classes=10)
    found = by_metric(
        evaluate(
            vae,
            digits(),
            digits("test"),
            extractor(),
            n=50,
            importance_samples=2,
            class_names=names,
        )
    )
    assert found["nll"].labelled and not found["frechet_distance"].labelled
    assert found["label_accuracy"].floor is not None


@pytest.mark.parametrize(
    ("classes", "names"), [(10, tuple("abcdefghij")), (3, ("0", "1", "2")), (3, None)]
)
def test_a_model_of_other_classes_is_not_asked_for_those_of_the_data(
    classes: int, names: tuple[str, ...] | None
) -> None:
    vae = make_model("mlp-vae", hidden_dims=(16,), num_classes=classes)
    found = by_metric(
        evaluate(
            vae,
            digits(),
            digits("test"),
            extractor(),
            n=50,
            importance_samples=2,
            class_names=names,
        )
    )
    assert "classes_reached" in found and found.keys().isdisjoint(
        {"label_accuracy", "nll", "elbo", "kl"}
    )


def test_too_few_samples_are_refused_before_anything_is_looked_at() -> None:
    eyes = extractor()
    with pytest.raises(
        ConfigError, match="19 samples are too few to compare by their features: draw at least 20"
    ):
        evaluate(replay(digits()), digits(), digits("test"), eyes, n=19)
    assert isinstance(eyes.module, NearestMean) and eyes.module.looked_at == 0
    assert evaluate(replay(digits()), digits(), digits("test"), eyes, n=20)


def test_another_version_of_a_plugin_takes_the_features_of_real_images_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = installed().features_for("mnist")
    assert spec is not None
    eyes = dataclasses.replace(extractor(), name=spec.name)
    assert isinstance(eyes.module, NearestMean)
    plugin = installed().offered_by("features", spec.name)
    evaluate(replay(digits()), digits(), None, eyes, n=20)
    evaluate(replay(digits()), digits(), None, eyes, n=20)
    assert eyes.module.looked_at == 800 + 20 + 20
    monkeypatch.setattr(plugin, "version", "99.1")
    evaluate(replay(digits()), digits(), None, eyes, n=20)
    assert eyes.module.looked_at == 2 * 800 + 3 * 20


def test_samples_that_are_no_images_are_refused() -> None:
    class Table(Replay):
        sample_kind = "array"

    with pytest.raises(CapabilityError, match="samples of this model are not images"):
        evaluate(Table(ModelConfig(), digits()), digits(), None, extractor())
    with pytest.raises(CapabilityError, match="nothing to measure"):
        evaluate(Table(ModelConfig(), digits()), digits(), digits("test"))


def test_samples_that_are_no_images_get_their_likelihood_per_sample() -> None:
    class Coin(Replay):
        sample_kind = "array"

        def log_likelihood(
            self, samples: Tensor, labels: Tensor | None = None, *, importance_samples: int = 1
        ) -> Tensor:
            return samples.new_full((len(samples),), -math.log(2))

    coins = Dataset("coins", torch.zeros(50, 3, dtype=torch.uint8), None)
    (found,) = evaluate(
        Coin(ModelConfig(sample_shape=(3,)), coins), coins, coins, importance_samples=1
    )
    assert (found.metric, found.unit, found.binarised, found.noun) == (
        "nll",
        "nats per sample",
        None,
        "sample",
    )
    assert (
        found.value == pytest.approx(math.log(2))
        and found.name == "Negative log-likelihood (K = 1, 50 samples)"
    )
    assert found.conditions["reference"].startswith("against 50 test samples of coins (")


def test_nothing_to_measure_is_refused() -> None:
    with pytest.raises(CapabilityError, match="nothing to measure: no features, and no likelihood"):
        evaluate(make_model("mlp-gan", generator_dims=(8,)), digits(), digits("test"))


def test_a_size_that_the_features_do_not_take_is_refused_before_any_sample_is_drawn() -> None:
    eyes = extractor()
    with pytest.raises(
        DataError,
        match=r"'nearest-mean' take images of \(1, 28, 28\), not samples of \(1, 32, 32\)",
    ):
        evaluate(make_model("dcgan", sample_shape=(1, 32, 32), width=2), digits(), None, eyes)
    assert isinstance(eyes.module, NearestMean) and eyes.module.looked_at == 0


def test_too_few_test_images_are_named() -> None:
    few = dataclasses.replace(digits("test"), samples=digits("test").samples[:5])
    with pytest.raises(
        DataError,
        match="The 5 test images of mnist are not enough for a floor: 5 features are too few",
    ):
        evaluate(replay(digits()), digits(), few, extractor(), n=50)


def test_the_batches_of_a_watcher_are_all_samples_and_all_images() -> None:
    announced: dict[str, int] = {}
    seen: dict[str, int] = {}

    def watch(batches: Any, n: int, doing: str) -> Any:
        announced[doing] = announced.get(doing, 0) + n
        for batch in batches:
            seen[doing] = seen.get(doing, 0) + len(batch[0])
            yield batch

    vae = make_model("mlp-vae", hidden_dims=(16,))
    evaluate(vae, digits(), digits("test"), extractor(), n=300, importance_samples=1, watch=watch)
    # 800 training and 200 test images
    assert seen == announced == {"Sampling": 300, "Likelihood": 200, "Features of mnist": 1_000}


def test_the_features_meant_for_the_digits_find_them_in_order() -> None:
    spec = installed().features_for("mnist")
    assert spec is not None
    found = by_metric(
        evaluate(replay(digits()), digits(), digits("test"), load_features(spec.name), n=200)
    )
    assert found["classes_reached"].value == 10 and found["precision"].value > 0.9
    assert (found["confidence"].floor or 0) > 0.9


def test_results_carry_the_version_of_their_estimator() -> None:
    vae = make_model("mlp-vae", hidden_dims=(16,))
    found = by_metric(
        evaluate(vae, digits(), digits("test"), extractor(), n=50, importance_samples=2)
    )
    second = {"precision", "recall", "density", "coverage", "kernel_distance", "elbo"}
    assert {name for name, one in found.items() if one.version == 2} == second
    assert {one.version for name, one in found.items() if name not in second} == {1}
    assert not any(one.outdated for one in found.values())


@pytest.mark.parametrize(("n", "warned"), [(40, True), (49, True), (50, False)])
def test_a_frechet_distance_of_no_more_samples_than_features_is_warned_of(
    n: int, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """The features are the 49 pixels of a digit at a quarter of its size."""
    evaluate(replay(digits()), digits(), digits("test"), extractor(), n=n)
    words = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    assert len(words) == warned
    if warned:
        assert f"of {n} samples and 800 images says little" in words[0]
        assert "with 49 features each" in words[0]
        assert "at least -n 50" in words[0]
