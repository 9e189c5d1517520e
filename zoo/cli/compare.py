"""zoo compare: several checkpoints side by side, measured alike."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from zoo.checkpoints import (
    IMPORTANCE_SAMPLES,
    SAMPLES,
    SEED,
    WEIGHTS,
    Evaluation,
    read_facts,
    recorded,
    side_by_side,
)
from zoo.cli.console import command, note, open_store, print_json, print_table, show_preview
from zoo.cli.evaluate import (
    load_extractor,
    measure,
    measuring,
    name_of_features,
    read_data,
    trained_on,
)
from zoo.cli.options import complete_checkpoints
from zoo.cli.sample import load, names_of_classes
from zoo.common import files
from zoo.common.errors import CapabilityError, ConfigError, OutputError
from zoo.registry import installed

if TYPE_CHECKING:
    from zoo.data import Dataset
    from zoo.models import GenerativeModel

SHOWN = 64  # samples of each checkpoint
CAPTION = 16  # pixels for the name above them
GAP = 4  # pixels between two checkpoints


class Wanted(NamedTuple):
    """The conditions that options state; what they leave open must be alike in what facts hold."""

    features: str | None  # or those meant for the data
    features_sha256: str = ""
    images_sha256: frozenset[str] = frozenset()
    n: int | None = None
    seed: int | None = None
    importance_samples: int | None = None

    def fits(self, one: Evaluation) -> bool:
        """Whether a result was measured under these conditions."""
        if self.seed not in (None, one.seed) or (
            self.images_sha256 and one.reference_sha256 not in self.images_sha256
        ):
            return False
        if not one.extractor:
            return one.metric != "nll" or self.importance_samples in (None, one.importance_samples)
        same = self.features in (None, one.extractor) and self.features_sha256 in (
            "",
            one.extractor_sha256,
        )
        return same and self.n in (None, one.n)

    def met_by(
        self, results: Iterable[Evaluation], model: "GenerativeModel[Any]", data: str
    ) -> bool:
        """Whether there are results of all that can be measured."""
        from zoo.evaluation import has_likelihood

        has = {one.extractor or one.metric for one in results}
        likelihood = (
            has_likelihood(model) and data in installed().datasets
        )  # a folder has no test images
        return (
            bool(has)
            and (self.features is None or self.features in has)
            and ("nll" in has or not likelihood)
        )


@command()
@click.argument(
    "references", nargs=-1, required=True, metavar="REF REF…", shell_complete=complete_checkpoints
)
@measuring
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), default=Path("compare.png"), help="A .png."
)
def compare(
    references: tuple[str, ...],
    data: str | None,
    n: int | None,
    seed: int | None,
    features: str | None,
    weights: Path | None,
    importance_samples: int | None,
    output: Path,
    data_root: Path | None,
    device: str,
    json_: bool,
) -> None:
    """Set several checkpoints side by side: their numbers, and a grid of samples of each.

    What their facts.json hold is taken, what is missing is measured alike. Numbers of different
    features, seeds, sizes or reference images are refused, unless options say which are meant: then
    what was measured otherwise is measured anew."""
    if len(set(references)) < 2:
        raise click.UsageError("Name two different checkpoints at least.")
    if output.suffix != ".png":
        raise OutputError(f"{output} must end in .png.")
    files.refuse_unwritable(output)
    store = open_store()
    directories = {reference: store.find(reference) for reference in references}
    against = data or _trained_on(directories)
    name = name_of_features(features, against)
    models = {reference: load(directory, device) for reference, directory in directories.items()}
    if others := [reference for reference, model in models.items() if model.sample_kind != "image"]:
        raise CapabilityError(
            f"zoo compare sets images side by side, which the samples of {others[0]} are not: "
            "measure each by itself, "
            "with zoo evaluate."
        )
    read: dict[
        tuple[int, ...], tuple[Dataset, Dataset | None]
    ] = {}  # by the shape that a model takes

    def images_for(model: "GenerativeModel[Any]") -> "tuple[Dataset, Dataset | None]":
        shape = model.config.sample_shape
        if shape not in read:
            read[shape] = read_data(against, data_root, model)
        return read[shape]

    extractor = (
        load_extractor(name, weights, device, models[references[0]], against)
        if features or weights
        else None
    )
    pairs = [images_for(model) for model in models.values()] if data else []
    digests = frozenset(one.sha256 for pair in pairs for one in pair if one is not None)
    wanted = Wanted(
        name, extractor.sha256 if extractor else "", digests, n, seed, importance_samples
    )
    columns = {
        reference: [one for one in recorded(read_facts(directory)) if wanted.fits(one)]
        for reference, directory in directories.items()
    }
    _rows(columns)  # refuses before anything is measured
    alike = _conditions(columns, n, seed, importance_samples)
    for reference, model in models.items():
        if not wanted.met_by(columns[reference], model, against):
            extractor = extractor or load_extractor(name, weights, device, model, against)
            train, test = images_for(model)
            classes = names_of_classes(directories[reference]) or None
            columns[reference] = measure(
                reference, model, train, test, extractor, class_names=classes, **alike
            )
    rows = _rows(columns)
    meant = {
        "--data": data,
        "--features": features,
        "--weights": weights,
        "-n": alike["n"],
        "-k": alike["importance_samples"],
    }
    options = [
        word
        for option, value in meant.items()
        if value is not None
        for word in (option, str(value))
    ]
    _save_picture(output, models, directories, alike["seed"], options)
    if json_:
        evaluations = {
            reference: [one.to_dict() for one in results] for reference, results in columns.items()
        }
        return print_json({"path": str(output), "evaluations": evaluations})
    floors = [next((one.floor_text for one in row.values() if one.floor_text), "") for row in rows]
    cells = [
        [
            next(iter(row.values())).title,
            *(row[one].text if one in row else "–" for one in columns),
            floor,
        ]
        for row, floor in zip(rows, floors, strict=True)
    ]
    print_table(("METRIC", *columns, "FLOOR"), cells)
    measured = [one for row in rows for one in row.values()]
    for conditions in dict.fromkeys(", ".join(one.conditions.values()) for one in measured):
        note(f"Measured {conditions}.")
    note(f"{SHOWN} samples of each, seed {alike['seed']}, in {output}")
    return show_preview(output)


def _trained_on(directories: Mapping[str, Path]) -> str:
    """The data set that all were trained on."""
    names = {
        reference: trained_on(reference, directory) for reference, directory in directories.items()
    }
    if len(set(names.values())) > 1:
        said = "; ".join(f"{reference} was trained on {name}" for reference, name in names.items())
        raise ConfigError(f"{said}. Say with --data what all are to be measured against.")
    return next(iter(names.values()))


def _rows(columns: Mapping[str, list[Evaluation]]) -> list[dict[str, Evaluation]]:
    try:
        return side_by_side(columns)
    except ConfigError as error:
        raise ConfigError(
            f"{error} Say with -n, --seed, --features and --data how all are to be measured: what "
            "was measured "
            f"otherwise is then measured anew."
        ) from error


def _conditions(
    columns: Mapping[str, list[Evaluation]],
    n: int | None,
    seed: int | None,
    importance_samples: int | None,
) -> dict[str, int]:
    """How what is missing is measured: as options say, else as what there is, else as `zoo
    evaluate` does.
    """
    held = [one for results in columns.values() for one in results]
    drawn = [one.n for one in held if one.extractor]
    bounds = [
        one.importance_samples for one in held if one.metric == "nll" and one.importance_samples
    ]
    seeds = [one.seed for one in held]
    return {
        "n": n or next(iter(drawn), SAMPLES),
        "seed": next(iter(seeds), SEED) if seed is None else seed,
        "importance_samples": importance_samples or next(iter(bounds), IMPORTANCE_SAMPLES),
    }


def _save_picture(
    path: Path,
    models: "Mapping[str, GenerativeModel[Any]]",
    directories: Mapping[str, Path],
    seed: int,
    options: Sequence[str],
) -> None:
    """A grid of samples of each checkpoint, side by side, its name above it."""
    from PIL import Image, ImageDraw, ImageFont

    from zoo.sampling import images, sampler

    grids = {
        name: images.grid(sampler.draw(model, SHOWN, seed=seed)) for name, model in models.items()
    }
    width = sum(grid.width + GAP for grid in grids.values()) - GAP
    mode = "RGB" if any(grid.mode == "RGB" for grid in grids.values()) else "L"
    canvas = Image.new(mode, (width, CAPTION + max(grid.height for grid in grids.values())), "grey")
    left = 0
    for name, grid in grids.items():
        caption = Image.new(mode, (grid.width, CAPTION))  # one that is too long is cut off
        ImageDraw.Draw(caption).text((2, 2), name, fill="white", font=ImageFont.load_default(11))
        canvas.paste(caption, (left, 0))
        canvas.paste(grid, (left, CAPTION))
        left += grid.width + GAP
    made = {
        "checkpoints": list(models),
        "sha256": [files.sha256(directory / WEIGHTS) for directory in directories.values()],
        "n": SHOWN,
        "seed": seed,
        "version": version("genzoo"),
        "command": shlex.join(
            ["zoo", "compare", *models, *options, "--seed", str(seed), "-o", path.name]
        ),
    }
    images.save_png(canvas, path, made)
