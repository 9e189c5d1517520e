"""Judge samples of whatever made them: what `zoo evaluate --samples` does."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.checkpoints import SEED
from zoo.common.errors import ConfigError, counted
from zoo.common.watching import Watch
from zoo.common.words import either
from zoo.data import is_own, refuse_unknown
from zoo.evaluation import asked
from zoo.evaluation.tables import Evaluations
from zoo.registry import installed

if TYPE_CHECKING:
    from zoo.data import Dataset

log = logging.getLogger("zoo")


def refuse_unfit(reference: Any, samples: Any, data: Any, **others: Any) -> Any:
    """The data to compare samples with; refuses what does not go with samples.

    **Raises:** `ConfigError`."""
    if samples is None:
        raise ConfigError(
            "Name the checkpoint to measure, or samples of anything: "
            f"{either('--samples ./FOLDER', 'samples=./FOLDER')}"
        )
    if reference is not None:
        raise ConfigError(
            f"Give a checkpoint or samples, not both: leave out {str(reference)[:80]!r}, or "
            f"{either('--samples', 'samples')}."
        )
    for name, value in others.items():
        if value is not None and value is not False:
            told = ", ".join(value) if isinstance(value, list | tuple) else value
            raise ConfigError(
                f"{name} = {told} is for checkpoints: samples alone have no model and no card. "
                "Leave it out."
            )
    if data is None:
        raise ConfigError(
            "Say which images to compare the samples with: "
            f"{either('--data NAME or --data ./FOLDER', 'data=NAME or data=./FOLDER')} "
            f"({', '.join(installed().datasets) or 'no name is offered'})"
        )
    for reference in (data, samples):
        if isinstance(reference, str):
            refuse_unknown(reference)
    return data


def judge(
    samples: Any,
    data: Any,
    test: Any,
    *,
    conditions: Mapping[str, Any],
    features: str | None,
    weights: Path | None,
    reading: Mapping[str, Any],
    root: Path | None,
    device: str,
    threads: int | None,
    watch: Watch | None,
) -> Evaluations:
    """Compare samples with data by features.

    **Arguments:**
    - `samples`, `data`, `test`: references, or samples that were given in Python.
    - `conditions`: "n" and "seed".
    - `features`, `weights`: the network, as `zoo.evaluate` takes them.
    - `reading`: how data of one's own is read: "value_range" and "skip_bad".
    - `root`, `device`, `threads`, `watch`: as for `zoo.evaluate`.

    **Returns:** a list of results, which prints as a table.

    **Raises:** `ZooError`, as `zoo.evaluate` does."""
    from zoo.common import compute
    from zoo.data import load_features
    from zoo.evaluation import evaluator, images

    compute.use_threads(threads)
    if features is None:
        raise ConfigError(
            f"No features are meant for {asked.called(data)}: name some with --features "
            f"({', '.join(installed().features) or 'none'})."
        )
    train = _read(data, root, reading)
    unseen = _unseen(data, test, train, root, reading)
    if unseen is not None and not images.gives_floor(unseen):
        unseen = None
    drawn = _in_the_size_of(train, samples, root, reading)
    extractor = load_features(features, weights, compute.pick_device(device))
    seed = SEED if conditions["seed"] is None else conditions["seed"]
    n = conditions["n"]
    log.info(
        "Comparing %s of %s with %s of %s, by the features %s (sha256 %s).",
        counted(min(n or len(drawn), len(drawn)), "sample"),
        drawn.name,
        counted(len(train), "training image"),
        train.name,
        extractor.name,
        extractor.sha256[:12],
    )
    return Evaluations(
        evaluator.of_samples(
            *(drawn, train, unseen, extractor), n=n, seed=seed, watch=watch or asked.unwatched
        )
    )


def _read(reference: Any, root: Path | None, reading: Mapping[str, Any], **how: Any) -> "Dataset":
    from zoo.data import load_dataset

    own = not isinstance(reference, str) or is_own(reference)
    return load_dataset(reference, root=root, **(dict(reading) if own else {}), **how)


def _unseen(
    data: Any, test: Any, train: "Dataset", root: Path | None, reading: Mapping[str, Any]
) -> "Dataset | None":
    """Images for the floor: those that are named, else the test set of the data, if it has one."""
    from zoo.data import load_unseen

    if (
        test is None
        and "test" not in train.splits
        and asked.called(data) not in installed().datasets
    ):
        log.info(
            "%s has no test images: there is no floor. Name some with %s.",
            train.name,
            either("--test", "test"),
        )
        return None
    chosen = data if test is None else test
    return load_unseen(chosen, root=root, sample_shape=train.sample_shape, **reading)


def _in_the_size_of(
    train: "Dataset", samples: Any, root: Path | None, reading: Mapping[str, Any]
) -> "Dataset":
    """The samples, scaled to the size of the training images where they have another."""
    from zoo.data import SizesDiffer

    try:
        drawn = _read(samples, root, reading)
        if drawn.sample_shape == train.sample_shape:
            return drawn
        of = str(drawn.sample_shape)
    except SizesDiffer as error:
        of = f"{counted(len(error.sizes), 'size')}"
    log.info(
        "The samples of %s are scaled from %s to %s, the size of the images of %s.",
        asked.called(samples),
        of,
        train.sample_shape,
        train.name,
    )
    return _read(samples, root, reading, sample_shape=train.sample_shape)
