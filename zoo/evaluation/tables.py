"""Results as tables: those of one checkpoint, and those of several side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.checkpoints import SEED, Evaluation, side_by_side
from zoo.common import tables

NOTHING = "–"


class Evaluations(list[Evaluation], tables.Table):
    """The results of one checkpoint: a list of records that prints as a table, in a notebook too.

    `pandas.DataFrame(results.rows)` makes a data frame of it.
    """

    HEADERS = ("METRIC", "VALUE", "FLOOR", "UNIT")

    __repr__ = tables.Table.__repr__

    @property
    def headers(self) -> tuple[str, ...]:
        """The head of the table."""
        return self.HEADERS

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One dict for each number: the metric in words ("title"), and all fields of
        `Evaluation`.
        """
        return [{"title": one.title, **one.to_dict()} for one in self]

    def cells(self) -> list[tuple[str, ...]]:
        """The table without its head: metric, value with its error, floor, unit."""
        return [(one.title, one.text, one.floor_text, one.unit) for one in self]


class Comparison(tables.Table):
    """The results of several checkpoints side by side. It prints as a table, in a notebook too.

    **Arguments:**
    - `columns`: the results of each checkpoint, by its name.
    - `picture`: the file that shows samples of each; None when none was made.
    - `seed`: of those samples, and of what was measured for this comparison.

    **Raises:** `ConfigError` when two results that belong in one row were not measured alike.
    """

    def __init__(
        self,
        columns: Mapping[str, Sequence[Evaluation]],
        picture: Path | None = None,
        seed: int = SEED,
    ) -> None:
        self.columns = {name: Evaluations(results) for name, results in columns.items()}
        self.picture = picture
        self.seed = seed
        self.beside = side_by_side(columns)

    @property
    def checkpoints(self) -> tuple[str, ...]:
        """The names of the checkpoints, in the order of the columns."""
        return tuple(self.columns)

    @property
    def headers(self) -> tuple[str, ...]:
        """The head of the table."""
        return ("METRIC", *self.columns, "FLOOR")

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One dict for each number, as `pandas.DataFrame(comparison.rows)` takes them: the
        checkpoint's name, the metric in words ("title"), and all fields of `Evaluation`.
        """
        return [
            {"checkpoint": name, "title": one.title, **one.to_dict()}
            for row in self.beside
            for name, one in row.items()
        ]

    def cells(self) -> list[tuple[str, ...]]:
        """The table without its head: a row for each metric, a column for each checkpoint."""
        cells = []
        for row in self.beside:
            title = next(iter(row.values())).title
            floor = next((one.floor_text for one in row.values() if one.floor_text), "")
            values = (row[name].text if name in row else NOTHING for name in self.columns)
            cells.append((title, *values, floor))
        return cells

    def conditions(self) -> list[str]:
        """How the numbers were measured, in words, each condition once."""
        measured = (one for row in self.beside for one in row.values())
        return list(dict.fromkeys(", ".join(one.conditions.values()) for one in measured))
