"""Tables and texts that keep to the width of a terminal, and break at spaces only."""

import itertools
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence

import click

from zoo.common import settings
from zoo.common.text import printable

GAP = "  "  # between two columns of a table
# columns that the last column of a table gets at least, while others can be dropped
NARROWEST = 24
# columns of a cell that is not worth to be wrapped
SHORT = 12
MARK = " …"  # stands for what was cut


def print_table(
    headers: Sequence[str],
    rows: Sequence[Sequence[str]],
    below: Sequence[str] = (),
    *,
    drop: Sequence[str] = (),
    short: bool = False,
) -> None:
    """Print rows in columns. No line breaks inside a word.

    Where standard output is no terminal, and COLUMNS is not set, the table is as wide as it needs
    to be. Else it keeps to the width of the terminal: columns are dropped in the order of `drop`
    until the last column has room; then the columns with the longest texts are wrapped at spaces.
    What still has no room stands in further tables below, each with the first column.

    **Arguments:**
    - `headers`: the names of the columns.
    - `rows`: the cells of each row.
    - `below`: for each row a text to stand under it, cut to the width of the terminal; "" is none.
    - `drop`: names of the columns that a narrow terminal can do without, the first to go first.
    - `short`: cut the last column to one line in place of wrapping it.
    """
    names = list(headers)
    table = [[printable(cell) for cell in row] for row in rows]
    width = terminal_width()
    for name in drop:
        if width is None or _width_needed(names, table) <= width:
            break
        at = names.index(name)
        names.pop(at)
        table = [row[:at] + row[at + 1 :] for row in table]
    columns = list(zip(names, *table, strict=True))
    texts = [printable(text) for text in below] or [""] * len(table)
    for number, part in enumerate(_parts(columns, width)):
        if number:
            click.echo()
        _print_part(part, texts if number == 0 else [""] * len(table), width, short)


def _print_part(
    columns: list[tuple[str, ...]], below: list[str], width: int | None, short: bool
) -> None:
    """Print columns, which fit the width as far as words do."""
    widths = _squeezed(columns, width)
    for index, row in enumerate(zip(*columns, strict=True)):
        for line in _lines(row, widths, short):
            click.echo(click.style(line, bold=True) if index == 0 else line)
        if index and below[index - 1]:
            cut = textwrap.shorten(below[index - 1], (width or 80) - 4, placeholder=MARK)
            click.echo(click.style(f"    {cut}", dim=True))


def terminal_width() -> int | None:
    """The columns that a line has; None when nobody watches."""
    if settings.columns() or sys.stdout.isatty():
        return max(40, shutil.get_terminal_size().columns)
    return None


def print_text(
    text: str, start: str = "", indent: int | None = None, *, colour: str | None = None
) -> None:
    """Print a text on one line, or wrapped at its spaces where a terminal is narrower.

    **Arguments:**
    - `text`: on one line.
    - `start`: stands before it, and may hold colours.
    - `indent`: columns before each further line; the length of `start` unless given.
    - `colour`: of all of it.
    """
    taken = len(start) if indent is None else indent
    width = terminal_width()
    lines = [text] if width is None else _wrapped(text, max(width - taken, 1))
    for index, line in enumerate(lines):
        whole = f"{' ' * taken if index else start}{line}"
        click.echo(click.style(whole, fg=colour) if colour else whole)


def _wrapped(text: str, room: int) -> list[str]:
    """A text as lines; a word that is longer than the room has one of its own."""
    if len(text) <= room:
        return [text]
    return textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]


def _width_needed(names: list[str], table: list[list[str]]) -> int:
    """How wide a terminal must be, when the last column may be wrapped but not squeezed."""
    *fixed, last = zip(names, *table, strict=True)
    least = max(min(_widest(last), NARROWEST), _least(last))
    return sum(_widest(one) + len(GAP) for one in fixed) + least


def _widest(column: Sequence[str]) -> int:
    return max(map(len, column))


def _least(column: Sequence[str]) -> int:
    """How narrow a column can be: a word is not broken, nor a short cell or one of numbers."""
    whole = (
        len(cell)
        if len(cell) <= SHORT or not any(map(str.isalpha, cell))
        else max(map(len, cell.split()), default=0)
        for cell in column
    )
    return max(whole)


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)


def _parts(columns: list[tuple[str, ...]], width: int | None) -> Iterator[list[tuple[str, ...]]]:
    """The columns, in as many tables as they need; each has the first column."""
    first, *others = columns
    part = [first]
    for column in others:
        needed = _total([_least(one) for one in (*part, column)])
        if width is not None and needed > width and len(part) > 1:
            yield part
            part = [first]
        part.append(column)
    yield part


def _squeezed(columns: list[tuple[str, ...]], width: int | None) -> list[int]:
    """The widths of columns, made as narrow as the terminal asks for: those with the longest texts
    first.
    """
    widths = [_widest(column) for column in columns]
    if width is None:
        return widths
    spare = [size - _least(column) for size, column in zip(widths, columns, strict=True)]
    for at in sorted(range(len(widths)), key=lambda at: -spare[at]):
        widths[at] -= max(0, min(spare[at], _total(widths) - width))
    return widths


def _lines(row: Sequence[str], widths: Sequence[int], short: bool) -> Iterator[str]:
    """A row as lines: as many as its longest cell is wrapped into."""
    cells = [_wrapped(cell, size) for cell, size in zip(row, widths, strict=True)]
    if short and len(cells[-1]) > 1:
        cells[-1] = [textwrap.shorten(row[-1], widths[-1], placeholder=MARK)]
    for parts in itertools.zip_longest(*cells, fillvalue=""):
        padded = (part.ljust(size) for part, size in zip(parts, widths, strict=True))
        yield GAP.join(padded).rstrip()


def print_card(text: str) -> None:
    """Print a model card. In a terminal its tables stand in columns and its lines are wrapped; a
    long command in a block of code goes on after a backslash, so that it can still be copied.
    """
    width = terminal_width()
    in_code = False
    table: list[list[str]] = []
    for line in [*map(printable, text.splitlines()), ""]:
        in_code ^= line.startswith("```")
        if width is not None and not in_code and line.startswith("|"):
            table.append([cell.strip() for cell in line.strip().strip("|").split("|")])
            continue
        if table:
            _print_markdown_table(table)
            table = []
        if in_code and width is not None and line.startswith(("zoo ", "pip ")):
            click.echo(" \\\n    ".join(_wrapped(line, width - 6)))
        elif in_code:
            click.echo(line)
        else:
            print_text(line, indent=2 if line.startswith("- ") else 0)


def _print_markdown_table(rows: list[list[str]]) -> None:
    """Print the rows of a Markdown table as columns; rows of unlike length are made alike."""
    most = max(map(len, rows))
    header, *others = [[*row, *[""] * (most - len(row))] for row in rows]
    print_table(header, [row for row in others if "".join(row).strip("-: ")])
