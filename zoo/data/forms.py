"""LIGHT: the forms that one's own data can have: one table, with a row for each."""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.common import files, settings
from zoo.common.errors import DataError
from zoo.common.files import is_path
from zoo.common.watching import Watch
from zoo.data.folders import folder_of
from zoo.data.opening import Range
from zoo.registry import installed

if TYPE_CHECKING:
    from zoo.data.dataset import Dataset

# what stands in a pattern of names for the class
LABEL = "{label}"


@dataclass(frozen=True, kw_only=True)
class Form:
    """A form of data.

    **Arguments:**
    - `noun`: what such data is called, such as "a folder of images".
    - `reader`: the function that reads it, "module:function", called as `function(place, asked)`
        with a `Place` and an `Asked`; it returns a `Dataset`.
    - `suffixes`: of such a file; a folder has none.
    - `prefix`: what a reference begins with that is no path.
    - `kinds`: the kinds of samples that it can hold.
    - `has_columns`: whether a reference may name what to take: `./table.parquet:IMAGE,LABEL`.
    """

    noun: str
    reader: str
    suffixes: tuple[str, ...] = ()
    prefix: str = ""
    kinds: tuple[str, ...] = ("image",)
    has_columns: bool = False

    def read(self, place: "Place", asked: "Asked") -> "Dataset":
        """The data at a place."""
        module, _, function = self.reader.partition(":")
        read: Dataset = getattr(importlib.import_module(module), function)(place, asked)
        return read


FORMS = (
    Form(noun="a folder of images", reader="zoo.data.image_folders:read_folder"),
    Form(
        noun="a file of arrays",
        reader="zoo.data.arrays:read_arrays",
        suffixes=(".npz", ".npy", ".safetensors"),
        kinds=("image", "array"),
        has_columns=True,
    ),
    Form(
        noun="an archive of images",
        reader="zoo.data.archives:read_archive",
        suffixes=(".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"),
    ),
    Form(
        noun="a table of images",
        reader="zoo.data.tables:read_parquet",
        suffixes=(".parquet",),
        has_columns=True,
    ),
    Form(
        noun="a data set of the Hub",
        reader="zoo.data.tables:read_hub",
        prefix="hf-data:",
    ),
    Form(
        noun="a file of texts",
        reader="zoo.data.texts:read_texts",
        suffixes=(".txt",),
        kinds=("text",),
    ),
    Form(
        noun="a table of texts",
        reader="zoo.data.texts:read_table",
        suffixes=(".csv", ".tsv", ".jsonl", ".parquet"),
        kinds=("text",),
        has_columns=True,
    ),
    Form(
        noun="a folder of recordings",
        reader="zoo.data.recordings:read_folder",
        kinds=("audio",),
    ),
)

# the reference of data that was given in Python
IN_MEMORY = "<memory>"


@dataclass(frozen=True)
class Place:
    """Where data lies.

    **Arguments:**
    - `reference`: as it was asked for.
    - `form`: the row of its form.
    - `path`: of the file or folder; None for what lies elsewhere.
    - `columns`: which arrays or columns to take, the samples' first, as the reference names them.
    - `pattern`: of the names of the files in a folder, in which `{label}` stands for the class.
    """

    reference: str
    form: Form
    path: Path | None
    columns: tuple[str, ...] = ()
    pattern: str = ""

    @property
    def name(self) -> str:
        """What the data is called: no data set that a plugin offers can be called so."""
        return self.reference if self.path is None else f"./{self.path.resolve().name}"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How data is to be read; as the arguments of `load_dataset`.

    `fields` are those of the model's config that are known: the rate or the alphabet to read by.
    """

    sample_shape: Sequence[int] | None = None
    value_range: Range | None = None
    skip_bad: bool = False
    watch: Watch | None = None
    split: str = "train"
    kind: str = "image"
    fields: Mapping[str, Any] = field(default_factory=dict)


def is_own(reference: str) -> bool:
    """Whether a reference means data of one's own, and not a data set by its name."""
    if is_path(reference) or reference == IN_MEMORY:
        return True
    return any(reference.startswith(form.prefix) for form in _elsewhere())


def refuse_unknown(reference: str) -> None:
    """Refuse data that is not there, without reading it. This imports neither torch nor numpy.

    **Arguments:**
    - `reference`: the name of a data set that a plugin offers, or where data of one's own lies.

    **Raises:** `NotFoundError` for an unknown name, `DataError` for a folder or file that is
    missing, or is written without `./`.
    """
    if is_own(reference):
        place_of(reference)
    elif reference not in installed().datasets:
        if Path(reference).is_dir():
            raise DataError(
                f"No data set is called {reference!r}. For the folder write ./{reference}"
            )
        if _form_of_file(reference) and Path(reference).is_file():
            raise DataError(
                f"No data set is called {reference!r}. For the file write ./{reference}"
            )
        # It raises before it imports anything.
        installed().dataset_loader(reference)


def place_of(reference: str, kind: str | None = None) -> Place:
    """Where data of one's own lies, and in which form.

    **Arguments:**
    - `reference`: a path, or what begins with the prefix of a form.
    - `kind`: of the samples that are wanted; any unless given.

    **Raises:** `DataError` when there is nothing, or nothing that can be read."""
    if reference == IN_MEMORY:
        raise DataError("These samples were given in Python: give them again, with data=SAMPLES.")
    for form in _elsewhere():
        if reference.startswith(form.prefix):
            return Place(reference, form, None)
    if LABEL in reference:
        above = reference.partition(LABEL)[0].rpartition("/")[0]
        form = next(one for one in _folders() if "audio" in one.kinds)
        pattern = reference.removeprefix(f"{above}/")
        return Place(reference, form, folder_of(above), pattern=pattern)
    bare, columns = _without_columns(reference)
    of_file = _form_of_file(bare, kind)
    path = settings.expand(bare)
    if of_file is None or files.is_folder(path):
        folder = next((one for one in _folders() if kind is None or kind in one.kinds), None)
        if folder is None:
            raise DataError(f"{reference} is a folder, which holds no samples of the kind {kind}.")
        return Place(reference, folder, folder_of(reference))
    if not files.exists(path):
        raise DataError(f"There is no file {bare}.", path=path)
    if kind is not None and kind not in of_file.kinds:
        raise DataError(
            f"{reference} is {of_file.noun}, which holds samples of the kind "
            f"{' or '.join(of_file.kinds)}, not {kind}."
        )
    return Place(reference, of_file, path, columns)


def kind_of(reference: str) -> str:
    """The kind of samples that data of one's own usually holds, by its form."""
    return place_of(reference).form.kinds[0]


def _without_columns(reference: str) -> tuple[str, tuple[str, ...]]:
    """A reference without the columns that it names, and those."""
    bare, colon, named = reference.rpartition(":")
    form = _form_of_file(bare) if colon else None
    if form is None or not form.has_columns:
        return reference, ()
    return bare, tuple(one for one in named.split(",") if one)


def _form_of_file(reference: str, kind: str | None = None) -> Form | None:
    """The form of a file, by its suffix: one that holds this kind, if there is one."""
    named = [form for form in FORMS if form.suffixes and reference.lower().endswith(form.suffixes)]
    return next((form for form in named if kind in form.kinds), named[0] if named else None)


def _elsewhere() -> list[Form]:
    return [form for form in FORMS if form.prefix]


def _folders() -> list[Form]:
    return [form for form in FORMS if not form.suffixes and not form.prefix]
