"""Texts in files: a text a line (.txt), or a column of a table (.csv, .tsv, .jsonl, .parquet)."""

import codecs
import csv
import io
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from zoo.common import files
from zoo.common.errors import DataError, MissingDependencyError, counted
from zoo.common.text import is_spellable
from zoo.data.dataset import Dataset
from zoo.data.digests import file_digest
from zoo.data.forms import Asked, Place
from zoo.data.samples import fits
from zoo.models import to_tokens

# bytes of a file of texts
LARGEST = 1 << 30
# the most that a config keeps of an alphabet, and of the length of a sample
MOST_CHARACTERS = 1_000
MOST_LENGTH = 65_536
# how the first line of a .txt begins that the zoo wrote
OWN_LINE = "# zoo: "
# columns that are taken unless one is named, and columns of labels
USUAL = ("text", "texts", "name", "sentence")
LABELS = ("label", "labels", "class")
SHOWN = 60

log = logging.getLogger("zoo")

# a row of a table: the number of its line, and its values by column
Row = tuple[int, Mapping[str, Any]]


def read_texts(place: Place, asked: Asked) -> Dataset:
    """The texts of a file: a line each, UTF-8. Space around a text is taken off, and empty lines
    are left out.

    **Raises:** `DataError` for another encoding, a file without texts, and as `dataset_of`."""
    path = _file(place)
    lines = _decoded(path).splitlines()
    if lines and lines[0].startswith(OWN_LINE):
        lines = ["", *lines[1:]]
    texts = {number: line.strip() for number, line in enumerate(lines, 1)}
    return _dataset(place, asked, texts, {})


def read_table(place: Place, asked: Asked) -> Dataset:
    """A column of a table: the one that is named, as in `./table.csv:name`, else one called `text`,
    `name` or `sentence`, else the only one. A second name, or a column called `label`, is of the
    classes.

    **Raises:** as `read_texts`; `DataError` where it is not clear which column to take."""
    path = _file(place)
    rows = list(_TABLES[path.suffix.lower()](path))
    columns = list(dict.fromkeys(name for _, row in rows[:1_000] for name in row))
    column, label = _columns(place, columns)
    texts, labels = {}, {}
    for number, row in rows:
        value = row.get(column)
        if value is not None and not isinstance(value, str):
            raise DataError(
                f"{path}, row {number}: {column} is {str(value)[:SHOWN]!r}, which is no text.",
                path=path,
            )
        texts[number] = (value or "").strip()
        labels[number] = str(row.get(label)) if label else ""
    return _dataset(place, asked, texts, labels if label else {})


def _file(place: Place) -> Path:
    path = place.path
    assert path is not None  # a form with suffixes
    try:
        files.refuse_irregular(path)
        size = path.stat().st_size
    except OSError as error:
        raise DataError(f"Can't read {path}: {error.strerror}.", path=path) from error
    if size > LARGEST:
        raise DataError(
            f"{path} has {size / 1e9:.1f} GB, more than the {LARGEST / 1e9:.1f} GB that are read: "
            "take a part of it.",
            path=path,
        )
    return path


