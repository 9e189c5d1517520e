"""LIGHT: train(), from a model and data to a checkpoint."""

import contextlib
import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from zoo.checkpoints import Folder, Store
from zoo.common import files, settings
from zoo.common.config import field_types, parse_assignments
from zoo.common.errors import ConfigError
from zoo.common.watching import Watch
from zoo.data import check_range
from zoo.registry import installed
from zoo.training.given import (
    checkpoint_of,
    data_of,
    model_of,
    path_of,
    reference_of,
    refuse_wrong_choice,
    refuse_wrong_minutes,
    refuse_wrong_types,
    settings_of,
    several,
    whole_numbers,
)
from zoo.training.request import (
    TENSORBOARD,
    Asked,
    Request,
    find_run,
    refuse_unknown_model,
)
from zoo.training.suits import fitting

if TYPE_CHECKING:
    from zoo.models import GenerativeModel
    from zoo.training.keep import Trained
    from zoo.training.session import Plan


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
    from_checkpoint: str | os.PathLike[str] | None = None,
    freeze: str | Sequence[str] = (),
    keep: str | None = None,
    measure: str | None = None,
    patience: int | None = None,
    save_state: bool = False,
    compile: bool = False,
    log_with: str | Sequence[str] = (),
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
        then, but a class of your own. With more `epochs` than it had, a finished training goes on,
        too, and its new result takes the place of the old one.
    - `device`: where to compute: "auto" (a GPU where there is one), "cpu" or "cuda".
    - `threads`: on the CPU; what `ZOO_THREADS` says unless given, else the cores that this process
        may use.
    - `balance`: draw every class equally often, however rare it is.
    - `augment`: change samples at random, in ways of "shift", "rotate", "zoom" and "flip". The
        model learns to draw the changed samples, too.
    - `from_checkpoint`: begin with the weights of a checkpoint: its name or its path. The model is
        the same unless another is named. What has the same name and shape is taken, the rest is
        new; a note lists both.
    - `freeze`: patterns of names of parameters that stay as they are, such as "encoder.*".
    - `keep`: "last" makes the last epoch the checkpoint; "best" the one with the lowest held-out
        loss, or the best by `measure`; "every:5" the last, and writes others on the way to the
        folder of the training.
    - `measure`: a metric to judge epochs by, and how often it is taken: "frechet_distance:5".
    - `patience`: end after so many judged epochs without a better one.
    - `save_state`: keep the state when the training is over, so that it goes on without a jump.
    - `compile`: have torch compile the networks, where it can.
    - `log_with`: trackers of Accelerate, such as "tensorboard" and "wandb".
    - `tensorboard`: the same as `log_with="tensorboard"`.
    - `watch`: what shows the progress. "auto" is a progress bar in a notebook, and nothing
        elsewhere; None shows nothing. Or a function that gets the reports, the number of steps and
        the name, and passes each report on. Notes and warnings go to the log "zoo".
    - `fields`: fields by name, for those that have the name of an argument of this function.

    **Returns:** the checkpoint: `.path`, `.facts`, `.history` and `.model`.

    **Raises:** `ZooError` for what can't be trained, before any time is spent on it;
    `TrainingError` when the training breaks down; `KeyboardInterrupt` after its state was kept.
    """
    given = dict(locals())  # all arguments, by name
    training, asked, going_on = understood(given)
    if going_on is None:
        named = isinstance(data, str | os.PathLike)
        if asked.model is None and asked.from_checkpoint is None and named:
            asked = fitting(asked, timed=minutes is not None)
        return training.begin(asked.begun(training.store), minutes)
    if from_checkpoint is not None:
        raise ConfigError(
            "resume goes on with a training, from_checkpoint begins a new one: leave one out."
        )
    return training.resume(find_run(training.store, going_on), asked)


def understood(given: Mapping[str, Any]) -> "tuple[Training, Asked, Path | None]":
    """How and what is to be trained, of the arguments of `train`, and the training to go on with.

    **Arguments:**
    - `given`: all of them, by name.

    **Raises:** `ConfigError` for arguments that can't be right; `NotFoundError` for an unknown
    model."""
    called, own_class = model_of(given["model"])
    if called is not None and given["resume"] is None:
        refuse_unknown_model(called)
    given = {**given, **whole_numbers(given)}
    refuse_wrong_types(**{key: given[key] for key in ("name", "device", "watch")})
    refuse_wrong_minutes(given["minutes"], given["epochs"], given["resume"])
    refuse_wrong_choice(**{key: given[key] for key in ("keep", "measure")})
    root, flag = given["data_root"], (TENSORBOARD,) if given["tensorboard"] else ()
    asked = Asked(
        model=called,
        name=given["name"],
        data=data_of("data", given["data"]),
        test=data_of("test", given["test"]),
        epochs=given["epochs"],
        seed=given["seed"],
        out=reference_of("out", given["out"]),
        data_root=None if root is None else path_of("data_root", root),
        log_with=several("log_with", given["log_with"]) + flag,
        value_range=check_range(given["value_range"]),
        skip_bad=bool(given["skip_bad"]),
        settings=settings_of(
            given["fields"],
            given["fields_of_config_and_recipe"],
            given["balance"],
            given["augment"],
        ),
        from_checkpoint=checkpoint_of(given["from_checkpoint"]),
        freeze=several("freeze", given["freeze"]),
        keep=given["keep"],
        measure=given["measure"],
        patience=given["patience"],
        save_state=bool(given["save_state"]),
        compile=bool(given["compile"]),
    )
    threads = settings.threads() if given["threads"] is None else given["threads"]
    store = Store(installed().checkpoints)
    training = Training(
        store,
        own_class,
        given["device"],
        threads,
        given["watch"],
        {key: given[key] for key in ("data", "test")},
    )
    resume = given["resume"]
    return training, asked, None if resume is None else path_of("resume", resume)


@dataclasses.dataclass(frozen=True)
class Training:
    """How a training is done, whatever is trained."""

    store: Store
    own_class: "type[GenerativeModel[Any]] | None"
    device: str
    threads: int | None
    watch: Watch | Literal["auto"] | None
    # data that was given in Python, under "data" and "test"
    given: Mapping[str, Any]

    def begin(self, request: Request, minutes: float | None = None) -> "Trained":
        """Train as asked, from the start."""
        model_class, config, recipe = self.chosen(request)
        from zoo.training.planning import plan_of

        plan = plan_of(request, model_class, config, recipe, self.given)
        if minutes is not None:
            from zoo.training.pace import in_minutes

            plan = in_minutes(plan, minutes, self.device, self.threads)
        return self._train(plan, request.run_folder(self.store), resume=False)

    def resume(self, folder: Path, asked: Asked) -> "Trained":
        """Go on with the training of a folder; or only end it, where its checkpoint is written."""
        from zoo.training.keep import Trained, finish, kept_already
        from zoo.training.planning import made_before, plan_of, refuse_changed
        from zoo.training.run import Run

        run = Run(folder)
        # one that was ended while it began to go on has both records: it goes on
        finished = None if asked.epochs is None else run.finished
        record = finished or run.settings
        request = asked.resumed(folder, record)
        if request.is_own_class and self.own_class is None:
            called = request.model.rpartition(":")[2]
            raise ConfigError(
                f"{folder} holds a training of the class {called}, which no plugin offers. Go on "
                f"in Python: {request.resume_hint(self.store, folder)}"
            )
        if not finished and (written := kept_already(request, self.store)):
            with files.alone(folder, wait=False):
                finish(request, run, self.store)
            return Trained(written, self.own_class)
        plan = plan_of(request, *self.chosen(request), self.given)
        refuse_changed(plan, record.get("exact"), folder, epochs=asked.epochs)
        if finished:
            plan = dataclasses.replace(plan, extends=made_before(request, self.store))
        return self._train(plan, folder, resume=True)

    def chosen(self, request: Request) -> "tuple[type[GenerativeModel[Any]], Any, Any]":
        """The class, the fields of its config, and the recipe; refuses unknown and wrong fields."""
        from zoo.checkpoints import weights
        from zoo.common import compute
        from zoo.sampling import options_of, told

        compute.pick_device(self.device)
        model_class = self.own_class or weights.model_class(request.model)
        own = model_class.recipe
        values, recipe_values = parse_assignments(request.settings, model_class.Config, type(own))
        if request.parent:
            known = field_types(model_class.Config)
            inherited = {key: one for key, one in request.parent["config"].items() if key in known}
            values = {**inherited, **values}
        recipe_values |= {"epochs": request.epochs} if request.epochs else {}
        recipe = dataclasses.replace(own, **recipe_values)
        model_class.Config.from_dict(values)
        options_of(model_class, told(recipe.sample_options)[0])  # refuses those it has not
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
