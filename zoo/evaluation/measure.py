"""Measure a checkpoint and keep the results: what `zoo evaluate` does."""

import dataclasses
import logging
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from zoo.checkpoints import (
    FACTS,
    IMPORTANCE_SAMPLES,
    SAMPLES,
    SEED,
    TRUNCATION,
    Evaluation,
    Folder,
    merged,
    recorded,
    refuse_foreign,
)
from zoo.common import arguments, files, settings
from zoo.common.errors import CapabilityError, ConfigError, OutputError, ZooError, counted
from zoo.common.watching import Watch
from zoo.evaluation import asked
from zoo.evaluation.asked import Reference
from zoo.evaluation.tables import Evaluations
from zoo.registry import installed
from zoo.sampling import kind_of, options_of

if TYPE_CHECKING:
    from pathlib import Path

    from zoo.data import Dataset, Extractor
    from zoo.models import GenerativeModel

log = logging.getLogger("zoo")

# samples with their nearest training images, and images with their reconstructions
SHOWN = 16


def evaluate(
    reference: Reference | None = None,
    *,
    samples: Any = None,
    data: Any = None,
    test: Any = None,
    n: int | None = None,
    seed: int | None = None,
    features: str | None = None,
    weights: str | os.PathLike[str] | None = None,
    importance_samples: int | None = None,
    test_images: int | None = None,
    usefulness: bool = False,
    options: Any = (),
    truncation: float | None = None,
    write: bool = False,
    value_range: Sequence[float] | None = None,
    skip_bad: bool = False,
    data_root: str | os.PathLike[str] | None = None,
    device: str = "auto",
    threads: int | None = None,
    watch: Watch | None = None,
    model: "type[GenerativeModel[Any]] | None" = None,
) -> Evaluations:
    """Measure a checkpoint: its samples, and how likely it finds images it has not seen.

    `samples` are measured in its place, whatever made them.

    Samples are compared with the training images by the features of a network. A model that has a
    likelihood, such as a VAE, is also measured by the likelihood of the test images. The same
    arguments give the same numbers on one machine.

    **Arguments:**
    - `reference`: a checkpoint's name or path, or what `zoo.train` returned.
    - `samples`: images to measure in place of a checkpoint: a folder, a file of arrays, or an array
        itself. `data` then says what to compare them with.
    - `data`: a data set's name, or the path of a folder of images or of another file of one's own;
        what the checkpoint was trained on unless given. Or samples themselves.
    - `test`: other data, that was not trained on, in the same forms; the test images of the data
        set, or what was held out in the training, unless given.
    - `n`: how many samples to draw; 10,000 unless given, 20 at least.
    - `seed`: of everything random; 0 unless given.
    - `features`: the name of the features; those meant for the data unless given.
    - `weights`: a safetensors file for the features, in place of their own weights.
    - `importance_samples`: latents drawn for each test image, for the likelihood; 500 unless given.
    - `test_images`: how many test images the likelihood is taken of, chosen by the seed; all unless
        given.
    - `usefulness`: also train classifiers on the samples of a conditional model, and test them on
        the test images; the floor is that of classifiers trained on as many real images.
    - `options`: sample-time options by name, for a model that has some. They are recorded, and
        results with other options are not compared.
    - `truncation`: of a model with latents, what these are multiplied by, as for `zoo.sample`. It
        is recorded as options are.
    - `write`: keep the results in the checkpoint's facts.json and card.
    - `value_range`: for a folder of images deeper than 8 bits, the values that become black and
        white; as the checkpoint was trained unless given.
    - `skip_bad`: leave out the images of a folder that can't be read; also where the training did.
    - `data_root`: the folder that holds the data; else `ZOO_DATA`, else the zoo's own folder.
    - `device`: "auto" takes a GPU where there is one; else "cpu" or "cuda".
    - `threads`: on the CPU; what `ZOO_THREADS` says unless given, else the cores that this process
        may use.
    - `watch`: called as `watch(batches, how_many, doing)`. It passes the batches on, and can show
        progress.
    - `model`: the class of the model, when no plugin offers it and `reference` is a name or path.

    **Returns:** a list of `Evaluation` records, which prints as a table. Each has a `value`, a
    `standard_error` where chance can be estimated, and a `floor`: the value that real test images
    get in place of samples.

    **Raises:** `ZooError` when a name is unknown, an argument is wrong, the data can't be read, the
    results can't be written, or there is nothing to measure the model by."""
    conditions = asked.conditions(n, seed, importance_samples, test_images)
    threads = arguments.whole_or_none("threads", threads, 1, settings.MOST_THREADS)
    if samples is not None or reference is None:
        from zoo.evaluation import judging

        return judging.judge(
            samples,
            judging.refuse_unfit(
                *(reference, samples, data),
                write=write,
                usefulness=usefulness,
                importance_samples=importance_samples,
                test_images=test_images,
                options=options or None,
                truncation=truncation,
            ),
            test,
            conditions=conditions,
            features=asked.features_for(features, asked.called(data)),
            weights=asked.weights_of_features(weights),
            reading={"value_range": value_range, "skip_bad": skip_bad},
            root=asked.folder_of_data(data_root),
            device=device,
            threads=threads,
            watch=watch,
        )
    folder = asked.checkpoint(reference)
    if write:
        refuse_foreign(folder)
    against = asked.data_for(data, folder)
    test = None if test is None else asked.data_for(test, folder)
    name = asked.features_for(features, asked.called(against))
    path, root = asked.weights_of_features(weights), asked.folder_of_data(data_root)
    # What can't be written is refused before anything is measured.
    if write:
        _card(folder, folder.facts)
        files.refuse_unwritable(folder.file(FACTS))
    from zoo.evaluation import images
    from zoo.sampling import refuse_truncation

    loaded = load_model(folder, device, threads, asked.own_class(reference, folder, model))
    given, texts = options_of(type(loaded), options or None)
    refuse_truncation(loaded, truncation)
    texts = drawn_with(texts, truncation)
    if texts and usefulness:
        given_up = "--set" if truncation is None else "--truncation"
        raise ConfigError(
            "Usefulness is measured of samples without options: leave out "
            f"{given_up} or --usefulness."
        )
    how = images.reading(folder, against, value_range, skip_bad)
    train, unseen = images.read_data(
        *(against, root, loaded, how), test=test, folders=[folder], asked=data is not None
    )
    extractor = load_extractor(name, path, device, loaded, asked.called(against), unseen)
    results = measure(
        folder,
        loaded,
        train,
        unseen,
        extractor,
        n=conditions["n"] or SAMPLES,
        seed=SEED if conditions["seed"] is None else conditions["seed"],
        importance_samples=conditions["importance_samples"] or IMPORTANCE_SAMPLES,
        test_images=conditions["test_images"],
        usefulness=usefulness,
        options=given,
        truncation=truncation,
        watch=watch,
    )
    results = Evaluations(with_options(results, texts))
    if write:
        try:
            keep(folder, loaded, train, unseen, results)
        except ZooError as error:
            raise NotKeptError(str(error), results) from error
        log.info("Kept in %s and its card.", folder.file(FACTS))
    return results


