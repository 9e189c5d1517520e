"""Meter: one metric of a model, taken again and again while it is trained."""

from typing import Any

from zoo.checkpoints import SAMPLES, SEED
from zoo.common.errors import CapabilityError, ConfigError
from zoo.data import Dataset, check_shape, extract, load_features
from zoo.evaluation import evaluator, metrics
from zoo.evaluation.asked import unwatched
from zoo.models import GenerativeModel
from zoo.registry import installed
from zoo.sampling import kind_of, stream

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

    **Raises:** `CapabilityError` for a model whose samples are not images; `ConfigError` when no
    features are meant for the data; `DataError` when they are for other images."""

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
        spec = installed().features_for(data.name)
        if spec is None:
            raise ConfigError(
                f"{metric} needs features, and none are meant for {data.name}: leave --measure "
                "out, and judge by the held-out loss."
            )
        self.metric, self.n, self.seed = metric, n, seed
        self._data = data
        self._extractor = load_features(spec.name, None, device)
        check_shape(self._extractor, model.config.sample_shape)

    def __call__(self, model: GenerativeModel[Any]) -> float:
        """The metric of a model in eval mode.

        **Raises:** `CapabilityError` when it can't be taken of this model and data."""
        if self.metric in QUICK:
            images = (some for some, _ in stream(model, self.n, seed=self.seed))
            drawn = extract(self._extractor, images)
            training = evaluator.features_of(self._data, self._extractor, unwatched)
            estimate = QUICK[self.metric](drawn.vectors, training.vectors, seed=self.seed)
            return float(estimate.value)
        found = evaluator.evaluate(
            model, self._data, None, self._extractor, n=self.n, seed=self.seed
        )
        for one in found:
            if one.metric == self.metric:
                return float(one.value)
        raise CapabilityError(
            f"{self.metric} can't be taken of this model and {self._data.name}: leave --measure "
            f"out, or take one of {', '.join(one.metric for one in found)}."
        )
