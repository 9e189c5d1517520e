"""The images that a checkpoint is measured against: those it was trained on, and unseen ones."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.checkpoints import FEWEST, Folder
from zoo.common.errors import DataError, counted
from zoo.data import (
    Dataset,
    Record,
    as_recorded,
    digest,
    hold_out,
    load_dataset,
    load_unseen,
    recalled,
)
from zoo.evaluation.asked import called
from zoo.models import GenerativeModel
from zoo.registry import installed

log = logging.getLogger("zoo")


def reading(
    folder: Folder,
    data: Any,
    value_range: Sequence[float] | None = None,
    skip_bad: bool = False,
) -> dict[str, Any]:
    """How data is read: as asked for; one's own else as when the checkpoint was trained."""
    trained = {} if called(data) in installed().datasets else as_recorded(folder.facts)
    return {
        "value_range": value_range or trained.get("value_range"),
        "skip_bad": skip_bad or trained.get("skip_bad", False),
    }


def read_data(
    data: Any,
    root: Path | None,
    model: GenerativeModel[Any],
    how: Mapping[str, Any],
    *,
    test: Any = None,
    folders: Sequence[Folder] = (),
    asked: bool = False,
) -> tuple[Dataset, Dataset | None]:
    """The training images and unseen ones, in the size that a model takes.

    Unseen are those that `test` names; else the test data that a checkpoint was trained with; else
    the test images of the data set; else those that were held out when a checkpoint was trained on
    this data. Other data of one's own has none.

    **Arguments:**
    - `data`: a reference, or samples that were given in Python.
    - `root`: folder that holds the data sets that have a name.
    - `how`: further arguments of `load_dataset`.
    - `test`: other data, in the same forms.
    - `folders`: the checkpoints, whose facts say what was held out.
    - `asked`: whether this data was asked for, and not found by the facts.

    **Raises:** `DataError` when the data has changed since the training."""
    shape = tuple(model.config.sample_shape)
    how = {**how, "root": root, "sample_shape": shape, "kind": model.sample_kind}
    how |= {"fields": model.config.to_dict()}
    whole = load_dataset(data, **how)
    if called(data) in installed().datasets:
        _say_scaled(data, shape)
        if test is None and not asked and (record := _other_test(folders)):
            test = recalled(record, folders[0].reference)
        return whole, load_unseen(data if test is None else test, **how)
    if test is not None:
        return whole, load_unseen(test, **how)
    if "test" in whole.splits:
        return whole, load_unseen(data, **how)
    record = _record_of(whole, folders, called(data), asked)
    if record is None or not (record.held_out or record.test):
        log.info(
            "%s has no test images: zoo measures no floor and no likelihood.",
            called(data),
        )
        return whole, None
    if record.test:
        return whole, load_unseen(recalled(record.of_test, folders[0].reference), **how)
    trained_on, held_out = hold_out(whole, record.held_out, record.seed)
    log.info(
        "Of %s, %s were held out of the training: they are the unseen images.",
        called(data),
        counted(len(held_out), "sample"),
    )
    return trained_on, held_out


def gives_floor(test: Dataset | None) -> bool:
    """Whether there are enough unseen images for a floor; says so when there are too few."""
    if test is None or test.name in installed().datasets or len(test) >= FEWEST:
        return True
    log.info(
        "%s are too few for a floor: %d are the least.",
        counted(len(test), "unseen image"),
        FEWEST,
    )
    return False


def _other_test(folders: Sequence[Folder]) -> Record | None:
    """What the facts say of other test data that all checkpoints were trained with; None where
    there was none.
    """
    records = [Record.of(folder.facts) for folder in folders]
    others = {one.of_test if one and one.test else None for one in records}
    return others.pop() if len(others) == 1 else None


def _record_of(
    whole: Dataset, folders: Sequence[Folder], reference: str, asked: bool
) -> Record | None:
    """What facts say of this very data; None when no checkpoint was trained on it.

    **Raises:** `DataError` when one was, and the data has changed since."""
    records = [Record.of(folder.facts) for folder in folders]
    found = digest(whole)
    for record in records:
        if record is not None and record.sha256 == found:
            return record
    if not asked and records and records[0] is not None:
        raise DataError(
            f"{folders[0].reference} was trained on {records[0].in_words}. {reference} has changed "
            f"since: now it has {counted(len(whole), 'sample')}, sha256 {found[:12]}. Put back "
            f"what it was, or measure with what it is now: --data {reference}"
        )
    return None


def _say_scaled(name: str, shape: tuple[int, ...]) -> None:
    own = tuple(installed().datasets[name].sample_shape)
    if own != shape:
        log.info(
            "The images of %s are scaled from %s to %s, the size that the model takes.",
            name,
            own,
            shape,
        )