def with_options(results: Sequence[Evaluation], texts: Sequence[str]) -> list[Evaluation]:
    """Results that say which options the samples were drawn with; a likelihood has no samples."""
    return [
        dataclasses.replace(one, options=tuple(texts)) if one.is_of_samples else one
        for one in results
    ]


def drawn_with(options: Sequence[str], truncation: float | None) -> list[str]:
    """What results record of how samples were drawn, as "name=value"."""
    return [*options, *([] if truncation is None else [f"{TRUNCATION}={truncation:g}"])]


class NotKeptError(OutputError):
    """Results that were measured but could not be written; they are in `results`."""

    def __init__(self, message: str, results: Evaluations) -> None:
        super().__init__(message)
        self.results = results


def load_model(
    folder: Folder,
    device: str,
    threads: int | None,
    model: "type[GenerativeModel[Any]] | None" = None,
) -> "GenerativeModel[Any]":
    """The model of a checkpoint, on a device, in a process that is there to use it."""
    from zoo.checkpoints import weights
    from zoo.common import compute

    compute.keep_freed()
    compute.use_threads(threads)
    return weights.read_model(folder, compute.pick_device(device), model=model)


def load_extractor(
    name: str | None,
    weights: "Path | None",
    device: str,
    model: "GenerativeModel[Any]",
    data: str,
    unseen: "Dataset | None",
) -> "Extractor | None":
    """The network that features come from; None, with a note, when only the likelihood can be
    measured.

    **Raises:** `CapabilityError`, `ConfigError` when there is no likelihood either."""
    from zoo.common import compute
    from zoo.data import load_features
    from zoo.evaluation.likelihood import has_likelihood
    from zoo.evaluation.own import offered_for

    if not kind_of(model).is_picture:
        if not has_likelihood(model) and not offered_for(model):
            raise CapabilityError(
                "The samples of this model are not images, so there are no features to compare "
                "them "
                "by. It has no likelihood either: there is nothing to measure."
            )
        log.info(
            "Distances compare images, and its samples are not images. Only the likelihood is "
            "measured."
        )
        return None
    if name is not None:
        return load_features(name, weights, compute.pick_device(device))
    words = (
        f"No features are meant for {data}: name some with --features "
        f"({', '.join(installed().features) or 'none'})."
    )
    if not has_likelihood(model) or unseen is None:
        raise ConfigError(words)
    log.info("%s Only the likelihood is measured.", words)
    return None


