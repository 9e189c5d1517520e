"""LIGHT: what a training was asked for, as a record and as the command that says it."""

import dataclasses
import secrets
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from zoo.checkpoints import STATE, UNSAVED, Store
from zoo.common import files
from zoo.common.errors import (
    CapabilityError,
    CheckpointError,
    ConfigError,
    NotFoundError,
    OutputError,
    did_you_mean,
)
from zoo.common.words import either
from zoo.data import IN_MEMORY, check_range, range_text, refuse_unknown
from zoo.registry import NAME, installed
from zoo.training.choice import Choice

# the data set that is taken unless another is named
DEFAULT_DATA = "mnist"
# what data of other kinds may be called
EXAMPLES = {"text": "./texts.txt", "audio": "./recordings"}
# the tracker that is a flag of its own, too
TENSORBOARD = "tensorboard"
# fields that hold several texts
SEVERAL = ("settings", "log_with", "freeze")
# of the folder of a training: what it was asked for; gone when it is finished
SETTINGS = "run.json"
# the same of a training that is finished
FINISHED = ".finished.json"
# values that a field may be given from Python, with what each is called in a message
SIMPLE = (bool, int, float, str)
# what a training that goes on keeps as it is
FIXED = (
    *("model", "name", "data", "test", "seed", "out", "value_range", "skip_bad"),
    *("freeze", "keep", "measure", "patience"),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """What a training was asked for.

    **Arguments:**
    - `model`: its name, or `module:Class` of a class of one's own.
    - `name`: what the checkpoint will be called.
    - `data`: the name of a data set, or the path of a folder.
    - `test`: other data that is not trained on; None holds out samples of `data`.
    - `epochs`: None takes the recipe's.
    - `settings`: fields of the config and the recipe, each as "field=value".
    - `seed`: of everything random.
    - `out`: the folder for the checkpoint; None is the store.
    - `log_with`: names of the trackers that follow the training.
    - `folder`: where the training was started; relative paths begin there.
    - `data_root`: the folder that holds the data sets, if one was named.
    - `value_range`: the values of deep images that become black and white.
    - `skip_bad`: whether images that can't be read are left out.
    - `parent`: the checkpoint that it begins with: its `reference`, `model`, `sha256` and `config`.
    - `freeze`: patterns of names of parameters that stay as they are.
    - `keep`, `measure`, `patience`: as `Choice.of` takes them.
    - `save_state`: whether the state is kept when the training is over.
    - `compile`: whether torch compiles the networks.
    """

    model: str
    name: str
    data: str = DEFAULT_DATA
    test: str | None = None
    epochs: int | None = None
    settings: tuple[str, ...] = ()
    seed: int = 0
    out: str | None = None
    log_with: tuple[str, ...] = ()
    folder: str = ""
    data_root: str | None = None
    value_range: tuple[float, float] | None = None
    skip_bad: bool = False
    parent: Mapping[str, Any] | None = None
    freeze: tuple[str, ...] = ()
    keep: str | None = None
    measure: str | None = None
    patience: int | None = None
    save_state: bool = False
    compile: bool = False

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """What the folder of a training has recorded; `Run.settings` has checked its types."""
        values = {field.name: record[field.name] for field in dataclasses.fields(cls)}
        for several in SEVERAL:
            values[several] = tuple(map(str, values[several]))
        values["value_range"] = check_range(values["value_range"])
        request = cls(**values)
        _ = request.choice  # which refuses what is damaged
        return request

    def record(self) -> dict[str, Any]:
        """The fields as JSON values."""
        value_range = None if self.value_range is None else list(self.value_range)
        several = {key: list(getattr(self, key)) for key in SEVERAL}
        return {**dataclasses.asdict(self), **several, "value_range": value_range}

    @property
    def choice(self) -> Choice:
        """Which epoch's weights become the checkpoint, and when it ends early."""
        return Choice.of(self.keep, self.measure, self.patience)

    @property
    def is_own_class(self) -> bool:
        """Whether the model is a class that no plugin offers."""
        return ":" in self.model

    @property
    def is_of_given_data(self) -> bool:
        """Whether data was given in Python, which no command can name."""
        return IN_MEMORY in (self.data, self.test)

    @property
    def command(self) -> str:
        """What trains the same model again: a command, or for a class of one's own a call.

        It holds what was asked for, and the seed that was drawn."""
        # a folder that --out names gives the checkpoint its name
        named = self.out is None or Path(self.out).name != self.name
        if self.is_own_class or self.is_of_given_data:
            return self._call(named)
        words = ["zoo", "train", self.model]
        words += ["--from", self.parent["reference"]] if self.parent else []
        options = ("data", "test", "epochs", "keep", "measure", "patience", "out")
        for option in (*(("name",) if named else ()), *options):
            value = getattr(self, option)
            words += [f"--{option}", str(value)] if value is not None else []
        words += [word for pattern in self.freeze for word in ("--freeze", pattern)]
        words += ["--range", range_text(self.value_range)] if self.value_range else []
        words += ["--skip-bad"] if self.skip_bad else []
        words += [word for setting in self.settings for word in ("--set", setting)]
        return shlex.join([*words, "--seed", str(self.seed)])

    def _call(self, named: bool) -> str:
        given: dict[str, Any] = {"name": self.name} if named else {}
        given |= {"data": self.data, "test": self.test, "epochs": self.epochs, "out": self.out}
        given |= {"seed": self.seed}
        given |= {"value_range": self.value_range, "skip_bad": self.skip_bad or None}
        given |= {"from_checkpoint": self.parent["reference"] if self.parent else None}
        given |= {"freeze": list(self.freeze) or None, "keep": self.keep}
        given |= {"measure": self.measure, "patience": self.patience}
        given |= {"fields": list(self.settings) or None}
        words = [
            f"{key}={key if value == IN_MEMORY else repr(value)}"
            for key, value in given.items()
            if value is not None
        ]
        model = self.model.rpartition(":")[2] if self.is_own_class else repr(self.model)
        return f"zoo.train({model}, {', '.join(words)})"

    @property
    def place(self) -> Path | None:
        """The folder for the checkpoint, from where the process stands; None is the store."""
        return None if self.out is None else self._began_in / self.out

    @property
    def data_path(self) -> str:
        """The data, from where the process stands."""
        return self.path_of(self.data)

    def path_of(self, reference: str) -> str:
        """A reference of data, from where the process stands."""
        moved = reference.startswith(".") and not self._is_here
        return str(self._began_in / reference) if moved else reference

    @property
    def parent_reference(self) -> str:
        """The parent, from where the process stands."""
        reference = str(self.parent["reference"]) if self.parent else ""
        moved = reference.startswith(".") and not self._is_here
        return str(self._began_in / reference) if moved else reference

    @property
    def root(self) -> Path | None:
        """The folder that holds the data sets, if one was named."""
        return None if self.data_root is None else Path(self.data_root)

    def run_folder(self, store: Store) -> Path:
        """The folder of the training itself."""
        place = self.place
        return place.with_name(f"{place.name}.run") if place else store.run(self.name)

    def resume_hint(self, store: Store, folder: Path) -> str:
        """The command that goes on with the training that keeps its state in a folder."""
        named = self.name if folder == store.run(self.name) else shlex.quote(str(folder))
        if self.is_own_class or self.is_of_given_data:
            words = [self.model.rpartition(":")[2]] if self.is_own_class else []
            words += [f'resume="{named}"']
            words += [f"{key}={key}" for key in ("data", "test") if getattr(self, key) == IN_MEMORY]
            return f"zoo.train({', '.join(words)})"
        return f"zoo train --resume {named}"

    @property
    def _is_here(self) -> bool:
        return self.folder == str(Path.cwd())

    @property
    def _began_in(self) -> Path:
        return Path() if self._is_here else Path(self.folder)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Asked:
    """The arguments of `zoo.train`, as they were given and checked one by one.

    None, False and empty mean that something was not given.
    """

    model: str | None = None
    name: str | None = None
    data: str | None = None
    test: str | None = None
    epochs: int | None = None
    seed: int | None = None
    out: str | None = None
    data_root: Path | None = None
    log_with: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    value_range: tuple[float, float] | None = None
    skip_bad: bool = False
    from_checkpoint: str | None = None
    freeze: tuple[str, ...] = ()
    keep: str | None = None
    measure: str | None = None
    patience: int | None = None
    save_state: bool = False
    compile: bool = False

    def begun(self, store: Store) -> Request:
        """A new training, as it is asked for; refuses what can be refused without torch.

        **Raises:** as `wished` does; `OutputError` for a name or a folder that is taken or can't be
        written."""
        request = self.wished(store)
        if self.out is None:
            store.refuse_taken(request.name)
        else:
            refuse_occupied(Path(self.out))
        run = request.run_folder(store)
        anew = f"zoo rm {request.name}" if run == store.run(request.name) else ""
        refuse_unfinished(run, request.resume_hint(store, run), anew)
        return request

    def wished(self, store: Store) -> Request:
        """A new training, as it is asked for, whether there is a place for it or not.

        **Raises:** `ConfigError` where the model or the name is missing, `NotFoundError` for an
        unknown model or data set, `DataError` for a folder that is not there."""
        Choice.of(self.keep, self.measure, self.patience)
        parent = None if self.from_checkpoint is None else _parent(self.from_checkpoint, store)
        model = self.model or (parent["model"] if parent else None)
        if model is None:
            raise ConfigError(
                "Name the model to train, such as zoo.train('mlp-vae', name='mine') "
                "(zoo.list_models() lists them), or the training to continue: resume='NAME'."
            )
        refuse_unknown_model(model)
        name = self._checked_name()
        data = default_data(model) if self.data is None else self.data
        for reference in (data, self.test):
            if reference not in (None, IN_MEMORY):
                refuse_unknown(reference)
        return Request(
            model=model,
            name=name,
            data=data,
            test=self.test,
            epochs=self.epochs,
            settings=self.settings,
            seed=secrets.randbelow(2**32) if self.seed is None else self.seed,
            out=self.out,
            log_with=self.log_with,
            folder=str(Path.cwd()),
            data_root=None if self.data_root is None else str(self.data_root.resolve()),
            value_range=self.value_range,
            skip_bad=self.skip_bad,
            parent=parent,
            freeze=self.freeze,
            keep=self.keep,
            measure=self.measure,
            patience=self.patience,
            save_state=self.save_state,
            compile=self.compile,
        )

    def resumed(self, folder: Path, record: Mapping[str, Any]) -> Request:
        """The training that a folder records; refuses whatever is asked for and differs.

        **Raises:** `ConfigError`, naming what the training has and what was asked for."""
        request = Request.from_record(record)
        for key in FIXED:
            had, wanted = getattr(request, key), getattr(self, key)
            if wanted not in (None, False, ()) and wanted != had:
                shown = "unset" if had is None else had
                raise ConfigError(
                    f"{folder} holds a training with {key} {shown}, not {wanted}. Leave {key} "
                    "out to continue it."
                )
        different = [one for one in self.settings if one not in request.settings]
        if different:
            had = " ".join(request.settings) or "the model's own"
            raise ConfigError(
                f"{folder} holds a training with other settings ({had}). Leave {different[0]} "
                "out to continue it."
            )
        return dataclasses.replace(
            request,
            epochs=request.epochs if self.epochs is None else self.epochs,
            log_with=tuple(dict.fromkeys((*request.log_with, *self.log_with))),
            save_state=request.save_state or self.save_state,
            compile=request.compile or self.compile,
            data_root=request.data_root if self.data_root is None else str(self.data_root),
        )

    def _checked_name(self) -> str:
        name = self.name or (Path(self.out).resolve().name if self.out is not None else None)
        if name is None:
            raise ConfigError("Name the checkpoint: name='mine' (in a command: --name NAME).")
        if not NAME.fullmatch(name):
            raise ConfigError(
                f"{name[:80]!r} is not a valid name: lower-case letters, digits, '.', '_' and "
                "'-', 64 at "
                f"most.{'' if self.name else ' Say one with --name.'}"
            )
        return name


def _parent(reference: str, store: Store) -> dict[str, Any]:
    """What is recorded of the checkpoint that a training begins with.

    **Raises:** as `Store.folder` does."""
    folder = store.folder(reference)
    config = folder.config
    own = config.get("class")
    return {
        "reference": reference,
        "model": own if isinstance(own, str) else folder.model,
        "sha256": folder.sha256,
        "config": config["config"],
    }


def refuse_unknown_model(name: str) -> None:
    """Raise `NotFoundError` unless a plugin offers a model of that name, or it is a class; and
    `CapabilityError` for one that is to sample alone.
    """
    if ":" in name:
        return
    if name not in installed().models:
        # nothing is imported for a name that is not known
        installed().model_class(name)
    if not installed().models[name].trainable:
        able = sorted(one for one, spec in installed().models.items() if spec.trainable)
        raise CapabilityError(
            f"{name} can't be trained: it is to sample alone. Models that can: {', '.join(able)}."
        )


def default_data(model: str) -> str:
    """The data set that a model is trained on unless another is named.

    **Raises:** `ConfigError` for a model of text or audio whose plugin names none."""
    spec = installed().models.get(model)
    if spec and not spec.dataset and spec.kind in EXAMPLES:
        raise ConfigError(
            f"{model} makes {spec.kind}, and there is no such data to take by default: name some "
            f"with {either('--data', 'data')}, such as {EXAMPLES[spec.kind]}"
        )
    return (spec.dataset if spec else "") or DEFAULT_DATA


def refuse_occupied(out: Path) -> None:
    """Raise `OutputError` when a checkpoint can't be written to a folder."""
    files.refuse_unwritable(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"{out} exists and is not an empty folder: remove it or choose another.")


def refuse_unfinished(folder: Path, resume: str = "", anew: str = "") -> None:
    """Raise `OutputError` when a folder holds a training that can go on, or an unsaved result.

    **Arguments:**
    - `folder`: of a training, whether it is there or not.
    - `resume`: the command that goes on with it.
    - `anew`: the command that removes it, so that another can begin."""
    files.refuse_unreadable(folder)
    if (folder / STATE).exists():
        removing = f"remove it: {anew}" if anew else "remove that folder."
        raise OutputError(
            f"{folder} holds an unfinished training. Continue it with: "
            f"{resume or f'zoo train --resume {folder}'}\nTo start anew, first {removing}"
        )
    if (folder / UNSAVED).exists():
        raise OutputError(
            f"{folder / UNSAVED} holds the result of an earlier training: move it to another place."
        )


def find_run(store: Store, named: Path) -> Path:
    """The folder of an unfinished training: a path, or the name of its checkpoint.

    **Raises:** `CheckpointError`, `NotFoundError` when there is none."""
    if len(named.parts) != 1:
        files.refuse_unreadable(named)
        if not named.is_dir():
            raise CheckpointError(f"There is no folder {named}.")
        return named
    runs = store.run(str(named)).parent
    files.refuse_unreadable(runs / named)
    # a folder that happens to have the name of a training, such as its pictures, does not hide it
    here, there = (
        any((folder / record).is_file() for record in (SETTINGS, FINISHED))
        for folder in (named, runs / named)
    )
    if named.is_dir() and (here or not there):
        return named
    if (runs / named).is_dir():
        return runs / named
    known = [run.parent.name for run in runs.glob(f"*/{SETTINGS}")]
    raise NotFoundError(
        f"There is no folder {named}, nor a training of that name.{did_you_mean(str(named), known)}"
    )


def as_settings(fields: Mapping[str, Any] | Sequence[str]) -> tuple[str, ...]:
    """Fields of a config or recipe as texts "field=value", in which a command says them.

    **Arguments:**
    - `fields`: values by field; or such texts already.

    **Raises:** `ConfigError` for a value that no field can have."""
    if isinstance(fields, Mapping):
        return tuple(f"{name}={_text(value, str(name))}" for name, value in fields.items())
    if isinstance(fields, str) or not all(isinstance(one, str) for one in fields):
        raise ConfigError(
            f"fields = {str(fields)[:80]!r}: give a dict, such as fields={{'latent_dim': 8}}."
        )
    return tuple(fields)


def _text(value: Any, name: str) -> str:
    if value is None:
        return "none"
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()  # a number of numpy or torch
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, SIMPLE):
        return str(value)
    if isinstance(value, Mapping):
        return ",".join(f"{_part(key, name)}:{_part(one, name)}" for key, one in value.items())
    if isinstance(value, Sequence | set) and not isinstance(value, bytes):
        return ",".join(_part(one, name) for one in value)
    raise ConfigError(
        f"{name} is of the type {type(value).__name__}: give a number, a text, a list or a dict."
    )


def _part(value: Any, name: str) -> str:
    """One entry of a list or a dict, which commas separate in a command."""
    text = _text(value, name)
    is_one = isinstance(value, SIMPLE) or getattr(value, "ndim", None) == 0
    if "," in text or not is_one:
        raise ConfigError(f"{name} holds {str(value)[:80]!r}: its entries are numbers or words.")
    return text
