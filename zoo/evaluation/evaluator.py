"""Measure a model: the features of its samples, and the likelihood of images it has not seen."""

import contextlib
import dataclasses
import logging
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor

from zoo.checkpoints import FEWEST, IMPORTANCE_SAMPLES, METRICS, SAMPLES, SEED, Evaluation
from zoo.common import files, settings
from zoo.common.errors import CapabilityError, ConfigError, DataError, OutputError, counted
from zoo.common.watching import Watch
from zoo.data import Dataset, Extractor, Features, check_shape, extract
from zoo.evaluation import likelihood, metrics, own
from zoo.evaluation.asked import unwatched
from zoo.evaluation.likelihood import Batch
from zoo.evaluation.manifolds import manifolds
from zoo.evaluation.memorisation import memorised
from zoo.evaluation.metrics import Estimate
from zoo.evaluation.usefulness import accuracy_score, refuse_unfit
from zoo.models import Autoencoder, GenerativeModel
from zoo.registry import installed
from zoo.sampling import kind_of, stream

log = logging.getLogger("zoo")

BATCH = 1_000  # images that are read together


def evaluate(
    model: GenerativeModel[Any],
    data: Dataset,
    test: Dataset | None = None,
    extractor: Extractor | None = None,
    *,
    n: int = SAMPLES,
    seed: int = SEED,
    importance_samples: int = IMPORTANCE_SAMPLES,
    test_images: int | None = None,
    class_names: Sequence[str] | None = None,
    usefulness: bool = False,
    floor: bool = True,
    options: Any = None,
    truncation: float | None = None,
    watch: Watch = unwatched,
) -> list[Evaluation]:
    """Measure a model. The same arguments give the same numbers on one machine.

    Samples are compared with the training images, by their features. The test images have two uses.
    The likelihood is measured on them. And they give the floor: each metric of test images in the
    place of samples. No model can be expected to do better.

    A conditional model draws all classes equally often. If the training images do not, this counts
    against the model.

    **Arguments:**
    - `model`: in eval mode. Its samples are images, or only the likelihood is measured.
    - `data`: training images.
    - `test`: images that the model was not trained on. Without them there is no floor and no
        likelihood.
    - `extractor`: the network that features come from. Without it only the likelihood is measured.
    - `n`: how many samples to draw, 20 at least. The floor takes as many test images, if there are
        so many.
    - `seed`: of all random numbers.
    - `importance_samples`: latents drawn for each test image, for the likelihood.
    - `test_images`: how many test images the likelihood is measured on; all unless given. `subset`
        chooses them.
    - `class_names`: what the labels of a conditional model mean; the class names of `data` unless
        given. If they are not those of the data, the model gets no likelihood, and its samples are
        not checked for the class that was asked for.
    - `usefulness`: also train classifiers on `n` samples and on as many training images, and test
        them on `test`; for a conditional model.
    - `floor`: whether test images give a floor.
    - `options`: of drawing samples, an instance of the model's `Options`.
    - `truncation`: of the latents that samples are drawn from, as `draw` takes it.
    - `watch`: called as `watch(batches, how_many, doing)`; it passes the batches on, and can show
        progress.

    **Returns:** one result for each metric.

    **Raises:** `ConfigError` for too few samples; `CapabilityError` when there is nothing to
    measure the model by; `DataError` and `LabelError` when data, features and model do not fit
    together."""
    if not kind_of(model).is_picture and extractor is not None:
        raise CapabilityError(
            "The samples of this model are not images: there are no features to compare them by."
        )
    if extractor is not None and n < FEWEST:
        raise ConfigError(
            f"{n} samples are too few to compare by their features: draw at least {FEWEST}."
        )
    if usefulness:
        refuse_unfit(model, test)
    results = []
    if extractor is not None:
        unseen = test if floor else None
        drawing = _Drawing(n, seed, options, truncation)
        results += _by_features(model, data, unseen, extractor, class_names, drawing, watch)
    if usefulness and test is not None:
        results.append(_by_usefulness(model, data, test, class_names, n, seed, watch))
    if (
        test is not None
        and likelihood.has_likelihood(model)
        and likelihood.shares_classes(model, test, class_names)
    ):
        results += _by_likelihood(
            model, subset(test, test_images, seed), importance_samples, seed, watch
        )
    results += own.measure(
        model,
        data if test is None else test,
        "train" if test is None else "test",
        n=n,
        seed=seed,
        options=options,
        truncation=truncation,
        watch=watch,
    )
    if not results:
        raise CapabilityError(
            "There is nothing to measure: no features, and no likelihood (or no test images for "
            "it, of its classes)."
        )
    return results


