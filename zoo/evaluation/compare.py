"""Set several checkpoints side by side, measured alike: what `zoo compare` does."""

import fnmatch
import glob
import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.checkpoints import (
    BOUNDED,
    CONFIG,
    IMPORTANCE_SAMPLES,
    SAMPLES,
    SEED,
    Evaluation,
    Folder,
    Store,
    recorded,
    side_by_side,
)
from zoo.common import arguments, files, settings
from zoo.common.errors import CapabilityError, ConfigError, NotFoundError
from zoo.common.watching import Watch
from zoo.data import Record
from zoo.evaluation import asked, measure
from zoo.evaluation.asked import Reference
from zoo.evaluation.spread import Spread, grouped
from zoo.evaluation.tables import Comparison
from zoo.registry import installed
from zoo.sampling import PICTURES, check_path, kind_of, options_of, refuse_foreign, told

if TYPE_CHECKING:
    from PIL.Image import Image

    from zoo.data import Dataset, Extractor
    from zoo.models import GenerativeModel

SHOWN = 64  # samples of each checkpoint
CAPTION = 16  # pixels for the name above them
GAP = 4  # pixels between two checkpoints

Columns = dict[str, list[Evaluation]]


def compare(
    *references: Reference,
    data: Any = None,
    test: Any = None,
    n: int | None = None,
    seed: int | None = None,
    features: str | None = None,
    weights: str | os.PathLike[str] | None = None,
    importance_samples: int | None = None,
    options: Any = (),
    truncation: float | None = None,
    output: str | os.PathLike[str] | None = None,
    data_root: str | os.PathLike[str] | None = None,
    device: str = "auto",
    threads: int | None = None,
    force: bool = False,
    over: str | None = None,
    watch: Watch | None = None,
    model: "type[GenerativeModel[Any]] | None" = None,
) -> Comparison | Spread:
    """Compare several checkpoints, side by side.

    It takes the results that their facts hold. It measures missing ones under the same conditions,
    and does not keep them.

    Numbers of other features, seeds, sizes or reference images do not compare. They are refused,
    unless arguments say how to measure: then zoo measures again what does not fit.

    **Arguments:**
    - `references`: names or paths of checkpoints, two at least. A pattern such as "s-*" stands for
        every checkpoint here whose name fits.
    - `data`, `test`, `n`, `seed`, `features`, `weights`, `importance_samples`, `data_root`,
        `device`, `threads`, `watch`: as `zoo.evaluate` takes them. Unless given, the measurement
        follows the results that there are.
    - `options`: sample-time options by name, of all the models. Results with others are measured
        again.
    - `truncation`: as `zoo.evaluate` takes it. Results with another are measured again.
    - `output`: a picture to make, which shows samples of each checkpoint: .png, .jpg or .webp. None
        is made unless given.
    - `force`: replace a file that the zoo did not write.
    - `over`: a field, such as "seed": checkpoints that differ by it alone become one column, with
        the mean and the deviation over it, beside the error of each measurement.
    - `model`: the class of the models that no plugin offers.

    **Returns:** a `Comparison`, or a `Spread` where `over` is given. It prints as a table. Its
    `rows` are dicts for `pandas.DataFrame`; `to_csv()`, `to_latex()` and `to_markdown()` give text.

    **Raises:** `ZooError` when a name is unknown, an argument is wrong, numbers can't stand side by
    side, or something is missing that can't be measured."""
    folders, classes = _found(references, model)
    how = asked.conditions(n, seed, importance_samples)
    groups = None if over is None else grouped(folders, asked.text("over", over))
    picture = _picture(output, force)
    _refuse_other_kinds(folders)
    first = next(iter(folders.values()))
    given, _ = told(options or None)
    against = _trained_on(folders) if data is None else asked.data_for(data, first)
    work = Work(
        folders,
        against,
        None if test is None else asked.data_for(test, first),
        asked.features_for(features, asked.called(against)),
        asked.weights_of_features(weights),
        asked.folder_of_data(data_root),
        device,
        arguments.whole_or_none("threads", threads, 1, settings.MOST_THREADS),
        classes,
        data is not None,
        tuple(given),
        truncation,
    )
    images = data is not None or test is not None
    wanted = _wanted(work, how, images, features is not None or weights is not None)
    columns = {
        name: [one for one in recorded(folder.facts) if wanted.fits(one)]
        for name, folder in folders.items()
    }
    _refuse_unlike(columns)  # before anything is measured
    missing = [name for name in folders if not wanted.met_by(columns[name], work, name)]
    _refuse_outdated(columns, missing)
    alike = _conditions(columns, how)
    for name in missing:
        columns[name] = work.measure(folders[name], alike, watch)
    _refuse_unlike(columns)
    if picture is not None:
        conditions = _options(data, features, weights, alike)
        conditions += [word for text in given for word in ("--set", text)]
        conditions += [] if truncation is None else ["--truncation", f"{truncation:g}"]
        _save_picture(picture, work, alike["seed"], conditions)
    compared = Comparison(columns, picture, alike["seed"])
    return compared if groups is None else Spread(compared, groups, str(over))


