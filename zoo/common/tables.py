"""Tables of text: for a terminal, for a notebook (HTML), for papers (Markdown and LaTeX)."""

from collections.abc import Sequence
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