def measure(
    folder: Folder,
    model: "GenerativeModel[Any]",
    train: "Dataset",
    test: "Dataset | None",
    extractor: "Extractor | None",
    *,
    n: int,
    seed: int,
    importance_samples: int,
    test_images: int | None = None,
    usefulness: bool = False,
    options: Any = None,
    truncation: float | None = None,
    watch: Watch | None = None,
) -> Evaluations:
    """Measure the model of a checkpoint. Notes say what is done, and how long the likelihood will
    take.

    **Arguments:**
    - `folder`: the checkpoint, whose facts say what its classes are called.
    - the others: as `evaluator.evaluate` takes them."""
    from zoo.evaluation import evaluator, images, likelihood

    names = folder.class_names or None
    floor = extractor is not None and images.gives_floor(test)
    if extractor is not None:
        _say_distances(folder, model, train, test if floor else None, extractor, n, seed)
    if not likelihood.shares_classes(model, test or train, names):
        log.info(
            "%s and %s have different classes: zoo does not measure whether samples show the class "
            "asked for, nor a likelihood.",
            folder.reference,
            train.name,
        )
    elif test is not None and likelihood.has_likelihood(model):
        _say_likelihood(model, test, importance_samples, test_images, seed)
    results = evaluator.evaluate(
        model,
        train,
        test,
        extractor,
        n=n,
        seed=seed,
        importance_samples=importance_samples,
        test_images=test_images,
        class_names=names,
        usefulness=usefulness,
        floor=floor,
        options=options,
        truncation=truncation,
        watch=watch or asked.unwatched,
    )
    _say_bound(results)
    return Evaluations(results)


def _say_bound(results: Sequence[Evaluation]) -> None:
    """Say how loose the bound of a likelihood may be, where there is one."""
    for one in results:
        if one.metric == "effective_samples":
            log.info(
                "The negative log-likelihood is an upper bound: the true value is lower. Of %s, "
                "%.1f count for the median %s (the effective sample size). When few count, the "
                "bound can be too high by half a nat or more; a larger -k gives a tighter one.",
                counted(one.importance_samples or 0, "importance sample"),
                one.value,
                one.noun,
            )


