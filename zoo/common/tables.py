"""Tables of text: for a terminal, for a notebook (HTML), for papers (Markdown and LaTeX)."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from zoo.common import files
from zoo.common.text import printable

LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "±": r"$\pm$",
        "↑": r"$\uparrow$",
        "↓": r"$\downarrow$",
        "−": "$-$",
        "–": "--",
    }
)

Rows = Sequence[Sequence[str]]


def plain(headers: Sequence[str], rows: Rows) -> str:
    """Columns of text, two spaces apart, for a terminal. Control characters are replaced."""
    lines = [[printable(cell) for cell in row] for row in (headers, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def as_html(headers: Sequence[str], rows: Rows) -> str:
    """An HTML table, for `_repr_html_`. Every cell is escaped."""
    import html  # which holds the names of 2,000 characters

    def line(cells: Sequence[str], tag: str) -> str:
        escaped = "".join(f"<{tag}>{html.escape(printable(cell))}</{tag}>" for cell in cells)
        return f"<tr>{escaped}</tr>"

    body = "".join(line(row, "td") for row in rows)
    return f"<table><thead>{line(headers, 'th')}</thead><tbody>{body}</tbody></table>"


def as_markdown(headers: Sequence[str], rows: Rows) -> str:
    """A Markdown table."""

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(printable(cell).replace("|", r"\|") for cell in cells) + " |"

    return "\n".join([line(headers), "|---" * len(headers) + "|", *map(line, rows)])


def as_latex(headers: Sequence[str], rows: Rows) -> str:
    """A LaTeX `tabular`, in the style of the package booktabs."""

    def line(cells: Sequence[str]) -> str:
        return " & ".join(printable(cell).translate(LATEX) for cell in cells) + r" \\"

    columns = "l" + "r" * (len(headers) - 1)
    return "\n".join(
        [
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            line(headers),
            r"\midrule",
            *map(line, rows),
            r"\bottomrule",
            r"\end{tabular}",
        ]
    )


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Records as CSV, a line each below the names of their fields, with all digits."""
    import csv
    import io

    names = list(dict.fromkeys(name for row in rows for name in row))
    written = io.StringIO()
    writer = csv.DictWriter(written, names, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _csv_cell(value) for name, value in row.items()})
    return written.getvalue()


def _csv_cell(value: Any) -> Any:
    """A value as one cell: the entries of a list stand beside each other."""
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    # a spreadsheet takes a text that begins so for a formula, and runs it
    if isinstance(value, str) and value.startswith(("=", "+", "@", "\t", "\r")):
        return f"'{value}"
    return value


class Table(ABC):
    """What prints as a table, in a terminal and in a notebook, and becomes text for papers."""

    @property
    @abstractmethod
    def headers(self) -> Sequence[str]:
        """The head of the table."""

    @abstractmethod
    def cells(self) -> list[tuple[str, ...]]:
        """The table without its head."""

    @property
    @abstractmethod
    def rows(self) -> list[dict[str, Any]]:
        """Dicts as `pandas.DataFrame(rows)` takes them."""

    def to_csv(self) -> str:
        """The `rows` as CSV, with all digits."""
        return as_csv(self.rows)

    def to_markdown(self) -> str:
        """The table as Markdown."""
        return as_markdown(self.headers, self.cells())

    def to_latex(self) -> str:
        """The table as LaTeX, in the style of the package booktabs."""
        return as_latex(self.headers, self.cells())

    def __repr__(self) -> str:
        return plain(self.headers, self.cells())

    def _repr_html_(self) -> str:
        return as_html(self.headers, self.cells())


class Listing(list[dict[str, Any]]):
    """Records that show themselves as a table, in a terminal and in a notebook.

    **Arguments:**
    - `records`: dicts with the same keys.
    - `columns`: the keys that the table shows, in their order; all unless given.
    """

    def __init__(
        self, records: Sequence[dict[str, Any]] = (), columns: Sequence[str] | None = None
    ) -> None:
        super().__init__(records)
        self.columns = columns

    def to_csv(self) -> str:
        """All fields of the records as CSV."""
        return as_csv(self)

    def to_markdown(self) -> str:
        """The table as Markdown."""
        return as_markdown(*self._table()) if self else ""

    def to_latex(self) -> str:
        """The table as LaTeX, in the style of the package booktabs."""
        return as_latex(*self._table()) if self else ""

    def __repr__(self) -> str:
        return plain(*self._table()) if self else "Nothing is listed."

    def _repr_html_(self) -> str:
        return as_html(*self._table()) if self else "<p>Nothing is listed.</p>"

    def _table(self) -> tuple[list[str], list[list[str]]]:
        columns = list(self[0] if self.columns is None else self.columns)
        rows = [[_cell(column, record.get(column)) for column in columns] for record in self]
        return [column.upper() for column in columns], rows


def _cell(column: str, value: Any) -> str:
    if value is None or (column in ("size", "parameters") and not value):
        return ""
    if column == "size":
        return files.readable_size(value)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)
