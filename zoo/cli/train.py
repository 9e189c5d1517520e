"""zoo train: from a model and a data set to a checkpoint."""

import dataclasses
import datetime
import secrets
import shlex
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from zoo.checkpoints import CONFIG, FACTS, ORIGIN, TRAINING, UNSAVED, WEIGHTS, Store, read_facts
from zoo.cli.console import as_reference, command, note, open_store, print_json
from zoo.cli.options import as_json, complete_datasets, complete_models, device_option
from zoo.common import files
from zoo.common.config import parse_assignments
from zoo.common.errors import ConfigError, NotFoundError, OutputError, did_you_mean
from zoo.evaluation.measure import SHOWN
from zoo.registry import NAME, installed

HISTORY = 400  # epochs that facts.json shows; those between are in the run's history.jsonl


@command()
@click.argument("model", required=False, shell_complete=complete_models)
@click.option("--name", help="What the checkpoint is called; needed unless --out gives it a place.")
@click.option(
    "--data", shell_complete=complete_datasets, help="Name, or ./FOLDER; mnist unless given."
)
@click.option(
    "--epochs", type=click.IntRange(1), help="Passes over the data; the recipe's unless given."
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Field of the config or recipe; repeatable.",
)
@click.option("--balance", is_flag=True, help="Draw every class equally often, however rare it is.")
@click.option(
    "--augment",
    multiple=True,
    metavar="WAY",
    help="Change samples at random: shift, rotate, zoom or flip; repeatable.",
)
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Drawn and recorded unless given.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Write the checkpoint to this folder, not to the store.",
)
@click.option(
    "--data-root",
    type=click.Path(path_type=Path),
    help="Folder that holds the data; else ZOO_DATA.",
)
@click.option(
    "--resume",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Go on with an unfinished training (or its NAME).",
)
@click.option("--tensorboard", is_flag=True, help="Also write losses and grids for TensorBoard.")
@device_option
@as_json
def train(
    model: str | None,
    resume: Path | None,
    device: str,
    json_: bool,
    **asked: Any,
) -> None:
    """Train MODEL by its own recipe and keep the result as a checkpoint.

    `zoo show MODEL` lists the fields for --set. A grid of samples is written after each epoch. A
    training that was stopped goes on with `zoo train --resume DIR`; it says which folder that is,
    or take the NAME of the checkpoint."""
    store = open_store()
    resume = _run_folder(store, resume) if resume else None
    settings = resumed(resume, model, asked) if resume else begun(store, model, asked)
    installed().model_class(settings["model"])  # refuses what is not there before torch is imported

    from zoo.checkpoints import weights
    from zoo.cli.following import follow
    from zoo.data import folder_digest, load_dataset

    model_class = weights.model_class(settings["model"])
    values, recipe_values = parse_assignments(
        settings["settings"], model_class.Config, type(model_class.recipe)
    )
    recipe_values |= {"epochs": settings["epochs"]} if settings["epochs"] else {}
    recipe = dataclasses.replace(model_class.recipe, **recipe_values)
    model_class.Config.from_dict(values)  # refuses a wrong value before the data is read

    here = settings["folder"] == str(Path.cwd())
    began_in = (
        Path() if here else Path(settings["folder"])
    )  # what a data folder and --out are relative to
    moved = settings["data"].startswith(".") and not here
    source = str(began_in / settings["data"]) if moved else settings["data"]
    kept_root = Path(settings["data_root"]) if settings["data_root"] else None
    data_root = asked["data_root"] or kept_root
    dataset = load_dataset(source, root=data_root, sample_shape=values.get("sample_shape"))
    shown = _unseen(source, data_root, dataset)
    config = model_class.Config.from_dict({"sample_shape": dataset.sample_shape, **values})
    exact = {
        "config": config.to_dict(),
        "recipe": recipe.to_dict(),
        "data": dataset.sha256 if source in installed().datasets else folder_digest(Path(source)),
    }
    if settings.setdefault("exact", exact) != exact:
        raise ConfigError(
            f"The data, or a default of the model, is no longer what it was when {resume} began: "
            "install what it began "
            f"with ({resume}/run.json has it), or start anew."
        )
    out = began_in / settings["out"] if settings["out"] else None
    name = settings["name"]
    folder = resume or (out.with_name(f"{out.name}.run") if out else store.run(name))
    board = settings["tensorboard"] or asked["tensorboard"]
    with follow(
        folder,
        model_class,
        config,
        recipe,
        dataset,
        settings,
        device=device,
        resume=bool(resume),
        board=board,
    ) as followed:
        if followed is None:  # another process, of several that train together, keeps the result
            return None
        facts = _facts(settings, recipe, dataset, followed)
        try:
            path = _keep(store, followed.model, name, out, settings["out"], facts, shown)
        except OutputError as error:
            raise OutputError(f"{error} {_put_aside(followed, facts)}") from error
        followed.run.finish()
    current = "" if out else " It is now the current checkpoint: zoo sample"
    seconds = f"{facts['seconds']:,.0f} s" if facts["seconds"] >= 1 else "less than a second"
    note(f"Trained {name} in {seconds}: {path}.{current}")
    if json_:
        return print_json({"name": name, "path": str(path), **facts})
    return click.echo(path)


