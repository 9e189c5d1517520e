"""zoo train: from a model and a data set to a checkpoint."""

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

import zoo
from zoo.cli.console import Command, command, print_json, warn_of_plugins
from zoo.cli.options import (
    as_json,
    complete_checkpoints,
    complete_datasets,
    complete_models,
    data_root_option,
    device_option,
    range_option,
    skip_bad_option,
    threads_option,
)
from zoo.cli.progress import Pace, is_quiet, progress, watched
from zoo.common.config import field_types
from zoo.common.errors import ZooError, nearest
from zoo.common.files import as_reference
from zoo.registry import installed
from zoo.training import refuse_unknown_model

logger = logging.getLogger("zoo")


class TrainCommand(Command):
    """`zoo train`, which knows what was meant by an option that is a field, such as --lr."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line; an unknown option is answered with the field that it means."""
        try:
            return super().parse_args(ctx, list(args))
        except click.NoSuchOption as error:
            field = _field_meant(error, args)
            if field is None:
                raise
            raise click.UsageError(
                f"There is no option {error.option_name}: use --set {field}=VALUE", ctx
            ) from error


@command(cls=TrainCommand)
@click.argument("model", required=False, shell_complete=complete_models)
@click.option("--name", help="Name of the new checkpoint. Needed unless --out is given.")
@click.option(
    "--data",
    shell_complete=complete_datasets,
    help="Data set by name, or your own: a folder of images such as ./photos, or a file such as "
    "./digits.npz  [default: mnist]",
)
@click.option(
    "--test",
    metavar="DATA",
    shell_complete=complete_datasets,
    help="Other data that is not trained on  [default: a tenth of your own data]",
)
@click.option(
    "--epochs",
    type=click.IntRange(1),
    help="Passes over the data  [default: as the model's recipe says]",
)
@click.option(
    "--minutes",
    type=click.FloatRange(0, min_open=True),
    help="In place of --epochs: about how long to train.",
)
@click.option(
    "--set",
    "fields",
    multiple=True,
    metavar="FIELD=VALUE",
    help="Change a field of the model's config or recipe; repeatable. `zoo show MODEL` lists them.",
)
@click.option(
    "--grid",
    multiple=True,
    metavar="FIELD=VALUE;…",
    help="Train each combination of such values, such as 'latent_dim=2;8' and 'seed=0;1;2'; "
    "repeatable. The same command goes on after a stop.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="Trainings of a grid at a time, each with its share of the cores.",
)
@click.option("--balance", is_flag=True, help="Draw every class equally often, however rare it is.")
@click.option(
    "--augment",
    multiple=True,
    metavar="WAY",
    help="Change training images at random: shift, rotate, zoom or flip; repeatable. The model "
    "learns to draw such changed images, too. For a GAN, `--set diff_augment=...` changes them "
    "without that (zoo show MODEL).",
)
@click.option(
    "--from",
    "from_checkpoint",
    metavar="REF",
    shell_complete=complete_checkpoints,
    help="Begin with the weights of a checkpoint. MODEL is then its model, unless given.",
)
@click.option(
    "--freeze",
    multiple=True,
    metavar="PATTERN",
    help="Leave parameters as they are whose name fits, such as 'encoder.*'; repeatable.",
)
@click.option(
    "--keep",
    metavar="last|best|every:N",
    help="The epoch that becomes the checkpoint; every:N also writes each Nth to the folder of the "
    "training  [default: last]",
)
@click.option(
    "--measure",
    metavar="METRIC:N",
    help="Judge epochs by a metric, taken every N epochs, such as frechet_distance:5  [default: by "
    "the held-out loss]",
)
@click.option(
    "--patience",
    type=click.IntRange(1),
    metavar="N",
    help="Stop after N judged epochs without a better one.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**63 - 1),
    help="Random seed  [default: random; printed and saved in the checkpoint]",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Write the checkpoint to this folder, and not to the store.",
)
@data_root_option
@range_option
@skip_bad_option
@click.option(
    "--resume",
    metavar="NAME",
    type=click.Path(path_type=Path),
    help="Continue an interrupted training, by its name or its folder; with more --epochs, a "
    "finished one.",
)
@click.option(
    "--save-state",
    is_flag=True,
    help="Keep the state at the end, so that --resume with more --epochs goes on without a jump.",
)
@click.option(
    "--log-with",
    multiple=True,
    metavar="TRACKER",
    help="Follow the training by a tracker that Accelerate knows, such as tensorboard or wandb; "
    "repeatable.",
)
@click.option("--tensorboard", is_flag=True, help="The same as --log-with tensorboard.")
@click.option("--compile", is_flag=True, help="Have torch compile the networks, where it can.")
@device_option
@threads_option
@as_json
def train(model: str | None, json_: bool, **asked: Any) -> None:
    """Train MODEL and keep the result as a checkpoint.

    Without MODEL, --data chooses an installed model that suits such images.
    The model's recipe says how it is trained; --set changes it. A grid of samples is written after
    each epoch.
    Ctrl-C stops a training so that `zoo train --resume NAME` continues it, to the same result."""
    begins = asked["resume"] is None
    if model is None and begins and asked["from_checkpoint"] is None and asked["data"] is None:
        raise click.UsageError(
            "Name the MODEL to train (zoo list --models), or the training to continue: --resume "
            "NAME"
        )
    warn_of_plugins()
    if model is not None and begins:
        refuse_unknown_model(model)
    if asked["name"] is None and asked["out"] is None and begins:
        raise click.UsageError("Name the checkpoint: --name NAME")
    grid, workers = asked.pop("grid"), asked.pop("workers")
    if grid:
        return _sweep(zoo.sweep(model, grid, workers=workers, watch=show, **asked), json_)
    made = zoo.train(model, watch=show, **asked)
    if not made.is_first:  # of several processes one speaks
        return None
    in_store = asked["out"] is None and made.folder.reference == made.name
    reference = made.name if in_store else as_reference(made.path)
    current = " It is now the current checkpoint." if in_store else ""
    seconds = made.facts["seconds"]
    duration = f"{seconds:,.0f} s" if seconds >= 1 else "less than a second"
    logger.info(f"Trained {made.name} in {duration}: {made.path}.{current}")
    logger.info(f"Next: zoo sample {reference}, zoo evaluate {reference}, zoo show {reference}")
    if json_:
        return print_json({"name": made.name, "path": str(made.path), **made.facts})
    return click.echo(made.path)


