"""LIGHT: train(), from a model and data to a checkpoint."""

import contextlib
import dataclasses
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from zoo.checkpoints import Folder, Store
from zoo.common import files, settings
from zoo.common.config import field_types, parse_assignments
from zoo.common.errors import ConfigError
from zoo.data import IN_MEMORY, check_range
from zoo.registry import installed
from zoo.training.request import (
    GREATEST_SEED,
    Asked,
    Request,
    as_settings,
    find_run,
    refuse_unknown_model,
)
from zoo.training.suits import fitting

if TYPE_CHECKING:
    from zoo.data import Dataset
    from zoo.models import GenerativeModel
    from zoo.training.keep import Trained
    from zoo.training.session import Plan

# gets the reports of a training, its number of steps and its name, and passes the reports on
Watch = Callable[[Iterable[Any], int, str], Iterator[Any]]


def train(
    model: "str | type[GenerativeModel[Any]] | None" = None,
    *,
    name: str | None = None,
    data: Any = None,
    test: Any = None,
    epochs: int | None = None,
    minutes: float | None = None,
    seed: int | None = None,
    out: str | os.PathLike[str] | None = None,
    data_root: str | os.PathLike[str] | None = None,
    value_range: Sequence[float] | None = None,
    skip_bad: bool = False,
    resume: str | os.PathLike[str] | None = None,
    device: str = "auto",
    threads: int | None = None,
    balance: bool = False,
    augment: str | Sequence[str] = (),
    tensorboard: bool = False,
    watch: Watch | Literal["auto"] | None = "auto",
    fields: Mapping[str, Any] | Sequence[str] | None = None,
    **fields_of_config_and_recipe: Any,
) -> "Trained":
    """Train a model and keep the result as a checkpoint.

    Fields of the model's config and of its recipe are given by keyword, such as `latent_dim=8` or
    `learning_rate=3e-4`. `zoo show MODEL` lists them.

    A training that is interrupted (by Ctrl-C, or the stop button of a notebook) can go on:
    `zoo.train(resume="NAME")`.

    **Arguments:**
    - `model`: the name of a model, such as "mlp-vae", or a class of your own that derives from
        `zoo.models.GenerativeModel`.
    - `name`: what the checkpoint is called. Needed unless `out` is given.
    - `data`: the name of a data set, or the path of a folder of images or of a file, such as
        "./photos" or "./digits.npz"; "mnist" unless given. Or samples themselves: a tensor, a numpy
        array, a pair of samples and labels, a data set of torch.
    - `test`: other data that is not trained on, in the same forms. Unless given, a tenth of one's
        own data is held out, and nothing of data sets that have a name.
    - `epochs`: passes over the data; the recipe's unless given.
    - `minutes`: in place of `epochs`: about how long to train. The epochs that fit are found by a
        trial of some seconds, and recorded.
    - `seed`: makes a training repeatable. Drawn at random, and recorded, unless given.
    - `out`: a folder for the checkpoint, in place of the store.
    - `data_root`: the folder that holds the data sets; `ZOO_DATA` unless given.
    - `value_range`: for a folder of images deeper than 8 bits, the values that become black and
        white, such as `(0, 4095)`. 16 bits have (0, 65535), floats (0, 1) unless given.
    - `skip_bad`: leave out the images of a folder that can't be read. The facts say how many.
    - `resume`: go on with an unfinished training: its name, or its folder. Nothing else is needed
        then, but a class of your own.
    - `device`: where to compute: "auto" (a GPU where there is one), "cpu" or "cuda".
    - `threads`: on the CPU; what `ZOO_THREADS` says unless given, else the cores that this process
        may use.
    - `balance`: draw every class equally often, however rare it is.
    - `augment`: change samples at random, in ways of "shift", "rotate", "zoom" and "flip". The
        model learns to draw the changed samples, too.
    - `tensorboard`: also write losses and grids for TensorBoard.
    - `watch`: what shows the progress. "auto" is a progress bar in a notebook, and nothing
        elsewhere; None shows nothing. Or a function that gets the reports, the number of steps and
        the name, and passes each report on. Notes and warnings go to the log "zoo".
    - `fields`: fields by name, for those that have the name of an argument of this function.

    **Returns:** the checkpoint: `.path`, `.facts`, `.history` and `.model`.

    **Raises:** `ZooError` for what can't be trained, before any time is spent on it;
    `TrainingError` when the training breaks down; `KeyboardInterrupt` after its state was kept.
    """
    called, own_class = _model(model)
    if called is not None and resume is None:
        refuse_unknown_model(called)
    _refuse_wrong_types(
        name=name, epochs=epochs, seed=seed, device=device, threads=threads, watch=watch
    )
    _refuse_wrong_minutes(minutes, epochs, resume)
    asked = Asked(
        model=called,
        name=name,
        data=_data("data", data),
        test=_data("test", test),
        epochs=epochs,
        seed=seed,
        out=_reference("out", out),
        data_root=None if data_root is None else _path("data_root", data_root),
        tensorboard=bool(tensorboard),
        value_range=check_range(value_range),
        skip_bad=bool(skip_bad),
        settings=_settings(fields, fields_of_config_and_recipe, balance, augment),
    )
    store = Store(installed().checkpoints)
    threads = settings.threads() if threads is None else threads
    given = {"data": data, "test": test}
    training = _Training(store, own_class, device, threads, watch, given)
    if resume is None:
        if asked.model is None and isinstance(data, str | os.PathLike):
            asked = fitting(asked, timed=minutes is not None)
        return training.begin(asked.begun(store), minutes)
    return training.resume(find_run(store, _path("resume", resume)), asked)