def _run_folder(store: Store, named: Path) -> Path:
    """The folder that --resume means: that one, else the run of a training of that name."""
    if named.is_dir() or len(named.parts) > 1:
        return named
    runs = store.run(str(named)).parent
    if (runs / named).is_dir():
        return runs / named
    known = [run.name for run in runs.iterdir()] if runs.is_dir() else []
    raise NotFoundError(
        f"There is no folder {named}, nor a training of that name.{did_you_mean(str(named), known)}"
    )


def begun(store: Store, model: str | None, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What a new training was asked for, as the folder of its run records it."""
    if model is None:
        raise click.UsageError(
            "Say which MODEL to train (zoo list --models), or what to go on with: --resume DIR"
        )
    out = asked["out"]
    return {
        "model": model,
        "name": _check_name(store, asked["name"], out),
        "data": asked["data"] or "mnist",
        "epochs": asked["epochs"],
        "settings": list(_settings(asked)),
        "seed": secrets.randbelow(2**32) if asked["seed"] is None else asked["seed"],
        "out": None if out is None else str(out),
        "tensorboard": asked["tensorboard"],
        "folder": str(Path.cwd()),
        "data_root": None if asked["data_root"] is None else str(asked["data_root"].resolve()),
    }


def resumed(folder: Path, model: str | None, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What the training of a folder was started with; refuses whatever is asked for and differs."""
    from zoo.training import Run

    settings = Run(folder).settings
    out = None if asked["out"] is None else str(asked["out"])
    given = {
        **asked,
        "model": model,
        "out": out,
        "settings": None,
        "data_root": None,
        "tensorboard": None,
    }
    for key, value in settings.items():
        if given.get(key) is not None and given[key] != value:
            had = "unset" if value is None else value
            raise ConfigError(
                f"{folder} holds a training with {key} {had}, not {given[key]}: leave that out."
            )
    if different := [one for one in _settings(asked) if one not in settings["settings"]]:
        had = " ".join(settings["settings"]) or "the model's own"
        raise ConfigError(
            f"{folder} holds a training with other settings than {different[0]} ({had}): leave "
            "that out."
        )
    return settings


def _settings(asked: Mapping[str, Any]) -> tuple[str, ...]:
    """All that --set takes, --balance and --augment included."""
    augment = (f"augment={','.join(asked['augment'])}",) if asked["augment"] else ()
    return (*asked["settings"], *(("balance=true",) if asked["balance"] else ()), *augment)


def _check_name(store: Store, name: str | None, out: Path | None) -> str:
    """The checkpoint's name; refuses one that is taken before any time is spent on training."""
    given, name = name, name or (out.resolve().name if out else None)
    if name is None:
        raise click.UsageError("Say what the checkpoint is called: --name NAME")
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r} is no name: lower-case letters, digits, '.', '_' and '-', 64 at most."
            f"{'' if given else ' Say one with --name.'}"
        )
    if out is None:
        store.refuse_taken(name)
        return name
    files.refuse_unwritable(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"{out} exists and is no empty folder: remove it or choose another.")
    return name