def _decoded(path: Path) -> str:
    """The text of a file, UTF-8 with or without a byte order mark."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"Can't read {path}: {error.strerror}.", path=path) from error
    try:
        return content.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path} is not UTF-8: line {line:,} holds the byte 0x{content[error.start]:02x}. Turn "
            "it into UTF-8 first, such as by: iconv -f ISO-8859-1 -t UTF-8",
            path=path,
        ) from error


def _columns(place: Place, columns: Sequence[str]) -> tuple[str, str]:
    """The column of the texts and that of the labels, "" where there are none."""
    known = ", ".join(columns[:20])
    if unknown := [name for name in place.columns if name not in columns]:
        raise DataError(f"{place.path} has no column {unknown[0]!r}: there are {known}.")
    if place.columns:
        return place.columns[0], (*place.columns, "")[1]
    label = next((name for name in LABELS if name in columns), "")
    others = [name for name in columns if name != label]
    usual = next((name for name in USUAL if name in others), "")
    if usual or len(others) == 1:
        return usual or others[0], label
    raise DataError(
        f"{place.path} has the columns {known}: say which holds the texts, such as "
        f"{place.reference}:{(others or ['NAME'])[0]}"
    )


def _dataset(
    place: Place, asked: Asked, texts: Mapping[int, str], labels: Mapping[int, str]
) -> Dataset:
    """A data set of texts by the numbers of their lines."""
    kept = {number: text for number, text in texts.items() if text}
    if not kept:
        raise DataError(f"{place.path} holds no texts.", path=place.path)
    if empty := len(texts) - len(kept) - (place.form.suffixes == (".txt",) and not texts.get(1)):
        log.info("Left out %s of %s.", counted(empty, "empty line"), place.path)
    alphabet = _alphabet(place, asked, kept)
    length = _length(place, asked, kept)
    wrong = {
        number: why
        for number, text in kept.items()
        if (why := _why_not(text, frozenset(alphabet), length))
    }
    if wrong:
        _refuse_or_leave_out(place, asked, kept, wrong)
    chosen = {number: text for number, text in kept.items() if number not in wrong}
    if not fits((8 * len(chosen), length)):
        raise DataError(
            f"{counted(len(chosen), 'text')} of {length:,} characters don't fit in memory: leave "
            "long ones out (--skip-bad --set sample_shape=LENGTH), or take fewer."
        )
    names = tuple(sorted({labels[number] for number in chosen})) if labels else ()
    places = {name: index for index, name in enumerate(names)}
    found: Tensor | None = None
    if labels:
        found = torch.tensor([places[labels[number]] for number in chosen])
    return Dataset(
        place.name,
        to_tokens(list(chosen.values()), alphabet, length),
        found,
        names,
        {"texts_skipped": len(wrong)} if wrong else {},
        lengths=torch.tensor([len(text) for text in chosen.values()]),
        metadata={"alphabet": alphabet},
        origin_sha256=file_digest(place.path) if place.path else "",
    )


def _alphabet(place: Place, asked: Asked, texts: Mapping[int, str]) -> str:
    """The alphabet that was asked for, or all characters of the texts that can stand in a line,
    sorted.
    """
    given = asked.fields.get("alphabet")
    if isinstance(given, str):
        return given
    alphabet = "".join(filter(is_spellable, sorted(set().union(*texts.values()))))
    if len(alphabet) > MOST_CHARACTERS:
        raise DataError(
            f"{place.path} holds {len(alphabet):,} different characters, more than the "
            f"{MOST_CHARACTERS:,} that a model can keep. Name those to learn with --set "
            "alphabet=…, and leave the other texts out with --skip-bad."
        )
    return alphabet


def _length(place: Place, asked: Asked, texts: Mapping[int, str]) -> int:
    """The length that was asked for, or that of the longest text."""
    if asked.sample_shape is not None:
        if len(asked.sample_shape) != 1:
            shape = ",".join(map(str, asked.sample_shape))
            raise DataError(
                f"sample_shape = {shape} is not the length of a text: give one number, such as 16."
            )
        return int(asked.sample_shape[0])
    number, longest = max(texts.items(), key=lambda pair: len(pair[1]))
    if len(longest) > MOST_LENGTH:
        raise DataError(
            f"{place.path}, line {number:,} has {len(longest):,} characters; {MOST_LENGTH:,} are "
            "the most. Leave long ones out: --skip-bad --set sample_shape=LENGTH"
        )
    return len(longest)


def _why_not(text: str, alphabet: frozenset[str], length: int) -> str:
    """Why a text can't be learnt; "" when it can."""
    if len(text) > length:
        return f"has {len(text):,} characters; {length:,} are the most"
    unknown = next((one for one in text if one not in alphabet), "")
    return f"holds {unknown!r}, which is not in the alphabet" if unknown else ""


def _refuse_or_leave_out(
    place: Place, asked: Asked, texts: Mapping[int, str], wrong: Mapping[int, str]
) -> None:
    number, why = next(iter(wrong.items()))
    first = f"{place.path}, line {number:,}: {texts[number][:SHOWN]!r} {why}"
    if not asked.skip_bad or len(wrong) == len(texts):
        raise DataError(
            f"{first}. So it is with {len(wrong):,} of {counted(len(texts), 'text')}. To leave "
            "such texts out: --skip-bad",
            path=place.path,
        )
    log.warning("Left out %s. The first: %s.", counted(len(wrong), "text"), first)


def _rows_of_csv(path: Path) -> Iterator[Row]:
    dialect = "excel-tab" if path.suffix.lower() == ".tsv" else "excel"
    reader = csv.DictReader(io.StringIO(_decoded(path)), dialect=dialect)
    try:
        for row in reader:
            yield reader.line_num, {str(name): value for name, value in row.items() if name}
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num:,}: {error}.", path=path) from error


def _rows_of_jsonl(path: Path) -> Iterator[Row]:
    for number, line in enumerate(_decoded(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}, line {number:,} is not JSON: {error}.", path=path) from error
        if not isinstance(row, dict):
            raise DataError(
                f"{path}, line {number:,} is not an object with the values of a row.", path=path
            )
        # how the samples were made, in a file that the zoo wrote
        yield number, {name: value for name, value in row.items() if name != "zoo"}


def _rows_of_parquet(path: Path) -> Iterator[Row]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingDependencyError(
            f"{path} can be read where pyarrow is installed: pip install 'genzoo[parquet]'",
            name="pyarrow",
        ) from error
    try:
        yield from enumerate(pyarrow.parquet.read_table(path).to_pylist(), 1)
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{path} is not a readable Parquet file: {reason}.", path=path) from error


_TABLES: dict[str, Callable[[Path], Iterator[Row]]] = {
    ".csv": _rows_of_csv,
    ".tsv": _rows_of_csv,
    ".jsonl": _rows_of_jsonl,
    ".parquet": _rows_of_parquet,
}
