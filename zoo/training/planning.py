"""The plan of a training: its data, its config and its recipe, as they were asked for."""

import contextlib
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.checkpoints import Folder, Store
from zoo.common.config import field_types
from zoo.common.errors import CheckpointError, ConfigError, ZooError
from zoo.data import (
    IN_MEMORY,
    Dataset,
    digest,
    for_training,
    is_own,
    load_dataset,
    load_unseen,
    remember,
)
from zoo.models import GenerativeModel
from zoo.training.request import Request
from zoo.training.session import Plan

# samples that are held out of the training where epochs are judged by them, and none were said
HELD_OUT = 5_000


def plan_of(
    request: Request,
    model_class: type[GenerativeModel[Any]],
    values: Any,
    recipe: Any,
    given: Mapping[str, Any],
) -> Plan:
    """All that the training needs; reads the data."""
    kind = model_class.sample_kind
    whole = _read(request, "data", given, kind, values)
    test = None
    if request.test is not None:
        # read as the rest: by its alphabet or rate, and in its size
        known = {**whole.metadata, **values, "sample_shape": whole.sample_shape}
        test = _read(request, "test", given, kind, known)
        remember(request.path_of(request.test), digest(test))
    remember(request.data_path, digest(whole))
    asked = _asked_holdout(request, recipe, whole)
    data, held_out = for_training(
        *(whole, request.data, asked, test, request.test or ""),
        conditional=bool(values.get("num_classes")),
    )
    recipe = dataclasses.replace(recipe, holdout=held_out)
    if request.parent:
        values = _fitted(values, request, data)
    config = model_class.Config.from_dict({**_known(data, model_class.Config), **values})
    exact = {
        "config": config.to_dict(),
        "recipe": recipe.to_dict(),
        "data": digest(whole),
    }
    return Plan(
        request=request,
        model_class=model_class,
        config=config,
        recipe=recipe,
        data=data,
        exact=exact,
    )


def _read(
    request: Request, which: str, given: Mapping[str, Any], kind: str, values: Any
) -> Dataset:
    """The data that is trained on, or the test data: as it was named, or given in Python."""
    load = load_unseen if which == "test" else load_dataset
    reference: Any = request.path_of(getattr(request, which))
    if reference == IN_MEMORY:
        reference = given[which]
        if reference is None:
            raise ConfigError(
                f"This training is of data that was given in Python. Give it again: {which}=SAMPLES"
            )
    return load(
        reference,
        root=request.root,
        sample_shape=values.get("sample_shape"),
        value_range=request.value_range,
        skip_bad=request.skip_bad,
        kind=kind,
        fields=values,
    )


def _asked_holdout(request: Request, recipe: Any, data: Dataset) -> int | None:
    """How many samples to hold out, where a setting or the model's own recipe says so, or epochs
    are to be judged by them.
    """
    said = any(one.partition("=")[0].strip() == "holdout" for one in request.settings)
    if said or recipe.holdout:
        return int(recipe.holdout)
    of_own = is_own(request.data) and "test" not in data.splits  # which hold some out anyway
    if request.choice.needs_holdout and not of_own and request.test is None:
        return min(HELD_OUT, max(1, len(data) // 10))
    return None


def _known(data: Dataset, config: type[Any]) -> dict[str, Any]:
    """What the data says of itself, for those fields of a config that ask for it."""
    told = {**data.metadata, "class_names": data.class_names, "sample_shape": data.sample_shape}
    return {name: value for name, value in told.items() if name in field_types(config)}


def _fitted(values: dict[str, Any], request: Request, data: Dataset) -> dict[str, Any]:
    """The fields of a parent's config, with as many classes as the data has, unless a setting says
    how many.
    """
    said = any(one.partition("=")[0].strip() == "num_classes" for one in request.settings)
    if said or not values.get("num_classes"):
        return values
    classes = len(data.class_names)
    if not classes and data.labels is not None:
        classes = int(data.labels.max()) + 1
    return {**values, "num_classes": classes}


def made_before(request: Request, store: Store) -> Folder:
    """The checkpoint that a finished training made.

    **Raises:** `CheckpointError` when it is gone or another."""
    place = request.place or store.directory(request.name)
    folder = Folder(place, request.name if request.out is None else "")
    with contextlib.suppress(ZooError):
        same = (folder.facts.get("name"), folder.facts.get("seed"))
        if same == (request.name, request.seed):
            return folder
    raise CheckpointError(
        f"The checkpoint that this training made is no longer in {place}: train anew."
    )


def refuse_changed(plan: Plan, kept: Any, folder: Path, *, epochs: int | None = None) -> None:
    """Raise `ConfigError` when the data, or a default of the model, are not what they were.

    **Arguments:**
    - `epochs`: how many there are to be now, if another number is asked for."""
    # None of a training of an early version, which noted nothing
    if kept is None:
        return
    with contextlib.suppress(ConfigError, TypeError, LookupError):
        # fields may have had other names
        recipe = type(plan.recipe).from_dict(kept["recipe"]).to_dict()
        recipe |= {"epochs": epochs} if epochs else {}
        if {**kept, "recipe": recipe} == plan.exact:
            return
    raise ConfigError(
        f"The data, or a default of the model, is no longer what it was when {folder} began: "
        f"install what it began with ({folder}/run.json has it), or start anew."
    )