def has_pattern(reference: object) -> bool:
    """Whether a reference is a pattern, such as "s-*", and not one name."""
    return isinstance(reference, str) and any(mark in reference for mark in "*?[")


def _found(references: Sequence[Reference], model: Any) -> tuple[dict[str, Folder], dict[str, Any]]:
    """The checkpoints by what they are called, in the order of the references, and the classes of
    those models that no plugin offers.

    **Raises:** `ConfigError` when there are fewer than two."""
    found: dict[str, Folder] = {}
    classes: dict[str, Any] = {}
    for reference in references:
        if isinstance(reference, str) and has_pattern(reference):
            several = _matching(reference)
        else:
            folder = asked.checkpoint(reference)
            several = {folder.reference: folder}
        found |= several
        classes |= {name: asked.own_class(reference, one, model) for name, one in several.items()}
    if len(found) < 2:
        raise ConfigError(
            "Name at least two different checkpoints. "
            f"{'There is only ' + next(iter(found)) if found else 'None was named'}."
        )
    return found, classes


def _matching(pattern: str) -> dict[str, Folder]:
    """The checkpoints that are here and fit a pattern, by name."""
    if files.is_path(pattern):
        paths = sorted(glob.glob(os.path.expanduser(pattern)))  # noqa: PTH111,PTH207
        names = [files.as_reference(path) for path in paths if Path(path, CONFIG).is_file()]
    else:
        entries = Store(installed().checkpoints).entries()
        names = [one.name for one in entries if one.path and fnmatch.fnmatch(one.name, pattern)]
    if not names:
        raise NotFoundError(f"No checkpoint here matches {pattern!r}. See: zoo list")
    return {name: asked.checkpoint(name) for name in names}


def _refuse_other_kinds(folders: Mapping[str, Folder]) -> None:
    """Raise `CapabilityError` when a plugin says that samples of a checkpoint are not images."""
    for name, folder in folders.items():
        spec = installed().models.get(folder.model)
        if spec is not None and spec.kind != "image":
            raise _no_images(name)


def _no_images(name: str) -> CapabilityError:
    return CapabilityError(
        f"zoo compare is for images, which the samples of {name} are not: measure each checkpoint "
        "with zoo evaluate."
    )


def _picture(output: str | os.PathLike[str] | None, force: bool) -> Path | None:
    """The file for the picture, which can be written; None when none is wanted."""
    if output is None:
        return None
    if not isinstance(output, str | os.PathLike):
        raise ConfigError(f"output must be the path of a picture, not {type(output).__name__}.")
    path = Path(output)
    check_path(path, suffixes=PICTURES)
    refuse_foreign(path, force=force)
    return path


def _trained_on(folders: Mapping[str, Folder]) -> str:
    """The data set that all were trained on."""
    names: dict[str, str] = {name: asked.data_for(None, folder) for name, folder in folders.items()}
    if len(set(names.values())) > 1:
        said = "; ".join(f"{name} was trained on {data}" for name, data in names.items())
        raise ConfigError(f"{said}. Choose one data set for all with --data.")
    return next(iter(names.values()))