def subset(data: Dataset, n: int | None, seed: int) -> Dataset:
    """Some samples of a data set, chosen at random by a seed; they stay in their order.

    The first n would be a bad choice: data sets often come in runs, such as writer by writer.

    **Arguments:**
    - `n`: how many; None, or more than there are, means all.
    - `seed`: of the choice."""
    return data if n is None or n >= len(data) else data.part(_chosen(len(data), n, seed))


def _chosen(total: int, n: int, seed: int) -> Tensor:
    """The indices of a random choice, int64 `(min(n, total),)`, in rising order."""
    return (
        torch.randperm(total, generator=torch.Generator().manual_seed(seed % 2**63))[:n]
        .sort()
        .values
    )


def of_samples(
    samples: Dataset,
    data: Dataset,
    test: Dataset | None,
    extractor: Extractor,
    *,
    n: int | None = None,
    seed: int = SEED,
    watch: Watch = unwatched,
) -> list[Evaluation]:
    """Compare samples, of whatever made them, with training images by their features.

    **Arguments:**
    - `samples`: images of the shape of `data`. Their labels count when their class names are those
        of `data`.
    - `data`, `test`, `extractor`: as `evaluate` takes them.
    - `n`: how many of the samples, chosen by the seed; all unless given.
    - `seed`: of all random numbers.
    - `watch`: as for `evaluate`.

    **Returns:** one result for each metric.

    **Raises:** `DataError` when samples, data and features do not fit together, or there are too
    few samples."""
    check_shape(extractor, samples.sample_shape)
    chosen = subset(samples, n, seed)
    if len(chosen) < FEWEST:
        raise DataError(
            f"{counted(len(chosen), 'sample')} of {samples.name} are too few to compare by their "
            f"features: give at least {FEWEST}."
        )
    drawn = features_of(chosen, extractor, watch)
    labelled = chosen.labels is not None and chosen.class_names == data.class_names
    return _compared(drawn, chosen.labels if labelled else None, data, test, extractor, seed, watch)


class _Drawing(NamedTuple):
    """Which samples are drawn: how many, of which seed, with which options of the model."""

    n: int
    seed: int
    options: Any
    truncation: float | None


def _by_features(
    model: GenerativeModel[Any],
    data: Dataset,
    test: Dataset | None,
    extractor: Extractor,
    class_names: Sequence[str] | None,
    drawing: _Drawing,
    watch: Watch,
) -> list[Evaluation]:
    n, seed, options, truncation = drawing
    check_shape(extractor, model.config.sample_shape)
    labelled = bool(model.config.num_classes) and likelihood.shares_classes(
        model, data, class_names
    )
    training = features_of(data, extractor, watch)
    asked: list[Tensor] = []
    floor = None
    if test is not None:
        floor = _floor(test, training, data, extractor, labelled, n, seed, watch)
    samples = stream(model, n, seed=seed, options=options, truncation=truncation)
    batches = watch(samples, n, "Sampling")
    drawn = extract(extractor, _images(batches, asked))
    labels = torch.cat(asked) if asked and labelled else None
    return _results(drawn, labels, training, floor, data, extractor, seed)


def _compared(
    drawn: Features,
    labels: Tensor | None,
    data: Dataset,
    test: Dataset | None,
    extractor: Extractor,
    seed: int,
    watch: Watch,
) -> list[Evaluation]:
    """What the features of samples say beside those of training and test images."""
    training = features_of(data, extractor, watch)
    floor = None
    if test is not None:
        n, labelled = len(drawn.vectors), labels is not None
        floor = _floor(test, training, data, extractor, labelled, n, seed, watch)
    return _results(drawn, labels, training, floor, data, extractor, seed)