def _facts(settings: Mapping[str, Any], recipe: Any, dataset: Any, followed: Any) -> dict[str, Any]:
    """What is known of a training that is over, for facts.json."""
    return {
        "name": settings["name"],
        "dataset": dataset.name,
        "class_names": list(dataset.class_names),
        "command": _command_line(settings),
        "seed": settings["seed"],
        "seconds": round(followed.seconds, 1),
        "created": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "hardware": followed.hardware,
        "versions": {package: version(package) for package in ("genzoo", "torch")},
        "recipe": recipe.to_dict(),
        "history": followed.history[:: -1 - len(followed.history) // HISTORY][
            ::-1
        ],  # the last is among them
    }


def _put_aside(followed: Any, facts: Mapping[str, Any]) -> str:
    """Keep what was trained and found no place in the folder of its run; says how to get at it."""
    from zoo.checkpoints import weights

    folder = followed.run.folder
    try:
        with files.replacing(folder / UNSAVED) as partial:
            weights.write_model(followed.model, partial, facts)
    except OutputError:
        return (
            "The training is done, and its state is kept. When that is mended: zoo train --resume "
            f"{folder}"
        )
    followed.run.finish()
    return f"What was trained is in {folder / UNSAVED}: zoo sample {as_reference(folder / UNSAVED)}"


def _keep(
    store: Store,
    model: Any,
    name: str,
    out: Path | None,
    asked: str,
    facts: dict[str, Any],
    data: Any,
) -> Path:
    """Write the finished checkpoint, whole or not at all; in its card it is called as --out
    `asked`.
    """
    if out is not None:
        path = as_reference(asked)
        with files.replacing(out) as partial:
            partial.mkdir()
            _fill(partial, model, name if name in store.catalogue else path, facts, data)
        return out
    with store.adding(name) as scratch:
        _fill(scratch, model, name, facts, data)
        kept = [file for file in (CONFIG, WEIGHTS, TRAINING) if (scratch / file).is_file()]
        digests = {file: files.sha256(scratch / file) for file in kept}
        files.write_json(scratch / ORIGIN, {"source": "trained", "sha256": digests})
    store.make_current(name)
    return store.find(name)


def _fill(directory: Path, model: Any, reference: str, facts: dict[str, Any], data: Any) -> None:
    from zoo.checkpoints import Folder, card, weights
    from zoo.sampling import draw_to, kind_of, pictures
    from zoo.training import curves

    weights.write_model(model, directory, {**facts, "reference": reference})
    model = weights.read_model(
        directory
    )  # what others will load: its samples are theirs to the bit
    if kind_of(model).is_picture:
        made = draw_to(
            directory / "images" / "samples.png", model, reference, Folder(directory), seed=0
        )
        files.write_json(
            directory / FACTS, {**read_facts(directory), "samples_command": made["command"]}
        )
        unseen = {"samples": data.samples[:], "labels": data.labels}
        pictures.write_all(model, directory, {"checkpoint": reference}, **unseen)
        curves.write(directory, {"checkpoint": reference}, facts["history"])
    card.write(directory)


def _unseen(reference: str, root: Path | None, trained_on: Any) -> Any:
    """The data whose reconstructions are shown: the test set, or what was trained on where there is
    none.
    """
    from zoo.data import load_dataset

    if reference not in installed().datasets:
        return trained_on.part(slice(SHOWN))
    data = load_dataset(reference, root=root, split="test", sample_shape=trained_on.sample_shape)
    return data.part(slice(SHOWN))


def _command_line(settings: Mapping[str, Any]) -> str:
    """The command that trains the same model again: what was asked for, with the seed that was
    drawn.
    """
    words = ["zoo", "train", settings["model"]]
    named = (
        settings["out"] is None or Path(settings["out"]).name != settings["name"]
    )  # else --out names it
    for option in (*(("name",) if named else ()), "data", "epochs", "out"):
        words += [f"--{option}", str(settings[option])] if settings[option] is not None else []
    words += [word for setting in settings["settings"] for word in ("--set", setting)]
    return shlex.join([*words, "--seed", str(settings["seed"])])
