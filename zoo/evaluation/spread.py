"""Results over seeds: checkpoints that differ by one field alone, as mean and deviation."""

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.checkpoints import Evaluation, Folder
from zoo.common import tables
from zoo.common.errors import ConfigError, did_you_mean
from zoo.evaluation.tables import NOTHING, Comparison

# of a checkpoint's facts: what tells it from others besides its config and its recipe
TELLING = ("dataset", "seed", "frozen")


class Spread(tables.Table):
    """The results of groups of checkpoints: the mean of each over one field, and its deviation.

    **Arguments:**
    - `comparison`: the results of all checkpoints.
    - `groups`: the names of the checkpoints of each group.
    - `field`: by which those of a group differ, such as "seed".
    """

    def __init__(
        self, comparison: Comparison, groups: Mapping[str, Sequence[str]], field: str
    ) -> None:
        self.comparison, self.field = comparison, field
        self.groups = {label: tuple(names) for label, names in groups.items()}

    @property
    def headers(self) -> tuple[str, ...]:
        """The head of the table."""
        return ("METRIC", *self.groups, "FLOOR")

    @property
    def columns(self) -> Mapping[str, Sequence[Evaluation]]:
        """The results of each checkpoint, by its name."""
        return self.comparison.columns

    @property
    def picture(self) -> Path | None:
        """The file that shows samples of each; None when none was made."""
        return self.comparison.picture

    @property
    def seed(self) -> int:
        """Of those samples."""
        return self.comparison.seed

    def conditions(self) -> list[str]:
        """How the numbers were measured, in words, each condition once."""
        return self.comparison.conditions()

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One dict for each metric of each group: its mean, the deviation of one checkpoint (of
        n − 1), and the root mean square of the errors of the measurements.
        """
        rows = []
        for row in self.comparison.beside:
            for label, found in self._by_group(row).items():
                values = [one.value for one in found]
                rows.append(
                    {
                        "group": label,
                        "metric": found[0].metric,
                        "title": found[0].title,
                        "n": len(found),
                        "mean": statistics.fmean(values),
                        "deviation": statistics.stdev(values) if len(values) > 1 else None,
                        "error": _error(found),
                        "unit": found[0].unit,
                        "floor": found[0].floor,
                        "values": values,
                    }
                )
        return rows

    def cells(self) -> list[tuple[str, ...]]:
        """The table without its head: a row for each metric, a column for each group."""
        cells = []
        for row in self.comparison.beside:
            title = next(iter(row.values())).title
            floor = next((one.floor_text for one in row.values() if one.floor_text), "")
            found = self._by_group(row)
            texts = (_text(found[label]) if label in found else NOTHING for label in self.groups)
            cells.append((title, *texts, floor))
        return cells

    def _by_group(self, row: Mapping[str, Evaluation]) -> dict[str, list[Evaluation]]:
        found = {
            label: [row[name] for name in names if name in row]
            for label, names in self.groups.items()
        }
        return {label: results for label, results in found.items() if results}


def grouped(folders: Mapping[str, Folder], field: str) -> dict[str, list[str]]:
    """The names of checkpoints that differ by a field alone, by what the group is called.

    **Arguments:**
    - `folders`: the checkpoints by name.
    - `field`: "seed", or a field of the config or the recipe.

    **Raises:** `ConfigError` when a checkpoint does not say the field, or no two differ by it
    alone."""
    groups: dict[str, list[str]] = {}
    labels: dict[str, set[str]] = {}
    for name, folder in folders.items():
        told = _told(folder)
        if field not in told:
            raise ConfigError(
                f"{name} does not say its {field!r}.{did_you_mean(field, sorted(told))} Compare "
                "over seed, or over a field of the config or the recipe."
            )
        value = told.pop(field)
        key = json.dumps(told, sort_keys=True, default=str)
        groups.setdefault(key, []).append(name)
        labels.setdefault(key, set()).add(_without(name, field, value))
    if max(map(len, groups.values())) < 2:
        raise ConfigError(f"No two of these checkpoints differ by {field} alone.")
    found: dict[str, list[str]] = {}
    for key, names in groups.items():
        called = labels[key]
        label = called.pop() if len(called) == 1 else f"{names[0]} …"
        found[names[0] if label in found else label] = names
    return found


def _told(folder: Folder) -> dict[str, Any]:
    """All that tells one checkpoint from another: its model, config, recipe, data and parent."""
    facts = folder.facts
    recipe, parent = facts.get("recipe", {}), facts.get("parent") or {}
    told = {"model": folder.model, "parent": parent.get("sha256"), **folder.config["config"]}
    told |= recipe if isinstance(recipe, dict) else {}
    return told | {key: facts[key] for key in TELLING if key in facts}


def _without(name: str, field: str, value: Any) -> str:
    """A name without the part that says a field."""
    return name.replace(f"-{field}-{str(value).lower()}", "")


def _error(found: Sequence[Evaluation]) -> float | None:
    errors = [one.standard_error for one in found]
    known = [error for error in errors if error is not None]
    if not known:
        return None
    return math.sqrt(statistics.fmean(error**2 for error in known))


def _text(found: Sequence[Evaluation]) -> str:
    """Mean, deviation over the field, and the error of each measurement, to two digits of the
    smaller.
    """
    mean = statistics.fmean(one.value for one in found)
    if len(found) == 1:
        return f"{found[0].text} (1)"
    deviation, error = statistics.stdev(one.value for one in found), _error(found)
    least = min(filter(None, (deviation, error)), default=0.0)
    digits = min(max(1 - math.floor(math.log10(least)), 0), 8) if least else 3
    each = f", each ± {error:.{digits}f}" if error else ""
    return f"{mean:.{digits}f} ± {deviation:.{digits}f} ({len(found)}{each})"