class _Floor(NamedTuple):
    """What test images get in place of samples, and how many there were."""

    values: dict[str, Estimate]
    n: int


def _floor(
    test: Dataset,
    training: Features,
    data: Dataset,
    extractor: Extractor,
    labelled: bool,
    n: int,
    seed: int,
    watch: Watch,
) -> _Floor:
    chosen = _chosen(len(test), n, seed)
    unseen = _rows(features_of(test, extractor, watch), chosen)
    given = test.labels[chosen] if test.labels is not None and labelled else None
    try:
        return _Floor(
            _measured(unseen, training, given, _told_apart(extractor, data), seed), len(chosen)
        )
    except DataError as error:
        raise DataError(
            f"The {len(chosen)} test images of {test.name} are not enough for a floor: {error}"
        ) from error


def _told_apart(extractor: Extractor, data: Dataset) -> int:
    """How many classes of the data an extractor tells apart; 0 where it has others."""
    return len(data.class_names) if extractor.class_names == data.class_names else 0


def _results(
    drawn: Features,
    labels: Tensor | None,
    training: Features,
    floor: _Floor | None,
    data: Dataset,
    extractor: Extractor,
    seed: int,
) -> list[Evaluation]:
    n = len(drawn.vectors)
    _warn_of_few(n, len(training.vectors), drawn.vectors.shape[1])
    found = _measured(drawn, training, labels, _told_apart(extractor, data), seed)
    conditions: dict[str, Any] = {
        "n": n,
        "seed": seed,
        **_of(data, "train"),
        "extractor": extractor.name,
        "extractor_sha256": extractor.sha256,
        "floor_n": floor.n if floor else None,
    }
    floors = floor.values if floor else {}
    return [
        _evaluation(
            metric, estimate, floor=floors[metric].value if metric in floors else None, **conditions
        )
        for metric, estimate in found.items()
    ]


def _warn_of_few(samples: int, images: int, features: int) -> None:
    """Warn where the covariance in a Fréchet distance is of fewer points than it has dimensions."""
    if min(samples, images) <= features:
        log.warning(
            "The Fréchet distance of %s and %s says little, and is far too large: with %d features "
            "each, it needs more samples and images than features. Draw more: at least -n %d, "
            "better ten times as many.",
            counted(samples, "sample"),
            counted(images, "image"),
            features,
            features + 1,
        )


def _measured(
    drawn: Features, training: Features, asked: Tensor | None, num_classes: int, seed: int
) -> dict[str, Estimate]:
    """Every metric that the features allow, by name."""
    found = {
        "frechet_distance": metrics.frechet_distance(drawn.vectors, training.vectors, seed=seed),
        "kernel_distance": metrics.kernel_distance(drawn.vectors, training.vectors, seed=seed),
        **manifolds(drawn.vectors, training.vectors, seed=seed)._asdict(),
        "memorisation": memorised(drawn.vectors, training.vectors, seed=seed),
    }
    if drawn.classes is None or drawn.confidences is None or not num_classes:
        return found
    classes = metrics.class_metrics(drawn.classes, drawn.confidences, num_classes, seed=seed)
    found |= {
        "classes_reached": classes.reached,
        "class_kl": classes.divergence,
        "confidence": classes.confidence,
    }
    if asked is not None:
        found["label_accuracy"] = metrics.asked_accuracy(drawn.classes, asked)
    return found


def _by_usefulness(
    model: GenerativeModel[Any],
    data: Dataset,
    test: Dataset,
    class_names: Sequence[str] | None,
    n: int,
    seed: int,
    watch: Watch,
) -> Evaluation:
    """The score of samples, with that of as many training images beside it."""
    if not likelihood.shares_classes(model, test, class_names) or data.labels is None:
        raise CapabilityError(
            "Usefulness needs training and test images with the classes of the model. Leave out "
            "--usefulness."
        )
    images, labels = [], []
    for some, given in watch(stream(model, n, seed=seed), n, "Sampling"):
        assert given is not None
        images.append(some.cpu())
        labels.append(given.cpu())
    classes = model.config.num_classes
    found = accuracy_score(
        torch.cat(images),
        torch.cat(labels),
        test,
        classes=classes,
        seed=seed,
        watch=watch,
        doing="Classifiers of samples",
    )
    real = subset(data, n, seed)
    assert real.labels is not None
    floor = accuracy_score(
        real.samples[:],
        real.labels,
        test,
        classes=classes,
        seed=seed,
        watch=watch,
        doing="Classifiers of images",
    )
    return _evaluation(
        "usefulness",
        found,
        n=n,
        seed=seed,
        **_of(test, "test"),
        floor=floor.value,
        floor_n=len(real),
    )