@dataclasses.dataclass(frozen=True)
class _Training:
    """How a training is done, whatever is trained."""

    store: Store
    own_class: "type[GenerativeModel[Any]] | None"
    device: str
    threads: int | None
    watch: Watch | Literal["auto"] | None
    given: Mapping[str, Any]  # data that was given in Python, under "data" and "test"

    def begin(self, request: Request, minutes: float | None = None) -> "Trained":
        """Train as asked, from the start."""
        model_class, config, recipe = self._chosen(request)
        plan = _plan(request, model_class, config, recipe, self.given)
        if minutes is not None:
            from zoo.training.pace import in_minutes

            plan = in_minutes(plan, minutes, self.device, self.threads)
        return self._train(plan, request.run_folder(self.store), resume=False)

    def resume(self, folder: Path, asked: Asked) -> "Trained":
        """Go on with the training of a folder; or only end it, where its checkpoint is written."""
        from zoo.training.keep import Trained, finish, kept_already
        from zoo.training.run import Run

        run = Run(folder)
        record = run.settings
        request = asked.resumed(folder, record)
        if request.is_own_class and self.own_class is None:
            called = request.model.rpartition(":")[2]
            raise ConfigError(
                f"{folder} holds a training of the class {called}, which no plugin offers. Go on "
                f"in Python: {request.resume_hint(self.store, folder)}"
            )
        if written := kept_already(request, self.store):
            with files.alone(folder, wait=False):
                finish(request, run, self.store)
            return Trained(written, self.own_class)
        plan = _plan(request, *self._chosen(request), self.given)
        _refuse_changed(plan, record.get("exact"), folder)
        return self._train(plan, folder, resume=True)

    def _chosen(self, request: Request) -> "tuple[type[GenerativeModel[Any]], Any, Any]":
        """The class, the fields of its config, and the recipe; refuses unknown and wrong fields."""
        from zoo.checkpoints import weights
        from zoo.common import compute

        compute.pick_device(self.device)
        model_class = self.own_class or weights.model_class(request.model)
        own = model_class.recipe
        values, recipe_values = parse_assignments(request.settings, model_class.Config, type(own))
        recipe_values |= {"epochs": request.epochs} if request.epochs else {}
        recipe = dataclasses.replace(own, **recipe_values)
        model_class.Config.from_dict(values)
        return model_class, values, recipe

    def _train(self, plan: "Plan", folder: Path, *, resume: bool) -> "Trained":
        from zoo.training.keep import Trained, keep
        from zoo.training.session import session
        from zoo.training.watching import shown_by

        request = plan.request
        where: Any = {"device": self.device, "threads": self.threads}
        with session(plan, folder, self.store, **where, resume=resume) as going:
            shown = shown_by(self.watch) if going.is_first else None
            with contextlib.closing(going.reports()) as reports:
                for _ in shown(reports, going.total, request.name) if shown else reports:
                    pass
            if going.is_first:
                return Trained(keep(going, self.store), self.own_class)
            place = request.place or self.store.directory(request.name)
            return Trained(Folder(place), self.own_class, is_first=False)