@dataclass
class Work:
    """What measuring needs: models, images and features, each loaded once, when first needed."""

    folders: Mapping[str, Folder]
    data: Any
    test: Any
    features: str | None
    weights: Path | None
    data_root: Path | None
    device: str
    threads: int | None
    classes: Mapping[str, Any]  # of the models that no plugin offers
    # whether the data was asked for, and not found by the facts
    is_asked: bool = False
    options: tuple[str, ...] = ()  # of drawing samples
    truncation: float | None = None  # of the latents that they are drawn from
    _models: "dict[str, GenerativeModel[Any]]" = field(default_factory=dict)
    _images: "dict[tuple[int, ...], tuple[Dataset, Dataset | None]]" = field(default_factory=dict)
    _extractor: "Extractor | None" = None

    @property
    def may_have_unseen(self) -> bool:
        """Whether there may be images that were not trained on."""
        if self.test is not None or asked.called(self.data) in installed().datasets:
            return True
        records = [Record.of(folder.facts) for folder in self.folders.values()]
        return any(one and (one.held_out or one.test) for one in records)

    def model(self, name: str) -> "GenerativeModel[Any]":
        """The model of a checkpoint, whose samples are images."""
        if name not in self._models:
            model = measure.load_model(
                self.folders[name], self.device, self.threads, self.classes[name]
            )
            if not kind_of(model).is_picture:
                raise _no_images(name)
            self._models[name] = model
        return self._models[name]

    def images(self, name: str) -> "tuple[Dataset, Dataset | None]":
        """Training and test images, in the size that the model of a checkpoint takes."""
        from zoo.evaluation import images

        model = self.model(name)
        shape = tuple(model.config.sample_shape)
        if shape not in self._images:
            # All are compared with the same images, so all read them in the same way.
            folders = list(self.folders.values())
            how = images.reading(folders[0], self.data)
            self._images[shape] = images.read_data(
                *(self.data, self.data_root, model, how),
                test=self.test,
                folders=folders,
                asked=self.is_asked,
            )
        return self._images[shape]

    def extractor(self, name: str) -> "Extractor | None":
        """The network that features come from."""
        if self._extractor is None:
            self._extractor = measure.load_extractor(
                self.features,
                self.weights,
                self.device,
                self.model(name),
                asked.called(self.data),
                self.images(name)[1],
            )
        return self._extractor

    def measure(
        self, folder: Folder, alike: Mapping[str, Any], watch: Watch | None
    ) -> list[Evaluation]:
        """Measure a checkpoint."""
        from zoo.sampling import refuse_truncation

        name = folder.reference
        train, test = self.images(name)
        model = self.model(name)
        given, texts = options_of(type(model), self.options or None)
        refuse_truncation(model, self.truncation)
        found = measure.measure(
            *(folder, model, train, test, self.extractor(name)),
            options=given,
            truncation=self.truncation,
            watch=watch,
            **alike,
        )
        return measure.with_options(found, measure.drawn_with(texts, self.truncation))


@dataclass(frozen=True)
class Wanted:
    """The conditions that arguments state. What they leave open must be alike in the facts."""

    features: str | None  # or those meant for the data
    features_sha256: str = ""
    images_sha256: frozenset[str] = frozenset()
    n: int | None = None
    seed: int | None = None
    importance_samples: int | None = None
    stated: bool = False  # whether arguments state any condition
    options: tuple[str, ...] = ()

    def fits(self, one: Evaluation) -> bool:
        """Whether a result was measured under these conditions."""
        if self.stated and one.outdated:
            return False
        if self.seed not in (None, one.seed):
            return False
        if one.is_of_samples and one.options != self.options:
            return False
        if self.images_sha256 and one.reference_sha256 not in self.images_sha256:
            return False
        if not one.extractor:
            k = one.importance_samples if one.metric in BOUNDED else None
            return k is None or self.importance_samples in (None, k)
        same = self.features in (None, one.extractor)
        same = same and self.features_sha256 in ("", one.extractor_sha256)
        return same and self.n in (None, one.n)

    def met_by(self, results: Iterable[Evaluation], work: Work, name: str) -> bool:
        """Whether there are results of all that can be measured of a checkpoint."""
        has = {one.extractor or one.metric for one in results}
        if not has or (self.features is not None and self.features not in has):
            return False
        if "nll" in has or not work.may_have_unseen:
            return True
        from zoo.evaluation.likelihood import has_likelihood

        return not has_likelihood(work.model(name))


