"""zoo train: from a model and a data set to a checkpoint."""

import contextlib
import dataclasses
import datetime
import secrets
import shlex
import sys
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from zoo import files
from zoo.cli.output import as_json, command, complete_datasets, complete_models, note, open_store, print_json, progress
from zoo.cli.sample import device_option, draw_to, pick_device
from zoo.config import parse_assignments
from zoo.errors import ConfigError, OutputError
from zoo.hookspecs import NAME
from zoo.registry import installed
from zoo.store import CONFIG, FACTS, ORIGIN, TRAINING, WEIGHTS, Store, home, read_facts


@command()
@click.argument("model", shell_complete=complete_models)
@click.option("--name", help="What the checkpoint is called; needed unless --out gives it a place.")
@click.option("--data", default="mnist", show_default=True, shell_complete=complete_datasets, help="Name, or ./FOLDER.")
@click.option("--epochs", type=click.IntRange(1), help="Passes over the data; the recipe's unless given.")
@click.option(
    "--set", "settings", multiple=True, metavar="FIELD=VALUE", help="Field of the config or recipe; repeatable."
)
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), help="Drawn and recorded unless given.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the checkpoint to this folder, not to the store.")
@click.option("--data-root", type=click.Path(path_type=Path), help="Folder that holds the data; else ZOO_DATA.")
@device_option
@as_json
def train(
    model: str,
    name: str | None,
    data: str,
    epochs: int | None,
    settings: tuple[str, ...],
    seed: int | None,
    out: Path | None,
    data_root: Path | None,
    device: str,
    json_: bool,
) -> None:
    """Train MODEL by its own recipe and keep the result as a checkpoint.

    `zoo show MODEL` lists the fields for --set. A grid of samples is written after each epoch.
    """
    store = open_store()
    name = _check_name(store, name, out)
    model_class = installed().model_class(model)
    values, recipe_values = parse_assignments(settings, model_class.Config, type(model_class.recipe))
    recipe_values |= {"epochs": epochs} if epochs else {}
    recipe = dataclasses.replace(model_class.recipe, **recipe_values)
    model_class.Config.from_dict(values)  # refuses a wrong value before the data is read
    seed = secrets.randbelow(2**32) if seed is None else seed

    from zoo import checkpoints, training
    from zoo import data as data_room

    dataset = data_room.load_dataset(data, root=data_root, sample_shape=values.get("sample_shape"))
    config = model_class.Config.from_dict({"sample_shape": dataset.sample_shape, **values})
    state = training.TrainingState(training.build(model_class, config, seed).to(pick_device(device)), seed)
    grids = out.with_name(f"{out.name}.epochs") if out else home() / "runs" / name
    note(f"Training {model} on {len(dataset.samples):,} samples of {dataset.name}, seed {seed}. Grids: {grids}")
    began = time.perf_counter()
    with files.alone(grids, wait=False):
        for old in grids.glob("epoch-*.png"):
            old.unlink()
        history = _follow(training.fit(state, dataset, recipe), state, grids, recipe.epochs, name)
    facts = {
        "name": name,
        "dataset": dataset.name,
        "class_names": list(dataset.class_names),
        "command": _command_line(click.get_current_context().params, seed),
        "seed": seed,
        "seconds": round(time.perf_counter() - began, 1),
        "created": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "hardware": checkpoints.hardware(state.model.device),
        "versions": {package: version(package) for package in ("genzoo", "torch")},
        "recipe": recipe.to_dict(),
        "history": history,
    }
    trained = state.averaged.eval().cpu()
    try:
        path = _keep(store, trained, name, out, facts)
    except OutputError as error:
        checkpoints.save(trained, grids / "unsaved", facts)
        raise OutputError(f"{error} What was trained is in {grids / 'unsaved'}.") from error
    note(f"Trained {name} in {facts['seconds']:,.0f} s: {path}")
    if json_:
        return print_json({"name": name, "path": str(path), **facts})
    return click.echo(path)


def _check_name(store: Store, name: str | None, out: Path | None) -> str:
    """The checkpoint's name; refuses one that is taken before any time is spent on training."""
    name = name or (out.resolve().name if out else None)
    if name is None:
        raise click.UsageError("Say what the checkpoint is called: --name NAME")
    if not NAME.fullmatch(name):
        raise ConfigError(f"{name!r} is no name: lower-case letters, digits, '.', '_' and '-', 64 at most.")
    if out is None:
        store.refuse_taken(name)
        return name
    files.refuse_unwritable(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"{out} exists and is no empty folder: remove it or choose another.")
    return name


def _follow(reports: Iterator[Any], state: Any, grids: Path, epochs: int, name: str) -> list[dict[str, Any]]:
    """Show the reports as they come; returns the losses of each epoch."""
    history = []
    watched = sys.stderr.isatty()
    with progress() if watched else contextlib.nullcontext() as bar:
        task = bar.add_task(name, total=None, losses="") if bar else None
        for report in reports:
            losses = "  ".join(f"{key} {value:.4g}" for key, value in report.losses.items())
            line = f"epoch {min(report.epoch + (not report.epoch_ended), epochs)}/{epochs}  {losses}"
            line += f"  {report.samples_per_second:,.0f} samples/s"
            if bar and task is not None:
                bar.update(task, completed=report.step, total=report.total, losses=line)
            elif report.epoch_ended:
                note(line)
            if report.epoch_ended:
                history.append({"epoch": report.epoch, "losses": report.losses})
                _save_grid(state, grids / f"epoch-{report.epoch:03}.png")
    return history


def _save_grid(state: Any, path: Path) -> None:
    from zoo import images, sampling

    model = state.averaged.eval()
    if model.sample_kind == "image":
        images.save_png(images.grid(sampling.draw(model, 64, seed=0)), path, {"seed": 0, "n": 64, "during": path.stem})


def _keep(store: Store, model: Any, name: str, out: Path | None, facts: dict[str, Any]) -> Path:
    """Write the finished checkpoint, whole or not at all."""
    if out is not None:
        path = str(out) if str(out).startswith((".", "/", "~")) else f"./{out}"
        with files.replacing(out) as partial:
            partial.mkdir()
            _fill(partial, model, name if name in store.catalogue else path, facts)
        return out
    with store.adding(name) as scratch:
        _fill(scratch, model, name, facts)
        kept = [file for file in (CONFIG, WEIGHTS, TRAINING) if (scratch / file).is_file()]
        digests = {file: files.sha256(scratch / file) for file in kept}
        files.write_json(scratch / ORIGIN, {"source": "trained", "sha256": digests})
    store.make_current(name)
    return store.find(name)


def _fill(directory: Path, model: Any, reference: str, facts: dict[str, Any]) -> None:
    from zoo import cards, checkpoints

    checkpoints.save(model, directory, {**facts, "reference": reference})
    if model.sample_kind == "image":
        made = draw_to(directory / "images" / "samples.png", model, reference, directory, seed=0)
        files.write_json(directory / FACTS, {**read_facts(directory), "samples_command": made["command"]})
    cards.write(directory)


def _command_line(settings: Mapping[str, Any], seed: int) -> str:
    """The command that trains the same model again: what was asked for, with the seed that was drawn."""
    words = ["zoo", "train", settings["model"]]
    for option in ("name", "data", "epochs", "out"):
        words += [f"--{option}", str(settings[option])] if settings[option] is not None else []
    words += [word for setting in settings["settings"] for word in ("--set", setting)]
    return shlex.join([*words, "--seed", str(seed)])