def _by_likelihood(
    model: GenerativeModel[Any], test: Dataset, importance_samples: int, seed: int, watch: Watch
) -> list[Evaluation]:
    conditions: dict[str, Any] = {
        "n": len(test),
        "seed": seed,
        **_of(test, "test"),
        "binarised": likelihood.binarises(model) if kind_of(model).is_picture else None,
        "labelled": bool(model.config.num_classes),
    }
    exact = model.exact_likelihood
    found = likelihood.bounds(
        model, test, importance_samples=1 if exact else importance_samples, seed=seed, watch=watch
    )
    family = likelihood.family(model)
    if likelihood.levels(model):
        found["bits_per_dimension"] = metrics.bits_per_dimension(
            found["nll"], math.prod(model.config.sample_shape)
        )
    latents = likelihood.latents_of_elbo(importance_samples)
    draws = None if exact else importance_samples
    results = [
        _evaluation(
            metric,
            estimate,
            importance_samples=latents if metric == "elbo" else draws,
            family=family,
            **conditions,
        )
        for metric, estimate in found.items()
    ]
    if isinstance(model, Autoencoder):
        active, divergence, by_dimension = likelihood.latents(model, test, seed=seed)
        results.append(_evaluation("active_units", active, **conditions))
        results += [
            _evaluation(name, one, values=by_dimension[:64], **conditions)
            for name, one in divergence.items()
        ]
    return [dataclasses.replace(one, unit=one.unit.replace("image", one.noun)) for one in results]


def _evaluation(metric: str, estimate: Estimate, **conditions: Any) -> Evaluation:
    return Evaluation(
        metric=metric,
        value=estimate.value,
        standard_error=estimate.standard_error,
        unit=METRICS[metric].unit,
        version=METRICS[metric].version,
        **conditions,
    )


def _of(data: Dataset, split: str) -> dict[str, Any]:
    """What a result says of the images that it was measured against."""
    return {
        "reference": data.name,
        "split": split,
        "reference_n": len(data),
        "reference_sha256": data.sha256,
    }


def _images(batches: Iterable[Batch], labels: list[Tensor]) -> Iterator[Tensor]:
    """The images of batches; their labels are kept in `labels`."""
    for images, given in batches:
        labels += [] if given is None else [given]
        yield images


def _rows(seen: Features, rows: Tensor) -> Features:
    return Features(
        seen.vectors[rows],
        None if seen.classes is None else seen.classes[rows],
        None if seen.confidences is None else seen.confidences[rows],
    )


def features_of(data: Dataset, extractor: Extractor, watch: Watch) -> Features:
    """The features of real images. They are computed once for each version of a plugin, and kept in
    the zoo's home.
    """
    plugin = installed().offered_by("features", extractor.name.partition(":")[0])
    taker = "-".join([extractor.name, *([plugin.version] if plugin else []), extractor.sha256[:32]])
    path = settings.home() / "features" / f"{data.sha256[:32]}-{taker}.safetensors"
    with (
        contextlib.suppress(OSError, SafetensorError, TypeError),  # not there yet, or damaged
        files.named_in_utf8(path) as name,
    ):
        return Features(**load_file(name))
    batches = (
        (data.inputs(data.samples[first : first + BATCH]), None)
        for first in range(0, len(data), BATCH)
    )
    taken = extract(extractor, _images(watch(batches, len(data), f"Features of {data.name}"), []))
    # a home that is full costs time only
    with contextlib.suppress(OutputError), files.replacing(path) as partial:
        partial.write_bytes(
            to_bytes({key: one for key, one in taken._asdict().items() if one is not None})
        )
    return taken