def _say_distances(
    folder: Folder,
    model: "GenerativeModel[Any]",
    train: "Dataset",
    test: "Dataset | None",
    extractor: "Extractor",
    n: int,
    seed: int,
) -> None:
    evenly = " Each class is drawn equally often." if model.config.num_classes else ""
    log.info(
        "Comparing %s samples of %s (seed %d) with %s of %s, by the features %s (sha256 %s).%s",
        f"{n:,}",
        folder.reference,
        seed,
        counted(len(train), "training image"),
        train.name,
        extractor.name,
        extractor.sha256[:12],
        evenly,
    )
    if test is not None:
        told = _told(n, test)
        comma = "," if "," in told.rpartition("image")[2] else ""
        log.info("The floor is the value that %s%s get in place of the samples.", told, comma)


def _say_likelihood(
    model: "GenerativeModel[Any]",
    test: "Dataset",
    importance_samples: int,
    test_images: int | None,
    seed: int,
) -> None:
    from zoo.evaluation import evaluator, likelihood

    chosen = evaluator.subset(test, test_images, seed)
    importance_samples = 1 if model.exact_likelihood else importance_samples
    seconds = likelihood.seconds(model, chosen, importance_samples=importance_samples, seed=seed)
    about = f"{seconds / 60:.0f} minutes" if seconds > 90 else f"{max(seconds, 2):.0f} seconds"
    noun = kind_of(model).noun
    pixels = ""
    if noun == "image" and likelihood.binarises(model):
        pixels = f"pixels binarised with seed {seed}, "
    elif noun == "image":
        pixels = "grey pixels as they are (don't compare with binarised ones), "
    log.info(
        "Likelihood of %s, %s%s: about %s.",
        _told(len(chosen), test, noun),
        pixels,
        "which is exact"
        if model.exact_likelihood
        else f"with {counted(importance_samples, 'importance sample')} each",
        about,
    )


def _told(n: int, test: "Dataset", noun: str = "image") -> str:
    all_of_them = counted(len(test), f"test {noun}")
    return f"{n:,} of {all_of_them}, chosen by the seed" if n < len(test) else all_of_them


def keep(
    folder: Folder,
    model: "GenerativeModel[Any]",
    train: "Dataset",
    test: "Dataset | None",
    results: Sequence[Evaluation],
) -> None:
    """Put results into facts.json and the card, and, of images, pictures into their folder."""
    facts = dict(folder.facts)
    facts["evaluations"] = [one.to_dict() for one in merged(recorded(facts), results)]
    if kind_of(model).is_picture:
        _draw(folder, model, train, test, results[0].seed)
    card = _card(folder, facts)
    folder.write_facts(facts)
    folder.write_card(card)


def _card(folder: Folder, facts: dict[str, Any]) -> str:
    """The card that belongs to facts; raises `CheckpointError` when none can be made of them."""
    from zoo.checkpoints import card

    return card.made_of(folder, facts)


def _draw(
    folder: Folder,
    model: "GenerativeModel[Any]",
    train: "Dataset",
    test: "Dataset | None",
    seed: int,
) -> None:
    """Pictures of what the model can do, and of what it has learnt by heart."""
    from zoo.evaluation import likelihood, nearest
    from zoo.sampling import draw, save_png, write_all

    picture = nearest.picture(draw(model, SHOWN, seed=seed), train.samples)
    made = {"sha256": folder.sha256, "n": SHOWN, "seed": seed, "reference": train.name}
    save_png(picture, folder.path / "images" / "nearest.png", {**made, "picture": "nearest"})
    unseen = (test or train).part(slice(SHOWN))
    fit = likelihood.shares_classes(model, unseen, folder.class_names or None)
    write_all(
        model,
        folder.path,
        {"checkpoint": _called(folder)},
        samples=unseen.samples[:] if fit else None,
        labels=unseen.labels,
    )


def _called(folder: Folder) -> str:
    """How a command names the checkpoint: as its facts say, else by its path."""
    name = folder.facts.get("name")
    known = folder.facts.get("reference") or (name if name in installed().checkpoints else None)
    return str(known or folder.path)
