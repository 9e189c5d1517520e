"""Meter: one metric of a model, taken again and again while it is trained."""

from typing import Any

from zoo.checkpoints import SAMPLES, SEED
from zoo.common.errors import CapabilityError, ConfigError
from zoo.data import Dataset, check_shape, extract, load_features
from zoo.evaluation import evaluator, metrics
from zoo.evaluation.asked import features_for, unwatched
from zoo.evaluation.likelihood import shares_classes
from zoo.models import GenerativeModel
from zoo.sampling import kind_of, stream

# metrics that need features which tell the classes of the data apart
OF_CLASSES = ("classes_reached", "class_kl", "label_accuracy")
# metrics that are taken of the features alone, without what takes longer
QUICK = {
    "frechet_distance": metrics.frechet_distance,
    "kernel_distance": metrics.kernel_distance,
}


class Meter:
    """Measures a model as `evaluate` does, by one metric.

    **Arguments:**
    - `metric`: such as "frechet_distance".
    - `model`: one of those to be measured, for its kind and its shape.
    - `data`: training images. Their features are taken once.
    - `device`: where features are taken.
    - `n`, `seed`: how many samples are drawn, and of which seed.

    **Raises:** `CapabilityError` for a model whose samples are not images; `ConfigError` when there
    are no features for the data, or they can't give the metric; `DataError` when they are for other
    images."""

    def __init__(
        self,
        metric: str,
        model: GenerativeModel[Any],
        data: Dataset,
        *,
        device: str = "cpu",
        n: int = SAMPLES,
        seed: int = SEED,
    ) -> None:
        if not kind_of(model).is_picture:
            raise CapabilityError(f"{metric} compares images, and its samples are not images.")
        features = features_for(None, data.name)
        if features is None:
            raise ConfigError(
                f"{metric} needs features, and none are meant for {data.name}: install some that "
                "suit all images with pip install 'genzoo[features]', or leave --measure out."
            )
        self.metric, self.n, self.seed = metric, n, seed
        self._data = data
        self._extractor = load_features(features, None, device)
        check_shape(self._extractor, model.config.sample_shape)
        if metric in OF_CLASSES:
            self._refuse_without_classes(model)

    def _refuse_without_classes(self, model: GenerativeModel[Any]) -> None:
        """Raise `ConfigError` where a metric of classes can't be taken."""
        known = self._extractor.class_names
        if not known or known != self._data.class_names:
            raise ConfigError(
                f"{self.metric} needs features that tell the classes of {self._data.name} apart, "
                f"and {self._extractor.name} does not. Take another metric, such as --measure "
                "frechet_distance:5"
            )
        fit = model.config.num_classes and shares_classes(model, self._data, None)
        if self.metric == "label_accuracy" and not fit:
            raise ConfigError(
                "label_accuracy needs a model that is asked for classes: --set num_classes="
                f"{len(known)}, or take another metric, such as --measure classes_reached:5"
            )

    def __call__(self, model: GenerativeModel[Any]) -> float:
        """The metric of a model in eval mode."""
        if self.metric in QUICK:
            images = (some for some, _ in stream(model, self.n, seed=self.seed))
            drawn = extract(self._extractor, images)
            training = evaluator.features_of(self._data, self._extractor, unwatched)
            estimate = QUICK[self.metric](drawn.vectors, training.vectors, seed=self.seed)
            return float(estimate.value)
        found = evaluator.evaluate(
            model, self._data, None, self._extractor, n=self.n, seed=self.seed
        )
        (value,) = (one.value for one in found if one.metric == self.metric)
        return float(value)