def _plan(
    request: Request,
    model_class: "type[GenerativeModel[Any]]",
    values: Any,
    recipe: Any,
    given: Mapping[str, Any],
) -> "Plan":
    """All that the training needs; reads the data."""
    from zoo.data import digest, for_training, remember
    from zoo.training.session import Plan

    kind = model_class.sample_kind
    whole = _read(request, "data", given, kind, values)
    test = None
    if request.test is not None:
        # read as the rest: by its alphabet or rate, and in its size
        known = {**whole.metadata, **values, "sample_shape": whole.sample_shape}
        test = _read(request, "test", given, kind, known)
        remember(request.path_of(request.test), digest(test))
    remember(request.data_path, digest(whole))
    data, held_out = for_training(
        *(whole, request.data, _asked_holdout(request, recipe), test, request.test or ""),
        conditional=bool(values.get("num_classes")),
    )
    recipe = dataclasses.replace(recipe, holdout=held_out)
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
) -> "Dataset":
    """The data that is trained on, or the test data: as it was named, or given in Python."""
    from zoo.data import IN_MEMORY, load_dataset, load_unseen

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


def _asked_holdout(request: Request, recipe: Any) -> int | None:
    """How many samples to hold out, where a setting or the model's own recipe says so."""
    said = any(one.partition("=")[0].strip() == "holdout" for one in request.settings)
    return recipe.holdout if said or recipe.holdout else None


def _known(data: "Dataset", config: type[Any]) -> dict[str, Any]:
    """What the data says of itself, for those fields of a config that ask for it."""
    told = {**data.metadata, "class_names": data.class_names, "sample_shape": data.sample_shape}
    return {name: value for name, value in told.items() if name in field_types(config)}


def _refuse_changed(plan: "Plan", kept: Any, folder: Path) -> None:
    """Raise `ConfigError` when the data, or a default of the model, are not what they were."""
    if kept is None:  # a training of an early version, which noted nothing
        return
    with contextlib.suppress(ConfigError, TypeError, LookupError):
        # fields may have had other names
        recipe = type(plan.recipe).from_dict(kept["recipe"]).to_dict()
        if {**kept, "recipe": recipe} == plan.exact:
            return
    raise ConfigError(
        f"The data, or a default of the model, is no longer what it was when {folder} began: "
        f"install what it began with ({folder}/run.json has it), or start anew."
    )


def _model(model: Any) -> "tuple[str | None, type[GenerativeModel[Any]] | None]":
    """The name of a model, and its class when no plugin offers it.

    **Raises:** `ConfigError` for what is neither a name nor a class of a model."""
    if model is None or isinstance(model, str):
        return model, None
    from zoo.models import GenerativeModel

    if not (isinstance(model, type) and issubclass(model, GenerativeModel)):
        raise ConfigError(
            f"model = {str(model)[:80]!r} is neither the name of a model, such as 'mlp-vae', nor a "
            "class that derives from zoo.models.GenerativeModel."
        )
    for name, spec in installed().models.items():
        module, _, attribute = spec.entry_point.partition(":")
        if getattr(sys.modules.get(module), attribute, None) is model:
            return name, None
    return f"{model.__module__}:{model.__qualname__}", model