def _sweep(made: Any, json_: bool) -> None:
    """Print what a grid has made."""
    logger.info(f"Trained all {len(made)}. Next: zoo compare {' '.join(made.names[:2])}")
    if json_:
        return print_json([{"path": str(one.path), **one.facts} for one in made])
    for one in made:
        click.echo(one.path)
    return None


def show(reports: Iterable[Any], total: int, name: str) -> Iterator[Any]:
    """Show how far a training is: a bar for a person, else a line every half minute at most."""
    from zoo.training import in_fewer_words, in_words

    if is_quiet():
        yield from reports
    elif not watched():
        pace = Pace(f"Training {name}, steps", total)
        for report in reports:
            pace.reach(report.step, in_words(report))
            yield report
    else:
        with progress() as bar:
            task = bar.add_task(name, total=total, losses=())
            for report in reports:
                bar.update(task, completed=report.step, losses=in_fewer_words(report))
                yield report


def _field_meant(error: click.NoSuchOption, words: list[str]) -> str | None:
    """The field of the model, or of its recipe, that an unknown option means; None for none."""
    option = error.option_name.lstrip("-").replace("-", "_")
    named = [word for word in words if word in installed().models]
    if not named:
        return None
    try:
        model_class = installed().model_class(named[0])
    except ZooError:
        return None
    classes = (model_class.Config, type(model_class.recipe))
    # in their own order, in which the usual ones come first
    fields = list(dict.fromkeys(name for one in classes for name in field_types(one)))
    for field in fields:
        parts = field.split("_")
        if option in (field, "".join(part[0] for part in parts), parts[0]):
            return field
    # options that are spelt alike are likelier than fields that are
    near = [] if error.possibilities else nearest(option, fields)
    return near[0] if near else None