def _wanted(work: Work, how: Mapping[str, int | None], images: bool, features: bool) -> Wanted:
    """The conditions that arguments state.

    **Arguments:**
    - `images`, `features`: whether arguments name them. Then results of others, by their digest, do
        not fit."""
    first = next(iter(work.folders))
    extractor = work.extractor(first) if features else None
    pairs = [work.images(name) for name in work.folders] if images else []
    return Wanted(
        work.features,
        extractor.sha256 if extractor else "",
        frozenset(one.sha256 for pair in pairs for one in pair if one is not None),
        how["n"],
        how["seed"],
        how["importance_samples"],
        images or features or any(value is not None for value in how.values()),
        tuple(measure.drawn_with(work.options, work.truncation)),
    )


def _refuse_unlike(columns: Columns) -> None:
    """Raise `ConfigError` when results that belong in one row were not measured alike."""
    try:
        side_by_side(columns)
    except ConfigError as error:
        raise ConfigError(
            f"{error} Say with -n, --seed, --features and --data how to measure: zoo then measures "
            "again what does not fit."
        ) from error


def _refuse_outdated(columns: Columns, missing: Sequence[str]) -> None:
    """Raise `ConfigError` when something is to be measured now, to stand beside results that an
    older estimator gave.
    """
    kept = [name for name in columns if name not in missing]
    if missing and (old := [name for name in kept if any(one.outdated for one in columns[name])]):
        raise ConfigError(
            f"{old[0]} has results of an older version of zoo, which can't be compared with new "
            f"results of {missing[0]}. Measure {old[0]} again: zoo evaluate {old[0]} --write. Or "
            "say with -n, --seed, --features and --data how to measure all."
        )


def _conditions(columns: Columns, how: Mapping[str, int | None]) -> dict[str, int]:
    """How what is missing is measured: as arguments say, else as what there is, else as
    `zoo evaluate` does.
    """
    held = [one for results in columns.values() for one in results]
    drawn = [one.n for one in held if one.extractor]
    bounds = [
        one.importance_samples for one in held if one.metric == "nll" and one.importance_samples
    ]
    seeds = [one.seed for one in held]
    return {
        "n": how["n"] or next(iter(drawn), SAMPLES),
        "seed": next(iter(seeds), SEED) if how["seed"] is None else how["seed"],
        "importance_samples": how["importance_samples"] or next(iter(bounds), IMPORTANCE_SAMPLES),
    }


def _options(
    data: object, features: object, weights: object, alike: Mapping[str, int]
) -> list[str]:
    """The options of a command that measures under the same conditions."""
    meant = {
        "--data": data,
        "--features": features,
        "--weights": weights,
        "-n": alike["n"],
        "-k": alike["importance_samples"],
    }
    return [
        word
        for option, value in meant.items()
        if value is not None
        for word in (option, str(value))
    ]


def _save_picture(path: Path, work: Work, seed: int, options: Sequence[str]) -> None:
    """A grid of samples of each checkpoint, side by side, its name above it."""
    from zoo.sampling import draw, grid, save_picture

    names = list(work.folders)
    how: dict[str, Any] = {"options": list(work.options) or None, "truncation": work.truncation}
    grids = {name: grid(draw(work.model(name), SHOWN, seed=seed, **how)) for name in names}
    words = ["zoo", "compare", *names, *options, "--seed", str(seed), "-o", path.name]
    made = {
        "checkpoints": names,
        "sha256": [folder.sha256 for folder in work.folders.values()],
        "n": SHOWN,
        "seed": seed,
        "version": version("genzoo"),
        "command": shlex.join(words),
    }
    save_picture(_side_by_side(grids), path, made)


def _side_by_side(grids: "Mapping[str, Image]") -> "Image":
    """Pictures beside each other, each below its name."""
    from PIL import Image, ImageDraw, ImageFont

    width = sum(grid.width + GAP for grid in grids.values()) - GAP
    height = CAPTION + max(grid.height for grid in grids.values())
    mode = "RGB" if any(grid.mode == "RGB" for grid in grids.values()) else "L"
    canvas = Image.new(mode, (width, height), "grey")
    left = 0
    for name, grid in grids.items():
        caption = Image.new(mode, (grid.width, CAPTION))  # a name that is too long is cut off
        ImageDraw.Draw(caption).text((2, 2), name, fill="white", font=ImageFont.load_default(11))
        canvas.paste(caption, (left, 0))
        canvas.paste(grid, (left, CAPTION))
        left += grid.width + GAP
    return canvas