def _settings(
    fields: Any, keywords: Mapping[str, Any], balance: bool, augment: str | Sequence[str]
) -> tuple[str, ...]:
    """All fields that were given, as texts "field=value"."""
    if fields is not None and not isinstance(fields, Mapping | Sequence):
        raise ConfigError(
            f"fields = {str(fields)[:80]!r}: give a dict, such as fields={{'latent_dim': 8}}."
        )
    ways = augment.split(",") if isinstance(augment, str) else augment
    if not isinstance(ways, Sequence):
        raise ConfigError(f"augment = {str(augment)[:80]}: pass ways such as ['shift', 'zoom'].")
    return (
        *as_settings(fields or {}),
        *as_settings(keywords),
        *(("balance=true",) if balance else ()),
        *as_settings({"augment": ways} if augment else {}),
    )


def _refuse_wrong_types(
    *, name: Any, epochs: Any, seed: Any, device: Any, threads: Any, watch: Any
) -> None:
    """Raise `ConfigError` for arguments that can't be right, saying what to pass."""
    if name is not None and not isinstance(name, str):
        raise ConfigError(f"name = {name!r} is not a text: pass a name for the checkpoint.")
    for called, value, least in (("epochs", epochs, 1), ("seed", seed, 0)):
        whole = isinstance(value, int) and not isinstance(value, bool)
        if value is not None and not (whole and least <= value <= GREATEST_SEED):
            raise ConfigError(
                f"{called} = {str(value)[:80]!r}: pass a whole number of {least} or more."
            )
    whole = isinstance(threads, int) and not isinstance(threads, bool)
    if threads is not None and not (whole and 1 <= threads <= settings.MOST_THREADS):
        raise ConfigError(
            f"threads = {str(threads)[:80]!r}: pass a whole number, 1 to {settings.MOST_THREADS}."
        )
    if not isinstance(device, str):
        raise ConfigError(f"device = {str(device)[:80]!r}: pass 'auto', 'cpu' or 'cuda'.")
    if watch is not None and watch != "auto" and not callable(watch):
        raise ConfigError(
            f"watch = {str(watch)[:80]!r}: pass 'auto', None, or a function of the reports, the "
            "number of steps and the name."
        )


def _data(called: str, value: Any) -> str | None:
    """The name or path of data as a command takes it, or what stands for samples themselves."""
    if value is None or isinstance(value, str | os.PathLike):
        return _reference(called, value)
    return IN_MEMORY


def _refuse_wrong_minutes(minutes: Any, epochs: Any, resume: Any) -> None:
    """Raise `ConfigError` for minutes that are no time, and where epochs are known already."""
    if minutes is None:
        return
    number = isinstance(minutes, int | float) and not isinstance(minutes, bool)
    if not (number and 0 < minutes < math.inf):
        raise ConfigError(f"minutes = {str(minutes)[:80]!r}: pass a number above 0, such as 30.")
    if epochs is not None or resume is not None:
        known = "epochs" if resume is None else "resume"
        raise ConfigError(f"minutes and {known} both say how long to train: leave one out.")


def _reference(called: str, value: Any) -> str | None:
    """A name or a path as a command takes it."""
    if value is None or isinstance(value, str):
        return value
    return (
        files.as_reference(_path(called, value)) if called != "out" else str(_path(called, value))
    )


def _path(called: str, value: Any) -> Path:
    if not isinstance(value, str | os.PathLike):
        raise ConfigError(
            f"{called} is of the type {type(value).__name__}: pass a name or a path, as a text."
        )
    return settings.expand(value, called)
